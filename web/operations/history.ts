import type { OperationsView } from "#wire/staff.ts";

type EdgeView = OperationsView["edges"][number];
/** What a worker reported at a moment; `refusedPerS` since the sample before it, 0 with the first. */
export type Sample = EdgeView & { readonly atMs: number; readonly refusedPerS: number };

/** What the plots show, ms. */
export const WINDOW_MS = 10 * 60_000;

/** The samples of each worker within the window, oldest first. Bounded by the window and how often it is asked. */
export type History = ReadonlyMap<number, readonly Sample[]>;

/** Takes what was reported at `atMs`. A worker that has reported nothing within the window is forgotten. */
export function withReports(history: History, edges: readonly EdgeView[], atMs: number): History {
	const next = new Map<number, readonly Sample[]>();
	for (const [worker, samples] of history) {
		const kept = samples.filter((sample) => sample.atMs > atMs - WINDOW_MS);
		if (kept.length > 0) next.set(worker, kept);
	}
	for (const edge of edges) {
		const before = next.get(edge.worker) ?? [];
		const last = before.at(-1);
		next.set(edge.worker, [...before, { ...edge, atMs, refusedPerS: last ? perSecond(last, edge, atMs) : 0 }]);
	}
	return next;
}

/** A worker that started anew counts from 0 again. */
function perSecond(last: Sample, edge: EdgeView, atMs: number): number {
	const [before, now] = [last.pid === edge.pid ? total(last) : 0, total(edge)];
	return Math.max(0, now - before) / Math.max(0.001, (atMs - last.atMs) / 1_000);
}

function total({ refusedSinceStart }: EdgeView): number {
	return Object.values(refusedSinceStart).reduce((sum, count) => sum + count, 0);
}

/** Why a worker refused, most often first: since its start, and per second within the last half minute. */
export function refusalsOf(samples: readonly Sample[]): { reason: string; total: number; perS: number }[] {
	const last = samples.at(-1);
	if (!last) return [];
	const first = samples.find(({ atMs, pid }) => atMs >= last.atMs - 30_000 && pid === last.pid) ?? last;
	const elapsedS = (last.atMs - first.atMs) / 1_000;
	return Object.entries(last.refusedSinceStart)
		.map(([reason, count]) => ({
			reason,
			total: count,
			perS: elapsedS > 0 ? (count - (first.refusedSinceStart[reason] ?? 0)) / elapsedS : 0,
		}))
		.sort((a, b) => b.total - a.total);
}
