import type { Clock, MonoMs } from "#base/index.ts";
import type { Bus } from "#bus/index.ts";
import {
	ALL_BROADCAST_REPORTS,
	ALL_EDGE_REPORTS,
	ALL_STAGE_REPORTS,
	ALL_TIMELINES,
	type BroadcastReport,
	broadcastReport,
	type EdgeReport,
	edgeReport,
	type ProcessStatus,
	type ProgrammeTimeline,
	programmeTimeline,
	readJson,
	type StageReport,
	SUPERVISOR_REPORT,
	type SupervisorReport,
	stageReport,
	supervisorReport,
} from "#wire/index.ts";

/** A report older than this says nothing about now: four times the slowest report's period. */
const FRESH_MS = 2_000;
const EDGE_FRESH_MS = 4_000;

type Said<T> = { readonly report: T; readonly atMs: MonoMs };

export type ObservedListeners = {
	onStage(interviewId: string, report: StageReport): void;
	/** @param isAnew whether the process had been silent, or began from an earlier part: it may have forgotten what it was told. */
	onBroadcast(interviewId: string, report: BroadcastReport, isAnew: boolean): void;
	onTimeline(timeline: ProgrammeTimeline): void;
	/** The stage's process is another one: what was connected to the old one is gone. */
	onStageReplaced(interviewId: string): void;
};

/** What the other processes say of themselves, as long as it is fresh. Bounded by the interviews that `knows` knows. */
export class Observed implements Disposable {
	readonly #clock: Clock;
	readonly #stages = new Map<string, Said<StageReport>>();
	readonly #broadcasts = new Map<string, Said<BroadcastReport>>();
	readonly #timelines = new Map<string, ProgrammeTimeline>();
	readonly #edges = new Map<number, Said<EdgeReport>>();
	readonly #subscriptions = new DisposableStack();
	#supervisor: SupervisorReport | undefined;

	constructor(options: {
		readonly bus: Bus;
		readonly clock: Clock;
		readonly edgeWorkers: number;
		readonly knows: (interviewId: string) => boolean;
		readonly listeners: ObservedListeners;
	}) {
		const { bus, clock, knows, listeners } = options;
		this.#clock = clock;
		const on = (subject: string, take: (payload: Buffer, last: string) => void) =>
			this.#subscriptions.use(
				bus.subscribe(subject, (payload, full) => take(payload, full.slice(full.lastIndexOf(".") + 1))),
			);
		on(ALL_STAGE_REPORTS, (payload, interviewId) => {
			if (!knows(interviewId)) return;
			const report = readJson(stageReport, payload);
			this.#stages.set(interviewId, { report, atMs: clock.monoMs() });
			listeners.onStage(interviewId, report);
		});
		on(ALL_BROADCAST_REPORTS, (payload, interviewId) => {
			if (!knows(interviewId)) return;
			const before = this.broadcast(interviewId);
			const report = readJson(broadcastReport, payload);
			this.#broadcasts.set(interviewId, { report, atMs: clock.monoMs() });
			listeners.onBroadcast(interviewId, report, !before || report.partIndex < before.partIndex);
		});
		on(ALL_TIMELINES, (payload) => {
			const timeline = readJson(programmeTimeline, payload);
			if (!knows(timeline.interviewId)) return;
			this.takeTimeline(timeline);
			listeners.onTimeline(timeline);
		});
		on(ALL_EDGE_REPORTS, (payload) => {
			const report = readJson(edgeReport, payload);
			if (report.worker < options.edgeWorkers) this.#edges.set(report.worker, { report, atMs: clock.monoMs() });
		});
		on(SUPERVISOR_REPORT, (payload) => {
			const before = this.#supervisor;
			this.#supervisor = readJson(supervisorReport, payload);
			for (const { name, startedUnixMs } of this.#supervisor.processes) {
				if (!name.startsWith("stage-")) continue;
				const old = before?.processes.find((process) => process.name === name)?.startedUnixMs;
				if (old === undefined || old === null || old === startedUnixMs) continue;
				const interviewId = name.slice("stage-".length);
				this.#stages.delete(interviewId);
				listeners.onStageReplaced(interviewId);
			}
		});
	}

	get supervisor(): SupervisorReport | undefined {
		return this.#supervisor;
	}

	takeSupervisor(report: SupervisorReport): void {
		this.#supervisor = report;
	}

	process(name: string): ProcessStatus | undefined {
		return this.#supervisor?.processes.find((process) => process.name === name);
	}

	stage(interviewId: string): StageReport | undefined {
		return this.#fresh(this.#stages.get(interviewId));
	}

	broadcast(interviewId: string): BroadcastReport | undefined {
		return this.#fresh(this.#broadcasts.get(interviewId));
	}

	timeline(interviewId: string): ProgrammeTimeline | undefined {
		return this.#timelines.get(interviewId);
	}

	takeTimeline(timeline: ProgrammeTimeline): void {
		this.#timelines.set(timeline.interviewId, timeline);
	}

	/** Whether speakers can connect now, and a number that changes when they must connect anew. */
	stageState(interviewId: string): { ready: boolean; epoch: number } {
		const process = this.process(`stage-${interviewId}`);
		return {
			ready: this.stage(interviewId) !== undefined && (!process || process.state === "running"),
			epoch: process?.startedUnixMs ?? 0,
		};
	}

	/** Over all edge workers. */
	listeners(slug: string): { settled: number; open: number } {
		const sum = { settled: 0, open: 0 };
		for (const edge of this.#edges.values()) {
			const here = this.#fresh(edge, EDGE_FRESH_MS)?.listeners[slug];
			sum.settled += here?.settled ?? 0;
			sum.open += here?.open ?? 0;
		}
		return sum;
	}

	/** Of the workers that have reported lately, by number. */
	edges(): EdgeReport[] {
		const fresh = [...this.#edges.values()].flatMap((edge) => this.#fresh(edge, EDGE_FRESH_MS) ?? []);
		return fresh.sort((a, b) => a.worker - b.worker);
	}

	/** Everything that runs for it was let go. */
	forget(interviewId: string): void {
		this.#stages.delete(interviewId);
		this.#broadcasts.delete(interviewId);
		this.#timelines.delete(interviewId);
	}

	[Symbol.dispose](): void {
		this.#subscriptions.dispose();
	}

	#fresh<T>(said: Said<T> | undefined, forMs = FRESH_MS): T | undefined {
		return said && this.#clock.monoMs() - said.atMs <= forMs ? said.report : undefined;
	}
}
