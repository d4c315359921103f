import assert from "node:assert/strict";
import { test } from "node:test";
import { Lateness } from "./lateness.ts";

test("the 99th percentile is that of the newest window only", () => {
	const lateness = new Lateness(200);
	assert.equal(lateness.p99Ms, 0);
	lateness.add(3);
	assert.equal(lateness.p99Ms, 3);
	for (let i = 0; i < 200; i += 1) lateness.add(i < 10 ? 50 : 1);
	assert.equal(lateness.p99Ms, 50);
	for (let i = 0; i < 200; i += 1) lateness.add(-1);
	assert.equal(lateness.p99Ms, 0);
});
