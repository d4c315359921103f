import type { Clock, Random } from "#base/index.ts";
import type { Level, LineStand } from "#wire/index.ts";
import type { ClientAddress } from "./address.ts";
import { PrefixLimits, type Rate, TokenLimits } from "./limits.ts";
import { isAdmitted, meanWaitMs, placeOf } from "./line.ts";
import { isShed } from "./shedding.ts";
import { type RevokedTokens, TOKEN_LIFE_MS_MAX, type TokenMint, type TokenRefusal } from "./tokens.ts";

/** Tokens an address may ask for: a household with a few devices and tabs; a thousand people behind one address take turns of minutes. */
const MINT_RATE: Rate = { burst: 64, perS: 2 };
/** Joins of one token: a player that reconnects; more than a person needs, less than a share-out. */
const JOIN_RATE: Rate = { burst: 8, perS: 0.2 };
/** Reports of players from one address that have no token yet: 120 of them, with one a minute each. */
const REPORT_RATE: Rate = { burst: 64, perS: 2 };
/** Reports of one token: a person with a few tabs. */
const TOKEN_REPORT_RATE: Rate = { burst: 4, perS: 0.1 };
/** 3 MiB each: a quarter of a million prefixes, as many tokens. Who shares a place is charged for the other: a report less. */
const REPORT_PLACES_LOG2 = 18;
/** 12 MiB each: a million prefixes, a million tokens. */
const PLACES_LOG2 = 20;

export type Minted =
	| { readonly kind: "minted"; readonly token: string }
	| { readonly kind: "later"; readonly waitMs: number };
export type Passage =
	/** `token`: to be kept by the client instead of the one it came with, so that it gets in again. */
	| { readonly kind: "in"; readonly token: string | undefined }
	/** `waitMs`: when to ask again, as far as that is known. */
	| { readonly kind: "out"; readonly reason: Refusal; readonly waitMs: number | undefined };
export type Refusal =
	| TokenRefusal
	| "no_token"
	/** His place in the line is not reached. */
	| "not_yet"
	| "too_often"
	/** This worker is short of time right now. */
	| "shed";

const IN: Passage = { kind: "in", token: undefined };
/** A moment in which a worker that is short of time may have got over it. */
const SHED_WAIT_MS = 3_000;

const out = (reason: Refusal, waitMs?: number): Passage => ({ kind: "out", reason, waitMs });

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
	readonly #reportLimits: PrefixLimits;
	readonly #tokenReportLimits: TokenLimits;
	readonly #minted = new Map<string, number>();
	#level: Level = "normal";
	/** How short this worker is of time, 0 to 1. */
	#strain = 0;
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
		this.#reportLimits = new PrefixLimits(REPORT_RATE, REPORT_PLACES_LOG2, options.random);
		this.#tokenReportLimits = new TokenLimits(TOKEN_REPORT_RATE, REPORT_PLACES_LOG2, options.random);
	}

	/** Takes what house says of an interview. @param stand null as long as nobody has had to wait. */
	takeStand(interviewId: string, level: Level, stand: LineStand | null): void {
		this.#level = level;
		if (stand) this.#stands.set(interviewId, stand);
		else this.#stands.delete(interviewId);
	}

	/** Takes this worker's own strain, several times a second: what the ladder needs seconds for begins here at once. */
	takeStrain(strain: number): void {
		this.#strain = strain;
	}

	/** Forgets an interview that is over. */
	forget(interviewId: string): void {
		this.#stands.delete(interviewId);
		this.#minted.delete(interviewId);
	}

	/** Tokens made for each interview. */
	get minted(): Readonly<Record<string, number>> {
		return Object.fromEntries(this.#minted);
	}

	/** A token for whoever asks, within what his address may ask for. @param id 24 hexadecimal digits of the client's choice. */
	mintFor(address: ClientAddress, interviewId: string, id: string): Minted {
		const waitMs = this.#mintLimits.take(address, this.#clock.monoMs());
		if (waitMs > 0) return { kind: "later", waitMs };
		this.#minted.set(interviewId, (this.#minted.get(interviewId) ?? 0) + 1);
		return { kind: "minted", token: this.#issue(interviewId, "page", id) };
	}

	/** Whether what a player says it heard is taken. Who was inside is charged for himself, everybody else with his address. */
	takesReport(address: ClientAddress, interviewId: string, tokenText: string | undefined): boolean {
		const nowMs = this.#clock.monoMs();
		if (tokenText !== undefined) {
			const verdict = this.#mint.check(tokenText, interviewId, this.#clock.unixMs(), this.#revoked);
			if (verdict.kind === "valid" && verdict.token.class !== "page")
				return this.#tokenReportLimits.take(verdict.token.id, nowMs) === 0;
		}
		return this.#reportLimits.take(address, nowMs) === 0;
	}

	/** Whether somebody may hear an interview now. */
	pass(interviewId: string, tokenText: string | undefined): Passage {
		const isDoor = this.#level === "door";
		const verdict =
			tokenText === undefined
				? undefined
				: this.#mint.check(tokenText, interviewId, this.#clock.unixMs(), this.#revoked);
		if (verdict?.kind !== "valid") {
			if (isDoor) return out(verdict?.reason ?? "no_token");
			// Nobody is shed without strain; a random number costs more than the rest of this.
			const isShedNow = this.#strain > 0 && isShed("newcomer", this.#random.unit() * 2 ** 32, this.#strain);
			return isShedNow ? out("shed", SHED_WAIT_MS) : IN;
		}
		const { token } = verdict;
		const isNew = token.class === "page";
		if (isDoor && isNew) {
			const stand = this.#stands.get(interviewId);
			const place = stand && placeOf(stand, token.id, token.issuedUnixMs);
			if (!stand || !place) return out("not_yet");
			if (!isAdmitted(stand, place)) return out("not_yet", meanWaitMs(stand, place, this.#clock.unixMs()));
		}
		if (!isDoor && isShed(isNew ? "newcomer" : "returning", Number.parseInt(token.id.slice(-8), 16), this.#strain)) {
			return out("shed", SHED_WAIT_MS);
		}
		if (isDoor) {
			const waitMs = this.#joinLimits.take(token.id, this.#clock.monoMs());
			if (waitMs > 0) return out("too_often", waitMs);
		}
		return isNew ? this.#inForGood(interviewId, token.id) : IN;
	}

	#inForGood(interviewId: string, id: string): Passage {
		return { kind: "in", token: this.#issue(interviewId, this.#level === "door" ? "waited" : "returning", id) };
	}

	#issue(interviewId: string, tokenClass: "page" | "waited" | "returning", id: string): string {
		const lifeMs = TOKEN_LIFE_MS_MAX;
		return this.#mint.issue({ interviewId, tokenClass, lifeMs, id }, this.#clock.unixMs(), this.#random);
	}
}
