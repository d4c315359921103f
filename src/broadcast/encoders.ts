import { Application, createEncoder, type OpusEncoderHandle, Signal } from "libopus-wasm";
import {
	AAC_FRAME_SAMPLES,
	AAC_FRAMES_PER_PART,
	FRAME_SAMPLES,
	OPUS_FRAMES_PER_PART,
	SAMPLE_RATE_HZ,
	type TrackName,
} from "#wire/index.ts";
import { AacEncoder } from "./aac.ts";
import { AAC_PRIMING_FRAMES, OPUS_LOOKAHEAD_SAMPLES, OPUS_PACKET_BYTES_MAX } from "./config.ts";
import { BroadcastError } from "./errors.ts";

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
	/** Takes the next FRAME_SAMPLES samples; whatever packets they complete are given out before it returns. */
	push(samples: Float32Array): void;
} & Disposable;

/** Frames of 20 ms after a part's last sample until all its packets are out: two AAC frames. */
export const FLUSH_FRAMES = 3;

/** Loads both codecs side by side. @throws BroadcastError when they are not what package.json names. */
export async function openEncoders(): Promise<Encoders> {
	const [aac, opus48, opus24] = await Promise.all([
		AacEncoder.open(CODEC_BITRATE_BPS.aac64),
		// At 48 kb/s the waveform coder (CELT) is as good for speech, exact to the sample, and costs a third.
		openOpus(CODEC_BITRATE_BPS.opus48, Signal.Music),
		// At 24 kb/s speech needs SILK below 8 kHz, whose phase moves it by up to 2 samples (42 µs).
		openOpus(CODEC_BITRATE_BPS.opus24, Signal.Auto),
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
	/** Samples that wait for an AAC frame to be full. */
	const gathered = new Float32Array(AAC_FRAME_SAMPLES);
	let gatheredCount = 0;

	const give = (track: TrackName, frameIndex: number, bytes: Uint8Array, first: number) => {
		if (frameIndex >= first) onPacket({ track, frameIndex, bytes });
	};
	const pushAac = (samples: Float32Array) => {
		const fitting = samples.subarray(0, AAC_FRAME_SAMPLES - gatheredCount);
		gathered.set(fitting, gatheredCount);
		gatheredCount += fitting.length;
		if (gatheredCount < AAC_FRAME_SAMPLES) return;
		const bytes = aac.encode(gathered);
		if (bytes) give("aac64", aacFrame++, bytes, firstAacFrame);
		gathered.set(samples.subarray(fitting.length));
		gatheredCount = samples.length - fitting.length;
	};
	return {
		begin(fromPart, on) {
			onPacket = on;
			firstOpusFrame = fromPart * OPUS_FRAMES_PER_PART;
			firstAacFrame = fromPart * AAC_FRAMES_PER_PART;
			opusFrame = firstOpusFrame - OPUS_FRAMES_PER_PART;
			aacFrame = firstAacFrame - AAC_FRAMES_PER_PART - AAC_PRIMING_FRAMES;
		},
		push(samples) {
			pushAac(samples);
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
		[Symbol.dispose]() {
			opus48.free();
			opus24.free();
			aac[Symbol.dispose]();
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
