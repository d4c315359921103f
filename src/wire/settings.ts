import * as z from "zod/mini";
import { iceServer } from "./ice-servers.ts";

/**
 * What the supervisor has parsed and checked from flags and `ROSTRA_*` variables, handed to each process it
 * starts (in the environment variable ROSTRA_PROCESS, as JSON). Paths are absolute.
 */
export const platformSettings = z.object({
	dataDir: z.string(),
	/** Where `objects` keeps parts and recordings on disk. */
	objectsDir: z.string(),
	/** What Vite built: `dist/web`. */
	webDir: z.string(),
	busPath: z.string(),
	/** Address both doors and media listen on. Default 127.0.0.1. */
	host: z.string(),
	publicPort: z.number(),
	staffPort: z.number(),
	/** First UDP port; the nth live interview gets `mediaPort + n`. */
	mediaPort: z.number(),
	/** Interviews open at once: default 4 per core; media ports and processes are bounded by it. */
	liveInterviewsMax: z.number(),
	/** What ICE candidates say instead of `host`: 1:1 NAT, containers. */
	mediaAddress: z.nullable(z.string()),
	/** STUN and TURN servers that speakers are told to use; most need none. */
	iceServers: z.array(iceServer),
	/** As people type them, without a trailing slash. */
	publicUrl: z.string(),
	staffUrl: z.string(),
	databaseUrl: z.string(),
	/** Certificate chain and key of the staff door, PEM paths; null only on a loopback `host`. */
	staffTls: z.nullable(z.object({ certPath: z.string(), keyPath: z.string() })),
	publicDoor: z.object({
		/** Certificate chain and key of the public door, PEM paths; null: plain HTTP. */
		tls: z.nullable(z.object({ certPath: z.string(), keyPath: z.string() })),
		/** Who is believed about who is there: nobody, or proxies of these networks in this way. */
		proxy: z.object({
			mode: z.enum(["direct", "proxy_v2", "forwarded", "x_forwarded_for"]),
			trustedNetworks: z.array(z.string()),
		}),
		/** A port for plain HTTP that sends everybody to `publicUrl`. */
		redirectPort: z.nullable(z.number()),
	}),
	/** Get a certificate for this domain; `publicDoor.tls` then names the files. Null: certificates are somebody else's work. */
	acme: z.nullable(z.object({ domain: z.string(), email: z.nullable(z.string()), directoryUrl: z.string() })),
	edgeWorkers: z.number(),
	/** Open an interview `demo` with synthetic speakers after the start. */
	demo: z.boolean(),
	logLevel: z.enum(["debug", "info", "warn", "error"]),
});
export type PlatformSettings = z.infer<typeof platformSettings>;

export const processRole = z.discriminatedUnion("role", [
	z.object({ role: z.literal("control") }),
	z.object({ role: z.literal("house") }),
	z.object({ role: z.literal("certificate") }),
	z.object({
		role: z.literal("edge"),
		worker: z.number(),
		/** What tokens are made with, base64: the same for all workers, as long as the platform runs. */
		tokenKey: z.base64(),
	}),
	z.object({ role: z.literal("stage"), interviewId: z.string(), mediaPort: z.number() }),
	z.object({ role: z.literal("broadcast"), interviewId: z.string() }),
	z.object({
		role: z.literal("rehearsal"),
		interviewId: z.string(),
		speakers: z.array(z.object({ name: z.string(), voice: z.string(), whipUrl: z.string(), token: z.string() })),
	}),
]);
export type ProcessRole = z.infer<typeof processRole>;
export const processStart = z.object({ name: z.string(), settings: platformSettings, role: processRole });
export type ProcessStart = z.infer<typeof processStart>;
