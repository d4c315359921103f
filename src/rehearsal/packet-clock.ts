import type { MonoMs } from "#base/index.ts";

/** Packets sent at once after a stall. What is older than these is not sent at all: nobody waits for it any more. */
export const CATCH_UP_PACKETS_MAX = 10;

/**
 * Says which packets of a voice are due. Pure core.
 *
 * Packet k is due at k × `packetMs` of the machine's monotonic clock, so voices in any number of processes
 * keep their turns. `offPpm` makes this clock run fast, as a sound card's does, from the moment it is made.
 */
export class PacketClock {
	readonly #packetMs: number;
	readonly #rate: number;
	readonly #originMs: number;
	#next: number;

	/** @param packetMs 10, 20, 40 or 60. @param offPpm parts per million; above 0 is fast. */
	constructor(options: { readonly packetMs: number; readonly offPpm: number; readonly nowMs: MonoMs }) {
		this.#packetMs = options.packetMs;
		this.#rate = 1 + options.offPpm / 1e6;
		this.#originMs = options.nowMs;
		this.#next = this.#newestAt(options.nowMs) + 1;
	}

	/** Numbers of the packets due at `nowMs` that were not given out before, oldest first. */
	*due(nowMs: MonoMs): Generator<number> {
		const newest = this.#newestAt(nowMs);
		this.#next = Math.max(this.#next, newest + 1 - CATCH_UP_PACKETS_MAX);
		while (this.#next <= newest) yield this.#next++;
	}

	get deadlineMs(): MonoMs {
		return this.dueMs(this.#next);
	}

	/** When packet `index` is due. */
	dueMs(index: number): MonoMs {
		return (this.#originMs + (index * this.#packetMs - this.#originMs) / this.#rate) as MonoMs;
	}

	#newestAt(nowMs: number): number {
		return Math.floor((this.#originMs + (nowMs - this.#originMs) * this.#rate) / this.#packetMs);
	}
}
