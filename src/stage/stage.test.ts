import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, seededRandom, silentLog } from "#base/index.ts";
import { LocalHub } from "#bus/index.ts";
import {
	decodePcmFrame,
	FRAME_SAMPLES,
	PCM_FRAME_BYTES,
	type PcmFrame,
	pcmFrames,
	pcmRecent,
	readJson,
	SEATS_MAX,
	type StageAnswer,
	type StageCommand,
	type StageReport,
	stageAnswer,
	stageCommands,
	stageReport,
	stageReports,
	writeJson,
} from "#wire/index.ts";
import { BYE_SILENCE_MS, GOODBYE_KEPT_MS, LOST_KEPT_MS, RECENT_TICKS, SILENCE_LOST_MS } from "./config.ts";
import { createOpusDecoder, createReturnEncoder } from "./opus.ts";
import { parseRtcp, writeReport } from "./rtcp.ts";
import { isRtcp, parseRtp, writeRtp } from "./rtp.ts";
import { createStage } from "./stage.ts";
import type { PeerEvents, WebRtc } from "./webrtc.ts";

const OFFER = [
	"v=0",
	"o=- 1 1 IN IP4 127.0.0.1",
	"s=-",
	"t=0 0",
	"m=audio 9 UDP/TLS/RTP/SAVPF 111",
	"a=mid:0",
	"a=rtpmap:111 opus/48000/2",
	"a=ice-ufrag:uFra",
	"a=ice-pwd:0123456789abcdefghijkl",
	`a=fingerprint:sha-256 ${Array(32).fill("AB").join(":")}`,
	"a=setup:actpass",
	"",
].join("\r\n");

/** The other end of one connection, without a network. */
class FakePeer {
	readonly events: PeerEvents;
	readonly sent: Buffer[] = [];
	readonly ssrc: number;
	closed = false;
	#sequence = 0;
	#timestamp = 0;

	constructor(events: PeerEvents, ssrc: number) {
		this.events = events;
		this.ssrc = ssrc;
	}

	say(payload: Uint8Array): void {
		const packet = {
			marker: false,
			payloadType: 111,
			sequence: this.#sequence,
			timestamp: this.#timestamp,
			ssrc: 9,
			payload,
		};
		this.#sequence += 1;
		this.#timestamp += FRAME_SAMPLES;
		if (!this.closed) this.events.onPacket(writeRtp(packet));
	}
}

class FakeWebRtc implements WebRtc {
	readonly peers: FakePeer[] = [];

	async accept(_offer: unknown, ssrc: number, events: PeerEvents) {
		const peer = new FakePeer(events, ssrc);
		this.peers.push(peer);
		return {
			answer: { iceUfrag: "srvU", icePwd: "abcdefghijklmnopqrstuv", fingerprint: "sha-256 AB", candidates: [] },
			isOpen: true,
			send: (packet: Buffer) => {
				assert.equal(peer.closed, false, "sent to a closed peer");
				peer.sent.push(packet);
				return true;
			},
			[Symbol.dispose]: () => {
				peer.closed = true;
			},
		};
	}

	async [Symbol.asyncDispose]() {}
}

/** Lets everything that is ready run: the local bus and accepts are asynchronous. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

async function openStage() {
	const clock = new FakeClock(1_000_000);
	const hub = new LocalHub(clock);
	const webRtc = new FakeWebRtc();
	const control = hub.connect();
	const frames: PcmFrame[] = [];
	const reports: StageReport[] = [];
	control.subscribe(pcmFrames("talk"), (bytes) => void frames.push(decodePcmFrame(bytes)));
	control.subscribe(stageReports("talk"), (bytes) => void reports.push(readJson(stageReport, bytes)));
	const stage = await createStage({
		interviewId: "talk",
		mediaAddress: null,
		clock,
		random: seededRandom(1),
		bus: hub.connect(),
		log: silentLog,
		webRtc,
	});
	await settle();
	const ask = async (command: StageCommand): Promise<StageAnswer> =>
		readJson(stageAnswer, await control.request(stageCommands("talk"), writeJson(command), { timeoutMs: 1_000 }));
	return {
		clock,
		webRtc,
		control,
		frames,
		reports,
		ask,
		async seat(seatId: string, place: "check" | "green" | "air" = "air", sessionId = `session-${seatId}`) {
			const answer = await ask({
				kind: "accept",
				seatId,
				sessionId,
				name: seatId,
				sdp: OFFER,
				place,
				muted: false,
				gainDb: 0,
			});
			assert.ok(answer.ok, JSON.stringify(answer));
			return webRtc.peers.at(-1) as FakePeer;
		},
		/** Lets `ticks` ticks pass; before each, every speaker says its next packet. */
		async run(ticks: number, speaking: ReadonlyMap<FakePeer, () => Uint8Array> = new Map()) {
			for (let i = 0; i < ticks; i += 1) {
				for (const [peer, next] of speaking) peer.say(next());
				clock.advance(20);
				await settle();
			}
		},
		[Symbol.asyncDispose]: () => stage[Symbol.asyncDispose](),
	};
}

/** Packets of a tone without end. */
async function toneSource(hz: number) {
	const encoder = await createReturnEncoder(false);
	let n = 0;
	return {
		next: () =>
			encoder.encode(
				Float32Array.from({ length: FRAME_SAMPLES }, () => 0.1 * Math.sin((2 * Math.PI * hz * n++) / 48_000)),
				false,
			),
		[Symbol.dispose]: () => encoder[Symbol.dispose](),
	};
}

/** Amplitude of `hz` in `samples`, dB under full scale. */
function toneDb(samples: Float32Array, hz: number): number {
	let re = 0;
	let im = 0;
	for (let i = 0; i < samples.length; i += 1) {
		re += (samples[i] as number) * Math.cos((2 * Math.PI * hz * i) / 48_000);
		im += (samples[i] as number) * Math.sin((2 * Math.PI * hz * i) / 48_000);
	}
	return 20 * Math.log10((2 * Math.hypot(re, im)) / samples.length + 1e-9);
}

async function decodeAll(peer: FakePeer): Promise<Float32Array> {
	using decoder = await createOpusDecoder();
	const media = peer.sent.filter((packet) => !isRtcp(packet));
	const out = new Float32Array(media.length * FRAME_SAMPLES);
	for (const [i, packet] of media.entries())
		out.set(decoder.decode(parseRtp(packet)?.payload as Buffer), i * FRAME_SAMPLES);
	return out;
}

test("speakers on air are summed for the programme, and each hears the others but not itself", async () => {
	await using stage = await openStage();
	const [a, b, c] = [await stage.seat("a"), await stage.seat("b"), await stage.seat("c", "green")];
	using toneA = await toneSource(400);
	using toneB = await toneSource(900);
	using toneC = await toneSource(1_500);
	await stage.run(
		75,
		new Map([
			[a, toneA.next],
			[b, toneB.next],
			[c, toneC.next],
		]),
	);

	const programme = new Float32Array(25 * FRAME_SAMPLES);
	for (const [i, frame] of stage.frames.slice(-25).entries()) programme.set(frame.samples, i * FRAME_SAMPLES);
	assert.ok(toneDb(programme, 400) > -21 && toneDb(programme, 900) > -21);
	assert.ok(toneDb(programme, 1_500) < -60, "the green room is not on air");
	assert.equal(stage.frames.at(-1)?.speakerCount, 2);

	for (const [peer, wanted, unwanted] of [
		[a, [900], [400, 1_500]],
		[b, [400], [900, 1_500]],
		[c, [400, 900], [1_500]],
	] as const) {
		const heard = (await decodeAll(peer)).subarray(-25 * FRAME_SAMPLES);
		for (const hz of wanted) assert.ok(toneDb(heard, hz) > -22, `${hz} Hz at ${toneDb(heard, hz)} dB`);
		for (const hz of unwanted) assert.ok(toneDb(heard, hz) < -60, `${hz} Hz at ${toneDb(heard, hz)} dB`);
	}
});

test("every tick brings one frame, seats or none, and the last five seconds can be had again", async () => {
	await using stage = await openStage();
	await stage.run(RECENT_TICKS + 20);
	const ticks = stage.frames.map((frame) => frame.tick);
	assert.deepEqual(
		ticks,
		Array.from({ length: RECENT_TICKS + 20 }, (_, i) => (ticks[0] as number) + i),
	);
	assert.ok(stage.frames.every((frame) => frame.speakerCount === 0));
	const ask = (fromTick: number) =>
		stage.control.request(pcmRecent("talk"), writeJson({ fromTick }), { timeoutMs: 1_000 });
	assert.equal((await ask(0)).length, RECENT_TICKS * PCM_FRAME_BYTES);
	const newest = await ask((ticks.at(-1) as number) - 2);
	assert.deepEqual(
		[0, 1, 2].map((i) => decodePcmFrame(newest.subarray(i * PCM_FRAME_BYTES, (i + 1) * PCM_FRAME_BYTES)).tick),
		ticks.slice(-3),
	);
});

test("the fourteenth speaker is refused; so is an offer that is none, and it takes no seat", async () => {
	await using stage = await openStage();
	const bad = await stage.ask({
		kind: "accept",
		seatId: "x",
		sessionId: "x",
		name: "x",
		sdp: "v=0",
		place: "air",
		muted: false,
		gainDb: 0,
	});
	assert.equal(!bad.ok && bad.code, "malformed_sdp");
	for (let i = 0; i < SEATS_MAX; i += 1) await stage.seat(`s${i}`);
	const late = await stage.ask({
		kind: "accept",
		seatId: "late",
		sessionId: "late",
		name: "late",
		sdp: OFFER,
		place: "air",
		muted: false,
		gainDb: 0,
	});
	assert.equal(!late.ok && late.code, "full");
	assert.equal(stage.webRtc.peers.length, SEATS_MAX);
	await stage.seat("s3");
});

test("a change of connection is reported with the next tick: connecting, connected, lost after 4 s, connected", async () => {
	await using stage = await openStage();
	const peer = await stage.seat("a");
	using tone = await toneSource(300);
	const states = () => stage.reports.map((r) => r.seats[0]?.connection).filter((s, i, all) => s !== all[i - 1]);
	await stage.run(1);
	assert.deepEqual(states(), ["connecting"]);
	await stage.run(1, new Map([[peer, tone.next]]));
	assert.deepEqual(states(), ["connecting", "connected"]);
	await stage.run(SILENCE_LOST_MS / 20 + 20);
	assert.deepEqual(states(), ["connecting", "connected", "lost"]);
	await stage.run(12, new Map([[peer, tone.next]]));
	assert.deepEqual(states(), ["connecting", "connected", "lost", "connected"]);
	assert.ok((stage.reports.at(-1)?.seats[0]?.packets ?? 0) >= 3);
	await stage.run((SILENCE_LOST_MS + LOST_KEPT_MS) / 20 + 40);
	assert.equal(peer.closed, true, "in the end the connection is closed");
	assert.equal(stage.reports.at(-1)?.seats.length, 1, "and the seat kept");
});

test("who comes back to the seat gets it, and the old connection is closed", async () => {
	await using stage = await openStage();
	const old = await stage.seat("a", "air", "one");
	using tone = await toneSource(300);
	await stage.run(10, new Map([[old, tone.next]]));
	const fresh = await stage.seat("a", "air", "two");
	assert.equal(old.closed, true);
	old.events.onClosed("left");
	await stage.run(30, new Map([[fresh, tone.next]]));
	const seat = stage.reports.at(-1)?.seats[0];
	assert.equal(seat?.sessionId, "two");
	assert.equal(seat?.connection, "connected");
	assert.equal(stage.reports.at(-1)?.seats.length, 1);
	const gone = await stage.ask({ kind: "leave", sessionId: "one" });
	assert.equal(!gone.ok && gone.code, "no_such_session");
});

test("a connection that the engine gave up is lost at once", async () => {
	await using stage = await openStage();
	const peer = await stage.seat("a");
	using tone = await toneSource(300);
	await stage.run(5, new Map([[peer, tone.next]]));
	peer.events.onClosed("closed");
	await stage.run(1);
	assert.equal(stage.reports.at(-1)?.seats[0]?.connection, "lost");
	assert.equal(stage.frames.at(-1)?.speakerCount, 0);
});

test("who says goodbye leaves the seat free, by DTLS or by RTCP; whose connection fails keeps it [S4]", async () => {
	await using stage = await openStage();
	using tone = await toneSource(300);
	const [closes, byes, stays] = [await stage.seat("a"), await stage.seat("b"), await stage.seat("c")];
	const speaking = [closes, byes, stays].map((peer) => [peer, tone.next] as const);
	await stage.run(5, new Map(speaking));
	closes.events.onClosed("left");
	const bye = (ssrc: number) => {
		const bytes = Buffer.from("81cb000100000000", "hex");
		bytes.writeUInt32BE(ssrc, 4);
		return bytes;
	};
	for (const peer of [byes, stays]) peer.events.onPacket(bye(9));
	await stage.run((BYE_SILENCE_MS + GOODBYE_KEPT_MS) / 20 + 30, new Map([[stays, tone.next]]));
	assert.deepEqual(
		stage.reports.at(-1)?.seats.map((seat) => [seat.seatId, seat.connection]),
		[["c", "connected"]],
		"who goes on sending after a BYE did not leave",
	);
	assert.ok(closes.closed && byes.closed);
	stays.events.onClosed("closed");
	await stage.run((GOODBYE_KEPT_MS + 1_000) / 20);
	assert.equal(stage.reports.at(-1)?.seats[0]?.connection, "lost");
});

test("mute, gain and place take effect, and who is muted is not speaking", async () => {
	await using stage = await openStage();
	const peer = await stage.seat("a");
	using tone = await toneSource(300);
	const speaking = new Map([[peer, tone.next]]);
	await stage.run(40, speaking);
	assert.equal(stage.reports.at(-1)?.seats[0]?.speaking, true);
	assert.ok(Math.abs((stage.reports.at(-1)?.seats[0]?.levelDbfs ?? 0) + 23) < 1);
	const peak = () => Math.max(...(stage.frames.at(-1)?.samples ?? []));
	assert.ok(Math.abs(peak() - 0.1) < 0.01);
	await stage.ask({ kind: "seat", seatId: "a", place: "air", muted: false, gainDb: 6 });
	await stage.run(3, speaking);
	assert.ok(Math.abs(peak() - 0.2) < 0.02);
	await stage.ask({ kind: "seat", seatId: "a", place: "air", muted: true, gainDb: 0 });
	await stage.run(12, speaking);
	assert.equal(peak(), 0);
	assert.equal(stage.reports.at(-1)?.seats[0]?.speaking, false);
	const unknown = await stage.ask({ kind: "seat", seatId: "nobody", place: "air", muted: true, gainDb: 0 });
	assert.equal(!unknown.ok && unknown.code, "no_such_session");
});

test("trickled candidates are taken, a restart of ICE is refused with its own code", async () => {
	await using stage = await openStage();
	await stage.seat("a");
	const patch = (fragment: string, sessionId = "session-a") => stage.ask({ kind: "patch", sessionId, fragment });
	const candidate = "a=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host\r\n";
	assert.deepEqual(await patch(`a=ice-ufrag:uFra\r\na=ice-pwd:0123456789abcdefghijkl\r\n${candidate}`), { ok: true });
	const restart = await patch(`a=ice-ufrag:othr\r\na=ice-pwd:zzzzzzzzzzzzzzzzzzzzzzzz\r\n${candidate}`);
	assert.equal(!restart.ok && restart.code, "ice_restart_unsupported");
	const malformed = await patch("a=candidate:nonsense\r\n");
	assert.equal(!malformed.ok && malformed.code, "malformed_sdp");
	const unknown = await patch(candidate, "nobody");
	assert.equal(!unknown.ok && unknown.code, "no_such_session");
});

test("a seat that leaves or is removed is closed; removing twice does no harm", async () => {
	await using stage = await openStage();
	const peer = await stage.seat("a");
	assert.deepEqual(await stage.ask({ kind: "leave", sessionId: "session-a" }), { ok: true });
	assert.equal(peer.closed, true);
	await stage.run(11);
	assert.equal(stage.reports.at(-1)?.seats[0]?.connection, "lost");
	assert.deepEqual(await stage.ask({ kind: "remove", seatId: "a" }), { ok: true });
	assert.deepEqual(await stage.ask({ kind: "remove", seatId: "a" }), { ok: true });
	await stage.run(1);
	assert.deepEqual(stage.reports.at(-1)?.seats, []);
});

test("reports go out every second, and what comes back tells round trip and loss", async () => {
	await using stage = await openStage();
	const peer = await stage.seat("a");
	using tone = await toneSource(300);
	await stage.run(110, new Map([[peer, tone.next]]));
	const reports = peer.sent.filter(isRtcp).map((bytes) => parseRtcp(bytes)?.[0]);
	assert.equal(reports.length, 3);
	const last = reports.at(-1);
	assert.ok(last?.kind === "sender_report" && last.packets > 90);
	const answer = (lossShare: number) =>
		writeReport({
			ssrc: 9,
			cname: "x",
			blocks: [
				{
					ssrc: peer.ssrc,
					lossShare,
					lostPackets: 0,
					highestSequence: 0,
					jitter: 0,
					lastSenderReport: last.ntpMiddle,
					delaySinceLastSenderReport: 0,
				},
			],
		});
	peer.events.onPacket(answer(0.1));
	await stage.run(10);
	const roundTripMs = stage.reports.at(-1)?.seats[0]?.roundTripMs as number;
	assert.ok(roundTripMs >= 0 && roundTripMs < 1_000, `${roundTripMs}`);
	peer.events.onPacket(Buffer.from("80c8ffff00", "hex"));
	await stage.run(1);
});

test("whoever floods is cut off, the others go on", async () => {
	await using stage = await openStage();
	const [a, b] = [await stage.seat("a"), await stage.seat("b")];
	using tone = await toneSource(300);
	const packet = tone.next();
	for (let i = 0; i < 1_100; i += 1) a.say(packet);
	await stage.run(2, new Map([[b, tone.next]]));
	assert.equal(a.closed, true);
	assert.deepEqual(
		stage.reports.at(-1)?.seats.map((s) => s.connection),
		["lost", "connected"],
	);
});

test("disposing closes every connection and stops the ticks", async () => {
	const stage = await openStage();
	const peer = await stage.seat("a");
	await stage[Symbol.asyncDispose]();
	assert.equal(peer.closed, true);
	const { length } = stage.frames;
	await stage.run(5);
	assert.equal(stage.frames.length, length);
});
