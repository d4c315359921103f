import type { MonoMs, Random } from "#base/index.ts";
import { FRAME_SAMPLES } from "#wire/index.ts";
import { FEC_OFF_AFTER_MS, FEC_OFF_LOSS_SHARE, FEC_ON_LOSS_SHARE } from "./config.ts";
import { createReturnEncoder, type OpusEncoder } from "./opus.ts";
import { SILENCE_PACKET } from "./opus-packet.ts";
import { writeRtp } from "./rtp.ts";

/** Frames of silence after which the codec has nothing left to say. */
const SILENT_FRAMES = 3;

/** Whether a feed needs error correction, by what its receiver reports. Pure, with hysteresis. */
export class LossWatch {
	#highReports = 0;
	#lowSinceMs: MonoMs | undefined;
	#on = false;

	/** @param lossShare of one report block, 0-1. @returns whether error correction should be on. */
	take(lossShare: number, nowMs: MonoMs): boolean {
		this.#highReports = lossShare >= FEC_ON_LOSS_SHARE ? this.#highReports + 1 : 0;
		if (lossShare >= FEC_OFF_LOSS_SHARE) this.#lowSinceMs = undefined;
		else this.#lowSinceMs ??= nowMs;
		if (this.#highReports >= 2) this.#on = true;
		else if (this.#lowSinceMs !== undefined && nowMs - this.#lowSinceMs >= FEC_OFF_AFTER_MS) this.#on = false;
		return this.#on;
	}
}

/**
 * An encoder that knows what its listeners heard before: after a pause or a change of listeners its packets
 * lean on nothing that a decoder may not have.
 */
export class FeedEncoder implements Disposable {
	readonly #encoder: OpusEncoder;
	readonly #previous = new Float32Array(FRAME_SAMPLES);
	#tick = -1;

	constructor(encoder: OpusEncoder) {
		this.#encoder = encoder;
	}

	/** @param joined whether a listener hears this encoder for the first time with this frame. */
	encode(frame: Float32Array, tick: number, joined: boolean): Uint8Array {
		const rested = tick !== this.#tick + 1;
		// After a rest its filters still hold old sound: the frame before this one refreshes them.
		if (rested) this.#encoder.encode(this.#previous, true);
		this.#tick = tick;
		return this.#encoder.encode(frame, joined || rested);
	}

	/** Remembers what listeners heard from elsewhere while this encoder rested. */
	rest(frame: Float32Array): void {
		this.#previous.set(frame);
	}

	setLossShare(share: number): void {
		this.#encoder.setLossShare(share);
	}

	[Symbol.dispose](): void {
		this.#encoder[Symbol.dispose]();
	}
}

/** A feed that several listeners share because nothing of it is their own voice. Encoded at most once per tick. */
export class SharedFeed implements Disposable {
	readonly #encoder: FeedEncoder;
	#tick = -1;
	#packet: Uint8Array = SILENCE_PACKET;

	constructor(encoder: OpusEncoder) {
		this.#encoder = new FeedEncoder(encoder);
	}

	packet(frame: Float32Array, tick: number, joined: boolean): Uint8Array {
		if (tick !== this.#tick) this.#packet = this.#encoder.encode(frame, tick, joined);
		this.#tick = tick;
		return this.#packet;
	}

	/** Called at each tick's end, whether anyone listened or not: whoever joins next hears a clean beginning. */
	rest(frame: Float32Array): void {
		this.#encoder.rest(frame);
	}

	[Symbol.dispose](): void {
		this.#encoder[Symbol.dispose]();
	}
}

type Source = SharedFeed | FeedEncoder | "silence";

/** What one speaker hears, as RTP. Owns its encoders. */
export class ReturnFeed implements Disposable {
	readonly ssrc: number;
	readonly #payloadType: number;
	readonly #plain: FeedEncoder;
	#fec: FeedEncoder | undefined;
	#fecWanted = false;
	#disposed = false;
	readonly #watch = new LossWatch();
	#source: Source = "silence";
	#silentFrames = SILENT_FRAMES;
	#sequence: number;
	readonly #firstTimestamp: number;
	#firstTick: number | undefined;
	#timestamp = 0;
	packets = 0;
	bytes = 0;

	constructor(payloadType: number, ssrc: number, encoder: OpusEncoder, random: Random) {
		this.ssrc = ssrc;
		this.#payloadType = payloadType;
		this.#plain = new FeedEncoder(encoder);
		// Both start anywhere (RFC 3550 §5.1), low enough that wrapping does not come at once.
		this.#sequence = Math.floor(random.unit() * 0x8000);
		this.#firstTimestamp = Math.floor(random.unit() * 0x8000_0000);
	}

	/** RTP time of the newest packet. */
	get timestamp(): number {
		return this.#timestamp;
	}

	/** Takes what the receiver lost. @returns the new state when error correction was turned on or off. */
	report(lossShare: number, nowMs: MonoMs): boolean | undefined {
		const wanted = this.#watch.take(lossShare, nowMs);
		this.#fec?.setLossShare(lossShare);
		if (wanted === this.#fecWanted) return undefined;
		this.#fecWanted = wanted;
		if (!wanted) {
			this.#fec?.[Symbol.dispose]();
			this.#fec = undefined;
			return false;
		}
		void createReturnEncoder(true).then((encoder) => {
			if (this.#disposed || !this.#fecWanted || this.#fec) encoder[Symbol.dispose]();
			else this.#fec = new FeedEncoder(encoder);
		});
		return true;
	}

	/**
	 * The packet for one tick.
	 *
	 * @param heard what the speaker should hear.
	 * @param shared a feed with the same sound, or undefined when this speaker's own voice is in the sum.
	 */
	packet(heard: Float32Array, shared: { feed: SharedFeed; sum: Float32Array } | undefined, tick: number): Buffer {
		this.#silentFrames = heard.every((sample) => sample === 0) ? this.#silentFrames + 1 : 0;
		const own = this.#fec ?? this.#plain;
		const source: Source = this.#silentFrames > SILENT_FRAMES ? "silence" : shared && !this.#fec ? shared.feed : own;
		const joined = source !== this.#source;
		let payload: Uint8Array;
		if (source === "silence") payload = SILENCE_PACKET;
		else if (source instanceof SharedFeed) payload = source.packet((shared as { sum: Float32Array }).sum, tick, joined);
		else payload = source.encode(heard, tick, joined);
		this.#source = source;
		own.rest(heard);

		this.#firstTick ??= tick;
		this.#timestamp = (this.#firstTimestamp + (tick - this.#firstTick) * FRAME_SAMPLES) % 2 ** 32;
		const packet = writeRtp({
			marker: this.packets === 0,
			payloadType: this.#payloadType,
			sequence: this.#sequence,
			timestamp: this.#timestamp,
			ssrc: this.ssrc,
			payload,
		});
		this.#sequence = (this.#sequence + 1) & 0xffff;
		this.packets += 1;
		this.bytes += payload.length;
		return packet;
	}

	[Symbol.dispose](): void {
		this.#disposed = true;
		this.#plain[Symbol.dispose]();
		this.#fec?.[Symbol.dispose]();
	}
}
