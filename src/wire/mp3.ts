import * as z from "zod/mini";
import { packPieces, unpackPieces } from "#base/bytes.ts";
import { PART_SAMPLES } from "./quantum.ts";

/**
 * MP3 for old players: 64 kb/s, 48 kHz, one channel (MPEG-1 layer III). Every frame has 192 bytes, so a beat has 7,680.
 * Its beats are counted from the epoch, three parts each, whatever the cuts: a part is 13⅓ frames, so only every third
 * one ends with a frame.
 */
export const MP3_BITRATE_BPS = 64_000;
export const MP3_FRAME_SAMPLES = 1_152;
export const MP3_FRAME_BYTES = 192;
export const MP3_PARTS_PER_BEAT = 3;
export const MP3_BEAT_SAMPLES = MP3_PARTS_PER_BEAT * PART_SAMPLES;
export const MP3_FRAMES_PER_BEAT = MP3_BEAT_SAMPLES / MP3_FRAME_SAMPLES;
export const MP3_BEAT_BYTES = MP3_FRAMES_PER_BEAT * MP3_FRAME_BYTES;

/** A request for MP3 keeps it wanted this long; unrepeated, the encoder stops. Nobody needs to take it back. */
export const MP3_WANTED_MS = 15_000;
/** Beats that broadcast and edges keep: 31 s, 246 KB. */
export const MP3_BEATS_MAX = 32;

/** The samples from `beat` × MP3_BEAT_SAMPLES on. */
export type Mp3Beat = {
	readonly interviewId: string;
	/** Beats from the epoch: it holds the parts 3 × beat up to 3 × beat + 2. */
	readonly beat: number;
	/** Whole frames; MP3_BEAT_BYTES, or fewer in the last beat before *End*. */
	readonly bytes: Buffer;
};

const head = z.object({ interviewId: z.string(), beat: z.number() });

export function encodeMp3Beat({ interviewId, beat, bytes }: Mp3Beat): Buffer {
	return packPieces({ interviewId, beat }, [bytes]);
}

/** Copies out of `message`, so the result may be kept. @throws when it is no beat: that is our bug. */
export function decodeMp3Beat(message: Uint8Array): Mp3Beat {
	const { json, pieces } = unpackPieces(new Uint8Array(message));
	if (!pieces[0]) throw new RangeError("Cannot read a beat of MP3: it has no bytes");
	return { ...head.parse(json), bytes: pieces[0] };
}

/** What an edge asks: the beat it needs next, if it has listeners who heard the one before. */
export const mp3Wish = z.object({ fromBeat: z.nullable(z.number()) });
export type Mp3Wish = z.infer<typeof mp3Wish>;

/** A wish for `recording.mp3` is answered at the latest after this: whoever waits gets a short one at once, and the time left of a long one. */
export const MP3_HOLD_MS = 4_000;
/** What an edge asks when there is no `recording.mp3`: it is made from the recording then, once. */
export const mp3RecordingWish = z.object({ interviewId: z.string() });
export const mp3RecordingAnswer = z.discriminatedUnion("state", [
	z.object({ state: z.literal("made"), bytes: z.number() }),
	/** Ask again after this. */
	z.object({ state: z.literal("making"), leftMs: z.number() }),
	/** There is no recording to make it from. */
	z.object({ state: z.literal("none") }),
	/** It could not be made, or too much is being made: a wish may be repeated after a minute. */
	z.object({ state: z.literal("refused") }),
]);
export type Mp3RecordingAnswer = z.infer<typeof mp3RecordingAnswer>;
