import { type Clock, type Random, randomToken } from "#base/index.ts";
import type { Mirror } from "#database/index.ts";
import { hashSecret, newSecret } from "#people/index.ts";
import { INTERVIEW_MS_MAX, type InterviewDraft, type InvitationLink, type Role } from "#wire/index.ts";
import { type Refusal, refusal } from "./errors.ts";
import {
	freeSlug,
	hostNameOf,
	type Interview,
	type Seat,
	seatOf,
	slugFrom,
	tombstoneOf,
	withSeat,
} from "./interview.ts";
import { isOpen, isOver } from "./lifecycle.ts";

/** Interviews kept at once, ended ones included: house renders and edges hold a page for each. */
export const INTERVIEWS_MAX = 400;
/** Deleted interviews whose addresses still answer 410. The one deleted first answers 404 beyond it. */
const TOMBSTONES_MAX = 1_000;
/** People one interview knows; SEATS_MAX of them can be in the studio at once. */
export const PEOPLE_MAX = 24;
/** An invitation works until the announced start plus this: a guest may be that late. */
const INVITATION_AFTER_START_MS = INTERVIEW_MS_MAX;
/** With doors open the start can be moved this far: hold sound runs all the while. */
const MOVE_OPEN_MS_MAX = 2 * 3_600_000;
/** An announced start may lie this far back when it is announced: "now" takes a while to type. */
const START_PAST_MS_MAX = 3_600_000;

export type AnnounceOptions = {
	readonly interviews: Mirror<Interview>;
	readonly clock: Clock;
	readonly random: Random;
	/** Where guests come in: the staff door's address without a trailing slash. */
	readonly staffUrl: string;
};

export type Draft = Omit<InterviewDraft, "people"> & { readonly people: readonly DraftPerson[] };
/** A field that is absent or undefined stays as it is. */
export type DraftChange = {
	readonly [Field in keyof Omit<InterviewDraft, "people">]?: InterviewDraft[Field] | undefined;
};
type DraftPerson = { readonly name: string; readonly role: Role };

/** What is said about an interview before and around it: announcing, editing, inviting, deleting. Words wait for the database. */
export function createAnnounce({ interviews, clock, random, staffUrl }: AnnounceOptions) {
	const newId = () => randomToken(random, 12).replace(/[-_]/g, "x");
	const kept = () => [...interviews.values()].filter((interview) => interview.removedUnixMs === null);

	function bySlug(slug: string): Interview | undefined {
		let removed: Interview | undefined;
		for (const interview of interviews.values()) {
			if (interview.slug !== slug) continue;
			if (interview.removedUnixMs === null) return interview;
			removed = interview;
		}
		return removed;
	}
	const isTaken = (slug: string) => bySlug(slug)?.removedUnixMs === null;

	function newSeat({ name, role }: DraftPerson): Seat {
		return {
			seatId: newId(),
			name,
			role,
			place: "check",
			muted: false,
			gainDb: 0,
			tokenGeneration: 0,
			invitationHash: null,
			invitationExpiresUnixMs: null,
			invitationUsedUnixMs: null,
			consentedUnixMs: null,
		};
	}

	/** Announces an interview. The first host's seat is the owner's own. @throws DatabaseError while the database is away. */
	async function create(
		draft: Draft,
		owner: { personId: string; name: string },
		more: { demo?: boolean; seatsGreen?: boolean } = {},
	): Promise<Refusal | { ok: true; interview: Interview }> {
		if (kept().length >= INTERVIEWS_MAX) {
			return refusal("interviews_full", `This platform keeps ${INTERVIEWS_MAX} interviews. Delete an old one first.`);
		}
		const wrong = checkTimeZone(draft.timeZone) ?? checkStart(draft.announcedStartUnixMs, clock.unixMs());
		if (wrong) return wrong;
		if (draft.slug !== undefined && isTaken(draft.slug)) return slugTaken(draft.slug);
		const people = draft.people.some((person) => person.role === "host")
			? draft.people
			: [{ name: owner.name, role: "host" as const }, ...draft.people];
		if (people.length > PEOPLE_MAX) return peopleFull();
		const seats = people.map(newSeat);
		const interview: Interview = {
			interviewId: newId(),
			slug: draft.slug ?? freeSlug(slugFrom(draft.title), isTaken),
			ownerId: owner.personId,
			title: draft.title,
			description: draft.description,
			announcedStartUnixMs: draft.announcedStartUnixMs,
			timeZone: draft.timeZone,
			listed: draft.listed,
			expectedMinutes: draft.expectedMinutes,
			lateReason: "",
			demo: more.demo ?? false,
			lifecycle: { phase: "announced" },
			pendingStep: null,
			createdUnixMs: clock.unixMs(),
			removedUnixMs: null,
			seats: more.seatsGreen ? seats.map((seat) => ({ ...seat, place: "green" as const })) : seats,
			transitions: [],
		};
		await interviews.commit(interview.interviewId, () => interview);
		return { ok: true, interview };
	}

	/** Changes what was announced. @throws DatabaseError while the database is away. */
	async function edit(before: Interview, change: DraftChange): Promise<Refusal | { ok: true; interview: Interview }> {
		const { phase } = before.lifecycle;
		const nowUnixMs = clock.unixMs();
		const moved =
			change.announcedStartUnixMs !== undefined && change.announcedStartUnixMs !== before.announcedStartUnixMs;
		if (change.timeZone !== undefined) {
			const wrong = checkTimeZone(change.timeZone);
			if (wrong) return wrong;
		}
		if (moved && phase !== "announced" && (!isOpen(phase) || "onAirUnixMs" in before.lifecycle)) {
			return refusal("over", "The announced start cannot be moved any more: the interview has begun or is over.", {
				pointer: "/announcedStartUnixMs",
			});
		}
		if (moved) {
			const wrong = checkStart(change.announcedStartUnixMs as number, nowUnixMs);
			if (wrong) return wrong;
			if (isOpen(phase) && (change.announcedStartUnixMs as number) > nowUnixMs + MOVE_OPEN_MS_MAX) {
				return refusal(
					"not_open",
					"The doors are open, so the start can be moved by two hours at most. Cancel it and announce a new one instead.",
					{ pointer: "/announcedStartUnixMs" },
				);
			}
		}
		if (change.slug !== undefined && change.slug !== before.slug) {
			if (phase !== "announced") {
				return refusal("over", "The address cannot change any more: listeners may be there.", { pointer: "/slug" });
			}
			if (isTaken(change.slug)) return slugTaken(change.slug);
		}
		const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
		const interview = await interviews.commit(before.interviewId, (now) => ({ ...(now ?? before), ...given }));
		return { ok: true, interview };
	}

	/** Takes it out of the list; its addresses answer 410. @throws DatabaseError while the database is away. */
	async function remove(before: Interview): Promise<Refusal | { ok: true }> {
		const { phase } = before.lifecycle;
		if (isOpen(phase))
			return refusal("on_air", "It cannot be deleted while its doors are open. End or cancel it first.");
		const nowUnixMs = clock.unixMs();
		await interviews.commit(before.interviewId, (now) => tombstoneOf(now ?? before, nowUnixMs));
		const tombstones = [...interviews.values()]
			.filter((interview) => interview.removedUnixMs !== null)
			.sort((a, b) => (a.removedUnixMs ?? 0) - (b.removedUnixMs ?? 0));
		for (const old of tombstones.slice(0, -TOMBSTONES_MAX)) interviews.forget(old.interviewId);
		return { ok: true };
	}

	/** Adds somebody, with a link. @throws DatabaseError while the database is away. */
	async function invite(before: Interview, person: DraftPerson): Promise<Refusal | { ok: true; link: InvitationLink }> {
		if (isOver(before.lifecycle.phase)) return refusal("over", "Nobody can be invited any more: it is over.");
		if (before.seats.length >= PEOPLE_MAX) return peopleFull();
		const seat = newSeat(person);
		const made = makeLink(before, seat);
		await interviews.commit(before.interviewId, (now) => {
			const interview = now ?? before;
			return { ...interview, seats: [...interview.seats, { ...seat, ...made.change }] };
		});
		return { ok: true, link: made.link };
	}

	/** A new link for a seat; the old one is void, whoever holds it. @throws DatabaseError while the database is away. */
	async function renewInvitation(
		before: Interview,
		seatId: string,
	): Promise<Refusal | { ok: true; link: InvitationLink }> {
		if (isOver(before.lifecycle.phase)) return refusal("over", "Nobody can be invited any more: it is over.");
		const seat = seatOf(before, seatId);
		if (!seat) return refusal("not_found", "There is no such seat.");
		const made = makeLink(before, seat);
		await interviews.commit(before.interviewId, (now) => withSeat(now ?? before, seatId, made.change));
		return { ok: true, link: made.link };
	}

	function makeLink(interview: Interview, seat: Seat) {
		const secret = newSecret(random);
		const expiresUnixMs = Math.max(clock.unixMs(), interview.announcedStartUnixMs) + INVITATION_AFTER_START_MS;
		const change = {
			invitationHash: hashSecret(secret) as string,
			invitationExpiresUnixMs: expiresUnixMs,
			invitationUsedUnixMs: null,
		};
		const link = { seatId: seat.seatId, name: seat.name, url: `${staffUrl}/join#${secret}`, expiresUnixMs };
		return { change, link };
	}

	/** The seat a link's secret is for, or why it opens none, with whom to ask. @param heldSeatIds seats this browser has. */
	function findInvitation(
		secret: string,
		heldSeatIds: readonly string[],
	): Refusal | { ok: true; interview: Interview; seat: Seat } {
		const hash = hashSecret(secret);
		for (const interview of hash ? kept() : []) {
			const seat = interview.seats.find((other) => other.invitationHash === hash);
			if (!seat) continue;
			const host = hostNameOf(interview);
			if (isOver(interview.lifecycle.phase)) {
				const detail = `“${interview.title}” is over. Ask ${host} if you expected something else.`;
				return refusal("over", detail, { ask: host });
			}
			if (seat.invitationUsedUnixMs !== null && !heldSeatIds.includes(seat.seatId)) {
				return refusal(
					"invitation_used",
					`This invitation was used in another browser. Go on there, or ask ${host} for a new link.`,
					{ ask: host },
				);
			}
			if (seat.invitationUsedUnixMs === null && (seat.invitationExpiresUnixMs ?? 0) <= clock.unixMs()) {
				return refusal("invitation_expired", `This invitation has expired. Ask ${host} for a new link.`, { ask: host });
			}
			return { ok: true, interview, seat };
		}
		return refusal(
			"invitation_foreign",
			"This invitation is not from here, was replaced by a newer one or taken back. Ask whoever sent it to you for a new link.",
		);
	}

	/** Marks an invitation as used. Works while the database is away: a guest must not stand outside. */
	async function useInvitation(interviewId: string, seatId: string): Promise<void> {
		const nowUnixMs = clock.unixMs();
		await interviews.record(interviewId, (now) => {
			const seat = seatOf(now as Interview, seatId);
			if (!seat || seat.invitationUsedUnixMs !== null) return now as Interview;
			return withSeat(now as Interview, seatId, { invitationUsedUnixMs: nowUnixMs, consentedUnixMs: nowUnixMs });
		});
	}

	return { kept, bySlug, create, edit, remove, invite, renewInvitation, findInvitation, useInvitation };
}
export type Announce = ReturnType<typeof createAnnounce>;

function checkTimeZone(timeZone: string): Refusal | undefined {
	try {
		new Intl.DateTimeFormat("en", { timeZone });
		if (/^[A-Za-z]/.test(timeZone)) return undefined;
	} catch (error) {
		if (!(error instanceof RangeError)) throw error;
	}
	const detail = "The time zone is not known. Give an IANA name, for example Europe/Berlin.";
	return refusal("malformed", detail, { pointer: "/timeZone" });
}

function checkStart(announcedStartUnixMs: number, nowUnixMs: number): Refusal | undefined {
	if (announcedStartUnixMs >= nowUnixMs - START_PAST_MS_MAX) return undefined;
	return refusal("malformed", "The start lies in the past. Choose a time to come.", {
		pointer: "/announcedStartUnixMs",
	});
}

function slugTaken(slug: string): Refusal {
	return refusal("slug_taken", `The address “${slug}” is taken. Choose another.`, { pointer: "/slug" });
}

function peopleFull(): Refusal {
	return refusal("people_full", `An interview knows at most ${PEOPLE_MAX} people. Remove somebody first.`);
}
