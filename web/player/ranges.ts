/** Half-open spans of samples that have been handed to the browser. Sorted, disjoint, never touching: neighbours are one. */
export class Ranges {
	#spans: { from: number; to: number }[] = [];

	get spans(): readonly { readonly from: number; readonly to: number }[] {
		return this.#spans;
	}

	/** @param from inclusive. @param to exclusive, greater than `from`. */
	add(from: number, to: number): void {
		const before = this.#spans.filter((span) => span.to < from);
		const after = this.#spans.filter((span) => span.from > to);
		const met = this.#spans.slice(before.length, this.#spans.length - after.length);
		const joined = { from: Math.min(from, ...met.map((m) => m.from)), to: Math.max(to, ...met.map((m) => m.to)) };
		this.#spans = [...before, joined, ...after];
	}

	has(from: number, to: number): boolean {
		return this.#spans.some((span) => span.from <= from && to <= span.to);
	}

	/** Where the sound that is there at `sample` stops; `sample` itself when none is. */
	endFrom(sample: number): number {
		return this.#spans.find((span) => span.from <= sample && sample < span.to)?.to ?? sample;
	}

	/** The first span that begins at or after `sample`. */
	next(sample: number): { readonly from: number; readonly to: number } | undefined {
		return this.#spans.find((span) => span.from >= sample);
	}

	get last(): { readonly from: number; readonly to: number } | undefined {
		return this.#spans.at(-1);
	}

	/** Forgets everything before `sample`. */
	trimBefore(sample: number): void {
		this.#spans = this.#spans
			.filter((span) => span.to > sample)
			.map((span) => (span.from < sample ? { from: sample, to: span.to } : span));
	}

	clear(): void {
		this.#spans = [];
	}
}
