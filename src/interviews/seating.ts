import { type Clock, type MonoMs, type Random, randomToken } from "#base/index.ts";
import type { Mirror } from "#database/index.ts";
import { SEATS_MAX, type SeatChange, type StageAnswer, type StageReport } from "#wire/index.ts";
import { type Refusal, refusal } from "./errors.ts";
import type { InterviewEvents } from "./events.ts";
import { type Interview, type Seat, seatOf, withSeat } from "./interview.ts";
import type { Observed } from "./observed.ts";
import type { Processes } from "./processes.ts";

/** WHIP connections remembered per interview. One more forgets the oldest; its client gets 404 and connects anew. */
const WHIP_SESSIONS_MAX = 64;
/** A stage that shows other settings than the record is told again this often. */
const CORRECT_EVERY_MS = 1_000;

/** One WHIP connection. `iceGeneration` counts its ICE restarts. */
export type WhipSession = { readonly sessionId: string; readonly seatId: string; iceGeneration: number };

export type SeatingOptions = {
	readonly clock: Clock;
	readonly random: Random;
	readonly interviews: Mirror<Interview>;
	readonly observed: Observed;
	readonly processes: Processes;
	readonly events: InterviewEvents;
};

/** What is known of the connections to one stage; gone with it. */
type Studio = {
	readonly sessions: Map<string, WhipSession>;
	/** When a seat's settings were sent last. */
	readonly sentMs: Map<string, MonoMs>;
	/** Seats that were left on purpose, with the connection that ended: the stage lets them go, others may need the place. */
	readonly left: Map<string, string>;
};

/**
 * Who sits where. The record of a seat is the truth, the stage is told what it says: with each connection, at each
 * change, and again when it shows something else.
 */
export class Seating {
	readonly #options: SeatingOptions;
	readonly #studios = new Map<string, Studio>();

	constructor(options: SeatingOptions) {
		this.#options = options;
	}

	/**
	 * Seats a speaker from a WHIP offer. A seat that had a connection has this one instead; a stage that is being
	 * started is waited for.
	 */
	async accept(
		interviewId: string,
		seatId: string,
		sdp: string,
	): Promise<Refusal | { ok: true; sdp: string; session: WhipSession }> {
		const { observed, processes, random, events } = this.#options;
		const others = (observed.stage(interviewId)?.seats ?? []).filter((other) => other.seatId !== seatId);
		if (others.length >= SEATS_MAX) return studioFull();
		this.#studio(interviewId).left.delete(seatId);
		const sessionId = randomToken(random, 16);
		const answer = await processes.stageSoon(interviewId, () => {
			const seat = this.#seat(interviewId, seatId);
			if (!seat) return undefined;
			const { name, place, muted, gainDb } = seat;
			return { kind: "accept", seatId, sessionId, name, sdp, place, muted, gainDb };
		});
		if (!answer) return stageUnreachable();
		if (!answer.ok) return refusalOf(answer);
		if (answer.sdp === undefined) throw new Error("Cannot answer a WHIP offer as the stage sent no SDP");
		const { sessions } = this.#studio(interviewId);
		for (const old of sessions.values()) if (old.seatId === seatId) sessions.delete(old.sessionId);
		if (sessions.size >= WHIP_SESSIONS_MAX) sessions.delete(sessions.keys().next().value as string);
		const session = { sessionId, seatId, iceGeneration: 0 };
		sessions.set(sessionId, session);
		events.seatAccepted(interviewId, seatId);
		return { ok: true, sdp: answer.sdp, session };
	}

	/** The connection with this id, also one made before control was started anew: the stage knows it. */
	session(interviewId: string, sessionId: string): WhipSession | undefined {
		const known = this.#studios.get(interviewId)?.sessions.get(sessionId);
		if (known) return known;
		const shown = this.#options.observed.stage(interviewId)?.seats.find((seat) => seat.sessionId === sessionId);
		if (!shown) return undefined;
		const session = { sessionId, seatId: shown.seatId, iceGeneration: 0 };
		this.#studio(interviewId).sessions.set(sessionId, session);
		return session;
	}

	/** Trickled candidates, or an ICE restart, which is answered with `sdp`. */
	async patch(
		interviewId: string,
		sessionId: string,
		fragment: string,
	): Promise<Refusal | { ok: true; sdp: string | undefined }> {
		const answer = await this.#options.processes.stage(interviewId, { kind: "patch", sessionId, fragment });
		if (!answer) return stageUnreachable();
		return answer.ok ? { ok: true, sdp: answer.sdp } : refusalOf(answer);
	}

	/** Ends a connection on purpose. The seat stays in the record; on the stage it makes room. */
	async leave(interviewId: string, { sessionId, seatId }: WhipSession): Promise<void> {
		const { sessions, left } = this.#studio(interviewId);
		sessions.delete(sessionId);
		left.set(seatId, sessionId);
		await this.#options.processes.stage(interviewId, { kind: "leave", sessionId });
	}

	/** Changes seats in the record at once, and on the stage. */
	async change(interviewId: string, seatIds: readonly string[], change: SeatChange): Promise<void> {
		const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
		await this.#options.interviews.record(interviewId, (now) =>
			seatIds.reduce((interview, seatId) => withSeat(interview, seatId, given), now as Interview),
		);
		await Promise.all(seatIds.map((seatId) => this.#send(interviewId, seatId)));
	}

	/** Takes a seat away: its connection is closed, its tokens and links are void. */
	async remove(interviewId: string, seatId: string): Promise<void> {
		await this.#options.interviews.record(interviewId, (now) => {
			const interview = now as Interview;
			return { ...interview, seats: interview.seats.filter((seat) => seat.seatId !== seatId) };
		});
		const sessions = this.#studios.get(interviewId)?.sessions;
		for (const session of sessions?.values() ?? []) {
			if (session.seatId === seatId) sessions?.delete(session.sessionId);
		}
		await this.#options.processes.stage(interviewId, { kind: "remove", seatId });
	}

	/** Tells the stage again what it shows otherwise than recorded, and lets seats go that were left. */
	correct(interviewId: string, report: StageReport): void {
		const { left, sentMs } = this.#studio(interviewId);
		for (const shown of report.seats) {
			if (shown.connection === "lost" && left.get(shown.seatId) === shown.sessionId) {
				left.delete(shown.seatId);
				void this.#options.processes.stage(interviewId, { kind: "remove", seatId: shown.seatId });
				continue;
			}
			const seat = this.#seat(interviewId, shown.seatId);
			const gainIsRight = seat && Math.abs(seat.gainDb - shown.gainDb) < 0.01;
			if (gainIsRight && seat.place === shown.place && seat.muted === shown.muted) continue;
			const nowMs = this.#options.clock.monoMs();
			if (nowMs - (sentMs.get(shown.seatId) ?? Number.NEGATIVE_INFINITY) < CORRECT_EVERY_MS) continue;
			sentMs.set(shown.seatId, nowMs);
			void this.#send(interviewId, shown.seatId);
		}
	}

	/** The stage is another one, or gone: no connection to it is left. */
	forgetConnections(interviewId: string): void {
		this.#studios.delete(interviewId);
	}

	async #send(interviewId: string, seatId: string): Promise<void> {
		const { processes, observed, clock } = this.#options;
		const isSeated = observed.stage(interviewId)?.seats.some((shown) => shown.seatId === seatId);
		// Who is not connected takes the settings along when he connects.
		if (!isSeated) return;
		const seat = this.#seat(interviewId, seatId);
		this.#studio(interviewId).sentMs.set(seatId, clock.monoMs());
		if (!seat) {
			await processes.stage(interviewId, { kind: "remove", seatId });
			return;
		}
		const { place, muted, gainDb } = seat;
		await processes.stage(interviewId, { kind: "seat", seatId, place, muted, gainDb });
	}

	#seat(interviewId: string, seatId: string): Seat | undefined {
		const interview = this.#options.interviews.get(interviewId);
		return interview && seatOf(interview, seatId);
	}

	#studio(interviewId: string): Studio {
		const known = this.#studios.get(interviewId) ?? { sessions: new Map(), sentMs: new Map(), left: new Map() };
		this.#studios.set(interviewId, known);
		return known;
	}
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
