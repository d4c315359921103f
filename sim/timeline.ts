/** Events closer together than this are one moment, in the order in which they were asked for. */
const STEP_MS = 5;

/** Simulated time, from `-beforeMs` to `afterMs`. What happens is kept in one list per moment: no order is ever sought. */
export class Timeline {
	readonly #moments: ((() => void)[] | undefined)[];
	readonly #beforeMs: number;
	#nth = 0;

	constructor(beforeMs: number, afterMs: number) {
		this.#beforeMs = beforeMs;
		this.#moments = Array.from({ length: Math.ceil((beforeMs + afterMs) / STEP_MS) }, () => undefined);
	}

	get nowMs(): number {
		return this.#nth * STEP_MS - this.#beforeMs;
	}

	/** The moment at or after a time. */
	round(atMs: number): number {
		return Math.ceil(atMs / STEP_MS) * STEP_MS;
	}

	/** Runs `event` at `atMs` or, where that has passed, next. What would come after the end never does. */
	at(atMs: number, event: () => void): void {
		const nth = Math.max(this.#nth, Math.ceil((atMs + this.#beforeMs) / STEP_MS));
		if (nth >= this.#moments.length) return;
		const moment = this.#moments[nth];
		if (moment) moment.push(event);
		else this.#moments[nth] = [event];
	}

	every(ms: number, event: () => void): void {
		const run = () => {
			event();
			this.at(this.nowMs + ms, run);
		};
		this.at(-this.#beforeMs, run);
	}

	/** Lets all of the time pass. */
	run(): void {
		for (this.#nth = 0; this.#nth < this.#moments.length; this.#nth += 1) {
			const moment = this.#moments[this.#nth];
			if (!moment) continue;
			// It may grow while it happens.
			for (let event = 0; event < moment.length; event += 1) moment[event]?.();
			this.#moments[this.#nth] = undefined;
		}
	}
}
