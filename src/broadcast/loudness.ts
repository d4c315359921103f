import { SAMPLE_RATE_HZ } from "#wire/index.ts";

/** Energy of this many samples, 100 ms, is one step of every window below. */
export const STEP_SAMPLES = SAMPLE_RATE_HZ / 10;
const MOMENTARY_STEPS = 4;
const SHORT_TERM_STEPS = 30;
/** Blocks quieter than this never count (ITU-R BS.1770-5 annex 1). */
const ABSOLUTE_GATE_LUFS = -70;
/** Blocks this far below the loudness of the rest do not count. */
const RELATIVE_GATE_LU = 10;
/** The histogram of blocks reaches from the absolute gate up to +10 LUFS in steps of 0.1 LU: bounded memory for any length. */
const BIN_LU = 0.1;
const BINS = 800;

/** ITU-R BS.1770-5 equation 2 for one channel of weight 1. `meanSquare` is of K-weighted samples. */
export function lufsOf(meanSquare: number): number {
	return meanSquare <= 0 ? Number.NEGATIVE_INFINITY : -0.691 + 10 * Math.log10(meanSquare);
}

/**
 * K-weighting for 48 kHz (ITU-R BS.1770-5 annex 1, tables 1 and 2): a high shelf for the head, then a
 * high pass. Calls `onStep` with the mean square of each STEP_SAMPLES samples.
 */
export class KWeighting {
	readonly #onStep: (meanSquare: number) => void;
	#shelf1 = 0;
	#shelf2 = 0;
	#pass1 = 0;
	#pass2 = 0;
	#energy = 0;
	#samples = 0;

	constructor(onStep: (meanSquare: number) => void) {
		this.#onStep = onStep;
	}

	push(samples: Float32Array): void {
		let shelf1 = this.#shelf1;
		let shelf2 = this.#shelf2;
		let pass1 = this.#pass1;
		let pass2 = this.#pass2;
		for (let i = 0; i < samples.length; i += 1) {
			const shelf = (samples[i] as number) + 1.69065929318241 * shelf1 - 0.73248077421585 * shelf2;
			const shelved = 1.53512485958697 * shelf - 2.69169618940638 * shelf1 + 1.19839281085285 * shelf2;
			shelf2 = shelf1;
			shelf1 = shelf;
			const pass = shelved + 1.99004745483398 * pass1 - 0.99007225036621 * pass2;
			const weighted = pass - 2 * pass1 + pass2;
			pass2 = pass1;
			pass1 = pass;
			this.#energy += weighted * weighted;
			this.#samples += 1;
			if (this.#samples === STEP_SAMPLES) {
				this.#onStep(this.#energy / STEP_SAMPLES);
				this.#energy = 0;
				this.#samples = 0;
			}
		}
		// Recursion on silence would end in denormal numbers, which are slow.
		this.#shelf1 = Math.abs(shelf1) < 1e-20 ? 0 : shelf1;
		this.#shelf2 = Math.abs(shelf2) < 1e-20 ? 0 : shelf2;
		this.#pass1 = Math.abs(pass1) < 1e-20 ? 0 : pass1;
		this.#pass2 = Math.abs(pass2) < 1e-20 ? 0 : pass2;
	}
}

/**
 * Loudness of one channel (ITU-R BS.1770-5, EBU Tech 3341): momentary (400 ms), short-term (3 s), and
 * integrated with both gates, each in LUFS and undefined as long as there is not enough sound.
 *
 * The integrated value is taken from a histogram of blocks, so it is exact to 0.1 LU in its gate only.
 */
export class LoudnessMeter {
	readonly #weighting = new KWeighting((meanSquare) => this.#step(meanSquare));
	readonly #steps = new Float64Array(SHORT_TERM_STEPS);
	#stepCount = 0;
	readonly #binEnergy = new Float64Array(BINS);
	readonly #binBlocks = new Uint32Array(BINS);

	push(samples: Float32Array): void {
		this.#weighting.push(samples);
	}

	get momentaryLufs(): number | undefined {
		return this.#stepCount < MOMENTARY_STEPS ? undefined : lufsOf(this.#meanOf(MOMENTARY_STEPS));
	}

	get shortTermLufs(): number | undefined {
		return this.#stepCount < SHORT_TERM_STEPS ? undefined : lufsOf(this.#meanOf(SHORT_TERM_STEPS));
	}

	get integratedLufs(): number | undefined {
		const ungated = this.#meanAbove(ABSOLUTE_GATE_LUFS);
		if (ungated === undefined) return undefined;
		const gated = this.#meanAbove(lufsOf(ungated) - RELATIVE_GATE_LU);
		return gated === undefined ? undefined : lufsOf(gated);
	}

	#step(meanSquare: number): void {
		this.#steps[this.#stepCount % SHORT_TERM_STEPS] = meanSquare;
		this.#stepCount += 1;
		if (this.#stepCount < MOMENTARY_STEPS) return;
		const block = this.#meanOf(MOMENTARY_STEPS);
		const bin = Math.floor((lufsOf(block) - ABSOLUTE_GATE_LUFS) / BIN_LU);
		if (!(bin >= 0)) return;
		const at = Math.min(BINS - 1, bin);
		this.#binEnergy[at] = (this.#binEnergy[at] as number) + block;
		this.#binBlocks[at] = (this.#binBlocks[at] as number) + 1;
	}

	#meanOf(stepCount: number): number {
		let sum = 0;
		for (let i = 1; i <= stepCount; i += 1) {
			sum += this.#steps[(this.#stepCount - i + SHORT_TERM_STEPS) % SHORT_TERM_STEPS] as number;
		}
		return sum / stepCount;
	}

	#meanAbove(gateLufs: number): number | undefined {
		let energy = 0;
		let blocks = 0;
		for (let bin = Math.max(0, Math.ceil((gateLufs - ABSOLUTE_GATE_LUFS) / BIN_LU)); bin < BINS; bin += 1) {
			energy += this.#binEnergy[bin] as number;
			blocks += this.#binBlocks[bin] as number;
		}
		return blocks === 0 ? undefined : energy / blocks;
	}
}
