import { backOffMs } from "./retry.ts";

/** A segment that takes longer is asked for anew. */
const SEGMENT_MS_MAX = 16_000;
/** Refused this often, a segment is not to be had. */
const REFUSALS_MAX = 4;
/** A lost connection says nothing of the segment: wait as after this many failures. */
const LOST_FAILURES = 3;

type State =
	| { readonly at: "off" }
	| { readonly at: "waiting"; readonly untilMs: number }
	| { readonly at: "open"; readonly id: number; readonly openedMs: number; readonly sequence: number };

/** Segments, one after the other: which is on its way, and when the next may be asked for. Pure. */
export class PullLink {
	readonly #random: () => number;
	#state: State = { at: "off" };
	#refusals = { sequence: -1, count: 0 };

	/** @param random uniform in [0, 1). */
	constructor(random: () => number) {
		this.#random = random;
	}

	get isOpen(): boolean {
		return this.#state.at === "open";
	}

	/** Of the segment that is on its way. */
	get sequence(): number | undefined {
		return this.#state.at === "open" ? this.#state.sequence : undefined;
	}

	is(id: number): boolean {
		return this.#state.at === "open" && this.#state.id === id;
	}

	mayOpen(nowMs: number): boolean {
		return this.#state.at === "off" || (this.#state.at === "waiting" && nowMs >= this.#state.untilMs);
	}

	open(id: number, sequence: number, nowMs: number): void {
		this.#state = { at: "open", id, openedMs: nowMs, sequence };
	}

	isOverdue(nowMs: number): boolean {
		return this.#state.at === "open" && nowMs - this.#state.openedMs > SEGMENT_MS_MAX;
	}

	done(): void {
		this.#state = { at: "off" };
	}

	/** The connection was lost. */
	lost(nowMs: number): void {
		this.#state = { at: "waiting", untilMs: nowMs + backOffMs(LOST_FAILURES, this.#random()) };
	}

	/** The server has no such segment, or not all of it. @returns whether it is to be given up. */
	refused(sequence: number, nowMs: number, retryAfterMs: number): boolean {
		const count = (this.#refusals.sequence === sequence ? this.#refusals.count : 0) + 1;
		this.#refusals = { sequence, count };
		this.#state = { at: "waiting", untilMs: nowMs + Math.max(retryAfterMs, backOffMs(count, this.#random())) };
		return count >= REFUSALS_MAX;
	}

	/** @returns the request to let go, if one was open. */
	drop(): number | undefined {
		const id = this.#state.at === "open" ? this.#state.id : undefined;
		this.#state = { at: "off" };
		return id;
	}

	/** Another place is wanted: what was refused there says nothing of here. */
	moved(): void {
		this.#refusals = { sequence: -1, count: 0 };
		this.hurry();
	}

	hurry(): void {
		if (this.#state.at === "waiting") this.#state = { at: "off" };
	}
}
