import type { MonoMs } from "#base/index.ts";

/** Waits before the first, second, third … restart in a row: what is killed once is back at once. */
const RESTART_AFTER_MS = [0, 250, 500, 1_000, 2_000, 5_000];
/** A process that ran this long is healthy: its next restart is a first one again. */
const HEALTHY_AFTER_MS = 30_000;

/** How long to wait before a process that ended is started again. Pure core. */
export class Restarts {
	#inARow = 0;
	#startedMs: MonoMs | undefined;

	started(nowMs: MonoMs): void {
		this.#startedMs = nowMs;
	}

	/** @returns milliseconds to wait; the longest wait is repeated for as long as it keeps ending. */
	ended(nowMs: MonoMs): number {
		if (this.#startedMs !== undefined && nowMs - this.#startedMs >= HEALTHY_AFTER_MS) this.#inARow = 0;
		const waitMs = RESTART_AFTER_MS[Math.min(this.#inARow, RESTART_AFTER_MS.length - 1)] as number;
		this.#inARow += 1;
		return waitMs;
	}
}
