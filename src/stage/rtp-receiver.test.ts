import assert from "node:assert/strict";
import { test } from "node:test";
import type { MonoMs } from "#base/index.ts";
import { PACKETS_PER_S_MAX } from "./config.ts";
import { ntpMiddle, ntpTime } from "./rtcp.ts";
import type { RtpPacket } from "./rtp.ts";
import { ReceivedRtp } from "./rtp-receiver.ts";

const packet = (sequence: number, ssrc = 1): RtpPacket => ({
	marker: false,
	payloadType: 111,
	sequence: sequence & 0xffff,
	timestamp: (sequence * 960) >>> 0,
	ssrc,
	payload: Buffer.of(0xf8),
});
const ms = (value: number) => value as MonoMs;

test("the first stream is believed at once; another one after three packets in sequence while the first is silent", () => {
	const received = new ReceivedRtp(111);
	assert.deepEqual(received.take(packet(5), ms(0)), {
		kind: "packets",
		packets: [{ ...packet(5), arrivedMs: 0 }],
		newStream: true,
	});
	assert.equal(received.take(packet(900, 2), ms(20)).kind, "ignored");
	assert.equal(received.take(packet(901, 2), ms(40)).kind, "ignored");
	assert.equal(received.take(packet(6), ms(41)).kind, "packets");
	assert.equal(received.take(packet(902, 2), ms(60)).kind, "ignored", "the first stream spoke in between");
	received.take(packet(903, 2), ms(80));
	const taken = received.take(packet(904, 2), ms(100));
	assert.ok(taken.kind === "packets" && taken.newStream);
	assert.deepEqual(
		taken.packets.map((one) => [one.sequence, one.arrivedMs]),
		[
			[902, 60],
			[903, 80],
			[904, 100],
		],
		"each with the time when it came, not when it was believed",
	);
	assert.equal(received.take(packet(7), ms(101)).kind, "ignored", "now the old one is the stranger");
});

test("a sequence that jumps is a restart once its next packet follows", () => {
	const received = new ReceivedRtp(111);
	received.take(packet(5), ms(0));
	assert.equal(received.take(packet(40_000), ms(20)).kind, "ignored");
	const taken = received.take(packet(40_001), ms(40));
	assert.equal(taken.kind === "packets" && taken.newStream, true);
});

test("loss is the share of the last 5 s that never came, across the sequence's end", () => {
	const received = new ReceivedRtp(111);
	for (let i = 0; i < 500; i += 1) if (i % 10 !== 0) received.take(packet(65_300 + i), ms(20 * i));
	assert.ok(Math.abs(received.lossShare - 0.1) < 0.01, `${received.lossShare}`);
	for (let i = 500; i < 900; i += 1) received.take(packet(65_300 + i), ms(20 * i));
	assert.equal(received.lossShare, 0);
});

test("the report block says what was lost since the last one, and how uneven it came", () => {
	const received = new ReceivedRtp(111);
	assert.equal(received.reportBlock(ms(0)), undefined);
	for (let i = 0; i < 100; i += 1) received.take(packet(i), ms(20 * i + (i % 2 ? 10 : 0)));
	const first = received.reportBlock(ms(2_000));
	assert.equal(first?.lossShare, 0);
	assert.ok(received.jitterMs > 8 && received.jitterMs < 11, `${received.jitterMs}`);
	for (let i = 100; i < 200; i += 1) if (i % 4) received.take(packet(i), ms(20 * i));
	const second = received.reportBlock(ms(4_000));
	assert.ok(Math.abs((second?.lossShare ?? 0) - 0.25) < 0.01);
	assert.equal(second?.lostPackets, 25);
});

test("the round trip is what is left of now when the peer's own delay is taken away", () => {
	const received = new ReceivedRtp(111);
	const sentUnixMs = 1_700_000_000_000;
	const block = {
		ssrc: 77,
		lossShare: 0,
		lostPackets: 0,
		highestSequence: 0,
		jitter: 0,
		lastSenderReport: ntpMiddle(ntpTime(sentUnixMs)),
		delaySinceLastSenderReport: 65_536 / 4,
	};
	const report = { kind: "receiver_report", ssrc: 1, blocks: [block] } as const;
	assert.equal(received.takeReport(report, 78, ms(0), sentUnixMs + 300), undefined, "about somebody else");
	assert.deepEqual(received.takeReport(report, 77, ms(0), sentUnixMs + 300), block);
	assert.ok(Math.abs((received.roundTripMs ?? 0) - 50) < 0.1);
	received.takeReport(report, 77, ms(0), sentUnixMs - 5_000);
	assert.ok(Math.abs((received.roundTripMs ?? 0) - 50) < 0.1, "a lie is not believed");
});

test("more packets than Opus can need are a flood; packets of another type are counted and left", () => {
	const received = new ReceivedRtp(111);
	assert.equal(received.take({ ...packet(1), payloadType: 96 }, ms(0)).kind, "ignored");
	assert.equal(received.malformed, 1);
	let kind = "";
	for (let i = 0; i <= PACKETS_PER_S_MAX; i += 1) kind = received.take(packet(i), ms(1_500 + i / 10)).kind;
	assert.equal(kind, "flood");
});
