import * as z from "zod/mini";
import { PHASES } from "./state.ts";

/** Asks the supervisor for the two processes of a live interview, or lets them go. JSON on `SUPERVISOR_COMMAND`. */
export const supervisorCommand = z.discriminatedUnion("kind", [
	/** Starts what of the two is not running. Answer: `{ mediaPort }`, or a refusal when all media ports are taken. */
	z.object({ kind: z.literal("open_stage"), interviewId: z.string() }),
	z.object({ kind: z.literal("open_broadcast"), interviewId: z.string() }),
	z.object({ kind: z.literal("close"), interviewId: z.string() }),
	/** The demo's two synthetic speakers. `speakers` carry WHIP endpoint and bearer token. */
	z.object({
		kind: z.literal("open_rehearsal"),
		interviewId: z.string(),
		speakers: z.array(z.object({ name: z.string(), voice: z.string(), whipUrl: z.string(), token: z.string() })),
	}),
	z.object({ kind: z.literal("status") }),
]);
export type SupervisorCommand = z.infer<typeof supervisorCommand>;

export const supervisorAnswer = z.discriminatedUnion("ok", [
	z.object({ ok: z.literal(true), mediaPort: z.optional(z.number()) }),
	z.object({ ok: z.literal(false), detail: z.string() }),
]);
export type SupervisorAnswer = z.infer<typeof supervisorAnswer>;

export const processStatus = z.object({
	/** `control`, `house`, `edge-0`, `stage-<interviewId>`, `postgres` … */
	name: z.string(),
	pid: z.nullable(z.number()),
	state: z.enum(["starting", "running", "restarting", "stopped"]),
	startedUnixMs: z.nullable(z.number()),
	restarts: z.number(),
	lastExit: z.nullable(z.string()),
	rssBytes: z.nullable(z.number()),
});
export type ProcessStatus = z.infer<typeof processStatus>;

/** The answer to `status`, and published on `SUPERVISOR_REPORT` at each change and every 2 s. */
export const supervisorReport = z.object({
	processes: z.array(processStatus),
	disk: z.object({ freeBytes: z.number(), totalBytes: z.number() }),
	warnings: z.array(z.string()),
});
export type SupervisorReport = z.infer<typeof supervisorReport>;

/** What workers seal TLS session tickets with, 48 bytes each in base64; tickets of the previous key are still opened. */
export const ticketKeys = z.object({ current: z.string(), previous: z.nullable(z.string()) });
export type TicketKeys = z.infer<typeof ticketKeys>;

/** What an authority is to find on the plain HTTP port (RFC 8555 §8.3). */
export const acmeChallenges = z.array(z.object({ token: z.string(), keyAuthorization: z.string() }));
export type AcmeChallenges = z.infer<typeof acmeChallenges>;

/** What the command line asks of a running platform. JSON on `CONTROL_COMMAND`; answer: `controlAnswer`. */
export const controlCommand = z.discriminatedUnion("kind", [
	z.object({ kind: z.literal("end"), slug: z.string() }),
	z.object({ kind: z.literal("sign_in_link") }),
	z.object({ kind: z.literal("list") }),
]);
export type ControlCommand = z.infer<typeof controlCommand>;
export const controlAnswer = z.object({ ok: z.boolean(), text: z.string() });
export type ControlAnswer = z.infer<typeof controlAnswer>;

/** What control tells house about one interview, on `interviewFacts(id)` at each change; all of them answer `INTERVIEWS_REQUEST`. */
export const interviewFacts = z.object({
	interviewId: z.string(),
	slug: z.string(),
	title: z.string(),
	description: z.string(),
	listed: z.boolean(),
	phase: z.enum(PHASES),
	announcedStartUnixMs: z.number(),
	timeZone: z.string(),
	onAirUnixMs: z.nullable(z.number()),
	endedUnixMs: z.nullable(z.number()),
	lateReason: z.string(),
	people: z.array(z.object({ seatId: z.string(), name: z.string(), role: z.enum(["host", "co_host", "guest"]) })),
	removed: z.boolean(),
});
export type InterviewFacts = z.infer<typeof interviewFacts>;
