import { AAC_FRAME_SAMPLES, SAMPLE_RATE_HZ } from "#wire/index.ts";
import { loadBuild, unexpectedPackage } from "./build-file.ts";
import { BroadcastError } from "./errors.ts";
import { AAC_CONFIG } from "./fmp4.ts";

/** What the package's C bridge exports (`src/bridge.c` in it). Pointers are numbers. */
type Bridge = {
	readonly HEAPU8: Uint8Array;
	_init_encoder(channels: number, sampleRateHz: number, bitrateBps: number): number;
	_get_encoder_frame_size(context: number): number;
	_get_encoder_extradata(context: number): number;
	_get_encoder_extradata_size(context: number): number;
	_get_encode_input_ptr(context: number, bytes: number): number;
	_send_frame(context: number, pts: bigint): number;
	_receive_packet(context: number): number;
	_get_encoded_data(context: number): number;
	_close_encoder(context: number): void;
};

const PACKAGE = "@mediabunny/aac-encoder";
/** From the package's entry to its compiled encoder, which the entry otherwise runs in a thread behind mediabunny. */
const BUILD_FROM_ENTRY = "../modules/build/aac.js";

/**
 * AAC-LC by FFmpeg's encoder in WebAssembly (`@mediabunny/aac-encoder`), one channel, called directly.
 *
 * Not through mediabunny, as it waits for its encoder's thread once per frame of 21 ms: on a busy machine two
 * changes of thread take longer than that, and the sound falls behind for good. A call takes 0.3 ms; it also saves a
 * thread's 30 MB and 0.1 s at the start.
 */
export class AacEncoder implements Disposable {
	readonly #bridge: Bridge;
	readonly #context: number;
	#sentSamples = 0n;

	/** @throws BroadcastError when the package is not the one in package.json. */
	static async open(bitrateBps: number): Promise<AacEncoder> {
		const bridge = await loadBuild<Bridge>(PACKAGE, BUILD_FROM_ENTRY);
		const context = bridge._init_encoder(1, SAMPLE_RATE_HZ, bitrateBps);
		if (context === 0) throw new BroadcastError("encoder_failed", "Cannot begin to encode AAC: FFmpeg gave no encoder");
		const at = bridge._get_encoder_extradata(context);
		const config = Buffer.from(bridge.HEAPU8.slice(at, at + bridge._get_encoder_extradata_size(context)));
		const frameSamples = bridge._get_encoder_frame_size(context);
		if (frameSamples !== AAC_FRAME_SAMPLES || !config.equals(AAC_CONFIG)) {
			throw unexpectedPackage(
				PACKAGE,
				`it must encode frames of ${AAC_FRAME_SAMPLES} samples as ${Buffer.from(AAC_CONFIG).toString("hex")}: it encodes ${frameSamples} as ${config.toString("hex")}`,
			);
		}
		return new AacEncoder(bridge, context);
	}

	private constructor(bridge: Bridge, context: number) {
		this.#bridge = bridge;
		this.#context = context;
	}

	/**
	 * Takes the next AAC_FRAME_SAMPLES samples. The first packet comes with the second frame and only primes the
	 * decoder; the one that comes with frame n + 2 decodes to frame n.
	 *
	 * @throws BroadcastError when the encoder fails, which leaves its stream of packets unusable.
	 */
	encode(samples: Float32Array): Uint8Array | undefined {
		const bridge = this.#bridge;
		const input = bridge._get_encode_input_ptr(this.#context, samples.byteLength);
		if (input === 0) throw new BroadcastError("encoder_failed", "Cannot encode AAC as its memory is full");
		// HEAPU8 is another array whenever the memory has grown: it is read afresh each time.
		bridge.HEAPU8.set(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength), input);
		const code = bridge._send_frame(this.#context, this.#sentSamples);
		if (code < 0) throw encodingFailed(code);
		this.#sentSamples += BigInt(AAC_FRAME_SAMPLES);
		const bytes = bridge._receive_packet(this.#context);
		if (bytes < 0) throw encodingFailed(bytes);
		if (bytes === 0) return undefined;
		const at = bridge._get_encoded_data(this.#context);
		return bridge.HEAPU8.slice(at, at + bytes);
	}

	[Symbol.dispose](): void {
		this.#bridge._close_encoder(this.#context);
	}
}

/** @param code an AVERROR: negative, of FFmpeg. */
function encodingFailed(code: number): BroadcastError {
	return new BroadcastError("encoder_failed", `Cannot encode AAC: FFmpeg says ${code}`);
}
