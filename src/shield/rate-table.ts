import type { MonoMs, Random } from "#base/index.ts";
import { KeyedHash } from "./keyed-hash.ts";

const WAYS = 4;
const PLACE_BYTES = 12;

/**
 * What each of many keys owes (the theoretical arrival time of GCRA, ITU-T I.371), in fixed memory.
 *
 * A table of buckets of four places. A key that finds no place takes the one that is nearest to being forgotten, with
 * the debt that stands there: under more keys than places strangers share debts, and nobody gets a fresh burst by
 * pushing others out. The hash is keyed, so that places cannot be aimed at.
 */
export class RateTable {
	readonly #hash: KeyedHash;
	readonly #bucketMask: number;
	readonly #paidMs: Float64Array;
	/** 0: nobody has had the place yet. */
	readonly #tags: Uint32Array;

	/** @param placesLog2 the table has 2^placesLog2 places of 12 bytes: 20 is 12 MiB. 2 to 24. */
	constructor(placesLog2: number, random: Random) {
		this.#hash = new KeyedHash(random.bytes(8));
		this.#bucketMask = 2 ** placesLog2 / WAYS - 1;
		this.#paidMs = new Float64Array(2 ** placesLog2);
		this.#tags = new Uint32Array(2 ** placesLog2);
	}

	/** Memory of the table, in bytes; it never changes. */
	get bytes(): number {
		return this.#tags.length * PLACE_BYTES;
	}

	/** The place of a key of five words. It stays the key's until as many others as a bucket holds have come. */
	placeOf(word0: number, word1: number, word2: number, word3: number, word4: number): number {
		this.#hash.of(word0, word1, word2, word3, word4);
		const tag = (this.#hash.high | 1) >>> 0;
		const from = (this.#hash.low & this.#bucketMask) * WAYS;
		let oldest = from;
		for (let place = from; place < from + WAYS; place += 1) {
			if (this.#tags[place] === tag) return place;
			if ((this.#paidMs[place] as number) < (this.#paidMs[oldest] as number)) oldest = place;
		}
		this.#tags[oldest] = tag;
		return oldest;
	}

	/** How long until a request with this interval and burst would pass at a place; 0 or less: now. */
	waitMs(place: number, intervalMs: number, burst: number, nowMs: MonoMs): number {
		return Math.max(0, (this.#paidMs[place] as number) - nowMs) - (burst - 1) * intervalMs;
	}

	/** Charges a place with one request. */
	charge(place: number, intervalMs: number, nowMs: MonoMs): void {
		this.#paidMs[place] = Math.max(this.#paidMs[place] as number, nowMs) + intervalMs;
	}
}
