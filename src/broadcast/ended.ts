import {
	broadcastCommand,
	broadcastCommands,
	encodePart,
	type ProgrammeTimeline,
	parts as partsSubject,
	programmeTail,
	readJson,
	timelines,
	writeJson,
} from "#wire/index.ts";
import { answerTail, endAnswerOf, onAirAnswerOf } from "./answers.ts";
import type { BroadcastEvents } from "./events.ts";
import { Finish, finishRecording } from "./finish.ts";
import type { BroadcastOutside } from "./outside.ts";
import { Packager } from "./packager.ts";
import { Past, readBeat, recoverPast } from "./past.ts";
import { RecordingDraft } from "./recording.ts";
import type { ResumeRecord } from "./resume.ts";
import { TimelineKeeper, withGap } from "./timeline.ts";

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
		await finishRecording(this.#keeper, draft, this.#resume?.tags, this.#outside.clock, this.#events);
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
