import { Hono } from "hono";
import * as z from "zod/mini";
import { DatabaseError } from "#database/index.ts";
import { OWNER, type People, type SeatTokens, type Session } from "#people/index.ts";
import {
	interviewDraft,
	interviewPrefix,
	interviewView,
	invitationLink,
	invitationLook,
	levelPin,
	levelRelease,
	levelView,
	me,
	operationsView,
	redeemAnswer,
	role,
	type SeatChange,
	type SeatGrant,
	seatChange,
	seatGrant,
	studioSnapshot,
} from "#wire/index.ts";
import type { Announce } from "./announce.ts";
import { type Refusal, refusal } from "./errors.ts";
import type { Counters, InterviewEvents } from "./events.ts";
import { hostNameOf, type Interview, mayDirect, seatOf, withSeat } from "./interview.ts";
import type { Levels } from "./levels.ts";
import { transition } from "./lifecycle.ts";
import { metricsText } from "./metrics.ts";
import { problemResponse } from "./problems.ts";
import { addressOf, type Bindings, type Ctx } from "./requests.ts";
import { createRoutes, openApiOf, type Route, route } from "./routes.ts";
import { createSessionCookie } from "./session-cookie.ts";
import { StudioStreams } from "./studio-streams.ts";
import { Views, type ViewsOptions } from "./views.ts";

export type ApiOptions = ViewsOptions & {
	readonly people: People;
	readonly announce: Announce;
	readonly levels: Levels;
	readonly tokens: SeatTokens;
	readonly events: InterviewEvents;
	readonly counters: Counters;
	readonly iceServers: SeatGrant["iceServers"];
	readonly staffUrl: string;
	readonly staffPort: number;
	/** Removes what was recorded of an interview. */
	readonly removeRecording: (interviewId: string) => Promise<void>;
};

/** Bodies. A field we do not know is refused: it is a mistyped one more often than one to ignore. */
const secret = z.strictObject({ token: z.string().check(z.maxLength(256)) });
const person = z.strictObject({ name: z.string().check(z.trim(), z.minLength(1), z.maxLength(80)), role });
const lateReason = z.strictObject({ text: z.string().check(z.trim(), z.maxLength(300)) });
const draftChange = z.partial(z.omit(interviewDraft, { people: true }));
const seatAsked = z.strictObject({ seatId: z.optional(z.string().check(z.maxLength(64))) });
const redeem = z.strictObject({ token: z.string().check(z.maxLength(256)), consent: z.boolean() });
const endView = z.object({ durationMs: z.number() });

/** The API of the staff door (`/api/v1`), its description and its metrics. */
export function createApi(options: ApiOptions): Hono<Bindings> {
	const { clock, interviews, announce, live, levels, people, tokens, events, counters } = options;
	const cookie = createSessionCookie(options);
	const { sessionOf } = cookie;
	const views = new Views(options);
	const streams = new StudioStreams(clock);
	const find = (key: string): Interview | undefined => {
		const found = interviews.get(key) ?? announce.bySlug(key);
		return found?.removedUnixMs === null ? found : undefined;
	};

	/** A wrong secret counts against its address; too many, and it must wait. */
	const guarded = async <T extends { readonly ok: true } | Refusal>(
		c: Ctx,
		wrong: (refused: Refusal) => boolean,
		attempt: () => Promise<T> | T,
	): Promise<T | Refusal> => {
		const waitMs = people.attempts.waitMs(addressOf(c), clock.monoMs());
		if (waitMs > 0) {
			return refusal("too_many_attempts", "Too many wrong links came from your address. Wait a few minutes.", {
				retryAfterS: Math.ceil(waitMs / 1_000),
			});
		}
		const result = await attempt();
		if (!result.ok && wrong(result)) people.attempts.failed(addressOf(c), clock.monoMs());
		return result;
	};

	const routes: Route[] = [
		route({
			method: "post",
			path: "/sign-in",
			summary: "Sign in with the secret of a one-time link",
			access: "anyone",
			body: secret,
			answer: me,
			handle: ({ c, session }, { token }) =>
				guarded(
					c,
					(refused) => refused.code === "sign_in_link_unknown",
					async () => {
						const signed = await people.signIn(token, session);
						if (!signed.ok) return refusal(`sign_in_link_${signed.code}`, SIGN_IN_SENTENCES[signed.code]);
						return {
							ok: true as const,
							json: views.me(signed.session),
							headers: cookie.set(c, signed.cookie),
						};
					},
				),
		}),
		route({
			method: "post",
			path: "/sign-out",
			summary: "Sign this browser out",
			access: "browser",
			handle: async ({ c, session }) => {
				if (session) await people.endSession(session);
				return { ok: true, headers: cookie.clear(c) };
			},
		}),
		route({
			method: "get",
			path: "/me",
			summary: "Who this browser is",
			access: "browser",
			answer: me,
			handle: ({ session }) => ({ ok: true, json: views.me(session as Session) }),
		}),
		route({
			method: "get",
			path: "/interviews",
			summary: "All interviews, newest start first",
			access: "person",
			answer: z.array(interviewView),
			handle: ({ session }) => {
				const own = announce.kept().filter((interview) => interview.ownerId === session?.personId);
				own.sort((a, b) => b.announcedStartUnixMs - a.announcedStartUnixMs);
				return { ok: true, json: own.map((interview) => views.interview(interview)) };
			},
		}),
		route({
			method: "post",
			path: "/interviews",
			summary: "Announce an interview",
			access: "person",
			body: interviewDraft,
			answer: interviewView,
			handle: async ({ session }, draft) => {
				const owner = { personId: session?.personId ?? OWNER.personId, name: OWNER.name };
				const created = await announce.create(draft, owner);
				return created.ok ? { ok: true, json: views.interview(created.interview) } : created;
			},
		}),
		route({
			method: "get",
			path: "/interviews/:id",
			summary: "One interview",
			access: "direct",
			answer: interviewView,
			handle: ({ interview }) => ({ ok: true, json: views.interview(interview) }),
		}),
		route({
			method: "patch",
			path: "/interviews/:id",
			summary: "Change what was announced",
			access: "direct",
			body: draftChange,
			answer: interviewView,
			handle: async ({ interview, actor }, change) => {
				const edited = await announce.edit(interview, change);
				if (!edited.ok) return edited;
				await live.rescheduled(interview.interviewId, actor);
				return { ok: true, json: views.interview(interviews.get(interview.interviewId) ?? edited.interview) };
			},
		}),
		route({
			method: "delete",
			path: "/interviews/:id",
			summary: "Delete it; ?withRecording=true its recording too",
			access: "owner",
			handle: async ({ c, interview }) => {
				const withRecording = c.req.query("withRecording") ?? "false";
				if (withRecording !== "true" && withRecording !== "false") {
					return refusal("malformed", "“withRecording” must be true or false.");
				}
				const removed = await announce.remove(interview);
				if (!removed.ok) return removed;
				await live.close(interview.interviewId);
				if (withRecording === "false") return { ok: true };
				try {
					await options.removeRecording(interview.interviewId);
					return { ok: true };
				} catch (error) {
					events.recordingNotRemoved(interview.interviewId, error);
					return refusal(
						"recording_not_removed",
						"It is deleted and nobody can hear it any more, but the disk refused to remove its recording. " +
							`Remove the folder “${interviewPrefix(interview.interviewId)}” by hand; the log says why.`,
					);
				}
			},
		}),
		route({
			method: "get",
			path: "/interviews/:id/transitions",
			summary: "Everything that happened to it, oldest first: when, by whose doing, why",
			access: "direct",
			answer: z.array(transition),
			handle: ({ interview }) => ({ ok: true, json: interview.transitions }),
		}),
		route({
			method: "post",
			path: "/interviews/:id/cancel",
			summary: "Cancel it before it is on air",
			access: "direct",
			handle: ({ interview, actor }) => live.cancel(interview.interviewId, actor),
		}),
		route({
			method: "post",
			path: "/interviews/:id/people",
			summary: "Invite somebody; the link is shown this once",
			access: "direct",
			body: person,
			answer: invitationLink,
			handle: async ({ interview }, who) => {
				const invited = await announce.invite(interview, who);
				return invited.ok ? { ok: true, json: invited.link } : invited;
			},
		}),
		route({
			method: "post",
			path: "/interviews/:id/people/:seatId/invitation",
			summary: "A new link for a seat; the old one is void",
			access: "direct",
			answer: invitationLink,
			handle: async ({ c, interview }) => {
				const renewed = await announce.renewInvitation(interview, c.req.param("seatId") ?? "");
				return renewed.ok ? { ok: true, json: renewed.link } : renewed;
			},
		}),
		route({
			method: "delete",
			path: "/interviews/:id/people/:seatId",
			summary: "Remove somebody",
			access: "direct",
			handle: ({ c, interview }) => live.removeSeat(interview.interviewId, c.req.param("seatId") ?? ""),
		}),
		route({
			method: "post",
			path: "/invitations/look",
			summary: "What an invitation is for, before anything is agreed to",
			access: "anyone",
			body: secret,
			answer: invitationLook,
			handle: async ({ c }, { token }) =>
				guarded(c, isForeign, () => {
					const found = announce.findInvitation(token, sessionOf(c)?.seatIds ?? []);
					if (!found.ok) return found;
					const { interview, seat } = found;
					const look: z.infer<typeof invitationLook> = {
						title: interview.title,
						name: seat.name,
						hostName: hostNameOf(interview),
						announcedStartUnixMs: interview.announcedStartUnixMs,
						timeZone: interview.timeZone,
						phase: interview.lifecycle.phase,
					};
					return { ok: true as const, json: look };
				}),
		}),
		route({
			method: "post",
			path: "/invitations/redeem",
			summary: "Take the seat; needs consent to being broadcast and recorded",
			access: "anyone",
			body: redeem,
			answer: redeemAnswer,
			handle: async ({ c }, { token, consent }) =>
				guarded(c, isForeign, async () => {
					if (!consent) {
						return refusal("consent_missing", "The talk is broadcast and recorded. Agree to that to take part.", {
							pointer: "/consent",
						});
					}
					const before = sessionOf(c);
					const found = announce.findInvitation(token, before?.seatIds ?? []);
					if (!found.ok) return found;
					const { interviewId } = found.interview;
					const { seatId } = found.seat;
					await announce.useInvitation(interviewId, seatId);
					const granted = await people.grantSeat(before, seatId);
					const headers = granted.cookie === undefined ? {} : cookie.set(c, granted.cookie);
					return { ok: true as const, json: { interviewId, seatId }, headers };
				}),
		}),
		route({
			method: "post",
			path: "/interviews/:id/seat",
			summary: "What is needed to speak. The newest grant of a seat makes earlier ones void",
			access: "in",
			body: seatAsked,
			answer: seatGrant,
			handle: async ({ c, session, interview, seat }, asked) => {
				const own = asked.seatId === undefined ? seat : interview.seats.find((other) => other.seatId === asked.seatId);
				const mayTake = own && (own === seat || session?.seatIds.includes(own.seatId));
				if (!own || !mayTake) {
					return refusal("not_yours", "This browser has no seat here. Open your invitation in it.");
				}
				const { interviewId } = interview;
				const entered = await live.enter(interviewId);
				if (!entered.ok) return entered;
				const generation = own.tokenGeneration + 1;
				await interviews.record(interviewId, (now) =>
					withSeat(now as Interview, own.seatId, { tokenGeneration: generation }),
				);
				const grant: SeatGrant = {
					interviewId,
					seatId: own.seatId,
					name: own.name,
					role: own.role,
					whipUrl: `${new URL(c.req.url).origin}/whip/${interviewId}`,
					whipToken: tokens.issue({ interviewId, seatId: own.seatId, generation }),
					iceServers: options.iceServers,
				};
				return { ok: true, json: grant };
			},
		}),
		route({
			method: "get",
			path: "/interviews/:id/events",
			summary: "Server-sent events `studio`: everything a studio shows, up to 5 per second",
			access: "in",
			answer: studioSnapshot,
			handle: ({ c, interview: { interviewId }, session: asking, seat }) => {
				const session = asking as Session;
				const look = () => {
					const interview = find(interviewId);
					if (!interview || !isIn(interview, session)) return undefined;
					return views.studio(interview, seat?.seatId ?? "", interview.ownerId === session.personId);
				};
				return streams.open(session, look, c.req.raw.signal);
			},
		}),
		route({
			method: "post",
			path: "/interviews/:id/go-live",
			summary: "Put it on air, and everybody in the green room with it",
			access: "direct",
			answer: interviewView,
			handle: async ({ interview, actor }) => {
				const done = await live.goLive(interview.interviewId, actor);
				return done.ok ? { ok: true, json: views.interview(interviews.get(interview.interviewId) ?? interview) } : done;
			},
		}),
		route({
			method: "post",
			path: "/interviews/:id/end",
			summary: "End it; answers once the recording can be heard",
			access: "direct",
			answer: endView,
			handle: async ({ interview, actor }) => {
				const done = await live.end(interview.interviewId, actor);
				return done.ok ? { ok: true, json: { durationMs: done.durationMs } } : done;
			},
		}),
		route({
			method: "post",
			path: "/interviews/:id/late-reason",
			summary: "Tell listeners why it begins late; empty takes it back",
			access: "direct",
			body: lateReason,
			handle: async ({ interview }, { text }) => {
				await interviews.record(interview.interviewId, (now) => ({ ...(now as Interview), lateReason: text }));
				return { ok: true };
			},
		}),
		route({
			method: "patch",
			path: "/interviews/:id/seats/:seatId",
			summary: "Place, mute, gain or role of a seat; a guest changes only its own, and not onto the air",
			access: "in",
			body: seatChange,
			handle: ({ c, interview, seat: own, actor }, change) => {
				const seat = seatOf(interview, c.req.param("seatId") ?? "");
				if (!seat) return refusal("not_found", "There is no such seat.");
				const directs = actor.startsWith("person:") || (own !== undefined && mayDirect(own.role));
				if (!directs && (seat.seatId !== own?.seatId || change.role !== undefined || change.place === "air")) {
					return refusal("not_yours", "Only the host or a co-host can do this. Ask them.");
				}
				return live.changeSeat(interview.interviewId, seat.seatId, change as SeatChange);
			},
		}),
		route({
			method: "delete",
			path: "/interviews/:id/seats/:seatId",
			summary: "Remove somebody from the studio",
			access: "direct",
			handle: ({ c, interview }) => live.removeSeat(interview.interviewId, c.req.param("seatId") ?? ""),
		}),
		route({
			method: "get",
			path: "/operations",
			summary: "Processes, disk, what is live",
			access: "person",
			answer: operationsView,
			handle: () => ({ ok: true, json: views.operations() }),
		}),
		route({
			method: "put",
			path: "/level",
			summary: "Pin the level of the public door, whatever the strain; the reason is recorded",
			access: "person",
			body: levelPin,
			answer: levelView,
			handle: (_, { level, reason }) => levels.pin(level, reason),
		}),
		route({
			method: "delete",
			path: "/level",
			summary: "Let the strain decide the level again; the reason is recorded",
			access: "person",
			body: levelRelease,
			answer: levelView,
			handle: (_, { reason }) => levels.release(reason),
		}),
	];

	const isIn = (interview: Interview, session: Session) => {
		if (session.expiresUnixMs <= clock.unixMs()) return false;
		if (interview.ownerId === session.personId) return true;
		return interview.seats.some((seat) => session.seatIds.includes(seat.seatId));
	};

	const app = new Hono<Bindings>();
	const api = createRoutes({
		routes,
		sessionOf,
		find,
		events,
		refusalOf: (error) =>
			error instanceof DatabaseError && error.code === "unavailable"
				? refusal(
						"database_down",
						"The database is away, so nothing new can be written down. Sound goes on. Try again soon.",
						{
							retryAfterS: 2,
						},
					)
				: undefined,
	});
	app.route("/api/v1", api);
	app.get("/openapi.json", (c) => c.json(openApiOf(routes, options.staffUrl)));
	app.get("/metrics", (c) => {
		const loopback = /^(127\.|::1$|::ffff:127\.)/.test(addressOf(c));
		if (!loopback && !sessionOf(c)?.personId) {
			return problemResponse(refusal("sign_in_required", "Metrics are for this machine and for those who signed in."));
		}
		const text = metricsText({ counters, kept: announce.kept, live, views, streams });
		return c.text(text, 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
	});

	return app;
}

const SIGN_IN_SENTENCES = {
	unknown: "This sign-in link is not from here. Print a new one with “npm run -s rostra -- sign-in”.",
	used: "This sign-in link was used already. Print a new one with “npm run -s rostra -- sign-in”.",
	expired: "This sign-in link has expired. Print a new one with “npm run -s rostra -- sign-in”.",
} as const;

function isForeign(refused: Refusal): boolean {
	return refused.code === "invitation_foreign";
}
