import { type Random, seededRandom } from "#base/index.ts";
import type { Heard } from "./listeners.ts";
import { type LagPoint, lagTrace, locate, rumble } from "./sound.ts";
import { loadDialogue } from "./voices.ts";

/** What is said over and over, and how it is told from anything else. */
export type Signal = {
	readonly said: Float32Array;
	readonly blockMs: number;
	/** How alike a block must be to count as what was said. */
	readonly alikeMin: number;
};

/**
 * Noise that never pauses: of a dozen seeds, the one whose weakest block is strongest. Through two encoders every block of
 * it keeps 0.89; one that another frame covers, wherever it lies, reaches 0.7.
 */
export const NOISE: Signal = { said: rumble(10, -20, 13), blockMs: 20, alikeMin: 0.78 };

/** The demo's two voices. What is missing wholly within a pause is not seen; speech elsewhere in it reaches 0.6. */
export async function dialogue(): Promise<Signal> {
	return { said: (await loadDialogue()).both, blockMs: 100, alikeMin: 0.8 };
}

/** Two jitter buffers differ by less. */
const RANGE_MS = 130;
/** The signal is sought in stretches of this length, up to here. */
const STRETCH_MS = 5_000;
const SOUGHT_MS = 30_000;

/** A stretch of what was heard, in milliseconds of it, that is not what was said. */
export type Hole = { readonly fromMs: number; readonly toMs: number };

/** What became of a signal in a listener's ears. */
export type Account = {
	/** Blocks that were compared: those in which the signal is loud. */
	readonly blocks: number;
	readonly holes: readonly Hole[];
	/** Blocks that were right. */
	readonly right: readonly LagPoint[];
};

/**
 * Follows a signal through what a listener decoded, block by block. As no block of `NOISE` is like another, whatever is
 * missing, twice or out of its place is a hole, to a block at each end.
 */
export function accountFor(heard: Float32Array, { said, blockMs, alikeMin }: Signal = NOISE): Account {
	const trace = lagTrace(said, heard, beginOf(said, heard), { blockMs, rangeMs: RANGE_MS });
	const right: LagPoint[] = [];
	const holes: { fromMs: number; toMs: number }[] = [];
	let fromMs = 0;
	let bad = false;
	for (const point of trace) {
		if (point.correlation < alikeMin) {
			bad = true;
			continue;
		}
		if (bad) holes.push({ fromMs, toMs: point.atMs });
		bad = false;
		fromMs = point.atMs + blockMs;
		right.push(point);
	}
	if (bad) holes.push({ fromMs, toMs: heard.length / 48 });
	return { blocks: trace.length, holes, right };
}

/** Where in `said` the first moment of `heard` would lie, by its surest stretch: it may begin with something else. */
function beginOf(said: Float32Array, heard: Float32Array): number {
	const saidMs = said.length / 48;
	let best = { correlation: -1, offsetMs: 0 };
	for (
		let fromMs = 0;
		fromMs === 0 || fromMs + STRETCH_MS <= Math.min(SOUGHT_MS, heard.length / 48);
		fromMs += STRETCH_MS
	) {
		const found = locate(said, heard.subarray(fromMs * 48, (fromMs + STRETCH_MS) * 48));
		if (found.correlation <= best.correlation) continue;
		best = { ...found, offsetMs: (((found.offsetMs - fromMs) % saidMs) + saidMs) % saidMs };
	}
	return best.offsetMs;
}

/** The longest hole that touches what was heard from `fromMs` to `toMs`; undefined when there is none. */
export function worstHole(account: Account, fromMs: number, toMs: number): Hole | undefined {
	const near = account.holes.filter((hole) => hole.toMs > fromMs && hole.fromMs < toMs);
	return near.sort((a, b) => lengthMs(b) - lengthMs(a))[0];
}

export function lengthMs(hole: Hole | undefined): number {
	return hole ? hole.toMs - hole.fromMs : 0;
}

/** How far the signal runs behind at `toMs` against `fromMs`, milliseconds: below 0 something is missing, above 0 something was added. */
export function shiftMs({ right }: Account, fromMs: number, toMs: number): number {
	const before = right.findLast((point) => point.atMs <= fromMs) ?? right[0];
	const after = right.find((point) => point.atMs >= toMs) ?? right.at(-1);
	return (after?.lagMs ?? 0) - (before?.lagMs ?? 0);
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
