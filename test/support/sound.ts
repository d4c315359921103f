import { seededRandom } from "#base/index.ts";
import { SAMPLE_RATE_HZ } from "#wire/index.ts";

/**
 * What was heard, compared with what was said. Pure: mono samples at 48 kHz in, figures out.
 *
 * Envelopes tell who speaks when, whatever codec, gain and resampler lie between; waveforms tell to a fraction of a
 * millisecond whether something is missing, doubled or out of place.
 */

/** RMS per `binMs`. */
function envelopeOf(samples: Float32Array, binMs: number): Float32Array {
	const bin = (SAMPLE_RATE_HZ / 1_000) * binMs;
	return Float32Array.from({ length: Math.floor(samples.length / bin) }, (_, nth) =>
		rmsOf(samples.subarray(nth * bin, (nth + 1) * bin)),
	);
}

export function rmsOf(samples: Float32Array): number {
	let sum = 0;
	for (const value of samples) sum += value * value;
	return Math.sqrt(sum / Math.max(1, samples.length));
}

export function dbOf(ratio: number): number {
	return 20 * Math.log10(Math.max(ratio, 1e-10));
}

/** Pearson correlation of `heard` with the stretch of `said` that begins at `offset`, taken round its end. -1 to 1. */
function correlationAt(said: Float32Array, heard: Float32Array, offset: number): number {
	let [s, h, ss, hh, sh] = [0, 0, 0, 0, 0];
	const count = heard.length;
	let at = offset % said.length;
	for (let i = 0; i < count; i += 1) {
		const x = said[at] as number;
		const y = heard[i] as number;
		s += x;
		h += y;
		ss += x * x;
		hh += y * y;
		sh += x * y;
		if (++at === said.length) at = 0;
	}
	const spread = Math.sqrt((count * ss - s * s) * (count * hh - h * h));
	return spread > 1e-12 ? (count * sh - s * h) / spread : 0;
}

export type Match = {
	/** Where in `said` the first sample of `heard` lies. */
	readonly offsetMs: number;
	readonly correlation: number;
};

/** Where in `said`, which is spoken over and over, `heard` begins, by envelope; to 5 ms. */
export function locate(said: Float32Array, heard: Float32Array): Match {
	const coarse = bestOffset(said, heard, 20, 0, said.length / 48);
	return bestOffset(said, heard, 5, coarse.offsetMs - 40, coarse.offsetMs + 45);
}

function bestOffset(said: Float32Array, heard: Float32Array, binMs: number, fromMs: number, toMs: number): Match {
	const [saidBins, heardBins] = [envelopeOf(said, binMs), envelopeOf(heard, binMs)];
	let best: Match = { offsetMs: 0, correlation: -1 };
	for (let bin = Math.round(fromMs / binMs); bin < Math.round(toMs / binMs); bin += 1) {
		const at = mod(bin, saidBins.length);
		const correlation = correlationAt(saidBins, heardBins, at);
		if (correlation > best.correlation) best = { offsetMs: at * binMs, correlation };
	}
	return best;
}

/** Level in dBFS (a full-scale sine is 0) of the component at `hz`, by Goertzel over all of `samples`. */
export function toneDb(samples: Float32Array, hz: number): number {
	const step = (2 * Math.PI * hz) / SAMPLE_RATE_HZ;
	let [re, im] = [0, 0];
	for (let i = 0; i < samples.length; i += 1) {
		// Hann window, so that a loud neighbour does not leak into the reading.
		const weight = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / samples.length);
		re += weight * (samples[i] as number) * Math.cos(step * i);
		im -= weight * (samples[i] as number) * Math.sin(step * i);
	}
	return dbOf((4 * Math.hypot(re, im)) / samples.length);
}

/** Low-passed and thinned `by` times. */
function thinned(samples: Float32Array, by: number): Float32Array {
	const half = 5 * by;
	const kernel = Float64Array.from({ length: 2 * half + 1 }, (_, i) => {
		const x = i - half;
		const sinc = x === 0 ? 1 / by : Math.sin((Math.PI * x) / by) / (Math.PI * x);
		return sinc * (0.54 + 0.46 * Math.cos((Math.PI * x) / half));
	});
	const out = new Float32Array(Math.floor(samples.length / by));
	for (let o = 0; o < out.length; o += 1) {
		let sum = 0;
		const from = o * by - half;
		const first = Math.max(0, -from);
		const last = Math.min(kernel.length, samples.length - from);
		for (let k = first; k < last; k += 1) sum += (kernel[k] as number) * (samples[from + k] as number);
		out[o] = sum;
	}
	return out;
}

/** One look at how far `heard` runs behind where it should: grows at a gap's end or a stretch, shrinks where something is missing. */
export type LagPoint = { readonly atMs: number; readonly lagMs: number; readonly correlation: number };

/** A correlation that needs no further search: a wrong lag does not reach it. */
const SURE = 0.9;
const better = <T extends { readonly correlation: number }>(one: T, other: T) =>
	other.correlation > one.correlation ? other : one;

/**
 * Follows `heard` through `said`, which is spoken over and over, block by block of `blockMs`.
 *
 * @param offsetMs where `heard` begins in `said`, as `locate` found it, within ± `rangeMs`.
 * @returns a point per block that is loud in `said`. The search stays within ± `rangeMs` of the last good lag; a block
 * whose best correlation is low tells that something else is there.
 */
export function lagTrace(
	said: Float32Array,
	heard: Float32Array,
	offsetMs: number,
	options: { readonly blockMs: number; readonly rangeMs: number },
): LagPoint[] {
	const { blockMs, rangeMs } = options;
	// First where the block before was, then among all lags at 2 kHz, then, which is a hundred times the work, at 8 kHz.
	const [said8, heard8] = [thinned(said, 6), thinned(heard, 6)];
	const [said2, heard2] = [thinned(said8, 4), thinned(heard8, 4)];
	const loud = 0.1 * rmsOf(said8);
	const points: LagPoint[] = [];
	let lagMs = 0;
	for (let atMs = 0; (atMs + blockMs) * 8 <= heard8.length; atMs += blockMs) {
		const block2 = heard2.subarray(atMs * 2, (atMs + blockMs) * 2);
		const block8 = heard8.subarray(atMs * 8, (atMs + blockMs) * 8);
		const seek = (from: readonly [Float32Array, Float32Array, number], aroundMs: number, reachMs: number) => {
			const [source, block, perMs] = from;
			let best = { lagMs: aroundMs, correlation: -1 };
			const around = Math.round(aroundMs * perMs);
			for (let lag = around - reachMs * perMs; lag <= around + reachMs * perMs; lag += 1) {
				const start = mod(Math.round((offsetMs + atMs) * perMs) - lag, source.length);
				const correlation = cosineAt(source, block, start);
				if (correlation > best.correlation) best = { lagMs: lag / perMs, correlation };
			}
			return best;
		};
		let best = seek([said8, block8, 8], lagMs, 1);
		if (best.correlation < SURE)
			best = better(best, seek([said8, block8, 8], seek([said2, block2, 2], lagMs, rangeMs).lagMs, 1));
		if (best.correlation < SURE) best = better(best, seek([said8, block8, 8], lagMs, rangeMs));
		if (rmsOf(wrapped(said8, mod(Math.round((offsetMs + atMs - best.lagMs) * 8), said8.length), block8.length)) < loud)
			continue;
		if (best.correlation > 0.7) lagMs = best.lagMs;
		points.push({ atMs, lagMs, correlation: best.correlation });
	}
	return points;
}

function cosineAt(said: Float32Array, heard: Float32Array, from: number): number {
	let [ss, hh, sh] = [0, 0, 0];
	let at = from;
	for (let i = 0; i < heard.length; i += 1) {
		const x = said[at] as number;
		const y = heard[i] as number;
		ss += x * x;
		hh += y * y;
		sh += x * y;
		if (++at === said.length) at = 0;
	}
	return ss > 0 && hh > 0 ? sh / Math.sqrt(ss * hh) : 0;
}

function wrapped(samples: Float32Array, from: number, count: number): Float32Array {
	return Float32Array.from({ length: count }, (_, i) => samples[(from + i) % samples.length] as number);
}

function mod(value: number, by: number): number {
	return ((value % by) + by) % by;
}

/**
 * As `lagTrace`, by envelope, for ears behind which a browser stretches time and filters: it catches up, waits, cancels
 * echoes, so that waveforms differ where the speech does not. Looks at 3 s around every half second, from the stretch
 * that is most like what was said on to both ends: the first may be a pause, and a place is not told by a pause.
 *
 * @returns a point per 100 ms.
 */
export function envelopeTrace(
	said: Float32Array,
	heard: Float32Array,
): { readonly offsetMs: number; readonly points: LagPoint[] } {
	const [binMs, windowMs, hopMs, reachMs] = [20, 3_000, 500, 400];
	const [saidBins, heardBins] = [envelopeOf(said, binMs), envelopeOf(heard, binMs)];
	const count = Math.max(0, Math.floor((heard.length / 48 - windowMs) / hopMs) + 1);
	const windows = Array.from({ length: count }, (_, nth) =>
		heardBins.subarray((nth * hopMs) / binMs, (nth * hopMs + windowMs) / binMs),
	);
	let anchor = { nth: 0, offsetMs: 0, correlation: -1 };
	for (const [nth, window] of windows.entries()) {
		for (let bin = 0; bin < saidBins.length; bin += 1) {
			const correlation = correlationAt(saidBins, window, bin);
			if (correlation > anchor.correlation) anchor = { nth, offsetMs: bin * binMs - nth * hopMs, correlation };
		}
	}
	const { offsetMs } = anchor;
	const lags: { lagMs: number; correlation: number }[] = [];
	const follow = (nths: readonly number[]) => {
		let lagMs = 0;
		for (const nth of nths) {
			let best = { lagMs, correlation: -1 };
			for (let by = -reachMs; by <= reachMs; by += binMs) {
				const bin = mod(Math.round((offsetMs + nth * hopMs - lagMs - by) / binMs), saidBins.length);
				const correlation = correlationAt(saidBins, windows[nth] as Float32Array, bin);
				if (correlation > best.correlation) best = { lagMs: lagMs + by, correlation };
			}
			if (best.correlation > 0.7) lagMs = best.lagMs;
			lags[nth] = { lagMs, correlation: best.correlation };
		}
	};
	const all = windows.map((_, nth) => nth);
	follow(all.slice(anchor.nth));
	follow(all.slice(0, anchor.nth).reverse());
	const points: LagPoint[] = [];
	for (const [nth, found] of lags.entries()) {
		// The window's middle, and for the first and the last window its ends too.
		const fromMs = nth * hopMs;
		const [firstMs, lastMs] = [nth === 0 ? 0 : fromMs + 1_300, nth === count - 1 ? fromMs + windowMs : fromMs + 1_800];
		for (let ms = firstMs; ms < lastMs; ms += 100) points.push({ atMs: ms, ...found });
	}
	return { offsetMs, points };
}

/** Steps of a trace that are larger than `stepMsMax`, and blocks that are not what was said. */
export function breaksIn(
	points: readonly LagPoint[],
	options: { readonly stepMsMax: number; readonly correlationMin: number },
) {
	return points.filter((point, nth) => {
		const before = points[nth - 1];
		const steps = before !== undefined && Math.abs(point.lagMs - before.lagMs) > options.stepMsMax;
		return steps || point.correlation < options.correlationMin;
	});
}

/** The longest stretch quieter than `quietDbfs`, in milliseconds, with where it begins. */
export function longestQuiet(samples: Float32Array, quietDbfs: number): { readonly ms: number; readonly atMs: number } {
	const quiet = 10 ** (quietDbfs / 20);
	let best = { ms: 0, atMs: 0 };
	let begun = 0;
	for (let i = 0; i <= samples.length; i += 1) {
		if (i < samples.length && Math.abs(samples[i] as number) < quiet) continue;
		const ms = ((i - begun) * 1000) / SAMPLE_RATE_HZ;
		if (ms > best.ms) best = { ms, atMs: (begun * 1000) / SAMPLE_RATE_HZ };
		begun = i + 1;
	}
	return best;
}

/**
 * Noise between 100 and 900 Hz, to be said over and over: no block of it is like another, whatever the lag, so that a
 * gap, a repeat or a swap of a few milliseconds shows. Narrow, so that a codec keeps its waveform.
 */
export function rumble(seconds: number, rmsDbfs: number, seed: number): Float32Array {
	const random = seededRandom(seed);
	const half = 240;
	const band = Float64Array.from({ length: 2 * half + 1 }, (_, i) => {
		const x = (2 * Math.PI * (i - half)) / SAMPLE_RATE_HZ;
		const sinc = x === 0 ? 900 - 100 : (Math.sin(900 * x) - Math.sin(100 * x)) / x;
		return sinc * (0.5 + 0.5 * Math.cos((Math.PI * (i - half)) / half));
	});
	const white = Float32Array.from({ length: seconds * SAMPLE_RATE_HZ }, () => random.unit() - 0.5);
	// Round the end, so that it goes over into the beginning.
	const samples = white.map((_, i) => {
		let sum = 0;
		for (let k = 0; k <= 2 * half; k += 1) sum += (band[k] as number) * (white[(i + k) % white.length] as number);
		return sum;
	});
	const scale = 10 ** (rmsDbfs / 20) / rmsOf(samples);
	return samples.map((value) => value * scale);
}
