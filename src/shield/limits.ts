import type { MonoMs, Random } from "#base/index.ts";
import type { ClientAddress } from "./address.ts";
import { RateTable } from "./rate-table.ts";

/** What one asker may do. */
export type Rate = {
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
/** A rounding error of a sum is no reason to refuse. */
const ROUNDING_MS = 1e-6;

/** How much each address and each prefix around it has asked for, in fixed memory. An address may ask for `rate`, a wider prefix for eight times as much at each step. */
export class PrefixLimits {
	readonly #intervalMs: number;
	readonly #burst: number;
	readonly #table: RateTable;
	/** Places of the address being looked at, one per level. */
	readonly #places = new Uint32Array(LEVELS_MAX);

	/** @param placesLog2 see `RateTable`. */
	constructor(rate: Rate, placesLog2: number, random: Random) {
		this.#intervalMs = 1_000 / rate.perS;
		this.#burst = rate.burst;
		this.#table = new RateTable(placesLog2, random);
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
			this.#places[nth] = place;
			waitMs = Math.max(waitMs, this.#table.waitMs(place, this.#intervalMs / times, this.#burst * times, nowMs));
		}
		if (waitMs > ROUNDING_MS) return waitMs;
		for (let nth = 0; nth < levels.length; nth += 1) {
			const { times } = levels[nth] as (typeof levels)[number];
			this.#table.charge(this.#places[nth] as number, this.#intervalMs / times, nowMs);
		}
		return 0;
	}

	/** Memory, in bytes; it never changes. */
	get bytes(): number {
		return this.#table.bytes;
	}

	#placeOf({ family, words }: ClientAddress, bits: number): number {
		const [first, second, , fourth] = words;
		if (family === 4) return this.#table.placeOf(bits, 0, 0, 0, bits === 32 ? fourth : fourth & ~0xff);
		// All levels of IPv6 end within the second word.
		return this.#table.placeOf(bits, first, second & (-1 << (64 - bits)), 0, 0);
	}
}

/** How much each token has asked for, in fixed memory: who has one is charged for himself, not for his address. */
export class TokenLimits {
	readonly #intervalMs: number;
	readonly #burst: number;
	readonly #table: RateTable;

	/** @param placesLog2 see `RateTable`. */
	constructor(rate: Rate, placesLog2: number, random: Random) {
		this.#intervalMs = 1_000 / rate.perS;
		this.#burst = rate.burst;
		this.#table = new RateTable(placesLog2, random);
	}

	/** @param id a token's, 24 hexadecimal digits. @returns 0 when it may pass, else the milliseconds until it would. */
	take(id: string, nowMs: MonoMs): number {
		const word = (at: number) => Number.parseInt(id.slice(8 * at, 8 * at + 8), 16) | 0;
		const place = this.#table.placeOf(word(0), word(1), word(2), 0, 0);
		const waitMs = this.#table.waitMs(place, this.#intervalMs, this.#burst, nowMs);
		if (waitMs > ROUNDING_MS) return waitMs;
		this.#table.charge(place, this.#intervalMs, nowMs);
		return 0;
	}

	/** Memory, in bytes; it never changes. */
	get bytes(): number {
		return this.#table.bytes;
	}
}
