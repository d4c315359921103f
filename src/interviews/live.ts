import { type Clock, everyMs, type Random } from "#base/index.ts";
import type { Bus } from "#bus/index.ts";
import type { Mirror } from "#database/index.ts";
import {
	type BroadcastCommand,
	endAnswer,
	type InterviewFacts,
	onAirAnswer,
	type ProgrammeTimeline,
	partUnixMs,
	readJson,
	type SeatChange,
	type SupervisorCommand,
} from "#wire/index.ts";
import { DONE, type Done, type Refusal, refusal } from "./errors.ts";
import type { InterviewEvents } from "./events.ts";
import { type Interview, seatOf } from "./interview.ts";
import { type Cause, type Due, dueNow, isOpen, isOver } from "./lifecycle.ts";
import { Observed } from "./observed.ts";
import { PROCESS_WITHIN_MS, Processes } from "./processes.ts";
import { Records } from "./records.ts";
import { type Room, Rooms } from "./rooms.ts";
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
	readonly #records: Records;
	readonly #rooms: Rooms;
	readonly #parts = new AsyncDisposableStack();

	constructor(options: LiveOptions) {
		this.#options = options;
		const { bus, clock, random, interviews, liveInterviewsMax, edgeWorkers, events } = options;
		const knows = (interviewId: string) => this.#records.get(interviewId) !== undefined;
		const listeners = {
			onStage: (interviewId: string, report: Parameters<Seating["correct"]>[1]) => {
				const room = this.#rooms.of(interviewId);
				room.stageOpen = true;
				if (report.seats.some((seat) => seat.connection !== "lost")) room.emptySinceMs = clock.monoMs();
				this.seating.correct(interviewId, report);
			},
			onBroadcast: (interviewId: string, _: unknown, isAnew: boolean) => {
				const room = this.#rooms.of(interviewId);
				room.broadcastOpen = true;
				room.programmeSinceMs = clock.monoMs();
				if (isAnew) room.told = undefined;
			},
			onTimeline: (timeline: ProgrammeTimeline) => {
				if (this.#disagrees(timeline)) void this.#rooms.alone(timeline.interviewId, (room) => this.#adopt(room));
			},
			onStageReplaced: (interviewId: string) => this.seating.forgetConnections(interviewId),
		};
		this.#records = new Records({ clock, bus, interviews, events });
		this.#processes = new Processes({ bus, clock, events });
		this.#parts.defer(() => this.#processes.close());
		this.#rooms = new Rooms({
			clock,
			processes: this.#processes,
			liveInterviewsMax,
			events,
			isOver: (interviewId) => isOver(this.#records.get(interviewId)?.lifecycle.phase ?? "ended"),
			onClose: (interviewId) => {
				this.seating.forgetConnections(interviewId);
				this.observed.forget(interviewId);
			},
		});
		this.observed = this.#parts.use(new Observed({ bus, clock, edgeWorkers, knows, listeners }));
		const { observed } = this;
		this.seating = new Seating({ clock, random, interviews, observed, processes: this.#processes, events });
	}

	/** Takes over what runs already, then follows the clock. */
	async start(): Promise<void> {
		const { clock } = this.#options;
		this.#parts.use(this.#records.tellHouse());
		await this.#takeOver();
		this.#parts.use(everyMs(clock, TICK_MS, () => this.#tick()));
	}

	/** What house is told, of every interview. */
	allFacts(): InterviewFacts[] {
		return this.#records.allFacts();
	}

	/** Interviews whose processes run. */
	openIds(): string[] {
		return this.#rooms.openIds();
	}

	/** Why its processes cannot be opened, while it is so. */
	openRefusal(interviewId: string): Refusal | undefined {
		return this.#rooms.openRefusal(interviewId);
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
		const interview = this.#records.get(interviewId);
		if (!interview) return notFound();
		if (isOver(interview.lifecycle.phase)) return overRefusal(interview);
		const room = this.#rooms.of(interviewId);
		room.emptySinceMs = this.#options.clock.monoMs();
		return room.stageOpen ? DONE : this.#rooms.open(room, "stage");
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
		return this.#rooms.alone(interviewId, (room) => this.#goOnAir(room, actor, "went_live"));
	}

	/** Ends it. Settles when the recording is readable and every edge knows. */
	end(interviewId: string, actor: string): Promise<Refusal | { ok: true; durationMs: number }> {
		return this.#rooms.alone(interviewId, (room) => this.#endNow(room, actor, "ended"));
	}

	cancel(interviewId: string, actor: string): Promise<Refusal | Done> {
		return this.#rooms.alone(interviewId, async () => {
			const outcome = await this.#records.move(
				interviewId,
				this.#records.now({ kind: "cancelled" }, actor, "cancelled"),
			);
			if (outcome.kind !== "refused") return DONE;
			return refusal(outcome.code, `Cannot cancel this interview: ${outcome.detail}.`);
		});
	}

	/** The announced start was moved: an interview that waited for its host has its doors open again. */
	async rescheduled(interviewId: string, actor: string): Promise<void> {
		await this.#rooms.alone(interviewId, async () => {
			const interview = this.#records.get(interviewId);
			if (interview?.lifecycle.phase !== "waiting_for_host") return;
			if (interview.announcedStartUnixMs <= this.#options.clock.unixMs()) return;
			await this.#records.move(interviewId, this.#records.now({ kind: "rescheduled" }, actor, "rescheduled"));
		});
	}

	async changeSeat(interviewId: string, seatId: string, change: SeatChange): Promise<Refusal | Done> {
		const interview = this.#records.get(interviewId);
		const seat = interview && seatOf(interview, seatId);
		if (!seat) return refusal("not_found", "There is no such seat.");
		if (change.role !== undefined && change.role !== "host" && isOnlyHost(interview, seatId)) {
			return refusal("last_host", "The only host stays host. Make somebody else host first.");
		}
		await this.seating.change(interviewId, [seatId], change);
		return DONE;
	}

	async removeSeat(interviewId: string, seatId: string): Promise<Refusal | Done> {
		const interview = this.#records.get(interviewId);
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
	close(interviewId: string): Promise<void> {
		return this.#rooms.close(interviewId);
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.#parts.disposeAsync();
	}

	// The clock.

	#tick(): void {
		const nowUnixMs = this.#options.clock.unixMs();
		for (const interview of this.#records.all()) {
			const { interviewId, lifecycle, announcedStartUnixMs } = interview;
			const known = isOpen(lifecycle.phase) ? this.#rooms.of(interviewId) : this.#rooms.find(interviewId);
			if (known && known.waiting > 0) continue;
			if (isOver(lifecycle.phase)) {
				if (known) this.#closeLater(known);
				continue;
			}
			const due = dueNow(lifecycle, announcedStartUnixMs, this.seatedCount(interview), nowUnixMs);
			if (due) this.#try(this.#rooms.of(interviewId), (room) => this.#doDue(room, due));
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
				return this.#records
					.move(interviewId, this.#records.now({ kind: "nobody_seated" }, "clock", "nobody_seated"))
					.then(() => DONE);
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
			this.#try(room, () => this.#rooms.openBoth(room));
			return;
		}
		const report = this.observed.broadcast(interviewId);
		if (phase === "on_air" && nowMs - room.programmeSinceMs > INTERRUPTED_AFTER_MS) {
			const change = this.#records.now({ kind: "interrupted" }, "platform", "programme_lost");
			void this.#rooms.alone(interviewId, () => this.#records.move(interviewId, change));
		} else if (phase === "interrupted" && report?.onAir) {
			const change = this.#records.now({ kind: "resumed" }, "platform", "programme_returned");
			void this.#rooms.alone(interviewId, () => this.#records.move(interviewId, change));
		}
		if (report && room.told !== toldTo(interview)) this.#try(room, () => this.#tellBroadcast(room));
	}

	/** Does what the clock asks for; after a failure not again before AGAIN_AFTER_MS. */
	#try(room: Room, work: (room: Room) => Promise<Refusal | Done>): void {
		const { clock } = this.#options;
		if (clock.monoMs() < room.againMs) return;
		void this.#rooms.alone(room.interviewId, async () => {
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
		const opened = await this.#rooms.openBoth(room);
		if (!opened.ok) return opened;
		await this.#records.move(room.interviewId, this.#records.now({ kind: "doors_opened" }, "clock", "start_is_near"));
		return DONE;
	}

	async #goOnAir(room: Room, actor: string, cause: Cause): Promise<Refusal | Done> {
		const { interviewId } = room;
		const interview = this.#records.get(interviewId);
		if (!interview) return notFound();
		const { phase } = interview.lifecycle;
		if (phase === "on_air" || phase === "interrupted") return DONE;
		if (isOver(phase)) return overRefusal(interview);
		const opened = await this.#rooms.openBoth(room);
		if (!opened.ok) return opened;

		await this.#records.intend(interviewId, { to: "on_air", actor, cause });
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
		if (phase === "announced")
			await this.#records.move(interviewId, this.#records.now({ kind: "doors_opened" }, actor, cause));
		await this.#records.move(interviewId, { event: { kind: "went_on_air" }, atUnixMs: onAirUnixMs, actor, cause });
		return DONE;
	}

	async #endNow(room: Room, actor: string, cause: Cause): Promise<Refusal | { ok: true; durationMs: number }> {
		const { interviewId } = room;
		const interview = this.#records.get(interviewId);
		if (!interview) return notFound();
		const { phase } = interview.lifecycle;
		if (phase === "ended") return { ok: true, durationMs: durationMsOf(interview) };
		if (phase === "cancelled") return overRefusal(interview);
		if (phase === "announced") {
			if (cause === "ended") return refusal("not_open", "It has not begun, so it cannot end. Cancel it instead.");
			await this.#records.move(interviewId, this.#records.now({ kind: "ended" }, actor, cause));
			return { ok: true, durationMs: 0 };
		}

		await this.#records.intend(interviewId, { to: "ended", actor, cause });
		const wasOnAir = phase === "on_air" || phase === "interrupted";
		if (!room.broadcastOpen) await this.#rooms.open(room, "broadcast");
		if (wasOnAir && room.told !== toldTo(interview)) await this.#tellBroadcast(room);
		const answer = await this.#processes.broadcastSoon(interviewId, { kind: "end" }, END_WITHIN_MS);
		if (!answer && wasOnAir) return programmeUnreachable("end it");
		const { endPart, durationMs } = answer ? readJson(endAnswer, answer) : { endPart: null, durationMs: 0 };
		const timeline = this.observed.timeline(interviewId) ?? (await this.#readTimeline(interviewId));
		const atUnixMs = endPart !== null && timeline ? partUnixMs(timeline, endPart) : this.#options.clock.unixMs();
		await this.#records.move(interviewId, { event: { kind: "ended" }, atUnixMs: Math.round(atUnixMs), actor, cause });

		const onAir = interview.seats.filter((seat) => seat.place === "air").map((seat) => seat.seatId);
		await Promise.all([
			this.#processes.syncDoors(this.#options.edgeWorkers),
			this.seating.change(interviewId, onAir, { place: "green" }),
		]);
		return { ok: true, durationMs };
	}

	/** Whether broadcast has done something that is not recorded: control died between the doing and the writing. */
	#disagrees(timeline: ProgrammeTimeline): boolean {
		const phase = this.#records.get(timeline.interviewId)?.lifecycle.phase;
		if (!phase || isOver(phase)) return false;
		if (timeline.endPart !== null) return true;
		return timeline.onAirPart !== null && phase !== "on_air" && phase !== "interrupted";
	}

	/** Records what the timeline shows, in the name of whoever had asked for it. */
	async #adopt(room: Room): Promise<void> {
		const { interviewId } = room;
		const timeline = this.observed.timeline(interviewId);
		const interview = this.#records.get(interviewId);
		if (!timeline || !interview || !this.#disagrees(timeline)) return;
		const { pendingStep } = interview;
		const { phase } = interview.lifecycle;
		const whose = (to: "on_air" | "ended") =>
			pendingStep?.to === to ? pendingStep : { actor: "platform", cause: "found_in_timeline" as const };
		if (timeline.onAirPart !== null && phase !== "on_air" && phase !== "interrupted") {
			const atUnixMs = Math.round(partUnixMs(timeline, timeline.onAirPart));
			const { actor, cause } = whose("on_air");
			if (phase === "announced") {
				await this.#records.move(interviewId, { event: { kind: "doors_opened" }, atUnixMs, actor, cause });
			}
			await this.#records.move(interviewId, { event: { kind: "went_on_air" }, atUnixMs, actor, cause });
		}
		if (timeline.endPart !== null) {
			const { actor, cause } = whose("ended");
			await this.#endNow(room, actor, cause);
		}
	}

	/** Tags of the finished files, the notice listeners hear, and that it is on air: whatever broadcast may not know. */
	async #tellBroadcast(room: Room): Promise<Refusal | Done> {
		const interview = this.#records.get(room.interviewId);
		if (!interview) return DONE;
		for (const command of tellingsOf(interview)) {
			if (!(await this.#processes.broadcast(room.interviewId, command))) return programmeUnreachable("tell it");
		}
		room.told = toldTo(interview);
		return DONE;
	}

	/** After a start: what runs goes on, what should run is started, what was found on air without its programme was interrupted. */
	async #takeOver(): Promise<void> {
		const status = await this.#processes.status();
		if (status) this.observed.takeSupervisor(status);
		const running = new Set(status?.processes.filter((each) => each.state !== "stopped").map((each) => each.name));
		const takenOver = this.#records.all().map(async ({ interviewId, lifecycle }) => {
			const stageOpen = running.has(`stage-${interviewId}`);
			const broadcastOpen = running.has(`broadcast-${interviewId}`);
			if (!stageOpen && !broadcastOpen && !isOpen(lifecycle.phase)) return;
			const room = this.#rooms.of(interviewId);
			room.stageOpen = stageOpen;
			room.broadcastOpen = broadcastOpen;
			if (isOver(lifecycle.phase)) return;
			await this.#rooms.alone(interviewId, async () => {
				if (broadcastOpen) await this.#readTimeline(interviewId);
				else if (status && lifecycle.phase === "on_air") {
					const change = this.#records.now({ kind: "interrupted" }, "platform", "platform_stopped");
					await this.#records.move(interviewId, change);
				}
				if (isOpen(lifecycle.phase)) await this.#rooms.openBoth(room);
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
