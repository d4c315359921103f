import type { Clock, MonoMs, Random, UnixMs } from "#base/index.ts";
import { everyMs, pauseMs, randomToken, unpackPieces } from "#base/index.ts";
import { type Bus, BusError } from "#bus/index.ts";
import { DatabaseError, type Mirror } from "#database/index.ts";

import {
	ALL_BROADCAST_REPORTS,
	ALL_EDGE_REPORTS,
	ALL_STAGE_REPORTS,
	ALL_TIMELINES,
	type BroadcastCommand,
	type BroadcastReport,
	broadcastCommands,
	broadcastReport,
	type EdgeReport,
	edgeReport,
	edgeSync,
	endAnswer,
	HOUSE_SYNC,
	type InterviewFacts,
	interviewChanges,
	onAirAnswer,
	type ProgrammeTimeline,
	partUnixMs,
	programmeTail,
	programmeTimeline,
	readJson,
	SEATS_MAX,
	type SeatChange,
	type StageAnswer,
	type StageCommand,
	type StageReport,
	SUPERVISOR_COMMAND,
	SUPERVISOR_REPORT,
	type SupervisorCommand,
	type SupervisorReport,
	stageAnswer,
	stageCommands,
	stageReport,
	supervisorAnswer,
	supervisorReport,
	writeJson,
} from "#wire/index.ts";
import { type Refusal, refusal } from "./errors.ts";
import type { InterviewEvents } from "./events.ts";
import { factsOf, type Interview, seatOf, withSeat } from "./interview.ts";
import {
	advance,
	type Cause,
	dueNow,
	isOpen,
	isOver,
	type LifecycleEvent,
	type Outcome,
	type Transition,
} from "./lifecycle.ts";

const TICK_MS = 200;
/** A report older than this says nothing about now. */
const REPORT_FRESH_MS = 2_000;
/** On air, and the programme's process has not reported for this long: listeners are told. */
const INTERRUPTED_AFTER_MS = 3_000;
/** How long a person waits for *Go live* or a seat while the process is being started. */
const PROCESS_WITHIN_MS = 8_000;
/** Making the recording's files takes up to half a second per hour. */
const END_WITHIN_MS = 30_000;
const ASK_TIMEOUT_MS = 2_000;
const RETRY_AFTER_MS = 100;
/** What could not be opened is tried again after this. */
const OPEN_AGAIN_AFTER_MS = 3_000;
/** After the end, the speakers can say goodbye, and edges read what is left. */
const CLOSE_AFTER_END_MS = 60_000;
/** A studio nobody is in, before the doors open. */
const CLOSE_EMPTY_AFTER_MS = 10 * 60_000;
/** WHIP connections remembered per interview. One more forgets the oldest; its client gets 404 and connects anew. */
const WHIP_SESSIONS_MAX = 64;

export type WhipSession = { readonly sessionId: string; readonly seatId: string; iceGeneration: number };

/** The processes of one interview, as control knows them. */
type Room = {
	readonly interviewId: string;
	/** Whether the supervisor was asked, and agreed; null: not asked yet. */
	stageOpen: boolean;
	broadcastOpen: boolean;
	openRefused: string | undefined;
	openAgainMs: number;
	/** Somebody has been in the studio since it opened. */
	entered: boolean;
	emptySinceMs: MonoMs;
	overSinceMs: MonoMs | undefined;
	stage: { readonly report: StageReport; readonly atMs: MonoMs } | undefined;
	broadcast: { readonly report: BroadcastReport; readonly atMs: MonoMs } | undefined;
	/** When the programme was last heard of, or when we began to listen. */
	broadcastSinceMs: MonoMs;
	timeline: ProgrammeTimeline | undefined;
	/** What the broadcast process was told last: tags and notice, as JSON. Undefined when it may have forgotten. */
	told: string | undefined;
	readonly whipSessions: Map<string, WhipSession>;
	/** When each seat's settings were sent again last. */
	readonly seatSentMs: Map<string, MonoMs>;
	/** One thing at a time happens to an interview. */
	queue: Promise<unknown>;
	busy: number;
};

type Change = {
	readonly event: LifecycleEvent;
	readonly atUnixMs: number;
	readonly actor: string;
	readonly cause: Cause;
};

export type LiveOptions = {
	readonly clock: Clock;
	readonly random: Random;
	readonly bus: Bus;
	readonly interviews: Mirror<Interview>;
	readonly liveInterviewsMax: number;
	readonly edgeWorkers: number;
	readonly events: InterviewEvents;
};

/**
 * The interviews as they happen: opens and closes their processes, goes live by hand and by the clock, seats
 * speakers, ends. Needs the bus and its own memory only; what it records reaches PostgreSQL when that can be
 * reached. Each command may be repeated without harm.
 */
export class Live {
	readonly #options: LiveOptions;
	readonly #rooms = new Map<string, Room>();
	readonly #edges = new Map<number, { report: EdgeReport; atMs: MonoMs }>();
	readonly #factsTold = new Map<string, string>();
	readonly #parts = new AsyncDisposableStack();
	#supervisor: { readonly report: SupervisorReport; readonly atMs: MonoMs } | undefined;
	#closed = false;

	constructor(options: LiveOptions) {
		this.#options = options;
	}

	/** Finds out what runs already and takes it over, then follows the clock. */
	async start(): Promise<void> {
		const { bus, clock, interviews } = this.#options;
		const parts = this.#parts;
		parts.use(bus.subscribe(ALL_STAGE_REPORTS, (payload, subject) => this.#onStageReport(payload, idIn(subject))));
		parts.use(bus.subscribe(ALL_BROADCAST_REPORTS, (p, subject) => this.#onBroadcastReport(p, idIn(subject))));
		parts.use(bus.subscribe(ALL_TIMELINES, (payload) => this.#onTimeline(readJson(programmeTimeline, payload))));
		parts.use(
			bus.subscribe(ALL_EDGE_REPORTS, (payload) => {
				const report = readJson(edgeReport, payload);
				if (report.worker < this.#options.edgeWorkers) {
					this.#edges.set(report.worker, { report, atMs: clock.monoMs() });
				}
			}),
		);
		parts.use(bus.subscribe(SUPERVISOR_REPORT, (p) => this.#onSupervisorReport(readJson(supervisorReport, p))));
		parts.use(interviews.onChange((interview) => this.#tellFacts(interview)));
		await this.#takeOver();
		parts.use(everyMs(clock, TICK_MS, () => this.#tick()));
	}

	// What others may see.

	get supervisorReport(): SupervisorReport | undefined {
		return this.#supervisor?.report;
	}

	/** How often the supervisor has restarted a process; undefined while it has not said. */
	restartsOf(process: string): number | undefined {
		return this.#process(process)?.restarts;
	}

	stageReport(interviewId: string): StageReport | undefined {
		return this.#fresh(this.#rooms.get(interviewId)?.stage);
	}

	broadcastReport(interviewId: string): BroadcastReport | undefined {
		return this.#fresh(this.#rooms.get(interviewId)?.broadcast);
	}

	timeline(interviewId: string): ProgrammeTimeline | undefined {
		return this.#rooms.get(interviewId)?.timeline;
	}

	/** Whether speakers can connect now, and a number that changes when they must connect anew. */
	stageState(interviewId: string): { ready: boolean; epoch: number } {
		const process = this.#process(`stage-${interviewId}`);
		return {
			ready: this.stageReport(interviewId) !== undefined && (!process || process.state === "running"),
			epoch: process?.startedUnixMs ?? 0,
		};
	}

	listeners(slug: string): { settled: number; open: number } {
		const sum = { settled: 0, open: 0 };
		for (const edge of this.#edges.values()) {
			const here = this.#fresh(edge)?.listeners[slug];
			sum.settled += here?.settled ?? 0;
			sum.open += here?.open ?? 0;
		}
		return sum;
	}

	/** Interviews whose processes run. */
	openIds(): string[] {
		return [...this.#rooms.values()].filter((room) => room.stageOpen || room.broadcastOpen).map((r) => r.interviewId);
	}

	openRefusal(interviewId: string): string | undefined {
		return this.#rooms.get(interviewId)?.openRefused;
	}

	/** Authorised speakers connected in the green room or on air. */
	seatedCount(interview: Interview): number {
		const report = this.stageReport(interview.interviewId);
		return (report?.seats ?? []).filter(
			(seat) => seat.connection === "connected" && seat.place !== "check" && seatOf(interview, seat.seatId),
		).length;
	}

	/** Settles when `done` answers something, or with undefined after `withinMs`. */
	async until<T>(withinMs: number, done: () => Promise<T | undefined> | T | undefined): Promise<T | undefined> {
		const { clock } = this.#options;
		const endMs = clock.monoMs() + withinMs;
		for (;;) {
			const found = await done();
			if (found !== undefined || this.#closed || clock.monoMs() >= endMs) return found;
			await pauseMs(clock, RETRY_AFTER_MS);
		}
	}

	// Commands.

	/** Somebody enters the studio: the stage is opened if it is not. */
	async enter(interviewId: string): Promise<Refusal | { ok: true }> {
		const interview = this.#get(interviewId);
		if (!interview) return refusal("not_found", "There is no such interview.");
		if (isOver(interview.lifecycle.phase)) return overRefusal(interview);
		const room = this.#room(interviewId);
		room.entered = true;
		room.emptySinceMs = this.#options.clock.monoMs();
		return room.stageOpen ? { ok: true } : this.#open(room, "stage");
	}

	/** Puts it on air now; everybody in the green room is on air with it. */
	goLive(interviewId: string, actor: string): Promise<Refusal | { ok: true }> {
		return this.#alone(interviewId, (room) => this.#goOnAir(room, actor, "went_live"));
	}

	/** Ends it. Settles when the recording is readable and every edge knows. */
	end(interviewId: string, actor: string): Promise<Refusal | { ok: true; durationMs: number }> {
		return this.#alone(interviewId, (room) => this.#endNow(room, actor, "ended"));
	}

	cancel(interviewId: string, actor: string): Promise<Refusal | { ok: true }> {
		return this.#alone(interviewId, async (room) => {
			const outcome = await this.#move(room.interviewId, {
				event: { kind: "cancelled" },
				atUnixMs: this.#options.clock.unixMs(),
				actor,
				cause: "cancelled",
			});
			return outcome.kind === "refused" ? refusal(outcome.code, sentence("cancel", outcome.detail)) : { ok: true };
		});
	}

	/** The announced start was moved: an interview that waited for its host has its doors open again. */
	async rescheduled(interviewId: string, actor: string): Promise<void> {
		await this.#alone(interviewId, async (room) => {
			const interview = this.#get(interviewId);
			const nowUnixMs = this.#options.clock.unixMs();
			if (interview?.lifecycle.phase !== "waiting_for_host" || interview.announcedStartUnixMs <= nowUnixMs) return;
			const event = { kind: "rescheduled" } as const;
			await this.#move(room.interviewId, { event, atUnixMs: nowUnixMs, actor, cause: "rescheduled" });
		});
	}

	/** Changes a seat, in the record and on the stage. */
	async changeSeat(interviewId: string, seatId: string, change: SeatChange): Promise<Refusal | { ok: true }> {
		const before = this.#get(interviewId);
		if (!before || !seatOf(before, seatId)) return refusal("not_found", "There is no such seat.");
		await this.#options.interviews.record(interviewId, (now) => {
			return withSeat(now as Interview, seatId, change as Partial<Omit<Interview["seats"][number], "seatId">>);
		});
		await this.#sendSeat(interviewId, seatId);
		return { ok: true };
	}

	/** Takes a seat away: its connection is closed and its tokens and links are void. */
	async removeSeat(interviewId: string, seatId: string): Promise<Refusal | { ok: true }> {
		const before = this.#get(interviewId);
		const seat = before && seatOf(before, seatId);
		if (!before || !seat) return refusal("not_found", "There is no such seat.");
		if (seat.role === "host" && before.seats.filter((other) => other.role === "host").length === 1) {
			return refusal("last_host", "Cannot remove the only host. Make somebody else host first.");
		}
		await this.#options.interviews.record(interviewId, (now) => {
			const interview = now as Interview;
			return { ...interview, seats: interview.seats.filter((other) => other.seatId !== seatId) };
		});
		const room = this.#rooms.get(interviewId);
		for (const [sessionId, session] of room?.whipSessions ?? []) {
			if (session.seatId === seatId) room?.whipSessions.delete(sessionId);
		}
		if (room?.stageOpen) await this.#askStage(interviewId, { kind: "remove", seatId }).catch(() => {});
		return { ok: true };
	}

	/** Ends the connection of a seat, which stays. */
	async leave(interviewId: string, sessionId: string): Promise<void> {
		this.#rooms.get(interviewId)?.whipSessions.delete(sessionId);
		await this.#askStage(interviewId, { kind: "leave", sessionId }).catch(() => {});
	}

	/**
	 * Seats a speaker from a WHIP offer. A seat that had a connection has this one instead.
	 *
	 * @returns the answer and the new session's id; a stage that is being started is waited for.
	 */
	async accept(
		interviewId: string,
		seatId: string,
		sdp: string,
	): Promise<Refusal | { ok: true; sdp: string; session: WhipSession }> {
		const entered = await this.enter(interviewId);
		if (!entered.ok) return entered;
		const room = this.#room(interviewId);
		const others = (this.stageReport(interviewId)?.seats ?? []).filter((other) => other.seatId !== seatId);
		if (others.length >= SEATS_MAX) return studioFull();
		const sessionId = randomToken(this.#options.random, 16);
		const answer = await this.#askStageSoon(interviewId, () => {
			const interview = this.#get(interviewId);
			const seat = interview && seatOf(interview, seatId);
			if (!seat) return undefined;
			const { name, place, muted, gainDb } = seat;
			return { kind: "accept", seatId, sessionId, name, sdp, place, muted, gainDb };
		});
		if (!answer) return refusal("not_found", "There is no such seat any more. Ask the host for a new invitation.");
		if (!answer.ok) return refusalOf(answer);
		if (answer.sdp === undefined) throw new Error("Cannot answer a WHIP offer: the stage sent no SDP");
		for (const old of room.whipSessions.values()) {
			if (old.seatId === seatId) room.whipSessions.delete(old.sessionId);
		}
		const session = { sessionId, seatId, iceGeneration: 0 };
		room.whipSessions.set(sessionId, session);
		if (room.whipSessions.size > WHIP_SESSIONS_MAX) {
			room.whipSessions.delete(room.whipSessions.keys().next().value as string);
		}
		this.#options.events.seatAccepted(interviewId, seatId);
		return { ok: true, sdp: answer.sdp, session };
	}

	/** The connection with this id, also one made before control was started anew: the stage knows it. */
	whipSession(interviewId: string, sessionId: string): WhipSession | undefined {
		const room = this.#rooms.get(interviewId);
		const known = room?.whipSessions.get(sessionId);
		if (known || !room) return known;
		const seat = this.stageReport(interviewId)?.seats.find((other) => other.sessionId === sessionId);
		if (!seat) return undefined;
		const session = { sessionId, seatId: seat.seatId, iceGeneration: 0 };
		room.whipSessions.set(sessionId, session);
		return session;
	}

	/** Trickled candidates, or an ICE restart, which is answered with `sdp`. */
	async patch(
		interviewId: string,
		sessionId: string,
		fragment: string,
	): Promise<Refusal | { ok: true; sdp: string | undefined }> {
		let answer: StageAnswer;
		try {
			answer = await this.#askStage(interviewId, { kind: "patch", sessionId, fragment });
		} catch (error) {
			if (error instanceof BusError) return stageUnreachable();
			throw error;
		}
		return answer.ok ? { ok: true, sdp: answer.sdp } : refusalOf(answer);
	}

	/** Everything that runs for this interview is let go. */
	async close(interviewId: string): Promise<void> {
		const room = this.#rooms.get(interviewId);
		if (room) {
			room.stageOpen = room.broadcastOpen = room.entered = false;
			room.whipSessions.clear();
			if (isOver(this.#get(interviewId)?.lifecycle.phase ?? "ended")) this.#rooms.delete(interviewId);
		}
		await this.#askSupervisor({ kind: "close", interviewId }).catch(() => {});
	}

	/** Asks the supervisor; for what is not an interview's own processes. */
	async #askSupervisor(command: SupervisorCommand) {
		const answer = await this.#options.bus.request(SUPERVISOR_COMMAND, writeJson(command), {
			timeoutMs: ASK_TIMEOUT_MS,
		});
		return readJson(supervisorAnswer, answer);
	}

	/** Starts the two synthetic speakers of a demo. */
	async openRehearsal(command: Extract<SupervisorCommand, { kind: "open_rehearsal" }>): Promise<void> {
		await this.#askSupervisor(command);
	}

	/** What house is told, of every interview. */
	allFacts(): InterviewFacts[] {
		return [...this.#options.interviews.values()].map(factsOf);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#closed = true;
		await this.#parts.disposeAsync();
	}

	// Reports.

	#onStageReport(payload: Buffer, interviewId: string): void {
		const interview = this.#get(interviewId);
		if (!interview) return;
		const room = this.#room(interviewId);
		const report = readJson(stageReport, payload);
		const atMs = this.#options.clock.monoMs();
		room.stage = { report, atMs };
		room.stageOpen = true;
		if (report.seats.some((seat) => seat.connection !== "lost")) room.emptySinceMs = atMs;
		for (const seat of report.seats) this.#correctSeat(room, interview, seat);
	}

	/** A stage that was told something else while it restarted is told again, once a second. */
	#correctSeat(room: Room, interview: Interview, shown: StageReport["seats"][number]): void {
		const seat = seatOf(interview, shown.seatId);
		const nowMs = this.#options.clock.monoMs();
		const asRecorded =
			seat && seat.place === shown.place && seat.muted === shown.muted && Math.abs(seat.gainDb - shown.gainDb) < 0.01;
		if (asRecorded || nowMs - (room.seatSentMs.get(shown.seatId) ?? Number.NEGATIVE_INFINITY) < 1_000) return;
		room.seatSentMs.set(shown.seatId, nowMs);
		if (seat) void this.#sendSeat(room.interviewId, seat.seatId);
		else void this.#askStage(room.interviewId, { kind: "remove", seatId: shown.seatId }).catch(() => {});
	}

	#onBroadcastReport(payload: Buffer, interviewId: string): void {
		if (!this.#get(interviewId)) return;
		const room = this.#room(interviewId);
		const atMs = this.#options.clock.monoMs();
		const before = this.#fresh(room.broadcast);
		const report = readJson(broadcastReport, payload);
		if (!before || report.partIndex < before.partIndex) room.told = undefined;
		room.broadcast = { report, atMs };
		room.broadcastSinceMs = atMs;
		room.broadcastOpen = true;
	}

	#onTimeline(timeline: ProgrammeTimeline): void {
		if (!this.#get(timeline.interviewId)) return;
		const room = this.#room(timeline.interviewId);
		room.timeline = timeline;
		if (this.#disagrees(timeline)) void this.#alone(timeline.interviewId, () => this.#adopt(room));
	}

	#onSupervisorReport(report: SupervisorReport): void {
		for (const room of this.#rooms.values()) {
			const before = this.#process(`stage-${room.interviewId}`)?.startedUnixMs;
			const now = report.processes.find((process) => process.name === `stage-${room.interviewId}`)?.startedUnixMs;
			// The stage was replaced: what was connected to the old one is gone.
			if (before !== undefined && before !== null && now !== before) {
				room.whipSessions.clear();
				room.stage = undefined;
			}
		}
		this.#supervisor = { report, atMs: this.#options.clock.monoMs() };
	}

	// The clock.

	#tick(): void {
		const nowUnixMs = this.#options.clock.unixMs();
		for (const interview of this.#options.interviews.values()) {
			const { interviewId, lifecycle } = interview;
			const known = this.#rooms.get(interviewId);
			const over = isOver(lifecycle.phase);
			if (over && !known) continue;
			const due = dueNow(lifecycle, interview.announcedStartUnixMs, this.seatedCount(interview), nowUnixMs);
			if (!due && !known) continue;
			const room = this.#room(interviewId);
			if (room.busy > 0) continue;
			if (over) this.#closeLater(room);
			else if (due) void this.#alone(interviewId, () => this.#doDue(room, due));
			else this.#keep(room, interview);
		}
	}

	async #doDue(room: Room, due: NonNullable<ReturnType<typeof dueNow>>): Promise<void> {
		const { clock } = this.#options;
		const { interviewId } = room;
		switch (due.do) {
			case "open_doors": {
				if (clock.monoMs() < room.openAgainMs) return;
				const opened = await this.#openBoth(room);
				if (!opened.ok) return;
				await this.#move(interviewId, this.#byClock({ kind: "doors_opened" }, "start_is_near"));
				return;
			}
			case "go_on_air": {
				if (clock.monoMs() < room.openAgainMs) return;
				const live = await this.#goOnAir(room, "clock", "start_reached");
				if (!live.ok) room.openAgainMs = clock.monoMs() + OPEN_AGAIN_AFTER_MS;
				return;
			}
			case "wait_for_host":
				await this.#move(interviewId, this.#byClock({ kind: "nobody_seated" }, "nobody_seated"));
				return;
			case "end": {
				if (clock.monoMs() < room.openAgainMs) return;
				const ended = await this.#endNow(room, "clock", due.cause);
				if (!ended.ok) room.openAgainMs = clock.monoMs() + OPEN_AGAIN_AFTER_MS;
			}
		}
	}

	/** Brings the processes of an interview in line with what is recorded of it. */
	#keep(room: Room, interview: Interview): void {
		const { clock } = this.#options;
		const nowMs = clock.monoMs();
		const { phase } = interview.lifecycle;
		if (!isOpen(phase)) {
			if (room.stageOpen && nowMs - room.emptySinceMs > CLOSE_EMPTY_AFTER_MS) void this.close(room.interviewId);
			return;
		}
		if ((!room.stageOpen || !room.broadcastOpen) && nowMs >= room.openAgainMs) {
			void this.#alone(room.interviewId, () => this.#openBoth(room));
			return;
		}
		const report = this.broadcastReport(room.interviewId);
		if (phase === "on_air" && nowMs - room.broadcastSinceMs > INTERRUPTED_AFTER_MS) {
			const change = this.#byPlatform({ kind: "interrupted" }, "programme_lost");
			void this.#alone(room.interviewId, () => this.#move(room.interviewId, change));
		} else if (phase === "interrupted" && report?.onAir) {
			const change = this.#byPlatform({ kind: "resumed" }, "programme_returned");
			void this.#alone(room.interviewId, () => this.#move(room.interviewId, change));
		}
		if (report && room.told !== toldTo(interview)) void this.#alone(room.interviewId, () => this.#tellBroadcast(room));
		if (room.timeline && this.#disagrees(room.timeline)) void this.#alone(room.interviewId, () => this.#adopt(room));
	}

	#closeLater(room: Room): void {
		const nowMs = this.#options.clock.monoMs();
		room.overSinceMs ??= nowMs;
		if (nowMs - room.overSinceMs > CLOSE_AFTER_END_MS) void this.close(room.interviewId);
	}

	// What is done, one thing at a time for each interview.

	async #goOnAir(room: Room, actor: string, cause: Cause): Promise<Refusal | { ok: true }> {
		const { clock, interviews } = this.#options;
		const { interviewId } = room;
		const interview = this.#get(interviewId);
		if (!interview) return refusal("not_found", "There is no such interview.");
		const { phase } = interview.lifecycle;
		if (phase === "on_air" || phase === "interrupted") return { ok: true };
		if (isOver(phase)) return overRefusal(interview);
		const opened = await this.#openBoth(room);
		if (!opened.ok) return opened;

		const present = new Set((this.stageReport(interviewId)?.seats ?? []).map((seat) => seat.seatId));
		const moved = interview.seats.filter((seat) => seat.place === "green" && present.has(seat.seatId));
		await interviews.record(interviewId, (now) => {
			let next: Interview = { ...(now as Interview), pendingStep: { to: "on_air", actor, cause } };
			for (const { seatId } of moved) next = withSeat(next, seatId, { place: "air" });
			return next;
		});
		await Promise.all(moved.map(({ seatId }) => this.#sendSeat(interviewId, seatId)));

		const answer = await this.#askBroadcastSoon(interviewId, { kind: "on_air" }, PROCESS_WITHIN_MS);
		if (!answer) {
			await interviews.record(interviewId, (now) => {
				let next = now as Interview;
				for (const { seatId } of moved) next = withSeat(next, seatId, { place: "green" });
				return next;
			});
			await Promise.all(moved.map(({ seatId }) => this.#sendSeat(interviewId, seatId)));
			return refusal(
				"programme_unreachable",
				"Cannot go live as the programme does not answer. Try again in a moment.",
				{
					retryAfterS: 2,
				},
			);
		}
		const { onAirUnixMs } = readJson(onAirAnswer, answer);
		const nowUnixMs = clock.unixMs();
		if (phase === "announced") {
			await this.#move(interviewId, { event: { kind: "doors_opened" }, atUnixMs: nowUnixMs, actor, cause });
		}
		await this.#move(interviewId, { event: { kind: "went_on_air" }, atUnixMs: onAirUnixMs, actor, cause });
		return { ok: true };
	}

	async #endNow(room: Room, actor: string, cause: Cause): Promise<Refusal | { ok: true; durationMs: number }> {
		const { clock, interviews } = this.#options;
		const { interviewId } = room;
		const interview = this.#get(interviewId);
		if (!interview) return refusal("not_found", "There is no such interview.");
		const { phase } = interview.lifecycle;
		if (phase === "ended") return { ok: true, durationMs: durationMsOf(interview) };
		if (phase === "cancelled") return overRefusal(interview);
		if (phase === "announced" && cause === "ended") {
			return refusal("not_open", "Cannot end it as it has not begun. Cancel it instead.");
		}
		let endedUnixMs: number = clock.unixMs();
		let durationMs = 0;
		if (isOpen(phase)) {
			await interviews.record(interviewId, (now) => {
				return { ...(now as Interview), pendingStep: { to: "ended", actor, cause } };
			});
			if (!room.broadcastOpen) await this.#open(room, "broadcast");
			const wasOnAir = phase === "on_air" || phase === "interrupted";
			if (wasOnAir) await this.#tellBroadcast(room);
			const answer = await this.#askBroadcastSoon(interviewId, { kind: "end" }, END_WITHIN_MS);
			if (answer) {
				const { endPart, durationMs: recordedMs } = readJson(endAnswer, answer);
				durationMs = recordedMs;
				const timeline = room.timeline ?? (await this.#readTimeline(room));
				if (endPart !== null && timeline) endedUnixMs = Math.round(partUnixMs(timeline, endPart));
			} else if (wasOnAir) {
				return refusal(
					"programme_unreachable",
					"Cannot end it as the programme does not answer. Try again in a moment.",
					{
						retryAfterS: 2,
					},
				);
			}
		}
		await this.#move(interviewId, { event: { kind: "ended" }, atUnixMs: endedUnixMs, actor, cause });
		const onAir = interview.seats.filter((seat) => seat.place === "air");
		await interviews.record(interviewId, (now) => {
			let next = now as Interview;
			for (const { seatId } of onAir) next = withSeat(next, seatId, { place: "green" });
			return next;
		});
		await Promise.all([this.#syncDoors(), ...onAir.map(({ seatId }) => this.#sendSeat(interviewId, seatId))]);
		return { ok: true, durationMs };
	}

	/** Settles when house and every edge have taken what was published before; one that does not answer is not waited for. */
	async #syncDoors(): Promise<void> {
		const { bus, edgeWorkers, events } = this.#options;
		const nothing = new Uint8Array(0);
		await bus
			.request(HOUSE_SYNC, nothing, { timeoutMs: ASK_TIMEOUT_MS })
			.catch((error: unknown) => events.houseBehind(error));
		const workers = Array.from({ length: edgeWorkers }, (_, worker) => worker);
		await Promise.all(
			workers.map((worker) =>
				bus
					.request(edgeSync(worker), nothing, { timeoutMs: ASK_TIMEOUT_MS })
					.catch((error: unknown) => events.edgeBehind(worker, error)),
			),
		);
	}

	/** Whether broadcast has done something that is not recorded: control died between the doing and the writing. */
	#disagrees(timeline: ProgrammeTimeline): boolean {
		const phase = this.#get(timeline.interviewId)?.lifecycle.phase;
		if (!phase || isOver(phase)) return false;
		if (timeline.endPart !== null) return true;
		return timeline.onAirPart !== null && phase !== "on_air" && phase !== "interrupted";
	}

	/** Records what the timeline shows, in the name of whoever had asked for it. */
	async #adopt(room: Room): Promise<void> {
		const { timeline, interviewId } = room;
		const interview = this.#get(interviewId);
		if (!timeline || !interview || !this.#disagrees(timeline)) return;
		const { pendingStep, lifecycle } = interview;
		const whose = (to: "on_air" | "ended") =>
			pendingStep?.to === to ? pendingStep : { actor: "platform", cause: "found_in_timeline" as const };
		if (timeline.onAirPart !== null && lifecycle.phase !== "on_air" && lifecycle.phase !== "interrupted") {
			const atUnixMs = Math.round(partUnixMs(timeline, timeline.onAirPart));
			const { actor, cause } = whose("on_air");
			if (lifecycle.phase === "announced") {
				await this.#move(interviewId, { event: { kind: "doors_opened" }, atUnixMs, actor, cause });
			}
			await this.#move(interviewId, { event: { kind: "went_on_air" }, atUnixMs, actor, cause });
		}
		if (timeline.endPart !== null) {
			const { actor, cause } = whose("ended");
			await this.#endNow(room, actor, cause);
		}
	}

	/** Tags of the finished files, the notice listeners hear, and that it is on air: whatever broadcast may not know. */
	async #tellBroadcast(room: Room): Promise<void> {
		const interview = this.#get(room.interviewId);
		if (!interview) return;
		const told = toldTo(interview);
		try {
			for (const command of tellingsOf(interview)) await this.#askBroadcast(room.interviewId, command, ASK_TIMEOUT_MS);
			room.told = told;
		} catch (error) {
			if (!(error instanceof BusError)) throw error;
			this.#options.events.programmeUnreachable(room.interviewId, "tags", error);
		}
	}

	// Processes.

	async #openBoth(room: Room): Promise<Refusal | { ok: true }> {
		const stage: Refusal | { ok: true } = room.stageOpen ? { ok: true } : await this.#open(room, "stage");
		if (!stage.ok || room.broadcastOpen) return stage;
		return this.#open(room, "broadcast");
	}

	async #open(room: Room, which: "stage" | "broadcast"): Promise<Refusal | { ok: true }> {
		const { clock, events, liveInterviewsMax } = this.#options;
		const { interviewId } = room;
		const others = this.openIds().filter((id) => id !== interviewId).length;
		let detail: string;
		let code: "live_max" | "stage_unreachable" = "live_max";
		if (others >= liveInterviewsMax) {
			detail =
				`Cannot open another studio as this machine carries ${liveInterviewsMax} interviews at once: ` +
				"end one of them, or raise the limit (--live-interviews-max).";
		} else {
			try {
				const answer = await this.#askSupervisor({ kind: `open_${which}`, interviewId });
				if (answer.ok) {
					if (which === "stage") room.stageOpen = true;
					else room.broadcastOpen = true;
					room.openRefused = undefined;
					room.emptySinceMs = room.broadcastSinceMs = clock.monoMs();
					return { ok: true };
				}
				detail = answer.detail;
			} catch (error) {
				if (!(error instanceof BusError)) throw error;
				code = "stage_unreachable";
				detail = "The platform is being started. Try again in a moment.";
			}
		}
		room.openAgainMs = clock.monoMs() + OPEN_AGAIN_AFTER_MS;
		if (!room.openRefused) events.cannotOpen(interviewId, which, detail);
		room.openRefused = detail;
		return refusal(code, detail, { retryAfterS: 3 });
	}

	/** After a start: what runs goes on, what should run is started, what was found on air without its programme was interrupted. */
	async #takeOver(): Promise<void> {
		const { bus, clock } = this.#options;
		const status = await bus
			.request(SUPERVISOR_COMMAND, writeJson({ kind: "status" }), { timeoutMs: ASK_TIMEOUT_MS })
			.then((answer) => readJson(supervisorReport, answer))
			.catch((error: unknown) => {
				if (error instanceof BusError) return undefined;
				throw error;
			});
		if (status) this.#supervisor = { report: status, atMs: clock.monoMs() };
		const running = new Set(status?.processes.filter((each) => each.state !== "stopped").map((each) => each.name));
		for (const interview of [...this.#options.interviews.values()]) {
			const { interviewId, lifecycle } = interview;
			const stageOpen = running.has(`stage-${interviewId}`);
			const broadcastOpen = running.has(`broadcast-${interviewId}`);
			if (!stageOpen && !broadcastOpen && !isOpen(lifecycle.phase)) continue;
			const room = this.#room(interviewId);
			room.stageOpen = stageOpen;
			room.broadcastOpen = broadcastOpen;
			if (!isOpen(lifecycle.phase)) continue;
			await this.#alone(interviewId, async () => {
				if (broadcastOpen) await this.#readTimeline(room);
				else if (status && lifecycle.phase === "on_air") {
					await this.#move(interviewId, this.#byPlatform({ kind: "interrupted" }, "platform_stopped"));
				}
				await this.#openBoth(room);
				await this.#adopt(room);
			});
		}
	}

	async #readTimeline(room: Room): Promise<ProgrammeTimeline | undefined> {
		try {
			const answer = await this.#options.bus.request(programmeTail(room.interviewId), writeJson({ partsMax: 0 }), {
				timeoutMs: ASK_TIMEOUT_MS,
			});
			room.timeline = programmeTimeline.parse(unpackPieces(answer).json);
			return room.timeline;
		} catch (error) {
			if (error instanceof BusError) return undefined;
			throw error;
		}
	}

	// Talking.

	async #askStage(interviewId: string, command: StageCommand): Promise<StageAnswer> {
		const answer = await this.#options.bus.request(stageCommands(interviewId), writeJson(command), {
			timeoutMs: ASK_TIMEOUT_MS * 2,
		});
		return readJson(stageAnswer, answer);
	}

	/** Asks until the stage answers: it may be starting. `command` is made anew each time; undefined gives up. */
	async #askStageSoon(interviewId: string, command: () => StageCommand | undefined): Promise<StageAnswer | undefined> {
		const { clock } = this.#options;
		const endMs = clock.monoMs() + PROCESS_WITHIN_MS;
		for (;;) {
			const asked = command();
			if (!asked) return undefined;
			try {
				return await this.#askStage(interviewId, asked);
			} catch (error) {
				if (!(error instanceof BusError)) throw error;
				if (clock.monoMs() >= endMs || error.code === "refused" || this.#closed) {
					return { ok: false, code: "not_reachable", detail: error.message };
				}
			}
			await pauseMs(clock, RETRY_AFTER_MS);
		}
	}

	async #sendSeat(interviewId: string, seatId: string): Promise<void> {
		const room = this.#rooms.get(interviewId);
		const interview = this.#get(interviewId);
		const seat = interview && seatOf(interview, seatId);
		if (!room?.stageOpen || !seat) return;
		room.seatSentMs.set(seatId, this.#options.clock.monoMs());
		const { place, muted, gainDb } = seat;
		// A seat that is not connected takes its settings along when it connects; a lost command is repeated by #correctSeat.
		await this.#askStage(interviewId, { kind: "seat", seatId, place, muted, gainDb }).catch((error: unknown) => {
			if (!(error instanceof BusError)) throw error;
		});
	}

	#askBroadcast(interviewId: string, command: BroadcastCommand, timeoutMs: number): Promise<Buffer> {
		return this.#options.bus.request(broadcastCommands(interviewId), writeJson(command), { timeoutMs });
	}

	/** Asks until broadcast answers: it may be starting. */
	async #askBroadcastSoon(
		interviewId: string,
		command: BroadcastCommand,
		withinMs: number,
	): Promise<Buffer | undefined> {
		const { clock, events } = this.#options;
		const endMs = clock.monoMs() + withinMs;
		for (;;) {
			try {
				return await this.#askBroadcast(interviewId, command, Math.max(1, endMs - clock.monoMs()));
			} catch (error) {
				if (!(error instanceof BusError)) throw error;
				if (clock.monoMs() + RETRY_AFTER_MS >= endMs || this.#closed) {
					events.programmeUnreachable(interviewId, command.kind, error);
					return undefined;
				}
			}
			await pauseMs(clock, RETRY_AFTER_MS);
		}
	}

	#tellFacts(interview: Interview): void {
		const facts = factsOf(interview);
		const text = JSON.stringify(facts);
		if (this.#factsTold.get(interview.interviewId) === text) return;
		this.#factsTold.set(interview.interviewId, text);
		this.#options.bus.publish(interviewChanges(interview.interviewId), Buffer.from(text));
	}

	// Records.

	/** Applies one event to the record, once. */
	async #move(interviewId: string, { event, atUnixMs, actor, cause }: Change): Promise<Outcome> {
		let outcome: Outcome = { kind: "unchanged" };
		let made: Transition | undefined;
		const interview = await this.#options.interviews.record(interviewId, (found) => {
			const now = found as Interview;
			outcome = advance(now.lifecycle, event, atUnixMs as UnixMs);
			if (outcome.kind !== "moved") return now;
			made = {
				sequence: now.transitions.length,
				atUnixMs,
				from: now.lifecycle.phase,
				to: outcome.next.phase,
				actor,
				cause,
			};
			const settled = now.pendingStep?.to === made.to || isOver(made.to);
			return {
				...now,
				lifecycle: outcome.next,
				transitions: [...now.transitions, made],
				pendingStep: settled ? null : now.pendingStep,
			};
		});
		if (made) this.#options.events.moved(interview, made);
		return outcome;
	}

	#byClock(event: LifecycleEvent, cause: Cause): Change {
		return { event, cause, actor: "clock", atUnixMs: this.#options.clock.unixMs() };
	}

	#byPlatform(event: LifecycleEvent, cause: Cause): Change {
		return { event, cause, actor: "platform", atUnixMs: this.#options.clock.unixMs() };
	}

	/** Runs `work` after everything that was begun for this interview before. */
	async #alone<T>(interviewId: string, work: (room: Room) => Promise<T>): Promise<T> {
		const room = this.#room(interviewId);
		room.busy += 1;
		const done = room.queue.then(() => work(room));
		room.queue = done.catch(() => {});
		try {
			return await done;
		} finally {
			room.busy -= 1;
		}
	}

	#get(interviewId: string): Interview | undefined {
		const interview = this.#options.interviews.get(interviewId);
		return interview?.removedUnixMs === null ? interview : undefined;
	}

	#room(interviewId: string): Room {
		const known = this.#rooms.get(interviewId);
		if (known) return known;
		const nowMs = this.#options.clock.monoMs();
		const room: Room = {
			interviewId,
			stageOpen: false,
			broadcastOpen: false,
			openRefused: undefined,
			openAgainMs: 0,
			entered: false,
			emptySinceMs: nowMs,
			overSinceMs: undefined,
			stage: undefined,
			broadcast: undefined,
			broadcastSinceMs: nowMs,
			timeline: undefined,
			told: undefined,
			whipSessions: new Map(),
			seatSentMs: new Map(),
			queue: Promise.resolve(),
			busy: 0,
		};
		this.#rooms.set(interviewId, room);
		return room;
	}

	#process(name: string) {
		return this.#supervisor?.report.processes.find((process) => process.name === name);
	}

	#fresh<T>(said: { readonly report: T; readonly atMs: MonoMs } | undefined): T | undefined {
		return said && this.#options.clock.monoMs() - said.atMs <= REPORT_FRESH_MS ? said.report : undefined;
	}
}

/** The last word of a report's subject is the interview's id. */
function idIn(subject: string): string {
	return subject.slice(subject.lastIndexOf(".") + 1);
}

function tellingsOf(interview: Interview): BroadcastCommand[] {
	const { lifecycle, title, seats } = interview;
	const onAir = lifecycle.phase === "on_air" || lifecycle.phase === "interrupted";
	const dateIso = new Date(onAir ? lifecycle.onAirUnixMs : interview.announcedStartUnixMs).toISOString();
	const commands: BroadcastCommand[] = [
		{ kind: "tags", title, artists: seats.map((seat) => seat.name), dateIso },
		{ kind: "hold", notice: lifecycle.phase === "waiting_for_host" ? "waiting_for_host" : "none" },
	];
	if (onAir) commands.push({ kind: "on_air" });
	return commands;
}

function toldTo(interview: Interview): string {
	return JSON.stringify(tellingsOf(interview));
}

function durationMsOf({ lifecycle }: Interview): number {
	if (lifecycle.phase !== "ended" || lifecycle.onAirUnixMs === null) return 0;
	return lifecycle.endedUnixMs - lifecycle.onAirUnixMs;
}

function overRefusal(interview: Interview): Refusal {
	const how = interview.lifecycle.phase === "cancelled" ? "was cancelled" : "has ended";
	return refusal("over", `This interview ${how}. Announce a new one to speak again.`);
}

function studioFull(): Refusal {
	return refusal(
		"studio_full",
		`The studio is full: ${SEATS_MAX} people are seated. Ask the host to remove somebody, then try again.`,
	);
}

function stageUnreachable(): Refusal {
	return refusal("stage_unreachable", "The studio is being started. Try again in a moment.", { retryAfterS: 1 });
}

function refusalOf(answer: Extract<StageAnswer, { ok: false }>): Refusal {
	switch (answer.code) {
		case "malformed_sdp":
			return refusal("malformed", answer.detail);
		case "unsupported_media":
		case "ice_restart_unsupported":
			return refusal("unprocessable", answer.detail);
		case "full":
			return studioFull();
		case "no_such_session":
			return refusal("not_found", "This connection is gone. Connect anew.");
		case "not_reachable":
			return stageUnreachable();
	}
}

function sentence(action: string, detail: string): string {
	return `Cannot ${action} this interview: ${detail}.`;
}

/** Whether `error` only says that the database is away. */
export function isDatabaseAway(error: unknown): boolean {
	return error instanceof DatabaseError && error.code === "unavailable";
}
