import { dateRangesOf, ROUNDING_S } from "./check.ts";
import { dateOf, decimal, type Part, type Playlist, type Segment } from "./parse.ts";
import type { Report } from "./rules.ts";

/** A part may come this much later than one part target after the one before: the network and we take time too. */
const PART_LATE_S = 0.25;
/** Dates may run away from the clock by this much: looking only now and then takes half of it. */
const CLOCK_DRIFT_MS = 1_000;

/**
 * Puts a delta update (§6.2.5.1) together with the playlist it was asked with.
 *
 * @returns undefined when `before` does not hold all that was skipped.
 */
export function merge(before: Playlist, delta: Playlist): Playlist | undefined {
	if (delta.skipped === 0) return delta;
	const to = delta.mediaSequence + delta.skipped;
	const known = before.segments.filter(({ sequence, uri }) => sequence >= delta.mediaSequence && sequence < to && uri);
	if (known.length !== delta.skipped) return undefined;
	// A map or a discontinuity among what was skipped also applies to what was not.
	const map = known.at(-1)?.map;
	const off = (known.at(-1)?.discontinuitySequence ?? 0) - discontinuityBefore(delta);
	const rest = delta.segments.map((segment) => ({
		...segment,
		map: segment.map ?? map,
		discontinuitySequence: segment.discontinuitySequence + off,
	}));
	return { ...delta, skipped: 0, segments: [...known, ...rest] };
}

function discontinuityBefore({ segments }: Playlist): number {
	const first = segments[0];
	return first ? first.discontinuitySequence - Number(first.discontinuity) : 0;
}

/** What differs between two versions of one playlist that should be the same; undefined when nothing does. */
export function difference(a: Playlist, b: Playlist): string | undefined {
	const [x, y] = [a.segments.map(describe), b.segments.map(describe)];
	const at = x.findIndex((text, nth) => text !== y[nth]);
	if (at >= 0 || x.length !== y.length) {
		const nth = at >= 0 ? at : Math.min(x.length, y.length);
		return `${x[nth] ?? "nothing"} and ${y[nth] ?? "nothing"}`;
	}
	return undefined;
}

function describe({ sequence, uri, durationS, dateMs, gap, discontinuitySequence, map, parts }: Segment): string {
	const own = parts.map(describePart).join(" ");
	return `${sequence} ${uri} ${durationS} ${dateMs} ${gap} ${discontinuitySequence} ${map} ${own}`;
}

function describePart({ uri, durationS, independent, gap }: Part): string {
	return `${uri} ${durationS}${independent ? " independent" : ""}${gap ? " gap" : ""}`;
}

/** The newest part, or the newest segment where there are no parts: sequence number and part index. */
export function newestOf({ segments }: Playlist): { readonly sequence: number; readonly part: number } | undefined {
	const last = segments.at(-1);
	return last && { sequence: last.sequence, part: last.parts.length - 1 };
}

/**
 * Follows one live playlist from version to version (§6.2.1, §6.2.2).
 *
 * Pure core: it is given whole playlists (delta updates already merged) and when each came.
 */
export class Follower {
	#last: Playlist | undefined;
	#segmentAtMs = 0;
	#partAtMs = 0;
	/** Date of the playlist's end minus our clock, when something first came that had not been there. */
	#aheadMs: number | undefined;
	#hasDrifted = false;

	get last(): Playlist | undefined {
		return this.#last;
	}

	/** @param nowMs when the playlist was there, on a clock that does not jump. */
	take(playlist: Playlist, nowMs: number, report: Report): void {
		const before = this.#last;
		this.#last = playlist;
		if (!before) {
			this.#segmentAtMs = nowMs;
			this.#partAtMs = nowMs;
		} else {
			checkChange(before, playlist, report);
			if (!playlist.ended) this.#checkPace(before, playlist, nowMs, report);
			this.#checkClock(before, playlist, nowMs, report);
		}
	}

	#checkPace(before: Playlist, after: Playlist, nowMs: number, report: Report): void {
		const lastWhole = (playlist: Playlist) =>
			playlist.segments.findLast(({ uri }) => uri !== undefined)?.sequence ?? -1;
		const sinceSegmentS = (nowMs - this.#segmentAtMs) / 1_000;
		const isNew = lastWhole(after) > lastWhole(before);
		if (sinceSegmentS > 1.5 * after.targetS)
			report("6.2.1-7", 0, `${isNew ? "one" : "none"} after ${sinceSegmentS.toFixed(2)} s`);
		if (isNew || sinceSegmentS > 1.5 * after.targetS) this.#segmentAtMs = nowMs;
		const [old, now] = [newestOf(before), newestOf(after)];
		if (after.partTargetS === undefined || !old || !now) return;
		const hasPart = now.sequence > old.sequence || now.part > old.part;
		const sincePartS = (nowMs - this.#partAtMs) / 1_000;
		const isLate = sincePartS > after.partTargetS + PART_LATE_S;
		if (isLate) report("6.2.1-8", 0, `${hasPart ? "one" : "none"} after ${sincePartS.toFixed(3)} s`);
		if (hasPart || isLate) this.#partAtMs = nowMs;
	}

	#checkClock(before: Playlist, playlist: Playlist, nowMs: number, report: Report): void {
		const endMs = endDateOf(playlist);
		// A playlist that has not changed says nothing about now.
		if (endMs === undefined || playlist.ended || endMs === endDateOf(before)) return;
		const aheadMs = endMs - nowMs;
		this.#aheadMs ??= aheadMs;
		const driftMs = Math.round(aheadMs - this.#aheadMs);
		if (Math.abs(driftMs) <= CLOCK_DRIFT_MS || this.#hasDrifted) return;
		this.#hasDrifted = true;
		report("6.2.1-10", 0, `${driftMs} ms in ${(nowMs / 1_000).toFixed(0)} s of watching`);
	}
}

/** The date of the end of the newest segment or part; undefined without dates. */
export function endDateOf({ segments }: Playlist): number | undefined {
	let endMs: number | undefined;
	for (const { dateMs, durationS } of segments) {
		const fromMs = dateMs ?? endMs;
		endMs = fromMs === undefined ? undefined : fromMs + durationS * 1_000;
	}
	return endMs;
}

/** Holds two versions of one playlist against each other, the older first. */
export function checkChange(before: Playlist, after: Playlist, report: Report): void {
	if (after.targetS !== before.targetS) report("6.2.1-1", 0, `${after.targetS} s, before ${before.targetS} s`);
	if (before.type === "VOD" && before.lines.join("\n") !== after.lines.join("\n")) report("6.2.1-2", 0, "another text");
	if (before.ended && !after.ended) report("6.2.1-4", 0, "none");
	if (after.mediaSequence < before.mediaSequence) {
		return report("6.2.2-1", 0, `${after.mediaSequence}, before ${before.mediaSequence}`);
	}
	if (before.type === "EVENT" && after.mediaSequence > before.mediaSequence) {
		report("6.2.1-3", 0, `${after.mediaSequence - before.mediaSequence} segments less`);
	} else if (after.type !== undefined && after.mediaSequence > before.mediaSequence) {
		report("6.2.2-6", 0, `EXT-X-PLAYLIST-TYPE:${after.type}`);
	}
	checkSegments(before, after, report);
	checkPartsKept(before, after, report);
	checkHint(before, after, report);
	checkRangesKept(before, after, report);
	if (after.mediaSequence > before.mediaSequence && !after.ended) {
		const leftS = after.segments.reduce((sum, { durationS, uri }) => sum + (uri === undefined ? 0 : durationS), 0);
		if (leftS < 3 * after.targetS - ROUNDING_S)
			report("6.2.2-3", 0, `${leftS.toFixed(2)} s with a target of ${after.targetS}`);
	}
}

function checkSegments(before: Playlist, after: Playlist, report: Report): void {
	const whole = (playlist: Playlist) => playlist.segments.filter(({ uri }) => uri !== undefined);
	const now = new Map(whole(after).map((segment) => [segment.sequence, segment]));
	const newest = whole(after).at(-1)?.sequence ?? after.mediaSequence - 1;
	const kept = whole(before).filter(({ sequence }) => sequence >= after.mediaSequence);
	for (const old of kept.filter(({ hasByteRange }) => !hasByteRange)) {
		const moved = whole(after).find(({ uri }) => uri === old.uri);
		if (!moved || moved.sequence === old.sequence) continue;
		return report("6.2.2-2", moved.line, `${old.uri} is number ${moved.sequence}, before ${old.sequence}`);
	}
	for (const old of kept) {
		const same = now.get(old.sequence);
		if (!same) {
			if (old.sequence > newest) report("6.2.1-5", 0, `segment ${old.sequence} is gone from the end`);
			continue;
		}
		if (same.discontinuitySequence !== old.discontinuitySequence) {
			report(
				"6.2.2-5",
				same.line,
				`segment ${old.sequence} has ${same.discontinuitySequence}, before ${old.discontinuitySequence}`,
			);
			return;
		}
		const text = (segment: Segment) => describe({ ...segment, parts: [] });
		if (text(same) !== text(old)) report("6.2.1-5", same.line, `${text(same)}, before ${text(old)}`);
	}
}

function checkPartsKept(before: Playlist, after: Playlist, report: Report): void {
	const now = new Map(after.segments.map((segment) => [segment.sequence, segment]));
	let isKept = false;
	for (const old of before.segments) {
		const same = now.get(old.sequence);
		if (old.parts.length === 0 || !same) continue;
		if (same.parts.length === 0) {
			if (isKept) report("6.2.2-7", same.line, `no parts of segment ${old.sequence}, but of an older one`);
			continue;
		}
		isKept = true;
		const changed = old.parts.findIndex((part, nth) => {
			const other = same.parts[nth];
			return other === undefined || describePart(part) !== describePart(other);
		});
		const part = old.parts[changed];
		if (!part) continue;
		const other = same.parts[changed];
		report(
			"6.2.1-6",
			other?.line ?? same.line,
			`part ${old.sequence}.${changed} is ${other ? describePart(other) : "gone"}, before ${describePart(part)}`,
		);
	}
}

function checkHint(before: Playlist, after: Playlist, report: Report): void {
	const old = newestOf(before);
	if (!before.hint || !old) return;
	const open = before.segments.at(-1);
	for (const segment of after.segments) {
		if (segment.sequence < old.sequence) continue;
		const next = segment.sequence === old.sequence ? segment.parts[open?.parts.length ?? 0] : segment.parts[0];
		if (!next) continue;
		if (next.uri !== before.hint.uri) report("4.4.5.3-3", next.line, `${next.uri}, hinted ${before.hint.uri}`);
		return;
	}
}

function checkRangesKept(before: Playlist, after: Playlist, report: Report): void {
	const now = dateRangesOf(after);
	const fromMs = after.segments.find(({ dateMs }) => dateMs !== undefined)?.dateMs;
	for (const [id, attributes] of dateRangesOf(before)) {
		const same = now.get(id);
		if (same) {
			for (const [name, value] of attributes) {
				const other = same.get(name);
				if (other !== value) report("4.4.5.1-4", 0, `${name} of ${id} is ${other ?? "gone"}, before ${value}`);
			}
			continue;
		}
		const startMs = dateOf(attributes.get("START-DATE") ?? "");
		const lengthS = decimal(attributes.get("DURATION")) ?? decimal(attributes.get("PLANNED-DURATION")) ?? 0;
		const endMs = dateOf(attributes.get("END-DATE") ?? "") ?? (startMs ?? 0) + lengthS * 1_000;
		if (fromMs !== undefined && startMs !== undefined && endMs > fromMs) report("6.2.1-11", 0, `${id} is gone`);
	}
}
