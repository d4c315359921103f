import type { Clock, MonoMs } from "#base/index.ts";
import { FINISH_RETRY_MS } from "./config.ts";
import type { BroadcastEvents } from "./events.ts";
import type { RecordingDraft, Tags } from "./recording.ts";
import type { TimelineKeeper } from "./timeline.ts";

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

/** Makes the finished files unless they exist or nothing was ever on air. @throws Error, a sentence with a next step. */
export async function finishRecording(
	keeper: TimelineKeeper,
	draft: RecordingDraft,
	tags: Tags | undefined,
	clock: Clock,
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
