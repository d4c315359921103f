import * as z from "zod/mini";
import type { MonoMs, Random, UnixMs } from "#base/index.ts";
import {
	LEVEL_RECORDS_MAX,
	LEVELS,
	type Level,
	type LevelRecord,
	type LevelView,
	type LineStand,
	levelRecord,
} from "#wire/index.ts";
import { Ladder, type LadderStep, type Strain } from "./ladder.ts";
import { savedLine, WaitingLine } from "./line.ts";

/** What a worker says of itself, once or more often per second. */
export type WorkerReport = Strain & {
	readonly admitted: number;
	readonly connectionsMax: number;
	/** Tokens it has made since its start, by interview. */
	readonly minted: Readonly<Record<string, number>>;
};

/** What was saved longer ago says nothing about now, but for what an operator has decided. */
const SAVED_FRESH_MS = 60_000;
export const savedSteward = z.object({
	unixMs: z.number(),
	level: z.enum(LEVELS),
	pinned: z.boolean(),
	/** The newest LEVEL_RECORDS_MAX, oldest first. */
	records: z.array(levelRecord),
	/** By interview id. */
	lines: z.record(z.string(), z.object({ line: savedLine })),
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
 * Pure core; house owns it. Started anew it goes on with what was saved within the last minute, else at *normal*. A pin
 * and the records are gone on with whenever they were saved.
 */
export class Steward {
	readonly #random: Random;
	readonly #ladder: Ladder;
	readonly #workers = new Map<number, { readonly report: WorkerReport; readonly atMs: MonoMs }>();
	/** `arrivedCount`: tokens made since the line moved last. */
	readonly #lines = new Map<string, { readonly line: WaitingLine; arrivedCount: number }>();
	/** Changes of the level, oldest first; LEVEL_RECORDS_MAX at most. */
	readonly #records: LevelRecord[];
	/** The newest that is known to be on the disk. */
	#savedRecord: LevelRecord | undefined;
	#movedMs: MonoMs | undefined;

	/** @param saved what a predecessor saved a moment ago: a restart of house must not let everybody in. */
	constructor(random: Random, saved?: SavedSteward, nowUnixMs?: UnixMs) {
		this.#random = random;
		const isFresh = saved && nowUnixMs !== undefined && Math.abs(nowUnixMs - saved.unixMs) < SAVED_FRESH_MS;
		const goesOn = isFresh || saved?.pinned === true;
		this.#ladder = new Ladder(goesOn ? saved?.level : "normal", saved?.pinned);
		this.#records = saved?.records.slice(-LEVEL_RECORDS_MAX) ?? [];
		this.#savedRecord = this.#records.at(-1);
		if (saved && nowUnixMs !== undefined && !goesOn && saved.level !== "normal") {
			this.#record({ from: saved.level, to: "normal", cause: "restarted", reason: "" }, nowUnixMs);
		}
		if (!isFresh) return;
		for (const [interviewId, { line }] of Object.entries(saved.lines)) {
			this.#lines.set(interviewId, { line: WaitingLine.restore(line, nowUnixMs), arrivedCount: 0 });
		}
	}

	/** What a successor needs; undefined while there is nothing to lose that is not on the disk. */
	save(nowUnixMs: UnixMs): SavedSteward | undefined {
		if (this.level === "normal" && this.#records.at(-1) === this.#savedRecord) return undefined;
		const lines = [...this.#lines].map(([id, { line }]) => [id, { line: line.save() }]);
		return {
			unixMs: nowUnixMs,
			level: this.level,
			pinned: this.#ladder.pinned,
			records: [...this.#records],
			lines: Object.fromEntries(lines),
		};
	}

	/** What `save` gave is on the disk. */
	confirmSaved({ records }: SavedSteward): void {
		this.#savedRecord = records.at(-1);
	}

	get level(): Level {
		return this.#ladder.level;
	}

	get view(): LevelView {
		return {
			level: this.level,
			pinned: this.#ladder.pinned,
			sinceUnixMs: this.#records.findLast(({ from, to }) => from !== to)?.unixMs ?? null,
			records: this.#records,
		};
	}

	/** Bounded by the workers there are, which the supervisor numbers. */
	takeReport(worker: number, report: WorkerReport, nowMs: MonoMs): void {
		const before = this.#workers.get(worker)?.report.minted;
		this.#workers.set(worker, { report, atMs: nowMs });
		// What a worker made before we heard of it, or while it said nothing, is not what comes now.
		if (!before) return;
		for (const [interviewId, held] of this.#lines) {
			const [then, now] = [before[interviewId] ?? 0, report.minted[interviewId] ?? 0];
			// A worker that started anew counts from 0 again.
			held.arrivedCount += now < then ? now : now - then;
		}
	}

	standOf(interviewId: string): LineStand | null {
		return this.#lines.get(interviewId)?.line.stand ?? null;
	}

	/** Holds a level whatever the strain, until it is released. @param reason not empty. */
	pin(level: Level, reason: string, nowMs: MonoMs, nowUnixMs: UnixMs): LadderStep {
		return this.#record(this.#ladder.pin(level, reason, nowMs), nowUnixMs);
	}

	/** Lets the strain decide again. @returns undefined when no level was pinned: nothing has changed. */
	release(reason: string, nowMs: MonoMs, nowUnixMs: UnixMs): LadderStep | undefined {
		const step = this.#ladder.release(reason, nowMs);
		return step && this.#record(step, nowUnixMs);
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
		if (step) this.#record(step, nowUnixMs);
		if (this.level === "door") for (const id of interviewIds) this.#openLine(id, nowUnixMs);
		if (nowMs - (this.#movedMs ?? Number.NEGATIVE_INFINITY) >= LINE_EVERY_MS) {
			this.#moveLines(reports, nowMs, nowUnixMs);
		}
		return step;
	}

	#record(step: LadderStep, nowUnixMs: UnixMs): LadderStep {
		this.#records.push({ unixMs: nowUnixMs, ...step });
		if (this.#records.length > LEVEL_RECORDS_MAX) this.#records.shift();
		return step;
	}

	#openLine(interviewId: string, nowUnixMs: UnixMs): void {
		if (this.#lines.has(interviewId)) return;
		const line = new WaitingLine(this.#random.bytes(32), nowUnixMs);
		// Whoever had a token by now came while everybody was let in.
		line.draw(0, nowUnixMs);
		this.#lines.set(interviewId, { line, arrivedCount: 0 });
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
		for (const held of this.#lines.values()) {
			const { arrivedCount } = held;
			held.arrivedCount = 0;
			const share = this.level === "door" ? room / this.#lines.size : Number.POSITIVE_INFINITY;
			held.line.advance(share, arrivedCount, nowUnixMs);
		}
	}
}
