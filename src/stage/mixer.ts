import { FRAME_SAMPLES, type Place } from "#wire/index.ts";
import { RETURN_KNEE } from "./config.ts";

/** What the mixer is told about one seat for one frame. */
export type MixInput = {
	/** FRAME_SAMPLES floats from the jitter buffer; scaled in place by the seat's gain. */
	readonly samples: Float32Array;
	readonly place: Place;
	readonly muted: boolean;
	readonly gainDb: number;
};

/**
 * One seat's way through the mixer: its gains now, and what it hears. All gains move along a straight line
 * within one frame, so that nothing clicks.
 */
export class MixSeat {
	/** Factor after the seat's own gain control; 0 when muted. */
	voice = 0;
	/** 1 while the voice goes to the stage and the programme. */
	toAir = 0;
	/** 1 while the voice goes to the green room. */
	toGreen = 0;
	hearsAir = 0;
	hearsGreen = 0;
	/** FRAME_SAMPLES floats in [-1, 1]: everyone it should hear but itself. */
	readonly heard = new Float32Array(FRAME_SAMPLES);
}

/**
 * Sums what is on air and what is in the green room, and gives each seat everyone but itself.
 *
 * Pure; owns no seat. The programme gets the plain sum of the voices on air, as loud as they are: levelling and
 * limiting are broadcast's. Return feeds are bent below ±1.
 */
export class Mixer {
	/** Sum of the voices on air, unbounded. Valid until the next `mix`. */
	readonly air = new Float32Array(FRAME_SAMPLES);
	readonly #green = new Float32Array(FRAME_SAMPLES);

	/** Writes what the green room's silent seats hear: both sums. */
	sumGreen(out: Float32Array): void {
		for (let i = 0; i < FRAME_SAMPLES; i += 1) out[i] = (this.air[i] as number) + (this.#green[i] as number);
	}

	/**
	 * Mixes one frame.
	 *
	 * @param seats each once; what they hear is in their `heard` afterwards, and their `samples` are scaled by gain and mute.
	 */
	mix(seats: readonly { readonly mix: MixSeat; readonly input: MixInput }[]): void {
		this.air.fill(0);
		this.#green.fill(0);
		for (const { mix, input } of seats) {
			const voice = input.muted ? 0 : 10 ** (input.gainDb / 20);
			scale(input.samples, mix.voice, voice);
			mix.voice = voice;
			addRamped(this.air, input.samples, mix.toAir, input.place === "air" ? 1 : 0);
			addRamped(this.#green, input.samples, mix.toGreen, input.place === "green" ? 1 : 0);
		}
		for (const { mix, input } of seats) {
			const toAir = input.place === "air" ? 1 : 0;
			const toGreen = input.place === "green" ? 1 : 0;
			const hearsAir = input.place === "check" ? 0 : 1;
			const hearsGreen = toGreen;
			mix.heard.fill(0);
			addOthers(mix.heard, this.air, input.samples, [mix.toAir, toAir], [mix.hearsAir, hearsAir]);
			addOthers(mix.heard, this.#green, input.samples, [mix.toGreen, toGreen], [mix.hearsGreen, hearsGreen]);
			bend(mix.heard);
			mix.toAir = toAir;
			mix.toGreen = toGreen;
			mix.hearsAir = hearsAir;
			mix.hearsGreen = hearsGreen;
		}
	}
}

function scale(samples: Float32Array, from: number, to: number): void {
	if (from === to) {
		if (to !== 1) for (let i = 0; i < samples.length; i += 1) samples[i] = (samples[i] as number) * to;
		return;
	}
	const step = (to - from) / samples.length;
	for (let i = 0; i < samples.length; i += 1) samples[i] = (samples[i] as number) * (from + (i + 1) * step);
}

function addRamped(sum: Float32Array, samples: Float32Array, from: number, to: number): void {
	if (from === 0 && to === 0) return;
	const step = (to - from) / samples.length;
	for (let i = 0; i < samples.length; i += 1) {
		sum[i] = (sum[i] as number) + (samples[i] as number) * (from + (i + 1) * step);
	}
}

/** Adds to `heard` what `sum` holds but `own`, which went into it with the gain `into`. */
function addOthers(
	heard: Float32Array,
	sum: Float32Array,
	own: Float32Array,
	into: readonly [from: number, to: number],
	hears: readonly [from: number, to: number],
): void {
	if (hears[0] === 0 && hears[1] === 0) return;
	const intoStep = (into[1] - into[0]) / heard.length;
	const hearsStep = (hears[1] - hears[0]) / heard.length;
	for (let i = 0; i < heard.length; i += 1) {
		const others = (sum[i] as number) - (own[i] as number) * (into[0] + (i + 1) * intoStep);
		heard[i] = (heard[i] as number) + others * (hears[0] + (i + 1) * hearsStep);
	}
}

/** Leaves samples up to the knee as they are and bends larger ones, so that each ends in [-1, 1]. */
export function bend(samples: Float32Array): void {
	const room = 1 - RETURN_KNEE;
	for (let i = 0; i < samples.length; i += 1) {
		const sample = samples[i] as number;
		const size = Math.abs(sample);
		if (size > RETURN_KNEE)
			samples[i] = Math.sign(sample) * (RETURN_KNEE + room * Math.tanh((size - RETURN_KNEE) / room));
	}
}
