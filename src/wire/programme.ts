import * as z from "zod/mini";
import { PART_SAMPLES, PARTS_PER_SEGMENT, SAMPLE_RATE_HZ } from "./quantum.ts";

export const TRACK_NAMES = ["opus48", "opus24", "aac64"] as const;
export type TrackName = (typeof TRACK_NAMES)[number];

const track = z.object({
	/** RFC 6381 codecs parameter: `opus` or `mp4a.40.2`. */
	codecs: z.string(),
	/** What it needs at most over any segment, boxes included: the BANDWIDTH of HLS (RFC 8216 §4.3.4.2). */
	bitrateBps: z.number(),
	/** ftyp + moov, base64. */
	init: z.base64(),
	/** The two Ogg header pages (RFC 7845 §3), base64; Opus tracks only. */
	oggHead: z.optional(z.base64()),
});

const gap = z.object({
	fromPart: z.number(),
	/** Exclusive. */
	toPart: z.number(),
	cause: z.enum(["broadcast_restarted", "platform_stopped", "disk_full"]),
});

/**
 * What is true of a programme as a whole: stored as `programme.json` beside its segments, published at each
 * change. Broadcast owns it. Everything about segments follows from `cuts`: see `segmentsBetween`.
 */
export const programmeTimeline = z.object({
	version: z.literal(1),
	interviewId: z.string(),
	/** Goes into the URL of every segment, so that a deleted and re-announced interview shares no URL with the old. */
	pathKey: z.string(),
	/** Wall time of sample 0. */
	epochUnixMs: z.number(),
	tracks: z.object({ opus48: track, opus24: track, aac64: track }),
	/** Parts at which a segment begins out of step, ascending: 0, then *on air*. A segment ends after 12 parts, before a cut, or at `endPart`. */
	cuts: z.array(z.number()),
	onAirPart: z.nullable(z.number()),
	/** Exclusive. Set once by *End*. */
	endPart: z.nullable(z.number()),
	gaps: z.array(gap),
	/** Present once the finished files exist. */
	recording: z.nullable(z.object({ m4aBytes: z.number(), oggBytes: z.number(), durationMs: z.number() })),
});
export type ProgrammeTimeline = z.infer<typeof programmeTimeline>;
export type ProgrammeGap = z.infer<typeof gap>;

export type SegmentSpan = { readonly sequence: number; readonly firstPart: number; readonly partCount: number };

/** The segment holding `part`. Its `partCount` is that of the whole segment unless `endPart` or a later cut shortens it. */
export function segmentOf(timeline: Pick<ProgrammeTimeline, "cuts" | "endPart">, part: number): SegmentSpan {
	let sequence = 0;
	for (let i = 0; i < timeline.cuts.length; i += 1) {
		const from = timeline.cuts[i] as number;
		const to = timeline.cuts[i + 1] ?? timeline.endPart ?? Number.POSITIVE_INFINITY;
		if (part >= to && to !== timeline.endPart) {
			sequence += Math.ceil((to - from) / PARTS_PER_SEGMENT);
			continue;
		}
		const nth = Math.floor((part - from) / PARTS_PER_SEGMENT);
		const firstPart = from + nth * PARTS_PER_SEGMENT;
		return { sequence: sequence + nth, firstPart, partCount: Math.min(PARTS_PER_SEGMENT, to - firstPart) };
	}
	throw new RangeError(`Cannot find the segment of part ${part} as the timeline has no cut at or before it`);
}

/** The segments that hold the parts from `fromPart` up to `toPart` (exclusive); `fromPart` must begin one. */
export function segmentsBetween(
	timeline: Pick<ProgrammeTimeline, "cuts" | "endPart">,
	fromPart: number,
	toPart: number,
): SegmentSpan[] {
	const spans: SegmentSpan[] = [];
	for (let part = fromPart; part < toPart; ) {
		const span = segmentOf(timeline, part);
		spans.push(span);
		part = span.firstPart + span.partCount;
	}
	return spans;
}

/** What all object keys of an interview begin with. */
export const interviewPrefix = (interviewId: string) => `interviews/${interviewId}`;

/** Object key of one segment. */
export function segmentKey(interviewId: string, track: TrackName, sequence: number): string {
	return `interviews/${interviewId}/${track}/${String(sequence).padStart(8, "0")}.m4s`;
}
export const timelineKey = (interviewId: string) => `interviews/${interviewId}/programme.json`;
export const recordingKey = (interviewId: string, extension: "m4a" | "ogg" | "mp3") =>
	`interviews/${interviewId}/recording.${extension}`;

export function partUnixMs(timeline: Pick<ProgrammeTimeline, "epochUnixMs">, part: number): number {
	return timeline.epochUnixMs + (part * PART_SAMPLES * 1000) / SAMPLE_RATE_HZ;
}
