import assert from "node:assert/strict";
import { test } from "node:test";
import type { MonoMs } from "#base/index.ts";
import { Restarts } from "./restarts.ts";

test("what is killed once is back at once; what keeps ending waits ever longer, up to 5 s", () => {
	const restarts = new Restarts();
	restarts.started(0 as MonoMs);
	const waits = Array.from({ length: 8 }, () => restarts.ended(1_000 as MonoMs));
	assert.deepEqual(waits, [0, 250, 500, 1_000, 2_000, 5_000, 5_000, 5_000]);
});

test("thirty seconds of health make the next restart a first one again", () => {
	const restarts = new Restarts();
	restarts.started(0 as MonoMs);
	restarts.ended(0 as MonoMs);
	restarts.started(0 as MonoMs);
	assert.equal(restarts.ended(29_999 as MonoMs), 250);
	restarts.started(30_000 as MonoMs);
	assert.equal(restarts.ended(60_000 as MonoMs), 0);
});
