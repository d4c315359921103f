import { FRAME_MS, FRAME_SAMPLES } from "./quantum.ts";

/**
 * One mixed 20 ms frame on its way from stage to broadcast.
 *
 * `tick` numbers 20 ms slots of the machine's monotonic clock (`floor(monoMs / 20)`), which both processes
 * share; the frame of tick t is what the programme plays in slot t, plus a constant lag.
 */
export type PcmFrame = {
	readonly tick: number;
	/** Speakers on air and connected when it was mixed; 0 means an empty stage, for which broadcast plays hold sound. */
	readonly speakerCount: number;
	/** FRAME_SAMPLES floats, nominally in [-1, 1]; more is allowed, the programme has its own limiter. */
	readonly samples: Float32Array;
};

export const PCM_FRAME_BYTES = 16 + 4 * FRAME_SAMPLES;

export function tickAt(monoMs: number): number {
	return Math.floor(monoMs / FRAME_MS);
}

/** `[tick f64][speakers u32][0 u32][960 × f32]`, little-endian. */
export function encodePcmFrame(frame: PcmFrame): Buffer {
	const out = Buffer.alloc(PCM_FRAME_BYTES);
	out.writeDoubleLE(frame.tick, 0);
	out.writeUInt32LE(frame.speakerCount, 8);
	out.set(new Uint8Array(frame.samples.buffer, frame.samples.byteOffset, 4 * FRAME_SAMPLES), 16);
	return out;
}

/** Copies out of `bytes`. @throws RangeError when the length is not PCM_FRAME_BYTES. */
export function decodePcmFrame(bytes: Buffer): PcmFrame {
	if (bytes.length !== PCM_FRAME_BYTES) {
		throw new RangeError(`Cannot read a PCM frame as it must have ${PCM_FRAME_BYTES} bytes: it has ${bytes.length}`);
	}
	const samples = new Float32Array(FRAME_SAMPLES);
	new Uint8Array(samples.buffer).set(bytes.subarray(16));
	return { tick: bytes.readDoubleLE(0), speakerCount: bytes.readUInt32LE(8), samples };
}
