import { PART_MS, SEGMENT_MS } from "#wire/quantum.ts";
import type { PublicState } from "#wire/state.ts";

/** Sound in one write, by the state's `delivery.write`: a player needs as much to bridge the time to the next. */
export const WRITE_MS = { part: PART_MS, beat: 3 * PART_MS, two_beats: 6 * PART_MS } as const;
export const SLOW_RATE = 0.97;
export const FAST_RATE = 1.05;
/** The reserve never aims below one write and this. */
const RESERVE_MARGIN_MS = 500;
/** Where sound comes as segments: the one that is being made, the one on its way, and this. */
const SEGMENTS_MARGIN_MS = 1_500;
/** Each time the reserve was not enough it grows by this, up to the maximum. */
const RESERVE_STEP_MS = 500;
const RESERVE_EXTRA_MS_MAX = 8_000;
/** How far the distance may stray from the reserve before the rate changes. */
const NEAR_MS = 100;
const FAR_MS = 800;

/**
 * The distance to live as a dial: slower until the reserve is held, faster when too far behind. Pure.
 *
 * The reserve is the one the state names, more where this network has shown that it is not enough.
 */
export class Dial {
	#extraMs = 0;
	#rate = 1;

	/** Distance to live to aim at. @param segments sound comes as segments instead of the push. */
	targetMs(delivery: PublicState["delivery"], segments: boolean): number {
		const least = segments ? 2 * SEGMENT_MS + SEGMENTS_MARGIN_MS : WRITE_MS[delivery.write] + RESERVE_MARGIN_MS;
		return Math.max(delivery.reserveMs, least) + this.#extraMs;
	}

	/** Sound ran out although the reserve was to prevent it. */
	ranDry(): void {
		this.#extraMs = Math.min(RESERVE_EXTRA_MS_MAX, this.#extraMs + RESERVE_STEP_MS);
	}

	/** The rate at which someone who follows hears sound `behindMs` behind live. */
	rate(behindMs: number, targetMs: number): number {
		if (behindMs < targetMs - (this.#rate < 1 ? 0 : NEAR_MS)) this.#rate = SLOW_RATE;
		else if (behindMs > targetMs + (this.#rate > 1 ? NEAR_MS : FAR_MS)) this.#rate = FAST_RATE;
		else this.#rate = 1;
		return this.#rate;
	}

	/** Whether someone who hears the past has caught up. */
	caughtUp(behindMs: number, targetMs: number): boolean {
		return behindMs <= targetMs + NEAR_MS;
	}
}
