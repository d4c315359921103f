import type { MonoMs } from "#base/index.ts";

/** Waits before the first, second, third … restart of a process that does not get going. */
const RESTART_AFTER_MS = [0, 250, 500, 1_000, 2_000, 5_000];
/** A process that was ready for this long got going: whatever ended it, it is started again at once. */
const HEALTHY_AFTER_MS = 1_000;

/**
 * How long to wait before a process that ended is started again. Pure core.
 *
 * Only what keeps ending before it can do its work is made to wait: for a process that works, every moment of
 * absence is heard or seen by somebody, however often it is killed.
 */
export class Restarts {
	#inARow = 0;
	#readyMs: MonoMs | undefined;

	started(): void {
		this.#readyMs = undefined;
	}

	ready(nowMs: MonoMs): void {
		this.#readyMs = nowMs;
	}

	/** @returns milliseconds to wait; the longest wait is repeated for as long as it keeps ending. */
	ended(nowMs: MonoMs): number {
		if (this.#readyMs !== undefined && nowMs - this.#readyMs >= HEALTHY_AFTER_MS) this.#inARow = 0;
		const waitMs = RESTART_AFTER_MS[Math.min(this.#inARow, RESTART_AFTER_MS.length - 1)] as number;
		this.#inARow += 1;
		return waitMs;
	}
}
