import * as z from "zod/mini";
import type { MonoMs, Random, UnixMs } from "#base/index.ts";
import { LEVELS, type Level, type LineStand } from "#wire/index.ts";
import { Ladder, type LadderStep, type Strain } from "./ladder.ts";
import { savedLine, WaitingLine } from "./line.ts";

/** What a worker says of itself, once or more often per second. */
export type WorkerReport = Strain & {
	readonly admitted: number;
	readonly connectionsMax: number;
	/** Tokens it has made since its start, by interview. */
	readonly minted: Readonly<Record<string, number>>;
};

/** What was saved longer ago says nothing about now. */
const SAVED_FRESH_MS = 60_000;
export const savedSteward = z.object({
	unixMs: z.number(),
	level: z.enum(LEVELS),
	/** By interview id. */
	lines: z.record(z.string(), z.object({ line: savedLine, mintedBefore: z.number() })),
});
export type SavedSteward = z.infer<typeof savedSteward>;

/** A report older than this says nothing about now. */
const REPORT_FRESH_MS = 3_000;
/** The line moves this often. */
export const LINE_EVERY_MS = 1_000;
/** Share of its connections that a worker gives to the line; the rest is for those who come back. */
const LINE_SHARE = 0.94;
/** Newcomers that one worker greets per second, below what TLS handshakes allow of one core. */
const GREETED_PER_S = 200;
/** Interviews that a line is kept for; the oldest is forgotten beyond it. */
const LINES_MAX = 1_000;

/**
 * Looks at all workers and says which level holds and how far the line of each interview has been let in.
 *
 * Pure core; house owns it. Started anew it goes on with what was saved within the last minute, else at *normal*.
 */
export class Steward {
	readonly #random: Random;
	readonly #ladder: Ladder;
	readonly #workers = new Map<number, { readonly report: WorkerReport; readonly atMs: MonoMs }>();
	readonly #lines = new Map<string, { readonly line: WaitingLine; mintedBefore: number }>();
	#movedMs: MonoMs | undefined;

	/** @param saved what a predecessor saved a moment ago: a restart of house must not let everybody in. */
	constructor(random: Random, saved?: SavedSteward, nowUnixMs?: UnixMs) {
		this.#random = random;
		const isFresh = saved && nowUnixMs !== undefined && Math.abs(nowUnixMs - saved.unixMs) < SAVED_FRESH_MS;
		this.#ladder = new Ladder(isFresh ? saved.level : "normal");
		if (!isFresh) return;
		for (const [interviewId, { line, mintedBefore }] of Object.entries(saved.lines)) {
			this.#lines.set(interviewId, { line: WaitingLine.restore(line, nowUnixMs), mintedBefore });
		}
	}

	/** What a successor needs; undefined while there is nothing to lose. */
	save(nowUnixMs: UnixMs): SavedSteward | undefined {
		if (this.level === "normal") return undefined;
		const lines = [...this.#lines].map(([id, { line, mintedBefore }]) => [id, { line: line.save(), mintedBefore }]);
		return { unixMs: nowUnixMs, level: this.level, lines: Object.fromEntries(lines) };
	}

	get level(): Level {
		return this.#ladder.level;
	}

	/** Bounded by the workers there are, which the supervisor numbers. */
	takeReport(worker: number, report: WorkerReport, nowMs: MonoMs): void {
		this.#workers.set(worker, { report, atMs: nowMs });
	}

	standOf(interviewId: string): LineStand | null {
		return this.#lines.get(interviewId)?.line.stand ?? null;
	}

	pin(level: Level, reason: string, nowMs: MonoMs): LadderStep | undefined {
		return this.#ladder.pin(level, reason, nowMs);
	}

	release(reason: string, nowMs: MonoMs): LadderStep | undefined {
		return this.#ladder.release(reason, nowMs);
	}

	/**
	 * Looks again, several times a second.
	 *
	 * @param interviewIds those with sound now.
	 * @returns a step that was taken.
	 */
	tick(interviewIds: readonly string[], nowMs: MonoMs, nowUnixMs: UnixMs): LadderStep | undefined {
		const reports: WorkerReport[] = [];
		for (const [worker, { report, atMs }] of this.#workers) {
			if (nowMs - atMs > REPORT_FRESH_MS) this.#workers.delete(worker);
			else reports.push(report);
		}
		const worst = (signal: keyof Strain) => Math.max(0, ...reports.map((report) => report[signal]));
		const step = this.#ladder.observe(
			{
				loopDelayP99Ms: worst("loopDelayP99Ms"),
				cpuShare: worst("cpuShare"),
				admittedShare: worst("admittedShare"),
			},
			nowMs,
		);
		if (this.level === "door") for (const id of interviewIds) this.#openLine(id, nowUnixMs);
		if (nowMs - (this.#movedMs ?? Number.NEGATIVE_INFINITY) >= LINE_EVERY_MS) {
			this.#moveLines(reports, nowMs, nowUnixMs);
		}
		return step;
	}

	#openLine(interviewId: string, nowUnixMs: UnixMs): void {
		if (this.#lines.has(interviewId)) return;
		const line = new WaitingLine(this.#random.bytes(32), nowUnixMs);
		// Whoever had a token by now came while everybody was let in.
		line.draw(0, nowUnixMs);
		this.#lines.set(interviewId, { line, mintedBefore: this.#mintedOf(interviewId) });
		for (const oldest of this.#lines.keys()) {
			if (this.#lines.size <= LINES_MAX) break;
			this.#lines.delete(oldest);
		}
	}

	#moveLines(reports: readonly WorkerReport[], nowMs: MonoMs, nowUnixMs: UnixMs): void {
		const elapsedMs = this.#movedMs === undefined ? 0 : nowMs - this.#movedMs;
		this.#movedMs = nowMs;
		if (elapsedMs === 0 || this.#lines.size === 0) return;
		const room = reports.reduce((sum, { admitted, connectionsMax }) => {
			const free = Math.max(0, LINE_SHARE * connectionsMax - admitted);
			return sum + Math.min(free, (GREETED_PER_S * elapsedMs) / 1_000);
		}, 0);
		for (const [interviewId, held] of this.#lines) {
			const minted = this.#mintedOf(interviewId);
			// A worker that started anew counts from 0 again.
			const arrivedCount = Math.max(0, minted - held.mintedBefore);
			held.mintedBefore = minted;
			const share = this.level === "door" ? room / this.#lines.size : Number.POSITIVE_INFINITY;
			held.line.advance(share, arrivedCount, nowUnixMs);
		}
	}

	#mintedOf(interviewId: string): number {
		return this.#workers.values().reduce((sum, { report }) => sum + (report.minted[interviewId] ?? 0), 0);
	}
}
