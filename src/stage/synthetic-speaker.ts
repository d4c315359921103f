/** A speaker for tests and benchmarks: a WebRTC client of the same engine that sends packets as it is told. Not part of the product. */
import engine from "node-datachannel";
import { FRAME_SAMPLES, type StageAnswer } from "#wire/index.ts";
import { isRtcp, parseRtp, type RtpPacket, writeRtp } from "./rtp.ts";

export type SyntheticSpeaker = Disposable & {
	readonly ssrc: number;
	/** Sends one packet of Opus; the timestamp moves on by `samples`. */
	say(payload: Uint8Array, samples?: number): void;
	/** Leaves out one packet: a loss. */
	skip(samples?: number): void;
	sendRaw(packet: Buffer): void;
	onRtp: (packet: RtpPacket) => void;
	onRtcp: (bytes: Buffer) => void;
	/** Packets heard. */
	heard: number;
	readonly open: boolean;
};

let serial = 0;

/**
 * Connects through `accept`, which hands the offer to a stage and returns its answer.
 *
 * @param options.mapAnswer changes the answer, as to go through a relay.
 * @throws when the stage refuses or nothing is connected within 5 s.
 */
export async function connectSpeaker(
	accept: (sdp: string) => Promise<StageAnswer>,
	options: { readonly mapAnswer?: (sdp: string) => string } = {},
): Promise<SyntheticSpeaker> {
	serial += 1;
	const ssrc = 10_000 + serial;
	const connection = new engine.PeerConnection(`speaker-${serial}`, {
		iceServers: [],
		bindAddress: "127.0.0.1",
		disableAutoNegotiation: true,
	});
	const audio = new engine.Audio("0", "SendRecv");
	audio.addOpusCodec(111);
	audio.addSSRC(ssrc, "speaker", "speaker", "voice");
	const track = connection.addTrack(audio);
	let sequence = 1;
	let timestamp = 1;
	const speaker: SyntheticSpeaker = {
		ssrc,
		say(payload, samples = FRAME_SAMPLES) {
			this.sendRaw(writeRtp({ marker: false, payloadType: 111, sequence, timestamp, ssrc, payload }));
			this.skip(samples);
		},
		skip(samples = FRAME_SAMPLES) {
			sequence = (sequence + 1) & 0xffff;
			timestamp = (timestamp + samples) >>> 0;
		},
		sendRaw(packet) {
			if (track.isOpen()) track.sendMessageBinary(packet);
		},
		onRtp: () => {},
		onRtcp: () => {},
		heard: 0,
		get open() {
			return track.isOpen();
		},
		[Symbol.dispose]: () => {
			connection.close();
			track.close();
		},
	};
	try {
		const gathered = new Promise<void>((resolve) =>
			connection.onGatheringStateChange((state) => state === "complete" && resolve()),
		);
		const opened = new Promise<void>((resolve, reject) => {
			track.onOpen(resolve);
			const timer = setTimeout(() => reject(new Error("Cannot connect within 5 s")), 5_000);
			timer.unref();
			connection.onStateChange(
				(state) => state === "failed" && reject(new Error("Cannot connect: ICE or DTLS failed")),
			);
		});
		track.onMessage((bytes) => {
			if (isRtcp(bytes)) return speaker.onRtcp(bytes);
			const packet = parseRtp(bytes);
			if (!packet) return;
			speaker.heard += 1;
			speaker.onRtp(packet);
		});
		connection.setLocalDescription("offer");
		await gathered;
		const answer = await accept(connection.localDescription()?.sdp ?? "");
		if (!answer.ok) throw new Error(`${answer.code}: ${answer.detail}`);
		const sdp = answer.sdp ?? "";
		connection.setRemoteDescription(options.mapAnswer ? options.mapAnswer(sdp) : sdp, "answer");
		await opened;
		return speaker;
	} catch (error) {
		connection.close();
		throw error;
	}
}

/** Ends the engine's threads, which would keep the process. Call it when every connection is closed. */
export function endSpeakers(): void {
	engine.cleanup();
}
