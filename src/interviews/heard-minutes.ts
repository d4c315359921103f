import type { MonoMs } from "#base/index.ts";
import type { HeardSums, PublicState } from "#wire/index.ts";

export type Audible = NonNullable<PublicState["listeners"]["audible"]>;

const MINUTE_MS = 60_000;
/** Fewer reports would say more about somebody than about the room. */
export const REPORTS_MIN = 10;

type Sums = { reports: number; heardMs: number; dueMs: number };

/** What the players of one interview said they heard, minute by minute: the one that runs and the last whole one. Pure. */
export class HeardMinutes {
	#minute = -1;
	#running: Sums = { reports: 0, heardMs: 0, dueMs: 0 };
	#whole: Sums | undefined;

	add({ reports, heardMs, gapMs }: HeardSums, nowMs: MonoMs): void {
		this.#turn(nowMs);
		this.#running.reports += reports.push + reports.segments + reports.native;
		this.#running.heardMs += heardMs;
		this.#running.dueMs += heardMs + gapMs;
	}

	/** Of the last whole minute; null without enough reports. The share has four digits and is never rounded up to 1. */
	audible(nowMs: MonoMs): Audible | null {
		this.#turn(nowMs);
		if (!this.#whole || this.#whole.reports < REPORTS_MIN) return null;
		const { reports, heardMs, dueMs } = this.#whole;
		return { share: Math.floor((10_000 * heardMs) / dueMs) / 10_000, reports };
	}

	#turn(nowMs: MonoMs): void {
		const minute = Math.floor(nowMs / MINUTE_MS);
		if (minute === this.#minute) return;
		this.#whole = minute === this.#minute + 1 ? this.#running : undefined;
		this.#running = { reports: 0, heardMs: 0, dueMs: 0 };
		this.#minute = minute;
	}
}
