import * as z from "zod/mini";
import { type Clock, everyMs, type Log, type MonoMs, packPieces, type Random, randomToken } from "#base/index.ts";
import { type Bus, BusError } from "#bus/index.ts";
import type { Objects } from "#objects/index.ts";
import {
	type BroadcastCommand,
	type BroadcastReport,
	broadcastCommand,
	broadcastCommands,
	broadcastReports,
	decodePcmFrame,
	type EndAnswer,
	encodePart,
	FRAME_SAMPLES,
	FRAMES_PER_PART,
	INTERVIEW_MS_MAX,
	type OnAirAnswer,
	PART_MS,
	type Part,
	PCM_FRAME_BYTES,
	type ProgrammeGap,
	type ProgrammeTimeline,
	parts as partsSubject,
	partUnixMs,
	pcmFrames,
	pcmRecent,
	programmeTail,
	readJson,
	segmentOf,
	tickAt,
	timelines,
	writeJson,
} from "#wire/index.ts";
import { readAdtsFrames } from "./adts.ts";
import {
	CATCH_UP_MS_MAX,
	CEILING_DBTP,
	DELAY_MS_MAX,
	FRAMES_AHEAD_MAX,
	LATENESS_WINDOW_TICKS,
	REPORT_EVERY_MS,
	TAIL_PARTS_MAX,
	TARGET_LUFS,
} from "./config.ts";
import { DelayRing } from "./delay.ts";
import { type Encoders, FLUSH_FRAMES, openEncoders } from "./encoders.ts";
import { type BroadcastEvents, createBroadcastEvents } from "./events.ts";
import { HoldSound } from "./hold.ts";
import { Lateness } from "./lateness.ts";
import { Limiter } from "./limiter.ts";
import { LoudnessMeter } from "./loudness.ts";
import { readNotices, WAITING_FOR_HOST } from "./notices.ts";
import { beatOf, Packager } from "./packager.ts";
import { Past, readBeat, readParts, recoverPast } from "./past.ts";
import {
	type ClockRecord,
	Programme,
	type ProgrammeClock,
	resumeClock,
	type StageFrame,
	slotDueAt,
	slotDueMs,
} from "./programme.ts";
import { FrameSizes, gatherSizes, makeRecording } from "./recording.ts";
import { type ResumeRecord, readResume, writeResume } from "./resume.ts";
import { Rider } from "./rider.ts";
import { newTimeline, readTimeline, TimelineKeeper } from "./timeline.ts";

export type BroadcastOutside = {
	readonly clock: Clock;
	readonly random: Random;
	readonly bus: Bus;
	readonly objects: Objects;
	readonly log: Log;
};

/** Interviews end by themselves at this part. */
const PARTS_MAX = Math.floor(INTERVIEW_MS_MAX / PART_MS);
/** Slots played before other work gets a turn: a restarted process has hundreds to catch up with. */
const SLOTS_AT_ONCE = 16;
/** The stage answers from memory within a few milliseconds; a stage that does not is being restarted itself. */
const RECENT_WITHIN_MS = 400;
/** A process that was stopped for longer than it could catch up starts anew, which fills the hole and says so. */
const BEHIND_MS_MAX = 2 * CATCH_UP_MS_MAX;
const tailRequest = z.object({ partsMax: z.number() });

/**
 * One interview's programme, from the stage's frames to published parts, until it is disposed.
 *
 * Begins at the epoch, goes on where a predecessor was, or, after *End*, only answers what it is asked.
 *
 * @throws BroadcastError when it cannot begin. Later failures that it cannot go on with are thrown at the top of
 * the event loop, so that the process ends and is started again.
 */
export async function openBroadcast(interviewId: string, outside: BroadcastOutside): Promise<AsyncDisposable> {
	const { clock, objects, log } = outside;
	const events = createBroadcastEvents(log);
	const [found, resume] = await Promise.all([readTimeline(objects, interviewId), readResume(objects, interviewId)]);
	if (found && found.endPart !== null) return new EndedBroadcast(found, resume, outside, events);
	// The codecs load while the past is read.
	const loading = openEncoders({ onFailure: failAtTheTop });
	loading.catch(() => {});
	const start = found ? await resumeStart(found, resume, outside) : firstStart(interviewId, resume, outside);
	const encoders = await loading;
	if (start.timeline.endPart !== null) {
		await encoders[Symbol.asyncDispose]();
		return new EndedBroadcast(start.timeline, resume, outside, events);
	}
	await using opened = new AsyncDisposableStack();
	opened.use(encoders);
	await opened.use(new RunningBroadcast(start, encoders, outside, events)).begin(clock.monoMs());
	const all = opened.move();
	return { [Symbol.asyncDispose]: () => all.disposeAsync() };
}

type Start = {
	readonly timeline: ProgrammeTimeline;
	readonly resume: ResumeRecord;
	/** First part not yet on disk. */
	readonly nextPart: number;
	readonly isFirst: boolean;
};

/** Sets the epoch. */
function firstStart(interviewId: string, kept: ResumeRecord | undefined, { clock, random }: BroadcastOutside): Start {
	const [monoMs, unixMs] = [clock.monoMs(), clock.unixMs()];
	const epochTick = tickAt(monoMs);
	const unixMinusMonoMs = unixMs - monoMs;
	const timeline = newTimeline({
		interviewId,
		pathKey: randomToken(random, 9),
		epochUnixMs: Math.round(epochTick * 20 + unixMinusMonoMs),
	});
	const resume: ResumeRecord = {
		clock: { epochTick, unixMinusMonoMs },
		gainDb: 0,
		notice: kept?.notice ?? "none",
		tags: kept?.tags ?? { title: "", artists: [], dateIso: "" },
	};
	return { timeline, resume, nextPart: 0, isFirst: true };
}

async function resumeStart(
	timeline: ProgrammeTimeline,
	kept: ResumeRecord | undefined,
	{ clock, objects }: BroadcastOutside,
): Promise<Start> {
	const now = { monoMs: clock.monoMs(), unixMs: clock.unixMs() };
	const { nextPart, patched } = await recoverPast(objects, timeline, (now.unixMs - timeline.epochUnixMs) / PART_MS);
	const record: ClockRecord = resumeClock(kept?.clock, timeline.epochUnixMs, nextPart, now);
	const patchedTimeline = patched
		? { ...timeline, gaps: withGap(timeline.gaps, { ...patched, cause: "broadcast_restarted" }) }
		: timeline;
	const resume: ResumeRecord = {
		clock: record,
		gainDb: kept?.gainDb ?? 0,
		notice: kept?.notice ?? "none",
		tags: kept?.tags ?? { title: "", artists: [], dateIso: "" },
	};
	// Nobody ended it while nobody was here: it ended with its last sound.
	const partNow = slotDueAt(record, now.monoMs) / FRAMES_PER_PART;
	const isOver = partNow >= PARTS_MAX;
	const endPart = isOver ? Math.max(nextPart, 1) : null;
	return { timeline: { ...patchedTimeline, endPart }, resume, nextPart, isFirst: false };
}

/** Adds a gap, joining it to the last one where they touch and have one cause. */
function withGap(gaps: readonly ProgrammeGap[], gap: ProgrammeGap): ProgrammeGap[] {
	const last = gaps.at(-1);
	if (last && last.toPart === gap.fromPart && last.cause === gap.cause) {
		return [...gaps.slice(0, -1), { ...last, toPart: gap.toPart }];
	}
	return [...gaps, gap].sort((a, b) => a.fromPart - b.fromPart);
}

/** Ends the process, whose successor goes on from what is on disk. */
function failAtTheTop(error: unknown): void {
	setImmediate(() => {
		throw error;
	});
}

class RunningBroadcast implements AsyncDisposable {
	readonly #interviewId: string;
	readonly #clock: Clock;
	readonly #bus: Bus;
	readonly #objects: Objects;
	readonly #events: BroadcastEvents;
	readonly #encoders: Encoders;
	readonly #keeper: TimelineKeeper;
	readonly #past: Past;
	readonly #programmeClock: ProgrammeClock;
	readonly #start: Start;
	#resume: ResumeRecord;
	#programme: Programme;
	#packager: Packager;
	readonly #rider: Rider;
	readonly #limiter = new Limiter(CEILING_DBTP);
	readonly #meter = new LoudnessMeter();
	readonly #hold = new HoldSound();
	readonly #delay = new DelayRing(DELAY_MS_MAX);
	readonly #lateness = new Lateness(LATENESS_WINDOW_TICKS);
	#gain: number;
	#endSlot = Number.POSITIVE_INFINITY;
	#sizes: FrameSizes | undefined;
	/** Settles when everything made so far is published, in order. */
	#publishing: Promise<void> = Promise.resolve();
	/** Parts before this one are published. */
	#publishedPart: number;
	#ending: Promise<EndAnswer> | undefined;
	#lastPartMade = Promise.withResolvers<void>();
	readonly #begun = Promise.withResolvers<void>();
	#timer: Disposable | undefined;
	readonly #open = new AsyncDisposableStack();
	#closed = false;

	constructor(start: Start, encoders: Encoders, outside: BroadcastOutside, events: BroadcastEvents) {
		const { timeline, resume, nextPart } = start;
		this.#interviewId = timeline.interviewId;
		this.#clock = outside.clock;
		this.#bus = outside.bus;
		this.#objects = outside.objects;
		this.#events = events;
		this.#encoders = encoders;
		this.#start = start;
		this.#resume = resume;
		this.#programmeClock = resume.clock;
		this.#keeper = new TimelineKeeper({
			objects: outside.objects,
			events,
			publish: (current) => outside.bus.publish(timelines(this.#interviewId), writeJson(current)),
			current: timeline,
		});
		this.#past = new Past({
			interviewId: timeline.interviewId,
			objects: outside.objects,
			clock: outside.clock,
			events,
			timeline: () => this.#keeper.current,
			onGap: (gap) => void this.#keeper.change({ gaps: withGap(this.#keeper.current.gaps, gap) }),
			nextPart,
		});
		this.#rider = new Rider({ targetLufs: TARGET_LUFS, gainDb: resume.gainDb });
		this.#gain = 10 ** (resume.gainDb / 20);
		this.#publishedPart = nextPart;
		this.#programme = new Programme({ nextSlot: 0, onAirSlot: Number.POSITIVE_INFINITY });
		this.#packager = new Packager({ interviewId: this.#interviewId, nextPart, beat: { opus48: [], opus24: [] } });
		if (timeline.onAirPart !== null) this.#sizes = new FrameSizes(timeline.onAirPart);
	}

	/** Catches up with the clock and runs from then on. */
	async begin(startedMs: number): Promise<void> {
		const { nextPart, isFirst } = this.#start;
		const id = this.#interviewId;
		this.#open.use(this.#bus.respond(broadcastCommands(id), (payload) => this.#answer(payload)));
		this.#open.use(this.#bus.respond(programmeTail(id), (payload) => this.#answerTail(payload)));
		const early: { readonly slot: number; readonly frame: StageFrame }[] = [];
		let take = (slot: number, frame: StageFrame) => {
			if (early.length < FRAMES_AHEAD_MAX) early.push({ slot, frame });
		};
		this.#open.use(
			this.#bus.subscribe(pcmFrames(id), (payload) => {
				const { tick, ...frame } = decodePcmFrame(payload);
				take(tick - this.#programmeClock.epochTick, frame);
			}),
		);
		// The epoch is on disk before the first sample is made.
		await Promise.all([this.#writeResume(), this.#keeper.write()]);
		const [recent, beat] = await Promise.all([
			this.#askRecent(),
			readBeat(this.#objects, this.#keeper.current, nextPart),
		]);
		this.#packager = new Packager({ interviewId: id, nextPart, beat });
		const dueSlot = slotDueAt(this.#programmeClock, this.#clock.monoMs());
		const fromPart = this.#firstPartToEncode(recent, dueSlot);
		this.#programme = new Programme({
			nextSlot: (fromPart - 1) * FRAMES_PER_PART,
			onAirSlot: (this.#keeper.current.onAirPart ?? Number.POSITIVE_INFINITY) * FRAMES_PER_PART,
		});
		for (const { slot, frame } of [...recent, ...early]) {
			// What came before is heard by the rider alone, so that it knows the voice it follows.
			if (slot < this.#programme.nextSlot && frame.speakerCount > 0 && this.#isOnAir(slot))
				this.#rider.push(frame.samples);
			this.#programme.push(slot, frame);
		}
		take = (slot, frame) => void this.#programme.push(slot, frame);

		if (!isFirst && nextPart > 0) await this.#publishAgain(nextPart);
		this.#fill(fromPart, recent.length > 0);
		this.#encoders.begin(fromPart, (packet) => {
			this.#packager.push(packet);
			this.#drain();
		});
		this.#open.use(this.#bus.onConnect(() => this.#bus.publish(timelines(id), writeJson(this.#keeper.current))));
		this.#open.use(everyMs(this.#clock, REPORT_EVERY_MS, () => this.#report()));
		this.#events.opened({ interviewId: id, nextPart, resumed: !isFirst });
		this.#tick();
		void this.#whenCaughtUp(startedMs, nextPart, fromPart);
		void this.#loadNotices();
		if (!isFirst) void this.#remember(nextPart);
		this.#begun.resolve();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#closed = true;
		this.#timer?.[Symbol.dispose]();
		await this.#open.disposeAsync();
		await this.#publishing;
		await this.#past[Symbol.asyncDispose]();
	}

	#isOnAir(slot: number): boolean {
		const { onAirPart } = this.#keeper.current;
		return onAirPart !== null && slot >= onAirPart * FRAMES_PER_PART;
	}

	// --- after a start ---

	async #askRecent(): Promise<{ readonly slot: number; readonly frame: StageFrame }[]> {
		const { epochTick } = this.#programmeClock;
		try {
			const answer = await this.#bus.request(pcmRecent(this.#interviewId), writeJson({ fromTick: 0 }), {
				timeoutMs: RECENT_WITHIN_MS,
			});
			return Array.from({ length: Math.floor(answer.length / PCM_FRAME_BYTES) }, (_, nth) => {
				const { tick, ...frame } = decodePcmFrame(answer.subarray(nth * PCM_FRAME_BYTES, (nth + 1) * PCM_FRAME_BYTES));
				return { slot: tick - epochTick, frame };
			});
		} catch (error) {
			if (error instanceof BusError) return [];
			throw error;
		}
	}

	/** The first part for which there is something to encode: hold sound can be made for any, voices only for what the stage still has. */
	#firstPartToEncode(recent: readonly { readonly slot: number }[], dueSlot: number): number {
		const { nextPart } = this.#start;
		const currentPart = Math.floor(dueSlot / FRAMES_PER_PART);
		const earliestPart = Math.max(nextPart, currentPart - Math.floor(CATCH_UP_MS_MAX / PART_MS));
		if (!this.#isOnAir(nextPart * FRAMES_PER_PART)) return earliestPart;
		const slots = recent.map(({ slot }) => slot).filter((slot) => slot >= earliestPart * FRAMES_PER_PART);
		if (slots.length === 0) return Math.max(nextPart, currentPart);
		return Math.floor(Math.min(...slots) / FRAMES_PER_PART);
	}

	/** The last part on disk may never have been published: it is sent again, the same bytes. */
	async #publishAgain(nextPart: number): Promise<void> {
		const timeline = this.#keeper.current;
		const { firstPart } = beatOf(timeline, nextPart - 1);
		const again = await readParts(this.#objects, timeline, firstPart, nextPart);
		this.#past.remember(again);
		this.#bus.publish(timelines(this.#interviewId), writeJson(timeline));
		for (const part of again.slice(-1)) this.#bus.publish(partsSubject(this.#interviewId), encodePart(part));
	}

	/** Declares and publishes silence up to `toPart` (exclusive). Of a long gap only the newest minute is published; all of it goes to disk. */
	#fill(toPart: number, stageWasThere: boolean): void {
		const { nextPart } = this.#start;
		if (toPart <= nextPart) return;
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

	/** Reads back the newest minute for edges that ask, and the index of the recording so far. */
	async #remember(nextPart: number): Promise<void> {
		const timeline = this.#keeper.current;
		try {
			const { firstPart } = segmentOf(timeline, Math.max(0, nextPart - TAIL_PARTS_MAX));
			const known = beatOf(timeline, nextPart - 1).firstPart;
			if (firstPart < known) this.#past.remember(await readParts(this.#objects, timeline, firstPart, known));
			if (this.#sizes) await gatherSizes(this.#objects, timeline, nextPart, this.#sizes);
		} catch (error) {
			this.#events.tailUnreadable(error);
		}
	}

	async #whenCaughtUp(startedMs: number, nextPart: number, fromPart: number): Promise<void> {
		const duePart = Math.floor(slotDueAt(this.#programmeClock, this.#clock.monoMs()) / FRAMES_PER_PART);
		while (this.#publishedPart < duePart && !this.#closed) {
			await new Promise<void>((resolve) => this.#clock.wakeAt((this.#clock.monoMs() + 10) as MonoMs, resolve));
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
		for (let i = 0; i < SLOTS_AT_ONCE && this.#programme.nextSlot <= dueSlot; i += 1) {
			this.#lateness.add(nowMs - slotDueMs(this.#programmeClock, this.#programme.nextSlot));
			this.#playSlot();
			if (this.#programme.nextSlot >= this.#endSlot) {
				for (let flush = 0; flush < FLUSH_FRAMES; flush += 1) this.#encoders.push(new Float32Array(FRAME_SAMPLES));
				return;
			}
		}
		if (this.#programme.nextSlot >= PARTS_MAX * FRAMES_PER_PART - 1) void this.#end("longest");
		const deadlineMs = slotDueMs(this.#programmeClock, this.#programme.nextSlot) as MonoMs;
		this.#timer = this.#clock.wakeAt(deadlineMs, () => this.#tick());
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
		this.#encoders.push(this.#delay.pass(samples));
	}

	#drain(): void {
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
		this.#sizes?.add(part.partIndex, readAdtsFrames(part.adts));
		if (part.beginsSegment) void this.#writeResume();
		this.#publishing = this.#publishing
			.then(() => this.#past.written(part.partIndex))
			.then(() => {
				this.#bus.publish(partsSubject(this.#interviewId), encodePart(part));
				this.#publishedPart = part.partIndex + 1;
			});
	}

	async #writeResume(): Promise<void> {
		this.#resume = { ...this.#resume, gainDb: this.#rider.gainDb };
		try {
			await writeResume(this.#objects, this.#interviewId, this.#resume);
		} catch (error) {
			this.#events.timelineNotWritten(error);
		}
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

	async #answer(payload: Buffer): Promise<Uint8Array> {
		const command = readJson(broadcastCommand, payload);
		await this.#begun.promise;
		return writeJson(await this.#obey(command));
	}

	async #obey(command: BroadcastCommand): Promise<OnAirAnswer | EndAnswer | Record<string, never>> {
		switch (command.kind) {
			case "on_air":
				return this.#goOnAir();
			case "end":
				return this.#end("asked");
			case "hold":
				this.#resume = { ...this.#resume, notice: command.notice };
				await Promise.all([this.#writeResume(), this.#loadNotices()]);
				return {};
			case "tags":
				this.#resume = { ...this.#resume, tags: command };
				await this.#writeResume();
				return {};
		}
	}

	async #goOnAir(): Promise<OnAirAnswer> {
		const { onAirPart, endPart, cuts } = this.#keeper.current;
		if (onAirPart === null) {
			if (endPart !== null) throw new Error("Cannot go on air as this interview has ended: announce a new one");
			const part = this.#programme.goOnAir();
			this.#sizes = new FrameSizes(part);
			this.#events.onAir(part);
			await this.#keeper.change({ onAirPart: part, cuts: cuts.includes(part) ? cuts : [...cuts, part] });
		}
		return onAirAnswerOf(this.#keeper.current);
	}

	#end(reason: "asked" | "longest"): Promise<EndAnswer> {
		this.#ending ??= this.#endOnce(reason);
		return this.#ending;
	}

	async #endOnce(reason: "asked" | "longest"): Promise<EndAnswer> {
		const { onAirPart } = this.#keeper.current;
		const endPart = this.#programme.end(onAirPart === null ? 0 : onAirPart + 1);
		this.#endSlot = endPart * FRAMES_PER_PART;
		this.#events.ended(endPart, reason);
		await Promise.all([this.#keeper.change({ endPart }), this.#lastPartMade.promise]);
		await this.#publishing;
		await this.#past.settled();
		await finishRecording(this.#keeper, this.#resume, this.#sizes, {
			objects: this.#objects,
			clock: this.#clock,
			events: this.#events,
		});
		return endAnswerOf(this.#keeper.current);
	}

	async #answerTail(payload: Buffer): Promise<Uint8Array> {
		const { partsMax } = readJson(tailRequest, payload);
		await this.#begun.promise;
		const published = this.#past.tail(TAIL_PARTS_MAX).filter((part) => part.partIndex < this.#publishedPart);
		return packTail(this.#keeper.current, published, partsMax);
	}
}

function packTail(timeline: ProgrammeTimeline, published: readonly Part[], partsMax: number): Uint8Array {
	const count = Math.min(TAIL_PARTS_MAX, Math.max(0, Math.floor(partsMax)));
	return packPieces(timeline, count === 0 ? [] : published.slice(-count).map(encodePart));
}

function finite(value: number | undefined): number | null {
	return value === undefined || !Number.isFinite(value) ? null : Math.round(value * 10) / 10;
}

function onAirAnswerOf(timeline: ProgrammeTimeline): OnAirAnswer {
	const { onAirPart } = timeline;
	if (onAirPart === null) throw new Error("Cannot go on air as this interview has ended: announce a new one");
	return { onAirPart, onAirUnixMs: partUnixMs(timeline, onAirPart) };
}

function endAnswerOf({ onAirPart, endPart }: ProgrammeTimeline): EndAnswer {
	if (onAirPart === null || endPart === null) return { endPart: null, durationMs: 0 };
	return { endPart, durationMs: (endPart - onAirPart) * PART_MS };
}

/** Makes the finished files unless they exist or nothing was ever on air. */
async function finishRecording(
	keeper: TimelineKeeper,
	resume: ResumeRecord | undefined,
	sizes: FrameSizes | undefined,
	{ objects, clock, events }: { readonly objects: Objects; readonly clock: Clock; readonly events: BroadcastEvents },
): Promise<void> {
	const { onAirPart, recording } = keeper.current;
	if (onAirPart === null || recording) return;
	const startedMs = clock.monoMs();
	const tags = resume?.tags ?? { title: "", artists: [], dateIso: "" };
	try {
		const facts = await makeRecording(objects, keeper.current, tags, sizes ?? new FrameSizes(onAirPart));
		await keeper.change({ recording: facts });
		events.recordingMade({
			durationMs: facts.durationMs,
			bytes: facts.m4aBytes + facts.oggBytes,
			tookMs: Math.round(clock.monoMs() - startedMs),
		});
	} catch (error) {
		events.recordingFailed(error);
		throw new Error(
			"Cannot make the recording's files: every segment is on disk, so make room there and end the interview again",
			{ cause: error },
		);
	}
}

/** After *End*: no programme, only answers. Finishes the recording if a predecessor could not. */
class EndedBroadcast implements AsyncDisposable {
	readonly #open = new AsyncDisposableStack();
	readonly #keeper: TimelineKeeper;
	readonly #finish: () => Promise<void>;
	#finishing: Promise<void> | undefined;

	constructor(
		timeline: ProgrammeTimeline,
		resume: ResumeRecord | undefined,
		{ bus, objects, clock }: BroadcastOutside,
		events: BroadcastEvents,
	) {
		const { interviewId } = timeline;
		this.#keeper = new TimelineKeeper({
			objects,
			events,
			publish: (current) => bus.publish(timelines(interviewId), writeJson(current)),
			current: timeline,
		});
		this.#finish = () => finishRecording(this.#keeper, resume, undefined, { objects, clock, events });
		this.#open.use(bus.respond(broadcastCommands(interviewId), (payload) => this.#answer(payload)));
		this.#open.use(
			bus.respond(programmeTail(interviewId), (payload) =>
				packTail(this.#keeper.current, [], readJson(tailRequest, payload).partsMax),
			),
		);
		this.#open.use(bus.onConnect(() => bus.publish(timelines(interviewId), writeJson(this.#keeper.current))));
		// Its end may be known to nobody yet.
		void this.#keeper.write();
		this.#ended().catch(() => {});
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.#open.disposeAsync();
	}

	#ended(): Promise<void> {
		this.#finishing ??= this.#finish().catch((error) => {
			this.#finishing = undefined;
			throw error;
		});
		return this.#finishing;
	}

	async #answer(payload: Buffer): Promise<Uint8Array> {
		const command = readJson(broadcastCommand, payload);
		if (command.kind === "on_air") return writeJson(onAirAnswerOf(this.#keeper.current));
		if (command.kind !== "end") return writeJson({});
		await this.#ended();
		return writeJson(endAnswerOf(this.#keeper.current));
	}
}
