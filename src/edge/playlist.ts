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
/** rfc8216bis §4.4.3.1: the longest segment, rounded; 3.84 s. */
export const TARGET_DURATION_S = 4;
/** AAC first: the one that every player can play, and players begin with the first. */
const TRACK_ORDER: readonly TrackName[] = ["aac64", "opus48", "opus24"];

export type PlaylistKind = "live" | "whole" | "recording";
export const PLAYLIST_KINDS: readonly PlaylistKind[] = ["live", "whole", "recording"];

export function isTrackName(text: string): text is TrackName {
	return (TRACK_NAMES as readonly string[]).includes(text);
}

/**
 * The multivariant playlist (rfc8216bis §4.4.6): one variant per track, each with an audio rendition of its own group.
 *
 * The renditions have no URI: their sound is in the variant's playlist (§4.4.6.2.1), so no player loads it twice.
 *
 * @param addressOf where the playlist of a track is, relative to this one.
 */
export function multivariant(timeline: ProgrammeTimeline, addressOf: (track: TrackName) => string): string {
	const lines = ["#EXTM3U", "#EXT-X-VERSION:4", "#EXT-X-INDEPENDENT-SEGMENTS"];
	for (const name of TRACK_ORDER) {
		lines.push(`#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="${name}",NAME="Programme",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="1"`);
	}
	for (const name of TRACK_ORDER) {
		const { bitrateBps, codecs } = timeline.tracks[name];
		lines.push(`#EXT-X-STREAM-INF:BANDWIDTH=${bitrateBps},CODECS="${codecs}",AUDIO="${name}"`);
		lines.push(addressOf(name));
	}
	return `${lines.join("\n")}\n`;
}

/**
 * One track's playlist of whole segments, as of the newest part before `nextPart`; undefined when that kind does not
 * exist yet.
 *
 * - `live`: the newest WINDOW_SEGMENTS whole segments; ENDLIST once the programme has ended.
 * - `whole`: EVENT, from *on air* on; nothing is ever removed from it.
 * - `recording`: VOD, the same segments once the programme has ended.
 *
 * Nothing is ever a discontinuity (§4.4.4.3): timestamps have no hole, as what was lost is silence in its place, and
 * tracks and their init sections never change.
 */
export function mediaPlaylist(
	timeline: ProgrammeTimeline,
	track: TrackName,
	kind: PlaylistKind,
	nextPart: number,
): string | undefined {
	const last = lastWholeSegment(timeline, nextPart);
	const ended = timeline.endPart !== null && nextPart >= timeline.endPart;
	if (last === undefined || (kind === "recording" && !ended)) return undefined;
	const first =
		kind === "live"
			? Math.max(0, last.sequence - WINDOW_SEGMENTS + 1)
			: timeline.onAirPart === null
				? undefined
				: segmentOf(timeline, timeline.onAirPart).sequence;
	if (first === undefined || first > last.sequence) return undefined;
	const base = mediaBase(timeline, track);
	const lines = ["#EXTM3U", "#EXT-X-VERSION:6", `#EXT-X-TARGETDURATION:${TARGET_DURATION_S}`];
	lines.push(`#EXT-X-MEDIA-SEQUENCE:${first}`);
	if (kind === "whole") lines.push("#EXT-X-PLAYLIST-TYPE:EVENT");
	if (kind === "recording") lines.push("#EXT-X-PLAYLIST-TYPE:VOD");
	lines.push(`#EXT-X-MAP:URI="${base}/init.mp4"`);
	let span = segmentAt(timeline, first) as SegmentSpan;
	lines.push(...dateRanges(timeline, span.firstPart, last.firstPart + last.partCount));
	for (;;) {
		// A window's first segment changes, and a date that moves from one to the next would be a line changed (§6.2.1).
		if (kind === "live" || span.sequence === first) lines.push(dateOf(timeline, span));
		lines.push(...segmentLines(timeline, span, base));
		if (span.sequence >= last.sequence) break;
		span = segmentOf(timeline, span.firstPart + span.partCount);
	}
	if (ended) lines.push("#EXT-X-ENDLIST");
	return `${lines.join("\n")}\n`;
}

/** Where segments, parts and init sections of a track are, relative to `hls/<one folder>/`. */
export function mediaBase(timeline: ProgrammeTimeline, track: TrackName): string {
	return `../${timeline.pathKey}/${track}`;
}

/** A whole segment, with a gap (§4.4.4.7) in its place when all of it was lost: players pass over what is only silence. */
export function segmentLines(timeline: ProgrammeTimeline, span: SegmentSpan, base: string): string[] {
	const lines = isLost(timeline, span) ? ["#EXT-X-GAP"] : [];
	lines.push(`#EXTINF:${((span.partCount * PART_MS) / 1000).toFixed(5)},`, `${base}/${span.sequence}.m4s`);
	return lines;
}

/** Whether no part of a segment has the programme's sound. */
export function isLost(timeline: ProgrammeTimeline, span: SegmentSpan): boolean {
	const to = span.firstPart + span.partCount;
	return timeline.gaps.some((gap) => gap.fromPart <= span.firstPart && gap.toPart >= to);
}

export function dateOf(timeline: ProgrammeTimeline, span: SegmentSpan): string {
	return `#EXT-X-PROGRAM-DATE-TIME:${isoOf(timeline, span.firstPart)}`;
}

/**
 * Changes of state and lost sound as date ranges (§4.4.5.1), those that reach into the parts from `fromPart` on. They
 * follow from the timeline alone, so every worker and every track has the same. An attribute once written stays.
 *
 * @param nextPart everything before it exists. A gap that ends there may yet grow, and is told when it no longer can.
 */
export function dateRanges(timeline: ProgrammeTimeline, fromPart: number, nextPart: number): string[] {
	const { onAirPart, endPart, gaps } = timeline;
	const ranges: { id: string; kind: string; from: number; to: number | null; own: string }[] = [];
	const phase = (id: string, name: string, from: number, to: number | null) =>
		ranges.push({ id, kind: "phase", from, to, own: `X-ROSTRA-PHASE="${name}"` });
	phase("doors", "doors", 0, onAirPart ?? endPart);
	if (onAirPart !== null) phase("on-air", "on_air", onAirPart, endPart);
	for (const { fromPart: from, toPart: to, cause } of gaps) {
		if (to < nextPart || to === endPart) {
			ranges.push({ id: `lost-${from}`, kind: "gap", from, to, own: `X-ROSTRA-CAUSE="${cause}"` });
		}
	}
	return ranges
		.filter(({ to }) => to === null || to > fromPart)
		.map(({ id, kind, from, to, own }) => {
			const end = to === null ? "" : `,END-DATE="${isoOf(timeline, to)}"`;
			const start = `START-DATE="${isoOf(timeline, from)}"`;
			return `#EXT-X-DATERANGE:ID="${id}",CLASS="urn:rostra:${kind}",${start}${end},${own}`;
		});
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

function isoOf(timeline: ProgrammeTimeline, part: number): string {
	return new Date(partUnixMs(timeline, part)).toISOString();
}
