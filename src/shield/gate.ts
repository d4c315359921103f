import type { Clock, Random } from "#base/index.ts";
import type { ClientAddress } from "./address.ts";
import type { Level } from "./ladder.ts";
import { PrefixLimits, type Rate, TokenLimits } from "./limits.ts";
import { isAdmitted, type LineStand, placeOf } from "./line.ts";
import { type RevokedTokens, TOKEN_LIFE_MS_MAX, type TokenMint, type TokenRefusal } from "./tokens.ts";

/** Tokens an address may ask for: a household with a few devices and tabs; a thousand people behind one address take turns of minutes. */
const MINT_RATE: Rate = { burst: 64, perS: 2 };
/** Joins of one token: a player that reconnects; more than a person needs, less than a share-out. */
const JOIN_RATE: Rate = { burst: 8, perS: 0.2 };
/** 12 MiB each: a million prefixes, a million tokens. */
const PLACES_LOG2 = 20;

export type Minted =
	| { readonly kind: "minted"; readonly token: string }
	| { readonly kind: "later"; readonly waitMs: number };
export type Passage =
	/** `token`: to be kept by the client instead of the one it came with, so that it gets in again. */
	| { readonly kind: "in"; readonly token: string | undefined }
	| { readonly kind: "out"; readonly reason: TokenRefusal | "no_token" | "not_yet" | "too_often" };

const IN: Passage = { kind: "in", token: undefined };

/**
 * One worker's gate to the sound of all interviews. Below *door* everybody may pass, with or without a token. At
 * *door* pass those who were inside before, those whose place in the line is reached, and nobody else; those who are
 * inside already are never asked.
 */
export class Gate {
	readonly #clock: Clock;
	readonly #random: Random;
	readonly #mint: TokenMint;
	readonly #revoked: RevokedTokens;
	readonly #mintLimits: PrefixLimits;
	readonly #joinLimits: TokenLimits;
	#level: Level = "normal";
	/** By interview; as many as there are interviews. */
	readonly #stands = new Map<string, LineStand>();

	constructor(options: {
		readonly clock: Clock;
		readonly random: Random;
		readonly mint: TokenMint;
		readonly revoked: RevokedTokens;
	}) {
		this.#clock = options.clock;
		this.#random = options.random;
		this.#mint = options.mint;
		this.#revoked = options.revoked;
		this.#mintLimits = new PrefixLimits(MINT_RATE, PLACES_LOG2, options.random);
		this.#joinLimits = new TokenLimits(JOIN_RATE, PLACES_LOG2, options.random);
	}

	/** Takes what house says of an interview. @param stand undefined when it is over. */
	takeStand(interviewId: string, level: Level, stand: LineStand | undefined): void {
		this.#level = level;
		if (stand) this.#stands.set(interviewId, stand);
		else this.#stands.delete(interviewId);
	}

	/** A token for whoever asks, within what his address may ask for. @param id 24 hexadecimal digits of the client's choice. */
	mintFor(address: ClientAddress, interviewId: string, id: string): Minted {
		const waitMs = this.#mintLimits.take(address, this.#clock.monoMs());
		return waitMs > 0 ? { kind: "later", waitMs } : { kind: "minted", token: this.#issue(interviewId, "page", id) };
	}

	/** Whether somebody may hear an interview now. */
	pass(interviewId: string, tokenText: string | undefined): Passage {
		if (tokenText === undefined) return this.#level === "door" ? { kind: "out", reason: "no_token" } : IN;
		const verdict = this.#mint.check(tokenText, interviewId, this.#clock.unixMs(), this.#revoked);
		if (verdict.kind === "refused") return this.#level === "door" ? { kind: "out", reason: verdict.reason } : IN;
		const { token } = verdict;
		if (this.#level !== "door") return token.class === "page" ? this.#inForGood(interviewId, token.id) : IN;
		if (token.class === "page") {
			const stand = this.#stands.get(interviewId);
			const place = stand && placeOf(stand, token.id, token.issuedUnixMs);
			if (!stand || !place || !isAdmitted(stand, place)) return { kind: "out", reason: "not_yet" };
		}
		if (this.#joinLimits.take(token.id, this.#clock.monoMs()) > 0) return { kind: "out", reason: "too_often" };
		return token.class === "page" ? this.#inForGood(interviewId, token.id) : IN;
	}

	#inForGood(interviewId: string, id: string): Passage {
		return { kind: "in", token: this.#issue(interviewId, this.#level === "door" ? "waited" : "returning", id) };
	}

	#issue(interviewId: string, tokenClass: "page" | "waited" | "returning", id: string): string {
		const lifeMs = TOKEN_LIFE_MS_MAX;
		return this.#mint.issue({ interviewId, tokenClass, lifeMs, id }, this.#clock.unixMs(), this.#random);
	}
}
