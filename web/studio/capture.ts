import workletUrl from "./capture-worklet.js?url";

/** @param frame of the context's time at which the block begins. */
export type BlockListener = (block: Float32Array, frame: number) => void;

/** What the page hears of a track, its own microphone's or the others': blocks of samples, for meters and verdicts. Sends nothing anywhere. */
export class Capture implements Disposable {
	readonly context: AudioContext;
	readonly #ownsContext: boolean;
	readonly #ready: Promise<void>;
	#node: AudioWorkletNode | undefined;
	#source: MediaStreamAudioSourceNode | undefined;
	#wanted: MediaStreamTrack | undefined;
	#onBlock: BlockListener | undefined;

	/** @param shared the context of another capture, so that both have one clock; it stays open when this one is disposed. */
	constructor(shared?: AudioContext) {
		this.#ownsContext = shared === undefined;
		// No sample rate of ours: Firefox connects a microphone only to a context of the microphone's own.
		this.context = shared ?? new AudioContext({ latencyHint: "interactive" });
		this.#ready = this.context.audioWorklet.addModule(workletUrl).then(() => {
			this.#node = new AudioWorkletNode(this.context, "capture", {
				numberOfOutputs: 0,
				channelCount: 1,
				channelCountMode: "explicit",
			});
			this.#node.port.onmessage = (event: MessageEvent<{ block: Float32Array; frame: number }>) =>
				this.#onBlock?.(event.data.block, event.data.frame);
			this.#connect();
		});
		this.#ready.catch(() => {
			// Without a worklet there is no meter and no verdict; speaking does not depend on it.
		});
		if (this.#ownsContext && this.context.state === "suspended") {
			const wake = () => {
				void this.context.resume();
				window.removeEventListener("pointerdown", wake);
				window.removeEventListener("keydown", wake);
			};
			window.addEventListener("pointerdown", wake);
			window.addEventListener("keydown", wake);
			void this.context.resume().catch(() => {});
		}
	}

	/** Listens to another microphone, or to none. */
	listenTo(track: MediaStreamTrack | undefined): void {
		this.#wanted = track;
		this.#connect();
	}

	/** @param onBlock gets each block of mono samples at `context.sampleRate`; one listener at a time. */
	set onBlock(onBlock: BlockListener | undefined) {
		this.#onBlock = onBlock;
	}

	[Symbol.dispose](): void {
		this.#onBlock = undefined;
		this.#source?.disconnect();
		if (this.#ownsContext) void this.context.close().catch(() => {});
	}

	#connect(): void {
		this.#source?.disconnect();
		this.#source = undefined;
		if (!this.#wanted || !this.#node) return;
		this.#source = this.context.createMediaStreamSource(new MediaStream([this.#wanted]));
		this.#source.connect(this.#node);
	}
}
