import { backOffMs } from "./retry.ts";

/** A push without its first sound for this long is withheld on the way; without more for two writes and half of it, dead. */
const SILENT_MS_MAX = 4_000;
const CONNECT_MS_MAX = 8_000;
/** After this many pushes that were withheld (one, where none ever worked), segments are fetched instead, for so long. */
const WITHHELD_MAX = 2;
const SEGMENTS_INSTEAD_MS = 120_000;
/** A push that lasted this long was good: its loss is answered at once, spread over the reserve. */
const GOOD_MS = 5_000;
const SPREAD_MS_MAX = 5_000;
/** Left of the reserve for the connection itself. */
const SPREAD_MARGIN_MS = 400;
/** Once the server can be reached again, connections come back within this, not all at once. */
const SOON_MS = 1_000;
/** On top of what Retry-After says. */
const TOLD_SPREAD_MS = 2_000;

type State =
	| { readonly at: "off" }
	/** `told`: the server said when. */
	| { readonly at: "waiting"; readonly untilMs: number; readonly told: boolean }
	| {
			readonly at: "open";
			readonly id: number;
			readonly openedMs: number;
			answered: boolean;
			lastMs: number;
			/** One past the newest sample it brought; undefined before the first. */
			toSample: number | undefined;
	  };

/**
 * The one long response that brings live sound: whether it is there, and when it may be asked for again. Pure.
 *
 * - OFF: nobody wants it. WAITING: it was lost, and is asked for again at `untilMs`. OPEN: asked for, or bringing sound.
 */
export class PushLink {
	readonly #random: () => number;
	#state: State = { at: "off" };
	#failures = 0;
	#withheld = 0;
	#everWorked = false;
	#segmentsUntilMs = 0;

	/** @param random uniform in [0, 1). */
	constructor(random: () => number) {
		this.#random = random;
	}

	get isOpen(): boolean {
		return this.#state.at === "open";
	}

	/** One past the newest sample it brought; undefined when it is not open or has brought nothing. */
	get toSample(): number | undefined {
		return this.#state.at === "open" ? this.#state.toSample : undefined;
	}

	/** Pushes are withheld on the way for now: segments bring sound instead. */
	segmentsInstead(nowMs: number): boolean {
		return nowMs < this.#segmentsUntilMs;
	}

	mayOpen(nowMs: number): boolean {
		return this.#state.at === "off" || (this.#state.at === "waiting" && nowMs >= this.#state.untilMs);
	}

	/** When it may be asked for again, once it was lost; undefined in the other states. */
	get againMs(): number | undefined {
		return this.#state.at === "waiting" ? this.#state.untilMs : undefined;
	}

	open(id: number, nowMs: number): void {
		this.#state = { at: "open", id, openedMs: nowMs, answered: false, lastMs: nowMs, toSample: undefined };
	}

	is(id: number): boolean {
		return this.#state.at === "open" && this.#state.id === id;
	}

	answered(nowMs: number): void {
		if (this.#state.at !== "open") return;
		this.#state.answered = true;
		this.#state.lastMs = nowMs;
	}

	brought(toSample: number, nowMs: number): void {
		if (this.#state.at !== "open") return;
		this.#state.lastMs = nowMs;
		this.#state.toSample = toSample;
		this.#withheld = 0;
		this.#everWorked = true;
	}

	/** Whether it has said nothing for too long. Notes when it was withheld. */
	isSilent(nowMs: number, writeMs: number): boolean {
		const state = this.#state;
		if (state.at !== "open") return false;
		const silentMs = nowMs - state.lastMs;
		if (!state.answered) return silentMs > CONNECT_MS_MAX;
		if (state.toSample !== undefined) return silentMs > 2 * writeMs + SILENT_MS_MAX / 2;
		if (silentMs <= SILENT_MS_MAX) return false;
		this.#withheld += 1;
		if (this.#withheld >= (this.#everWorked ? WITHHELD_MAX : 1)) this.#segmentsUntilMs = nowMs + SEGMENTS_INSTEAD_MS;
		return true;
	}

	/**
	 * It ended, or was refused: it is asked for again, later each time. One that was good comes back at once, but spread
	 * over the reserve, so that all who were on one worker do not come in the same moment.
	 *
	 * @param aheadMs sound that can still be heard. @param retryAfterMs what the server said, 0 for nothing.
	 * @returns the connection that was open.
	 */
	lost(nowMs: number, aheadMs: number, retryAfterMs: number): number | undefined {
		const state = this.#state;
		const good = state.at === "open" && state.toSample !== undefined && nowMs - state.openedMs > GOOD_MS;
		if (good) this.#failures = 0;
		let delayMs = good
			? this.#random() * Math.max(0, Math.min(SPREAD_MS_MAX, aheadMs - SPREAD_MARGIN_MS))
			: backOffMs(this.#failures, this.#random());
		this.#failures += 1;
		if (retryAfterMs > 0) delayMs = Math.max(delayMs, retryAfterMs + TOLD_SPREAD_MS * this.#random());
		this.#state = { at: "waiting", untilMs: nowMs + delayMs, told: retryAfterMs > 0 };
		return state.at === "open" ? state.id : undefined;
	}

	/** @returns the connection to let go, if one was open. */
	drop(): number | undefined {
		const id = this.#state.at === "open" ? this.#state.id : undefined;
		this.#state = { at: "off" };
		return id;
	}

	/** The server can be reached after all: no reason to wait out the back-off. What it told us holds. */
	comeBack(nowMs: number): void {
		this.#noLaterThan(nowMs + SOON_MS * this.#random());
	}

	/** There is a reason to try now: the network is back, or somebody looks. */
	hurry(nowMs: number): void {
		this.#failures = 0;
		this.#noLaterThan(nowMs);
	}

	#noLaterThan(untilMs: number): void {
		const state = this.#state;
		if (state.at === "waiting" && !state.told && state.untilMs > untilMs) this.#state = { ...state, untilMs };
	}
}
