/** What is compared: the last so many frames of 20 ms, ten seconds. */
const FRAMES = 500;
const FRAME_MS = 20;
/** A loudspeaker in a room answers after 20 ms at the earliest; another person in the same room is heard before the return. */
const LAG_FRAMES_MIN = 1;
const LAG_FRAMES_MAX = 30;
/** The others must have spoken and paused, or there is nothing to compare. */
const FAR_ACTIVE_DBFS = -48;
const FAR_ACTIVE_FRAMES_MIN = 120;
const FAR_PAUSE_FRAMES_MIN = 25;
/** After the others fall silent, what they said still comes back for this long. */
const AFTER_FRAMES = 15;
/** Two people who talk to each other stay under 0.4; an echo 40 dB down in a quiet room reaches 0.9. */
const SAME_MIN = 0.7;
/** Levels below count as this: what happens down there is noise. */
const FLOOR_DBFS = -70;
const JUDGE_EVERY_FRAMES = 100;
/** A verdict needs this many judgements in a row, two seconds apart; taking it back needs more. */
const YES_IN_A_ROW = 2;
const NO_IN_A_ROW = 3;

/**
 * Notices, while people talk, that a loudspeaker is heard in the microphone: then the microphone's level rises and
 * falls with what the others say, a little later.
 *
 * Pure core: the two levels per frame of 20 ms in, `heard` out. Memory is fixed. Correlates levels, not
 * waveforms, so that a loudspeaker, a room and a browser in between do not matter.
 */
export class EchoWatch {
	readonly #far = new Float64Array(FRAMES).fill(FLOOR_DBFS);
	readonly #near = new Float64Array(FRAMES).fill(FLOOR_DBFS);
	#frames = 0;
	#yes = 0;
	#no = 0;
	#heard = false;

	/** @param farDbfs what the others say, as it is played. @param nearDbfs the microphone at the same moment. */
	push(farDbfs: number, nearDbfs: number): void {
		const at = this.#frames % FRAMES;
		this.#far[at] = Math.max(FLOOR_DBFS, farDbfs);
		this.#near[at] = Math.max(FLOOR_DBFS, nearDbfs);
		this.#frames += 1;
		if (this.#frames < FRAMES || this.#frames % JUDGE_EVERY_FRAMES !== 0) return;
		const judged = this.#judge();
		if (judged === undefined) return;
		this.#yes = judged ? this.#yes + 1 : 0;
		this.#no = judged ? 0 : this.#no + 1;
		if (this.#yes >= YES_IN_A_ROW) this.#heard = true;
		if (this.#no >= NO_IN_A_ROW) this.#heard = false;
	}

	/** Whether the loudspeaker is heard; stands while the others are silent and nothing can be told. */
	get heard(): boolean {
		return this.#heard;
	}

	static readonly frameMs = FRAME_MS;

	/** @returns undefined when the others said too little to tell. */
	#judge(): boolean | undefined {
		const oldest = this.#frames % FRAMES;
		const far = Float64Array.from({ length: FRAMES }, (_, i) => this.#far[(oldest + i) % FRAMES] as number);
		const near = Float64Array.from({ length: FRAMES }, (_, i) => this.#near[(oldest + i) % FRAMES] as number);
		// Only while the others speak, and just after: what is said in between in answer is no echo, whatever it is.
		const compared: number[] = [];
		let sinceFar = FRAMES;
		let active = 0;
		for (let i = 0; i < FRAMES; i += 1) {
			const speaks = (far[i] as number) > FAR_ACTIVE_DBFS;
			sinceFar = speaks ? 0 : sinceFar + 1;
			if (speaks) active += 1;
			if (sinceFar <= AFTER_FRAMES && i + LAG_FRAMES_MAX < FRAMES) compared.push(i);
		}
		const paused = compared.length - active;
		if (active < FAR_ACTIVE_FRAMES_MIN || paused < FAR_PAUSE_FRAMES_MIN) return undefined;
		for (let lag = LAG_FRAMES_MIN; lag <= LAG_FRAMES_MAX; lag += 1) {
			if (correlation(far, near, compared, lag) >= SAME_MIN) return true;
		}
		return false;
	}
}

/** Pearson's r of `far` at the compared frames and `near` `lag` frames later. */
function correlation(far: Float64Array, near: Float64Array, compared: readonly number[], lag: number): number {
	const count = compared.length;
	let sx = 0;
	let sy = 0;
	let sxx = 0;
	let syy = 0;
	let sxy = 0;
	for (const i of compared) {
		const x = far[i] as number;
		const y = near[i + lag] as number;
		sx += x;
		sy += y;
		sxx += x * x;
		syy += y * y;
		sxy += x * y;
	}
	const vx = sxx - (sx * sx) / count;
	const vy = syy - (sy * sy) / count;
	// Under a decibel of variance there is nothing to compare.
	return vx < count || vy < count ? 0 : (sxy - (sx * sy) / count) / Math.sqrt(vx * vy);
}
