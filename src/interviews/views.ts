import type { Clock } from "#base/index.ts";
import type { Mirror } from "#database/index.ts";
import { OWNER, type People, type Session } from "#people/index.ts";
import type { InterviewView, Me, OperationsView, StudioSnapshot } from "#wire/index.ts";
import { type DiskEstimate, estimateDisk } from "./disk.ts";
import { endedUnixMsOf, type Interview, mayDirect, onAirUnixMsOf, type Seat, seatOf } from "./interview.ts";
import type { Levels } from "./levels.ts";
import { isOver } from "./lifecycle.ts";
import type { Live } from "./live.ts";
import { studioSnapshotOf } from "./snapshot.ts";

export type ViewsOptions = {
	readonly clock: Clock;
	readonly interviews: Mirror<Interview>;
	readonly live: Live;
	readonly levels: Pick<Levels, "view">;
	readonly people: Pick<People, "waitingCount">;
	readonly publicUrl: string;
	readonly liveInterviewsMax: number;
	/** Whether PostgreSQL answered when it was asked last. */
	readonly databaseAnswers: () => boolean;
	/** Bytes that can still be written where recordings go. */
	readonly freeBytes: () => number;
};

/** What the staff door shows of what is recorded and of what runs. Keeps nothing. */
export class Views {
	readonly #options: ViewsOptions;

	constructor(options: ViewsOptions) {
		this.#options = options;
	}

	get databaseAvailable(): boolean {
		return this.#options.interviews.storeAvailable && this.#options.databaseAnswers();
	}

	/** Changes that PostgreSQL does not have yet. */
	get recordsWaiting(): number {
		return this.#options.interviews.waitingCount + this.#options.people.waitingCount;
	}

	connectedCount(interviewId: string): number {
		const seats = this.#options.live.observed.stage(interviewId)?.seats ?? [];
		return seats.filter((seat) => seat.connection === "connected").length;
	}

	interview(interview: Interview): InterviewView {
		const nowUnixMs = this.#options.clock.unixMs();
		return {
			interviewId: interview.interviewId,
			slug: interview.slug,
			title: interview.title,
			description: interview.description,
			phase: interview.lifecycle.phase,
			announcedStartUnixMs: interview.announcedStartUnixMs,
			timeZone: interview.timeZone,
			listed: interview.listed,
			expectedMinutes: interview.expectedMinutes,
			onAirUnixMs: onAirUnixMsOf(interview),
			endedUnixMs: endedUnixMsOf(interview),
			lateReason: interview.lateReason,
			people: interview.seats.map((seat) => ({
				seatId: seat.seatId,
				name: seat.name,
				role: seat.role,
				invitation: invitationOf(seat, nowUnixMs),
			})),
			publicUrl: `${this.#options.publicUrl}/i/${interview.slug}`,
			disk: this.#disk(interview),
		};
	}

	me(session: Session): Me {
		const seats = [...this.#options.interviews.values()].flatMap((interview) =>
			interview.seats
				.filter((seat) => session.seatIds.includes(seat.seatId))
				.map((seat) => ({ ...seat, interviewId: interview.interviewId, slug: interview.slug, title: interview.title })),
		);
		return {
			kind: session.personId === null ? "guest" : "person",
			name: session.personId === null ? (seats[0]?.name ?? "") : OWNER.name,
			seats: seats.map(({ interviewId, seatId, slug, title }) => ({ interviewId, seatId, slug, title })),
		};
	}

	/** @param asOwner whether who looks owns the interview, and so directs it whatever its seat's role. */
	studio(interview: Interview, seatId: string, asOwner: boolean): StudioSnapshot {
		const { live, publicUrl, clock } = this.#options;
		const { interviewId } = interview;
		const stage = live.observed.stageState(interviewId);
		const ownRole = seatOf(interview, seatId)?.role ?? "guest";
		return studioSnapshotOf({
			interview,
			you: { seatId, role: asOwner && !mayDirect(ownRole) ? "host" : ownRole },
			publicUrl,
			serverUnixMs: clock.unixMs(),
			stage: live.observed.stage(interviewId),
			stageReady: stage.ready,
			stageEpoch: stage.epoch,
			programme: live.observed.broadcast(interviewId),
			listeners: live.observed.listeners(interview.slug),
			warnings: this.#warnings(interview),
		});
	}

	operations(): OperationsView {
		const { live, levels, interviews, liveInterviewsMax } = this.#options;
		const open = live.openIds().flatMap((interviewId) => interviews.get(interviewId) ?? []);
		// Those that want to open and cannot are what an operator must know of.
		const refused = [...interviews.values()].filter(({ interviewId }) => live.openRefusal(interviewId) !== undefined);
		return {
			atUnixMs: this.#options.clock.unixMs(),
			supervisor: live.observed.supervisor ?? null,
			live: open.map((interview) => ({
				interviewId: interview.interviewId,
				slug: interview.slug,
				title: interview.title,
				phase: interview.lifecycle.phase,
				seatsConnected: this.connectedCount(interview.interviewId),
				listeners: live.observed.listeners(interview.slug),
				programme: live.observed.broadcast(interview.interviewId) ?? null,
			})),
			liveInterviewsMax,
			level: levels.view ?? null,
			edges: live.observed.edges().map(({ listeners, heard, minted, ...edge }) => edge),
			databaseAvailable: this.databaseAvailable,
			recordsWaiting: this.recordsWaiting,
			warnings: [...new Set([...open, ...refused].flatMap((interview) => this.#warnings(interview)))],
		};
	}

	/** Keys of the pages' catalogue, worst first. */
	#warnings(interview: Interview): string[] {
		const { live } = this.#options;
		const warnings: string[] = [];
		if (live.observed.broadcast(interview.interviewId)?.disk === "full") warnings.push("disk_full");
		if (!this.databaseAvailable) warnings.push("database_down");
		if (!isOver(interview.lifecycle.phase) && this.#disk(interview).short) warnings.push("disk_short");
		if (live.openRefusal(interview.interviewId)?.code === "live_max") warnings.push("live_max");
		const house = live.observed.supervisor?.processes.find((process) => process.name === "house");
		if (house && house.state !== "running") warnings.push("house_down");
		return warnings;
	}

	#disk(interview: Interview): DiskEstimate {
		const { lifecycle, expectedMinutes } = interview;
		const onAirUnixMs = onAirUnixMsOf(interview);
		const passedMinutes = onAirUnixMs === null ? 0 : (this.#options.clock.unixMs() - onAirUnixMs) / 60_000;
		return estimateDisk(isOver(lifecycle.phase) ? 0 : expectedMinutes - passedMinutes, this.#options.freeBytes());
	}
}

function invitationOf(seat: Seat, nowUnixMs: number): InterviewView["people"][number]["invitation"] {
	if (seat.invitationUsedUnixMs !== null) return "used";
	if (seat.invitationHash === null) return "none";
	return (seat.invitationExpiresUnixMs ?? 0) <= nowUnixMs ? "expired" : "open";
}
