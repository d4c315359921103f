import { type Clock, packPieces, pauseMs } from "#base/index.ts";
import {
	encodeMp3Beat,
	FRAME_SAMPLES,
	MP3_BEAT_SAMPLES,
	MP3_BEATS_MAX,
	MP3_FRAME_SAMPLES,
	MP3_FRAMES_PER_BEAT,
	MP3_WANTED_MS,
	type Mp3Beat,
	type Mp3Wish,
} from "#wire/index.ts";
import type { BroadcastEvents } from "./events.ts";
import { MP3_DELAY_SAMPLES, MP3_SAMPLES_MAX, Mp3Encoder } from "./mp3.ts";

/** Beats made at once for who comes first: 46 KB, as browsers start a plain `<audio>` when some 36 KB are there. */
export const MP3_BURST_BEATS = 6;
/** Frames encoded before the first that is given out, so that it is what an encoder that ran all along would make. */
const WARM_UP_FRAMES = 4;
/** Sound kept for that: the burst, the beat under way, the warm-up. 7.7 s, 0.74 MB. */
const RING_SAMPLES = (MP3_BURST_BEATS + 2) * MP3_BEAT_SAMPLES;
/** What the encoder catches up with is done in turns of this, so that no tick of the programme waits longer. */
const TURN_MS = 4;

/**
 * The programme in MP3, as long as somebody wants it: encoded once, from the newest seconds on when a wish comes and
 * nothing is being made, and until no wish has come for MP3_WANTED_MS.
 *
 * - UNWANTED: the newest sound is kept, nothing is encoded.
 * - BEHIND: wished for; the encoder loads and goes through what was kept, in turns, some 80 ms of work for 6 s.
 * - LEVEL: each slot is encoded as it comes. A beat is out some 100 ms after its last sample.
 *
 * Frame n of the programme decodes to the samples from n × 1,152 on, as in the other codecs, whenever the encoder was
 * started. Sound from before this process is silence, so that a restart leaves no hole.
 */
export class Mp3Track implements Disposable {
	readonly #interviewId: string;
	readonly #clock: Clock;
	readonly #events: BroadcastEvents;
	readonly #publish: (beat: Mp3Beat) => void;
	/** Samples from #toSample − RING_SAMPLES on, at their index modulo RING_SAMPLES; silence where nothing was pushed. */
	readonly #ring = new Int16Array(RING_SAMPLES);
	#toSample = 0;
	#endSample = Number.POSITIVE_INFINITY;
	#encoder: Mp3Encoder | undefined;
	#starting: Promise<void> | undefined;
	/** Counts starts, so that what belongs to one that has been stopped is seen to be over. */
	#run = 0;
	#wantedUntilMs = Number.NEGATIVE_INFINITY;
	/** The next sample to encode, and the frame of the programme that the encoder gives next. */
	#fedSample = 0;
	#nextFrame = 0;
	#firstFrame = 0;
	/** Frames of the beat under way. */
	#gathered: Buffer[] = [];
	/** The newest beats, at most MP3_BEATS_MAX, without a hole. */
	#beats: Mp3Beat[] = [];

	constructor(options: {
		readonly interviewId: string;
		readonly clock: Clock;
		readonly events: BroadcastEvents;
		readonly publish: (beat: Mp3Beat) => void;
	}) {
		this.#interviewId = options.interviewId;
		this.#clock = options.clock;
		this.#events = options.events;
		this.#publish = options.publish;
	}

	/** Takes what is heard in `slot`: FRAME_SAMPLES floats. */
	push(slot: number, samples: Float32Array): void {
		const from = (slot * FRAME_SAMPLES) % RING_SAMPLES;
		for (let i = 0; i < FRAME_SAMPLES; i += 1) {
			this.#ring[from + i] = Math.max(-32_768, Math.min(32_767, Math.round((samples[i] as number) * 32_767)));
		}
		this.#toSample = (slot + 1) * FRAME_SAMPLES;
		if (!this.#encoder) return;
		if (this.#clock.monoMs() >= this.#wantedUntilMs) return this.#stop();
		// While it is behind, its own turns go on.
		if (this.#toSample - this.#fedSample <= FRAME_SAMPLES) this.#encode();
	}

	/** The programme ends before `sample`, all of which have been pushed. */
	end(sample: number): void {
		this.#endSample = sample;
		if (this.#fedSample === this.#toSample) this.#encode();
	}

	/** MP3 is wanted for MP3_WANTED_MS. @returns the answer to it: the beats from `fromBeat` on, or all that are kept. @throws BroadcastError when there is no encoder. */
	async wish({ fromBeat }: Mp3Wish): Promise<Uint8Array> {
		this.#wantedUntilMs = this.#clock.monoMs() + MP3_WANTED_MS;
		if (this.#toSample < this.#endSample) this.#starting ??= this.#start(fromBeat);
		await this.#starting;
		const wished = this.#beats.filter(({ beat }) => beat >= (fromBeat ?? 0));
		return packPieces({}, wished.map(encodeMp3Beat));
	}

	[Symbol.dispose](): void {
		this.#stop();
	}

	async #start(fromBeat: number | null): Promise<void> {
		const startedMs = this.#clock.monoMs();
		const run = ++this.#run;
		try {
			const encoder = await Mp3Encoder.open();
			if (run !== this.#run) return encoder[Symbol.dispose]();
			const now = Math.floor(this.#toSample / MP3_BEAT_SAMPLES);
			const leadSamples = WARM_UP_FRAMES * MP3_FRAME_SAMPLES + MP3_FRAME_SAMPLES - MP3_DELAY_SAMPLES;
			const oldest = Math.ceil((this.#toSample - RING_SAMPLES + leadSamples) / MP3_BEAT_SAMPLES);
			const beat = Math.max(0, oldest, Math.min(fromBeat ?? now, now - MP3_BURST_BEATS));
			this.#encoder = encoder;
			this.#firstFrame = beat * MP3_FRAMES_PER_BEAT;
			// A decoder gives back what went in 1,105 samples before, so that the first frame is left out.
			this.#nextFrame = this.#firstFrame - WARM_UP_FRAMES - 1;
			this.#fedSample = beat * MP3_BEAT_SAMPLES - leadSamples;
			while (run === this.#run && this.#fedSample < this.#toSample) {
				this.#encode(this.#clock.monoMs() + TURN_MS);
				await pauseMs(this.#clock, 0);
			}
			if (run === this.#run)
				this.#events.mp3Started({ fromBeat: beat, tookMs: Math.round(this.#clock.monoMs() - startedMs) });
		} catch (error) {
			this.#events.mp3Failed(error);
			if (run === this.#run) this.#stop();
			throw error;
		}
	}

	/** Encodes what has been pushed, all of it or until `untilMs`; an encoder that fails ends with that. */
	#encode(untilMs = Number.POSITIVE_INFINITY): void {
		const encoder = this.#encoder;
		if (!encoder) return;
		try {
			while (this.#fedSample < this.#toSample && this.#clock.monoMs() < untilMs)
				this.#take(encoder.encode(this.#next()));
			if (this.#fedSample < this.#toSample || this.#toSample < this.#endSample) return;
			this.#take(encoder.flush());
			if (this.#gathered.length > 0) this.#finishBeat();
			this.#encoder = undefined;
			encoder[Symbol.dispose]();
		} catch (error) {
			this.#events.mp3Failed(error);
			this.#stop();
		}
	}

	/** The samples to encode next. */
	#next(): Int16Array {
		const count = Math.min(MP3_SAMPLES_MAX, this.#toSample - this.#fedSample);
		const from = this.#fedSample;
		this.#fedSample += count;
		// Before the epoch there is nothing, and nothing has been pushed to where these would lie.
		return Int16Array.from({ length: count }, (_, i) =>
			from + i < 0 ? 0 : (this.#ring[(from + i) % RING_SAMPLES] as number),
		);
	}

	#take(frames: readonly Buffer[]): void {
		const endFrame = Math.ceil(this.#endSample / MP3_FRAME_SAMPLES);
		for (const frame of frames) {
			const index = this.#nextFrame++;
			if (index < this.#firstFrame || index >= endFrame) continue;
			this.#gathered.push(frame);
			if (this.#gathered.length === MP3_FRAMES_PER_BEAT) this.#finishBeat();
		}
	}

	#finishBeat(): void {
		const beat = (this.#beats.at(-1)?.beat ?? this.#firstFrame / MP3_FRAMES_PER_BEAT - 1) + 1;
		const made: Mp3Beat = { interviewId: this.#interviewId, beat, bytes: Buffer.concat(this.#gathered) };
		this.#gathered = [];
		this.#beats.push(made);
		if (this.#beats.length > MP3_BEATS_MAX) this.#beats.shift();
		this.#publish(made);
	}

	#stop(): void {
		this.#run += 1;
		this.#starting = undefined;
		if (this.#encoder) this.#events.mp3Stopped((this.#beats.at(-1)?.beat ?? -1) + 1);
		this.#encoder?.[Symbol.dispose]();
		this.#encoder = undefined;
		this.#gathered = [];
		this.#beats = [];
	}
}
