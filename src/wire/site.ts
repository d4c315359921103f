import * as z from "zod/mini";
import { heardSums } from "./heard.ts";
import { PHASES } from "./state.ts";

export const LANGUAGES = ["en", "de"] as const;
export type Language = (typeof LANGUAGES)[number];
/** One HTML document per language. */
const pages = z.object({ en: z.string(), de: z.string() });

/** What an edge serves for one interview, made by house. Published on `siteEntry(slug)` at each change. */
export const siteEntry = z.object({
	slug: z.string(),
	interviewId: z.string(),
	phase: z.enum(PHASES),
	/** `state.json`, ready to send; `null` only in `removed` entries. */
	stateJson: z.string(),
	pages,
	/** The interview was deleted: its addresses answer 410. */
	removed: z.boolean(),
});
export type SiteEntry = z.infer<typeof siteEntry>;

/** Everything an edge needs after a start: the answer to a request on `SITE_REQUEST`. */
export const site = z.object({
	front: pages,
	entries: z.array(siteEntry),
	/** Pages for what is not there; an edge has plain sentences of its own where they are absent. */
	problems: z.optional(z.object({ not_found: pages, removed: pages, unavailable: pages })),
});
export type Site = z.infer<typeof site>;
export type SiteProblem = keyof NonNullable<Site["problems"]>;

/** Once per second from each edge worker on `edgeReport(worker)`. */
export const edgeReport = z.object({
	worker: z.number(),
	pid: z.number(),
	/** By interview slug: connections that have been draining sound for ≥ 30 s; all open sound streams; those of them that take nothing any more. Bounded by the interviews that exist. */
	listeners: z.record(z.string(), z.object({ settled: z.number(), open: z.number(), stalled: z.number() })),
	/** What players said since the last report, by interview id. */
	heard: z.record(z.string(), heardSums),
	connections: z.number(),
	/** Those of them that listen. */
	admitted: z.number(),
	connectionsMax: z.number(),
	/** Share of a core in use since the last report. */
	cpuShare: z.number(),
	/** Tokens made since its start, by interview id. */
	minted: z.record(z.string(), z.number()),
	refusedSinceStart: z.record(z.string(), z.number()),
	loopDelayP99Ms: z.number(),
});
export type EdgeReport = z.infer<typeof edgeReport>;
