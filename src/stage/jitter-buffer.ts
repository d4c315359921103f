import type { MonoMs } from "#base/index.ts";
import { FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE_HZ } from "#wire/index.ts";
import { Arrival } from "./arrival.ts";
import {
	CONCEAL_MS_MAX,
	DELAY_HOLD_MS,
	DELAY_MARGIN_MS,
	DELAY_MS_MAX,
	DELAY_MS_MIN,
	DRIFT_KNOWN_AFTER_MS,
	DRIFT_LOOP_RAD_PER_S,
	DRIFT_PPM_MAX,
	FEC_MEMORY_MS,
	FEC_WAIT_LOSS_SHARE,
	LAG_MS_MAX,
	PACKETS_MAX,
	PAUSE_MS_MAX,
	RESAMPLE_PPM_MAX,
	STRETCH_EVERY_MS,
	STRETCH_TOLERANCE_MS,
} from "./config.ts";
import type { OpusDecoder } from "./opus.ts";
import { opusHasFec, opusIsDtx, opusSamples } from "./opus-packet.ts";
import { REACH_AFTER, REACH_BEFORE, resample } from "./resampler.ts";
import { unwrap } from "./rtp.ts";
import { lengthen, STRETCH_SAMPLES, shorten } from "./stretch.ts";

const SAMPLES_PER_MS = SAMPLE_RATE_HZ / 1000;
/** Decoded sound: two packets of 120 ms, a wait of 120 ms, a stretch and the resampler's reach fit. */
const QUEUE_SAMPLES = 24_576;
/** Cross-fade where sound is cut, and fade-in after silence: 5 ms. */
const SPLICE_SAMPLES = 240;
/** A difference to the expected lag that no drift explains: the path changed. Drift of DRIFT_PPM_MAX causes 2.3 ms. */
const REANCHOR_MS = 4;
/** Before this the floor is still sinking to the path's own delay and would look like drift. */
const LOOP_AFTER_MS = 2_000;
/** Concealment comes in multiples of 2.5 ms. */
const CONCEAL_STEP_SAMPLES = 120;
/** Sequence numbers remembered to tell a duplicate from a late packet. A power of 2 above PACKETS_MAX. */
const SEEN = 512;

/** Counted since the buffer was made. */
export type JitterCounts = {
	/** Packets that came after their time. */
	latePackets: number;
	duplicatePackets: number;
	malformedPackets: number;
	/** Thrown away at PACKETS_MAX, beyond LAG_MS_MAX, or as alone on a timeline of their own. */
	droppedPackets: number;
	/** Of lost packets, restored from the copy in their successor. */
	recoveredSamples: number;
	/** Invented because nothing was there; pauses of a sender with DTX are not counted. */
	concealedSamples: number;
	playedSamples: number;
	/** Pitch periods taken out or put in. */
	stretches: number;
	/** Times the lag was cut at LAG_MS_MAX, or the sender began a new timeline. */
	jumps: number;
};

type Held = {
	/** Unwrapped. */
	readonly sequence: number;
	/** Unwrapped timestamp. */
	readonly startSample: number;
	readonly samples: number;
	readonly payload: Uint8Array;
};

/**
 * Turns one stream of Opus packets into 20 ms frames of the programme's clock.
 *
 * Pure core: no timer, no clock. Whoever owns it calls `push` for each packet and `pull` for each tick.
 *
 * Positions are the sender's timestamps, not its sequence numbers. *Lag* is how far the sample read now
 * lies behind the one that a packet without delay would bring now. The wanted lag follows the delays seen,
 * and the real one is led to it by taking out or putting in pitch periods. What else moves the lag is the
 * difference of two clocks: a slow loop holds it by resampling, and the loop's integral is the drift.
 *
 * - SILENT: nothing is decoded; zeros come out. The first packet leads to PLAYING, with the whole wanted lag.
 * - PLAYING: what is missing is restored or concealed. After CONCEAL_MS_MAX without a packet (PAUSE_MS_MAX
 *   in a sender's own pause) the sound fades and the buffer is SILENT.
 */
export class JitterBuffer {
	readonly #decoder: OpusDecoder;
	readonly #resample: typeof resample;
	readonly #arrival = new Arrival();
	readonly #seen = new Float64Array(SEEN).fill(Number.NaN);
	/** Invariant: by startSample, none overlapping another, none ending before `#nextSample`; at most PACKETS_MAX. */
	readonly #held: Held[] = [];
	#newestSequence = 0;
	#newestSample = 0;

	#state: "silent" | "playing" = "silent";
	/** Decoded sound is #queue[#readAt, #filled), with REACH_BEFORE samples of the past in front of it. */
	readonly #queue = new Float32Array(QUEUE_SAMPLES);
	#readAt = REACH_BEFORE;
	#filled = REACH_BEFORE;
	/** Part of a sample by which reading stands beyond `#readAt`, 0 to 1. */
	#fraction = 0;
	/** How many samples at the queue's end are zeros that belong to no packet. */
	#silentTail = 0;
	/** The first sample not decoded yet; undefined before the first packet. */
	#nextSample: number | undefined;
	/** Sequence number behind the last packet decoded. */
	#nextSequence = 0;
	/** Invented since the last packet was decoded; a gap that it covers is not concealed again. */
	#creditSamples = 0;
	#inPause = false;
	#fadeIn = true;
	/** Until then packets are taken to carry copies: softer sounds have none, so one without says little. */
	#fecUntilMs = 0;
	#packetMs: number = FRAME_MS;
	#lossShare = 0;
	#wantedMs = DELAY_MS_MIN;
	/** What it waits for delayed packets; not lowered before `#jitterHoldMs`. */
	#jitterMs = 0;
	#jitterHoldMs = 0;

	/** The lag that the drift loop holds: moved by exactly what is stretched, invented or skipped. */
	#anchorMs: number | undefined;
	#driftPpm = 0;
	#playedMs = 0;
	#stretchAfterMs = 0;

	readonly counts: JitterCounts = {
		latePackets: 0,
		duplicatePackets: 0,
		malformedPackets: 0,
		droppedPackets: 0,
		recoveredSamples: 0,
		concealedSamples: 0,
		playedSamples: 0,
		stretches: 0,
		jumps: 0,
	};

	/**
	 * @param decoder stays the caller's to dispose.
	 * @param resampler a cheaper one for simulations of hours.
	 */
	constructor(decoder: OpusDecoder, resampler = resample) {
		this.#decoder = decoder;
		this.#resample = resampler;
	}

	/** What it holds, decoded or not. */
	get bufferMs(): number {
		return this.#bufferedSamples() / SAMPLES_PER_MS;
	}

	/** The lag it aims at, DELAY_MS_MIN to DELAY_MS_MAX. */
	get wantedMs(): number {
		return this.#wantedMs;
	}

	/** How much faster the sender's clock runs than ours, parts per million; null until DRIFT_KNOWN_AFTER_MS have played. */
	get driftPpm(): number | null {
		return this.#playedMs < DRIFT_KNOWN_AFTER_MS ? null : this.#driftPpm;
	}

	/** Tells it the share of packets that never come, 0-1: whether it pays to wait for the copy in the next one. */
	setLossShare(share: number): void {
		this.#lossShare = share;
	}

	/** Forgets the stream, but not the drift: the next packet begins another one, of the same sound card. */
	restart(): void {
		if (this.#nextSample === undefined) return;
		this.#arrival.reset();
		this.#breakOff();
		this.#nextSample = undefined;
		this.counts.jumps += 1;
	}

	/**
	 * Takes one packet. Its payload is kept, not copied.
	 *
	 * @param packet.sequence 16 bits.
	 * @param packet.timestamp 32 bits at 48 kHz.
	 * @param nowMs when it arrived, or was found to have arrived …
	 * @param unsureMs … at most so long before.
	 */
	push(
		packet: { readonly sequence: number; readonly timestamp: number; readonly payload: Uint8Array },
		nowMs: MonoMs,
		unsureMs = 0,
	): void {
		const samples = opusSamples(packet.payload);
		if (samples === undefined) {
			this.counts.malformedPackets += 1;
			return;
		}
		const first = this.#nextSample === undefined;
		const startSample = first ? packet.timestamp : unwrap(packet.timestamp, this.#newestSample, 32);
		const sequence = first ? packet.sequence : unwrap(packet.sequence, this.#newestSequence, 16);
		if (this.#seen[sequence & (SEEN - 1)] === sequence) {
			this.counts.duplicatePackets += 1;
			return;
		}
		const transitMs = nowMs - startSample / SAMPLES_PER_MS;
		const verdict = this.#arrival.take(transitMs, samples / SAMPLES_PER_MS, nowMs, unsureMs);
		if (verdict === "outlier") {
			this.counts.droppedPackets += 1;
			return;
		}
		if (first || verdict === "new_timeline") this.#begin(startSample, sequence);
		this.#seen[sequence & (SEEN - 1)] = sequence;
		this.#packetMs = samples / SAMPLES_PER_MS;
		if (opusHasFec(packet.payload)) this.#fecUntilMs = nowMs + FEC_MEMORY_MS;
		this.#updateWanted(nowMs);
		this.#newestSequence = Math.max(this.#newestSequence, sequence);
		this.#newestSample = Math.max(this.#newestSample, startSample);

		if (startSample + samples <= (this.#nextSample as number)) {
			this.counts.latePackets += 1;
			return;
		}
		let at = this.#held.length;
		while (at > 0 && (this.#held[at - 1] as Held).startSample > startSample) at -= 1;
		const before = this.#held[at - 1];
		const after = this.#held[at];
		if (
			(before && before.startSample + before.samples > startSample) ||
			(after && after.startSample < startSample + samples)
		) {
			// A second packet for the same samples: the first one came sooner.
			this.counts.duplicatePackets += 1;
			return;
		}
		this.#held.splice(at, 0, { sequence, startSample, samples, payload: packet.payload });
		if (this.#held.length > PACKETS_MAX) {
			this.#held.shift();
			this.counts.droppedPackets += 1;
		}
	}

	/**
	 * Writes the next 20 ms, silence while there is nothing.
	 *
	 * @param out FRAME_SAMPLES floats, overwritten.
	 * @param nowMs the tick's own time: 20 ms after the previous one's, however late the call is.
	 */
	pull(out: Float32Array, nowMs: MonoMs): void {
		if (this.#state === "silent") {
			if (this.#held.length === 0) {
				out.fill(0);
				return;
			}
			this.#resume(nowMs);
		}
		const step = 1 + this.#steer(nowMs) / 1e6;
		const neededSamples = Math.floor(this.#fraction + (FRAME_SAMPLES - 1) * step) + REACH_AFTER + 1;
		this.#decodeUntil(neededSamples);
		this.#leadLag(nowMs, neededSamples);

		const next = this.#resample(this.#queue, this.#readAt + this.#fraction, step, out);
		this.#readAt = Math.floor(next);
		this.#fraction = next - this.#readAt;
		this.#playedMs += FRAME_MS;
		this.counts.playedSamples += FRAME_SAMPLES;
		if (this.#filled - this.#readAt <= this.#silentTail) this.#silence();
		else if (this.#filled > QUEUE_SAMPLES / 2) this.#compact();
	}

	/** The stream starts, or starts anew: what was held belongs to another timeline. */
	#begin(startSample: number, sequence: number): void {
		if (this.#nextSample !== undefined) {
			this.#breakOff();
			this.counts.jumps += 1;
		}
		this.#seen.fill(Number.NaN);
		this.#nextSample = startSample;
		this.#newestSample = startSample;
		this.#nextSequence = sequence;
		this.#newestSequence = sequence;
	}

	/** What was held belongs to another timeline. Of what is heard now a few milliseconds are left, fading. */
	#breakOff(): void {
		if (this.#state === "silent") {
			this.#held.length = 0;
			return;
		}
		this.#decodeUntil(SPLICE_SAMPLES);
		this.#held.length = 0;
		this.#filled = this.#readAt + SPLICE_SAMPLES;
		for (let i = 0; i < SPLICE_SAMPLES; i += 1) {
			const at = this.#readAt + i;
			this.#queue[at] = (this.#queue[at] as number) * (1 - (i + 0.5) / SPLICE_SAMPLES);
		}
		this.#silentTail = 0;
		this.#creditSamples = 0;
		this.#state = "silent";
	}

	#silence(): void {
		this.#state = "silent";
		this.#queue.fill(0, 0, REACH_BEFORE);
		this.#readAt = REACH_BEFORE;
		this.#filled = REACH_BEFORE;
		this.#fraction = 0;
		this.#silentTail = 0;
		this.#creditSamples = 0;
	}

	/** Out of silence the lag can be chosen freely: waits until it is the wanted one. */
	#resume(nowMs: MonoMs): void {
		this.#state = "playing";
		this.#fadeIn = true;
		const first = this.#held[0] as Held;
		this.#nextSample = Math.max(this.#nextSample as number, first.startSample);
		this.#nextSequence = first.sequence;
		const waitMs = Math.min(DELAY_MS_MAX, Math.max(0, this.#wantedMs - this.#lagMs(nowMs)));
		this.#append(new Float32Array(Math.round(waitMs * SAMPLES_PER_MS)));
		this.#anchorMs = undefined;
	}

	#bufferedSamples(): number {
		const newest = this.#held.at(-1);
		const waiting = newest ? newest.startSample + newest.samples - (this.#nextSample as number) : 0;
		return waiting + this.#filled - this.#readAt;
	}

	#lagMs(nowMs: MonoMs): number {
		const readSample = (this.#nextSample as number) - (this.#filled - this.#readAt) + this.#fraction;
		return nowMs - this.#arrival.floorMs - readSample / SAMPLES_PER_MS;
	}

	#updateWanted(nowMs: MonoMs): void {
		const jitterMs = this.#arrival.excessMs();
		if (jitterMs >= this.#jitterMs) this.#jitterHoldMs = nowMs + DELAY_HOLD_MS;
		if (jitterMs >= this.#jitterMs || nowMs >= this.#jitterHoldMs) this.#jitterMs = jitterMs;
		// With one packet more in hand, the copy of a lost one has come when it is needed.
		const forCopyMs = nowMs < this.#fecUntilMs && this.#lossShare > FEC_WAIT_LOSS_SHARE ? this.#packetMs : 0;
		const wantedMs = FRAME_MS + this.#jitterMs + DELAY_MARGIN_MS + forCopyMs;
		this.#wantedMs = Math.min(DELAY_MS_MAX, Math.max(DELAY_MS_MIN, wantedMs));
	}

	/** The drift loop. @returns parts per million by which to read faster than we play. */
	#steer(nowMs: MonoMs): number {
		const lagMs = this.#lagMs(nowMs);
		if (
			this.#anchorMs === undefined ||
			this.#playedMs < LOOP_AFTER_MS ||
			Math.abs(lagMs - this.#anchorMs) > REANCHOR_MS
		) {
			this.#anchorMs = lagMs;
			return this.#driftPpm;
		}
		// Critically damped: ppm are thousandths of a millisecond per second.
		const errorPpmS = 1_000 * (lagMs - this.#anchorMs);
		const rad = DRIFT_LOOP_RAD_PER_S;
		this.#driftPpm = clamp(this.#driftPpm + rad * rad * errorPpmS * (FRAME_MS / 1_000), DRIFT_PPM_MAX);
		return clamp(this.#driftPpm + 2 * rad * errorPpmS, RESAMPLE_PPM_MAX);
	}

	/** Moves the lag towards the wanted one, by a pitch period if that is enough. */
	#leadLag(nowMs: MonoMs, neededSamples: number): void {
		const lagMs = this.#lagMs(nowMs);
		if (lagMs > LAG_MS_MAX) {
			this.#cut(lagMs - this.#wantedMs, neededSamples);
			return;
		}
		const excessMs = lagMs - this.#wantedMs;
		if (Math.abs(excessMs) < STRETCH_TOLERANCE_MS || nowMs < this.#stretchAfterMs) return;
		// The further off, the less it matters how well the joint sounds.
		const likenessMin = Math.abs(excessMs) > 60 ? 0 : Math.abs(excessMs) > 30 ? 0.5 : 0.75;
		let moved: number;
		if (excessMs > 0) {
			const samplesMax = Math.min(this.#bufferedSamples() - neededSamples, Math.round(excessMs * SAMPLES_PER_MS));
			while (this.#filled - this.#readAt < STRETCH_SAMPLES && this.#held.length > 0) this.#decodeNext();
			moved = -shorten(this.#queue, this.#readAt, this.#filled, { likenessMin, samplesMax });
		} else {
			moved = lengthen(this.#queue, this.#readAt, this.#filled, likenessMin);
		}
		if (moved === 0) return;
		this.#filled += moved;
		this.#shiftAnchor(moved);
		this.#decodeUntil(neededSamples);
		this.counts.stretches += 1;
		this.#stretchAfterMs = nowMs + STRETCH_EVERY_MS;
	}

	/** Throws away the oldest `excessMs` of what waits, and splices what was decoded to what comes then. */
	#cut(excessMs: number, neededSamples: number): void {
		const decoded = this.#filled - this.#readAt;
		const target = (this.#nextSample as number) - decoded + excessMs * SAMPLES_PER_MS;
		while (this.#held.length > 1 && (this.#held[0] as Held).startSample < target) {
			this.#held.shift();
			this.counts.droppedPackets += 1;
		}
		const first = this.#held[0];
		if (!first) return;
		const tail = this.#queue.slice(this.#readAt, Math.min(this.#filled, this.#readAt + SPLICE_SAMPLES));
		this.#filled = this.#readAt;
		this.#silentTail = 0;
		this.#nextSample = first.startSample;
		this.#nextSequence = first.sequence;
		this.#creditSamples = 0;
		this.#decodeUntil(neededSamples);
		for (let i = 0; i < tail.length; i += 1) {
			const weight = (i + 0.5) / tail.length;
			const at = this.#readAt + i;
			this.#queue[at] = weight * (this.#queue[at] as number) + (1 - weight) * (tail[i] as number);
		}
		this.#anchorMs = undefined;
		this.counts.jumps += 1;
	}

	#decodeUntil(samples: number): void {
		while (this.#filled - this.#readAt < samples) this.#decodeNext();
	}

	/** Adds to the queue what comes next: a packet, what stands for a missing one, or what might have come. */
	#decodeNext(): void {
		const next = this.#held[0];
		if (!next) {
			this.#starve();
			return;
		}
		const covered = Math.min(this.#creditSamples, next.startSample - (this.#nextSample as number));
		if (covered > 0) {
			this.#nextSample = (this.#nextSample as number) + covered;
			this.#creditSamples -= covered;
			this.#shiftAnchor(-covered);
		}
		const gap = next.startSample - (this.#nextSample as number);
		if (gap > 0) {
			this.#bridge(next, gap);
			return;
		}
		this.#held.shift();
		this.#nextSample = next.startSample + next.samples;
		this.#nextSequence = next.sequence + 1;
		this.#creditSamples = 0;
		this.#inPause = opusIsDtx(next.payload);
		const sound = this.#tryDecode(next.samples, () => this.#decoder.decode(next.payload));
		if (this.#fadeIn) {
			for (let i = 0; i < SPLICE_SAMPLES && i < sound.length; i += 1) {
				sound[i] = (sound[i] as number) * ((i + 0.5) / SPLICE_SAMPLES);
			}
			this.#fadeIn = false;
		}
		// The beginning of a packet that overlaps what was played already is left out.
		this.#append(gap < 0 ? sound.subarray(-gap) : sound);
	}

	/** Fills up to `gap` samples in front of `next`: packets that are missing, or a pause of the sender. */
	#bridge(next: Held, gap: number): void {
		const lost = next.sequence !== this.#nextSequence;
		if (lost && gap === next.samples && opusHasFec(next.payload)) {
			this.#append(this.#tryDecode(gap, () => this.#decoder.decodeFec(next.payload, gap)));
			this.#nextSample = (this.#nextSample as number) + gap;
			this.counts.recoveredSamples += gap;
			return;
		}
		// What lies before the packet that `next` may hold a copy of, 20 ms at a time.
		const used = Math.min(gap > next.samples ? gap - next.samples : gap, FRAME_SAMPLES);
		const asked = CONCEAL_STEP_SAMPLES * Math.ceil(used / CONCEAL_STEP_SAMPLES);
		this.#append(this.#tryDecode(asked, () => this.#decoder.conceal(asked)).subarray(0, used));
		this.#nextSample = (this.#nextSample as number) + used;
		if (lost) this.counts.concealedSamples += used;
	}

	/** Nothing has come: invents 20 ms without moving on, for it may only be late. */
	#starve(): void {
		const run = this.#creditSamples / SAMPLES_PER_MS;
		const runMax = this.#inPause ? PAUSE_MS_MAX : CONCEAL_MS_MAX;
		this.#creditSamples += FRAME_SAMPLES;
		this.#shiftAnchor(FRAME_SAMPLES);
		if (run >= runMax) {
			const silentTail = this.#silentTail + FRAME_SAMPLES;
			this.#append(new Float32Array(FRAME_SAMPLES));
			this.#silentTail = silentTail;
			return;
		}
		const sound = this.#tryDecode(FRAME_SAMPLES, () => this.#decoder.conceal(FRAME_SAMPLES));
		if (!this.#inPause) this.counts.concealedSamples += FRAME_SAMPLES;
		if (run + FRAME_MS >= runMax) {
			for (let i = 0; i < FRAME_SAMPLES; i += 1) sound[i] = (sound[i] as number) * (1 - (i + 1) / FRAME_SAMPLES);
			this.#fadeIn = true;
		}
		this.#append(sound);
	}

	/** The decoder refuses a packet that is malformed inside: it counts as lost. */
	#tryDecode(samples: number, decode: () => Float32Array): Float32Array {
		try {
			return decode();
		} catch {
			this.counts.malformedPackets += 1;
			this.counts.concealedSamples += samples;
			return new Float32Array(samples);
		}
	}

	#shiftAnchor(samples: number): void {
		if (this.#anchorMs !== undefined) this.#anchorMs += samples / SAMPLES_PER_MS;
	}

	#append(sound: Float32Array): void {
		if (this.#filled + sound.length > QUEUE_SAMPLES) this.#compact();
		this.#queue.set(sound, this.#filled);
		this.#filled += sound.length;
		this.#silentTail = 0;
	}

	#compact(): void {
		const from = this.#readAt - REACH_BEFORE;
		this.#queue.copyWithin(0, from, this.#filled);
		this.#filled -= from;
		this.#readAt = REACH_BEFORE;
	}
}

function clamp(value: number, limit: number): number {
	return Math.min(limit, Math.max(-limit, value));
}
