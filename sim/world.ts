import { createDecoder } from "libopus-wasm";
import { FakeClock, type Random, seededRandom, silentLog } from "#base/index.ts";
import { LocalHub } from "#bus/index.ts";
import { encodeVoice, type Voice } from "#rehearsal/index.ts";
import { createStage, type PeerEvents, type WebRtc } from "#stage/index.ts";
import {
	decodePcmFrame,
	FRAME_MS,
	FRAME_SAMPLES,
	type PcmFrame,
	pcmFrames,
	readJson,
	stageAnswer,
	stageCommands,
	writeJson,
} from "#wire/index.ts";
import { rumble } from "../test/support/sound.ts";

/** What the network does to packets on their way to the stage. */
export type Network = {
	/** Share of packets lost, 0-1. */
	readonly loss: number;
	/** Each packet is late by 0 to this many milliseconds, by itself: beyond 20 they overtake each other. */
	readonly jitterMs: number;
	/** Share of packets that come twice. */
	readonly twice: number;
	/** Nothing comes through at all. */
	readonly down: boolean;
};
export const PERFECT: Network = { loss: 0, jitterMs: 0, twice: 0, down: false };

const INTERVIEW = "sim";
const OFFER = [
	...["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0"],
	...["a=rtpmap:111 opus/48000/2", "a=ice-ufrag:uFra", "a=ice-pwd:0123456789abcdefghijkl", "a=setup:actpass"],
	`a=fingerprint:sha-256 ${Array(32).fill("AB").join(":")}`,
	"",
].join("\r\n");

/** The real stage on a clock that jumps from packet to packet, and speakers behind a network that is as bad as told. */
export async function openWorld(seed: number) {
	const clock = new FakeClock(1_000_000);
	const random = seededRandom(seed);
	const hub = new LocalHub(clock);
	const bus = hub.connect();
	const frames: PcmFrame[] = [];
	bus.subscribe(pcmFrames(INTERVIEW), (bytes) => void frames.push(decodePcmFrame(bytes)));
	const webRtc = new Wire();
	const stage = await createStage({
		...{ interviewId: INTERVIEW, mediaAddress: null, clock, random, bus: hub.connect(), log: silentLog, webRtc },
	});
	await settle();
	const speakers: Speaker[] = [];
	return {
		frames,
		/** Seats a voice on air. */
		async seat(name: string, voice: Voice) {
			const command = {
				kind: "accept",
				seatId: name,
				sessionId: `${name}-1`,
				name,
				sdp: OFFER,
				place: "air",
				muted: false,
				gainDb: 0,
			};
			const answer = await bus.request(stageCommands(INTERVIEW), writeJson(command), { timeoutMs: 1_000 });
			const { ok } = readJson(stageAnswer, answer);
			if (!ok) throw new Error(`Cannot seat ${name}`);
			speakers.push(new Speaker(webRtc.newest, voice.packets, random));
		},
		/** Lets time pass under `network`. */
		async pass(ms: number, network: Network) {
			for (let passed = 0; passed < ms; passed += FRAME_MS) {
				for (const speaker of speakers) speaker.say(network, clock);
				clock.advance(FRAME_MS);
				await settle();
			}
		},
		/** The mix of `frames` from number `from` on, in one piece. */
		mixed(from: number): Float32Array {
			const own = frames.slice(from);
			const whole = new Float32Array(own.length * FRAME_SAMPLES);
			for (const [nth, frame] of own.entries()) whole.set(frame.samples, nth * FRAME_SAMPLES);
			return whole;
		},
		[Symbol.asyncDispose]: () => stage[Symbol.asyncDispose](),
	};
}

/** Twelve seconds of a signal that never pauses and never repeats itself: as packets, and as the samples they decode to. */
export async function signal(): Promise<{ readonly voice: Voice; readonly said: Float32Array }> {
	const voice = await encodeVoice(rumble(12, -20, 1), { bitrateBps: 64_000, fec: true });
	using decoder = await createDecoder({ channels: 1 });
	const said = new Float32Array(voice.packets.length * FRAME_SAMPLES);
	for (const [nth, packet] of voice.packets.entries()) said.set(decoder.decodeFloat(packet), nth * FRAME_SAMPLES);
	return { voice, said };
}

class Speaker {
	readonly #events: PeerEvents;
	readonly #packets: readonly Uint8Array[];
	readonly #random: Random;
	#count = 0;

	constructor(events: PeerEvents, packets: readonly Uint8Array[], random: Random) {
		this.#events = events;
		this.#packets = packets;
		this.#random = random;
	}

	say(network: Network, clock: FakeClock): void {
		const nth = this.#count++;
		if (network.down || this.#random.unit() < network.loss) return;
		const payload = this.#packets[nth % this.#packets.length] as Uint8Array;
		const packet = Buffer.alloc(12 + payload.length);
		packet.writeUInt16BE(0x80_6f, 0);
		packet.writeUInt16BE(nth & 0xffff, 2);
		packet.writeUInt32BE((nth * FRAME_SAMPLES) >>> 0, 4);
		packet.writeUInt32BE(9, 8);
		packet.set(payload, 12);
		const copies = this.#random.unit() < network.twice ? 2 : 1;
		for (let copy = 0; copy < copies; copy += 1) {
			const atMs = clock.monoMs() + this.#random.unit() * network.jitterMs;
			clock.wakeAt(atMs as ReturnType<FakeClock["monoMs"]>, () => this.#events.onPacket(Buffer.from(packet)));
		}
	}
}

/** Connections without a network; what the stage sends back is not listened to. */
class Wire implements WebRtc {
	newest: PeerEvents = { onPacket: () => {}, onClosed: () => {} };

	async accept(_offer: unknown, _ssrc: number, events: PeerEvents) {
		this.newest = events;
		return {
			answer: { iceUfrag: "srvU", icePwd: "abcdefghijklmnopqrstuv", fingerprint: "sha-256 AB", candidates: [] },
			isOpen: true,
			send: () => true,
			[Symbol.dispose]: () => {},
		};
	}

	async [Symbol.asyncDispose]() {}
}

/** Lets everything that is ready run: the local bus is asynchronous. */
function settle(): Promise<void> {
	return new Promise((resolve) => setImmediate(resolve));
}
