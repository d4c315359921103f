/** Opus by libopus in WebAssembly. The only file that knows the codec's package. */
import { Application, createDecoder, createEncoder, DecoderCtl, EncoderCtl, Signal } from "libopus-wasm";
import { FRAME_SAMPLES } from "#wire/index.ts";
import { RETURN_BITS_PER_S, RETURN_COMPLEXITY, RETURN_FEC_BITS_PER_S } from "./config.ts";

/** Packets to mono floats at 48 kHz. Must be disposed: its memory is outside the collector's reach. */
export type OpusDecoder = Disposable & {
	/** Stereo comes out as the mean of both channels. @throws when the packet is not Opus. */
	decode(packet: Uint8Array): Float32Array;
	/** What the packet before `packet` sounded like; Opus falls back to concealment when it holds no copy. @param samples a multiple of 120 up to 5,760. */
	decodeFec(packet: Uint8Array, samples: number): Float32Array;
	/** Goes on as the voice might have, fading. @param samples a multiple of 120 up to 5,760. */
	conceal(samples: number): Float32Array;
};

export async function createOpusDecoder(): Promise<OpusDecoder> {
	const handle = await createDecoder({ channels: 1 });
	// A stereo sender that codes one side as the other's inverse would cancel itself in mono (RFC 8251 §10).
	handle.decoderCtl(DecoderCtl.SetPhaseInversionDisabled, 1);
	return {
		decode: (packet) => handle.decodeFloat(packet),
		decodeFec: (packet, samples) => handle.decodeFloat(packet, { decodeFec: true, frameSize: samples }),
		conceal: (samples) => handle.decodePacketLossFloat(samples),
		[Symbol.dispose]: () => handle.free(),
	};
}

/** Mono frames of 20 ms to packets. Must be disposed. */
export type OpusEncoder = Disposable & {
	/** @param fresh true when the listener's decoder did not hear this encoder's previous frame: the packet then leans on nothing before it. */
	encode(frame: Float32Array, fresh: boolean): Uint8Array;
	/** How much loss the copies should be made for. Ignored by an encoder without error correction. */
	setLossShare(share: number): void;
};

/** @param fec SILK with in-band error correction, for feeds that lose packets; else CELT, which costs a quarter. */
export async function createReturnEncoder(fec: boolean): Promise<OpusEncoder> {
	const handle = await createEncoder({
		channels: 1,
		frameSize: FRAME_SAMPLES,
		complexity: RETURN_COMPLEXITY,
		signal: Signal.Voice,
		...(fec
			? { application: Application.Voip, bitrate: RETURN_FEC_BITS_PER_S, fec: true, packetLossPercent: 10 }
			: { application: Application.Audio, bitrate: RETURN_BITS_PER_S }),
	});
	let independent = false;
	return {
		encode(frame, fresh) {
			if (fresh !== independent) {
				handle.encoderCtl(EncoderCtl.SetPredictionDisabled, fresh ? 1 : 0);
				independent = fresh;
			}
			return handle.encodeFloat(frame);
		},
		setLossShare(share) {
			if (fec) handle.setPacketLossPercent(Math.min(30, Math.max(5, Math.round(100 * share))));
		},
		[Symbol.dispose]: () => handle.free(),
	};
}
