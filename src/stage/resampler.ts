/**
 * Windowed-sinc resampling by a factor close to 1, for clocks that differ by parts per million.
 *
 * 16 taps, 64 phases with linear interpolation between them: 73 dB at 15 kHz, where cubic interpolation has 17.
 */
export const TAPS = 16;
/** Input samples needed before the read position … */
export const REACH_BEFORE = TAPS / 2 - 1;
/** … and after it. */
export const REACH_AFTER = TAPS / 2;
const PHASES = 64;

const TABLE = buildTable();

/**
 * Writes `out.length` samples read from `input` at `from`, `from + step`, ….
 *
 * @param from fractional index; `floor(from) - REACH_BEFORE` and `floor(from + (out.length - 1) × step) + REACH_AFTER` lie in `input`.
 * @returns where the next block begins.
 */
export function resample(input: Float32Array, from: number, step: number, out: Float32Array): number {
	let at = from;
	for (let i = 0; i < out.length; i += 1) {
		const index = Math.floor(at);
		const fraction = at - index;
		if (fraction === 0) {
			out[i] = input[index] as number;
		} else {
			const phase = Math.floor(fraction * PHASES);
			const blend = fraction * PHASES - phase;
			let base = index - REACH_BEFORE;
			let row = phase * TAPS;
			let low = 0;
			let high = 0;
			for (let tap = 0; tap < TAPS; tap += 1, base += 1, row += 1) {
				const sample = input[base] as number;
				low += sample * (TABLE[row] as number);
				high += sample * (TABLE[row + TAPS] as number);
			}
			out[i] = low + blend * (high - low);
		}
		at += step;
	}
	return at;
}

/** Rows of TAPS coefficients for each phase, and one row more so that the last phase has a successor. Each row sums to 1. */
function buildTable(): Float32Array {
	const table = new Float32Array((PHASES + 1) * TAPS);
	for (let phase = 0; phase <= PHASES; phase += 1) {
		let sum = 0;
		const row = table.subarray(phase * TAPS, (phase + 1) * TAPS);
		for (let tap = 0; tap < TAPS; tap += 1) {
			const x = tap - REACH_BEFORE - phase / PHASES;
			row[tap] = sinc(x) * kaiser(x / (TAPS / 2));
			sum += row[tap] as number;
		}
		for (let tap = 0; tap < TAPS; tap += 1) row[tap] = (row[tap] as number) / sum;
	}
	return table;
}

function sinc(x: number): number {
	return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** Kaiser window, beta 7.5; 0 outside [-1, 1]. */
function kaiser(x: number): number {
	return Math.abs(x) >= 1 ? 0 : bessel0(7.5 * Math.sqrt(1 - x * x)) / bessel0(7.5);
}

function bessel0(x: number): number {
	let sum = 1;
	let term = 1;
	for (let k = 1; k < 30; k += 1) {
		term *= (x / (2 * k)) ** 2;
		sum += term;
	}
	return sum;
}
