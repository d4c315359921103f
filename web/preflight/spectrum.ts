/**
 * In-place complex FFT, radix 2 (Cooley and Tukey 1965), forward for `sign` -1, inverse (unscaled) for +1.
 *
 * @param re length a power of two, overwritten. @param im same length, overwritten.
 */
export function fft(re: Float64Array, im: Float64Array, sign: -1 | 1 = -1): void {
	const n = re.length;
	for (let i = 1, j = 0; i < n; i += 1) {
		let bit = n >> 1;
		for (; j & bit; bit >>= 1) j ^= bit;
		j ^= bit;
		if (i < j) {
			const r = re[i] as number;
			re[i] = re[j] as number;
			re[j] = r;
			const m = im[i] as number;
			im[i] = im[j] as number;
			im[j] = m;
		}
	}
	for (let size = 2; size <= n; size <<= 1) {
		const half = size >> 1;
		const step = (sign * 2 * Math.PI) / size;
		for (let k = 0; k < half; k += 1) {
			const wr = Math.cos(step * k);
			const wi = Math.sin(step * k);
			for (let a = k; a < n; a += size) {
				const b = a + half;
				const br = re[b] as number;
				const bi = im[b] as number;
				const xr = br * wr - bi * wi;
				const xi = br * wi + bi * wr;
				re[b] = (re[a] as number) - xr;
				im[b] = (im[a] as number) - xi;
				re[a] = (re[a] as number) + xr;
				im[a] = (im[a] as number) + xi;
			}
		}
	}
}

/** The smallest power of two that is at least `length`. */
export function powerOfTwo(length: number): number {
	return 2 ** Math.ceil(Math.log2(Math.max(2, length)));
}

/** Decibels of a power relative to full scale 1; silence is -120. */
export function dbOfPower(power: number): number {
	return power <= 1e-12 ? -120 : 10 * Math.log10(power);
}

/** A band's level over time as a histogram of whole decibels from -120 to 0: any percentile in fixed memory. */
export class LevelHistogram {
	/** Invariant: sums to `#total`. */
	readonly #counts = new Uint32Array(121);
	#total = 0;

	add(levelDb: number): void {
		this.#counts[Math.min(120, Math.max(0, Math.round(levelDb + 120)))]! += 1;
		this.#total += 1;
	}

	/** @param share 0-1. @returns the level below which that share of the values lies; -120 when empty. */
	percentile(share: number): number {
		let left = share * this.#total;
		for (let i = 0; i < this.#counts.length; i += 1) {
			left -= this.#counts[i] as number;
			if (left < 0) return i - 120;
		}
		return this.#total === 0 ? -120 : 0;
	}

	get total(): number {
		return this.#total;
	}
}
