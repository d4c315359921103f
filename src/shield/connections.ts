import type { MonoMs } from "#base/index.ts";

/**
 * What a connection is doing, as far as patience with it goes.
 *
 * - `head`: its handshake or its request head is incomplete.
 * - `idle`: nothing has come since the last answer.
 * - `body`: its request is with node:http, which closes when it has answered.
 * - `closing`: it has its last answer and may read it.
 * - `busy`: we owe it an answer, or it is reading one.
 * - `stalled`: it was reading an answer, or listening, and takes nothing any more.
 * - `admitted`: it listens, or has shown that it belongs here. Never evicted.
 */
export type ConnectionState = "head" | "idle" | "body" | "closing" | "busy" | "stalled" | "admitted";

/** How long a connection may stay in a state; unlimited in the others. */
export const PATIENCE_MS = {
	/** A head in one packet takes one round trip; a phone on a bad line takes a few seconds. */
	head: 5_000,
	/** Longer than the 5 s and jitter at which players ask for the state. */
	idle: 15_000,
	/** The whole request and its answer. */
	body: 15_000,
	/** A player that was in a tunnel this long gets everything it missed at once; beyond it the sound it needs is no longer pushed. */
	stalled: 30_000,
	closing: 1_000,
} as const;
type Limited = keyof typeof PATIENCE_MS;
export type Patience = Readonly<Record<Limited, number>>;
const LIMITED = Object.keys(PATIENCE_MS) as Limited[];

/**
 * Which connections are open, which of them have run out of time, and who goes for a newcomer when there is no room.
 *
 * Never one that is admitted or being answered. First who has its last answer, then the oldest that is stalled, then the
 * oldest unfinished one (head or body) that is suspect, then the one idle for longest, then the
 * oldest unfinished one. Where all those left are being served, it is the newcomer.
 *
 * So a newcomer has `connectionsMax` ÷ *newcomers per second* to finish its request, whoever else is slow; and those who
 * have been evicted before share that time among themselves.
 *
 * Pure core. All connections in a state have the same patience, so the order of entering is the order of leaving:
 * nothing is ever searched.
 */
export class ConnectionBudget<C> {
	readonly #connectionsMax: number;
	readonly #patience: Patience;
	readonly #since: Record<Limited, Map<C, MonoMs>> = {
		head: new Map(),
		idle: new Map(),
		body: new Map(),
		stalled: new Map(),
		closing: new Map(),
	};
	/** Those of `head` and `body` that came as suspects, in the order in which they came. */
	readonly #suspects = new Set<C>();
	readonly #busy = new Set<C>();
	readonly #state = new Map<C, ConnectionState>();

	constructor(connectionsMax: number, patience: Patience = PATIENCE_MS) {
		this.#connectionsMax = connectionsMax;
		this.#patience = patience;
	}

	get count(): number {
		return this.#state.size;
	}

	/** Who goes next is somebody unfinished: before that it is worth looking who of those being answered has stalled. */
	get isTight(): boolean {
		return this.#since.closing.size + this.#since.stalled.size + this.#suspects.size === 0;
	}

	/** Those that are in no other state: what no newcomer can push out. */
	get admittedCount(): number {
		const passing = LIMITED.reduce((sum, state) => sum + this.#since[state].size, this.#busy.size);
		return this.#state.size - passing;
	}

	/**
	 * Takes a new connection in, in state `head`.
	 *
	 * @param options.heldElsewhere descriptors in use that are no connections, taken off the limit.
	 * @returns whom to drop for it: nobody, another, or the newcomer itself when all others are being served.
	 */
	admit(connection: C, nowMs: MonoMs, { heldElsewhere = 0 }: { readonly heldElsewhere?: number } = {}): C | undefined {
		let evicted: C | undefined;
		if (this.#state.size + heldElsewhere >= this.#connectionsMax) {
			evicted = this.#toEvict();
			if (evicted === undefined) return connection;
			this.remove(evicted);
		}
		this.#enter(connection, "head", nowMs);
		return evicted;
	}

	/** It goes before others that are unfinished, until its request is together. */
	suspect(connection: C): void {
		const state = this.#state.get(connection);
		if (state === "head" || state === "body") this.#suspects.add(connection);
	}

	/** Moves a connection to another state and restarts its patience; nothing happens when it is there already or is unknown. */
	move(connection: C, state: ConnectionState, nowMs: MonoMs): void {
		const before = this.#state.get(connection);
		if (before === undefined || before === state) return;
		this.#exit(connection, before);
		if (state !== "head" && state !== "body") this.#suspects.delete(connection);
		this.#enter(connection, state, nowMs);
	}

	remove(connection: C): void {
		const before = this.#state.get(connection);
		if (before === undefined) return;
		this.#state.delete(connection);
		this.#suspects.delete(connection);
		this.#exit(connection, before);
	}

	stateOf(connection: C): ConnectionState | undefined {
		return this.#state.get(connection);
	}

	all(): IterableIterator<C> {
		return this.#state.keys();
	}

	busy(): IterableIterator<C> {
		return this.#busy.values();
	}

	/** The longest stalled first. */
	stalled(): IterableIterator<C> {
		return this.#since.stalled.keys();
	}

	/** Those whose time is up, with the state it ran out in. They stay until removed. */
	*expired(nowMs: MonoMs): Generator<readonly [C, Limited]> {
		for (const state of LIMITED) {
			for (const [connection, sinceMs] of this.#since[state]) {
				if (nowMs - sinceMs < this.#patience[state]) break;
				yield [connection, state];
			}
		}
	}

	#toEvict(): C | undefined {
		const { head, idle, body, stalled, closing } = this.#since;
		return first(closing) ?? first(stalled) ?? first(this.#suspects) ?? first(idle) ?? older(head, body);
	}

	#enter(connection: C, state: ConnectionState, nowMs: MonoMs): void {
		this.#state.set(connection, state);
		if (state === "busy") this.#busy.add(connection);
		else if (state !== "admitted") this.#since[state].set(connection, nowMs);
	}

	#exit(connection: C, state: ConnectionState): void {
		if (state === "busy") this.#busy.delete(connection);
		else if (state !== "admitted") this.#since[state].delete(connection);
	}
}

function first<C>(connections: { keys(): IterableIterator<C> }): C | undefined {
	return connections.keys().next().value;
}

function older<C>(one: ReadonlyMap<C, MonoMs>, other: ReadonlyMap<C, MonoMs>): C | undefined {
	const [a, b] = [one.entries().next().value, other.entries().next().value];
	if (!a || !b) return (a ?? b)?.[0];
	return a[1] <= b[1] ? a[0] : b[0];
}
