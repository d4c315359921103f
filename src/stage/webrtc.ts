/** WebRTC by node-datachannel. The only file that knows the engine's package. */
import { networkInterfaces } from "node:os";
import engine, { type Track } from "node-datachannel";
import type { Clock, MonoMs } from "#base/index.ts";
import { StageError } from "./errors.ts";
import { type EngineAnswer, type Offer, parseEngineAnswer, writeEngineOffer } from "./sdp.ts";

/** Gathering the addresses of one machine needs no network: it takes a millisecond. */
const GATHER_MS_MAX = 2_000;

/** What one connection tells its owner. Nothing is called after `Peer` was disposed. */
export type PeerEvents = {
	/** RTP or RTCP, decrypted and authenticated. The owner may keep `bytes`. */
	onPacket(bytes: Buffer): void;
	/**
	 * The connection ended, at most once: `left` when the other side ended it (DTLS teardown, RFC 9725 §4.2), `closed`
	 * when it failed, as when consent was not renewed (RFC 7675).
	 */
	onClosed(reason: "left" | "closed"): void;
};

/** One connection. Disposing it twice is harmless. */
export type Peer = Disposable & {
	readonly answer: EngineAnswer;
	/** ICE and DTLS are done. */
	readonly isOpen: boolean;
	/** Sends one RTP or RTCP packet. @returns false when it could not go out, as before it is open. */
	send(packet: Buffer): boolean;
};

/** The media port. Two engines implement this: the real one and the tests' own. */
export type WebRtc = AsyncDisposable & {
	/** @param ssrc what we send with. @throws StageError "engine_failed" when the engine refuses an offer that was checked. */
	accept(offer: Offer, ssrc: number, events: PeerEvents): Promise<Peer>;
};

/** Open media ports in this process; the engine's threads end with the last. */
let openCount = 0;

/**
 * Where the media port listens: on `host`, but a media address beyond a loopback `host` would announce a port that
 * nobody reaches. Then it is that address if it is this machine's, else (NAT) all of them.
 *
 * Firefox pairs no loopback addresses, so on one machine it speaks through `--media-address` with the machine's own.
 */
export function listenAddress(host: string, mediaAddress: string | null, localAddresses: readonly string[]): string {
	const isLoopback = (address: string) => address === "::1" || address.startsWith("127.");
	if (mediaAddress === null || isLoopback(mediaAddress) || !isLoopback(host)) return host;
	return localAddresses.includes(mediaAddress) ? mediaAddress : "0.0.0.0";
}

/**
 * Opens one UDP port for all connections of an interview.
 *
 * @param options.host as the doors', @param options.mediaAddress what candidates will say, or null.
 * @throws StageError "udp_port_taken".
 */
export async function openWebRtc(options: {
	readonly host: string;
	readonly mediaAddress: string | null;
	readonly port: number;
	readonly clock: Clock;
}): Promise<WebRtc> {
	const { port, clock } = options;
	const localAddresses = Object.values(networkInterfaces()).flatMap((all) => all?.map((one) => one.address) ?? []);
	const host = listenAddress(options.host, options.mediaAddress, localAddresses);
	const bindAddress = host === "0.0.0.0" || host === "::" ? undefined : host;
	let listener: InstanceType<typeof engine.IceUdpMuxListener>;
	try {
		// Holds the port while nobody is connected, too: what arrives then is dropped without reaching JavaScript.
		listener = new engine.IceUdpMuxListener(port, bindAddress);
	} catch (cause) {
		throw new StageError(
			"udp_port_taken",
			`Cannot open the stage as UDP port ${port} on ${host} must be free: choose another with --media-port`,
			{ cause },
		);
	}
	openCount += 1;
	const peers = new Set<Peer>();
	let serial = 0;

	const accept = async (offer: Offer, ssrc: number, events: PeerEvents): Promise<Peer> => {
		serial += 1;
		const connection = new engine.PeerConnection(`seat-${serial}`, {
			iceServers: [],
			disableAutoNegotiation: true,
			enableIceUdpMux: true,
			portRangeBegin: port,
			portRangeEnd: port,
			...(bindAddress === undefined ? {} : { bindAddress }),
		});
		let open = true;
		let isOver = false;
		let track: Track | undefined;
		const close = () => {
			if (!open) return;
			open = false;
			connection.close();
			// Left to the collector, the track's callback would keep itself and all it reaches.
			track?.close();
		};
		try {
			connection.onStateChange((state) => {
				if (!open || isOver || (state !== "failed" && state !== "closed" && state !== "disconnected")) return;
				isOver = true;
				events.onClosed(state === "failed" ? "closed" : "left");
			});
			connection.setRemoteDescription(writeEngineOffer(offer), "offer");
			const audio = new engine.Audio(offer.mid, offer.wantsReturn ? "SendRecv" : "RecvOnly");
			audio.addOpusCodec(offer.payloadType, "minptime=10;useinbandfec=1");
			if (offer.wantsReturn) audio.addSSRC(ssrc, "stage", "stage", "mix");
			// No media handler: we read and write RTCP ourselves, for loss and round trip.
			const voice = connection.addTrack(audio);
			track = voice;
			voice.onMessage((bytes) => {
				if (open) events.onPacket(bytes);
			});
			const gathered = new Promise<void>((resolve, reject) => {
				const timer = clock.wakeAt((clock.monoMs() + GATHER_MS_MAX) as MonoMs, () =>
					reject(new Error(`no addresses within ${GATHER_MS_MAX} ms`)),
				);
				connection.onGatheringStateChange((state) => {
					if (state !== "complete") return;
					timer[Symbol.dispose]();
					resolve();
				});
			});
			connection.setLocalDescription("answer");
			await gathered;
			const answer = parseEngineAnswer(connection.localDescription()?.sdp ?? "");
			const peer: Peer = {
				answer,
				get isOpen() {
					return open && voice.isOpen();
				},
				send(packet) {
					if (!open || !voice.isOpen()) return false;
					try {
						return voice.sendMessageBinary(packet);
					} catch {
						// The connection ended between the question and the call; `onClosed` follows.
						return false;
					}
				},
				[Symbol.dispose]() {
					peers.delete(peer);
					close();
				},
			};
			peers.add(peer);
			return peer;
		} catch (cause) {
			close();
			throw new StageError("engine_failed", "Cannot accept a speaker as the WebRTC engine refused the offer", {
				cause,
			});
		}
	};

	return {
		accept,
		async [Symbol.asyncDispose]() {
			for (const peer of [...peers]) peer[Symbol.dispose]();
			listener.stop();
			openCount -= 1;
			if (openCount === 0) engine.cleanup();
		},
	};
}
