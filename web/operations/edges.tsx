import { Plot, type PlotMark, type PlotPoint } from "../look/plot.tsx";
import { useLanguage, useWords } from "../words/context.tsx";
import { operationsWords } from "../words/staff-operations.ts";
import { duration } from "../words/time.ts";
import type { Say } from "../words/words.ts";
import { type History, refusalsOf, type Sample, WINDOW_MS } from "./history.ts";
import { causeSentence } from "./level.tsx";
import type { MarkedRecord } from "./marks.ts";

/** Looks that were missed: the page looks every 2 s. */
const GAP_MS = 8_000;

type Series = {
	readonly key: "connections" | "admitted" | "loop_delay" | "cpu" | "refused";
	readonly valueOf: (sample: Sample) => number;
	readonly digits: number;
	/** The scale reaches at least so far, so that little does not look like much. */
	readonly topAtLeast: number;
};
const SERIES: readonly Series[] = [
	{ key: "connections", valueOf: ({ connections }) => connections, digits: 0, topAtLeast: 10 },
	{ key: "admitted", valueOf: ({ admitted }) => admitted, digits: 0, topAtLeast: 10 },
	{ key: "loop_delay", valueOf: ({ loopDelayP99Ms }) => loopDelayP99Ms, digits: 0, topAtLeast: 20 },
	{ key: "cpu", valueOf: ({ cpuShare }) => cpuShare * 100, digits: 0, topAtLeast: 100 },
	{ key: "refused", valueOf: ({ refusedPerS }) => refusedPerS, digits: 1, topAtLeast: 1 },
];

/** Each worker of the public door: how full, how late, how busy, whom it refused and why. */
export function EdgesSection({
	history,
	marked,
	nowMs,
}: {
	history: History;
	marked: readonly MarkedRecord[];
	nowMs: number;
}) {
	const say = useWords(operationsWords);
	return (
		<section class="stack" aria-labelledby="edges">
			<h2 id="edges">{say("edges")}</h2>
			{history.size === 0 ? (
				<p class="quiet">{say("no_edges")}</p>
			) : (
				[...history]
					.sort(([a], [b]) => a - b)
					.map(([worker, samples]) => (
						<Worker key={worker} worker={worker} samples={samples} marked={marked} nowMs={nowMs} />
					))
			)}
		</section>
	);
}

function Worker({
	worker,
	samples,
	marked,
	nowMs,
}: {
	worker: number;
	samples: readonly Sample[];
	marked: readonly MarkedRecord[];
	nowMs: number;
}) {
	const say = useWords(operationsWords);
	const language = useLanguage();
	const last = samples.at(-1);
	if (!last) return null;
	const isSilent = nowMs - last.atMs > GAP_MS;
	const number = new Intl.NumberFormat(language);
	const heading = `edge-${worker}`;
	const refusals = refusalsOf(samples);
	const perSecond = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
	return (
		<article class="stack worker" aria-labelledby={heading}>
			<h3 id={heading}>
				edge-{worker}{" "}
				<span class="small quiet">
					{isSilent
						? say("edge_silent")
						: say("edge_room", { open: number.format(last.connections), max: number.format(last.connectionsMax) })}
				</span>
			</h3>
			<div class="plots">
				{SERIES.map((series) => (
					<Line key={series.key} series={series} samples={samples} marked={marked} nowMs={nowMs} />
				))}
			</div>
			{refusals.length === 0 ? (
				<p class="small quiet">{say("no_refusals")}</p>
			) : (
				<div class="table-wide" tabIndex={0} role="region" aria-label={say("refusals_of", { worker: heading })}>
					<table>
						<thead>
							<tr>
								<th scope="col">{say("refused_why")}</th>
								<th scope="col" class="figure">
									{say("refused_total")}
								</th>
								<th scope="col" class="figure">
									{say("refused_lately")}
								</th>
							</tr>
						</thead>
						<tbody>
							{refusals.map(({ reason, total, perS }) => (
								<tr key={reason}>
									<th scope="row">{reasonWords(say, reason)}</th>
									<td class="figure">{number.format(total)}</td>
									<td class="figure">{perSecond.format(perS)}</td>
								</tr>
							))}
						</tbody>
					</table>
				</div>
			)}
		</article>
	);
}

function Line({
	series,
	samples,
	marked,
	nowMs,
}: {
	series: Series;
	samples: readonly Sample[];
	marked: readonly MarkedRecord[];
	nowMs: number;
}) {
	const say = useWords(operationsWords);
	const language = useLanguage();
	const { key, valueOf, digits, topAtLeast } = series;
	const number = new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
	const points: PlotPoint[] = samples.map((sample) => ({ atMs: sample.atMs, value: valueOf(sample) }));
	const values = points.map(({ value }) => value);
	const [lowest, highest] = [Math.min(...values), Math.max(...values)];
	const top = roundUp(Math.max(topAtLeast, highest));
	const marks: PlotMark[] = marked
		.filter(({ record }) => record.unixMs > nowMs - WINDOW_MS && record.unixMs <= nowMs)
		.map(({ sign, record }) => ({
			atMs: record.unixMs,
			sign,
			words: `${say(`level_${record.to}`)}. ${causeSentence(say, record)}`,
		}));
	const title = say(`plot_${key}`);
	const now = number.format(values.at(-1) ?? 0);
	return (
		<Plot
			title={title}
			now={now}
			summary={say("plot_summary", {
				title,
				now,
				lowest: number.format(lowest),
				highest: number.format(highest),
				span: duration(nowMs - (points[0]?.atMs ?? nowMs), language, "long"),
			})}
			points={points}
			marks={marks}
			fromMs={nowMs - WINDOW_MS}
			toMs={nowMs}
			gapMs={GAP_MS}
			top={top}
			topWords={say("plot_scale", { top: number.format(top) })}
			fromWords={say("plot_from", { span: duration(WINDOW_MS, language) })}
			toWords={say("plot_now")}
		/>
	);
}

function reasonWords(say: Say<typeof operationsWords>, reason: string): string {
	const key = `refusal_${reason}`;
	// A worker of another version may know a reason that this page has no words for.
	return key in operationsWords ? say(key as "refusal_full") : reason;
}

/** The next 1, 2 or 5 times a power of ten. */
function roundUp(value: number): number {
	const power = 10 ** Math.floor(Math.log10(value));
	const step = [1, 2, 5, 10].find((each) => each * power >= value) ?? 10;
	return step * power;
}
