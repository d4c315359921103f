import { createHash, createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import type { Random, UnixMs } from "#base/index.ts";
import { KeyedHash } from "./keyed-hash.ts";

/**
 * Why somebody has a token: `page`, the page asked for one; `waited`, his place in the line was reached; `returning`,
 * he had an older one that was good.
 */
export const TOKEN_CLASSES = ["page", "waited", "returning"] as const;
export type TokenClass = (typeof TOKEN_CLASSES)[number];

export type Token = {
	/** 24 hexadecimal digits, chosen by the client or at random; tells a token from others, not a person. */
	readonly id: string;
	readonly class: TokenClass;
	readonly issuedUnixMs: UnixMs;
	readonly expiresUnixMs: UnixMs;
};

export type TokenRefusal =
	/** Not of our form: cut, other alphabet, other version. */
	| "malformed"
	| "forged"
	| "expired"
	/** From the future by more than a minute: a clock has jumped. */
	| "early"
	| "other_interview"
	| "revoked";
export type TokenVerdict =
	| { readonly kind: "valid"; readonly token: Token }
	| { readonly kind: "refused"; readonly reason: TokenRefusal };

const VERSION = 1;
const ID_BYTES = 12;
const MAC_BYTES = 16;
const BODY_BYTES = 1 + 1 + 1 + 1 + 4 + 4 + ID_BYTES + 4;
const TEXT_CHARS = Math.ceil(((BODY_BYTES + MAC_BYTES) * 4) / 3);
/** Keys are derived anew for each period; the one before is good, too. A token lives shorter than a period. */
const KEY_PERIOD_MS = 12 * 3_600_000;
export const TOKEN_LIFE_MS_MAX = KEY_PERIOD_MS;
const CLOCK_SLACK_MS = 60_000;

/**
 * Makes and checks tokens without keeping any: 59 characters,
 * `base64url(version ‖ period ‖ class ‖ 0 ‖ issued ‖ expires ‖ id ‖ interview ‖ HMAC-SHA256[0..16])`, times in seconds.
 *
 * Every worker that has the master key checks what any other made. Bound to the interview and to nothing that changes
 * on a phone. Symmetric on purpose: a check costs some microseconds, a signature 40 times as much.
 */
export class TokenMint {
	readonly #master: Uint8Array;
	readonly #keys = new Map<number, Buffer>();

	/** @param master at least 32 secret bytes, the same for all workers. */
	constructor(master: Uint8Array) {
		if (master.length < 32)
			throw new RangeError(`Cannot make tokens with ${master.length} bytes of key: 32 are needed`);
		this.#master = master;
	}

	/** @param id 24 hexadecimal digits; random when the client chose none. @param lifeMs up to TOKEN_LIFE_MS_MAX. */
	issue(
		{
			interviewId,
			tokenClass,
			lifeMs,
			id,
		}: { interviewId: string; tokenClass: TokenClass; lifeMs: number; id?: string },
		nowMs: UnixMs,
		random: Random,
	): string {
		const idBytes = id === undefined ? random.bytes(ID_BYTES) : Buffer.from(id, "hex");
		if (idBytes.length !== ID_BYTES)
			throw new RangeError("Cannot issue a token as its id must have 24 hexadecimal digits");
		const period = Math.floor(nowMs / KEY_PERIOD_MS);
		const out = Buffer.alloc(BODY_BYTES + MAC_BYTES);
		out[0] = VERSION;
		out[1] = period & 0xff;
		out[2] = TOKEN_CLASSES.indexOf(tokenClass);
		out.writeUInt32BE(Math.floor(nowMs / 1_000), 4);
		out.writeUInt32BE(Math.ceil((nowMs + Math.min(lifeMs, TOKEN_LIFE_MS_MAX)) / 1_000), 8);
		out.set(idBytes, 12);
		out.set(tagOf(interviewId), 12 + ID_BYTES);
		out.set(this.#macOf(out.subarray(0, BODY_BYTES), period), BODY_BYTES);
		return out.toString("base64url");
	}

	/** Checks in the order of cost: form, times, MAC, then what only an honest token can be wrong in. Never throws. */
	check(text: string, interviewId: string, nowMs: UnixMs, revoked?: RevokedTokens): TokenVerdict {
		const refused = (reason: TokenRefusal): TokenVerdict => ({ kind: "refused", reason });
		if (text.length !== TEXT_CHARS || !/^[\w-]+$/.test(text)) return refused("malformed");
		const bytes = Buffer.from(text, "base64url");
		const tokenClass = TOKEN_CLASSES[bytes[2] as number];
		if (bytes[0] !== VERSION || tokenClass === undefined || bytes[3] !== 0) return refused("malformed");
		// Two texts that differ in the unused bits of the last character would be one token twice.
		if (bytes.toString("base64url") !== text) return refused("malformed");
		const issuedUnixMs = (bytes.readUInt32BE(4) * 1_000) as UnixMs;
		const expiresUnixMs = (bytes.readUInt32BE(8) * 1_000) as UnixMs;
		const period = Math.floor(issuedUnixMs / KEY_PERIOD_MS);
		if ((period & 0xff) !== bytes[1]) return refused("forged");
		if (expiresUnixMs <= nowMs || nowMs - issuedUnixMs > 2 * KEY_PERIOD_MS) return refused("expired");
		if (issuedUnixMs > nowMs + CLOCK_SLACK_MS) return refused("early");
		const mac = this.#macOf(bytes.subarray(0, BODY_BYTES), period);
		if (!timingSafeEqual(mac, bytes.subarray(BODY_BYTES))) return refused("forged");
		if (!tagOf(interviewId).equals(bytes.subarray(12 + ID_BYTES, BODY_BYTES))) return refused("other_interview");
		const id = bytes.toString("hex", 12, 12 + ID_BYTES);
		if (revoked?.has(id)) return refused("revoked");
		return { kind: "valid", token: { id, class: tokenClass, issuedUnixMs, expiresUnixMs } };
	}

	#macOf(body: Uint8Array, period: number): Buffer {
		let key = this.#keys.get(period);
		if (!key) {
			key = Buffer.from(hkdfSync("sha256", this.#master, "", `rostra token ${period}`, 32));
			this.#keys.set(period, key);
			// Now, the one before and one ahead of a clock that differs.
			for (const old of this.#keys.keys()) if (this.#keys.size > 3) this.#keys.delete(old);
		}
		return createHmac("sha256", key).update(body).digest().subarray(0, MAC_BYTES);
	}
}

function tagOf(interviewId: string): Buffer {
	return createHash("sha256").update(interviewId).digest().subarray(0, 4);
}

/**
 * Tokens taken back, as a Bloom filter of fixed size: never lets one through, and refuses about one in 10,000 good
 * ones when REVOKED_MAX are in it. Who is refused by mistake gets another token.
 */
export class RevokedTokens {
	readonly #bits: Uint32Array;
	readonly #hash: KeyedHash;
	#count = 0;

	constructor(random: Random) {
		this.#bits = new Uint32Array(FILTER_BITS / 32);
		this.#hash = new KeyedHash(random.bytes(8));
	}

	/** Beyond REVOKED_MAX good tokens are refused more and more often: tell the operator. */
	get isFull(): boolean {
		return this.#count >= REVOKED_MAX;
	}

	add(id: string): void {
		if (this.has(id)) return;
		this.#count += 1;
		for (const bit of this.#bitsOf(id)) this.#bits[bit >>> 5] = (this.#bits[bit >>> 5] as number) | (1 << (bit & 31));
	}

	has(id: string): boolean {
		for (const bit of this.#bitsOf(id)) if (((this.#bits[bit >>> 5] as number) & (1 << (bit & 31))) === 0) return false;
		return true;
	}

	*#bitsOf(id: string): Generator<number> {
		const word = (at: number) => Number.parseInt(id.slice(8 * at, 8 * at + 8), 16) | 0;
		this.#hash.of(word(0), word(1), word(2), 0, 0);
		const { high, low } = this.#hash;
		for (let nth = 0; nth < FILTER_HASHES; nth += 1) yield (low + Math.imul(nth, high | 1)) >>> (32 - FILTER_BITS_LOG2);
	}
}

const FILTER_BITS_LOG2 = 21;
/** 256 KiB. */
const FILTER_BITS = 2 ** FILTER_BITS_LOG2;
const FILTER_HASHES = 12;
export const REVOKED_MAX = 100_000;
