import { type Clock, everyMs, type MonoMs, pauseMs } from "#base/index.ts";
import type { Bus } from "#bus/index.ts";
import type { Objects } from "#objects/index.ts";
import {
	type BroadcastReport,
	broadcastCommand,
	broadcastReports,
	type EndAnswer,
	encodeMp3Beat,
	encodePart,
	FRAME_MS,
	FRAME_SAMPLES,
	FRAMES_PER_PART,
	mp3Beats,
	mp3Wish,
	type OnAirAnswer,
	PART_MS,
	type Part,
	parts as partsSubject,
	readJson,
	segmentOf,
	writeJson,
} from "#wire/index.ts";
import { answerTail, endAnswerOf, onAirAnswerOf } from "./answers.ts";
import {
	CATCH_UP_MS_MAX,
	CEILING_DBTP,
	DELAY_MS_MAX,
	FRAME_PATIENCE_MS,
	LATENESS_WINDOW_TICKS,
	PARTS_MAX,
	PATIENCE_LOOK_MS,
	REPORT_EVERY_MS,
	TAIL_PARTS_MAX,
	TARGET_LUFS,
} from "./config.ts";
import { DelayRing } from "./delay.ts";
import { type Encoders, FLUSH_FRAMES } from "./encoders.ts";
import type { BroadcastEvents } from "./events.ts";
import { Finish, finishRecording } from "./finish.ts";
import { HoldSound } from "./hold.ts";
import { Lateness } from "./lateness.ts";
import { Limiter } from "./limiter.ts";
import { LoudnessMeter } from "./loudness.ts";
import { Mp3Track } from "./mp3-track.ts";
import { readNotices, WAITING_FOR_HOST } from "./notices.ts";
import type { BroadcastOutside } from "./outside.ts";
import { Packager } from "./packager.ts";
import { Past, readParts } from "./past.ts";
import { Programme, type ProgrammeClock, type StageFrame, slotDueAt, slotDueMs } from "./programme.ts";
import { RecordingDraft } from "./recording.ts";
import { type ResumeRecord, writeResume } from "./resume.ts";
import { Rider } from "./rider.ts";
import { type TimelineKeeper, withGap } from "./timeline.ts";

/** Slots played before other work gets a turn: a restarted process has hundreds to catch up with. */
const SLOTS_AT_ONCE = 16;
/** A process that was stopped for longer than it could catch up starts anew, which fills the hole and says so. */
const BEHIND_MS_MAX = 2 * CATCH_UP_MS_MAX;
/** A stage that has been there for this long was not started together with us. */
const STAGE_THERE_MS = 4_500;
/** After a restart the recording's draft is made anew beside the live programme: an hour of it in some 10 s. */
const DRAFT_PAUSE_MS = 10;
const CAUGHT_UP_LOOK_MS = 10;

export type SlotFrame = { readonly slot: number; readonly frame: StageFrame };

/** What a programme begins with. */
export type Beginning = {
	readonly keeper: TimelineKeeper;
	readonly resume: ResumeRecord;
	readonly encoders: Encoders;
	/** First part not yet on disk, and the Opus packets of its beat before it. */
	readonly nextPart: number;
	readonly beat: { readonly opus48: readonly Uint8Array[]; readonly opus24: readonly Uint8Array[] };
	/** What the stage still had, and what it sent since, oldest first. */
	readonly recent: readonly SlotFrame[];
	readonly startedMs: number;
};

/**
 * The programme while it runs: a slot every 20 ms through level and encoders into parts, parts to disk and out;
 * *on air*, *end* and the rest when asked.
 */
export class RunningBroadcast implements AsyncDisposable {
	readonly #interviewId: string;
	readonly #clock: Clock;
	readonly #bus: Bus;
	readonly #objects: Objects;
	readonly #events: BroadcastEvents;
	readonly #keeper: TimelineKeeper;
	readonly #encoders: Encoders;
	readonly #past: Past;
	readonly #programmeClock: ProgrammeClock;
	readonly #programme: Programme;
	readonly #rider: Rider;
	readonly #limiter = new Limiter(CEILING_DBTP);
	readonly #meter = new LoudnessMeter();
	readonly #hold = new HoldSound();
	readonly #mp3: Mp3Track;
	readonly #delay = new DelayRing(DELAY_MS_MAX);
	readonly #lateness = new Lateness(LATENESS_WINDOW_TICKS);
	readonly #open = new AsyncDisposableStack();
	readonly #finish: Finish;
	#packager: Packager;
	#resume: ResumeRecord;
	#resumeWriting: Promise<void> = Promise.resolve();
	#resumeWaiting: Promise<void> | undefined;
	/** The rider's gain at the end of the slot before, as a factor. */
	#gain: number;
	readonly #draft: RecordingDraft;
	#endSlot = Number.POSITIVE_INFINITY;
	/** Settles when everything made so far is published, in order. */
	#publishing: Promise<void> = Promise.resolve();
	/** Parts before this one are published. */
	#publishedPart: number;
	#ending: Promise<void> | undefined;
	readonly #lastPartMade = Promise.withResolvers<void>();
	#timer: Disposable | undefined;
	#turnDueMs = 0;
	#turnOrderedMs = Number.POSITIVE_INFINITY;
	#closed = false;

	/** Begins: sends and declares what is missing, then runs with the clock, catching up first. */
	constructor(beginning: Beginning, outside: BroadcastOutside, events: BroadcastEvents) {
		const { keeper, resume, encoders, nextPart, beat, recent, startedMs } = beginning;
		const { interviewId, onAirPart } = keeper.current;
		this.#interviewId = interviewId;
		this.#clock = outside.clock;
		this.#bus = outside.bus;
		this.#objects = outside.objects;
		this.#events = events;
		this.#keeper = keeper;
		this.#encoders = encoders;
		this.#resume = resume;
		this.#programmeClock = resume.clock;
		this.#publishedPart = nextPart;
		this.#packager = new Packager({ interviewId, nextPart, beat });
		this.#mp3 = this.#open.use(
			new Mp3Track({
				interviewId,
				clock: outside.clock,
				events,
				publish: (beat) => this.#bus.publish(mp3Beats(interviewId), encodeMp3Beat(beat)),
			}),
		);
		this.#draft = new RecordingDraft({
			objects: outside.objects,
			timeline: () => keeper.current,
			pause: () => pauseMs(this.#clock, DRAFT_PAUSE_MS),
		});
		this.#past = this.#open.use(
			new Past({
				interviewId,
				objects: outside.objects,
				clock: outside.clock,
				events,
				timeline: () => keeper.current,
				onGap: (gap) => void keeper.change({ gaps: withGap(keeper.current.gaps, gap) }),
				onSegment: (toPart) => this.#draft.advance(toPart),
				nextPart,
			}),
		);
		this.#finish = this.#open.use(
			new Finish(outside.clock, async () => {
				await this.#past.settled();
				await finishRecording(keeper, this.#draft, this.#resume.tags, outside.clock, events);
			}),
		);

		const fromPart = this.#firstPartToEncode(nextPart, recent);
		this.#programme = new Programme({
			nextSlot: (fromPart - 1) * FRAMES_PER_PART,
			onAirSlot: (onAirPart ?? Number.POSITIVE_INFINITY) * FRAMES_PER_PART,
		});
		this.#rider = new Rider({ targetLufs: TARGET_LUFS, gainDb: resume.gainDb });
		for (const { slot, frame } of recent) {
			// What came before is heard by the rider alone, so that it knows the voice it follows.
			const isBefore = slot < this.#programme.nextSlot && frame.speakerCount > 0 && this.#isOnAir(slot);
			if (isBefore) this.#rider.push(frame.samples);
			else this.#programme.push(slot, frame);
		}
		this.#gain = 10 ** (this.#rider.gainDb / 20);

		this.#fill(nextPart, fromPart, recent);
		encoders.begin(fromPart, (packet) => {
			this.#packager.push(packet);
			this.#drain();
		});
		this.#open.use(everyMs(this.#clock, REPORT_EVERY_MS, () => this.#report()));
		this.#tick();
		void this.#whenCaughtUp(startedMs, nextPart, fromPart);
		void this.#loadNotices();
		if (nextPart > 0) void this.#remember(nextPart);
	}

	/** Takes a frame of the stage. */
	push({ slot, frame }: SlotFrame): void {
		this.#programme.push(slot, frame);
	}

	/** Obeys a command. */
	async command(payload: Buffer): Promise<Uint8Array> {
		const command = readJson(broadcastCommand, payload);
		switch (command.kind) {
			case "on_air":
				return writeJson(await this.#goOnAir());
			case "end":
				return writeJson(await this.#end("asked"));
			case "hold":
				this.#resume = { ...this.#resume, notice: command.notice };
				await Promise.all([this.#writeResume(), this.#loadNotices()]);
				return writeJson({});
			case "tags":
				this.#resume = { ...this.#resume, tags: command };
				await this.#writeResume();
				return writeJson({});
		}
	}

	/** Answers `mp3Wishes`. */
	mp3(payload: Buffer): Promise<Uint8Array> {
		return this.#mp3.wish(readJson(mp3Wish, payload));
	}

	/** Answers `programmeTail`. */
	tail(payload: Buffer): Uint8Array {
		const published = this.#past.tail(TAIL_PARTS_MAX).filter((part) => part.partIndex < this.#publishedPart);
		return answerTail(this.#keeper.current, published, payload);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#closed = true;
		this.#timer?.[Symbol.dispose]();
		await this.#publishing;
		await this.#open.disposeAsync();
	}

	#isOnAir(slot: number): boolean {
		const { onAirPart } = this.#keeper.current;
		return onAirPart !== null && slot >= onAirPart * FRAMES_PER_PART;
	}

	// --- after a start ---

	/** The first part for which there is something to encode: hold sound can be made for any, voices only for what the stage still has. */
	#firstPartToEncode(nextPart: number, recent: readonly SlotFrame[]): number {
		const dueSlot = slotDueAt(this.#programmeClock, this.#clock.monoMs());
		const currentPart = Math.floor(dueSlot / FRAMES_PER_PART);
		const earliestPart = Math.max(nextPart, currentPart - Math.floor(CATCH_UP_MS_MAX / PART_MS));
		if (!this.#isOnAir(nextPart * FRAMES_PER_PART)) return earliestPart;
		const slots = recent.map(({ slot }) => slot).filter((slot) => slot >= earliestPart * FRAMES_PER_PART);
		if (slots.length === 0) return Math.max(nextPart, currentPart);
		return Math.floor(Math.min(...slots) / FRAMES_PER_PART);
	}

	/** Declares and publishes silence up to `toPart` (exclusive). Of a long gap only the newest minute is published; all of it goes to disk. */
	#fill(nextPart: number, toPart: number, recent: readonly SlotFrame[]): void {
		if (toPart <= nextPart) return;
		const dueSlot = slotDueAt(this.#programmeClock, this.#clock.monoMs());
		const stageSinceSlot = Math.min(...recent.map(({ slot }) => slot));
		const stageWasThere = stageSinceSlot <= Math.max(nextPart * FRAMES_PER_PART, dueSlot - STAGE_THERE_MS / FRAME_MS);
		const cause = stageWasThere ? "broadcast_restarted" : "platform_stopped";
		const gaps = withGap(this.#keeper.current.gaps, { fromPart: nextPart, toPart, cause });
		void this.#keeper.change({ gaps });
		const timeline = this.#keeper.current;
		const publishedFrom = segmentOf(timeline, Math.max(nextPart, toPart - TAIL_PARTS_MAX)).firstPart;
		if (publishedFrom > nextPart) {
			const beat = { opus48: [], opus24: [] };
			this.#packager = new Packager({ interviewId: this.#interviewId, nextPart: publishedFrom, beat });
		}
		while (this.#packager.nextPart < toPart) this.#give(this.#packager.fill(timeline));
	}

	/** Reads back the newest minute for edges that ask, and lets the recording's draft follow what is on disk. */
	async #remember(nextPart: number): Promise<void> {
		const timeline = this.#keeper.current;
		try {
			const { firstPart } = segmentOf(timeline, Math.max(0, nextPart - TAIL_PARTS_MAX));
			this.#past.remember(await readParts(this.#objects, timeline, firstPart, nextPart));
			this.#draft.advance(nextPart);
		} catch (error) {
			this.#events.tailUnreadable(error);
		}
	}

	async #whenCaughtUp(startedMs: number, nextPart: number, fromPart: number): Promise<void> {
		const duePart = Math.floor(slotDueAt(this.#programmeClock, this.#clock.monoMs()) / FRAMES_PER_PART);
		while (this.#publishedPart < duePart && !this.#closed) {
			await new Promise<void>((resolve) =>
				this.#clock.wakeAt((this.#clock.monoMs() + CAUGHT_UP_LOOK_MS) as MonoMs, resolve),
			);
		}
		this.#events.caughtUp({
			parts: Math.max(0, duePart - nextPart),
			filledParts: fromPart - nextPart,
			tookMs: Math.round(this.#clock.monoMs() - startedMs),
		});
	}

	async #loadNotices(): Promise<void> {
		try {
			this.#hold.notices = this.#resume.notice === "none" ? [] : await readNotices(WAITING_FOR_HOST);
		} catch (error) {
			this.#events.noticesUnreadable(error);
		}
	}

	// --- the programme, slot by slot ---

	#tick(): void {
		if (this.#closed) return;
		const nowMs = this.#clock.monoMs();
		const behindMs = nowMs - slotDueMs(this.#programmeClock, this.#programme.nextSlot);
		if (behindMs > BEHIND_MS_MAX) {
			throw new Error(`Cannot catch up as the process stood still for ${Math.round(behindMs)} ms: starting anew`);
		}
		const dueSlot = slotDueAt(this.#programmeClock, nowMs);
		// Slots that were due when this turn was ordered are being caught up with: they do not tell how late a turn is.
		if (this.#turnDueMs >= this.#turnOrderedMs) this.#lateness.add(nowMs - this.#turnDueMs);
		let isWaiting = false;
		for (let i = 0; i < SLOTS_AT_ONCE && this.#programme.nextSlot <= dueSlot; i += 1) {
			const lateMs = nowMs - slotDueMs(this.#programmeClock, this.#programme.nextSlot);
			isWaiting = this.#programme.awaitsFrame && lateMs < FRAME_PATIENCE_MS;
			if (isWaiting) break;
			this.#playSlot();
			if (this.#programme.nextSlot >= this.#endSlot) {
				for (let flush = 0; flush < FLUSH_FRAMES; flush += 1) this.#encoders.push(new Float32Array(FRAME_SAMPLES));
				this.#mp3.end(this.#endSlot * FRAME_SAMPLES);
				return;
			}
		}
		if (this.#programme.nextSlot >= PARTS_MAX * FRAMES_PER_PART - 1) this.#end("longest").catch(() => {});
		this.#turnDueMs = slotDueMs(this.#programmeClock, this.#programme.nextSlot);
		this.#turnOrderedMs = this.#clock.monoMs();
		const wakeMs = isWaiting ? nowMs + PATIENCE_LOOK_MS : this.#turnDueMs;
		this.#timer = this.#clock.wakeAt(wakeMs as MonoMs, () => this.#tick());
	}

	#playSlot(): void {
		const { slot, voice, holdFrom, holdTo, kind } = this.#programme.play();
		const samples = new Float32Array(FRAME_SAMPLES);
		if (voice) {
			if (kind === "sound") this.#rider.push(voice);
			const gainTo = 10 ** (this.#rider.gainDb / 20);
			const step = (gainTo - this.#gain) / FRAME_SAMPLES;
			for (let i = 0; i < FRAME_SAMPLES; i += 1) samples[i] = (voice[i] as number) * (this.#gain + step * i);
			this.#gain = gainTo;
		}
		if (holdFrom > 0 || holdTo > 0) this.#hold.addTo(samples, slot, holdFrom, holdTo);
		this.#limiter.process(samples);
		if (kind === "sound") this.#meter.push(samples);
		this.#packager.note(slot, kind);
		const heard = this.#delay.pass(samples);
		this.#encoders.push(heard);
		this.#mp3.push(slot, heard);
	}

	#drain(): void {
		// What the encoders still give after the last part went to disk would be published without being there.
		if (this.#closed) return;
		const endPart = this.#keeper.current.endPart ?? Number.POSITIVE_INFINITY;
		while (this.#packager.nextPart < endPart) {
			const part = this.#packager.poll(this.#keeper.current);
			if (!part) return;
			this.#give(part);
		}
		this.#lastPartMade.resolve();
	}

	/** To disk, then out. */
	#give(part: Part): void {
		this.#past.add(part);
		if (part.beginsSegment) void this.#writeResume();
		this.#publishing = this.#publishing
			.then(() => this.#past.written(part.partIndex))
			.then(() => {
				this.#bus.publish(partsSubject(this.#interviewId), encodePart(part));
				this.#publishedPart = part.partIndex + 1;
			});
	}

	/** Writes what a successor wants to know; while one write is under way, at most one more waits. */
	#writeResume(): Promise<void> {
		this.#resumeWaiting ??= this.#resumeWriting.then(async () => {
			this.#resumeWaiting = undefined;
			this.#resume = { ...this.#resume, gainDb: this.#rider.gainDb };
			this.#resumeWriting = writeResume(this.#objects, this.#interviewId, this.#resume).catch(
				this.#events.resumeNotWritten,
			);
			await this.#resumeWriting;
		});
		return this.#resumeWaiting;
	}

	#report(): void {
		if (!this.#keeper.isWritten && this.#past.disk === "ok") void this.#keeper.write();
		const { onAirPart, endPart } = this.#keeper.current;
		const report: BroadcastReport = {
			partIndex: this.#publishedPart - 1,
			onAir: onAirPart !== null && this.#publishedPart > onAirPart && endPart === null,
			shortTermLufs: finite(this.#meter.shortTermLufs),
			integratedLufs: finite(this.#meter.integratedLufs),
			truePeakDbtp: finite(this.#limiter.takePeakDbtp()),
			missedFrames: this.#programme.missedCount,
			tickLateP99Ms: this.#lateness.p99Ms,
			disk: this.#past.disk,
			holding: this.#programme.holding,
		};
		this.#bus.publish(broadcastReports(this.#interviewId), writeJson(report));
	}

	// --- commands ---

	async #goOnAir(): Promise<OnAirAnswer> {
		const { onAirPart, endPart, cuts } = this.#keeper.current;
		if (onAirPart === null) {
			if (endPart !== null) throw new Error("Cannot go on air as this interview has ended: announce a new one");
			const part = this.#programme.goOnAir();
			this.#events.onAir(part);
			await this.#keeper.change({ onAirPart: part, cuts: cuts.includes(part) ? cuts : [...cuts, part] });
		}
		return onAirAnswerOf(this.#keeper.current);
	}

	async #end(reason: "asked" | "longest"): Promise<EndAnswer> {
		this.#ending ??= this.#endOnce(reason);
		await this.#ending;
		await this.#finish.attempt();
		return endAnswerOf(this.#keeper.current);
	}

	/** Settles when every part is published. */
	async #endOnce(reason: "asked" | "longest"): Promise<void> {
		const { onAirPart } = this.#keeper.current;
		const endPart = this.#programme.end(onAirPart === null ? 0 : onAirPart + 1);
		this.#endSlot = endPart * FRAMES_PER_PART;
		this.#events.ended(endPart, reason);
		await Promise.all([this.#keeper.change({ endPart }), this.#lastPartMade.promise]);
		await this.#publishing;
	}
}

function finite(value: number | undefined): number | null {
	return value === undefined || !Number.isFinite(value) ? null : Math.round(value * 10) / 10;
}
