import { backOffMs } from "./retry.ts";

const POLL_MS = 5_000;
/** Where states come another way, or nothing will change. */
const POLL_SLOW_MS = 30_000;

/** When to ask for the state. Pure: whoever asks says how it went. */
export class PollPlan {
	readonly #random: () => number;
	#failures = 0;
	#asking = false;
	/** The next time to ask. */
	atMs: number;

	constructor(random: () => number, nowMs: number) {
		this.#random = random;
		this.atMs = nowMs + POLL_MS * (0.2 + 0.8 * random());
	}

	/** @returns whether to ask now; then either `answered` or `failed` follows. */
	due(nowMs: number): boolean {
		if (this.#asking || nowMs < this.atMs) return false;
		this.#asking = true;
		return true;
	}

	/** A state came, asked for or not. @param slow the next one may take its time. @returns whether it had been asked for. */
	answered(nowMs: number, slow: boolean): boolean {
		const asked = this.#asking;
		this.#asking = false;
		this.#failures = 0;
		// Jittered, so that a million pages do not ask in step.
		this.atMs = nowMs + (slow ? POLL_SLOW_MS : POLL_MS) * (0.8 + 0.4 * this.#random());
		return asked;
	}

	failed(nowMs: number): void {
		this.#asking = false;
		this.#failures += 1;
		this.atMs = nowMs + POLL_MS * (0.8 + 0.4 * this.#random()) + backOffMs(this.#failures + 2, this.#random());
	}

	/** Something changed that the state will tell: ask within `withinMs`. */
	soon(nowMs: number, withinMs: number): void {
		this.atMs = Math.min(this.atMs, nowMs + withinMs * this.#random());
	}
}
