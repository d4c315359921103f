/** Puts sound into one Media Source Extensions buffer, one step after the other, as the interface demands. */

type Step =
	| { readonly kind: "append"; readonly bytes: Uint8Array<ArrayBuffer> }
	| { readonly kind: "restart" }
	| { readonly kind: "remove"; readonly fromS: number; readonly toS: number }
	| { readonly kind: "finish" };

export type SoundBufferEvents = {
	/** A step is done: what is buffered may have changed. */
	settled(): void;
	/** No room: something must be removed before the same bytes are tried again. */
	full(): void;
	/** The buffer is unusable; the whole media source must be made anew. */
	broken(cause: unknown): void;
};

export const SOUND_TYPE = 'audio/mp4; codecs="opus"';
/** Steps that may wait. Beyond it the browser has stopped taking sound: broken. */
const STEPS_MAX = 4_000;

/** Longer than any programme. */
const SEEKABLE_S = 86_400;

type SourceConstructor = { new (): MediaSource; isTypeSupported(type: string): boolean };

/** The browser's media source, or undefined when it cannot take our sound. */
export function mediaSourceConstructor(): SourceConstructor | undefined {
	const scope = globalThis as { ManagedMediaSource?: SourceConstructor; MediaSource?: SourceConstructor };
	return [scope.MediaSource, scope.ManagedMediaSource].find((each) => each?.isTypeSupported(SOUND_TYPE));
}

export class SoundBuffer implements Disposable {
	readonly #audio: HTMLAudioElement;
	readonly #events: SoundBufferEvents;
	readonly #source: MediaSource;
	readonly #url: string;
	#buffer: SourceBuffer | undefined;
	#steps: Step[] = [];
	#waitingForRoom = false;
	#gone = false;

	/** Attaches to `audio`; sound may be handed over at once. */
	constructor(audio: HTMLAudioElement, constructor: SourceConstructor, events: SoundBufferEvents) {
		this.#audio = audio;
		this.#events = events;
		this.#source = new constructor();
		// A managed source opens only where the sound cannot be sent elsewhere (Media Source Extensions, ManagedMediaSource).
		audio.disableRemotePlayback = true;
		this.#url = URL.createObjectURL(this.#source);
		this.#source.addEventListener("sourceopen", () => this.#opened(), { once: true });
		audio.src = this.#url;
	}

	append(bytes: Uint8Array<ArrayBuffer>): void {
		this.#push({ kind: "append", bytes });
	}

	/** What follows does not continue what came before: an init segment must come next. */
	restart(): void {
		this.#push({ kind: "restart" });
	}

	remove(fromS: number, toS: number): void {
		this.#push({ kind: "remove", fromS, toS });
	}

	/** All sound there will be is there: the element may end. Later appends take it back. */
	finish(): void {
		this.#push({ kind: "finish" });
	}

	[Symbol.dispose](): void {
		this.#gone = true;
		this.#steps = [];
		URL.revokeObjectURL(this.#url);
	}

	#push(step: Step): void {
		if (this.#gone) return;
		this.#steps.push(step);
		if (this.#steps.length > STEPS_MAX) this.#break(new RangeError("steps wait without end"));
		else this.#work();
	}

	#opened(): void {
		if (this.#gone) return;
		try {
			const buffer = this.#source.addSourceBuffer(SOUND_TYPE);
			// Otherwise a seek to where no sound is yet would be put aside without a word (HTML, "seek", step 8).
			this.#source.duration = Number.POSITIVE_INFINITY;
			this.#source.setLiveSeekableRange(0, SEEKABLE_S);
			this.#buffer = buffer;
			buffer.addEventListener("updateend", () => {
				if (this.#gone) return;
				this.#work();
				if (!buffer.updating) this.#events.settled();
			});
			buffer.addEventListener("error", () => this.#break(new Error("the source buffer failed")));
		} catch (cause) {
			this.#break(cause);
			return;
		}
		this.#work();
	}

	#work(): void {
		const buffer = this.#buffer;
		while (buffer && !buffer.updating && this.#steps.length > 0 && !this.#gone) {
			const removal = this.#waitingForRoom ? this.#steps.findIndex((step) => step.kind === "remove") : 0;
			if (removal < 0) return;
			const step = this.#steps.splice(removal, 1)[0] as Step;
			try {
				this.#take(buffer, step);
			} catch (cause) {
				if (step.kind === "append" && (cause as DOMException).name === "QuotaExceededError") {
					this.#steps.unshift(step);
					if (this.#waitingForRoom) this.#break(cause);
					this.#waitingForRoom = true;
					this.#events.full();
				} else this.#break(cause);
				return;
			}
		}
	}

	#take(buffer: SourceBuffer, step: Step): void {
		switch (step.kind) {
			case "append": {
				// A burst is one append, not one per part.
				const run = [step.bytes];
				while (this.#steps[0]?.kind === "append") run.push((this.#steps.shift() as typeof step).bytes);
				const whole = run.length === 1 ? step.bytes : join(run);
				try {
					buffer.appendBuffer(whole);
				} catch (cause) {
					if (run.length > 1) this.#steps.unshift({ kind: "append", bytes: join(run.slice(1)) });
					throw cause;
				}
				return;
			}
			case "restart":
				if (this.#source.readyState === "open") buffer.abort();
				return;
			case "remove":
				this.#waitingForRoom = false;
				if (step.toS > step.fromS && buffer.buffered.length > 0) buffer.remove(step.fromS, step.toS);
				return;
			case "finish":
				if (this.#source.readyState === "open") this.#source.endOfStream();
		}
	}

	#break(cause: unknown): void {
		if (this.#gone) return;
		this[Symbol.dispose]();
		this.#events.broken(cause);
	}

	get audio(): HTMLAudioElement {
		return this.#audio;
	}
}

function join(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
	const out = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
	let at = 0;
	for (const piece of pieces) {
		out.set(piece, at);
		at += piece.length;
	}
	return out;
}
