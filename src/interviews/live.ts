import { type Clock, everyMs, type MonoMs, type Random, type UnixMs } from "#base/index.ts";
import type { Bus } from "#bus/index.ts";
import type { Mirror } from "#database/index.ts";
import {
	type BroadcastCommand,
	endAnswer,
	type InterviewFacts,
	interviewChanges,
	onAirAnswer,
	type ProgrammeTimeline,
	partUnixMs,
	readJson,
	type SeatChange,
	type SupervisorCommand,
} from "#wire/index.ts";
import { type Refusal, refusal } from "./errors.ts";
import type { InterviewEvents } from "./events.ts";
import { factsOf, type Interview, seatOf } from "./interview.ts";
import {
	advance,
	type Cause,
	type Due,
	dueNow,
	isOpen,
	isOver,
	type LifecycleEvent,
	type Outcome,
	type Transition,
} from "./lifecycle.ts";
import { Observed } from "./observed.ts";
import { PROCESS_WITHIN_MS, Processes } from "./processes.ts";
import { Seating, type WhipSession } from "./seating.ts";

const TICK_MS = 200;
/** On air, and the programme's process has not reported for this long: listeners are told. */
const INTERRUPTED_AFTER_MS = 3_000;
/** Making the recording's files takes up to half a second per hour. */
const END_WITHIN_MS = 30_000;
/** What could not be done by the clock is tried again after this. */
const AGAIN_AFTER_MS = 3_000;
/** After the end, the speakers can say goodbye, and edges read what is left. */
const CLOSE_AFTER_END_MS = 60_000;
/** A studio nobody is in, before the doors open. */
const CLOSE_EMPTY_AFTER_MS = 10 * 60_000;

type Done = { readonly ok: true };
const DONE: Done = { ok: true };

/** The processes of one interview, as far as control asked for them. */
type Room = {
	readonly interviewId: string;
	stageOpen: boolean;
	broadcastOpen: boolean;
	/** Why the supervisor opens none, while it is so. */
	openRefused: Refusal | undefined;
	/** What the clock asks for is not tried before. */
	againMs: number;
	/** When somebody was in the studio last, or it opened. */
	emptySinceMs: MonoMs;
	overSinceMs: MonoMs | undefined;
	/** When the programme was heard of last, or began to be waited for. */
	programmeSinceMs: MonoMs;
	/** What broadcast was told last, as JSON. Undefined when it may have forgotten. */
	told: string | undefined;
	/** One thing at a time happens to an interview: the end of what was begun last. */
	queue: Promise<unknown>;
	waiting: number;
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
 * The interviews as they happen: opens and closes their processes, goes live by hand and by the clock, ends. Needs
 * the bus and its own memory only; what it records reaches PostgreSQL when that can be reached. Each command may be
 * repeated without harm.
 */
export class Live implements AsyncDisposable {
	readonly observed: Observed;
	readonly seating: Seating;
	readonly #processes: Processes;
	readonly #options: LiveOptions;
	readonly #rooms = new Map<string, Room>();
	readonly #factsTold = new Map<string, string>();
	readonly #parts = new AsyncDisposableStack();

	constructor(options: LiveOptions) {
		this.#options = options;
		const { bus, clock, random, interviews, edgeWorkers, events } = options;
		const knows = (interviewId: string) => this.#get(interviewId) !== undefined;
		const listeners = {
			onStage: (interviewId: string, report: Parameters<Seating["correct"]>[1]) => {
				const room = this.#room(interviewId);
				room.stageOpen = true;
				if (report.seats.some((seat) => seat.connection !== "lost")) room.emptySinceMs = clock.monoMs();
				this.seating.correct(interviewId, report);
			},
			onBroadcast: (interviewId: string, _: unknown, isAnew: boolean) => {
				const room = this.#room(interviewId);
				room.broadcastOpen = true;
				room.programmeSinceMs = clock.monoMs();
				if (isAnew) room.told = undefined;
			},
			onTimeline: (timeline: ProgrammeTimeline) => {
				if (this.#disagrees(timeline)) void this.#alone(timeline.interviewId, (room) => this.#adopt(room));
			},
			onStageReplaced: (interviewId: string) => this.seating.forgetConnections(interviewId),
		};
		this.#processes = new Processes({ bus, clock, events });
		this.#parts.defer(() => this.#processes.close());
		this.observed = this.#parts.use(new Observed({ bus, clock, edgeWorkers, knows, listeners }));
		const { observed } = this;
		this.seating = new Seating({ clock, random, interviews, observed, processes: this.#processes, events });
	}

	/** Takes over what runs already, then follows the clock. */
	async start(): Promise<void> {
		const { clock, interviews } = this.#options;
		this.#parts.use(interviews.onChange((interview) => this.#tellFacts(interview)));
		await this.#takeOver();
		this.#parts.use(everyMs(clock, TICK_MS, () => this.#tick()));
	}

	/** What house is told, of every interview. */
	allFacts(): InterviewFacts[] {
		return [...this.#options.interviews.values()].map(factsOf);
	}

	/** Interviews whose processes run. */
	openIds(): string[] {
		return [...this.#rooms.values()].filter((room) => room.stageOpen || room.broadcastOpen).map((r) => r.interviewId);
	}

	/** Why its processes cannot be opened, while it is so. */
	openRefusal(interviewId: string): Refusal | undefined {
		return this.#rooms.get(interviewId)?.openRefused;
	}

	/** Authorised speakers connected in the green room or on air. */
	seatedCount(interview: Interview): number {
		const seats = this.observed.stage(interview.interviewId)?.seats ?? [];
		return seats.filter(
			(seat) => seat.connection === "connected" && seat.place !== "check" && seatOf(interview, seat.seatId),
		).length;
	}

	/** Settles when `done` answers something, or with undefined after `withinMs`. */
	until<T>(withinMs: number, done: () => Promise<T | undefined> | T | undefined): Promise<T | undefined> {
		return this.#processes.until(withinMs, done);
	}

	/** Somebody enters the studio: the stage is opened if it is not. */
	async enter(interviewId: string): Promise<Refusal | Done> {
		const interview = this.#get(interviewId);
		if (!interview) return notFound();
		if (isOver(interview.lifecycle.phase)) return overRefusal(interview);
		const room = this.#room(interviewId);
		room.emptySinceMs = this.#options.clock.monoMs();
		return room.stageOpen ? DONE : this.#open(room, "stage");
	}

	/** Seats a speaker from a WHIP offer, in a studio that is opened for it if need be. */
	async accept(
		interviewId: string,
		seatId: string,
		sdp: string,
	): Promise<Refusal | { ok: true; sdp: string; session: WhipSession }> {
		const entered = await this.enter(interviewId);
		return entered.ok ? this.seating.accept(interviewId, seatId, sdp) : entered;
	}

	/** Puts it on air now; everybody in the green room is on air with it. */
	goLive(interviewId: string, actor: string): Promise<Refusal | Done> {
		return this.#alone(interviewId, (room) => this.#goOnAir(room, actor, "went_live"));
	}

	/** Ends it. Settles when the recording is readable and every edge knows. */
	end(interviewId: string, actor: string): Promise<Refusal | { ok: true; durationMs: number }> {
		return this.#alone(interviewId, (room) => this.#endNow(room, actor, "ended"));
	}

	cancel(interviewId: string, actor: string): Promise<Refusal | Done> {
		return this.#alone(interviewId, async () => {
			const outcome = await this.#move(interviewId, this.#now({ kind: "cancelled" }, actor, "cancelled"));
			if (outcome.kind !== "refused") return DONE;
			return refusal(outcome.code, `Cannot cancel this interview: ${outcome.detail}.`);
		});
	}

	/** The announced start was moved: an interview that waited for its host has its doors open again. */
	async rescheduled(interviewId: string, actor: string): Promise<void> {
		await this.#alone(interviewId, async () => {
			const interview = this.#get(interviewId);
			if (interview?.lifecycle.phase !== "waiting_for_host") return;
			if (interview.announcedStartUnixMs <= this.#options.clock.unixMs()) return;
			await this.#move(interviewId, this.#now({ kind: "rescheduled" }, actor, "rescheduled"));
		});
	}

	async changeSeat(interviewId: string, seatId: string, change: SeatChange): Promise<Refusal | Done> {
		const interview = this.#get(interviewId);
		const seat = interview && seatOf(interview, seatId);
		if (!seat) return refusal("not_found", "There is no such seat.");
		if (change.role !== undefined && change.role !== "host" && isOnlyHost(interview, seatId)) {
			return refusal("last_host", "The only host stays host. Make somebody else host first.");
		}
		await this.seating.change(interviewId, [seatId], change);
		return DONE;
	}

	async removeSeat(interviewId: string, seatId: string): Promise<Refusal | Done> {
		const interview = this.#get(interviewId);
		if (!interview || !seatOf(interview, seatId)) return refusal("not_found", "There is no such seat.");
		if (isOnlyHost(interview, seatId)) {
			return refusal("last_host", "The only host cannot be removed. Make somebody else host first.");
		}
		await this.seating.remove(interviewId, seatId);
		return DONE;
	}

	/** Starts the synthetic speakers of a demo. */
	async openRehearsal(command: Extract<SupervisorCommand, { kind: "open_rehearsal" }>): Promise<void> {
		await this.#processes.supervisor(command);
	}

	/** Everything that runs for this interview is let go. */
	async close(interviewId: string): Promise<void> {
		const room = this.#rooms.get(interviewId);
		if (room) {
			room.stageOpen = room.broadcastOpen = false;
			if (isOver(this.#get(interviewId)?.lifecycle.phase ?? "ended")) this.#rooms.delete(interviewId);
		}
		this.seating.forgetConnections(interviewId);
		this.observed.forget(interviewId);
		await this.#processes.supervisor({ kind: "close", interviewId });
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.#parts.disposeAsync();
	}

	// The clock.

	#tick(): void {
		const nowUnixMs = this.#options.clock.unixMs();
		for (const interview of this.#options.interviews.values()) {
			const { interviewId, lifecycle, announcedStartUnixMs } = interview;
			if (interview.removedUnixMs !== null) continue;
			const known = isOpen(lifecycle.phase) ? this.#room(interviewId) : this.#rooms.get(interviewId);
			if (known && known.waiting > 0) continue;
			if (isOver(lifecycle.phase)) {
				if (known) this.#closeLater(known);
				continue;
			}
			const due = dueNow(lifecycle, announcedStartUnixMs, this.seatedCount(interview), nowUnixMs);
			if (due) this.#try(this.#room(interviewId), (room) => this.#doDue(room, due));
			if (known) this.#keep(known, interview);
		}
	}

	#doDue(room: Room, due: Due): Promise<Refusal | Done> {
		const { interviewId } = room;
		switch (due.do) {
			case "open_doors":
				return this.#openDoors(room);
			case "go_on_air":
				return this.#goOnAir(room, "clock", "start_reached");
			case "wait_for_host":
				return this.#move(interviewId, this.#now({ kind: "nobody_seated" }, "clock", "nobody_seated")).then(() => DONE);
			case "end":
				return this.#endNow(room, "clock", due.cause);
		}
	}

	/** Brings the processes of an interview in line with what is recorded of it. */
	#keep(room: Room, interview: Interview): void {
		const nowMs = this.#options.clock.monoMs();
		const { interviewId } = room;
		const { phase } = interview.lifecycle;
		if (!isOpen(phase)) {
			if (room.stageOpen && nowMs - room.emptySinceMs > CLOSE_EMPTY_AFTER_MS) void this.close(interviewId);
			return;
		}
		if (!room.stageOpen || !room.broadcastOpen) {
			this.#try(room, () => this.#openBoth(room));
			return;
		}
		const report = this.observed.broadcast(interviewId);
		if (phase === "on_air" && nowMs - room.programmeSinceMs > INTERRUPTED_AFTER_MS) {
			const change = this.#now({ kind: "interrupted" }, "platform", "programme_lost");
			void this.#alone(interviewId, () => this.#move(interviewId, change));
		} else if (phase === "interrupted" && report?.onAir) {
			const change = this.#now({ kind: "resumed" }, "platform", "programme_returned");
			void this.#alone(interviewId, () => this.#move(interviewId, change));
		}
		if (report && room.told !== toldTo(interview)) this.#try(room, () => this.#tellBroadcast(room));
	}

	/** Does what the clock asks for; after a failure not again before AGAIN_AFTER_MS. */
	#try(room: Room, work: (room: Room) => Promise<Refusal | Done>): void {
		const { clock } = this.#options;
		if (clock.monoMs() < room.againMs) return;
		void this.#alone(room.interviewId, async () => {
			const done = await work(room);
			if (!done.ok) room.againMs = clock.monoMs() + AGAIN_AFTER_MS;
		});
	}

	#closeLater(room: Room): void {
		const nowMs = this.#options.clock.monoMs();
		room.overSinceMs ??= nowMs;
		if (nowMs - room.overSinceMs > CLOSE_AFTER_END_MS) void this.close(room.interviewId);
	}

	// What happens to an interview, one thing at a time.

	async #openDoors(room: Room): Promise<Refusal | Done> {
		const opened = await this.#openBoth(room);
		if (!opened.ok) return opened;
		await this.#move(room.interviewId, this.#now({ kind: "doors_opened" }, "clock", "start_is_near"));
		return DONE;
	}

	async #goOnAir(room: Room, actor: string, cause: Cause): Promise<Refusal | Done> {
		const { interviewId } = room;
		const interview = this.#get(interviewId);
		if (!interview) return notFound();
		const { phase } = interview.lifecycle;
		if (phase === "on_air" || phase === "interrupted") return DONE;
		if (isOver(phase)) return overRefusal(interview);
		const opened = await this.#openBoth(room);
		if (!opened.ok) return opened;

		await this.#intend(interviewId, { to: "on_air", actor, cause });
		// First onto the stage, then on air: the recording begins with a voice.
		const present = new Set((this.observed.stage(interviewId)?.seats ?? []).map((seat) => seat.seatId));
		const green = interview.seats.filter((seat) => seat.place === "green" && present.has(seat.seatId));
		const seatIds = green.map((seat) => seat.seatId);
		await this.seating.change(interviewId, seatIds, { place: "air" });
		const answer = await this.#processes.broadcastSoon(interviewId, { kind: "on_air" }, PROCESS_WITHIN_MS);
		if (!answer) {
			await this.seating.change(interviewId, seatIds, { place: "green" });
			return programmeUnreachable("go live");
		}
		const { onAirUnixMs } = readJson(onAirAnswer, answer);
		if (phase === "announced") await this.#move(interviewId, this.#now({ kind: "doors_opened" }, actor, cause));
		await this.#move(interviewId, { event: { kind: "went_on_air" }, atUnixMs: onAirUnixMs, actor, cause });
		return DONE;
	}

	async #endNow(room: Room, actor: string, cause: Cause): Promise<Refusal | { ok: true; durationMs: number }> {
		const { interviewId } = room;
		const interview = this.#get(interviewId);
		if (!interview) return notFound();
		const { phase } = interview.lifecycle;
		if (phase === "ended") return { ok: true, durationMs: durationMsOf(interview) };
		if (phase === "cancelled") return overRefusal(interview);
		if (phase === "announced") {
			if (cause === "ended") return refusal("not_open", "It has not begun, so it cannot end. Cancel it instead.");
			await this.#move(interviewId, this.#now({ kind: "ended" }, actor, cause));
			return { ok: true, durationMs: 0 };
		}

		await this.#intend(interviewId, { to: "ended", actor, cause });
		const wasOnAir = phase === "on_air" || phase === "interrupted";
		if (!room.broadcastOpen) await this.#open(room, "broadcast");
		if (wasOnAir && room.told !== toldTo(interview)) await this.#tellBroadcast(room);
		const answer = await this.#processes.broadcastSoon(interviewId, { kind: "end" }, END_WITHIN_MS);
		if (!answer && wasOnAir) return programmeUnreachable("end it");
		const { endPart, durationMs } = answer ? readJson(endAnswer, answer) : { endPart: null, durationMs: 0 };
		const timeline = this.observed.timeline(interviewId) ?? (await this.#readTimeline(interviewId));
		const atUnixMs = endPart !== null && timeline ? partUnixMs(timeline, endPart) : this.#options.clock.unixMs();
		await this.#move(interviewId, { event: { kind: "ended" }, atUnixMs: Math.round(atUnixMs), actor, cause });

		const onAir = interview.seats.filter((seat) => seat.place === "air").map((seat) => seat.seatId);
		await Promise.all([
			this.#processes.syncDoors(this.#options.edgeWorkers),
			this.seating.change(interviewId, onAir, { place: "green" }),
		]);
		return { ok: true, durationMs };
	}

	/** Writes down who wants what, before broadcast is told: see `pendingStep`. */
	async #intend(interviewId: string, pendingStep: NonNullable<Interview["pendingStep"]>): Promise<void> {
		await this.#options.interviews.record(interviewId, (now) => ({ ...(now as Interview), pendingStep }));
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
		const { interviewId } = room;
		const timeline = this.observed.timeline(interviewId);
		const interview = this.#get(interviewId);
		if (!timeline || !interview || !this.#disagrees(timeline)) return;
		const { pendingStep } = interview;
		const { phase } = interview.lifecycle;
		const whose = (to: "on_air" | "ended") =>
			pendingStep?.to === to ? pendingStep : { actor: "platform", cause: "found_in_timeline" as const };
		if (timeline.onAirPart !== null && phase !== "on_air" && phase !== "interrupted") {
			const atUnixMs = Math.round(partUnixMs(timeline, timeline.onAirPart));
			const { actor, cause } = whose("on_air");
			if (phase === "announced") {
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
	async #tellBroadcast(room: Room): Promise<Refusal | Done> {
		const interview = this.#get(room.interviewId);
		if (!interview) return DONE;
		for (const command of tellingsOf(interview)) {
			if (!(await this.#processes.broadcast(room.interviewId, command))) return programmeUnreachable("tell it");
		}
		room.told = toldTo(interview);
		return DONE;
	}

	// Processes.

	async #openBoth(room: Room): Promise<Refusal | Done> {
		const stage = room.stageOpen ? DONE : await this.#open(room, "stage");
		return !stage.ok || room.broadcastOpen ? stage : this.#open(room, "broadcast");
	}

	async #open(room: Room, which: "stage" | "broadcast"): Promise<Refusal | Done> {
		const { clock, events, liveInterviewsMax } = this.#options;
		const { interviewId } = room;
		const isFull = () => this.openIds().filter((id) => id !== interviewId).length >= liveInterviewsMax;
		if (isFull()) await this.#closeOldestOver();
		const answer = isFull()
			? { ok: false as const, detail: liveMaxSentence(liveInterviewsMax) }
			: await this.#processes.supervisor({ kind: `open_${which}`, interviewId });
		if (answer?.ok) {
			if (which === "stage") room.stageOpen = true;
			else room.broadcastOpen = true;
			room.openRefused = undefined;
			room.emptySinceMs = room.programmeSinceMs = clock.monoMs();
			return DONE;
		}
		const refused = answer
			? refusal("live_max", answer.detail, { retryAfterS: 3 })
			: refusal("stage_unreachable", "The platform is being started. Try again in a moment.", { retryAfterS: 2 });
		if (room.openRefused?.code !== refused.code) events.cannotOpen(interviewId, which, refused.detail);
		room.openRefused = refused;
		return refused;
	}

	/** Makes room: of those that are over and linger, the one that has lingered longest leaves. */
	async #closeOldestOver(): Promise<void> {
		const over = [...this.#rooms.values()].filter((room) => room.overSinceMs !== undefined);
		over.sort((a, b) => (a.overSinceMs as MonoMs) - (b.overSinceMs as MonoMs));
		if (over[0]) await this.close(over[0].interviewId);
	}

	/** After a start: what runs goes on, what should run is started, what was found on air without its programme was interrupted. */
	async #takeOver(): Promise<void> {
		const status = await this.#processes.status();
		if (status) this.observed.takeSupervisor(status);
		const running = new Set(status?.processes.filter((each) => each.state !== "stopped").map((each) => each.name));
		const takenOver = [...this.#options.interviews.values()].map(async ({ interviewId, lifecycle, removedUnixMs }) => {
			const stageOpen = running.has(`stage-${interviewId}`);
			const broadcastOpen = running.has(`broadcast-${interviewId}`);
			if (removedUnixMs !== null || (!stageOpen && !broadcastOpen && !isOpen(lifecycle.phase))) return;
			const room = this.#room(interviewId);
			room.stageOpen = stageOpen;
			room.broadcastOpen = broadcastOpen;
			if (isOver(lifecycle.phase)) return;
			await this.#alone(interviewId, async () => {
				if (broadcastOpen) await this.#readTimeline(interviewId);
				else if (status && lifecycle.phase === "on_air") {
					const change = this.#now({ kind: "interrupted" }, "platform", "platform_stopped");
					await this.#move(interviewId, change);
				}
				if (isOpen(lifecycle.phase)) await this.#openBoth(room);
				await this.#adopt(room);
			});
		});
		await Promise.all(takenOver);
	}

	async #readTimeline(interviewId: string): Promise<ProgrammeTimeline | undefined> {
		const timeline = await this.#processes.timeline(interviewId);
		if (timeline) this.observed.takeTimeline(timeline);
		return timeline;
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
			const from = now.lifecycle.phase;
			const to = outcome.next.phase;
			made = { sequence: now.transitions.length, atUnixMs, from, to, actor, cause };
			return {
				...now,
				lifecycle: outcome.next,
				transitions: [...now.transitions, made],
				pendingStep: now.pendingStep?.to === to || isOver(to) ? null : now.pendingStep,
			};
		});
		if (made) this.#options.events.moved(interview, made);
		return outcome;
	}

	#now(event: LifecycleEvent, actor: string, cause: Cause): Change {
		return { event, actor, cause, atUnixMs: this.#options.clock.unixMs() };
	}

	/** Runs `work` after everything that was begun for this interview before. */
	async #alone<T>(interviewId: string, work: (room: Room) => Promise<T>): Promise<T> {
		const room = this.#room(interviewId);
		room.waiting += 1;
		const done = room.queue.then(() => work(room));
		room.queue = done.catch(() => {});
		try {
			return await done;
		} finally {
			room.waiting -= 1;
		}
	}

	#tellFacts(interview: Interview): void {
		const facts = factsOf(interview);
		const text = JSON.stringify(facts);
		if (this.#factsTold.get(interview.interviewId) === text) return;
		this.#factsTold.set(interview.interviewId, text);
		this.#options.bus.publish(interviewChanges(interview.interviewId), Buffer.from(text));
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
			againMs: 0,
			emptySinceMs: nowMs,
			overSinceMs: undefined,
			programmeSinceMs: nowMs,
			told: undefined,
			queue: Promise.resolve(),
			waiting: 0,
		};
		this.#rooms.set(interviewId, room);
		return room;
	}
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

function isOnlyHost(interview: Interview, seatId: string): boolean {
	const hosts = interview.seats.filter((seat) => seat.role === "host");
	return hosts.length === 1 && hosts[0]?.seatId === seatId;
}

function durationMsOf({ lifecycle }: Interview): number {
	if (lifecycle.phase !== "ended" || lifecycle.onAirUnixMs === null) return 0;
	return lifecycle.endedUnixMs - lifecycle.onAirUnixMs;
}

function liveMaxSentence(liveInterviewsMax: number): string {
	return (
		`This machine carries ${liveInterviewsMax} interviews at once, and so many are open. ` +
		"End one of them, or raise the limit (--live-interviews-max)."
	);
}

function notFound(): Refusal {
	return refusal("not_found", "There is no such interview.");
}

function overRefusal(interview: Interview): Refusal {
	const how = interview.lifecycle.phase === "cancelled" ? "was cancelled" : "has ended";
	return refusal("over", `This interview ${how}. Announce a new one to speak again.`);
}

function programmeUnreachable(action: string): Refusal {
	return refusal("programme_unreachable", `Cannot ${action} as the programme does not answer. Try again in a moment.`, {
		retryAfterS: 2,
	});
}
