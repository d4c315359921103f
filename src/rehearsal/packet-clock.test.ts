import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { MonoMs } from "#base/index.ts";
import { CATCH_UP_PACKETS_MAX, PacketClock } from "./packet-clock.ts";

const ms = (value: number) => value as MonoMs;

test("PacketClock gives every packet once, in order, and skips only what a stall made too old", () => {
	const gaps = fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 200 });
	fc.assert(
		fc.property(
			gaps,
			fc.constantFrom(10, 20, 40, 60),
			fc.integer({ min: -500, max: 500 }),
			(later, packetMs, offPpm) => {
				let nowMs = 1_000_000;
				const clock = new PacketClock({ packetMs, offPpm, nowMs: ms(nowMs) });
				let last: number | undefined;
				for (const gapMs of later) {
					nowMs += gapMs;
					const due = [...clock.due(ms(nowMs))];
					assert.ok(due.length <= CATCH_UP_PACKETS_MAX);
					for (const index of due) {
						if (last !== undefined) assert.ok(due.length === CATCH_UP_PACKETS_MAX ? index > last : index === last + 1);
						last = index;
					}
					assert.ok(clock.deadlineMs > nowMs - 0.001, "what is due has been given out");
				}
			},
		),
	);
});

test("PacketClock: two voices made at different moments agree on what is said now", () => {
	const one = new PacketClock({ packetMs: 20, offPpm: 0, nowMs: ms(5_003) });
	const other = new PacketClock({ packetMs: 20, offPpm: 0, nowMs: ms(5_444) });
	assert.equal([...one.due(ms(5_500))].at(-1), [...other.due(ms(5_500))].at(-1));
});

test("PacketClock 200 ppm fast says 36 packets more in an hour", () => {
	const clock = new PacketClock({ packetMs: 20, offPpm: 200, nowMs: ms(0) });
	let count = 0;
	for (let nowMs = 20; nowMs <= 3_600_000; nowMs += 20) count += [...clock.due(ms(nowMs))].length;
	assert.equal(count, 180_000 + 36);
});
