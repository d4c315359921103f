import {
	PART_MS,
	PARTS_PER_SEGMENT,
	type ProgrammeTimeline,
	partUnixMs,
	type SegmentSpan,
	segmentOf,
	TRACK_NAMES,
	type TrackName,
} from "#wire/index.ts";

/** Segments in a live window: 31 s, so that a player three target durations back has as much again to be late. */
export const WINDOW_SEGMENTS = 8;
/** RFC 8216 §4.3.3.1: the longest segment, rounded; 3.84 s. */
const TARGET_DURATION_S = 4;
/** AAC first: the one that every player can play, and players begin with the first. */
const TRACK_ORDER: readonly TrackName[] = ["aac64", "opus48", "opus24"];

export type PlaylistKind = "live" | "whole" | "recording";
export const PLAYLIST_KINDS: readonly PlaylistKind[] = ["live", "whole", "recording"];

export function isTrackName(text: string): text is TrackName {
	return (TRACK_NAMES as readonly string[]).includes(text);
}

/**
 * The multivariant playlist (RFC 8216 §4.3.4): one variant per track, each naming `<track>/<kind>.m3u8`.
 */
export function multivariant(timeline: ProgrammeTimeline, kind: PlaylistKind): string {
	const lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"];
	for (const name of TRACK_ORDER) {
		const { bitrateBps, codecs } = timeline.tracks[name];
		lines.push(`#EXT-X-STREAM-INF:BANDWIDTH=${bitrateBps},CODECS="${codecs}"`);
		lines.push(`${name}/${kind}.m3u8`);
	}
	return `${lines.join("\n")}\n`;
}

/**
 * One track's playlist, as of the newest part before `nextPart`; undefined when that kind does not exist yet.
 *
 * - `live`: the newest WINDOW_SEGMENTS whole segments; ENDLIST once the programme has ended.
 * - `whole`: EVENT, from *on air* on; nothing is ever removed from it.
 * - `recording`: VOD, the same segments once the programme has ended.
 *
 * A part that was lost is silence in its place, so there is nothing to declare a discontinuity for; what the disk
 * could not take is a gap (EXT-X-GAP).
 */
export function mediaPlaylist(
	timeline: ProgrammeTimeline,
	track: TrackName,
	kind: PlaylistKind,
	nextPart: number,
): string | undefined {
	const last = lastWholeSegment(timeline, nextPart);
	const ended = timeline.endPart !== null;
	if (last === undefined || (kind === "recording" && !ended)) return undefined;
	const first =
		kind === "live"
			? Math.max(0, last.sequence - WINDOW_SEGMENTS + 1)
			: timeline.onAirPart === null
				? undefined
				: segmentOf(timeline, timeline.onAirPart).sequence;
	if (first === undefined || first > last.sequence) return undefined;
	const base = `../${timeline.pathKey}/${track}`;
	const lost = timeline.gaps.filter((gap) => gap.cause === "disk_full");
	// rfc8216bis §8: EXT-X-GAP needs version 8, all else 7.
	const lines = ["#EXTM3U", `#EXT-X-VERSION:${lost.length > 0 ? 8 : 7}`];
	lines.push(`#EXT-X-TARGETDURATION:${TARGET_DURATION_S}`, `#EXT-X-MEDIA-SEQUENCE:${first}`);
	if (kind === "whole") lines.push("#EXT-X-PLAYLIST-TYPE:EVENT");
	if (kind === "recording") lines.push("#EXT-X-PLAYLIST-TYPE:VOD");
	lines.push("#EXT-X-INDEPENDENT-SEGMENTS", `#EXT-X-MAP:URI="${base}/init.mp4"`);
	let span = segmentAt(timeline, first) as SegmentSpan;
	lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(partUnixMs(timeline, span.firstPart)).toISOString()}`);
	for (;;) {
		const from = span.firstPart;
		const to = from + span.partCount;
		if (lost.some((gap) => gap.fromPart < to && gap.toPart > from)) lines.push("#EXT-X-GAP");
		lines.push(`#EXTINF:${((span.partCount * PART_MS) / 1000).toFixed(5)},`, `${base}/${span.sequence}.m4s`);
		if (span.sequence >= last.sequence) break;
		span = segmentOf(timeline, to);
	}
	if (ended && nextPart >= (timeline.endPart ?? 0)) lines.push("#EXT-X-ENDLIST");
	return `${lines.join("\n")}\n`;
}

/** The newest segment of which every part comes before `nextPart`. */
export function lastWholeSegment(timeline: ProgrammeTimeline, nextPart: number): SegmentSpan | undefined {
	const limit = timeline.endPart === null ? nextPart : Math.min(nextPart, timeline.endPart);
	if (limit < 1) return undefined;
	const span = segmentOf(timeline, limit - 1);
	if (span.firstPart + span.partCount <= limit) return span;
	return span.firstPart === 0 ? undefined : segmentOf(timeline, span.firstPart - 1);
}

/** The segment with this media sequence number; undefined when the timeline cannot have it. */
export function segmentAt(timeline: ProgrammeTimeline, sequence: number): SegmentSpan | undefined {
	let firstSequence = 0;
	for (let i = 0; i < timeline.cuts.length; i += 1) {
		const from = timeline.cuts[i] as number;
		const to = timeline.cuts[i + 1] ?? timeline.endPart ?? Number.POSITIVE_INFINITY;
		const count = Math.ceil((to - from) / PARTS_PER_SEGMENT);
		if (sequence < firstSequence + count) {
			const firstPart = from + (sequence - firstSequence) * PARTS_PER_SEGMENT;
			return { sequence, firstPart, partCount: Math.min(PARTS_PER_SEGMENT, to - firstPart) };
		}
		firstSequence += count;
	}
	return undefined;
}
