import { type Clock, clockOf, timesOf } from "./fmp4.ts";
import type { Segment } from "./parse.ts";
import type { Report } from "./rules.ts";

/** EXTINF and DURATION may differ from the samples by rounding and, in a part that is not ours, by a frame. */
const DURATION_OFF_S = 0.05;
/** Times are compared as ticks of at most 1/90,000 s. */
const TIME_OFF_S = 0.0005;

/**
 * Holds the bytes of a segment and of its parts against each other and against what the playlist says of them
 * (§3.2). Says nothing of what is not fragmented MP4.
 *
 * @param parts of the segment, in order; undefined for those that were not loaded.
 */
export function checkMedia(
	segment: Segment,
	bytes: { readonly init: Buffer; readonly whole: Buffer | undefined; readonly parts: readonly (Buffer | undefined)[] },
	report: Report,
): void {
	const clock = clockOf(bytes.init);
	if (!clock) return;
	const whole = bytes.whole && timesOf(bytes.whole, clock);
	if (whole && Math.abs(whole.durationS - segment.durationS) > DURATION_OFF_S) {
		report("4.4.4.1-4", segment.line, `${segment.durationS} s, samples of ${whole.durationS.toFixed(3)} s`);
	}
	checkPartTimes(segment, bytes.parts, clock, whole, report);
}

function checkPartTimes(
	segment: Segment,
	parts: readonly (Buffer | undefined)[],
	clock: Clock,
	whole: ReturnType<typeof timesOf>,
	report: Report,
): void {
	let nextS = whole?.fromS;
	let samples = 0;
	let isComplete = segment.uri !== undefined && parts.length > 0;
	for (const [nth, part] of segment.parts.entries()) {
		const bytes = parts[nth];
		const times = bytes && timesOf(bytes, clock);
		if (!times) {
			nextS = undefined;
			isComplete = false;
			continue;
		}
		if (Math.abs(times.durationS - part.durationS) > DURATION_OFF_S) {
			report("4.4.4.9-5", part.line, `${part.durationS} s, samples of ${times.durationS.toFixed(3)} s`);
		}
		if (nextS !== undefined && Math.abs(times.fromS - nextS) > TIME_OFF_S) {
			report(
				"3.2-2",
				part.line,
				`part ${nth} begins at ${times.fromS.toFixed(5)} s of the media, not at ${nextS.toFixed(5)} s`,
			);
		}
		nextS = times.fromS + times.durationS;
		samples += times.samples;
	}
	if (isComplete && whole && samples !== whole.samples) {
		report("3.2-2", segment.line, `${samples} samples in its parts, ${whole.samples} in the segment`);
	}
}
