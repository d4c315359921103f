import webrtc, { type PeerConnection, type Track } from "node-datachannel";
import type { Clock, MonoMs, Random } from "#base/index.ts";
import type { RehearsalReport } from "#wire/index.ts";
import { RehearsalError } from "./errors.ts";
import type { RehearsalEvents } from "./events.ts";
import { JOIN_WITHIN_MS, SpeakerLink } from "./link.ts";
import { PacketClock } from "./packet-clock.ts";
import { OPUS_PAYLOAD_TYPE, opusOf, RtpSource } from "./rtp.ts";
import type { Voice } from "./voice.ts";
import { deleteSession, postOffer, type WhipSession, type WhipTarget } from "./whip.ts";

/** How long leaving may take; after it the stage notices the silence by itself. */
const LEAVE_WITHIN_MS = 500;

/** A packet this late may find its place taken by concealment: a jitter buffer in a quiet network holds hardly more. */
const LATE_MS = 20;
/** Late sends remembered; the oldest is forgotten beyond it. */
const LATE_SENDS_MAX = 1_000;

export type SpeakerOptions = {
	readonly name: string;
	readonly voice: Voice;
	readonly whip: WhipTarget;
	/** Local address of the media socket; absent: every interface. */
	readonly bindAddress?: string;
	/** How far the speaker's sound card is off, parts per million; above 0 is fast. Default 0. */
	readonly offPpm?: number;
	/** Share of packets that are lost on the way, 0-1. Default 0. */
	readonly lossShare?: number;
	/** Format parameters of the offer. Default as browsers have them: mono, 10 ms at least, in-band FEC. */
	readonly fmtp?: string;
	/** Each Opus packet that the speaker hears. `payload` is valid during the call. */
	readonly onReturn?: (payload: Buffer, sequence: number) => void;
};

export type SpeakerStatus = RehearsalReport["speakers"][number];
export type Speaker = {
	readonly status: SpeakerStatus;
	/** Packets that went out LATE_MS and more after their time, oldest first: what this process, not a network, did to them. */
	readonly lateSends: readonly { readonly dueMs: MonoMs; readonly lateMs: number }[];
	/** Goes on with another SSRC, as a client does that changes its microphone: numbers and timestamps begin anew. */
	changeSource(): void;
	/** Leaves the stage. */
	[Symbol.asyncDispose](): Promise<void>;
};

type Connection = {
	readonly attempt: number;
	readonly peer: PeerConnection;
	readonly track: Track;
	session: WhipSession | undefined;
	over: boolean;
};

/**
 * One synthetic speaker: a WHIP client over real WebRTC that says its voice for ever and joins again by itself
 * with the same token whenever the return feed falls silent. The shell around `SpeakerLink` and `PacketClock`.
 */
export function startSpeaker(
	options: SpeakerOptions,
	outside: { readonly clock: Clock; readonly random: Random; readonly events: RehearsalEvents },
): Speaker {
	const { clock, random, events } = outside;
	const { name, voice, lossShare = 0 } = options;
	const link = new SpeakerLink(clock.monoMs());
	const packetClock = new PacketClock({ packetMs: voice.packetMs, offPpm: options.offPpm ?? 0, nowMs: clock.monoMs() });
	const counts = { sent: 0, returned: 0, joins: 0 };
	let lastTrouble = "";
	const lateSends: { dueMs: MonoMs; lateMs: number }[] = [];
	let connection: Connection | undefined;
	let source = new RtpSource(random.unit);
	let wake: Disposable | undefined;
	let stopped = false;

	step();
	return {
		get status() {
			return { name, state: link.state, ...counts, lastTrouble };
		},
		lateSends,
		changeSource() {
			source = new RtpSource(random.unit);
		},
		async [Symbol.asyncDispose]() {
			stopped = true;
			wake?.[Symbol.dispose]();
			if (connection) await leave(connection);
		},
	};

	/** Does what is due and sleeps until something is again. */
	function step(): void {
		if (stopped) return;
		wake?.[Symbol.dispose]();
		const nowMs = clock.monoMs();
		link.tick(nowMs);
		for (let next = link.poll(); next; next = link.poll()) {
			if (next.kind === "join") join(next.attempt);
			else drop(next.attempt, next.trouble);
		}
		for (const index of packetClock.due(nowMs)) speak(index);
		wake = clock.wakeAt(Math.min(packetClock.deadlineMs, link.deadlineMs) as MonoMs, step);
	}

	function speak(index: number): void {
		if (link.state !== "open" || !connection?.track.isOpen()) return;
		const payload = voice.packets[index % voice.packets.length] as Uint8Array;
		if (payload.length === 0) return;
		const dueMs = packetClock.dueMs(index);
		const lateMs = clock.monoMs() - dueMs;
		if (lateMs >= LATE_MS && lateSends.push({ dueMs, lateMs }) > LATE_SENDS_MAX) lateSends.shift();
		if (lossShare > 0 && random.unit() < lossShare) return source.lose();
		// Returns false when the peer has just gone; the silence of its return feed tells us that.
		if (connection.track.sendMessageBinary(source.packet(payload, index * voice.packetMs))) counts.sent += 1;
	}

	function join(attempt: number): void {
		source = new RtpSource(random.unit);
		const peer = new webrtc.PeerConnection(`${name}-${attempt}`, {
			iceServers: [],
			disableAutoNegotiation: true,
			...(options.bindAddress === undefined ? {} : { bindAddress: options.bindAddress }),
		});
		const media = new webrtc.Audio("0", "SendRecv");
		media.addOpusCodec(OPUS_PAYLOAD_TYPE, options.fmtp ?? "minptime=10;useinbandfec=1");
		media.addSSRC(source.ssrc, name, "rehearsal", "voice");
		const track = peer.addTrack(media);
		track.setMediaHandler(new webrtc.RtcpReceivingSession());
		const made: Connection = { attempt, peer, track, session: undefined, over: false };
		connection = made;
		track.onOpen(() => {
			if (made.over) return;
			link.opened(attempt, clock.monoMs());
			if (link.state !== "open") return;
			counts.joins += 1;
			lastTrouble = "";
			events.joined(name, counts.joins);
		});
		track.onMessage((packet) => {
			const heard = made.over ? undefined : opusOf(packet);
			if (!heard) return;
			counts.returned += 1;
			link.returned(attempt, clock.monoMs());
			options.onReturn?.(heard.payload, heard.sequence);
		});
		peer.onStateChange((state) => {
			if (state !== "failed" && state !== "closed") return;
			link.failed(attempt, `the connection ${state === "failed" ? "failed" : "was closed"}`, clock.monoMs());
			queueMicrotask(step);
		});
		peer.onGatheringStateChange((state) => {
			if (state === "complete") void offer(made);
		});
		peer.setLocalDescription("offer");
	}

	async function offer(made: Connection): Promise<void> {
		try {
			const sdp = made.peer.localDescription()?.sdp;
			if (made.over || sdp === undefined) return;
			made.session = await postOffer(options.whip, sdp, JOIN_WITHIN_MS);
			if (made.over) return await deleteSession(options.whip, made.session.resourceUrl, LEAVE_WITHIN_MS);
			made.peer.setRemoteDescription(made.session.sdp, "answer");
		} catch (error) {
			const trouble = error instanceof RehearsalError ? error.message : `the answer cannot be used: ${error}`;
			link.failed(made.attempt, trouble, clock.monoMs());
			step();
		}
	}

	function drop(attempt: number, trouble: string): void {
		if (trouble !== lastTrouble) events.trouble(name, trouble);
		lastTrouble = trouble;
		if (connection?.attempt !== attempt) return;
		const gone = connection;
		connection = undefined;
		void leave(gone);
	}

	async function leave(gone: Connection): Promise<void> {
		gone.over = true;
		gone.peer.close();
		if (gone.session) await deleteSession(options.whip, gone.session.resourceUrl, LEAVE_WITHIN_MS);
	}
}

/** Lets the process exit: the library holds threads. Call it once, after every speaker has left. */
export function closeWebrtc(): void {
	webrtc.cleanup();
}
