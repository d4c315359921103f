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
 * How far the platform has stepped back so that those inside hear on:
 *
 * - `normal`: nothing is held back.
 * - `quiet`: the state every 5 s, words are read-only.
 * - `lean`: 24 kb/s for who comes now, two beats per write.
 * - `door`: newcomers wait in the line; sound goes on for those inside.
 */
export const LEVELS = ["normal", "quiet", "lean", "door"] as const;
export type Level = (typeof LEVELS)[number];

/** How far the waiting line of an interview has been let in; see `src/shield/line.ts`. */
export const lineStand = z.object({
	/** Hexadecimal SHA-256 of the seed, published with the announcement. */
	seedSha256: z.string(),
	/** The seed, hexadecimal, once the ids are fixed; null before. */
	seed: z.nullable(z.string()),
	/** Ids that came before the draw. */
	drawnCount: z.number(),
	/** When the draw was: who came later stands by time. */
	drawnUnixMs: z.nullable(z.number()),
	/** Places below this fraction are in: θ. */
	fraction: z.number(),
	/** Of those who came after the draw, who came before this is in; null while drawn ones wait. */
	laterUnixMs: z.nullable(z.number()),
	/** What the line has moved by lately: drawn places per second, and seconds of later arrivals per second. */
	drawnPerS: z.number(),
	laterSPerS: z.number(),
});
export type LineStand = z.infer<typeof lineStand>;

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
	/** Connections to this machine that have been draining sound for at least 30 s, counted one by one. Not people, not those behind caches, and not one that leaves what it is sent unread. */
	listeners: z.object({
		drainingConnections: z.number(),
		/**
		 * What players said about the last whole minute: heard time ÷ time in which there should have been sound, 0 to 1
		 * rounded down, and how many reports that is. It is their word, and never added to a count. Null with fewer than ten.
		 */
		audible: z.nullable(z.object({ share: z.number(), reports: z.number() })),
	}),
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
	admission: z.object({
		level: z.enum(LEVELS),
		/** Who is let in at *door*; null as long as nobody has had to wait. */
		line: z.nullable(lineStand),
	}),
	/** The state holds from this part on: a player shows it when its playhead gets there. 0: at once. */
	atPart: z.number(),
});
export type PublicState = z.infer<typeof publicState>;
export type PublicPerson = PublicState["people"][number];
