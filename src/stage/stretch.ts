/**
 * Takes one pitch period out of a voice, or puts one in, so that latency can change without a change of
 * pitch: two stretches of sound one period apart are cross-faded. Pure; works in place.
 */

/** 2.5-15 ms: voices between 67 and 400 Hz. */
const LAG_MIN = 120;
const LAG_MAX = 720;
/** Length of the cross-fade, and of the sound that is compared. */
const FADE = 240;
/** Samples both functions need in `buffer[at, end)`; with fewer they do nothing. */
export const STRETCH_SAMPLES = LAG_MAX + FADE;
const COARSE = 4;
/** RMS below which any place is as good as another: -54 dBFS. */
const QUIET_RMS = 0.002;

/**
 * Removes a period from `buffer[at, end)`, moving what follows it forward.
 *
 * @param options.likenessMin 0-1: how alike the joined stretches must be, unless it is quiet there.
 * @returns samples removed, at most `samplesMax`; 0 when nothing fits, and `buffer` is untouched then.
 */
export function shorten(
	buffer: Float32Array,
	at: number,
	end: number,
	options: { readonly likenessMin: number; readonly samplesMax: number },
): number {
	const lag = findLag(buffer, at, end, options.likenessMin, Math.min(LAG_MAX, options.samplesMax));
	if (lag === 0) return 0;
	for (let i = 0; i < FADE; i += 1) {
		const weight = (i + 0.5) / FADE;
		buffer[at + i] = (1 - weight) * (buffer[at + i] as number) + weight * (buffer[at + i + lag] as number);
	}
	buffer.copyWithin(at + FADE, at + FADE + lag, end);
	return lag;
}

/**
 * Repeats a period in `buffer[at, end)`, moving what follows it back.
 *
 * @param buffer has room for LAG_MAX samples beyond `end`.
 * @returns samples added; 0 when nothing fits, and `buffer` is untouched then.
 */
export function lengthen(buffer: Float32Array, at: number, end: number, likenessMin: number): number {
	if (end + LAG_MAX > buffer.length) return 0;
	const lag = findLag(buffer, at, end, likenessMin, LAG_MAX);
	if (lag === 0) return 0;
	buffer.copyWithin(at + lag, at, end);
	// [at, at + lag) still holds the period; its repetition begins with what would have followed it.
	for (let i = 0; i < FADE; i += 1) {
		const weight = (i + 0.5) / FADE;
		const went = buffer[at + 2 * lag + i] as number;
		buffer[at + lag + i] = (1 - weight) * went + weight * (buffer[at + lag + i] as number);
	}
	return lag;
}

function findLag(buffer: Float32Array, at: number, end: number, likenessMin: number, lagMax: number): number {
	if (end - at < STRETCH_SAMPLES || lagMax < LAG_MIN) return 0;
	let energy = 0;
	for (let i = at; i < at + STRETCH_SAMPLES; i += 1) energy += (buffer[i] as number) ** 2;
	if (energy < QUIET_RMS ** 2 * STRETCH_SAMPLES) return lagMax;

	const thin = new Float32Array(STRETCH_SAMPLES / COARSE);
	for (let i = 0; i < thin.length; i += 1) {
		const j = at + COARSE * i;
		thin[i] = (buffer[j] as number) + (buffer[j + 1] as number) + (buffer[j + 2] as number) + (buffer[j + 3] as number);
	}
	const coarse = bestLag(thin, 0, FADE / COARSE, LAG_MIN / COARSE, Math.floor(lagMax / COARSE)).lag * COARSE;
	const fine = bestLag(buffer, at, FADE, Math.max(LAG_MIN, coarse - COARSE), Math.min(lagMax, coarse + COARSE));
	return fine.likeness >= likenessMin ? fine.lag : 0;
}

/** The lag whose stretch is most like the one at `at`: normalised correlation, 1 when they are equal up to loudness. */
function bestLag(samples: Float32Array, at: number, count: number, lagMin: number, lagMax: number) {
	let best = { lag: lagMin, likeness: -1 };
	let own = 0;
	for (let i = 0; i < count; i += 1) own += (samples[at + i] as number) ** 2;
	for (let lag = lagMin; lag <= lagMax; lag += 1) {
		let product = 0;
		let other = 0;
		for (let i = 0; i < count; i += 1) {
			const sample = samples[at + lag + i] as number;
			product += (samples[at + i] as number) * sample;
			other += sample * sample;
		}
		const likeness = product / Math.sqrt(own * other + 1e-12);
		if (likeness > best.likeness) best = { lag, likeness };
	}
	return best;
}
