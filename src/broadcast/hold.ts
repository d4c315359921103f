import { FRAME_SAMPLES, SAMPLE_RATE_HZ } from "#wire/index.ts";
import { NOTICE_PERIOD_S } from "./config.ts";

/** Notes of A major pentatonic that swell and fade, each at its own pace, so that the chord never repeats. */
const NOTES: readonly { readonly hz: number; readonly periodS: number; readonly level: number }[] = [
	{ hz: 110, periodS: 17, level: 0.5 },
	{ hz: 164.81, periodS: 13, level: 0.5 },
	{ hz: 220, periodS: 11, level: 0.45 },
	{ hz: 277.18, periodS: 19, level: 0.35 },
	{ hz: 329.63, periodS: 14, level: 0.3 },
	{ hz: 370, periodS: 23, level: 0.22 },
	{ hz: 493.88, periodS: 16, level: 0.14 },
];
/** Brings the whole to about −30 LUFS: audible, and 11 LU below the programme. */
const LEVEL = 0.09;

/**
 * What is heard while nobody is on air: a calm chord, and every `NOTICE_PERIOD_S` a spoken notice.
 *
 * Pure: a sample depends on its index alone, so a restarted process goes on where the sound was.
 */
export class HoldSound {
	#notices: readonly Float32Array[] = [];

	/** Spoken in turn, one every period; none is silence between them. 48 kHz mono. */
	set notices(notices: readonly Float32Array[]) {
		this.#notices = notices;
	}

	/** Adds one slot of hold sound to `out`, its loudness going from `from` to `to` (0-1). */
	addTo(out: Float32Array, slot: number, from: number, to: number): void {
		const first = slot * FRAME_SAMPLES;
		const seconds = first / SAMPLE_RATE_HZ;
		for (const [nth, note] of NOTES.entries()) {
			const swell = swellAt(seconds, note.periodS, nth);
			const swellNext = swellAt(seconds + FRAME_SAMPLES / SAMPLE_RATE_HZ, note.periodS, nth);
			addSine(out, note.hz, seconds, LEVEL * note.level * swell * from, LEVEL * note.level * swellNext * to);
		}
		this.#addNotice(out, first, from, to);
	}

	#addNotice(out: Float32Array, first: number, from: number, to: number): void {
		if (this.#notices.length === 0) return;
		const periodSamples = NOTICE_PERIOD_S * SAMPLE_RATE_HZ;
		const nth = Math.floor(first / periodSamples);
		const notice = this.#notices.at(nth % this.#notices.length) as Float32Array;
		const at = first - nth * periodSamples;
		for (let i = 0; i < FRAME_SAMPLES && at + i < notice.length; i += 1) {
			const level = from + ((to - from) * i) / FRAME_SAMPLES;
			out[i] = (out[i] as number) + (notice[at + i] as number) * level;
		}
	}
}

/** A smooth swell from 0 to 1 and back, starting at another point for each note. */
function swellAt(seconds: number, periodS: number, nth: number): number {
	const turn = seconds / periodS + nth * 0.37;
	return (0.5 - 0.5 * Math.cos(2 * Math.PI * turn)) ** 2;
}

/** Adds FRAME_SAMPLES of a sine by rotating a phasor, whose start is computed, so that no error piles up. */
function addSine(out: Float32Array, hz: number, fromS: number, levelFrom: number, levelTo: number): void {
	const turns = hz * fromS;
	const phase = 2 * Math.PI * (turns - Math.floor(turns));
	const step = (2 * Math.PI * hz) / SAMPLE_RATE_HZ;
	const [stepCos, stepSin] = [Math.cos(step), Math.sin(step)];
	const grow = (levelTo - levelFrom) / FRAME_SAMPLES;
	let re = Math.cos(phase);
	let im = Math.sin(phase);
	let level = levelFrom;
	for (let i = 0; i < FRAME_SAMPLES; i += 1) {
		out[i] = (out[i] as number) + im * level;
		level += grow;
		const nextRe = re * stepCos - im * stepSin;
		im = re * stepSin + im * stepCos;
		re = nextRe;
	}
}
