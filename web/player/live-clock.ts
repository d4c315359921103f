import { SAMPLE_RATE_HZ } from "#wire/quantum.ts";

const SAMPLES_PER_MS = SAMPLE_RATE_HZ / 1000;
/** A faster arrival counts this long: two clocks drift apart by a few milliseconds in that time. */
const REMEMBERED_MS = 60_000;

/**
 * Which sample is the newest in the programme now, as seen from here.
 *
 * Every push arrival says "this sample existed by now"; the arrival that was least late fixes the clock, so
 * neither the size of the writes nor a slow moment of the network moves it. Before the first arrival the wall
 * clocks of server and programme give an estimate that is good to about a second.
 */
export class LiveClock {
	/** Newest sample minus elapsed time, of the least late arrivals: this period's and the last one's. */
	#origin: number | undefined;
	#originBefore: number | undefined;
	#periodFromMs = 0;
	#estimate: number | undefined;

	/** @param endSample one past the newest sample that arrived. */
	arrived(endSample: number, nowMs: number): void {
		if (nowMs - this.#periodFromMs > REMEMBERED_MS) {
			this.#originBefore = this.#origin;
			this.#origin = undefined;
			this.#periodFromMs = nowMs;
		}
		const origin = endSample - nowMs * SAMPLES_PER_MS;
		if (this.#origin === undefined || origin > this.#origin) this.#origin = origin;
	}

	/** @param sample what the wall clocks say is being made now. */
	estimated(sample: number, nowMs: number): void {
		this.#estimate = sample - nowMs * SAMPLES_PER_MS;
	}

	/** The sample being made now, or undefined before anything is known. */
	at(nowMs: number): number | undefined {
		const known =
			this.#origin === undefined
				? this.#originBefore
				: Math.max(this.#origin, this.#originBefore ?? Number.NEGATIVE_INFINITY);
		const origin = known ?? this.#estimate;
		return origin === undefined ? undefined : origin + nowMs * SAMPLES_PER_MS;
	}

	/** Whether `at` rests on sound that arrived. */
	get exact(): boolean {
		return this.#origin !== undefined || this.#originBefore !== undefined;
	}

	/** Time stood still here while the machine slept: what was measured is void. */
	reset(): void {
		this.#origin = undefined;
		this.#originBefore = undefined;
	}
}
