import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { tickAt } from "#wire/index.ts";
import { CATCH_UP_TICKS_MAX } from "./config.ts";
import { Ticks } from "./ticks.ts";

test("each tick comes once and in order, however late the wake; only a long stall skips any, the oldest", () => {
	fc.assert(
		fc.property(fc.array(fc.integer({ min: 0, max: 3_000 }), { maxLength: 50 }), (waits) => {
			let nowMs = 12_345;
			const ticks = new Ticks(nowMs);
			let next = tickAt(nowMs) + 1;
			for (const wait of waits) {
				nowMs += wait;
				const { from, to, skipped } = ticks.take(nowMs);
				assert.equal(from, next + skipped);
				assert.ok(to - from <= CATCH_UP_TICKS_MAX);
				assert.equal(skipped > 0, tickAt(nowMs) + 1 - next > CATCH_UP_TICKS_MAX);
				next = Math.max(next, to);
				assert.equal(next, Math.max(next, tickAt(nowMs) + 1));
				assert.ok(ticks.deadlineMs > nowMs);
			}
		}),
	);
});

test("lateness is known: the 99th percentile of 10 s, and how many ticks came too late to be of use", () => {
	const ticks = new Ticks(0);
	for (let tick = 1; tick <= 500; tick += 1) ticks.take(tick * 20 + (tick % 50 === 0 ? 15 : 1));
	assert.equal(ticks.lateP99Ms(), 15);
	assert.equal(ticks.lost, 0);
	ticks.take(500 * 20 + 101);
	assert.equal(ticks.lost, 3, "of ticks 501 to 505 those 81, 61 and 41 ms late");
});
