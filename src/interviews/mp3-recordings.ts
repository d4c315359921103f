import type { Clock, MonoMs } from "#base/index.ts";
import type { Objects } from "#objects/index.ts";
import {
	MP3_HOLD_MS,
	type Mp3RecordingAnswer,
	mp3RecordingWish,
	readJson,
	recordingKey,
	writeJson,
} from "#wire/index.ts";
import type { InterviewEvents } from "./events.ts";

/** Recordings that wait to be made. One more is refused. */
export const MP3_QUEUE_MAX = 16;
/** A recording that could not be made is not tried again for this long. */
export const MP3_FAILED_KEEP_MS = 60_000;
/** What is said of one whose turn has not come. */
const UNKNOWN_LEFT_MS = 30_000;

type Job = {
	/** Settles when there is an answer that is not `making`. */
	readonly done: Promise<Mp3RecordingAnswer>;
	startedMs: number | undefined;
	share: number;
};

/**
 * Has `recording.mp3` made when an edge wishes for it, once and one at a time, as most are never asked for: an hour of
 * sound takes some 45 s of one core.
 */
export class Mp3Recordings {
	readonly #clock: Clock;
	readonly #objects: Objects;
	readonly #events: InterviewEvents;
	readonly #make: (interviewId: string, onProgress: (share: number) => void) => Promise<number | undefined>;
	/** Those that wait, the one being made, and those that failed lately. At most MP3_QUEUE_MAX. */
	readonly #jobs = new Map<string, Job>();
	/** Settles when everything asked for so far is made. */
	#queue: Promise<unknown> = Promise.resolve();

	/** @param options.make gives the bytes of the file it has made, or undefined when there is no recording. */
	constructor(options: {
		readonly clock: Clock;
		readonly objects: Objects;
		readonly events: InterviewEvents;
		readonly make: (interviewId: string, onProgress: (share: number) => void) => Promise<number | undefined>;
	}) {
		this.#clock = options.clock;
		this.#objects = options.objects;
		this.#events = options.events;
		this.#make = options.make;
	}

	/** Answers `MP3_RECORDING_WISHES`. */
	async answer(payload: Buffer): Promise<Uint8Array> {
		return writeJson(await this.wish(readJson(mp3RecordingWish, payload).interviewId));
	}

	async wish(interviewId: string): Promise<Mp3RecordingAnswer> {
		const bytes = await this.#objects.sizeBytes(recordingKey(interviewId, "mp3"));
		if (bytes !== undefined) return { state: "made", bytes };
		let job = this.#jobs.get(interviewId);
		if (!job) {
			if (this.#jobs.size >= MP3_QUEUE_MAX) return { state: "refused" };
			job = this.#begin(interviewId);
		}
		const waited = Promise.withResolvers<undefined>();
		using _ = this.#clock.wakeAt((this.#clock.monoMs() + MP3_HOLD_MS) as MonoMs, () => waited.resolve(undefined));
		return (await Promise.race([job.done, waited.promise])) ?? { state: "making", leftMs: this.#leftMs(job) };
	}

	#begin(interviewId: string): Job {
		const done = this.#queue.then(() => this.#run(interviewId, job));
		const job: Job = { done, startedMs: undefined, share: 0 };
		this.#queue = done;
		this.#jobs.set(interviewId, job);
		return job;
	}

	async #run(interviewId: string, job: Job): Promise<Mp3RecordingAnswer> {
		const startedMs = this.#clock.monoMs();
		job.startedMs = startedMs;
		try {
			const bytes = await this.#make(interviewId, (share) => {
				job.share = share;
			});
			this.#jobs.delete(interviewId);
			if (bytes === undefined) return { state: "none" };
			this.#events.mp3Made({ interviewId, bytes, tookMs: Math.round(this.#clock.monoMs() - startedMs) });
			return { state: "made", bytes };
		} catch (error) {
			this.#events.mp3NotMade(interviewId, error);
			this.#clock.wakeAt((this.#clock.monoMs() + MP3_FAILED_KEEP_MS) as MonoMs, () => this.#jobs.delete(interviewId));
			return { state: "refused" };
		}
	}

	#leftMs({ startedMs, share }: Job): number {
		if (startedMs === undefined || share === 0) return UNKNOWN_LEFT_MS;
		return Math.round(((this.#clock.monoMs() - startedMs) * (1 - share)) / share);
	}
}
