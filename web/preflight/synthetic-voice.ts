/**
 * A voice for tests that need no speech synthesiser: a buzz through three moving resonances, hisses, and
 * pauses between words. Not for ears.
 *
 * @param seed the same seed gives the same samples.
 * @returns mono samples, RMS while speaking about -26 dBFS, peaks under -6 dBFS.
 */
export function syntheticVoice(sampleRateHz: number, seconds: number, seed = 1): Float32Array {
	const random = seededNoise(seed);
	const out = new Float32Array(Math.round(sampleRateHz * seconds));
	const formants = [
		{ hz: 600, bandHz: 90, gain: 1, y1: 0, y2: 0 },
		{ hz: 1_500, bandHz: 120, gain: 0.5, y1: 0, y2: 0 },
		{ hz: 2_700, bandHz: 180, gain: 0.3, y1: 0, y2: 0 },
	];
	// Each seed has a rhythm of its own: 240 ms and every fourth with seed 1.
	const syllableS = 0.18 + 0.012 * ((seed * 5) % 11);
	const pauseEvery = 3 + (seed % 3);
	let phase = 0;
	let lastNoise = 0;
	for (let i = 0; i < out.length; i += 1) {
		const t = i / sampleRateHz;
		// Syllables: vowel, then hiss; every few a pause.
		const syllable = Math.floor(t / syllableS);
		const within = (t % syllableS) / syllableS;
		if (i % Math.round(sampleRateHz * syllableS) === 0) {
			for (const f of formants) f.hz *= 0.85 + 0.3 * (0.5 + 0.5 * random());
			formants[0]!.hz = Math.min(850, Math.max(350, formants[0]!.hz));
			formants[1]!.hz = Math.min(2_200, Math.max(900, formants[1]!.hz));
			formants[2]!.hz = Math.min(3_200, Math.max(2_300, formants[2]!.hz));
		}
		const speaking = syllable % pauseEvery !== pauseEvery - 1;
		const envelope = speaking ? Math.sin(Math.PI * within) : 0;
		const voiced = within < 0.7;
		phase += (110 + 20 * Math.sin(2 * Math.PI * 0.4 * t)) / sampleRateHz;
		const pulse = phase >= 1 ? 1 : 0;
		phase %= 1;
		const noise = random();
		const hiss = (noise - lastNoise) * 0.5;
		lastNoise = noise;
		let x = 0;
		for (const f of formants) {
			const r = Math.exp((-Math.PI * f.bandHz) / sampleRateHz);
			const y = pulse * f.gain + 2 * r * Math.cos((2 * Math.PI * f.hz) / sampleRateHz) * f.y1 - r * r * f.y2;
			f.y2 = f.y1;
			f.y1 = y;
			x += y;
		}
		out[i] = envelope * (voiced ? 0.012 * x : 0.06 * hiss) * 1.6;
	}
	return out;
}

/** Uniform in [-1, 1), from a 32-bit xorshift (Marsaglia 2003). */
export function seededNoise(seed: number): () => number {
	let state = seed | 0 || 1;
	return () => {
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		return state / 2 ** 31;
	};
}
