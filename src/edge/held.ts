import type { MonoMs } from "#base/index.ts";
import { TARGET_DURATION_S } from "./playlist.ts";

/** Requests that may wait for one programme's parts at once. Each holds a connection and some 200 bytes. More are told to come back. */
export const HELD_MAX = 20_000;
/** rfc8216bis §6.2.5.2: a server that cannot answer after three target durations says so. */
export const HELD_MS_MAX = 3 * TARGET_DURATION_S * 1000;

/** A request that waits. `wake` is called once: because what it waits for is there or never will be, or because it is late. */
export type Waiter = { readonly part: number; readonly sinceMs: MonoMs; readonly wake: (late: boolean) => void };

/** How many are woken between two looks at whoever asks about time. */
const WAKES_PER_LOOK = 16;

/**
 * Requests for what is about to exist: playlists that hold a part, and the part itself.
 *
 * Pure core: no socket, no clock, no timer. Whoever owns it calls `arrived`, `release` and `expire` as things happen,
 * then `step` while `pending`, giving way to other work in between.
 */
export class HeldRequests {
	readonly #byPart = new Map<number, Set<Waiter>>();
	/** Those to be woken, in the order their reasons came. */
	#due: { readonly waiters: Set<Waiter>; readonly late: boolean }[] = [];
	#count = 0;

	/** Those that wait and those that are due. */
	get count(): number {
		return this.#count;
	}

	get full(): boolean {
		return this.#count >= HELD_MAX;
	}

	get pending(): boolean {
		return this.#due.length > 0;
	}

	hold(waiter: Waiter): void {
		let waiters = this.#byPart.get(waiter.part);
		if (!waiters) this.#byPart.set(waiter.part, (waiters = new Set()));
		waiters.add(waiter);
		this.#count += 1;
	}

	/** Forgets one whose connection closed. */
	leave(waiter: Waiter): void {
		const waiters = this.#byPart.get(waiter.part);
		const left = waiters?.delete(waiter) || this.#due.some((group) => group.waiters.delete(waiter));
		if (waiters?.size === 0) this.#byPart.delete(waiter.part);
		if (left) this.#count -= 1;
	}

	/** Everything before `nextPart` is there. */
	arrived(nextPart: number): void {
		for (const [part, waiters] of this.#byPart) if (part < nextPart) this.#move(part, waiters);
	}

	/** Nothing from `part` on will ever come. */
	release(part: number): void {
		for (const [waited, waiters] of this.#byPart) if (waited >= part) this.#move(waited, waiters);
	}

	/** Wakes those that have waited for HELD_MS_MAX. */
	expire(nowMs: MonoMs): void {
		const late = new Set<Waiter>();
		for (const [part, waiters] of this.#byPart) {
			for (const waiter of waiters) {
				if (nowMs - waiter.sinceMs < HELD_MS_MAX) break;
				waiters.delete(waiter);
				late.add(waiter);
			}
			if (waiters.size === 0) this.#byPart.delete(part);
		}
		if (late.size > 0) this.#due.push({ waiters: late, late: true });
	}

	/** Wakes those that are due until none is left or `outOfTime` says so. Who is woken may ask to be held again. */
	step(outOfTime: () => boolean): void {
		let wakes = 0;
		for (let group = this.#due[0]; group; group = this.#due[0]) {
			for (const waiter of group.waiters) {
				group.waiters.delete(waiter);
				this.#count -= 1;
				waiter.wake(group.late);
				wakes += 1;
				if (wakes % WAKES_PER_LOOK === 0 && outOfTime()) {
					if (group.waiters.size === 0) this.#due.shift();
					return;
				}
			}
			this.#due.shift();
		}
	}

	#move(part: number, waiters: Set<Waiter>): void {
		this.#byPart.delete(part);
		this.#due.push({ waiters, late: false });
	}
}
