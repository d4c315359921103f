import type { Clock, MonoMs, Random, UnixMs } from "#base/index.ts";
import { FRAME_MS, FRAME_SAMPLES, type Place } from "#wire/index.ts";
import { LEVEL_DBFS_MIN, RTCP_EVERY_MS, SHARED_FEED_AFTER_MS, SHARED_FEED_PEAK } from "./config.ts";
import { JitterBuffer } from "./jitter-buffer.ts";
import { Level } from "./levels.ts";
import { MixSeat } from "./mixer.ts";
import { createOpusDecoder, createReturnEncoder, type OpusDecoder } from "./opus.ts";
import { ReturnFeed, type SharedFeed } from "./return-feed.ts";
import { ntpTime, parseRtcp, writeReport } from "./rtcp.ts";
import { isRtcp, parseRtp } from "./rtp.ts";
import { ReceivedRtp } from "./rtp-receiver.ts";
import type { Offer } from "./sdp.ts";
import type { Peer } from "./webrtc.ts";

const SHARED_FEED_AFTER_TICKS = SHARED_FEED_AFTER_MS / FRAME_MS;

/** What a packet from the network was, as far as a seat must know. */
export type Heard =
	| { readonly kind: "sound" }
	/** Nothing that tells a seat anything. */
	| { readonly kind: "other" }
	| { readonly kind: "flood" }
	/** The source that is heard says that it ends. */
	| { readonly kind: "bye" }
	/** Error correction of the return feed was turned on or off by what the peer reports. */
	| { readonly kind: "return_fec"; readonly on: boolean; readonly lossShare: number };

const SOUND: Heard = { kind: "sound" };
const OTHER: Heard = { kind: "other" };

/** Makes a speaker's codecs; his connection is given to him once the engine has made it. */
export async function createSpeaker(offer: Offer, clock: Clock, random: Random): Promise<Speaker> {
	const ssrc = Buffer.from(random.bytes(4)).readUInt32BE() || 1;
	const feed = new ReturnFeed(offer.payloadType, ssrc, await createReturnEncoder(false), random);
	return new Speaker(offer, await createOpusDecoder(), feed, clock.monoMs());
}

/**
 * One connection of one speaker, from its packets to its return feed. Knows neither its seat nor the others.
 *
 * Disposing frees the codecs; the connection is closed by `hangUp`, which may come a tick earlier, so that the voice
 * can fade.
 */
export class Speaker implements Disposable {
	readonly offer: Offer;
	readonly acceptedMs: MonoMs;
	readonly mix = new MixSeat();
	/** The frame of the newest `pull`. */
	readonly frame = new Float32Array(FRAME_SAMPLES);
	#peer: Peer | undefined;
	readonly #decoder: OpusDecoder;
	readonly #feed: ReturnFeed;
	readonly #jitter: JitterBuffer;
	readonly #received: ReceivedRtp;
	readonly #level = new Level();
	#quietTicks = 0;
	#reportAfterMs = 0;
	#malformedReports = 0;

	constructor(offer: Offer, decoder: OpusDecoder, feed: ReturnFeed, acceptedMs: MonoMs) {
		this.offer = offer;
		this.acceptedMs = acceptedMs;
		this.#decoder = decoder;
		this.#feed = feed;
		this.#jitter = new JitterBuffer(decoder);
		this.#received = new ReceivedRtp(offer.payloadType);
	}

	/** What we send with. */
	get ssrc(): number {
		return this.#feed.ssrc;
	}

	get isOpen(): boolean {
		return this.#peer?.isOpen ?? false;
	}

	set peer(peer: Peer) {
		this.#peer = peer;
	}

	hangUp(): void {
		this.#peer?.[Symbol.dispose]();
		this.#peer = undefined;
	}

	/**
	 * Takes RTP or RTCP as it comes from the network; malformed bytes are counted.
	 *
	 * @param unsureMs how much sooner than `nowMs` it may have come.
	 */
	take(bytes: Buffer, nowMs: MonoMs, unixMs: UnixMs, unsureMs: number): Heard {
		if (isRtcp(bytes)) return this.#takeReports(bytes, nowMs, unixMs);
		const packet = parseRtp(bytes);
		if (!packet) {
			this.#received.malformed += 1;
			return OTHER;
		}
		const taken = this.#received.take(packet, nowMs);
		if (taken.kind === "flood") return { kind: "flood" };
		if (taken.kind === "ignored") return OTHER;
		if (taken.newStream) this.#jitter.restart();
		this.#jitter.setLossShare(this.#received.lossShare);
		for (const one of taken.packets) this.#jitter.push(one, one.arrivedMs, unsureMs);
		return SOUND;
	}

	/** Fills `frame` with the next 20 ms. @param nowMs the tick's own time. */
	pull(nowMs: MonoMs): void {
		this.#jitter.pull(this.frame, nowMs);
		this.#level.take(this.frame);
	}

	/**
	 * Sends what was mixed for this speaker, and each second a report. To be called after the mixer, each tick.
	 *
	 * @param shared the feed of those whose voice is not in their sum, or undefined when there is none for his place.
	 */
	send(
		tick: number,
		unixMs: UnixMs,
		shared: { readonly feed: SharedFeed; readonly sum: Float32Array } | undefined,
	): void {
		let peak = 0;
		for (let i = 0; i < FRAME_SAMPLES; i += 1) peak = Math.max(peak, Math.abs(this.frame[i] as number));
		this.#quietTicks = peak < SHARED_FEED_PEAK ? this.#quietTicks + 1 : 0;
		if (this.offer.wantsReturn) {
			const mayShare = this.#quietTicks >= SHARED_FEED_AFTER_TICKS;
			this.#peer?.send(this.#feed.packet(this.mix.heard, mayShare ? shared : undefined, tick));
		}
		this.#report((tick * FRAME_MS) as MonoMs, unixMs);
	}

	/** For `stageReport`; levels are before gain and mute. */
	status() {
		const { packets, lossShare, jitterMs, roundTripMs } = this.#received;
		const { levelDbfs, speaking } = this.#level;
		const { bufferMs, driftPpm } = this.#jitter;
		return { packets, lossShare, jitterMs, roundTripMs, levelDbfs, speaking, bufferMs, driftPpm };
	}

	counts(): Readonly<Record<string, number>> {
		const { packets, malformed } = this.#received;
		return { packets, malformedRtp: malformed, malformedReports: this.#malformedReports, ...this.#jitter.counts };
	}

	[Symbol.dispose](): void {
		this.hangUp();
		this.#decoder[Symbol.dispose]();
		this.#feed[Symbol.dispose]();
	}

	#takeReports(bytes: Buffer, nowMs: MonoMs, unixMs: UnixMs): Heard {
		const reports = parseRtcp(bytes);
		if (!reports) this.#malformedReports += 1;
		let heard = OTHER;
		for (const report of reports ?? []) {
			if (report.kind === "bye" && this.#received.ssrc !== undefined && report.ssrcs.includes(this.#received.ssrc)) {
				heard = { kind: "bye" };
			}
			const block = this.#received.takeReport(report, this.#feed.ssrc, nowMs, unixMs);
			const on = block && this.#feed.report(block.lossShare, nowMs);
			if (on !== undefined) heard = { kind: "return_fec", on, lossShare: block?.lossShare ?? 0 };
		}
		return heard;
	}

	#report(nowMs: MonoMs, unixMs: UnixMs): void {
		if (nowMs < this.#reportAfterMs) return;
		this.#reportAfterMs = nowMs + RTCP_EVERY_MS;
		const { ssrc, timestamp, packets, bytes } = this.#feed;
		const block = this.#received.reportBlock(nowMs);
		this.#peer?.send(
			writeReport({
				ssrc,
				cname: "stage",
				...(packets > 0 && { sender: { ntp: ntpTime(unixMs), rtpTimestamp: timestamp, packets, bytes } }),
				blocks: block ? [block] : [],
			}),
		);
	}
}

/** What is reported of a seat without a connection. */
export const NO_STATUS: ReturnType<Speaker["status"]> = {
	packets: 0,
	lossShare: 0,
	jitterMs: 0,
	roundTripMs: null,
	levelDbfs: LEVEL_DBFS_MIN,
	speaking: false,
	bufferMs: 0,
	driftPpm: null,
};

/** How a voice leaves: for one frame more, fading. */
export const FADING = { place: "check" as Place, muted: true, gainDb: 0 };
