import * as z from "zod/mini";
import { type InterviewFacts, place, type Role, role } from "#wire/index.ts";
import { CAUSES, type Lifecycle, lifecycle, type Transition, transition } from "./lifecycle.ts";

const seat = z.object({
	seatId: z.string(),
	name: z.string(),
	role,
	place,
	muted: z.boolean(),
	gainDb: z.number(),
	/** Goes into every token of the seat; raised to make them void. */
	tokenGeneration: z.number(),
	/** SHA-256 of the newest link's secret. Null for the owner's own seat and for synthetic speakers. */
	invitationHash: z.nullable(z.string()),
	invitationExpiresUnixMs: z.nullable(z.number()),
	invitationUsedUnixMs: z.nullable(z.number()),
	/** When the guest agreed to being broadcast and recorded. */
	consentedUnixMs: z.nullable(z.number()),
});
export type Seat = z.infer<typeof seat>;

export const interviewRecord = z.object({
	interviewId: z.string(),
	slug: z.string(),
	ownerId: z.string(),
	title: z.string(),
	description: z.string(),
	announcedStartUnixMs: z.number(),
	timeZone: z.string(),
	listed: z.boolean(),
	expectedMinutes: z.number(),
	lateReason: z.string(),
	demo: z.boolean(),
	lifecycle,
	/** Who asked for what, written down before broadcast is told; whoever finds it done in the timeline knows whose doing it was. */
	pendingStep: z.nullable(z.object({ to: z.enum(["on_air", "ended"]), actor: z.string(), cause: z.enum(CAUSES) })),
	createdUnixMs: z.number(),
	/** Set when it was deleted; then title, people and the rest are empty, and its addresses answer 410. */
	removedUnixMs: z.nullable(z.number()),
	/** In the order of invitation, at most SEATS_MAX. */
	seats: z.array(seat),
	/** Everything that happened to it, oldest first. */
	transitions: z.array(transition),
});
type Parsed = z.infer<typeof interviewRecord>;
/** All that is known of one interview. Immutable: a change is a new record. */
export type Interview = Omit<Parsed, "lifecycle" | "transitions"> & {
	readonly lifecycle: Lifecycle;
	readonly transitions: readonly Transition[];
};

export function parseInterview(value: unknown): Interview {
	return interviewRecord.parse(value) as Interview;
}

export function onAirUnixMsOf(interview: Interview): number | null {
	return "onAirUnixMs" in interview.lifecycle ? interview.lifecycle.onAirUnixMs : null;
}

export function endedUnixMsOf(interview: Interview): number | null {
	return "endedUnixMs" in interview.lifecycle ? interview.lifecycle.endedUnixMs : null;
}

export function factsOf(interview: Interview): InterviewFacts {
	return {
		interviewId: interview.interviewId,
		slug: interview.slug,
		title: interview.title,
		description: interview.description,
		listed: interview.listed,
		phase: interview.lifecycle.phase,
		announcedStartUnixMs: interview.announcedStartUnixMs,
		timeZone: interview.timeZone,
		onAirUnixMs: onAirUnixMsOf(interview),
		endedUnixMs: endedUnixMsOf(interview),
		lateReason: interview.lateReason,
		people: interview.seats.map(({ seatId, name, role }) => ({ seatId, name, role })),
		removed: interview.removedUnixMs !== null,
	};
}

/** What remains of a deleted interview: enough to answer 410. */
export function tombstoneOf(interview: Interview, nowUnixMs: number): Interview {
	return {
		...interview,
		title: "",
		description: "",
		lateReason: "",
		listed: false,
		pendingStep: null,
		seats: [],
		transitions: [],
		removedUnixMs: nowUnixMs,
	};
}

export function seatOf(interview: Interview, seatId: string): Seat | undefined {
	return interview.seats.find((seat) => seat.seatId === seatId);
}

export function withSeat(interview: Interview, seatId: string, change: Partial<Omit<Seat, "seatId">>): Interview {
	const seats = interview.seats.map((seat) => (seat.seatId === seatId ? { ...seat, ...change } : seat));
	return { ...interview, seats };
}

/** Whether a seat of this role may go live, end, invite, and change the other seats. */
export function mayDirect(role: Role): boolean {
	return role === "host" || role === "co_host";
}

/** Whom a guest is told to ask. */
export function hostNameOf(interview: Interview): string {
	return interview.seats.find((seat) => seat.role === "host")?.name ?? "the host";
}

/** Titles become addresses: lower case letters, digits and hyphens, at most 64; "interview" when nothing is left. */
export function slugFrom(title: string): string {
	const plain = title
		.replace(/ß/g, "ss")
		.replace(/ä/gi, "ae")
		.replace(/ö/gi, "oe")
		.replace(/ü/gi, "ue")
		.normalize("NFKD")
		.replace(/\p{M}/gu, "")
		.toLowerCase()
		.replace(/[^a-z0-9]+/g, "-");
	return plain.slice(0, 56).replace(/^-+|-+$/g, "") || "interview";
}

/** `wanted`, or `wanted-2`, `wanted-3` … when it is taken. */
export function freeSlug(wanted: string, isTaken: (slug: string) => boolean): string {
	if (!isTaken(wanted)) return wanted;
	for (let n = 2; ; n += 1) if (!isTaken(`${wanted}-${n}`)) return `${wanted}-${n}`;
}
