import type { MonoMs } from "#base/index.ts";
import {
	type Mp3Beat,
	PART_SAMPLES,
	type Part,
	type ProgrammeTimeline,
	type PublicState,
	type TrackName,
} from "#wire/index.ts";
import { stateBox } from "./emsg.ts";
import { FORMS, type Form, isMp3, isMp4, PART_FORMS, type PartForm } from "./forms.ts";
import { HeldRequests } from "./held.ts";
import { type Burst, type Counts, chunk, PushStream, WritePlan } from "./listeners.ts";
import { Mp3Live } from "./mp3-live.ts";
import { segmentAt } from "./playlist.ts";
import { PartTail, TAIL_PARTS_MAX } from "./tail.ts";

/** How long the end of the sound waits for the state that says so, which then is the last thing listeners get. */
export const END_STATE_WAIT_MS = 1_000;
/** How long the last parts may take once the end is known: broadcast makes them within a part's time and the encoders' delay. */
export const END_PARTS_WAIT_MS = 3_000;
/** How long a hole may stay open while the parts that belong there are asked for. */
export const HOLE_MS_MAX = 2_000;
/** Openings kept per form. Plain players and ours need two; a player that resumes needs its own. */
const OPENINGS_MAX = 8;

/** What a joiner gets at once, and the part that comes after it. */
export class Opening {
	readonly nextPart: number;
	readonly #bytes: Buffer;
	#joined: { readonly text: string; readonly bytes: Buffer } | undefined;

	constructor(bytes: Buffer, nextPart: number) {
		this.#bytes = bytes;
		this.nextPart = nextPart;
	}

	/** The opening behind a response head, as one buffer: the same one for all who join with the same head. */
	after(text: string): Buffer {
		if (this.#joined?.text !== text) {
			this.#joined = { text, bytes: Buffer.concat([Buffer.from(text, "latin1"), this.#bytes]) };
		}
		return this.#joined.bytes;
	}
}

type OpeningCache = { key: string; readonly byStart: Map<string, Opening> };

/**
 * One live programme as an edge sees it: timeline, newest parts, state, and everyone who listens.
 *
 * Pure core. Whoever owns it feeds what arrives, asks for the tail while `missing` is true, calls `step` while
 * `pending`, and `tick` now and then.
 *
 * - LIVE: parts are appended and written to listeners.
 * - HOLE: parts are missing; later ones wait until the tail has been fetched. After HOLE_MS_MAX listeners are cut
 *   and the programme goes on behind the hole: they return by themselves and begin there.
 * - ENDED: the last part has been written and every listener ended.
 */
export class Programme {
	readonly interviewId: string;
	readonly tail = new PartTail();
	readonly mp3 = new Mp3Live();
	readonly streams: { readonly [F in Form]: PushStream<F> };
	/** Requests that wait for parts. */
	readonly held = new HeldRequests();
	readonly #plan = new WritePlan("beat");
	#timeline: ProgrammeTimeline | undefined;
	#state: { readonly revision: number; readonly phase: PublicState["phase"]; readonly box: Buffer } | undefined;
	/** Parts behind a hole. Invariant: empty when there is none; at most TAIL_PARTS_MAX. */
	readonly #ahead = new Map<number, Part>();
	#holeSinceMs: MonoMs | undefined;
	/** When streams are ended whatever is still missing; undefined while no end is known. */
	#endAtMs: MonoMs | undefined;
	/** All parts up to the end were there when `#endAtMs` was set. */
	#completeBefore = false;
	#ended = false;
	readonly #openings = new Map<Form, OpeningCache>();

	constructor(interviewId: string) {
		this.interviewId = interviewId;
		const stream = <F extends PartForm>(form: F) => new PushStream<F>(form, this.tail);
		this.streams = {
			mp4_48: stream("mp4_48"),
			mp4_24: stream("mp4_24"),
			ogg_48: stream("ogg_48"),
			ogg_24: stream("ogg_24"),
			aac_64: stream("aac_64"),
			...this.mp3.streams,
		};
	}

	get timeline(): ProgrammeTimeline | undefined {
		return this.#timeline;
	}

	get writeMode(): PublicState["delivery"]["write"] {
		return this.#plan.mode;
	}

	/** The timeline is unknown, or parts are missing between those held and those that arrived. */
	get missing(): boolean {
		return !this.#ended && (this.#timeline === undefined || this.#holeSinceMs !== undefined);
	}

	/** There is sound to join with. */
	get sounding(): boolean {
		return !this.#ended && this.#timeline !== undefined && this.tail.nextPart !== undefined;
	}

	/** No sound will follow, and nobody may join. */
	get ended(): boolean {
		return this.#ended;
	}

	get pending(): boolean {
		return this.held.pending || FORMS.some((form) => this.streams[form].pending);
	}

	takePart(part: Part, nowMs: MonoMs): void {
		if (this.#ended) return;
		const result = this.tail.push(part);
		if (result === "old") return;
		if (result === "gap") {
			this.#holeSinceMs ??= nowMs;
			if (this.#ahead.size < TAIL_PARTS_MAX) this.#ahead.set(part.partIndex, part);
			return;
		}
		this.#arrived(part);
		this.#takeAhead();
		this.#considerEnd(nowMs);
	}

	/** What broadcast still has, in order. Fills a hole as far as it goes. */
	takeTail(timeline: ProgrammeTimeline, parts: readonly Part[], nowMs: MonoMs): void {
		this.takeTimeline(timeline, nowMs);
		this.tail.remember(parts);
		for (const part of parts) this.takePart(part, nowMs);
	}

	takeMp3(beat: Mp3Beat, nowMs: MonoMs): void {
		if (this.#ended) return;
		this.mp3.take(beat, nowMs);
		this.#considerEnd(nowMs);
	}

	/** What broadcast answers to a wish for MP3. */
	takeMp3Answer(beats: readonly Mp3Beat[], nowMs: MonoMs): void {
		if (this.#ended) return;
		this.mp3.takeAnswer(beats, nowMs);
		this.#considerEnd(nowMs);
	}

	takeTimeline(timeline: ProgrammeTimeline, nowMs: MonoMs): void {
		this.#timeline = timeline;
		if (timeline.endPart !== null) this.held.release(timeline.endPart);
		this.#considerEnd(nowMs);
	}

	takeState(state: PublicState, json: Uint8Array, nowMs: MonoMs): void {
		const { revision, phase, atPart, delivery } = state;
		this.#plan.mode = delivery.write;
		this.mp3.mode = delivery.write;
		if (this.#state && revision === this.#state.revision) return;
		const box = stateBox(revision, atPart * PART_SAMPLES, json);
		this.#state = { revision, phase, box };
		this.tail.setStateBox(box);
		this.mp3.takeState(state);
		this.#considerEnd(nowMs);
	}

	/** Ends a programme whose timeline does not say so within END_PARTS_WAIT_MS: cancelled, removed, or ended before it was on air. */
	close(nowMs: MonoMs): void {
		if (!this.#ended) this.#endAtMs ??= (nowMs + END_PARTS_WAIT_MS) as MonoMs;
	}

	/** Keeps the deadlines: call it a few times per second. */
	tick(nowMs: MonoMs): void {
		this.held.expire(nowMs);
		if (this.#holeSinceMs !== undefined && nowMs - this.#holeSinceMs >= HOLE_MS_MAX) this.#skipHole(nowMs);
		if (!this.#ended && this.#endAtMs !== undefined && nowMs >= this.#endAtMs) this.#end();
	}

	/** Writes to listeners, then answers who waited, until all have what is due or `outOfTime` says so; forms take turns. */
	step(outOfTime: () => boolean): void {
		for (const form of FORMS) {
			this.streams[form].step(outOfTime);
			if (this.streams[form].pending) return;
		}
		this.held.step(outOfTime);
	}

	/** Everything a joiner needs before the part that follows; undefined before there is sound and after the end. */
	opening(form: Form, burst: Burst, chunked: boolean): Opening | undefined {
		const timeline = this.#timeline;
		const nextPart = (isMp3(form) ? this.mp3.tail : this.tail).nextPart;
		if (!timeline || nextPart === undefined || this.#ended) return undefined;
		const start = this.streams[form].startPart(burst, this.#plan.mode);
		const cacheKey = `${nextPart} ${this.#state?.revision}`;
		let cache = this.#openings.get(form);
		if (cache?.key !== cacheKey) {
			cache = { key: cacheKey, byStart: new Map() };
			this.#openings.set(form, cache);
		}
		const startKey = `${start} ${chunked}`;
		let opening = cache.byStart.get(startKey);
		if (!opening) {
			const pieces: Buffer[] = [];
			if (isMp3(form)) {
				pieces.push(this.mp3.tail.bytes(form, start, nextPart, false));
			} else {
				pieces.push(head(timeline, form));
				if (isMp4(form) && this.#state) pieces.push(this.#state.box);
				pieces.push(this.tail.bytes(form, start, nextPart));
			}
			const bytes = Buffer.concat(pieces);
			opening = new Opening(chunked ? chunk(bytes) : bytes, nextPart);
			if (cache.byStart.size < OPENINGS_MAX) cache.byStart.set(startKey, opening);
		}
		return opening;
	}

	/** A part that the tail holds. */
	part(track: TrackName, partIndex: number): Buffer | undefined {
		return this.tail.segment(track, partIndex, 1);
	}

	/** A whole segment that the tail holds. */
	segment(track: TrackName, sequence: number): Buffer | undefined {
		const span = this.#timeline && segmentAt(this.#timeline, sequence);
		return span && this.tail.segment(track, span.firstPart, span.partCount);
	}

	counts(nowMs: MonoMs): Counts {
		const sum = { settled: 0, open: 0, stalled: 0 };
		for (const form of FORMS) {
			const { settled, open, stalled } = this.streams[form].counts(nowMs);
			sum.settled += settled;
			sum.open += open;
			sum.stalled += stalled;
		}
		return sum;
	}

	#arrived(part: Part): void {
		this.held.arrived(part.partIndex + 1);
		const due = this.#plan.arrived(part.partIndex, part.beatParts);
		if (due === undefined) return;
		for (const form of PART_FORMS) this.streams[form].startRound(due);
	}

	#takeAhead(): void {
		if (this.#holeSinceMs === undefined) return;
		for (;;) {
			const next = this.#ahead.get(this.tail.nextPart ?? 0);
			if (!next) break;
			this.#ahead.delete(next.partIndex);
			this.tail.push(next);
			this.#arrived(next);
		}
		const nextPart = this.tail.nextPart ?? 0;
		for (const index of this.#ahead.keys()) if (index < nextPart) this.#ahead.delete(index);
		if (this.#ahead.size === 0) this.#holeSinceMs = undefined;
	}

	#skipHole(nowMs: MonoMs): void {
		for (const form of PART_FORMS) this.streams[form].cutAll();
		const waiting = [...this.#ahead.values()].sort((a, b) => a.partIndex - b.partIndex);
		this.#ahead.clear();
		this.#holeSinceMs = undefined;
		this.tail.clear();
		for (const part of waiting) this.takePart(part, nowMs);
	}

	#considerEnd(nowMs: MonoMs): void {
		const endPart = this.#timeline?.endPart ?? null;
		if (this.#ended || endPart === null) return;
		const complete = (this.tail.nextPart ?? 0) >= endPart && this.mp3.isComplete(endPart);
		if (complete && this.#state?.phase === "ended") return this.#end();
		if (complete === this.#completeBefore && this.#endAtMs !== undefined) return;
		this.#completeBefore = complete;
		this.#endAtMs = (nowMs + (complete ? END_STATE_WAIT_MS : END_PARTS_WAIT_MS)) as MonoMs;
	}

	#end(): void {
		this.#ended = true;
		this.#holeSinceMs = undefined;
		this.#ahead.clear();
		const box = this.tail.takePendingBox();
		for (const form of FORMS) {
			const { nextPart = 0 } = isMp3(form) ? this.mp3.tail : this.tail;
			this.streams[form].startEnding(nextPart, isMp4(form) ? box : undefined);
		}
		this.held.release(0);
	}
}

/** What comes before all sound: ftyp and moov, the two Ogg header pages, nothing for ADTS. */
function head(timeline: ProgrammeTimeline, form: PartForm): Buffer {
	const { opus48, opus24 } = timeline.tracks;
	switch (form) {
		case "mp4_48":
			return Buffer.from(opus48.init, "base64");
		case "mp4_24":
			return Buffer.from(opus24.init, "base64");
		case "ogg_48":
			return Buffer.from(opus48.oggHead ?? "", "base64");
		case "ogg_24":
			return Buffer.from(opus24.oggHead ?? "", "base64");
		case "aac_64":
			return Buffer.alloc(0);
	}
}
