/** The speakers' process of `bench/stage.ts`: does what it is asked over IPC, one thing at a time. */
import { Application, createDecoder, createEncoder } from "libopus-wasm";
import { type MonoMs, silentLog, systemClock } from "#base/index.ts";
import { connectBus } from "#bus/index.ts";
import { bundledVoice } from "#rehearsal/index.ts";
import { JitterBuffer } from "#stage/jitter-buffer.ts";
import { createOpusDecoder, type OpusDecoder } from "#stage/opus.ts";
import { SILENCE_PACKET } from "#stage/opus-packet.ts";
import { ntpTime, parseRtcp, writeReport } from "#stage/rtcp.ts";
import { ReceivedRtp } from "#stage/rtp-receiver.ts";
import { connectSpeaker, type SyntheticSpeaker } from "#stage/synthetic-speaker.ts";
import {
	FRAME_MS,
	FRAME_SAMPLES,
	readJson,
	type StageCommand,
	stageAnswer,
	stageCommands,
	writeJson,
} from "#wire/index.ts";

export type Ask =
	/** Seats as many speakers, each at once saying silence; `reports` is what they tell of their loss. */
	| { readonly kind: "seat"; readonly count: number; readonly reports: Reports; readonly throughPort?: number }
	/** The first `talking` speakers talk without pause, the others are silent. */
	| { readonly kind: "talk"; readonly talking: number }
	| { readonly kind: "reports"; readonly reports: Reports }
	/** Decode what is heard, as a browser does; or only count it. */
	| { readonly kind: "listen"; readonly on: boolean }
	/** The first speaker says short tones; how long until the second one hears each. */
	| { readonly kind: "tones"; readonly count: number }
	| { readonly kind: "heard" }
	/** One seat, taken and left again, as often as that. */
	| { readonly kind: "reconnect"; readonly count: number }
	| { readonly kind: "leave" };
/** `honest`: what was lost; `none`: nothing; `some`: 5 % whatever happens. */
export type Reports = "honest" | "none" | "some";
export type Told = {
	seat: { readonly retries: number };
	talk: Record<never, never>;
	reports: Record<never, never>;
	listen: Record<never, never>;
	tones: { readonly latenciesMs: readonly number[] };
	heard: {
		readonly packets: number;
		readonly concealedSamples: number;
		readonly recoveredSamples: number;
		readonly playedSamples: number;
	};
	reconnect: { readonly connectMs: readonly number[] };
	leave: Record<never, never>;
};

const TONE_FRAMES = 3;
const TONE_EVERY_FRAMES = 50;

type Seated = {
	readonly speaker: SyntheticSpeaker;
	readonly received: ReceivedRtp;
	readonly decoder: OpusDecoder;
	readonly jitter: JitterBuffer;
	readonly out: Float32Array;
	stageSsrc: number;
	sessionId: string;
};

const [busPath = "", interviewId = ""] = process.argv.slice(2);
const clock = systemClock;
const bus = await connectBus(busPath, { clock, log: silentLog, connectWithinMs: 5_000 });
const voice = await talkWithoutPauses();
const toneEncoder = await createEncoder({ channels: 1, bitrate: 48_000 });
let seated: Seated[] = [];
let talking = 0;
let isListening = false;
let reports: Reports = "honest";
let tones:
	| { startedFrame: number; left: number; saidMs: number; armed: boolean; latenciesMs: number[]; done: () => void }
	| undefined;
let sessions = 0;

process.on("message", (ask: Ask) => {
	run(ask).then(
		(told) => process.send?.(told),
		(error) => process.send?.({ error: String(error) }),
	);
});
process.on("disconnect", () => process.exit(0)).on("SIGTERM", () => process.exit(0));
process.send?.({});

let frame = Math.floor(clock.monoMs() / FRAME_MS);
(function tick(): void {
	for (const nowMs = clock.monoMs(); frame * FRAME_MS <= nowMs; frame += 1) everyFrame(frame, nowMs);
	clock.wakeAt((frame * FRAME_MS) as MonoMs, tick);
})();

function everyFrame(number: number, nowMs: MonoMs): void {
	for (const [i, { speaker }] of seated.entries()) {
		if (tones && i === 0) speaker.say(tonePacket(number));
		else speaker.say(i < talking ? (voice[(number + 311 * i) % voice.length] as Uint8Array) : SILENCE_PACKET);
	}
	if (number % 50 === 0) for (const one of seated) report(one, nowMs);
	if (!isListening) return;
	for (const [i, { jitter, received, out }] of seated.entries()) {
		jitter.setLossShare(received.lossShare);
		jitter.pull(out, (number * FRAME_MS) as MonoMs);
		if (i === 1) hearTone(out, number * FRAME_MS);
	}
}

function tonePacket(number: number): Uint8Array {
	if (!tones) return SILENCE_PACKET;
	const at = (number - tones.startedFrame) % TONE_EVERY_FRAMES;
	const samples = new Float32Array(FRAME_SAMPLES);
	if (at >= 10 && at < 10 + TONE_FRAMES) {
		for (let i = 0; i < FRAME_SAMPLES; i += 1) samples[i] = 0.5 * Math.sin((2 * Math.PI * 1_000 * i) / 48_000);
	}
	if (at === 10) {
		// Its first sample was spoken 20 ms before the packet is due; that this process was late is its own affair, and counts.
		tones.saidMs = (number - 1) * FRAME_MS;
		tones.armed = true;
	}
	return toneEncoder.encodeFloat(samples);
}

function hearTone(out: Float32Array, frameMs: number): void {
	if (!tones?.armed) return;
	const at = out.findIndex((sample) => Math.abs(sample) > 0.15);
	if (at < 0) return;
	tones.armed = false;
	tones.latenciesMs.push(frameMs + at / 48 - tones.saidMs);
	tones.left -= 1;
	if (tones.left === 0) tones.done();
}

function report({ speaker, received, stageSsrc }: Seated, nowMs: MonoMs): void {
	const block = received.reportBlock(nowMs);
	if (!block || stageSsrc === 0) return;
	const lossShare = reports === "none" ? 0 : reports === "some" ? 0.05 : block.lossShare;
	const sender = { ntp: ntpTime(clock.unixMs()), rtpTimestamp: 0, packets: 0, bytes: 0 };
	speaker.sendRaw(writeReport({ ssrc: speaker.ssrc, cname: "bench", sender, blocks: [{ ...block, lossShare }] }));
}

async function ask(command: StageCommand) {
	return readJson(stageAnswer, await bus.request(stageCommands(interviewId), writeJson(command), { timeoutMs: 5_000 }));
}

async function seat(seatId: string, throughPort: number | undefined): Promise<Seated> {
	sessions += 1;
	const sessionId = `session-${sessions}`;
	const speaker = await connectSpeaker(
		(sdp) => ask({ kind: "accept", seatId, sessionId, name: seatId, sdp, place: "air", muted: false, gainDb: 0 }),
		throughPort === undefined
			? {}
			: { mapAnswer: (sdp) => sdp.replace(/(a=candidate:\S+ \S+ \S+ \S+ \S+) \d+/g, `$1 ${throughPort}`) },
	);
	const decoder = await createOpusDecoder();
	const one: Seated = {
		speaker,
		received: new ReceivedRtp(111),
		decoder,
		jitter: new JitterBuffer(decoder),
		out: new Float32Array(FRAME_SAMPLES),
		stageSsrc: 0,
		sessionId,
	};
	speaker.onRtp = (packet) => {
		const nowMs = clock.monoMs();
		one.stageSsrc = packet.ssrc;
		const taken = one.received.take(packet, nowMs);
		if (taken.kind === "packets" && isListening)
			for (const good of taken.packets) one.jitter.push(good, good.arrivedMs);
	};
	speaker.onRtcp = (bytes) => {
		for (const packet of parseRtcp(bytes) ?? []) {
			one.received.takeReport(packet, speaker.ssrc, clock.monoMs(), clock.unixMs());
		}
	};
	return one;
}

async function leave(one: Seated): Promise<void> {
	await ask({ kind: "leave", sessionId: one.sessionId });
	one.speaker[Symbol.dispose]();
	one.decoder[Symbol.dispose]();
}

async function run(asked: Ask): Promise<Told[Ask["kind"]]> {
	switch (asked.kind) {
		case "seat": {
			reports = asked.reports;
			let retries = 0;
			for (let i = 0; i < asked.count; i += 1) {
				for (;;) {
					try {
						seated.push(await seat(`seat-${i}`, asked.throughPort));
						break;
					} catch (error) {
						// As offerer the engine now and then fails its DTLS handshake on loopback.
						retries += 1;
						if (retries > 10) throw error;
					}
				}
			}
			return { retries };
		}
		case "talk":
			talking = asked.talking;
			return {};
		case "reports":
			reports = asked.reports;
			return {};
		case "listen":
			isListening = asked.on;
			return {};
		case "tones": {
			const { promise, resolve } = Promise.withResolvers<void>();
			const latenciesMs: number[] = [];
			tones = { startedFrame: frame, left: asked.count, saidMs: 0, armed: false, latenciesMs, done: resolve };
			await promise;
			tones = undefined;
			return { latenciesMs };
		}
		case "heard": {
			const sum = (pick: (one: Seated) => number) => seated.reduce((total, one) => total + pick(one), 0);
			return {
				packets: sum((one) => one.speaker.heard),
				concealedSamples: sum((one) => one.jitter.counts.concealedSamples),
				recoveredSamples: sum((one) => one.jitter.counts.recoveredSamples),
				playedSamples: sum((one) => one.jitter.counts.playedSamples),
			};
		}
		case "reconnect": {
			const connectMs: number[] = [];
			for (let i = 0; i < asked.count; i += 1) {
				const startedMs = performance.now();
				const one = await seat("seat-again", undefined);
				connectMs.push(performance.now() - startedMs);
				for (let n = 0; n < 10; n += 1) one.speaker.say(SILENCE_PACKET);
				// Every other one leaves without a word, as a browser does whose machine sleeps.
				if (i % 2 === 0) await leave(one);
				else {
					one.speaker[Symbol.dispose]();
					one.decoder[Symbol.dispose]();
				}
			}
			return { connectMs };
		}
		case "leave": {
			const all = seated;
			seated = [];
			for (const [i, one] of all.entries()) {
				await leave(one);
				await ask({ kind: "remove", seatId: `seat-${i}` });
			}
			return {};
		}
	}
}

/** Bundled speech of both voices without what is silent, encoded as a browser would: 48 kb/s with error correction. */
async function talkWithoutPauses(): Promise<Uint8Array[]> {
	using encoder = await createEncoder({
		channels: 1,
		application: Application.Voip,
		bitrate: 48_000,
		complexity: 5,
		fec: true,
		packetLossPercent: 10,
	});
	const packets: Uint8Array[] = [];
	for (const name of ["anna", "ben"] as const) {
		using decoder = await createDecoder({ channels: 1 });
		for (const packet of (await bundledVoice(name)).packets) {
			const sound = decoder.decodeFloat(packet);
			let power = 0;
			for (const sample of sound) power += sample * sample;
			if (power / sound.length > 1e-4) packets.push(Uint8Array.from(encoder.encodeFloat(sound)));
		}
	}
	return packets;
}
