import assert from "node:assert/strict";
import { test } from "node:test";
import { everyMs, FakeClock, type MonoMs, pauseMs, systemClock } from "./time.ts";

test("FakeClock wakes in the order of deadlines, with the time of each", () => {
	const clock = new FakeClock(0);
	const woken: string[] = [];
	clock.wakeAt(30 as MonoMs, () => woken.push(`b@${clock.monoMs()}`));
	clock.wakeAt(10 as MonoMs, () => {
		woken.push(`a@${clock.monoMs()}`);
		clock.wakeAt(20 as MonoMs, () => woken.push(`c@${clock.monoMs()}`));
	});
	clock.advance(25);
	assert.deepEqual(woken, ["a@10", "c@20"]);
	clock.advance(5);
	assert.deepEqual(woken, ["a@10", "c@20", "b@30"]);
});

test("a disposed wake never comes", () => {
	const clock = new FakeClock(0);
	let woken = 0;
	clock.wakeAt(10 as MonoMs, () => (woken += 1))[Symbol.dispose]();
	clock.advance(100);
	assert.equal(woken, 0);
});

test("everyMs() keeps its beat when one tick is late, and ends when disposed", () => {
	const clock = new FakeClock(0);
	const ticks: number[] = [];
	const timer = everyMs(clock, 20, () => ticks.push(clock.monoMs()));
	clock.advance(70);
	assert.deepEqual(ticks, [20, 40, 60]);
	timer[Symbol.dispose]();
	clock.advance(100);
	assert.equal(ticks.length, 3);
});

test("everyMs() disposed in its own tick does not tick again", () => {
	const clock = new FakeClock(0);
	let ticks = 0;
	const timer = everyMs(clock, 20, () => {
		ticks += 1;
		timer[Symbol.dispose]();
	});
	clock.advance(200);
	assert.equal(ticks, 1);
});

test("jumpUnix() moves the wall clock and leaves the monotonic one", () => {
	const clock = new FakeClock(5, 1_000);
	clock.jumpUnix(-400);
	assert.equal(clock.unixMs(), 600);
	assert.equal(clock.monoMs(), 5);
});

test("pauseMs() settles once its time has come", async () => {
	const clock = new FakeClock(0);
	let isOver = false;
	const pause = pauseMs(clock, 50).then(() => {
		isOver = true;
	});
	clock.advance(49);
	await Promise.resolve();
	assert.equal(isOver, false);
	clock.advance(1);
	await pause;
});

test("systemClock reads the machine's monotonic clock, which other processes share", () => {
	const before = Number(process.hrtime.bigint()) / 1e6;
	const now = systemClock.monoMs();
	const after = Number(process.hrtime.bigint()) / 1e6;
	assert.ok(before <= now && now <= after);
});
