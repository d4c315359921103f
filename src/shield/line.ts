import { createHash } from "node:crypto";
import type { UnixMs } from "#base/index.ts";

/**
 * Where somebody stands. Who came before the draw has a place in [0, 1) that nobody could know or choose: SHA-256 of
 * the seed and his id, as a fraction. Who came later stands behind all of them, by the second he came.
 */
export type Place =
	| { readonly kind: "drawn"; readonly fraction: number }
	| { readonly kind: "later"; readonly unixMs: UnixMs };

/** How far the line has been let in. Part of the public state: the same bytes for everybody. */
export type LineStand = {
	/** Hexadecimal SHA-256 of the seed, published with the announcement. */
	readonly seedSha256: string;
	/** The seed, hexadecimal, once the ids are fixed; null before. */
	readonly seed: string | null;
	/** Ids that came before the draw. */
	readonly drawnCount: number;
	/** When the draw was: who came later stands by time. */
	readonly drawnUnixMs: UnixMs | null;
	/** Places below this fraction are in: θ. */
	readonly fraction: number;
	/** Of those who came after the draw, who came before this is in; null while drawn ones wait. */
	readonly laterUnixMs: UnixMs | null;
	/** What the line has moved by lately: drawn places per second, and later arrivals' seconds per second. */
	readonly drawnPerS: number;
	readonly laterSPerS: number;
};

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
	 * @param room newcomers that may come in from now until the next call; 0 or more.
	 * @param laterPerS how many have come per second since the draw, as seen at the door.
	 */
	advance(room: number, laterPerS: number, nowMs: UnixMs): void {
		const stand = this.#stand;
		const elapsedMs = nowMs - this.#movedMs;
		this.#movedMs = nowMs;
		if (stand.drawnUnixMs === null || elapsedMs <= 0) return;
		const drawnLeft = stand.drawnCount * (1 - stand.fraction);
		const drawn = Math.min(room, drawnLeft);
		const fraction = drawnLeft - drawn < 1e-9 ? 1 : stand.fraction + drawn / stand.drawnCount;
		const left = room - drawn;
		const before = stand.laterUnixMs ?? stand.drawnUnixMs;
		const stepMs = laterPerS > 0 ? (1_000 * left) / laterPerS : nowMs - before;
		const laterUnixMs = fraction < 1 ? null : (Math.min(nowMs, Math.max(before, before + stepMs)) as UnixMs);
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
}
