/** One figure of a benchmark. */
export type Row = {
	/** Words joined by hyphens, the same from run to run: `stage-cpu-13-speakers`. */
	readonly id: string;
	readonly value: number;
	/** Of `value`: `core`, `ms`, `s`, `MB`, `share` … */
	readonly unit: string;
	/** What is to be reached, as said in docs/measurements.md: `<= 0.35`; absent for what is only shown. */
	readonly target?: string;
	/** Absent when there is no target. */
	readonly pass?: boolean;
	/** The same on another program in the same run: `icecast 0.12 core`. */
	readonly peer?: string;
};

export type BenchOptions = {
	/** Small inputs: to see that the benchmark works, not for figures. */
	readonly isShort: boolean;
	/** Only this part of the benchmark, where it has parts: `npm run bench -- stage --part loss`. */
	readonly part?: string;
	/** What goes on, for a person who waits. */
	readonly say: (text: string) => void;
};

/** What each `bench/<NAME>.ts` exports as `rows`: figures, in the order they become known. */
export type Bench = (options: BenchOptions) => AsyncGenerator<Row>;

/** A row whose figure is to be at most `max`. */
export function atMost(id: string, value: number, max: number, unit: string, peer?: string): Row {
	return { id, value, unit, target: `<= ${max}`, pass: value <= max, ...(peer !== undefined && { peer }) };
}

/** The value below which `share` (0-1) of `values` lie; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** A row whose figure is to be at least `min`. */
export function atLeast(id: string, value: number, min: number, unit: string, peer?: string): Row {
	return { id, value, unit, target: `>= ${min}`, pass: value >= min, ...(peer !== undefined && { peer }) };
}

/** The middle one of `values`; NaN of none. */
export function median(values: readonly number[]): number {
	return quantile(values, 0.5);
}

/** One part of a benchmark: what `--part` names. */
export type Part<C> = readonly [name: string, rows: (context: C) => AsyncGenerator<Row>];

/** The rows of the part that is wanted, or of all, in order. @throws when one is asked for that there is not. */
export async function* rowsOf<C>(
	parts: readonly Part<C>[],
	wanted: string | undefined,
	context: C,
): AsyncGenerator<Row> {
	const names = parts.map(([name]) => name);
	if (wanted !== undefined && !names.includes(wanted)) {
		throw new Error(`Cannot run part ${wanted}: there are ${names.join(", ")}`);
	}
	for (const [name, rows] of parts) if (wanted === undefined || wanted === name) yield* rows(context);
}
