import { LEVELS } from "#wire/index.ts";
import { BEFORE_S, type CrowdOptions, type CrowdResult } from "./crowd.ts";

/** What the line may fill of a worker, and how many newcomers it greets per second, as `src/shield/steward.ts` has them. */
const LINE_SHARE = 0.94;
const GREETED_PER_S = 200;

/** The value below which `share` of them lie; NaN of none. Sorts in place. */
export function quantile(sorted: Float64Array, share: number): number {
	return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/**
 * How long people would wait, in seconds, on the back of an envelope: whoever comes is served in order, at most as many
 * per second as can be greeted, at most as many at once as fit, and those who leave make room.
 *
 * @returns for each second of the evening the wait of who came in it; Infinity when he would not be in by the end.
 */
export function envelope({ options, seconds }: CrowdResult): Float64Array {
	const { edges, lostShare, connectionsMax, lossAtS, stayMeanS } = options;
	let [inside, came, served] = [0, 0, 0];
	const cameBy: number[] = [];
	const servedBy: number[] = [];
	for (const { atS, came: now, insideHostile } of seconds) {
		const living = atS < lossAtS ? edges : edges - Math.round(edges * lostShare);
		const room = LINE_SHARE * living * connectionsMax - insideHostile;
		inside -= inside / stayMeanS;
		came += now;
		const step = Math.max(0, Math.min(came - served, GREETED_PER_S * living, room - inside));
		inside += step;
		served += step;
		cameBy.push(came);
		servedBy.push(served);
	}
	let at = 0;
	return Float64Array.from(seconds, (_, nth) => {
		at = Math.max(at, nth);
		while (at < seconds.length && (servedBy[at] as number) < (cameBy[nth] as number) - 0.5) at += 1;
		return at < seconds.length ? at - nth : Number.POSITIVE_INFINITY;
	});
}

export type CrowdFigures = ReturnType<typeof figuresOf>;

/** The evening in a few numbers. */
export function figuresOf(result: CrowdResult) {
	const { options, seconds, waitedMs, cameMs, gaps } = result;
	const sorted = Float64Array.from(waitedMs).sort();
	const within10s = waitedMs.reduce((sum, ms) => sum + (ms <= 10_000 ? 1 : 0), 0) / waitedMs.length;
	const heard = waitedMs.reduce((sum, ms) => sum + (Number.isFinite(ms) ? 1 : 0), 0);
	const paper = envelope(result);
	const onPaperMs = Float64Array.from(cameMs, (ms) => 1_000 * (paper[Math.floor(ms / 1_000) + BEFORE_S] as number));
	/** Of each person: how much longer he waited than on paper. */
	const beyondMs = Float64Array.from(waitedMs, (ms, nth) => {
		const paperMs = onPaperMs[nth] as number;
		return ms <= paperMs ? 0 : ms - paperMs;
	}).sort();
	onPaperMs.sort();
	const refused: Record<string, number> = {};
	for (const second of seconds) {
		for (const [reason, count] of Object.entries(second.refused)) refused[reason] = (refused[reason] ?? 0) + count;
	}
	const inLevels = LEVELS.map(
		(level, nth) => [level, seconds.filter((second) => second.level === nth).length] as const,
	);
	const audible = (some: typeof gaps) => Float64Array.from(some, ({ audibleMs }) => audibleMs).sort();
	const away = Float64Array.from(gaps, ({ awayMs }) => awayMs).sort();
	const most = (value: (second: (typeof seconds)[number]) => number) =>
		seconds.reduce((a, b) => Math.max(a, value(b)), 0);
	return {
		honest: waitedMs.length,
		heard,
		within10s,
		waitMs: { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), max: quantile(sorted, 1) },
		onPaperMs: { p50: quantile(onPaperMs, 0.5), p99: quantile(onPaperMs, 0.99), max: quantile(onPaperMs, 1) },
		beyondMs: { p99: quantile(beyondMs, 0.99), max: quantile(beyondMs, 1) },
		fullest: most(({ inside, insideHostile, capacity }) => (inside + insideHostile) / Math.max(1, capacity)),
		insideMost: most(({ inside }) => inside),
		hostileMost: most(({ insideHostile }) => insideHostile),
		requestsMostPerS: most(({ requests }) => requests),
		requestsMeanPerS: seconds.reduce((sum, { requests }) => sum + requests, 0) / seconds.length,
		cameMostPerS: most(({ came }) => came),
		lateMsMost: most(({ lateMs }) => lateMs),
		inLevels,
		refused,
		gaps: {
			count: gaps.length,
			full: gaps.filter(({ full }) => full).length,
			awayP99Ms: quantile(away, 0.99),
			awayMostMs: quantile(away, 1),
			fullP99Ms: quantile(audible(gaps.filter(({ full }) => full)), 0.99),
			fullMostMs: quantile(audible(gaps.filter(({ full }) => full)), 1),
			allP99Ms: quantile(audible(gaps), 0.99),
			allMostMs: quantile(audible(gaps), 1),
			heardIt: audible(gaps).filter((ms) => ms > 0).length,
			notBack: result.notBack,
		},
		options: options as CrowdOptions,
	};
}

/** The same as lines of text. */
export function tableOf(result: CrowdResult): string[] {
	const figures = figuresOf(result);
	const { options, gaps } = figures;
	const count = (value: number) => Math.round(value).toLocaleString("en");
	const seconds = (ms: number) =>
		Number.isFinite(ms) ? `${(ms / 1_000).toFixed(2)} s` : Number.isNaN(ms) ? "–" : "never";
	const percent = (share: number) => `${(100 * share).toFixed(share > 0.99 ? 2 : 1)} %`;
	const three = ({ p50, p99, max }: { p50: number; p99: number; max: number }) =>
		`${seconds(p50)} / ${seconds(p99)} / ${seconds(max)}`;
	const perEdge = (perS: number) => `${count(perS)} (${count(perS / options.edges)} per edge)`;
	const rows: (readonly [string, string])[] = [
		["honest people / who heard", `${count(figures.honest)} / ${count(figures.heard)}`],
		["page opened to first sound, p50 / p99 / longest", three(figures.waitMs)],
		["the same on the back of an envelope", three(figures.onPaperMs)],
		[
			"waited longer than on the envelope, p99 / longest",
			`${seconds(figures.beyondMs.p99)} / ${seconds(figures.beyondMs.max)}`,
		],
		["heard within 10 s", percent(figures.within10s)],
		["most inside at once, honest + hostile", `${count(figures.insideMost)} + ${count(figures.hostileMost)}`],
		["of the connections there were, at most", percent(figures.fullest)],
		["pushed out while inside", count(result.pushedOut)],
		["honest arrivals in the busiest second", perEdge(figures.cameMostPerS)],
		["requests in the busiest second", perEdge(figures.requestsMostPerS)],
		["requests per second, mean", perEdge(figures.requestsMeanPerS)],
		["latest loop of any edge", seconds(figures.lateMsMost)],
		["seconds at each level", figures.inLevels.map(([level, s]) => `${level} ${s}`).join(", ")],
		[
			"level changes",
			result.steps.map(({ atS, to, cause }) => `${Math.round(atS)} s ${to} (${cause})`).join(", ") || "none",
		],
		["lost sound with their edge", `${count(gaps.count + gaps.notBack)}, of them not back ${count(gaps.notBack)}`],
		["back after, p99 / longest", `${seconds(gaps.awayP99Ms)} / ${seconds(gaps.awayMostMs)}`],
		[
			`audible gap of ${count(gaps.full)} with a full reserve, p99 / longest`,
			`${seconds(gaps.fullP99Ms)} / ${seconds(gaps.fullMostMs)}`,
		],
		[
			"audible gap of all of them, p99 / longest",
			`${seconds(gaps.allP99Ms)} / ${seconds(gaps.allMostMs)} (${count(gaps.heardIt)} heard one)`,
		],
		["most connections of one edge", `${count(result.connectionsMost)} of ${count(options.connectionsMax)}`],
		[
			"buffers, all edges / growth",
			`${count(result.shieldBytes / 2 ** 20)} / ${(result.shieldGrowthBytes / 2 ** 20).toFixed(1)} MiB`,
		],
		...Object.entries(figures.refused)
			.sort(([, a], [, b]) => b - a)
			.map(([reason, times]) => [`refused: ${reason}`, count(times)] as const),
	];
	const width = Math.max(...rows.map(([name]) => name.length));
	return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
}
