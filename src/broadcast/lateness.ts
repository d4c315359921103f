/** How late something regular ran, over a window of its newest occurrences. Pure. */
export class Lateness {
	readonly #window: Float64Array;
	#count = 0;

	constructor(windowCount: number) {
		this.#window = new Float64Array(windowCount);
	}

	add(lateMs: number): void {
		this.#window[this.#count % this.#window.length] = Math.max(0, lateMs);
		this.#count += 1;
	}

	/** 99th percentile in milliseconds, to 0.1; 0 before anything ran. */
	get p99Ms(): number {
		const filled = this.#window.slice(0, Math.min(this.#count, this.#window.length)).sort();
		return Math.round((filled[Math.floor(filled.length * 0.99)] ?? filled.at(-1) ?? 0) * 10) / 10;
	}
}
