/** Small live plots: one line over time, with the moments at which something was changed. */
import { useId } from "preact/hooks";

export type PlotPoint = { readonly atMs: number; readonly value: number };
/** `sign` stands in the plot and beside the words that explain it elsewhere; `words` are said for the plot itself. */
export type PlotMark = { readonly atMs: number; readonly sign: string; readonly words: string };

const WIDTH = 300;
const HEIGHT = 84;
/** Room for the signs of the marks above the line. */
const TOP = 16;

/**
 * @param title what it shows, with its unit.
 * @param summary the same as a sentence with the newest, lowest and highest value, for those who do not see the line.
 * @param points oldest first; a gap in them of more than `gapMs` breaks the line.
 * @param top the value at the upper edge; the lower one is 0.
 */
export function Plot({
	title,
	now,
	summary,
	points,
	marks,
	fromMs,
	toMs,
	gapMs,
	top,
	topWords,
	fromWords,
	toWords,
}: {
	title: string;
	now: string;
	summary: string;
	points: readonly PlotPoint[];
	marks: readonly PlotMark[];
	fromMs: number;
	toMs: number;
	gapMs: number;
	top: number;
	topWords: string;
	fromWords: string;
	toWords: string;
}) {
	const id = useId();
	const x = (atMs: number) => ((atMs - fromMs) / Math.max(1, toMs - fromMs)) * WIDTH;
	const y = (value: number) => HEIGHT - 1 - (Math.min(Math.max(value, 0), top) / top) * (HEIGHT - 1 - TOP);
	let beforeMs = Number.NEGATIVE_INFINITY;
	const path = points.map(({ atMs, value }) => {
		const step = atMs - beforeMs > gapMs ? "M" : "L";
		beforeMs = atMs;
		// A lone point is a line of no length, which round ends make a dot.
		return `${step}${x(atMs).toFixed(1)} ${y(value).toFixed(1)}${step === "M" ? "h0" : ""}`;
	});
	return (
		<figure class="plot" aria-labelledby={id}>
			<figcaption id={id}>
				<span>{title}</span> <strong>{now}</strong>
			</figcaption>
			<svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={summary}>
				<path class="plot-edge" d={`M0 ${TOP}H${WIDTH}M0 ${HEIGHT - 0.5}H${WIDTH}`} />
				{marks.map(({ atMs, sign, words }) => (
					<g key={sign} class="plot-mark">
						<title>{words}</title>
						<path d={`M${x(atMs).toFixed(1)} ${TOP - 2}V${HEIGHT}`} />
						<text x={Math.min(WIDTH - 8, Math.max(8, x(atMs)))} y={TOP - 5} text-anchor="middle">
							{sign}
						</text>
					</g>
				))}
				<path class="plot-line" d={path.join("")} />
			</svg>
			<div class="plot-scale" aria-hidden="true">
				<span>{fromWords}</span>
				<span>{topWords}</span>
				<span>{toWords}</span>
			</div>
		</figure>
	);
}
