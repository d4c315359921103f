import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { type Random, randomToken, replaceFile } from "#base/index.ts";

/** 192 bits: nobody guesses one, so a look-up by hash needs no constant time. */
const SECRET_BYTES = 24;
const SECRET_SHAPE = /^[A-Za-z0-9_-]{32}$/;

/** A secret for a link or a cookie. Shown once; only its hash is kept. */
export function newSecret(random: Random): string {
	return randomToken(random, SECRET_BYTES);
}

/** SHA-256 in base64url of what `newSecret` made; undefined for anything of another shape. */
export function hashSecret(secret: string): string | undefined {
	return SECRET_SHAPE.test(secret) ? createHash("sha256").update(secret).digest("base64url") : undefined;
}

export type SeatClaim = { readonly interviewId: string; readonly seatId: string; readonly generation: number };

/**
 * Bearer tokens for seats: `<interview>.<seat>.<generation>.<HMAC-SHA-256>`. Stateless, so that a speaker
 * returns to the same seat while the database is away; made void by raising the seat's generation.
 */
export class SeatTokens {
	readonly #key: Uint8Array;

	constructor(key: Uint8Array) {
		this.#key = key;
	}

	issue(claim: SeatClaim): string {
		const body = `${claim.interviewId}.${claim.seatId}.${claim.generation}`;
		return `${body}.${this.#mac(body).toString("base64url")}`;
	}

	/** The claim of a token we issued, or undefined. Whether seat and generation still hold is the caller's to check. */
	read(token: string): SeatClaim | undefined {
		const found = /^(([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{1,64})\.([0-9]{1,9}))\.([A-Za-z0-9_-]{43})$/.exec(token);
		if (!found) return undefined;
		const [, body, interviewId, seatId, generation, mac] = found as unknown as [string, ...string[]];
		if (!timingSafeEqual(this.#mac(body as string), Buffer.from(mac as string, "base64url"))) return undefined;
		return { interviewId: interviewId as string, seatId: seatId as string, generation: Number(generation) };
	}

	#mac(body: string): Buffer {
		return createHmac("sha256", this.#key).update(`seat ${body}`).digest();
	}
}

/** The platform's own key: read from `path`, made there when there is none. Only this user may read it. */
export async function keepKey(path: string, random: Random): Promise<Uint8Array> {
	try {
		const key = await readFile(path);
		if (key.length !== 32)
			throw new Error(`Cannot use the key in ${path} as it must have 32 bytes: it has ${key.length}`);
		return key;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
	}
	const key = random.bytes(32);
	await mkdir(dirname(path), { recursive: true, mode: 0o700 });
	await replaceFile(path, key);
	return key;
}
