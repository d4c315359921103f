/** Gain begins to fall this long before the peak it is for: 2 ms. */
const LOOK_AHEAD_SAMPLES = 96;
/** Share of the way back that the gain goes per sample: half way in some 36 ms. */
const RELEASE = 0.0004;
/** Taps per phase of the interpolation filter, and phases (ITU-R BS.1770-5 annex 2: at least 4 times 48 kHz). */
const TAPS = 16;
const PHASES = 4;

/**
 * Keeps the true peak (ITU-R BS.1770-5 annex 2) below a ceiling by turning down smoothly just before it.
 *
 * Pure core. The gain wanted for each sample is held over the look-ahead by a sliding minimum and then smoothed
 * by a mean of the same length, so it has arrived when the peak is there. The output is
 * `LIMITER_DELAY_SAMPLES` late.
 */
export class Limiter {
	readonly #ceiling: number;
	/** The newest TAPS inputs, twice, so that the newest TAPS always lie in one piece. */
	readonly #history = new Float64Array(2 * TAPS);
	#historyAt = 0;
	readonly #delayed = new Float32Array(LIMITER_DELAY_SAMPLES);
	readonly #wanted = new Float64Array(LOOK_AHEAD_SAMPLES).fill(1);
	/** Sample numbers whose wanted gains ascend: the head is the least of the window. A ring of WINDOW_MAX. */
	readonly #window = new Float64Array(WINDOW_MAX);
	#windowHead = 0;
	#windowTail = 0;
	readonly #held = new Float64Array(LOOK_AHEAD_SAMPLES).fill(1);
	#heldSum = LOOK_AHEAD_SAMPLES;
	#released = 1;
	#count = 0;
	#peak = 0;

	/** @param ceilingDbtp highest true peak of the output, decibels below full scale. */
	constructor(ceilingDbtp: number) {
		this.#ceiling = 10 ** (ceilingDbtp / 20);
	}

	/** What the output's true peak was at most since the last call, dBTP; undefined for silence. */
	takePeakDbtp(): number | undefined {
		const peak = this.#peak;
		this.#peak = 0;
		return peak === 0 ? undefined : 20 * Math.log10(peak);
	}

	/** Limits `samples` in place. */
	process(samples: Float32Array): void {
		const history = this.#history;
		const ceiling = this.#ceiling;
		for (let i = 0; i < samples.length; i += 1) {
			const input = samples[i] as number;
			history[this.#historyAt] = input;
			history[this.#historyAt + TAPS] = input;
			this.#historyAt = (this.#historyAt + 1) % TAPS;
			const peak = this.#peakBetween();
			const needed = peak > ceiling ? ceiling / peak : 1;
			this.#released = Math.min(needed, this.#released + (1 - this.#released) * RELEASE);
			const gain = this.#smoothed(this.#released);
			const delayedAt = this.#count % LIMITER_DELAY_SAMPLES;
			samples[i] = (this.#delayed[delayedAt] as number) * gain;
			this.#delayed[delayedAt] = input;
			this.#count += 1;
			this.#peak = Math.max(this.#peak, Math.min(peak, ceiling));
		}
	}

	/** Highest of the sample in the middle of the history and the three points between it and its successor. */
	#peakBetween(): number {
		const history = this.#history;
		const from = this.#historyAt;
		let a = 0;
		let b = 0;
		let c = 0;
		for (let k = 0; k < TAPS; k += 1) {
			const sample = history[from + k] as number;
			a += sample * (QUARTER[k] as number);
			b += sample * (HALF[k] as number);
			c += sample * (THREE_QUARTERS[k] as number);
		}
		const middle = Math.abs(history[from + TAPS / 2 - 1] as number);
		return Math.max(middle, Math.abs(a), Math.abs(b), Math.abs(c));
	}

	#smoothed(wanted: number): number {
		const now = this.#count;
		this.#wanted[now % LOOK_AHEAD_SAMPLES] = wanted;
		while (
			this.#windowTail > this.#windowHead &&
			(this.#wanted[(this.#window[(this.#windowTail - 1) % WINDOW_MAX] as number) % LOOK_AHEAD_SAMPLES] as number) >=
				wanted
		) {
			this.#windowTail -= 1;
		}
		this.#window[this.#windowTail % WINDOW_MAX] = now;
		this.#windowTail += 1;
		while ((this.#window[this.#windowHead % WINDOW_MAX] as number) <= now - LOOK_AHEAD_SAMPLES) this.#windowHead += 1;
		const least = this.#wanted[(this.#window[this.#windowHead % WINDOW_MAX] as number) % LOOK_AHEAD_SAMPLES] as number;
		const at = now % LOOK_AHEAD_SAMPLES;
		this.#heldSum += least - (this.#held[at] as number);
		this.#held[at] = least;
		// The running sum gathers rounding errors; once per window it is counted afresh.
		if (at === LOOK_AHEAD_SAMPLES - 1) this.#heldSum = this.#held.reduce((sum, value) => sum + value, 0);
		return this.#heldSum / LOOK_AHEAD_SAMPLES;
	}
}

/** How late the limiter's output is: its look-ahead and half its interpolation filter, 2.2 ms. */
export const LIMITER_DELAY_SAMPLES = LOOK_AHEAD_SAMPLES - 1 + TAPS / 2;
const WINDOW_MAX = LOOK_AHEAD_SAMPLES + 1;

/** One phase of a Hann-windowed sinc: the value `phase` quarters of a sample after the middle of TAPS samples. */
function interpolator(phase: number): Float64Array {
	const taps = new Float64Array(TAPS);
	for (let k = 0; k < TAPS; k += 1) {
		const x = k - (TAPS / 2 - 1) - phase / PHASES;
		const window = 0.5 + 0.5 * Math.cos((Math.PI * x) / (TAPS / 2 + 0.5));
		taps[k] = (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x)) * window;
	}
	const sum = taps.reduce((total, tap) => total + tap, 0);
	return taps.map((tap) => tap / sum);
}

const QUARTER = interpolator(1);
const HALF = interpolator(2);
const THREE_QUARTERS = interpolator(3);
