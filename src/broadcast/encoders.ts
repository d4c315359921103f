import { Application, createEncoder, type OpusEncoderHandle, Signal } from "libopus-wasm";
import {
	AAC_FRAME_SAMPLES,
	AAC_FRAMES_PER_PART,
	FRAME_SAMPLES,
	OPUS_FRAMES_PER_PART,
	SAMPLE_RATE_HZ,
	type TrackName,
} from "#wire/index.ts";
import { AAC_PRIMING_FRAMES, OPUS_LOOKAHEAD_SAMPLES, OPUS_PACKET_BYTES_MAX } from "./config.ts";
import { BroadcastError } from "./errors.ts";
import { AAC_CONFIG } from "./fmp4.ts";

/** One packet and its place: `frameIndex` counts the track's frames from the epoch. */
export type Packet = { readonly track: TrackName; readonly frameIndex: number; readonly bytes: Uint8Array };

export const CODEC_BITRATE_BPS: Record<TrackName, number> = { opus48: 48_000, opus24: 24_000, aac64: 64_000 };

/**
 * Encodes the programme once per track and undoes each encoder's own delay, so that frame n of a track decodes
 * to the samples from n × its length on, in every track alike (24 kb/s: within 2 samples).
 *
 * - Opus comes out OPUS_LOOKAHEAD_SAMPLES late, so it is fed that much ahead; pre-skip is 0.
 * - AAC begins with a packet that only primes the decoder (1,024 samples), so that one is left out.
 */
export type Encoders = {
	/**
	 * Begins at part `fromPart`; sound is expected from one part earlier, on which the encoders warm up: packets
	 * of that part are not given out. Called once.
	 */
	begin(fromPart: number, onPacket: (packet: Packet) => void): void;
	/** Takes the next FRAME_SAMPLES samples, which nobody may change afterwards; packets follow when the codecs have them, AAC's from another thread. */
	push(samples: Float32Array): void;
	[Symbol.asyncDispose](): Promise<void>;
};

/** Feeds needed after a part's last sample until all its packets are out: 2 AAC frames, rounded up to frames of 20 ms. */
export const FLUSH_FRAMES = 4;

/** Loads both codecs side by side: about 0.2 s from a cold start, most of it AAC's thread. @param onFailure AAC's thread failed; the process must go. */
export async function openEncoders(options: { readonly onFailure: (error: unknown) => void }): Promise<Encoders> {
	const [opus48, opus24, aac] = await Promise.all([
		// At 48 kb/s the waveform coder (CELT) is as good for speech, exact to the sample, and costs a third.
		openOpus(CODEC_BITRATE_BPS.opus48, Signal.Music),
		// At 24 kb/s speech needs SILK below 8 kHz, whose phase moves it by up to 2 samples (42 µs).
		openOpus(CODEC_BITRATE_BPS.opus24, Signal.Auto),
		openAac(options.onFailure),
	]);
	let onPacket: (packet: Packet) => void = () => {};
	/** Next frame of each track to come out, counted from the epoch, and the first that is given out. */
	let opusFrame = 0;
	let aacFrame = 0;
	let firstOpusFrame = Number.POSITIVE_INFINITY;
	let firstAacFrame = Number.POSITIVE_INFINITY;
	/** The frame before and the newest: Opus takes what begins its look-ahead into them. */
	const ahead = new Float32Array(2 * FRAME_SAMPLES);
	let primed = false;

	const give = (track: TrackName, frameIndex: number, bytes: Uint8Array, first: number) => {
		if (frameIndex >= first) onPacket({ track, frameIndex, bytes });
	};
	aac.onPacket = (bytes) => {
		give("aac64", aacFrame, bytes, firstAacFrame);
		aacFrame += 1;
	};
	// The thread starts with the first sound it gets: a frame of silence, so that it runs when the programme comes.
	aac.push(new Float32Array(AAC_WARM_UP_FRAMES * AAC_FRAME_SAMPLES));
	return {
		begin(fromPart, on) {
			onPacket = on;
			firstOpusFrame = fromPart * OPUS_FRAMES_PER_PART;
			firstAacFrame = fromPart * AAC_FRAMES_PER_PART;
			opusFrame = firstOpusFrame - OPUS_FRAMES_PER_PART;
			aacFrame = firstAacFrame - AAC_FRAMES_PER_PART - AAC_WARM_UP_FRAMES - AAC_PRIMING_FRAMES;
		},
		push(samples) {
			aac.push(samples);
			ahead.copyWithin(0, FRAME_SAMPLES);
			ahead.set(samples, FRAME_SAMPLES);
			if (primed) {
				const fed = ahead.subarray(OPUS_LOOKAHEAD_SAMPLES, OPUS_LOOKAHEAD_SAMPLES + FRAME_SAMPLES);
				give("opus48", opusFrame, encodeOpus(opus48, fed), firstOpusFrame);
				give("opus24", opusFrame, encodeOpus(opus24, fed), firstOpusFrame);
				opusFrame += 1;
			}
			primed = true;
		},
		async [Symbol.asyncDispose]() {
			opus48.free();
			opus24.free();
			await aac.close();
		},
	};
}

/** 0-10. At 10 the encoders cost a third more than at 7, for a difference few would hear in speech. */
const OPUS_COMPLEXITY = 7;

async function openOpus(bitrateBps: number, signal: Signal): Promise<OpusEncoderHandle> {
	const encoder = await createEncoder({
		channels: 1,
		sampleRate: SAMPLE_RATE_HZ,
		bitrate: bitrateBps,
		application: Application.Audio,
		signal,
		complexity: OPUS_COMPLEXITY,
	});
	const found = encoder.getLookahead();
	if (found !== OPUS_LOOKAHEAD_SAMPLES) {
		throw new BroadcastError(
			"encoder_unexpected",
			`Cannot align Opus with AAC as its look-ahead must be ${OPUS_LOOKAHEAD_SAMPLES} samples: it is ${found}. Pin libopus-wasm to the version in package.json`,
		);
	}
	return encoder;
}

function encodeOpus(encoder: OpusEncoderHandle, samples: Float32Array): Uint8Array {
	return encoder.encodeFloat(samples, { maxPacketBytes: OPUS_PACKET_BYTES_MAX });
}

/** AAC-LC by FFmpeg's encoder, which `@mediabunny/aac-encoder` runs in a thread of its own: the tick never waits for it. */
async function openAac(onFailure: (error: unknown) => void) {
	const [media, aac] = await Promise.all([import("mediabunny"), import("@mediabunny/aac-encoder")]);
	aac.registerAacEncoder();
	const handle = {
		onPacket: (_bytes: Uint8Array) => {},
		push(samples: Float32Array) {
			const sample = new media.AudioSample({
				data: samples,
				format: "f32",
				numberOfChannels: 1,
				sampleRate: SAMPLE_RATE_HZ,
				timestamp: fed / SAMPLE_RATE_HZ,
			});
			fed += samples.length;
			queued += 1;
			if (queued > QUEUED_MAX) {
				onFailure(new BroadcastError("encoder_unexpected", "Cannot go on as the AAC encoder's thread stands still"));
			}
			source.add(sample).then(() => {
				queued -= 1;
				sample.close();
			}, onFailure);
		},
		close: () => output.cancel(),
	};
	let fed = 0;
	let queued = 0;
	const source = new media.AudioSampleSource({
		codec: "aac",
		bitrate: CODEC_BITRATE_BPS.aac64,
		onEncodedPacket(packet, meta) {
			const config = meta?.decoderConfig?.description;
			if (config && !Buffer.from(AAC_CONFIG).equals(asBytes(config))) {
				onFailure(
					new BroadcastError(
						"encoder_unexpected",
						`Cannot describe AAC as its configuration must be ${Buffer.from(AAC_CONFIG).toString("hex")}: it is ${asBytes(config).toString("hex")}. Pin @mediabunny/aac-encoder to the version in package.json`,
					),
				);
			}
			handle.onPacket(packet.data);
		},
	});
	const output = new media.Output({ format: new media.AdtsOutputFormat(), target: new media.NullTarget() });
	output.addAudioTrack(source);
	await output.start();
	return handle;
}

const AAC_WARM_UP_FRAMES = 1;

/** Frames the thread may owe: 30 s. Beyond, it is not coming back. */
const QUEUED_MAX = 1_500;

function asBytes(source: AllowSharedBufferSource): Buffer {
	return ArrayBuffer.isView(source)
		? Buffer.from(source.buffer as ArrayBuffer, source.byteOffset, source.byteLength)
		: Buffer.from(source as ArrayBuffer);
}
