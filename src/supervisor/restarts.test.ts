import assert from "node:assert/strict";
import { test } from "node:test";
import type { MonoMs } from "#base/index.ts";
import { Restarts } from "./restarts.ts";

const at = (ms: number) => ms as MonoMs;

test("what does not get going is started again at once, then ever later, up to 5 s", () => {
	const restarts = new Restarts();
	const waits = Array.from({ length: 8 }, (_, nth) => {
		restarts.started();
		return restarts.ended(at(nth * 10_000));
	});
	assert.deepEqual(waits, [0, 250, 500, 1_000, 2_000, 5_000, 5_000, 5_000]);
});

test("what works is back at once, however often it is killed", () => {
	const restarts = new Restarts();
	for (let nowMs = 0; nowMs < 60_000; nowMs += 1_500) {
		restarts.started();
		restarts.ready(at(nowMs + 400));
		assert.equal(restarts.ended(at(nowMs + 1_400)), 0);
	}
});

test("being ready for less than a second is not working", () => {
	const restarts = new Restarts();
	const waits = [0, 1, 2].map((nth) => {
		restarts.started();
		restarts.ready(at(nth * 1_000));
		return restarts.ended(at(nth * 1_000 + 999));
	});
	assert.deepEqual(waits, [0, 250, 500]);
});
