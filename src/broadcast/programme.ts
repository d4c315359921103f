import { FRAME_MS, FRAME_SAMPLES, FRAMES_PER_PART, type Part } from "#wire/index.ts";
import {
	EMPTY_SLOTS_MAX,
	FRAMES_AHEAD_MAX,
	HOLD_FADE_IN_SLOTS,
	HOLD_FADE_OUT_SLOTS,
	MISSING_SLOTS_MAX,
	PCM_LAG_MS,
	VOICE_FADE_SAMPLES,
} from "./config.ts";

/**
 * How the programme's slots of 20 ms lie on the machine's clocks.
 *
 * Slot n holds the samples from n × 960 on and is what the stage mixed in tick `epochTick + n`. So the
 * programme runs on CLOCK_MONOTONIC, which NTP slews together with the wall clock but never steps: the two stay
 * together while the host disciplines its clock, and a step of the wall clock moves no sample.
 */
export type ProgrammeClock = { readonly epochTick: number };

/** When slot `slot` is played, in milliseconds of the monotonic clock. */
export function slotDueMs(clock: ProgrammeClock, slot: number): number {
	return (clock.epochTick + slot) * FRAME_MS + PCM_LAG_MS;
}

/** The newest slot due at `nowMs`. */
export function slotDueAt(clock: ProgrammeClock, nowMs: number): number {
	return Math.floor((nowMs - PCM_LAG_MS) / FRAME_MS) - clock.epochTick;
}

/** What was written down of the clocks when the epoch was set or last found again. */
export type ClockRecord = { readonly epochTick: number; readonly unixMinusMonoMs: number };

/** Wall and monotonic clock keep their distance within this while the machine runs; a reboot moves it by the uptime. */
const SAME_BOOT_MS_MAX = 5_000;

/**
 * Finds the epoch again after a restart. On the same boot the written tick holds exactly. After a reboot the wall
 * clock tells; `nextPart`, the first part not yet made, keeps it from pointing into what was already published
 * when that clock has gone back meanwhile.
 */
export function resumeClock(
	record: ClockRecord | undefined,
	epochUnixMs: number,
	nextPart: number,
	now: { readonly monoMs: number; readonly unixMs: number },
): ClockRecord {
	const unixMinusMonoMs = now.unixMs - now.monoMs;
	if (record && Math.abs(unixMinusMonoMs - record.unixMinusMonoMs) <= SAME_BOOT_MS_MAX) return record;
	const elapsedMs = Math.max(now.unixMs - epochUnixMs, nextPart * FRAMES_PER_PART * FRAME_MS);
	return { epochTick: Math.floor((now.monoMs - elapsedMs) / FRAME_MS), unixMinusMonoMs };
}

/** One slot as the stage mixed it. */
export type StageFrame = { readonly speakerCount: number; readonly samples: Float32Array };

export type ProgrammeSlot = {
	readonly slot: number;
	/** What was on stage, before levelling; undefined while hold sound alone is heard. FRAME_SAMPLES floats. */
	readonly voice: Float32Array | undefined;
	/** Loudness of hold sound at the slot's beginning and end, 0-1. */
	readonly holdFrom: number;
	readonly holdTo: number;
	readonly kind: Exclude<Part["kind"], "fill">;
};

/**
 * The programme's own 20 ms, independent of anybody on stage.
 *
 * Pure core: whoever owns it gives frames as they come (`push`) and takes each slot when it is due (`play`),
 * one after another without end.
 *
 * - HOLDING: hold sound. Always before *on air*; afterwards from `MISSING_SLOTS_MAX` slots without a frame or
 *   `EMPTY_SLOTS_MAX` with an empty stage on, until a frame with a speaker comes.
 * - SOUNDING: what the stage sent. A missing frame is silence, with the edges faded.
 */
export class Programme {
	/** Frames of slots not yet played. Invariant: all keys are in [#nextSlot, #nextSlot + FRAMES_AHEAD_MAX). */
	readonly #frames = new Map<number, StageFrame>();
	#nextSlot: number;
	#onAirSlot: number;
	#endSlot = Number.POSITIVE_INFINITY;
	#missingRun: number;
	#emptyRun: number;
	#holding = true;
	/** Loudness of hold sound, 0-1, at the next slot's beginning. */
	#hold = 1;
	/** The newest VOICE_FADE_SAMPLES of voice, from which it fades when the next frame is missing; undefined in silence. */
	#lastVoice: Float32Array | undefined;
	#missedCount = 0;

	/** @param options.onAirSlot Infinity when that has not been decided. */
	constructor(options: { readonly nextSlot: number; readonly onAirSlot: number }) {
		this.#nextSlot = options.nextSlot;
		this.#onAirSlot = options.onAirSlot;
		// Nothing is known of the stage yet, so nothing is waited for.
		this.#missingRun = MISSING_SLOTS_MAX + 1;
		this.#emptyRun = EMPTY_SLOTS_MAX + 1;
	}

	get nextSlot(): number {
		return this.#nextSlot;
	}

	get holding(): boolean {
		return this.#holding;
	}

	/** Slots on air, outside hold sound, whose frame came too late or never. */
	get missedCount(): number {
		return this.#missedCount;
	}

	/** Whether the next slot's frame may still come: the stage is thought alive, and has sent nothing beyond it. */
	get awaitsFrame(): boolean {
		return this.#nextSlot >= this.#onAirSlot && !this.#holding && this.#frames.size === 0;
	}

	/** Takes the frame of one slot; false when its slot has been played or lies too far ahead. */
	push(slot: number, frame: StageFrame): boolean {
		if (slot < this.#nextSlot || slot >= this.#nextSlot + FRAMES_AHEAD_MAX) return false;
		this.#frames.set(slot, frame);
		return true;
	}

	/** Decides the first slot of the stage's own sound. @returns the part it begins: far enough ahead for hold sound to fade out. */
	goOnAir(): number {
		const part = Math.ceil((this.#nextSlot + HOLD_FADE_OUT_SLOTS) / FRAMES_PER_PART);
		this.#onAirSlot = part * FRAMES_PER_PART;
		return part;
	}

	/** Decides the last slot. @returns the part before which the programme ends: at least one slot ahead, to fade out in, and not before `partMin`. */
	end(partMin: number): number {
		const part = Math.max(partMin, Math.ceil((this.#nextSlot + 1) / FRAMES_PER_PART));
		this.#endSlot = part * FRAMES_PER_PART;
		return part;
	}

	play(): ProgrammeSlot {
		const slot = this.#nextSlot;
		const frame = this.#frames.get(slot);
		this.#frames.delete(slot);
		this.#nextSlot += 1;
		this.#watchStage(frame);
		const onAir = slot >= this.#onAirSlot;
		if (onAir && !this.#holding && !frame) this.#missedCount += 1;
		const voice = onAir && !this.#holding ? this.#voice(slot, frame) : this.#fadedAway();
		const holdFrom = this.#hold;
		const holdTo = this.#holdAfter(slot);
		this.#hold = holdTo;
		return { slot, voice, holdFrom, holdTo, kind: onAir && !this.#holding ? "sound" : "hold" };
	}

	#watchStage(frame: StageFrame | undefined): void {
		this.#missingRun = frame ? 0 : this.#missingRun + 1;
		this.#emptyRun = frame && frame.speakerCount > 0 ? 0 : this.#emptyRun + 1;
		if (this.#missingRun > MISSING_SLOTS_MAX || this.#emptyRun > EMPTY_SLOTS_MAX) this.#holding = true;
		else if (this.#emptyRun === 0) this.#holding = false;
	}

	/** Hold sound is gone when the first slot on air begins, and when the last slot ends. */
	#holdAfter(slot: number): number {
		const soundAhead = slot + HOLD_FADE_OUT_SLOTS >= this.#onAirSlot && !this.#holding;
		const endAhead = slot + HOLD_FADE_OUT_SLOTS >= this.#endSlot;
		if (soundAhead || endAhead) {
			const slotsLeft = endAhead ? this.#endSlot - slot : HOLD_FADE_OUT_SLOTS;
			return Math.max(0, this.#hold - 1 / Math.max(1, Math.min(slotsLeft, HOLD_FADE_OUT_SLOTS)));
		}
		return Math.min(1, this.#hold + 1 / HOLD_FADE_IN_SLOTS);
	}

	#voice(slot: number, frame: StageFrame | undefined): Float32Array | undefined {
		if (!frame) return this.#fadedAway();
		const voice = Float32Array.from(frame.samples);
		if (!this.#lastVoice) fade(voice, 0, VOICE_FADE_SAMPLES, 0, 1);
		if (slot + 1 === this.#endSlot) fade(voice, FRAME_SAMPLES - VOICE_FADE_SAMPLES, VOICE_FADE_SAMPLES, 1, 0);
		this.#lastVoice = voice.subarray(FRAME_SAMPLES - VOICE_FADE_SAMPLES);
		return voice;
	}

	/** Silence that begins with the last sound mirrored and fading: without it the cut would click. */
	#fadedAway(): Float32Array | undefined {
		const last = this.#lastVoice;
		if (!last) return undefined;
		this.#lastVoice = undefined;
		const voice = new Float32Array(FRAME_SAMPLES);
		for (let i = 0; i < VOICE_FADE_SAMPLES; i += 1) voice[i] = last[VOICE_FADE_SAMPLES - 1 - i] as number;
		fade(voice, 0, VOICE_FADE_SAMPLES, 1, 0);
		return voice;
	}
}

/** Scales `count` samples from `at` on by a straight line between two factors, in place. */
function fade(samples: Float32Array, at: number, count: number, from: number, to: number): void {
	for (let i = 0; i < count; i += 1) {
		samples[at + i] = (samples[at + i] as number) * (from + ((to - from) * (i + 0.5)) / count);
	}
}
