import { dbOfPower } from "./spectrum.ts";

/** Frames remembered of each side until the other side has them too: 1.3 s. */
const KEPT_FRAMES = 64;
/** How far the two sides may be apart in arriving: their blocks come as messages, one after the other. */
const SETTLE_FRAMES = 10;

/**
 * Turns blocks of two signals, which arrive in any lengths and a little out of step, into pairs of levels of the
 * same 20 ms. Pure.
 */
export class PairedLevels {
	readonly #frameSamples: number;
	readonly #onPair: (farDbfs: number, nearDbfs: number) => void;
	/** Power sums by frame number modulo `KEPT_FRAMES`, with the frame they belong to. */
	readonly #far = makeRing();
	readonly #near = makeRing();
	#next: number | undefined;

	/** @param frameMs what a pair covers. @param onPair called once per frame, in order; a side without samples is silent. */
	constructor(sampleRateHz: number, frameMs: number, onPair: (farDbfs: number, nearDbfs: number) => void) {
		this.#frameSamples = Math.round((sampleRateHz * frameMs) / 1_000);
		this.#onPair = onPair;
	}

	/** @param at sample at which the block begins, on the clock both sides share. */
	far(block: Float32Array, at: number): void {
		this.#add(this.#far, block, at);
	}

	/** The near side drives: pairs come out as its time goes on. */
	near(block: Float32Array, at: number): void {
		this.#add(this.#near, block, at);
		const newest = Math.floor((at + block.length) / this.#frameSamples);
		this.#next ??= newest;
		// After a pause longer than what is kept, what was before is gone.
		this.#next = Math.max(this.#next, newest - KEPT_FRAMES + 1);
		for (; this.#next < newest - SETTLE_FRAMES; this.#next += 1) {
			this.#onPair(this.#levelOf(this.#far, this.#next), this.#levelOf(this.#near, this.#next));
		}
	}

	#add(ring: Ring, block: Float32Array, at: number): void {
		for (let i = 0; i < block.length; i += 1) {
			const frame = Math.floor((at + i) / this.#frameSamples);
			const slot = frame % KEPT_FRAMES;
			if (ring.frames[slot] !== frame) {
				ring.frames[slot] = frame;
				ring.power[slot] = 0;
			}
			ring.power[slot]! += (block[i] as number) ** 2;
		}
	}

	#levelOf(ring: Ring, frame: number): number {
		const slot = frame % KEPT_FRAMES;
		return ring.frames[slot] === frame ? dbOfPower((ring.power[slot] as number) / this.#frameSamples) : -120;
	}
}

type Ring = { readonly frames: Float64Array; readonly power: Float64Array };

function makeRing(): Ring {
	return { frames: new Float64Array(KEPT_FRAMES).fill(-1), power: new Float64Array(KEPT_FRAMES) };
}
