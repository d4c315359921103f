import * as z from "zod/mini";

/** What control asks of one interview's broadcast, as JSON on `broadcastCommand(interviewId)`. Each may be repeated without harm. */
export const broadcastCommand = z.discriminatedUnion("kind", [
	/** The next part begins a segment, and there the recording begins. Answer: `onAirAnswer`. */
	z.object({ kind: z.literal("on_air") }),
	/** Answer: `endAnswer`, once the recording's files are readable. */
	z.object({ kind: z.literal("end") }),
	/** What listeners hear while nobody is on air. */
	z.object({ kind: z.literal("hold"), notice: z.enum(["none", "waiting_for_host"]) }),
	/** Tags of the finished files. */
	z.object({
		kind: z.literal("tags"),
		title: z.string(),
		artists: z.array(z.string()),
		dateIso: z.string(),
	}),
]);
export type BroadcastCommand = z.infer<typeof broadcastCommand>;

export const onAirAnswer = z.object({ onAirPart: z.number(), onAirUnixMs: z.number() });
export type OnAirAnswer = z.infer<typeof onAirAnswer>;
/** `endPart` is null when it ended without ever having been on air: there is no recording then. */
export const endAnswer = z.object({ endPart: z.nullable(z.number()), durationMs: z.number() });
export type EndAnswer = z.infer<typeof endAnswer>;

/** Twice per second on `broadcastReport(interviewId)`. */
export const broadcastReport = z.object({
	partIndex: z.number(),
	onAir: z.boolean(),
	/** Short-term loudness, EBU R 128, LUFS. */
	shortTermLufs: z.nullable(z.number()),
	integratedLufs: z.nullable(z.number()),
	truePeakDbtp: z.nullable(z.number()),
	/** Frames that came too late or never, since the process started. */
	missedFrames: z.number(),
	/** 99th percentile of how late the programme's own 20 ms tick ran over the last 10 s. */
	tickLateP99Ms: z.number(),
	/** "full" when the recording cannot be written: the live programme goes on. */
	disk: z.enum(["ok", "full"]),
	holding: z.boolean(),
});
export type BroadcastReport = z.infer<typeof broadcastReport>;
