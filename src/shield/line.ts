import { createHash } from "node:crypto";
import * as z from "zod/mini";
import type { UnixMs } from "#base/index.ts";
import { type LineStand, lineStand } from "#wire/index.ts";

/**
 * Where somebody stands. Who came before the draw has a place in [0, 1) that nobody could know or choose: SHA-256 of
 * the seed and his id, as a fraction. Who came later stands behind all of them, by the second he came.
 */
export type Place =
	| { readonly kind: "drawn"; readonly fraction: number }
	| { readonly kind: "later"; readonly unixMs: number };

/** The place of an id, with the seed known. @param id hexadecimal. @param issuedUnixMs when its token was made. */
export function placeOf(stand: LineStand, id: string, issuedUnixMs: UnixMs): Place | undefined {
	if (stand.seed === null || stand.drawnUnixMs === null) return undefined;
	if (issuedUnixMs > stand.drawnUnixMs) return { kind: "later", unixMs: issuedUnixMs };
	const digest = createHash("sha256").update(Buffer.from(stand.seed, "hex")).update(Buffer.from(id, "hex")).digest();
	return { kind: "drawn", fraction: digest.readUIntBE(0, 6) / 2 ** 48 };
}

export function isAdmitted(stand: LineStand, place: Place): boolean {
	if (place.kind === "drawn") return place.fraction < stand.fraction;
	return stand.laterUnixMs !== null && place.unixMs < stand.laterUnixMs;
}

/** How long it takes until a place is in if the line goes on as it did lately; undefined when it stands still. */
export function meanWaitMs(stand: LineStand, place: Place, nowMs: UnixMs): number | undefined {
	if (isAdmitted(stand, place)) return 0;
	const drawnPerS = stand.drawnPerS;
	const drawnLeft = stand.drawnCount * ((place.kind === "drawn" ? place.fraction : 1) - stand.fraction);
	const drawnMs = drawnLeft <= 0 ? 0 : drawnPerS > 0 ? (1_000 * drawnLeft) / drawnPerS : undefined;
	if (place.kind === "drawn" || drawnMs === undefined) return drawnMs;
	if (stand.laterUnixMs !== null) {
		return stand.laterSPerS > 0 ? (place.unixMs - stand.laterUnixMs) / stand.laterSPerS : undefined;
	}
	// How fast later ones will be let in is not known yet; as fast as they came is a fair guess.
	return drawnMs + Math.max(0, place.unixMs - (stand.drawnUnixMs ?? nowMs));
}

/** What a line needs to go on after a restart. The seed is secret before the draw. */
export const savedLine = z.object({
	/** Hexadecimal. */
	seed: z.string(),
	stand: lineStand,
	/** Who came after the draw and is not in. */
	waitingCount: z.number(),
});
export type SavedLine = z.infer<typeof savedLine>;

/** Slices of arrivals that are kept, two hours of seconds; beyond it the last one goes on growing. */
const ARRIVALS_MAX = 7_200;
/** Over this time the speed of the line is averaged. */
const SPEED_OVER_MS = 10_000;

/**
 * The line of one interview at level *door*. Holds nobody: a few numbers, whoever waits. Who leaves leaves a gap that
 * the next second's step makes good, as the step goes by room, not by people; who hammers moves nothing.
 *
 * Pure core; house owns it.
 */
export class WaitingLine {
	readonly #seed: Uint8Array;
	#stand: LineStand;
	#movedMs: UnixMs;
	/** How many came until when and are not in, in order: counts of a second, not people. */
	readonly #arrivals: { count: number; untilUnixMs: number }[] = [];

	/** @param seed 32 secret random bytes; only their hash leaves before the draw. */
	constructor(seed: Uint8Array, nowMs: UnixMs) {
		this.#seed = seed;
		this.#movedMs = nowMs;
		this.#stand = {
			seedSha256: createHash("sha256").update(seed).digest("hex"),
			seed: null,
			drawnCount: 0,
			drawnUnixMs: null,
			fraction: 0,
			laterUnixMs: null,
			drawnPerS: 0,
			laterSPerS: 0,
		};
	}

	/** The line as it was, after a restart: those who wait are thought to have come evenly. */
	static restore({ seed, stand, waitingCount }: SavedLine, nowMs: UnixMs): WaitingLine {
		const line = new WaitingLine(Buffer.from(seed, "hex"), nowMs);
		line.#stand = stand;
		if (stand.drawnUnixMs !== null) line.#arrive(waitingCount, nowMs);
		return line;
	}

	save(): SavedLine {
		const waitingCount = this.#arrivals.reduce((sum, { count }) => sum + count, 0);
		return { seed: Buffer.from(this.#seed).toString("hex"), stand: this.#stand, waitingCount };
	}

	get stand(): LineStand {
		return this.#stand;
	}

	/**
	 * Fixes who takes part and reveals the seed. Once: a line that is drawn stays drawn.
	 *
	 * @param drawnCount ids whose Merkle root has been published. @param drawnUnixMs nobody after that takes part.
	 */
	draw(drawnCount: number, drawnUnixMs: UnixMs): void {
		if (this.#stand.seed !== null) return;
		const seed = Buffer.from(this.#seed).toString("hex");
		const isEmpty = drawnCount === 0;
		const laterUnixMs = isEmpty ? drawnUnixMs : null;
		this.#stand = { ...this.#stand, seed, drawnCount, drawnUnixMs, fraction: isEmpty ? 1 : 0, laterUnixMs };
	}

	/**
	 * Lets in as many as there is room for.
	 *
	 * @param room newcomers that may come in from now until the next call; 0 or more, may be Infinity.
	 * @param arrivedCount tokens made since the last call, which stand behind everybody else.
	 */
	advance(room: number, arrivedCount: number, nowMs: UnixMs): void {
		const stand = this.#stand;
		const elapsedMs = nowMs - this.#movedMs;
		this.#movedMs = nowMs;
		if (stand.drawnUnixMs === null || elapsedMs <= 0) return;
		const drawnLeft = stand.drawnCount * (1 - stand.fraction);
		const drawn = Math.min(room, drawnLeft);
		const fraction = drawnLeft - drawn < 1e-9 ? 1 : stand.fraction + drawn / stand.drawnCount;
		this.#arrive(arrivedCount, nowMs);
		const before = stand.laterUnixMs ?? stand.drawnUnixMs;
		const laterUnixMs = fraction < 1 ? null : this.#letIn(room - drawn, before, nowMs);
		const weight = Math.min(1, elapsedMs / SPEED_OVER_MS);
		const mix = (old: number, now: number) => old + weight * (now - old);
		this.#stand = {
			...stand,
			fraction,
			laterUnixMs,
			drawnPerS: mix(stand.drawnPerS, (1_000 * drawn) / elapsedMs),
			laterSPerS: mix(stand.laterSPerS, laterUnixMs === null ? 0 : (laterUnixMs - before) / elapsedMs),
		};
	}

	#arrive(count: number, nowMs: UnixMs): void {
		const last = this.#arrivals.at(-1);
		if (last && this.#arrivals.length >= ARRIVALS_MAX) {
			last.count += count;
			last.untilUnixMs = nowMs;
		} else this.#arrivals.push({ count, untilUnixMs: nowMs });
	}

	/** @returns until when those who came are in, now that `room` more of them are. */
	#letIn(room: number, before: number, nowMs: number): number {
		let [left, inUntilMs] = [room, before];
		for (let first = this.#arrivals[0]; first; first = this.#arrivals[0]) {
			if (first.count > left) {
				inUntilMs += ((first.untilUnixMs - inUntilMs) * left) / first.count;
				first.count -= left;
				return inUntilMs;
			}
			left -= first.count;
			inUntilMs = first.untilUnixMs;
			this.#arrivals.shift();
		}
		return nowMs;
	}
}
