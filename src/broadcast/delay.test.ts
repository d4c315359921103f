import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DelayRing } from "./delay.ts";

const frame = (value: number) => new Float32Array(960).fill(value);
const valueOf = (samples: Float32Array) => samples[0] as number;

test("without a delay a frame passes through as it is", () => {
	const ring = new DelayRing(60_000);
	const one = frame(1);
	assert.equal(ring.pass(one), one);
	assert.equal(ring.delayMs, 0);
});

test("a delay holds sound back; cutting the newest is never heard; shortening leaves out the oldest", () => {
	const ring = new DelayRing(60_000);
	ring.setDelay(100);
	const heard = [1, 2, 3, 4, 5, 6, 7].map((value) => valueOf(ring.pass(frame(value))));
	assert.deepEqual(heard, [0, 0, 0, 0, 0, 1, 2]);
	assert.equal(ring.cutNewest(40), 40);
	assert.equal(ring.delayMs, 60);
	assert.deepEqual(
		[8, 9, 10, 11].map((value) => valueOf(ring.pass(frame(value)))),
		[3, 4, 5, 8],
	);
	ring.setDelay(20);
	assert.deepEqual(
		[12, 13].map((value) => valueOf(ring.pass(frame(value)))),
		[11, 12],
	);
	assert.equal(ring.cutNewest(5_000), 20);
	assert.equal(ring.delayMs, 0);
});

test("one frame in is one frame out, in order, and the delay stays within its bound, whatever is asked", () => {
	const step = fc.oneof(
		fc.record({ kind: fc.constant("set" as const), ms: fc.integer({ min: -100, max: 5_000 }) }),
		fc.record({ kind: fc.constant("cut" as const), ms: fc.integer({ min: -100, max: 5_000 }) }),
		fc.record({ kind: fc.constant("pass" as const), ms: fc.constant(0) }),
	);
	fc.assert(
		fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
			const ring = new DelayRing(1_000);
			let given = 0;
			let last = 0;
			for (const { kind, ms } of steps) {
				if (kind === "set") ring.setDelay(ms);
				else if (kind === "cut") ring.cutNewest(ms);
				else {
					given += 1;
					const heard = valueOf(ring.pass(frame(given)));
					if (heard === 0) continue;
					assert.ok(heard > last && heard <= given);
					last = heard;
				}
				assert.ok(0 <= ring.delayMs && ring.delayMs <= 1_000);
			}
		}),
		{ numRuns: 100 },
	);
});
