import * as z from "zod/mini";

export const PHASES = [
	"announced",
	"doors",
	"waiting_for_host",
	"on_air",
	"interrupted",
	"ended",
	"cancelled",
] as const;
export type Phase = (typeof PHASES)[number];

/**
 * The public state of an interview: `/i/<slug>/state.json`, and `emsg` boxes in the push stream. The same
 * bytes for everybody. Times are Unix milliseconds; parts count from the programme's epoch.
 */
export const publicState = z.object({
	version: z.literal(1),
	/** Grows with every change; a reader ignores a state older than the one it has. */
	revision: z.number(),
	slug: z.string(),
	title: z.string(),
	description: z.string(),
	phase: z.enum(PHASES),
	announcedStartUnixMs: z.number(),
	/** IANA name: `Europe/Berlin`. */
	timeZone: z.string(),
	onAirUnixMs: z.nullable(z.number()),
	endedUnixMs: z.nullable(z.number()),
	/** The host's own words on why it began late, or empty. */
	lateReason: z.string(),
	people: z.array(
		z.object({
			/** Stable within the interview. */
			id: z.string(),
			name: z.string(),
			role: z.enum(["host", "co_host", "guest"]),
			presence: z.enum(["absent", "seated", "on_air", "lost"]),
			speaking: z.boolean(),
		}),
	),
	/** Connections draining sound, on this machine, counted exactly. */
	listeners: z.object({ connections: z.number() }),
	/** Null before the doors open. */
	programme: z.nullable(
		z.object({
			epochUnixMs: z.number(),
			pathKey: z.string(),
			onAirPart: z.nullable(z.number()),
			endPart: z.nullable(z.number()),
			gaps: z.array(z.object({ fromPart: z.number(), toPart: z.number() })),
			recording: z.boolean(),
		}),
	),
	delivery: z.object({
		/** How sound is written to push listeners. */
		write: z.enum(["part", "beat", "two_beats"]),
		/** Distance to the newest sound at which players aim, once they have built it up. */
		reserveMs: z.number(),
	}),
	/** The state holds from this part on: a player shows it when its playhead gets there. 0: at once. */
	atPart: z.number(),
});
export type PublicState = z.infer<typeof publicState>;
export type PublicPerson = PublicState["people"][number];
