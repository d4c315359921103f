import { Hono } from "hono";
import * as z from "zod/mini";
import { type Clock, everyMs } from "#base/index.ts";
import { DatabaseError, type Mirror } from "#database/index.ts";
import { OWNER, type People, SESSION_MS, type SeatTokens, type Session } from "#people/index.ts";
import {
	type InterviewView,
	interviewDraft,
	interviewView,
	invitationLink,
	invitationLook,
	type Me,
	me,
	type OperationsView,
	operationsView,
	redeemAnswer,
	role,
	type SeatChange,
	type SeatGrant,
	type StudioSnapshot,
	seatChange,
	seatGrant,
	studioSnapshot,
} from "#wire/index.ts";
import type { Announce } from "./announce.ts";
import { estimateDisk } from "./disk.ts";
import { type Refusal, refusal } from "./errors.ts";
import type { Counters, InterviewEvents } from "./events.ts";
import { endedUnixMsOf, hostNameOf, type Interview, mayDirect, onAirUnixMsOf, seatOf, withSeat } from "./interview.ts";
import { isOver } from "./lifecycle.ts";
import type { Live } from "./live.ts";
import { problemResponse } from "./problems.ts";
import { addressOf, type Bindings, type Ctx, isSecure } from "./requests.ts";
import { createRoutes, openApiOf, type Route, route } from "./routes.ts";
import { studioSnapshotOf } from "./snapshot.ts";

/** Snapshots per second a studio gets at most; fewer when nothing changes or the reader is slow. */
const SNAPSHOT_EVERY_MS = 200;
/** A comment line this often keeps proxies from closing a silent stream. */
const KEEP_ALIVE_MS = 15_000;
/** Event streams open at once: over all, and per browser. One more is refused. */
const STREAMS_MAX = 500;
const STREAMS_PER_SESSION_MAX = 12;
/** What a reader of the stream may leave unread before it is skipped. */
const SSE_TEXT = { "content-type": "text/event-stream; charset=utf-8", "x-accel-buffering": "no" };

export type ApiOptions = {
	readonly clock: Clock;
	readonly interviews: Mirror<Interview>;
	readonly announce: Announce;
	readonly live: Live;
	readonly people: People;
	readonly tokens: SeatTokens;
	readonly events: InterviewEvents;
	readonly counters: Counters;
	readonly iceServers: SeatGrant["iceServers"];
	readonly publicUrl: string;
	readonly staffUrl: string;
	readonly staffPort: number;
	readonly liveInterviewsMax: number;
	/** Whether PostgreSQL answered when it was asked last. */
	readonly databaseAnswers: () => boolean;
	/** Bytes that can still be written where recordings go. */
	readonly freeBytes: () => number;
	/** Removes what was recorded of an interview. */
	readonly removeRecording: (interviewId: string) => Promise<void>;
};

const secret = z.object({ token: z.string().check(z.maxLength(256)) });
const person = z.object({ name: z.string().check(z.trim(), z.minLength(1), z.maxLength(80)), role });
const lateReason = z.object({ text: z.string().check(z.trim(), z.maxLength(300)) });
const draftChange = z.partial(z.omit(interviewDraft, { people: true }));
const seatAsked = z.object({ seatId: z.optional(z.string().check(z.maxLength(64))) });
const redeem = z.object({ token: z.string().check(z.maxLength(256)), consent: z.boolean() });
const endView = z.object({ durationMs: z.number() });

/** The API of the staff door (`/api/v1`), its description and its metrics. */
export function createApi(options: ApiOptions): Hono<Bindings> {
	const { clock, interviews, announce, live, people, tokens, events, counters, publicUrl } = options;
	const cookieName = (c: Ctx) => (isSecure(c) ? `__Host-rostra-${options.staffPort}` : `rostra-${options.staffPort}`);

	const setCookie = (c: Ctx, value: string, maxAgeS: number) => ({
		"set-cookie":
			`${cookieName(c)}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAgeS}` +
			(isSecure(c) ? "; Secure" : ""),
	});
	const sessionOf = (c: Ctx): Session | undefined => {
		const name = `${cookieName(c)}=`;
		for (const pair of (c.req.header("cookie") ?? "").slice(0, 8_192).split(/; */)) {
			if (pair.startsWith(name)) return people.sessionOf(pair.slice(name.length));
		}
		return undefined;
	};
	const find = (key: string): Interview | undefined => {
		const found = interviews.get(key) ?? announce.bySlug(key);
		return found?.removedUnixMs === null ? found : undefined;
	};

	const databaseAvailable = () => interviews.storeAvailable && options.databaseAnswers();
	const warningsOf = (interview: Interview): string[] => {
		const warnings: string[] = [];
		if (live.observed.broadcast(interview.interviewId)?.disk === "full") warnings.push("disk_full");
		if (!databaseAvailable()) warnings.push("database_down");
		if (!isOver(interview.lifecycle.phase) && diskOf(interview).short) warnings.push("disk_short");
		if (live.openRefusal(interview.interviewId)?.code === "live_max") warnings.push("live_max");
		const house = live.observed.supervisor?.processes.find((process) => process.name === "house");
		if (house && house.state !== "running") warnings.push("house_down");
		return warnings;
	};
	const diskOf = (interview: Interview) => {
		const { lifecycle, expectedMinutes } = interview;
		const onAirUnixMs = onAirUnixMsOf(interview);
		const passedMinutes = onAirUnixMs === null ? 0 : (clock.unixMs() - onAirUnixMs) / 60_000;
		return estimateDisk(isOver(lifecycle.phase) ? 0 : expectedMinutes - passedMinutes, options.freeBytes());
	};
	const viewOf = (interview: Interview): InterviewView => ({
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
			invitation:
				seat.invitationUsedUnixMs !== null
					? "used"
					: seat.invitationHash === null
						? "none"
						: (seat.invitationExpiresUnixMs ?? 0) <= clock.unixMs()
							? "expired"
							: "open",
		})),
		publicUrl: `${publicUrl}/i/${interview.slug}`,
		disk: diskOf(interview),
	});
	const meOf = (session: Session): Me => {
		const seats = [...interviews.values()].flatMap((interview) =>
			interview.seats
				.filter((seat) => session.seatIds.includes(seat.seatId))
				.map((seat) => ({ ...seat, interviewId: interview.interviewId, slug: interview.slug, title: interview.title })),
		);
		return {
			kind: session.personId === null ? "guest" : "person",
			name: session.personId === null ? (seats[0]?.name ?? "") : OWNER.name,
			seats: seats.map(({ interviewId, seatId, slug, title }) => ({ interviewId, seatId, slug, title })),
		};
	};
	const snapshotOf = (interview: Interview, seatId: string, asOwner: boolean): StudioSnapshot => {
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
			warnings: warningsOf(interview),
		});
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
							json: meOf(signed.session),
							headers: setCookie(c, signed.cookie, SESSION_MS / 1_000),
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
				return { ok: true, headers: setCookie(c, "", 0) };
			},
		}),
		route({
			method: "get",
			path: "/me",
			summary: "Who this browser is",
			access: "browser",
			answer: me,
			handle: ({ session }) => ({ ok: true, json: meOf(session as Session) }),
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
				return { ok: true, json: own.map(viewOf) };
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
				return created.ok ? { ok: true, json: viewOf(created.interview) } : created;
			},
		}),
		route({
			method: "get",
			path: "/interviews/:id",
			summary: "One interview",
			access: "direct",
			answer: interviewView,
			handle: ({ interview }) => ({ ok: true, json: viewOf(interview) }),
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
				return { ok: true, json: viewOf(edited.interview) };
			},
		}),
		route({
			method: "delete",
			path: "/interviews/:id",
			summary: "Delete it; ?withRecording=true its recording too",
			access: "owner",
			handle: async ({ c, interview }) => {
				const removed = await announce.remove(interview);
				if (!removed.ok) return removed;
				await live.close(interview.interviewId);
				if (c.req.query("withRecording") === "true") await options.removeRecording(interview.interviewId);
				return { ok: true };
			},
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
					const { cookie } = await people.grantSeat(before, seatId);
					const headers = cookie === undefined ? {} : setCookie(c, cookie, SESSION_MS / 1_000);
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
			handle: ({ c, interview, session, seat }) =>
				openStream(c, interview.interviewId, seat?.seatId ?? "", session as Session),
		}),
		route({
			method: "post",
			path: "/interviews/:id/go-live",
			summary: "Put it on air, and everybody in the green room with it",
			access: "direct",
			answer: interviewView,
			handle: async ({ interview, actor }) => {
				const done = await live.goLive(interview.interviewId, actor);
				return done.ok ? { ok: true, json: viewOf(interviews.get(interview.interviewId) ?? interview) } : done;
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
			handle: () => ({ ok: true, json: operationsOf() }),
		}),
	];

	const operationsOf = (): OperationsView => {
		const open = live.openIds().flatMap((interviewId) => interviews.get(interviewId) ?? []);
		return {
			supervisor: live.observed.supervisor ?? null,
			live: open.map((interview) => ({
				interviewId: interview.interviewId,
				slug: interview.slug,
				title: interview.title,
				phase: interview.lifecycle.phase,
				seatsConnected: connectedCount(interview.interviewId),
				listeners: live.observed.listeners(interview.slug),
				programme: live.observed.broadcast(interview.interviewId) ?? null,
			})),
			liveInterviewsMax: options.liveInterviewsMax,
			databaseAvailable: databaseAvailable(),
			recordsWaiting: interviews.waitingCount + people.waitingCount,
			warnings: [...new Set(open.flatMap(warningsOf))],
		};
	};
	const connectedCount = (interviewId: string) =>
		(live.observed.stage(interviewId)?.seats ?? []).filter((seat) => seat.connection === "connected").length;

	// Event streams.

	let streams = 0;
	const streamsOf = new Map<string, number>();
	const openStream = (c: Ctx, interviewId: string, seatId: string, session: Session): Refusal | Response => {
		const mine = streamsOf.get(session.sessionHash) ?? 0;
		if (streams >= STREAMS_MAX || mine >= STREAMS_PER_SESSION_MAX) {
			return refusal("streams_full", "Too many studios are open. Close one in this browser, then try again.");
		}
		streams += 1;
		streamsOf.set(session.sessionHash, mine + 1);
		const encoder = new TextEncoder();
		let sent = "";
		let sentMs = clock.monoMs();
		let ticking: Disposable | undefined;
		let closed = false;
		const close = () => {
			if (closed) return;
			closed = true;
			ticking?.[Symbol.dispose]();
			streams -= 1;
			const left = (streamsOf.get(session.sessionHash) ?? 1) - 1;
			if (left > 0) streamsOf.set(session.sessionHash, left);
			else streamsOf.delete(session.sessionHash);
		};
		const body = new ReadableStream<Uint8Array>(
			{
				start(controller) {
					const send = () => {
						// A reader that has not taken the last snapshot gets a newer one instead of a queue.
						if ((controller.desiredSize ?? 0) <= 0) return;
						const interview = find(interviewId);
						const mayStay = interview && isIn(interview, session);
						if (!interview || !mayStay) {
							close();
							controller.close();
							return;
						}
						const { serverUnixMs, ...rest } = snapshotOf(interview, seatId, interview.ownerId === session.personId);
						const text = JSON.stringify(rest);
						const nowMs = clock.monoMs();
						if (text !== sent) {
							const data = JSON.stringify({ ...rest, serverUnixMs });
							controller.enqueue(encoder.encode(`event: studio\ndata: ${data}\n\n`));
							sent = text;
							sentMs = nowMs;
						} else if (nowMs - sentMs >= KEEP_ALIVE_MS) {
							controller.enqueue(encoder.encode(":\n\n"));
							sentMs = nowMs;
						}
					};
					ticking = everyMs(clock, SNAPSHOT_EVERY_MS, send);
					send();
				},
				cancel: close,
			},
			{ highWaterMark: 1 },
		);
		c.req.raw.signal.addEventListener("abort", close);
		return new Response(body, { headers: { ...SSE_TEXT, "cache-control": "no-store" } });
	};
	const isIn = (interview: Interview, before: Session) => {
		if (before.expiresUnixMs <= clock.unixMs()) return false;
		if (interview.ownerId === before.personId) return true;
		return interview.seats.some((seat) => before.seatIds.includes(seat.seatId));
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
		return c.text(metricsText(), 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
	});

	const metricsText = (): string => {
		const lines = [...counters.lines()];
		const phases = new Map<string, number>();
		for (const { lifecycle } of announce.kept()) phases.set(lifecycle.phase, (phases.get(lifecycle.phase) ?? 0) + 1);
		for (const [phase, count] of phases) lines.push(`rostra_interviews{phase="${phase}"} ${count}`);
		for (const interviewId of live.openIds()) {
			const interview = interviews.get(interviewId);
			if (!interview) continue;
			const label = `{interview="${interview.slug}"}`;
			const { settled, open } = live.observed.listeners(interview.slug);
			lines.push(`rostra_listeners_settled${label} ${settled}`, `rostra_listeners_open${label} ${open}`);
			lines.push(`rostra_seats_connected${label} ${connectedCount(interviewId)}`);
			const programme = live.observed.broadcast(interviewId);
			if (!programme) continue;
			lines.push(`rostra_programme_missed_frames_total${label} ${programme.missedFrames}`);
			lines.push(`rostra_programme_tick_late_p99_ms${label} ${programme.tickLateP99Ms}`);
			lines.push(`rostra_programme_disk_full${label} ${programme.disk === "full" ? 1 : 0}`);
		}
		lines.push(`rostra_event_streams ${streams}`);
		lines.push(`rostra_records_waiting ${interviews.waitingCount + people.waitingCount}`);
		lines.push(`rostra_database_available ${databaseAvailable() ? 1 : 0}`);
		for (const process of live.observed.supervisor?.processes ?? []) {
			lines.push(`rostra_process_restarts_total{process="${process.name}"} ${process.restarts}`);
			if (process.rssBytes !== null)
				lines.push(`rostra_process_rss_bytes{process="${process.name}"} ${process.rssBytes}`);
		}
		return `${lines.join("\n")}\n`;
	};
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
