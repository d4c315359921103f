import assert from "node:assert/strict";
import { test } from "node:test";
import type { MonoMs } from "#base/index.ts";
import { HELD_MAX, HELD_MS_MAX, HeldRequests } from "./held.ts";

const NEVER = () => false;

function setUp() {
	const held = new HeldRequests();
	const woken: string[] = [];
	const hold = (name: string, part: number, sinceMs = 0) => {
		const waiter = {
			part,
			sinceMs: sinceMs as MonoMs,
			wake: (late: boolean) => woken.push(late ? `${name} late` : name),
		};
		held.hold(waiter);
		return waiter;
	};
	return { held, woken, hold };
}

test("requests wake when their part is there, each once, whoever left before is not", () => {
	const { held, woken, hold } = setUp();
	hold("a", 5);
	const gone = hold("b", 5);
	hold("c", 6);
	held.arrived(5);
	assert.equal(held.pending, false);
	held.leave(gone);
	held.arrived(6);
	held.step(NEVER);
	held.arrived(6);
	held.step(NEVER);
	assert.deepEqual([woken, held.count], [["a"], 1]);
	held.arrived(8);
	held.step(NEVER);
	assert.deepEqual([woken, held.count, held.pending], [["a", "c"], 0, false]);
});

test("who leaves between being due and being woken is not woken", () => {
	const { held, woken, hold } = setUp();
	const gone = hold("a", 5);
	hold("b", 5);
	held.arrived(6);
	held.leave(gone);
	held.step(NEVER);
	assert.deepEqual([woken, held.count], [["b"], 0]);
});

test("what will never come wakes those who wait for it, and time those who wait too long", () => {
	const { held, woken, hold } = setUp();
	hold("before the end", 9);
	hold("after the end", 10);
	held.release(10);
	held.step(NEVER);
	hold("young", 9, 1);
	held.expire((HELD_MS_MAX - 1) as MonoMs);
	assert.equal(held.pending, false);
	held.expire(HELD_MS_MAX as MonoMs);
	held.step(NEVER);
	assert.deepEqual([woken, held.count], [["after the end", "before the end late"], 1]);
});

test("thousands are woken in turns, and one that waits again is not woken by the part it has", () => {
	const { held } = setUp();
	let wakes = 0;
	for (let i = 0; i < 5_000; i += 1) {
		const again = () => held.hold({ part: 2, sinceMs: 0 as MonoMs, wake: () => assert.fail("part 2 is not there") });
		const wake = () => {
			wakes += 1;
			if (i % 2 === 0) again();
		};
		held.hold({ part: 1, sinceMs: 0 as MonoMs, wake });
	}
	held.arrived(2);
	let turns = 0;
	for (; held.pending; turns += 1) held.step(() => true);
	assert.equal(wakes, 5_000);
	assert.ok(turns > 100, `${turns} turns`);
	assert.equal(held.count, 2_500);
	for (let i = held.count; i < HELD_MAX; i += 1) held.hold({ part: 3, sinceMs: 0 as MonoMs, wake: () => {} });
	assert.equal(held.full, true);
});
