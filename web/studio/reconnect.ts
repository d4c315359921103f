/** Why the studio does not let this browser speak; trying again by itself would not help. */
export type Refusal = "not_allowed" | "gone" | "full" | "unsupported";

export type SeatConnection =
	| { readonly state: "idle" }
	/** The offer is under way. `attempt` counts from 0 since the last time sound flowed. */
	| { readonly state: "offering"; readonly attempt: number; readonly sinceMs: number }
	/** Answered; waiting for the first packet of the return feed. */
	| { readonly state: "connecting"; readonly attempt: number; readonly sinceMs: number }
	| { readonly state: "connected"; readonly sinceMs: number }
	| { readonly state: "waiting"; readonly attempt: number; readonly untilMs: number }
	| { readonly state: "refused"; readonly reason: Refusal; readonly code: string | undefined }
	| { readonly state: "left" };

export type OfferFailure = {
	/** HTTP status; 0 when nothing answered. */
	readonly status: number;
	/** The problem's code, when the answer named one. */
	readonly code?: string | undefined;
	readonly retryAfterMs?: number | undefined;
};

/** The return feed has 50 packets a second, also in silence: this long without one means that the way is dead. */
export const SILENT_WAY_MS = 1_000;
/** An offer that nobody answers by then is given up. */
export const OFFER_MAX_MS = 4_000;
/** ICE, DTLS and the first packet take under 0.5 s on a good network, some 3 s on a bad one. */
export const CONNECT_MAX_MS = 6_000;
const BACKOFF_FIRST_MS = 200;
const BACKOFF_MAX_MS = 3_000;
/** A server that says "later" is believed up to here. */
const RETRY_AFTER_MAX_MS = 10_000;

/**
 * Decides when a speaker's browser must make its connection anew.
 *
 * Pure core: tell it what happened and the time, drain `poll`, call `tick` at `deadlineMs`. Same seat, same
 * token: the stage replaces what the seat had.
 *
 * - CONNECTED → OFFERING at once when packets stop for `SILENT_WAY_MS`, ICE fails, or the stage was replaced.
 * - A failed attempt waits 0.2 s, then twice as long each time up to 3 s, less a random half, so that thirteen
 *   browsers do not return in step; a stage that becomes ready ends the wait.
 * - Refusals end it until `start` is called again.
 */
export class Reconnect {
	readonly #random: () => number;
	#connection: SeatConnection = { state: "idle" };
	#outputs: "offer"[] = [];
	/** Packets seen on the present connection, and when the count last grew. */
	#packets = 0;
	#packetMs = 0;
	#stage: { ready: boolean; epoch: number } | undefined;
	/** Epoch of the stage that the last offer was made to. */
	#offeredEpoch: number | undefined;

	/** @param random uniform in [0, 1). */
	constructor(random: () => number) {
		this.#random = random;
	}

	get connection(): SeatConnection {
		return this.#connection;
	}

	/** When `tick` must be called at the latest; undefined: only news matters. */
	get deadlineMs(): number | undefined {
		const c = this.#connection;
		if (c.state === "offering") return c.sinceMs + OFFER_MAX_MS;
		if (c.state === "connecting") return c.sinceMs + CONNECT_MAX_MS;
		if (c.state === "connected") return this.#packetMs + SILENT_WAY_MS;
		return c.state === "waiting" ? c.untilMs : undefined;
	}

	/** Takes one thing to do: make a new peer connection and offer it, closing what was before. */
	poll(): "offer" | undefined {
		return this.#outputs.shift();
	}

	/** Connects, or connects anew at once: the network returned, the person asked. */
	start(nowMs: number): void {
		this.#offer(0, nowMs);
	}

	leave(): void {
		this.#connection = { state: "left" };
		this.#outputs = [];
	}

	answered(nowMs: number): void {
		if (this.#connection.state !== "offering") return;
		this.#packets = 0;
		this.#connection = { state: "connecting", attempt: this.#connection.attempt, sinceMs: nowMs };
	}

	offerFailed(failure: OfferFailure, nowMs: number): void {
		if (this.#connection.state !== "offering") return;
		const { status, code } = failure;
		const refuse = (reason: Refusal) => {
			this.#connection = { state: "refused", reason, code };
		};
		if (status === 401 || status === 403) return refuse("not_allowed");
		if (status === 404 || status === 410) return refuse("gone");
		if (status === 409) return refuse(code === "studio_full" ? "full" : "gone");
		if (400 <= status && status < 500 && status !== 408 && status !== 425 && status !== 429)
			return refuse("unsupported");
		this.#wait(this.#connection.attempt, nowMs, failure.retryAfterMs);
	}

	/** @param received packets of the present connection so far. */
	packets(received: number, nowMs: number): void {
		const c = this.#connection;
		if ((c.state !== "connecting" && c.state !== "connected") || received <= this.#packets) return;
		this.#packets = received;
		this.#packetMs = nowMs;
		if (c.state === "connecting") this.#connection = { state: "connected", sinceMs: nowMs };
	}

	iceFailed(nowMs: number): void {
		const c = this.#connection;
		if (c.state === "connected") this.#offer(0, nowMs);
		else if (c.state === "connecting") this.#wait(c.attempt, nowMs);
	}

	/** What the studio says of the stage. Every connection made to another epoch is dead. */
	stage(ready: boolean, epoch: number, nowMs: number): void {
		const before = this.#stage;
		this.#stage = { ready, epoch };
		const { state } = this.#connection;
		if (state === "idle" || state === "refused" || state === "left" || !ready) return;
		this.#offeredEpoch ??= epoch;
		if (this.#offeredEpoch !== epoch) return this.#offer(0, nowMs);
		if (state === "waiting" && before && !before.ready) this.#offer(0, nowMs);
	}

	tick(nowMs: number): void {
		const deadlineMs = this.deadlineMs;
		if (deadlineMs === undefined || nowMs < deadlineMs) return;
		const c = this.#connection;
		if (c.state === "offering" || c.state === "connecting") this.#wait(c.attempt, nowMs);
		else if (c.state === "connected") this.#offer(0, nowMs);
		else if (c.state === "waiting") this.#offer(c.attempt + 1, nowMs);
	}

	#offer(attempt: number, nowMs: number): void {
		this.#connection = { state: "offering", attempt, sinceMs: nowMs };
		this.#offeredEpoch = this.#stage?.ready ? this.#stage.epoch : undefined;
		this.#outputs = ["offer"];
	}

	#wait(attempt: number, nowMs: number, retryAfterMs = 0): void {
		const fullMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** attempt);
		const backoffMs = fullMs * (0.5 + 0.5 * this.#random());
		const waitMs = Math.max(backoffMs, Math.min(retryAfterMs, RETRY_AFTER_MAX_MS));
		this.#connection = { state: "waiting", attempt, untilMs: nowMs + waitMs };
	}
}
