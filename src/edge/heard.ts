import { DISTANCE_BUCKETS_MS, type HeardReport, type HeardSums, JOIN_BUCKETS_MS } from "#wire/index.ts";

/**
 * What players say they heard, added up by interview until it is told. Pure. Holds as many sums as there are interviews
 * with sound, and nothing of whoever said it.
 */
export class HeardTotals {
	#sums: Record<string, HeardSums> = {};

	/** @param interviewId of an interview that exists. */
	add(interviewId: string, { way, heardMs, gapCount, gapMs, joinMs, distanceMs }: HeardReport): void {
		this.#sums[interviewId] ??= nothing();
		const sums = this.#sums[interviewId];
		sums.reports[way] += 1;
		sums.heardMs += heardMs;
		sums.gapCount += gapCount;
		sums.gapMs += gapMs;
		if (joinMs !== undefined) countIn(sums.joinMs, JOIN_BUCKETS_MS, joinMs);
		if (distanceMs !== undefined) countIn(sums.distanceMs, DISTANCE_BUCKETS_MS, distanceMs);
	}

	/** All since the last call, by interview id. */
	take(): Record<string, HeardSums> {
		const taken = this.#sums;
		this.#sums = {};
		return taken;
	}
}

function nothing(): HeardSums {
	const buckets = (ends: readonly number[]) => new Array<number>(ends.length + 1).fill(0);
	return {
		reports: { push: 0, segments: 0, native: 0 },
		heardMs: 0,
		gapCount: 0,
		gapMs: 0,
		joinMs: buckets(JOIN_BUCKETS_MS),
		distanceMs: buckets(DISTANCE_BUCKETS_MS),
	};
}

function countIn(counts: number[], ends: readonly number[], value: number): void {
	const found = ends.findIndex((end) => value <= end);
	const at = found < 0 ? ends.length : found;
	counts[at] = (counts[at] as number) + 1;
}
