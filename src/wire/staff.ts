import * as z from "zod/mini";
import { broadcastReport } from "./broadcast-commands.ts";
import { iceServer } from "./ice-servers.ts";
import { levelView } from "./levels.ts";
import { supervisorReport } from "./platform.ts";
import { edgeReport } from "./site.ts";
import { place } from "./stage-commands.ts";
import { PHASES } from "./state.ts";

/** JSON of the staff door's API (`/api/v1/…`), shared by control and the studio. Errors are problem+json (RFC 9457), see `problem`. */

export const problem = z.object({
	/** `about:blank` or `/problems/<code>`. */
	type: z.string(),
	title: z.string(),
	status: z.number(),
	detail: z.optional(z.string()),
	/** Which field of the request was wrong, when one was: a JSON pointer. */
	pointer: z.optional(z.string()),
	/** Machine-readable reason: `invitation_expired`, `invitation_used`, `invitation_foreign`, `studio_full`, `disk_short` … */
	code: z.optional(z.string()),
	/** Whom to ask, by name, where somebody can help. */
	ask: z.optional(z.string()),
});
export type Problem = z.infer<typeof problem>;

export const role = z.enum(["host", "co_host", "guest"]);
export type Role = z.infer<typeof role>;
const name = z.string().check(z.trim(), z.minLength(1), z.maxLength(80));

/** POST /api/v1/interviews; PATCH takes any part of it. */
export const interviewDraft = z.strictObject({
	title: z.string().check(z.trim(), z.minLength(1), z.maxLength(200)),
	description: z.string().check(z.maxLength(5_000)),
	/** Lower case, digits, hyphens; made from the title when absent. */
	slug: z.optional(z.string().check(z.regex(/^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/))),
	announcedStartUnixMs: z.number().check(z.int(), z.minimum(0), z.maximum(4_102_444_800_000)),
	/** IANA name, checked against Intl. */
	timeZone: z.string().check(z.maxLength(64)),
	listed: z.boolean(),
	/** Expected length, for the disk estimate. Minutes, 1-720. */
	expectedMinutes: z.number().check(z.int(), z.minimum(1), z.maximum(720)),
	people: z.array(z.strictObject({ name, role })).check(z.maxLength(13)),
});
export type InterviewDraft = z.infer<typeof interviewDraft>;

export const personView = z.object({
	seatId: z.string(),
	name: z.string(),
	role,
	invitation: z.enum(["none", "open", "used", "expired"]),
});
export const interviewView = z.object({
	interviewId: z.string(),
	slug: z.string(),
	title: z.string(),
	description: z.string(),
	phase: z.enum(PHASES),
	announcedStartUnixMs: z.number(),
	timeZone: z.string(),
	listed: z.boolean(),
	expectedMinutes: z.number(),
	onAirUnixMs: z.nullable(z.number()),
	endedUnixMs: z.nullable(z.number()),
	lateReason: z.string(),
	people: z.array(personView),
	publicUrl: z.string(),
	disk: z.object({ neededBytes: z.number(), freeBytes: z.number(), short: z.boolean() }),
});
export type InterviewView = z.infer<typeof interviewView>;

/** Answer to making or renewing an invitation: the only time the link is shown. The secret is in the fragment. */
export const invitationLink = z.object({
	seatId: z.string(),
	name: z.string(),
	url: z.string(),
	expiresUnixMs: z.number(),
});
export type InvitationLink = z.infer<typeof invitationLink>;

/** POST /api/v1/invitations/look: what the guest is asked to agree to, before anything is consumed. */
export const invitationLook = z.object({
	title: z.string(),
	name: z.string(),
	hostName: z.string(),
	announcedStartUnixMs: z.number(),
	timeZone: z.string(),
	phase: z.enum(PHASES),
});

/** POST /api/v1/invitations/redeem. */
export const redeemAnswer = z.object({ interviewId: z.string(), seatId: z.string() });

/** GET /api/v1/me: who this browser is. `person` owns interviews; a `guest` has seats only. */
export const me = z.object({
	kind: z.enum(["person", "guest"]),
	name: z.string(),
	seats: z.array(z.object({ interviewId: z.string(), seatId: z.string(), slug: z.string(), title: z.string() })),
});
export type Me = z.infer<typeof me>;

/** GET /api/v1/operations. */
export const operationsView = z.object({
	/** When control looked, by its clock: the clock of all times in here. */
	atUnixMs: z.number(),
	supervisor: z.nullable(supervisorReport),
	live: z.array(
		z.object({
			interviewId: z.string(),
			slug: z.string(),
			title: z.string(),
			phase: z.enum(PHASES),
			seatsConnected: z.number(),
			listeners: z.object({ settled: z.number(), open: z.number() }),
			programme: z.nullable(broadcastReport),
		}),
	),
	liveInterviewsMax: z.number(),
	/** Null until house has told it. */
	level: z.nullable(levelView),
	/** Workers of the public door that have reported within the last seconds. */
	edges: z.array(z.omit(edgeReport, { listeners: true, heard: true, minted: true })),
	/** False while records wait in the journal for PostgreSQL to return. */
	databaseAvailable: z.boolean(),
	recordsWaiting: z.number(),
	/** Keys as in `studioSnapshot.warnings`. */
	warnings: z.array(z.string()),
});
export type OperationsView = z.infer<typeof operationsView>;

/** POST /api/v1/interviews/:id/seat: what a studio needs to speak. */
export const seatGrant = z.object({
	interviewId: z.string(),
	seatId: z.string(),
	name: z.string(),
	role,
	/** RFC 9725 endpoint and its bearer token, valid until the interview ends. */
	whipUrl: z.string(),
	whipToken: z.string(),
	iceServers: z.array(iceServer),
});
export type SeatGrant = z.infer<typeof seatGrant>;

/** PATCH /api/v1/interviews/:id/seats/:seatId. */
export const seatChange = z.strictObject({
	place: z.optional(place),
	muted: z.optional(z.boolean()),
	gainDb: z.optional(z.number().check(z.minimum(-24), z.maximum(24))),
	role: z.optional(role),
});
export type SeatChange = z.infer<typeof seatChange>;

/** Server-sent event `studio`, up to five per second: everything the studio shows. */
export const studioSnapshot = z.object({
	interviewId: z.string(),
	slug: z.string(),
	title: z.string(),
	publicUrl: z.string(),
	phase: z.enum(PHASES),
	announcedStartUnixMs: z.number(),
	timeZone: z.string(),
	onAirUnixMs: z.nullable(z.number()),
	endedUnixMs: z.nullable(z.number()),
	lateReason: z.string(),
	serverUnixMs: z.number(),
	you: z.object({ seatId: z.string(), role, mayDirect: z.boolean() }),
	seats: z.array(
		z.object({
			seatId: z.string(),
			name: z.string(),
			role,
			place,
			connection: z.enum(["absent", "connecting", "connected", "lost"]),
			muted: z.boolean(),
			gainDb: z.number(),
			levelDbfs: z.number(),
			speaking: z.boolean(),
			lossShare: z.number(),
			jitterMs: z.number(),
			bufferMs: z.number(),
			roundTripMs: z.nullable(z.number()),
			packets: z.number(),
		}),
	),
	/** False while the stage process is being started or restarted: rejoin with the same token once it is true and `stageEpoch` changed. */
	stageReady: z.boolean(),
	/** Changes when the stage process was replaced; every WebRTC connection made before is dead. */
	stageEpoch: z.number(),
	listeners: z.object({ settled: z.number(), open: z.number() }),
	programme: z.nullable(broadcastReport),
	/** Sentences' keys in the pages' catalogue, worst first: `disk_full`, `disk_short`, `database_down`, `house_down` … */
	warnings: z.array(z.string()),
});
export type StudioSnapshot = z.infer<typeof studioSnapshot>;
