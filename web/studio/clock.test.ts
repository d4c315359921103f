import assert from "node:assert/strict";
import test from "node:test";
import { clockFace, ServerClock, studioClock } from "./clock.ts";

const facts = { phase: "doors", announcedStartUnixMs: 1_000_000, onAirUnixMs: null, endedUnixMs: null } as const;
const face = (change: Partial<Parameters<typeof studioClock>[0]>, nowUnixMs: number) =>
	clockFace(studioClock({ ...facts, ...change }, nowUnixMs));

test("studioClock counts down to the announced start, then up from it, then from the real start", () => {
	assert.equal(face({}, 1_000_000 - 754_000), "00:12:34");
	assert.equal(face({}, 999_999), "00:00:01", "0:00 is the start, not the second before");
	assert.equal(face({}, 1_000_000), "00:00:00");
	assert.equal(studioClock({ ...facts }, 1_004_000).kind, "late");
	assert.equal(face({ phase: "waiting_for_host" }, 1_064_000), "00:01:04");
	assert.equal(face({ phase: "on_air", onAirUnixMs: 1_060_000 }, 1_060_000 + 3_725_000), "01:02:05");
	assert.equal(face({ phase: "interrupted", onAirUnixMs: 1_060_000 }, 1_061_000), "00:00:01");
	assert.equal(face({ phase: "ended", onAirUnixMs: 1, endedUnixMs: 2 }, 1_061_000), "");
	assert.equal(face({ phase: "announced" }, 1_000_000 - 26 * 3_600_000), "26:00:00");
});

test("ServerClock trusts the message that travelled fastest", () => {
	const clock = new ServerClock();
	assert.equal(clock.unixMs(0), undefined);
	clock.arrived(10_000, 400); // 400 ms on the way
	assert.equal(clock.unixMs(400), 10_000);
	clock.arrived(10_200, 220); // 20 ms on the way
	clock.arrived(11_000, 1_900); // 900 ms on the way
	assert.equal(clock.unixMs(1_020), 11_000);
});

test("ServerClock follows a server whose clock was set, within half a minute of messages", () => {
	const clock = new ServerClock();
	for (let i = 0; i < 10; i += 1) clock.arrived(1_000_000 + i * 200, i * 200);
	for (let i = 10; i < 90; i += 1) clock.arrived(900_000 + i * 200, i * 200);
	assert.equal(clock.unixMs(20_000), 920_000);
});
