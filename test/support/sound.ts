import { SAMPLE_RATE_HZ } from "#wire/index.ts";

/**
 * What was heard, compared with what was said. Pure: mono samples at 48 kHz in, figures out.
 *
 * Envelopes tell who speaks when, whatever codec, gain and resampler lie between; waveforms tell to a fraction of a
 * millisecond whether something is missing, doubled or out of place.
 */

const BIN_SAMPLES = 240;
/** Length of one envelope bin: 5 ms. */
export const BIN_MS = (1000 * BIN_SAMPLES) / SAMPLE_RATE_HZ;

/** RMS per 5 ms. */
export function envelopeOf(samples: Float32Array): Float32Array {
	return Float32Array.from({ length: Math.floor(samples.length / BIN_SAMPLES) }, (_, bin) =>
		rmsOf(samples.subarray(bin * BIN_SAMPLES, (bin + 1) * BIN_SAMPLES)),
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

/** Where in `said`, which is spoken over and over, `heard` begins, by envelope. */
export function locate(said: Float32Array, heard: Float32Array): Match {
	const [saidBins, heardBins] = [envelopeOf(said), envelopeOf(heard)];
	let best: Match = { offsetMs: 0, correlation: -1 };
	for (let bin = 0; bin < saidBins.length; bin += 1) {
		const correlation = correlationAt(saidBins, heardBins, bin);
		if (correlation > best.correlation) best = { offsetMs: bin * BIN_MS, correlation };
	}
	return best;
}

/**
 * How much of `heard` is what `voice` said, given that it begins at `offsetMs` of the dialogue: the correlation of
 * envelopes over the bins in which this voice, and no other of `others`, speaks.
 *
 * @returns undefined when it speaks for less than `speechMsMin` of that time.
 */
export function voiceIn(
	heard: Float32Array,
	voice: Float32Array,
	others: readonly Float32Array[],
	offsetMs: number,
	speechMsMin = 1_000,
): { readonly correlation: number; readonly levelDb: number } | undefined {
	const [heardBins, voiceBins, otherBins] = [envelopeOf(heard), envelopeOf(voice), others.map(envelopeOf)];
	const first = Math.round(offsetMs / BIN_MS);
	const loud = 0.25 * rmsOf(voiceBins);
	const said: number[] = [];
	const got: number[] = [];
	for (let bin = 0; bin < heardBins.length; bin += 1) {
		const at = (first + bin) % voiceBins.length;
		if (otherBins.some((bins) => (bins[at] as number) > 1e-4)) continue;
		if (!near(voiceBins, at, loud)) continue;
		said.push(voiceBins[at] as number);
		got.push(heardBins[bin] as number);
	}
	if (said.length * BIN_MS < speechMsMin) return undefined;
	const saidBins = Float32Array.from(said);
	const gotBins = Float32Array.from(got);
	return { correlation: correlationAt(saidBins, gotBins, 0), levelDb: dbOf(rmsOf(gotBins)) };
}

/** Whether a bin within 100 ms of `at` is louder than `loud`: the pauses within words belong to the words. */
function near(bins: Float32Array, at: number, loud: number): boolean {
	for (let by = -20; by <= 20; by += 1) {
		if ((bins[(at + by + bins.length) % bins.length] as number) > loud) return true;
	}
	return false;
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

/** Low-passed and thinned to 8 kHz: enough for a sweep up to 3 kHz or for speech, and a thirty-sixth of the work. */
export function to8kHz(samples: Float32Array): Float32Array {
	const taps = 61;
	const kernel = Float64Array.from({ length: taps }, (_, i) => {
		const x = i - (taps - 1) / 2;
		const sinc = x === 0 ? 1 / 6 : Math.sin((Math.PI * x) / 6) / (Math.PI * x);
		return sinc * (0.54 - 0.46 * Math.cos((2 * Math.PI * i) / (taps - 1)));
	});
	const out = new Float32Array(Math.floor(samples.length / 6));
	for (let o = 0; o < out.length; o += 1) {
		let sum = 0;
		for (let k = 0; k < taps; k += 1) sum += (kernel[k] as number) * (samples[o * 6 + k - (taps - 1) / 2] ?? 0);
		out[o] = sum;
	}
	return out;
}

/** One look at how far `heard` runs behind where it should: grows at a gap's end or a stretch, shrinks where something is missing. */
export type LagPoint = { readonly atMs: number; readonly lagMs: number; readonly correlation: number };

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
	const [s, h] = [to8kHz(said), to8kHz(heard)];
	const block = options.blockMs * 8;
	const range = options.rangeMs * 8;
	const loud = 0.1 * rmsOf(s);
	const points: LagPoint[] = [];
	let lag = 0;
	for (let at = 0; at + block <= h.length; at += block) {
		const heardBlock = h.subarray(at, at + block);
		let best = { by: 0, correlation: -1 };
		for (let by = -range; by <= range; by += 1) {
			const from = mod(Math.round(offsetMs * 8) + at - lag - by, s.length);
			const correlation = cosineAt(s, heardBlock, from);
			if (correlation > best.correlation) best = { by, correlation };
		}
		const from = mod(Math.round(offsetMs * 8) + at - lag - best.by, s.length);
		if (rmsOf(wrapped(s, from, block)) < loud) continue;
		if (best.correlation > 0.7) lag += best.by;
		points.push({ atMs: at / 8, lagMs: lag / 8, correlation: best.correlation });
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
 * A sweep from 300 to 3,000 Hz in `seconds`, to be said over and over: every block of it is like no other, so that a gap,
 * a repeat or a swap shows as a step of the lag.
 */
export function sweepSamples(seconds: number, peakDbfs: number): Float32Array {
	const peak = 10 ** (peakDbfs / 20);
	const [fromHz, toHz] = [300, 3_000];
	return Float32Array.from({ length: seconds * SAMPLE_RATE_HZ }, (_, i) => {
		const t = i / SAMPLE_RATE_HZ;
		return peak * Math.sin(2 * Math.PI * (fromHz * t + ((toHz - fromHz) * t * t) / (2 * seconds)));
	});
}
