import { MP3_BITRATE_BPS, MP3_FRAME_BYTES, SAMPLE_RATE_HZ } from "#wire/index.ts";
import { loadBuild } from "./build-file.ts";
import { BroadcastError } from "./errors.ts";

/** What the package's C bridge exports (`src/lame-bridge.c` in it). Pointers are numbers. */
type Bridge = {
	readonly HEAPU8: Uint8Array;
	_init_lame(channels: number, sampleRateHz: number, bitrateBps: number): number;
	_encode_samples(lame: number, left: number, right: number, count: number, out: number, outBytes: number): number;
	_flush_lame(lame: number, out: number, outBytes: number): number;
	_close_lame(lame: number): void;
	_malloc(bytes: number): number;
	_free(pointer: number): void;
};

/** Samples in one call at most: what 20 ms bring, and what is caught up with at a time. */
export const MP3_SAMPLES_MAX = 1_152;
/** LAME's own rule for how much one call may give (lame.h): 1.25 × samples + 7,200. */
const OUT_BYTES = Math.ceil(1.25 * MP3_SAMPLES_MAX) + 7_200;
/** LAME delays by this. */
export const MP3_ENCODER_DELAY_SAMPLES = 576;
/** What a decoder adds to that (the filter bank's 528 and one): frame n + 1 decodes to what begins 1,105 − 1,152 samples after frame n. */
export const MP3_DELAY_SAMPLES = MP3_ENCODER_DELAY_SAMPLES + 529;
/** MPEG-1 layer III, no CRC; 64 kb/s, 48 kHz, no padding; one channel: the same for every frame (ISO/IEC 11172-3 §2.4.1.3), but for the last bits. */
export const FRAME_HEAD = Uint8Array.of(0xff, 0xfb, 0x54, 0xc0);

/**
 * MP3 by LAME in WebAssembly (`@mediabunny/mp3-encoder`), one channel, 64 kb/s, called directly in the tick as AAC is:
 * a call with 20 ms takes some 0.2 ms.
 *
 * A frame may keep its data in the frames before it (the bit reservoir), so it is complete, and given out, some frames
 * later. The package has no way to forbid that: whoever joins hears its first one to four frames as silence.
 */
export class Mp3Encoder implements Disposable {
	readonly #bridge: Bridge;
	readonly #lame: number;
	readonly #in: number;
	readonly #out: number;
	/** The beginning of a frame that is not complete yet. */
	#rest: Buffer = Buffer.alloc(0);

	/** @throws BroadcastError when the package is not the one in package.json. */
	static async open(): Promise<Mp3Encoder> {
		const bridge = await loadBuild<Bridge>("@mediabunny/mp3-encoder", "../modules/build/lame.js");
		const lame = bridge._init_lame(1, SAMPLE_RATE_HZ, MP3_BITRATE_BPS);
		const [input, output] = [bridge._malloc(2 * MP3_SAMPLES_MAX), bridge._malloc(OUT_BYTES)];
		if (lame === 0 || input === 0 || output === 0) {
			throw new BroadcastError("encoder_failed", "Cannot begin to encode MP3: LAME gave no encoder");
		}
		return new Mp3Encoder(bridge, lame, input, output);
	}

	private constructor(bridge: Bridge, lame: number, input: number, output: number) {
		this.#bridge = bridge;
		this.#lame = lame;
		this.#in = input;
		this.#out = output;
	}

	/** Takes samples, at most MP3_SAMPLES_MAX of full scale ± 32,767. @returns the frames that became complete. @throws BroadcastError when LAME fails. */
	encode(samples: Int16Array): Buffer[] {
		const { HEAPU8 } = this.#bridge;
		HEAPU8.set(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength), this.#in);
		return this.#took(
			this.#bridge._encode_samples(this.#lame, this.#in, this.#in, samples.length, this.#out, OUT_BYTES),
		);
	}

	/** The frames that are left, the last filled up with silence. Nothing can be encoded after this. */
	flush(): Buffer[] {
		return this.#took(this.#bridge._flush_lame(this.#lame, this.#out, OUT_BYTES));
	}

	[Symbol.dispose](): void {
		this.#bridge._close_lame(this.#lame);
		this.#bridge._free(this.#in);
		this.#bridge._free(this.#out);
	}

	#took(bytes: number): Buffer[] {
		if (bytes < 0) throw new BroadcastError("encoder_failed", `Cannot encode MP3: LAME says ${bytes}`);
		const whole = Buffer.concat([this.#rest, this.#bridge.HEAPU8.subarray(this.#out, this.#out + bytes)]);
		const frames: Buffer[] = [];
		let at = 0;
		for (; at + MP3_FRAME_BYTES <= whole.length; at += MP3_FRAME_BYTES) {
			const frame = whole.subarray(at, at + MP3_FRAME_BYTES);
			if (!beginsFrame(frame)) {
				throw new BroadcastError(
					"encoder_unexpected",
					`Cannot use @mediabunny/mp3-encoder as a frame must begin with ${Buffer.from(FRAME_HEAD).toString("hex")}: it begins with ${frame.toString("hex", 0, 4)}`,
				);
			}
			frames.push(frame);
		}
		this.#rest = whole.subarray(at);
		return frames;
	}
}

/** Whether a frame of ours begins here. The low four bits (copyright, original, emphasis) mean nothing to a decoder. */
export function beginsFrame(bytes: Uint8Array): boolean {
	return (
		bytes[0] === FRAME_HEAD[0] &&
		bytes[1] === FRAME_HEAD[1] &&
		bytes[2] === FRAME_HEAD[2] &&
		((bytes[3] ?? 0) & 0xf0) === FRAME_HEAD[3]
	);
}
