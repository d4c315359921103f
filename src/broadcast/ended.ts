import * as z from "zod/mini";
import type { Clock, MonoMs } from "#base/index.ts";
import { packPieces } from "#base/index.ts";
import {
	broadcastCommand,
	broadcastCommands,
	type EndAnswer,
	encodePart,
	type OnAirAnswer,
	PART_MS,
	type Part,
	type ProgrammeTimeline,
	parts as partsSubject,
	partUnixMs,
	programmeTail,
	readJson,
	timelines,
	writeJson,
} from "#wire/index.ts";
import type { BroadcastOutside } from "./broadcast.ts";
import { FINISH_RETRY_MS, TAIL_PARTS_MAX } from "./config.ts";
import type { BroadcastEvents } from "./events.ts";
import { Packager } from "./packager.ts";
import { Past, readBeat, recoverPast } from "./past.ts";
import { RecordingDraft } from "./recording.ts";
import type { ResumeRecord } from "./resume.ts";
import { TimelineKeeper, withGap } from "./timeline.ts";

/** What a programme has to do after its last part, tried again every FINISH_RETRY_MS until it succeeds. */
export class Finish implements Disposable {
	readonly #work: () => Promise<void>;
	readonly #clock: Clock;
	#attempt: Promise<void> | undefined;
	#retry: Disposable | undefined;

	constructor(clock: Clock, work: () => Promise<void>) {
		this.#clock = clock;
		this.#work = work;
	}

	/** Settles when the work is done; rejects when the attempt under way, or the one begun now, fails. */
	attempt(): Promise<void> {
		this.#attempt ??= this.#work().catch((error) => {
			this.#attempt = undefined;
			this.#retry = this.#clock.wakeAt((this.#clock.monoMs() + FINISH_RETRY_MS) as MonoMs, () => {
				this.attempt().catch(() => {});
			});
			throw error;
		});
		return this.#attempt;
	}

	[Symbol.dispose](): void {
		this.#retry?.[Symbol.dispose]();
	}
}

/**
 * After *End*: no programme, only answers.
 *
 * If a predecessor was killed between *End* and the finished files, the parts it did not come to are silence and
 * declared, and the files are made.
 */
export class EndedBroadcast implements AsyncDisposable {
	readonly #outside: BroadcastOutside;
	readonly #events: BroadcastEvents;
	readonly #resume: ResumeRecord | undefined;
	readonly #keeper: TimelineKeeper;
	readonly #finish: Finish;
	readonly #open = new AsyncDisposableStack();

	/** @param timeline with its `endPart`. */
	constructor(
		timeline: ProgrammeTimeline,
		resume: ResumeRecord | undefined,
		outside: BroadcastOutside,
		events: BroadcastEvents,
	) {
		const { bus } = outside;
		const { interviewId } = timeline;
		this.#outside = outside;
		this.#events = events;
		this.#resume = resume;
		this.#keeper = new TimelineKeeper({
			objects: outside.objects,
			events,
			publish: (current) => bus.publish(timelines(interviewId), writeJson(current)),
			current: timeline,
		});
		this.#finish = this.#open.use(new Finish(outside.clock, () => this.#finishOnce()));
		this.#open.use(bus.respond(broadcastCommands(interviewId), (payload) => this.#answer(payload)));
		this.#open.use(bus.respond(programmeTail(interviewId), (payload) => answerTail(this.#keeper.current, [], payload)));
		this.#open.use(bus.onConnect(() => bus.publish(timelines(interviewId), writeJson(this.#keeper.current))));
		// Its end may be known to nobody yet.
		void this.#keeper.write();
		this.#finish.attempt().catch(() => {});
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.#open.disposeAsync();
	}

	async #answer(payload: Buffer): Promise<Uint8Array> {
		const command = readJson(broadcastCommand, payload);
		if (command.kind === "on_air") return writeJson(onAirAnswerOf(this.#keeper.current));
		if (command.kind !== "end") return writeJson({});
		await this.#finish.attempt();
		return writeJson(endAnswerOf(this.#keeper.current));
	}

	async #finishOnce(): Promise<void> {
		if (this.#keeper.current.recording) return;
		await this.#completeSegments();
		const draft = new RecordingDraft({
			objects: this.#outside.objects,
			timeline: () => this.#keeper.current,
			pause: () => Promise.resolve(),
		});
		await finishRecording(this.#keeper, draft, this.#resume?.tags, this.#outside, this.#events);
	}

	async #completeSegments(): Promise<void> {
		const { bus, objects, clock } = this.#outside;
		const { interviewId, endPart } = this.#keeper.current;
		if (endPart === null) return;
		const { nextPart, patched } = await recoverPast(objects, this.#keeper.current, endPart);
		const fromPart = patched?.fromPart ?? nextPart;
		if (fromPart >= endPart) return;
		const beat = await readBeat(objects, this.#keeper.current, nextPart);
		const packager = new Packager({ interviewId, nextPart, beat });
		await using past = new Past({
			interviewId,
			objects,
			clock,
			events: this.#events,
			timeline: () => this.#keeper.current,
			onGap: () => {},
			onSegment: () => {},
			nextPart,
		});
		while (packager.nextPart < endPart) {
			const part = packager.fill(this.#keeper.current);
			past.add(part);
			await past.written(part.partIndex);
			bus.publish(partsSubject(interviewId), encodePart(part));
		}
		await past.settled();
		const gap = { fromPart, toPart: endPart, cause: "broadcast_restarted" } as const;
		await this.#keeper.change({ gaps: withGap(this.#keeper.current.gaps, gap) });
	}
}

/** Makes the finished files unless they exist or nothing was ever on air. @throws Error, a sentence with a next step. */
export async function finishRecording(
	keeper: TimelineKeeper,
	draft: RecordingDraft,
	tags: ResumeRecord["tags"] | undefined,
	{ clock }: BroadcastOutside,
	events: BroadcastEvents,
): Promise<void> {
	const { onAirPart, recording } = keeper.current;
	if (onAirPart === null || recording) return;
	const startedMs = clock.monoMs();
	try {
		const facts = await draft.finish(tags ?? { title: "", artists: [], dateIso: "" });
		await keeper.change({ recording: facts });
		events.recordingMade({
			durationMs: facts.durationMs,
			bytes: facts.m4aBytes + facts.oggBytes,
			tookMs: Math.round(clock.monoMs() - startedMs),
		});
	} catch (error) {
		events.recordingFailed(error);
		throw new Error(
			"Cannot make the recording's files: every segment is on disk and unharmed, so make room there; it is tried again by itself",
			{ cause: error },
		);
	}
}

export function onAirAnswerOf(timeline: ProgrammeTimeline): OnAirAnswer {
	const { onAirPart } = timeline;
	if (onAirPart === null) throw new Error("Cannot go on air as this interview has ended: announce a new one");
	return { onAirPart, onAirUnixMs: partUnixMs(timeline, onAirPart) };
}

export function endAnswerOf({ onAirPart, endPart }: ProgrammeTimeline): EndAnswer {
	if (onAirPart === null || endPart === null) return { endPart: null, durationMs: 0 };
	return { endPart, durationMs: (endPart - onAirPart) * PART_MS };
}

const tailRequest = z.object({ partsMax: z.number() });

/** The answer to `programmeTail`. @param published the newest parts, oldest first. */
export function answerTail(timeline: ProgrammeTimeline, published: readonly Part[], payload: Buffer): Uint8Array {
	const { partsMax } = readJson(tailRequest, payload);
	const count = Math.min(TAIL_PARTS_MAX, Math.max(0, Math.floor(partsMax)));
	return packPieces(timeline, count === 0 ? [] : published.slice(-count).map(encodePart));
}
