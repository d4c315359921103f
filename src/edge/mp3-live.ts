import type { MonoMs } from "#base/index.ts";
import {
	BEAT_MS,
	MP3_BEATS_MAX,
	MP3_PARTS_PER_BEAT,
	type Mp3Beat,
	type Mp3Wish,
	type PublicState,
} from "#wire/index.ts";
import { icyTitle } from "./icy.ts";
import { PushStream, type WriteMode, WritePlan } from "./listeners.ts";
import { Mp3Tail } from "./mp3-tail.ts";

/** How often a wish is repeated while somebody listens: three times before it would run out. */
export const WISH_EVERY_MS = 5_000;
/** How often it is repeated while beats are missing. */
export const WISH_AGAIN_MS = 500;
/** Beats come every 0.96 s: without one for this long, nobody makes them. */
export const SILENT_AFTER_MS = 2.5 * BEAT_MS;

/**
 * The MP3 of one live programme at one edge: what is there, who listens, and what is to be asked of broadcast.
 *
 * Pure core. Whoever owns it sends the wish that `wishDue` gives and brings the answer.
 *
 * - SILENT: no beat has come for SILENT_AFTER_MS, or none ever: a joiner waits for the answer to a wish.
 * - FLOWING: beats come and are written, whoever had wished for them.
 * - HOLE: one is missing; later ones wait for the answer to a wish. What that does not bring is lost: listeners are cut.
 */
export class Mp3Live {
	readonly tail = new Mp3Tail();
	readonly streams = {
		mp3_64: new PushStream<"mp3_64">("mp3_64", this.tail),
		mp3_64_icy: new PushStream<"mp3_64_icy">("mp3_64_icy", this.tail),
	};
	readonly #plan = new WritePlan("beat");
	/** Beats behind a hole. Invariant: empty when there is none; at most MP3_BEATS_MAX. */
	readonly #ahead = new Map<number, Mp3Beat>();
	#takenMs = Number.NEGATIVE_INFINITY;
	#wishedMs = Number.NEGATIVE_INFINITY;
	#names: readonly string[] = [];

	set mode(mode: WriteMode) {
		this.#plan.mode = mode;
	}

	takeState(state: PublicState): void {
		const { names, title } = icyTitle(state, this.#names);
		this.#names = names;
		this.tail.setTitle(title);
	}

	/** Whether a joiner can be given what is here. */
	isFlowing(nowMs: MonoMs): boolean {
		return this.#ahead.size === 0 && nowMs - this.#takenMs < SILENT_AFTER_MS;
	}

	/** Whether nobody waits for a beat before `part`. */
	isComplete(part: number): boolean {
		return this.#listenerCount === 0 || (this.tail.nextPart ?? 0) >= part;
	}

	/** The wish to send now for those who listen, if it is time. */
	wishDue(nowMs: MonoMs): Mp3Wish | undefined {
		if (this.#listenerCount === 0) return undefined;
		const everyMs = this.isFlowing(nowMs) ? WISH_EVERY_MS : WISH_AGAIN_MS;
		return nowMs - this.#wishedMs >= everyMs ? this.wish(nowMs) : undefined;
	}

	/** The wish for those who listen and for who comes now. */
	wish(nowMs: MonoMs): Mp3Wish {
		this.#wishedMs = nowMs;
		return { fromBeat: this.#listenerCount > 0 ? (this.tail.nextBeat ?? null) : null };
	}

	take(beat: Mp3Beat, nowMs: MonoMs): void {
		const result = this.tail.push(beat);
		if (result === "old") return;
		if (result === "gap") {
			if (this.#listenerCount > 0) {
				if (this.#ahead.size < MP3_BEATS_MAX) this.#ahead.set(beat.beat, beat);
				return;
			}
			this.tail.clear();
			this.tail.push(beat);
		}
		this.#takenMs = nowMs;
		this.#arrived(beat.beat);
		for (let next = this.#takeAhead(); next; next = this.#takeAhead()) this.#arrived(next.beat);
	}

	/** The answer to a wish. */
	takeAnswer(beats: readonly Mp3Beat[], nowMs: MonoMs): void {
		for (const beat of beats) this.take(beat, nowMs);
		if (this.#ahead.size === 0) return;
		// Nobody has what is missing.
		const waiting = [...this.#ahead.values()].sort((a, b) => a.beat - b.beat);
		this.#ahead.clear();
		for (const stream of Object.values(this.streams)) stream.cutAll();
		for (const beat of waiting) this.take(beat, nowMs);
	}

	get #listenerCount(): number {
		return this.streams.mp3_64.count + this.streams.mp3_64_icy.count;
	}

	#takeAhead(): Mp3Beat | undefined {
		const next = this.#ahead.get(this.tail.nextBeat ?? 0);
		for (const beat of this.#ahead.keys()) if (beat <= (this.tail.nextBeat ?? 0)) this.#ahead.delete(beat);
		if (next) this.tail.push(next);
		return next;
	}

	#arrived(beat: number): void {
		const due = this.#plan.arrived((beat + 1) * MP3_PARTS_PER_BEAT - 1, MP3_PARTS_PER_BEAT);
		if (due === undefined) return;
		for (const stream of Object.values(this.streams)) stream.startRound(due);
	}
}
