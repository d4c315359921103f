import { FRAME_MS, tickAt } from "#wire/index.ts";
import { CATCH_UP_TICKS_MAX, LATENESS_TICKS, TICK_LOST_AFTER_MS } from "./config.ts";

/**
 * Which ticks are due. Pure: each number comes once and in order; after a stall the newest
 * CATCH_UP_TICKS_MAX are made up and older ones are skipped.
 */
export class Ticks {
	#next: number;
	readonly #lateMs = new Float64Array(LATENESS_TICKS);
	#count = 0;
	/** Ticks more than TICK_LOST_AFTER_MS late, skipped ones included. */
	lost = 0;

	constructor(nowMs: number) {
		this.#next = tickAt(nowMs) + 1;
	}

	/** When the next tick is due, on the monotonic clock. */
	get deadlineMs(): number {
		return this.#next * FRAME_MS;
	}

	/** @returns the ticks due at `nowMs` and how many were skipped before them. */
	take(nowMs: number): { readonly from: number; readonly to: number; readonly skipped: number } {
		const to = tickAt(nowMs) + 1;
		const skipped = Math.max(0, to - this.#next - CATCH_UP_TICKS_MAX);
		const from = this.#next + skipped;
		this.lost += skipped;
		for (let tick = from; tick < to; tick += 1) {
			const lateMs = nowMs - tick * FRAME_MS;
			this.#lateMs[this.#count % LATENESS_TICKS] = lateMs;
			this.#count += 1;
			if (lateMs > TICK_LOST_AFTER_MS) this.lost += 1;
		}
		this.#next = Math.max(this.#next, to);
		return { from, to, skipped };
	}

	/** 99th percentile over the last LATENESS_TICKS. */
	lateP99Ms(): number {
		const known = this.#lateMs.slice(0, Math.min(this.#count, LATENESS_TICKS)).sort();
		return known[Math.floor(known.length * 0.99)] ?? 0;
	}
}
