import * as z from "zod/mini";
import { LEVELS } from "./state.ts";

/** Records that house keeps of changes of the level; the oldest is forgotten beyond it. */
export const LEVEL_RECORDS_MAX = 500;
/** Characters of an operator's reason. */
export const LEVEL_REASON_MAX = 200;

export const levelReason = z.string().check(z.trim(), z.minLength(1), z.maxLength(LEVEL_REASON_MAX));

/** What asked for a step: the signal nearest to its limit, room to spare, an operator, or a restart too late to go on. */
export const LEVEL_CAUSES = [
	"loopDelayP99Ms",
	"cpuShare",
	"admittedShare",
	"relief",
	"pinned",
	"released",
	"restarted",
] as const;

/** One change of the level, or of who decides it: then `from` may equal `to`. */
export const levelRecord = z.object({
	unixMs: z.number(),
	from: z.enum(LEVELS),
	to: z.enum(LEVELS),
	cause: z.enum(LEVEL_CAUSES),
	/** An operator's own words; empty otherwise. */
	reason: z.string(),
});
export type LevelRecord = z.infer<typeof levelRecord>;

/** The level that holds and how it came to that. Published by house when it starts and at each change. */
export const levelView = z.object({
	level: z.enum(LEVELS),
	pinned: z.boolean(),
	/** When the level became what it is; null: it was never another one. */
	sinceUnixMs: z.nullable(z.number()),
	/** The newest LEVEL_RECORDS_MAX, oldest first. */
	records: z.array(levelRecord),
});
export type LevelView = z.infer<typeof levelView>;

/** PUT and DELETE /api/v1/level. A pinned level holds whatever the strain, until it is released. */
export const levelPin = z.strictObject({ level: z.enum(LEVELS), reason: levelReason });
export const levelRelease = z.strictObject({ reason: levelReason });

/** control asks house. `release` of a level that is not pinned changes nothing and records nothing. */
export const levelCommand = z.discriminatedUnion("kind", [
	z.object({ kind: z.literal("look") }),
	z.object({ kind: z.literal("pin"), level: z.enum(LEVELS), reason: levelReason }),
	z.object({ kind: z.literal("release"), reason: levelReason }),
]);
export type LevelCommand = z.infer<typeof levelCommand>;
/** `done`: whether it led to a record. */
export const levelAnswer = z.object({ done: z.boolean(), view: levelView });
