import {
	PART_MS,
	type ProgrammeTimeline,
	type SegmentSpan,
	segmentOf,
	TRACK_NAMES,
	type TrackName,
} from "#wire/index.ts";
import {
	dateOf,
	dateRanges,
	isLost,
	lastWholeSegment,
	mediaBase,
	segmentAt,
	segmentLines,
	TARGET_DURATION_S,
	WINDOW_SEGMENTS,
} from "./playlist.ts";

const PART_S = PART_MS / 1000;
/** §4.4.3.8: at least six target durations. */
export const SKIP_BOUNDARY_S = 6 * TARGET_DURATION_S;
/** §6.2.2: parts further from the end than three target durations leave the playlist; a segment's leave it together, so that an index goes on meaning the same part. */
const SHOWN_PARTS = Math.floor((3 * TARGET_DURATION_S) / PART_S);
/** §6.2.5.2: a part this much further than the newest is too far ahead. */
const ADVANCE_PARTS_MAX = Math.floor(3 / PART_S);
/** §6.2.5.2: and so is a segment this much further than the newest whole one. */
const ADVANCE_SEGMENTS_MAX = 2;

/** What a request asks a playlist to hold or to leave out (§6.2.5, Delivery Directives). */
export type Directives = {
	/** `_HLS_msn`: the segment that the answer must hold. */
	readonly sequence: number | undefined;
	/** `_HLS_part`: only with `sequence`; the part of it. */
	readonly partOfSegment: number | undefined;
	/** `_HLS_skip`. */
	readonly skip: boolean;
};
export const NO_DIRECTIVES: Directives = { sequence: undefined, partOfSegment: undefined, skip: false };

/** The parts that can be had, from `firstPart` up to `nextPart` (exclusive). */
export type HeldParts = { readonly firstPart: number; readonly nextPart: number };

/** Reads `_HLS_…` parameters. One value has one spelling, so that a cache keeps one copy. @returns a sentence about what is wrong. */
export function readDirectives(query: string): Directives | string {
	let sequence: number | undefined;
	let partOfSegment: number | undefined;
	let skip = false;
	const seen = new Set<string>();
	for (const parameter of query.split("&")) {
		if (!parameter.startsWith("_HLS_")) continue;
		const equals = parameter.indexOf("=");
		const name = equals < 0 ? parameter : parameter.slice(0, equals);
		const value = equals < 0 ? "" : parameter.slice(equals + 1);
		if (seen.has(name)) return `${name} must be given once.`;
		seen.add(name);
		if (name === "_HLS_skip") {
			if (value !== "YES" && value !== "v2") return "_HLS_skip must be YES or v2.";
			skip = true;
		} else if (name === "_HLS_msn" || name === "_HLS_part") {
			if (!/^(?:0|[1-9][0-9]{0,8})$/.test(value)) return `${name} must be a decimal integer.`;
			if (name === "_HLS_msn") sequence = Number(value);
			else partOfSegment = Number(value);
		}
	}
	if (partOfSegment !== undefined && sequence === undefined) return "_HLS_part must come with _HLS_msn.";
	return { sequence, partOfSegment, skip };
}

/**
 * The part that must exist before a request can be answered (§6.2.5.2), or `too_far` when it asks for more than will
 * exist soon; 0 when it asks for nothing.
 *
 * @param nextPart everything before it exists.
 */
export function awaitedPart(timeline: ProgrammeTimeline, directives: Directives, nextPart: number): number | "too_far" {
	const { sequence, partOfSegment } = directives;
	const end = timeline.endPart ?? Number.POSITIVE_INFINITY;
	if (sequence === undefined || nextPart >= end) return 0;
	const newest = lastWholeSegment(timeline, nextPart)?.sequence ?? -1;
	if (sequence > newest + ADVANCE_SEGMENTS_MAX) return "too_far";
	const span = segmentAt(timeline, sequence);
	// The end has been decided, and no such segment will come: the playlist that has the end is what there is to wait for.
	if (!span) return end - 1;
	if (partOfSegment === undefined) return span.firstPart + span.partCount - 1;
	// "If the Client requests a Part Index greater than that of the final Partial Segment of the Parent Segment, the
	// Server MUST treat the request as one for Part Index 0 of the following Parent Segment."
	if (span.firstPart + partOfSegment > nextPart - 1 + ADVANCE_PARTS_MAX) return "too_far";
	return Math.min(span.firstPart + Math.min(partOfSegment, span.partCount), end - 1);
}

/**
 * One track's low-latency playlist: a live window whose newest segments are also listed by parts, up to the newest
 * one; undefined before the first segment is whole.
 *
 * With `skip` it is a delta update (§6.2.5.1) as soon as there is anything beyond the skip boundary.
 */
export function lowLatencyPlaylist(
	timeline: ProgrammeTimeline,
	track: TrackName,
	held: HeldParts,
	{ skip }: { readonly skip: boolean },
): string | undefined {
	const endPart = timeline.endPart ?? Number.POSITIVE_INFINITY;
	const nextPart = Math.min(held.nextPart, endPart);
	const ended = nextPart === endPart;
	const last = lastWholeSegment(timeline, nextPart);
	if (!last) return undefined;
	const first = segmentAt(timeline, Math.max(0, last.sequence - WINDOW_SEGMENTS + 1)) as SegmentSpan;
	const skipped = skip && !ended ? skippable(timeline, first, nextPart) : 0;
	const base = mediaBase(timeline, track);
	const lines = [
		"#EXTM3U",
		`#EXT-X-VERSION:${skipped > 0 ? 9 : 6}`,
		`#EXT-X-TARGETDURATION:${TARGET_DURATION_S}`,
		SERVER_CONTROL,
		`#EXT-X-PART-INF:PART-TARGET=${PART_S}`,
		`#EXT-X-MEDIA-SEQUENCE:${first.sequence}`,
		`#EXT-X-MAP:URI="${base}/init.mp4"`,
		...dateRanges(timeline, first.firstPart, nextPart),
	];
	if (skipped > 0) lines.push(`#EXT-X-SKIP:SKIPPED-SEGMENTS=${skipped}`);
	let span = segmentAt(timeline, first.sequence + skipped) as SegmentSpan;
	for (;;) {
		const to = span.firstPart + span.partCount;
		const isWhole = to <= nextPart;
		lines.push(dateOf(timeline, span));
		if (!isWhole || (span.firstPart >= nextPart - SHOWN_PARTS && span.firstPart >= held.firstPart)) {
			const lost = isLost(timeline, span);
			for (let part = span.firstPart; part < Math.min(to, nextPart); part += 1) {
				// A worker that found a hole has the segment's end only: others, and later the segment, have all of it.
				const gap = lost || part < held.firstPart ? ",GAP=YES" : "";
				lines.push(`#EXT-X-PART:DURATION=${PART_S},URI="${base}/p${part}.m4s",INDEPENDENT=YES${gap}`);
			}
		}
		if (!isWhole) break;
		lines.push(...segmentLines(timeline, span, base));
		if (to === nextPart) break;
		span = segmentOf(timeline, to);
	}
	if (ended) lines.push("#EXT-X-ENDLIST");
	else lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${base}/p${nextPart}.m4s"`);
	const at = segmentOf(timeline, nextPart - 1);
	for (const other of TRACK_NAMES) {
		if (other === track) continue;
		lines.push(
			`#EXT-X-RENDITION-REPORT:URI="${other}.m3u8",LAST-MSN=${at.sequence},LAST-PART=${nextPart - 1 - at.firstPart}`,
		);
	}
	return `${lines.join("\n")}\n`;
}

const SERVER_CONTROL = `#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=${SKIP_BOUNDARY_S},HOLD-BACK=${3 * TARGET_DURATION_S},PART-HOLD-BACK=${3 * PART_S}`;

/** Segments of the window that lie wholly beyond the skip boundary, counted from the end of the newest part. */
function skippable(timeline: ProgrammeTimeline, first: SegmentSpan, nextPart: number): number {
	let count = 0;
	for (let span = first; (nextPart - span.firstPart - span.partCount) * PART_S > SKIP_BOUNDARY_S; count += 1) {
		span = segmentOf(timeline, span.firstPart + span.partCount);
	}
	return count;
}
