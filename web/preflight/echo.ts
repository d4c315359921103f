import { fft, powerOfTwo } from "./spectrum.ts";

/** A rising sweep: short enough not to annoy, long enough to be found 30 dB under a voice. */
export const PROBE_MS = 400;
/** From the start of one probe to the start of the next; longer than any echo path we look for. */
export const PROBE_PERIOD_MS = 1_000;
/** The first teaches the browser's echo canceller; the verdict rests on the last two. */
export const PROBE_COUNT = 4;
const PROBE_FROM_HZ = 400;
const PROBE_TO_HZ = 3_600;
const PROBE_PEAK = 0.18;
/** Wireless loudspeakers answer late. */
const ECHO_DELAY_MAX_MS = 550;
/** The correlation's peak over its own root mean square: chance reaches 13-14 dB in 25,000 lags. */
const PEAK_DISTANCE_DB = 18;
/** Amplitude in the microphone over amplitude sent to the loudspeaker; a headphone's leak lies under it. */
const ECHO_AUDIBLE_DB = -42;
/** Two probes whose echoes arrive this far apart are not one loudspeaker. */
const DELAY_SPREAD_MS = 20;

/** One probe as samples within ±`PROBE_PEAK`, faded at both ends. */
export function probe(sampleRateHz: number): Float32Array<ArrayBuffer> {
	const samples = Math.round((sampleRateHz * PROBE_MS) / 1_000);
	const fade = Math.round(samples / 10);
	const out = new Float32Array(samples);
	const octaves = Math.log(PROBE_TO_HZ / PROBE_FROM_HZ);
	const seconds = samples / sampleRateHz;
	for (let i = 0; i < samples; i += 1) {
		const t = i / sampleRateHz;
		const phase = ((2 * Math.PI * PROBE_FROM_HZ * seconds) / octaves) * (Math.exp((t / seconds) * octaves) - 1);
		const edge = Math.min(1, i / fade, (samples - 1 - i) / fade);
		out[i] = PROBE_PEAK * edge * Math.sin(phase);
	}
	return out;
}

export type Echo = {
	/** Loudspeaker to microphone, milliseconds. */
	readonly delayMs: number;
	/** Amplitude heard over amplitude played, dB. */
	readonly gainDb: number;
};

/**
 * Finds the probe in what a microphone heard from the moment it was played.
 *
 * Generalised cross-correlation with phase transform (Knapp and Carter 1976) finds the delay: every frequency of
 * the sweep has one vote, so a voice, which is loud in few, does not matter. The gain is the matched filter's there.
 *
 * @param heard at least `PROBE_MS + ECHO_DELAY_MAX_MS` of samples; what is missing counts as silence.
 * @returns the strongest copy, or undefined when none stands out.
 */
export function findEcho(heard: Float32Array, sampleRateHz: number): Echo | undefined {
	const sent = probe(sampleRateHz);
	const lags = Math.round((sampleRateHz * ECHO_DELAY_MAX_MS) / 1_000);
	const span = heard.subarray(0, sent.length + lags);
	const size = powerOfTwo(sent.length + lags + sent.length);
	const hr = new Float64Array(size);
	const hi = new Float64Array(size);
	const pr = new Float64Array(size);
	const pi = new Float64Array(size);
	hr.set(span);
	pr.set(sent);
	fft(hr, hi);
	fft(pr, pi);
	const binHz = sampleRateHz / size;
	for (let k = 0; k < size; k += 1) {
		const hz = Math.min(k, size - k) * binHz;
		const re = (hr[k] as number) * (pr[k] as number) + (hi[k] as number) * (pi[k] as number);
		const im = (hi[k] as number) * (pr[k] as number) - (hr[k] as number) * (pi[k] as number);
		const weight = hz < PROBE_FROM_HZ || hz > PROBE_TO_HZ ? 0 : 1 / (Math.hypot(re, im) || 1);
		hr[k] = re * weight;
		hi[k] = im * weight;
	}
	fft(hr, hi, 1);
	let best = 0;
	let bestLag = 0;
	let power = 0;
	for (let lag = 0; lag < lags; lag += 1) {
		const value = Math.abs(hr[lag] as number) / size;
		power += value * value;
		if (value > best) {
			best = value;
			bestLag = lag;
		}
	}
	const rms = Math.sqrt(power / lags);
	if (rms === 0 || 20 * Math.log10(best / rms) < PEAK_DISTANCE_DB) return undefined;
	let energy = 0;
	let matched = 0;
	for (let i = 0; i < sent.length; i += 1) {
		energy += (sent[i] as number) ** 2;
		matched += (sent[i] as number) * (span[bestLag + i] ?? 0);
	}
	const gainDb = 20 * Math.log10(Math.max(1e-6, Math.abs(matched) / energy));
	return { delayMs: (bestLag * 1_000) / sampleRateHz, gainDb };
}

/**
 * Whether the loudspeaker is heard in the microphone after the browser's canceller had its chance.
 *
 * @param echoes one entry per probe in the order played, undefined where none was found.
 */
export function echoIsHeard(echoes: readonly (Echo | undefined)[]): boolean {
	const [a, b] = echoes.slice(-2);
	if (!a || !b) return false;
	return Math.abs(a.delayMs - b.delayMs) <= DELAY_SPREAD_MS && Math.min(a.gainDb, b.gainDb) > ECHO_AUDIBLE_DB;
}
