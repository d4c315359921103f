import * as z from "zod/mini";

/** How sound came: one long response, segment after segment, or as the browser itself gets it. */
export const HEARD_WAYS = ["push", "segments", "native"] as const;
export type HeardWay = (typeof HEARD_WAYS)[number];

/** What one player says about some minute of listening. It names nobody and is never told again. */
export type HeardReport = {
	readonly way: HeardWay;
	/** Time in which sound moved, milliseconds. */
	readonly heardMs: number;
	/** Gaps that began: sound stopped that should have gone on, or was left out. */
	readonly gapCount: number;
	/** Time in which sound should have moved and did not. With `heardMs` it is all the time in which there should have been sound. */
	readonly gapMs: number;
	/** Distance to what is being said; undefined for who hears the past, and where it is not known. */
	readonly distanceMs: number | undefined;
	/** From asking for sound to the first of it, once per visit. */
	readonly joinMs: number | undefined;
};

/** Heard and missed together: a report is made once a minute, later where timers stand still. */
export const HEARD_SPAN_MS_MAX = 180_000;
export const HEARD_GAPS_MAX = 500;
/** A distance or a wait longer than this is told as this. */
export const HEARD_OTHER_MS_MAX = 3_600_000;

const NUMBER = "(0|[1-9][0-9]{0,6})";
const QUERY = new RegExp(
	`^w=(${HEARD_WAYS.join("|")})&h=${NUMBER}&g=${NUMBER}&m=${NUMBER}(?:&d=${NUMBER})?(?:&j=${NUMBER})?$`,
);

/** The query of `/i/<slug>/heard`. What `readHeardReport` refuses must not be given. */
export function writeHeardReport(report: HeardReport): string {
	const { way, heardMs, gapCount, gapMs, distanceMs, joinMs } = report;
	let query = `w=${way}&h=${heardMs}&g=${gapCount}&m=${gapMs}`;
	if (distanceMs !== undefined) query += `&d=${Math.min(distanceMs, HEARD_OTHER_MS_MAX)}`;
	if (joinMs !== undefined) query += `&j=${Math.min(joinMs, HEARD_OTHER_MS_MAX)}`;
	return query;
}

/** @returns undefined for anything that no player of ours says: another form, nothing heard, more than there is time for. */
export function readHeardReport(query: string): HeardReport | undefined {
	const found = QUERY.exec(query);
	if (!found) return undefined;
	const optional = (text: string | undefined) => (text === undefined ? undefined : Number(text));
	const report: HeardReport = {
		way: found[1] as HeardWay,
		heardMs: Number(found[2]),
		gapCount: Number(found[3]),
		gapMs: Number(found[4]),
		distanceMs: optional(found[5]),
		joinMs: optional(found[6]),
	};
	const isPossible =
		report.heardMs > 0 &&
		report.heardMs + report.gapMs <= HEARD_SPAN_MS_MAX &&
		report.gapCount <= HEARD_GAPS_MAX &&
		(report.gapCount === 0 || report.gapMs > 0) &&
		(report.distanceMs ?? 0) <= HEARD_OTHER_MS_MAX &&
		(report.joinMs ?? 0) <= HEARD_OTHER_MS_MAX;
	return isPossible ? report : undefined;
}

/** Upper ends of the buckets of a histogram; what is above the last one has one more. */
export const JOIN_BUCKETS_MS = [100, 150, 300, 600, 1_200, 2_500, 5_000, 10_000] as const;
export const DISTANCE_BUCKETS_MS = [1_000, 2_000, 3_000, 6_000, 10_000, 15_000, 30_000] as const;

/** Reports added up: no single one can be read out of it. */
export const heardSums = z.object({
	/** By how sound came. */
	reports: z.object({ push: z.number(), segments: z.number(), native: z.number() }),
	heardMs: z.number(),
	gapCount: z.number(),
	gapMs: z.number(),
	/** Reports per bucket of JOIN_BUCKETS_MS and one more. */
	joinMs: z.array(z.number()),
	/** Reports per bucket of DISTANCE_BUCKETS_MS and one more. */
	distanceMs: z.array(z.number()),
});
export type HeardSums = z.infer<typeof heardSums>;
