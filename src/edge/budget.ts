import type { MonoMs } from "#base/index.ts";

/**
 * What a connection is doing, as far as patience with it goes.
 *
 * - `head`: its request head is incomplete.
 * - `idle`: nothing has come since the last answer.
 * - `body`: its request is with node:http, which closes when it has answered.
 * - `closing`: it has its last answer and may read it.
 * - `busy`: we owe it an answer, or it is reading one; the door watches that it does.
 * - `listening`: a push stream writes to it, and watches that it reads.
 */
export type ConnectionState = "head" | "idle" | "body" | "closing" | "busy" | "listening";

/** How long a connection may stay in a state; unlimited in the others. */
export const PATIENCE_MS = {
	/** A head in one packet takes one round trip; a phone on a bad line takes a few seconds. */
	head: 5_000,
	/** Longer than the 5 s and jitter at which players ask for the state. */
	idle: 15_000,
	/** The whole request and its answer. */
	body: 15_000,
	closing: 1_000,
} as const;
type Limited = keyof typeof PATIENCE_MS;
/** Who goes first when the room is full. Never one that is being answered or listens. */
const EVICTION_ORDER: readonly Limited[] = ["closing", "idle", "head"];

/**
 * Which connections are open, and which of them have run out of time.
 *
 * Pure core. All connections in a state have the same patience, so the order of entering is the order of
 * leaving: nothing is ever searched.
 */
export class ConnectionBudget<C> {
	readonly #connectionsMax: number;
	readonly #since: Record<Limited, Map<C, MonoMs>> = {
		head: new Map(),
		idle: new Map(),
		body: new Map(),
		closing: new Map(),
	};
	readonly #busy = new Set<C>();
	readonly #state = new Map<C, ConnectionState>();

	constructor(connectionsMax: number) {
		this.#connectionsMax = connectionsMax;
	}

	get count(): number {
		return this.#state.size;
	}

	/**
	 * Takes a new connection in, in state `head`.
	 *
	 * @returns whom to drop for it: nobody, the oldest that is unfinished, or the newcomer itself when all others
	 * are being served.
	 */
	admit(connection: C, nowMs: MonoMs): C | undefined {
		let evicted: C | undefined;
		if (this.#state.size >= this.#connectionsMax) {
			for (const state of EVICTION_ORDER) {
				evicted = this.#since[state].keys().next().value;
				if (evicted !== undefined) break;
			}
			if (evicted === undefined) return connection;
			this.remove(evicted);
		}
		this.#enter(connection, "head", nowMs);
		return evicted;
	}

	/** Moves a connection to another state and restarts its patience; nothing happens when it is there already or is unknown. */
	move(connection: C, state: ConnectionState, nowMs: MonoMs): void {
		const before = this.#state.get(connection);
		if (before === undefined || before === state) return;
		this.#exit(connection, before);
		this.#enter(connection, state, nowMs);
	}

	remove(connection: C): void {
		const before = this.#state.get(connection);
		if (before === undefined) return;
		this.#state.delete(connection);
		this.#exit(connection, before);
	}

	all(): IterableIterator<C> {
		return this.#state.keys();
	}

	busy(): IterableIterator<C> {
		return this.#busy.values();
	}

	/** Those whose time is up, with the state it ran out in. They stay until removed. */
	*expired(nowMs: MonoMs): Generator<readonly [C, Limited]> {
		for (const state of Object.keys(PATIENCE_MS) as Limited[]) {
			for (const [connection, sinceMs] of this.#since[state]) {
				if (nowMs - sinceMs < PATIENCE_MS[state]) break;
				yield [connection, state];
			}
		}
	}

	#enter(connection: C, state: ConnectionState, nowMs: MonoMs): void {
		this.#state.set(connection, state);
		if (state === "busy") this.#busy.add(connection);
		else if (state !== "listening") this.#since[state].set(connection, nowMs);
	}

	#exit(connection: C, state: ConnectionState): void {
		if (state === "busy") this.#busy.delete(connection);
		else if (state !== "listening") this.#since[state].delete(connection);
	}
}
