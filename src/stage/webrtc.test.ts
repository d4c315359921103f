import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { after, test } from "node:test";
import { silentLog, systemClock, systemRandom } from "#base/index.ts";
import { LocalHub } from "#bus/index.ts";
import {
	readJson,
	type StageAnswer,
	type StageReport,
	stageAnswer,
	stageCommands,
	stageReport,
	stageReports,
	writeJson,
} from "#wire/index.ts";
import { StageError } from "./errors.ts";
import { SILENCE_PACKET } from "./opus-packet.ts";
import { parseRtcp } from "./rtcp.ts";
import { createStage } from "./stage.ts";
import { connectSpeaker, endSpeakers } from "./synthetic-speaker.ts";
import { listenAddress, openWebRtc } from "./webrtc.ts";

/** These tests use the real engine, a UDP port of this machine and real time; they wait for events, not for durations. */
after(endSpeakers);

async function freePort(): Promise<number> {
	const socket = createSocket("udp4");
	socket.bind(0, "127.0.0.1");
	await once(socket, "listening");
	const { port } = socket.address();
	socket.close();
	await once(socket, "close");
	return port;
}

async function openStage(port: number) {
	const hub = new LocalHub(systemClock);
	const control = hub.connect();
	const webRtc = await openWebRtc({ host: "127.0.0.1", mediaAddress: null, port, clock: systemClock });
	const stage = await createStage({
		interviewId: "talk",
		mediaAddress: null,
		clock: systemClock,
		random: systemRandom,
		bus: hub.connect(),
		log: silentLog,
		webRtc,
	});
	const reported = (wanted: (report: StageReport) => boolean) =>
		new Promise<StageReport>((resolve) => {
			const subscription = control.subscribe(stageReports("talk"), (bytes) => {
				const report = readJson(stageReport, bytes);
				if (!wanted(report)) return;
				subscription[Symbol.dispose]();
				resolve(report);
			});
		});
	return {
		accept:
			(seatId: string) =>
			async (sdp: string): Promise<StageAnswer> => {
				const command = {
					kind: "accept",
					seatId,
					sessionId: `s-${seatId}`,
					name: seatId,
					sdp,
					place: "air",
					muted: false,
					gainDb: 0,
				};
				return readJson(
					stageAnswer,
					await control.request(stageCommands("talk"), writeJson(command), { timeoutMs: 3_000 }),
				);
			},
		reported,
		async [Symbol.asyncDispose]() {
			await stage[Symbol.asyncDispose]();
			await webRtc[Symbol.asyncDispose]();
		},
	};
}

test("two clients connect over one port, are heard, hear, and are reported to", async () => {
	await using stage = await openStage(await freePort());
	using a = await connectSpeaker(stage.accept("a"));
	using b = await connectSpeaker(stage.accept("b"));
	const connected = stage.reported((report) => report.seats.filter((s) => s.connection === "connected").length === 2);
	const heard = new Promise<void>((resolve) => {
		b.onRtp = (packet) => {
			assert.equal(packet.payloadType, 111);
			resolve();
		};
	});
	const told = new Promise<Buffer>((resolve) => {
		a.onRtcp = resolve;
	});
	a.say(SILENCE_PACKET);
	b.say(SILENCE_PACKET);
	await connected;
	await heard;
	assert.equal(parseRtcp(await told)?.[0]?.kind, "sender_report");
});

test("who comes back while the old connection is still open gets its seat", async () => {
	await using stage = await openStage(await freePort());
	using first = await connectSpeaker(stage.accept("a"));
	const connected = stage.reported((report) => report.seats[0]?.connection === "connected");
	first.say(SILENCE_PACKET);
	await connected;
	using again = await connectSpeaker(stage.accept("a"));
	const back = stage.reported((report) => report.seats[0]?.connection === "connected");
	again.say(SILENCE_PACKET);
	assert.equal((await back).seats.length, 1);
});

test("a port that somebody holds is said to be taken, with what to do", async () => {
	const socket = createSocket("udp4");
	socket.bind(0, "127.0.0.1");
	await once(socket, "listening");
	const { port } = socket.address();
	await assert.rejects(
		openWebRtc({ host: "127.0.0.1", mediaAddress: null, port, clock: systemClock }),
		(error) => error instanceof StageError && error.code === "udp_port_taken" && /--media-port/.test(error.message),
	);
	socket.close();
});

test("the port listens where it is announced", () => {
	const here = ["127.0.0.1", "192.0.2.2"];
	assert.equal(listenAddress("127.0.0.1", null, here), "127.0.0.1");
	assert.equal(listenAddress("127.0.0.1", "192.0.2.2", here), "192.0.2.2", "Firefox on the same machine");
	assert.equal(listenAddress("127.0.0.1", "203.0.113.7", here), "0.0.0.0", "behind a NAT");
	assert.equal(listenAddress("0.0.0.0", "203.0.113.7", here), "0.0.0.0");
	assert.equal(listenAddress("192.0.2.2", "203.0.113.7", here), "192.0.2.2");
});
