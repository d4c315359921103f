import * as z from "zod/mini";

/**
 * Where a seat's voice goes. `check`: nowhere (pre-flight). `green`: the other seats of the green room hear
 * it, and it hears the stage. `air`: the stage and the programme hear it.
 */
export const place = z.enum(["check", "green", "air"]);
export type Place = z.infer<typeof place>;

const seatSettings = { place, muted: z.boolean(), gainDb: z.number().check(z.minimum(-24), z.maximum(24)) };

/** What control asks of one interview's stage, as JSON on `stageCommand(interviewId)`. The answer is a `stageAnswer`. */
export const stageCommand = z.discriminatedUnion("kind", [
	/** Seats a speaker, replacing what connection that seat had. Answer carries `sdp`. */
	z.object({
		kind: z.literal("accept"),
		seatId: z.string(),
		sessionId: z.string(),
		name: z.string(),
		sdp: z.string(),
		...seatSettings,
	}),
	/** RFC 9725 §4.3.2: trickle candidates, or an ICE restart when the credentials differ (the answer then carries `sdp`). */
	z.object({ kind: z.literal("patch"), sessionId: z.string(), fragment: z.string() }),
	/** Ends one connection; its seat stays until `remove`. */
	z.object({ kind: z.literal("leave"), sessionId: z.string() }),
	z.object({ kind: z.literal("seat"), seatId: z.string(), ...seatSettings }),
	z.object({ kind: z.literal("remove"), seatId: z.string() }),
]);
export type StageCommand = z.infer<typeof stageCommand>;

export const stageAnswer = z.discriminatedUnion("ok", [
	z.object({ ok: z.literal(true), sdp: z.optional(z.string()) }),
	z.object({
		ok: z.literal(false),
		/** `ice_restart_unsupported`: the client must begin a new session (RFC 9725 §4.3.1 answers 422). */
		code: z.enum([
			"malformed_sdp",
			"unsupported_media",
			"full",
			"no_such_session",
			"not_reachable",
			"ice_restart_unsupported",
		]),
		detail: z.string(),
	}),
]);
export type StageAnswer = z.infer<typeof stageAnswer>;

/** Five times per second on `stageReport(interviewId)`, and at once when a connection changes. */
export const stageReport = z.object({
	seats: z.array(
		z.object({
			seatId: z.string(),
			sessionId: z.string(),
			place,
			/** `lost` after 4 s without a packet; the seat is kept. */
			connection: z.enum(["connecting", "connected", "lost"]),
			muted: z.boolean(),
			gainDb: z.number(),
			/** RMS of the last 200 ms after gain, dBFS, -100 for silence. */
			levelDbfs: z.number(),
			speaking: z.boolean(),
			/** RTP packets received by this process. */
			packets: z.number(),
			/** Share of packets that never came, over the last 5 s, 0-1. */
			lossShare: z.number(),
			/** RFC 3550 §6.4.1 interarrival jitter. */
			jitterMs: z.number(),
			/** What the jitter buffer holds now. */
			bufferMs: z.number(),
			/** From RTCP; null until measured. */
			roundTripMs: z.nullable(z.number()),
			/** How far the sound card's clock is off the programme's, parts per million. */
			driftPpm: z.nullable(z.number()),
		}),
	),
	tickLateP99Ms: z.number(),
	/** Ticks more than 40 ms late since the process started. */
	ticksLost: z.number(),
});
export type StageReport = z.infer<typeof stageReport>;
