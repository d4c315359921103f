import { signal } from "@preact/signals";
import { EchoWatch, MicrophoneCheck, type MicrophoneProblem, PairedLevels } from "../preflight/index.ts";
import { type BlockListener, Capture } from "./capture.ts";

/** Often enough for a meter to look alive. */
const METER_MS = 66;
const JUDGE_MS = 250;
/** The voice is judged over so much, anew each time. */
const WINDOW_MS = 15_000;
/** A verdict comes late in a window; until then that of the last one stands. */
const JUDGED_FROM_MS = 9_000;

/**
 * What this person's browser hears of their own microphone: level, verdicts, and whether the others come back in
 * it. Listens to a clone, so that mute and cough do not blind it. Sends nothing anywhere.
 */
export class OwnVoice implements Disposable {
	/** RMS of the last 200 ms, dBFS, -100 without a microphone. */
	readonly levelDbfs = signal(-100);
	readonly problem = signal<MicrophoneProblem | undefined>(undefined);
	/** Enough was said lately, and nothing is wrong with it. */
	readonly levelRight = signal(false);
	/** The others are heard in this microphone, and so hear themselves. */
	readonly echo = signal(false);
	/** Blocks for whoever judges the microphone on its own: the pre-flight check. One at a time. */
	onBlock: BlockListener | undefined;

	#capture: Capture | undefined;
	#clone: MediaStreamTrack | undefined;
	#window: { check: MicrophoneCheck; sinceMs: number } | undefined;
	/** The others as they are played here, on the clock of the microphone's capture. */
	#returned: { capture: Capture; watch: EchoWatch; levels: PairedLevels } | undefined;
	#silence: MediaStreamTrack | undefined;
	readonly #timers = [
		window.setInterval(() => this.#meter(), METER_MS),
		window.setInterval(() => this.#judge(), JUDGE_MS),
	];

	/** The context in which the microphone is heard; made when it is first wanted. */
	get context(): AudioContext {
		return this.#capturing().context;
	}

	/** @param track undefined: there is no microphone. */
	listenTo(track: MediaStreamTrack | undefined): void {
		this.#clone?.stop();
		this.#clone = track?.clone();
		this.#window = undefined;
		if (this.#clone) this.#clone.enabled = true;
		this.#capturing().listenTo(this.#clone);
	}

	/** Compares what is played with what the microphone hears, from now on. */
	compareWith(returned: MediaStream): void {
		const near = this.#capturing();
		this.#returned?.capture[Symbol.dispose]();
		const watch = new EchoWatch();
		const levels = new PairedLevels(near.context.sampleRate, EchoWatch.frameMs, (farDbfs, nearDbfs) =>
			watch.push(farDbfs, nearDbfs),
		);
		const capture = new Capture(near.context);
		capture.onBlock = (block, frame) => levels.far(block, frame);
		capture.listenTo(returned.getAudioTracks()[0]);
		this.#returned = { capture, watch, levels };
	}

	/** Sends packets of silence where there is no microphone: the seat stays, and the return feed flows. */
	silence(): MediaStreamTrack | undefined {
		this.#silence ??= this.context.createMediaStreamDestination().stream.getAudioTracks()[0];
		return this.#silence;
	}

	/** In a press: lets the meter run where the browser held it back. */
	wake(): void {
		void this.#capture?.context.resume().catch(() => {});
	}

	[Symbol.dispose](): void {
		for (const timer of this.#timers) window.clearInterval(timer);
		this.onBlock = undefined;
		this.#clone?.stop();
		this.#returned?.capture[Symbol.dispose]();
		this.#returned = undefined;
		this.#capture?.[Symbol.dispose]();
		this.#capture = undefined;
		this.levelDbfs.value = -100;
	}

	#capturing(): Capture {
		if (this.#capture) return this.#capture;
		const capture = new Capture();
		capture.onBlock = (block, frame) => {
			this.onBlock?.(block, frame);
			this.#returned?.levels.near(block, frame);
			const nowMs = performance.now();
			if (!this.#window || nowMs - this.#window.sinceMs > WINDOW_MS) {
				this.#window = { check: new MicrophoneCheck(capture.context.sampleRate), sinceMs: nowMs };
			}
			this.#window.check.push(block);
		};
		this.#capture = capture;
		return capture;
	}

	#meter(): void {
		const level = this.#clone ? (this.#window?.check.levelDbfs ?? -100) : -100;
		this.levelDbfs.value = Math.max(-100, level);
	}

	#judge(): void {
		this.echo.value = this.#returned?.watch.heard ?? false;
		if (!this.#clone) this.problem.value = undefined;
		if (!this.#clone || !this.#window || performance.now() - this.#window.sinceMs < JUDGED_FROM_MS) return;
		const { problems, reading } = this.#window.check;
		// Who is silent in a conversation listens: that is no problem of the microphone's.
		this.problem.value = problems.find((problem) => problem !== "mic_not_heard");
		if (reading.speechDbfs !== null) this.levelRight.value = problems.length === 0;
	}
}
