import type { MonoMs } from "#base/index.ts";

/** A return feed this long silent means that the stage is gone: it sends 50 packets per second, silence included. */
export const RETURN_SILENT_MS = 1_000;
/** A join that is not open after this long has failed. The usual one takes 0.1 s. */
export const JOIN_WITHIN_MS = 2_000;
/** Pause before the nth attempt in a row; the last value repeats. */
const PAUSES_MS = [0, 100, 250, 500, 500, 1_000] as const;

export type LinkState =
	| { readonly state: "resting"; readonly joinAtMs: MonoMs }
	| { readonly state: "joining"; readonly attempt: number; readonly deadlineMs: MonoMs }
	| { readonly state: "open"; readonly attempt: number; readonly silentAtMs: MonoMs };

export type LinkStep =
	| { readonly kind: "join"; readonly attempt: number }
	| { readonly kind: "drop"; readonly attempt: number; readonly trouble: string };

/**
 * When a synthetic speaker joins, gives up and joins again. Pure core: whoever owns the connection calls the
 * inputs, then drains `poll`, then sleeps until `deadlineMs`.
 *
 * Attempts are numbered; what is told about an attempt that is over is ignored.
 */
export class SpeakerLink {
	#now: LinkState;
	#attempts = 0;
	#failuresInARow = 0;
	#steps: LinkStep[] = [];

	constructor(nowMs: MonoMs) {
		this.#now = { state: "resting", joinAtMs: nowMs };
	}

	get state(): LinkState["state"] {
		return this.#now.state;
	}

	opened(attempt: number, nowMs: MonoMs): void {
		if (this.#now.state !== "joining" || this.#now.attempt !== attempt) return;
		this.#now = { state: "open", attempt, silentAtMs: (nowMs + RETURN_SILENT_MS) as MonoMs };
	}

	/** A packet of the return feed came. It alone proves that somebody is at the other end. */
	returned(attempt: number, nowMs: MonoMs): void {
		if (this.#now.state !== "open" || this.#now.attempt !== attempt) return;
		this.#failuresInARow = 0;
		this.#now = { state: "open", attempt, silentAtMs: (nowMs + RETURN_SILENT_MS) as MonoMs };
	}

	failed(attempt: number, trouble: string, nowMs: MonoMs): void {
		if (this.#now.state === "resting" || this.#now.attempt !== attempt) return;
		this.#drop(attempt, trouble, nowMs);
	}

	tick(nowMs: MonoMs): void {
		if (nowMs < this.deadlineMs) return;
		switch (this.#now.state) {
			case "resting":
				this.#attempts += 1;
				this.#now = { state: "joining", attempt: this.#attempts, deadlineMs: (nowMs + JOIN_WITHIN_MS) as MonoMs };
				this.#steps.push({ kind: "join", attempt: this.#attempts });
				return;
			case "joining":
				this.#drop(this.#now.attempt, "joining took too long", nowMs);
				return;
			case "open":
				this.#drop(this.#now.attempt, "the return feed fell silent", nowMs);
				return;
		}
	}

	poll(): LinkStep | undefined {
		return this.#steps.shift();
	}

	get deadlineMs(): MonoMs {
		switch (this.#now.state) {
			case "resting":
				return this.#now.joinAtMs;
			case "joining":
				return this.#now.deadlineMs;
			case "open":
				return this.#now.silentAtMs;
		}
	}

	#drop(attempt: number, trouble: string, nowMs: MonoMs): void {
		const pauseMs = PAUSES_MS[Math.min(this.#failuresInARow, PAUSES_MS.length - 1)] as number;
		this.#failuresInARow += 1;
		this.#now = { state: "resting", joinAtMs: (nowMs + pauseMs) as MonoMs };
		this.#steps.push({ kind: "drop", attempt, trouble });
	}
}
