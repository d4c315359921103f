import type { MonoMs, Random } from "#base/index.ts";
import type { ClientAddress } from "./address.ts";
import { KeyedHash } from "./keyed-hash.ts";
import { PrefixLimits } from "./limits.ts";

/** New connections of one address; its /24, or /56, may make eight times as many, and so on. Wide enough for the thousand listeners whom a mobile provider puts behind one address. */
const CONNECT_RATE = { burst: 500, perS: 100 };
/** 2^16 prefixes: 768 KB. */
const RATE_PLACES_LOG2 = 16;
/** Connections of one address whose request is incomplete, at once; a few round trips of a full herd behind it. */
export const UNFINISHED_MAX = 128;
/** Whose connection was evicted unfinished or stalled is suspect for this long, unless a request of his is answered before. */
export const SUSPECT_MS = 60_000;
/** Addresses remembered at once, 1.3 MB. Beyond it the one that was quiet for longest is forgotten. */
const PLACES = 1 << 17;
const WAYS = 4;

/**
 * What an address has open and how it has behaved, in memory of fixed size, whatever addresses come. An IPv6 address
 * counts as its /64: a household has that many.
 *
 * Pure core.
 */
export class Neighbours {
	readonly #rates: PrefixLimits;
	readonly #hash: KeyedHash;
	readonly #tags = new Uint32Array(PLACES);
	readonly #unfinished = new Uint16Array(PLACES);
	/** Suspect until then, in seconds of monotonic time. */
	readonly #suspectS = new Uint32Array(PLACES);

	constructor(random: Random) {
		this.#rates = new PrefixLimits(CONNECT_RATE, RATE_PLACES_LOG2, random);
		this.#hash = new KeyedHash(random.bytes(8));
	}

	/** Charges a new connection. @returns why it may not come in; undefined when it may, and counts as unfinished then. */
	admit(address: ClientAddress, nowMs: MonoMs): "prefix_rate" | "prefix_full" | undefined {
		const place = this.#placeOf(address);
		if ((this.#unfinished[place] as number) >= UNFINISHED_MAX) return "prefix_full";
		if (this.#rates.take(address, nowMs) > 0) return "prefix_rate";
		this.#unfinished[place] = (this.#unfinished[place] as number) + 1;
		return undefined;
	}

	/** A connection that was unfinished has its request together, or is gone. */
	finished(address: ClientAddress): void {
		const place = this.#placeOf(address);
		// One that was forgotten meanwhile begins at nothing.
		if ((this.#unfinished[place] as number) > 0) this.#unfinished[place] = (this.#unfinished[place] as number) - 1;
	}

	/** Whether a connection of his was evicted lately. Who is new is none. */
	isSuspect(address: ClientAddress, nowMs: MonoMs): boolean {
		return (this.#suspectS[this.#placeOf(address)] as number) * 1_000 > nowMs;
	}

	/** A connection of his was evicted, or had to be given up. */
	suspect(address: ClientAddress, nowMs: MonoMs): void {
		this.#suspectS[this.#placeOf(address)] = Math.ceil((nowMs + SUSPECT_MS) / 1_000);
	}

	/** A request of his was answered. */
	trust(address: ClientAddress): void {
		this.#suspectS[this.#placeOf(address)] = 0;
	}

	/** Where the address is, or now is: of four places its own, else a free one, else that of the one that was suspect longest ago. */
	#placeOf({ family, words }: ClientAddress): number {
		if (family === 4) this.#hash.of(words[3], 0, 0, 0, 4);
		else this.#hash.of(words[0], words[1], 0, 0, 6);
		const tag = (this.#hash.high | 1) >>> 0;
		const from = (this.#hash.low & (PLACES / WAYS - 1)) * WAYS;
		let oldest = from;
		for (let place = from; place < from + WAYS; place += 1) {
			if (this.#tags[place] === tag) return place;
			if (this.#worth(place) < this.#worth(oldest)) oldest = place;
		}
		this.#tags[oldest] = tag;
		this.#unfinished[oldest] = 0;
		this.#suspectS[oldest] = 0;
		return oldest;
	}

	/** How sorry we would be to forget it: those with connections open last. */
	#worth(place: number): number {
		return (this.#unfinished[place] as number) * 2 ** 32 + (this.#suspectS[place] as number);
	}
}
