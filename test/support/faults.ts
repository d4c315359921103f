import { type Random, seededRandom } from "#base/index.ts";
import type { Heard } from "./listeners.ts";
import { type LagPoint, lagTrace, locate } from "./sound.ts";
import { loadDialogue } from "./voices.ts";

/** How alike a block of 100 ms must be to count as the speech it should be. Speech elsewhere in the dialogue reaches 0.6. */
const SAME_BLOCK_MIN = 0.8;
const BLOCK_MS = 100;

/** A stretch of what was heard in which the dialogue should be and is not. */
export type Hole = { readonly fromMs: number; readonly toMs: number };

/** What became of the dialogue in a listener's ears. */
export type Account = {
	/** Blocks that were compared. */
	readonly blocks: number;
	readonly holes: readonly Hole[];
	/** How far the end runs behind the beginning: below 0 something is missing, above 0 something was added. */
	readonly shiftMs: number;
	readonly trace: readonly LagPoint[];
};

/**
 * Follows the dialogue through what a listener decoded. Only blocks in which somebody speaks count, so a hole's ends are
 * known to the next spoken 100 ms; a hole wholly within a pause is not seen.
 */
export async function accountFor(heard: Float32Array): Promise<Account> {
	const { both } = await loadDialogue();
	const { offsetMs } = locate(both, heard.subarray(0, 10 * 48_000));
	const trace = lagTrace(both, heard, offsetMs, { blockMs: BLOCK_MS, rangeMs: 80 });
	const holes: { fromMs: number; toMs: number }[] = [];
	let good: LagPoint | undefined;
	let bad = false;
	for (const point of trace) {
		if (point.correlation < SAME_BLOCK_MIN) {
			bad = true;
			continue;
		}
		if (bad && good) holes.push({ fromMs: good.atMs + BLOCK_MS, toMs: point.atMs });
		bad = false;
		good = point;
	}
	if (bad && good) holes.push({ fromMs: good.atMs + BLOCK_MS, toMs: (heard.length / 48_000) * 1_000 });
	return { blocks: trace.length, holes, shiftMs: (trace.at(-1)?.lagMs ?? 0) - (trace[0]?.lagMs ?? 0), trace };
}

/** The longest hole that touches what was heard from `fromMs` to `toMs` (of the listener's own sound); 0 when there is none. */
export function worstHoleMs(account: Account, fromMs: number, toMs: number): number {
	const near = account.holes.filter((hole) => hole.toMs > fromMs && hole.fromMs < toMs);
	return Math.max(0, ...near.map((hole) => hole.toMs - hole.fromMs));
}

/** How much sound the listener had decoded at `atMs` of `performance.now()`, in milliseconds. */
export function heardBy(heard: Heard, atMs: number): number {
	const last = heard.arrivals.findLast((arrival) => arrival.atMs <= atMs);
	return (last?.sample ?? 0) / 48;
}

/** Moments between kills: seeded, so that a bad one can be had again. */
export function moments(seed: number): { readonly random: Random; nextMs(fromMs: number, toMs: number): number } {
	const random = seededRandom(seed);
	return { random, nextMs: (fromMs, toMs) => fromMs + random.unit() * (toMs - fromMs) };
}
