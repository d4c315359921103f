import type { MonoMs, Random } from "#base/index.ts";
import type { ClientAddress } from "./address.ts";
import { KeyedHash } from "./keyed-hash.ts";

/** What one address may ask for; wider prefixes get eight times as much at each step. */
export type PrefixRate = {
	/** Requests at once after a pause, at least 1. */
	readonly burst: number;
	/** Requests per second in the long run, above 0. */
	readonly perS: number;
};

/** A provider gives a household a /64, /56 or /48, and many households one IPv4 address: all are counted at once. */
const LEVELS = {
	4: [
		{ bits: 32, times: 1 },
		{ bits: 24, times: 8 },
	],
	6: [
		{ bits: 64, times: 1 },
		{ bits: 56, times: 8 },
		{ bits: 48, times: 64 },
	],
} as const;
const LEVELS_MAX = 3;
const WAYS = 4;

/**
 * How much each address and each prefix around it has asked for (GCRA, ITU-T I.371), in fixed memory.
 *
 * A table of buckets of four places. What finds no place takes the one that is nearest to being forgotten, with the
 * debt that stands there: under more prefixes than places strangers share debts, and nobody gets a fresh burst by
 * pushing others out [SH3]. The hash is keyed, so that places cannot be aimed at.
 */
export class PrefixLimits {
	readonly #intervalMs: number;
	readonly #burst: number;
	readonly #hash: KeyedHash;
	readonly #bucketMask: number;
	/** Theoretical arrival time of each place; 0 is never used. */
	readonly #tats: Float64Array;
	readonly #tags: Uint32Array;
	/** Places that the address being looked at has at each level. */
	readonly #found = new Uint32Array(LEVELS_MAX);

	/** @param options.placesLog2 the table has 2^placesLog2 places of 12 bytes: 20 is 12 MiB. 2 to 24. */
	constructor(options: { readonly rate: PrefixRate; readonly placesLog2: number; readonly random: Random }) {
		const { rate, placesLog2, random } = options;
		this.#intervalMs = 1_000 / rate.perS;
		this.#burst = rate.burst;
		this.#hash = new KeyedHash(random.bytes(8));
		const places = 2 ** placesLog2;
		this.#bucketMask = places / WAYS - 1;
		this.#tats = new Float64Array(places);
		this.#tags = new Uint32Array(places);
	}

	/**
	 * Charges an address and its prefixes with one request, unless one of them has asked for too much; then none is.
	 *
	 * @returns 0 when it may pass, else the milliseconds until the same request would.
	 */
	take(address: ClientAddress, nowMs: MonoMs): number {
		const levels = LEVELS[address.family];
		let waitMs = 0;
		for (let nth = 0; nth < levels.length; nth += 1) {
			const { bits, times } = levels[nth] as (typeof levels)[number];
			const place = this.#placeOf(address, bits);
			this.#found[nth] = place;
			const intervalMs = this.#intervalMs / times;
			const debtMs = Math.max(this.#tats[place] as number, nowMs) - nowMs;
			waitMs = Math.max(waitMs, debtMs - (this.#burst * times - 1) * intervalMs);
		}
		// A rounding error of the sums is no reason to refuse.
		if (waitMs > 1e-6) return waitMs;
		for (let nth = 0; nth < levels.length; nth += 1) {
			const place = this.#found[nth] as number;
			const { times } = levels[nth] as (typeof levels)[number];
			this.#tats[place] = Math.max(this.#tats[place] as number, nowMs) + this.#intervalMs / times;
		}
		return 0;
	}

	/** Memory of the table, in bytes; it never changes. */
	get bytes(): number {
		return this.#tats.byteLength + this.#tags.byteLength;
	}

	#placeOf({ family, words }: ClientAddress, bits: number): number {
		const [first, second, , fourth] = words;
		if (family === 4) this.#hash.of(bits, 0, 0, 0, bits === 32 ? fourth : fourth & ~0xff);
		// All levels of IPv6 end within the second word: 48, 56 or 64 bits.
		else this.#hash.of(bits, first, second & (-1 << (64 - bits)), 0, 0);
		// 0 is an empty place.
		const tag = this.#hash.high | 1;
		const from = (this.#hash.low & this.#bucketMask) * WAYS;
		let oldest = from;
		for (let place = from; place < from + WAYS; place += 1) {
			if (this.#tags[place] === tag >>> 0) return place;
			if ((this.#tats[place] as number) < (this.#tats[oldest] as number)) oldest = place;
		}
		this.#tags[oldest] = tag;
		return oldest;
	}
}
