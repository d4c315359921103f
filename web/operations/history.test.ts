import assert from "node:assert/strict";
import { test } from "node:test";
import { type History, refusalsOf, WINDOW_MS, withReports } from "./history.ts";

const EDGE = {
	worker: 0,
	pid: 1,
	connections: 1,
	admitted: 1,
	connectionsMax: 10,
	cpuShare: 0,
	loopDelayP99Ms: 0,
	refusedSinceStart: {},
};
const refusing = (slow_head: number, full = 0, pid = 1) => [{ ...EDGE, pid, refusedSinceStart: { slow_head, full } }];

test("refusals per second follow from two reports; a worker that started anew counts from 0", () => {
	let history: History = new Map();
	history = withReports(history, refusing(100), 0);
	history = withReports(history, refusing(110), 2_000);
	history = withReports(history, refusing(4, 0, 2), 4_000);
	assert.deepEqual(
		history.get(0)?.map(({ refusedPerS }) => refusedPerS),
		[0, 5, 2],
	);
});

test("refusals by reason: most often first, since the start and lately", () => {
	let history: History = new Map();
	for (let s = 0; s <= 60; s += 2) history = withReports(history, refusing(100 + s, 500), s * 1_000);
	assert.deepEqual(refusalsOf(history.get(0) ?? []), [
		{ reason: "full", total: 500, perS: 0 },
		{ reason: "slow_head", total: 160, perS: 1 },
	]);
	assert.deepEqual(refusalsOf([]), []);
});

test("what is older than the window goes, and a worker that is gone with it", () => {
	let history: History = new Map();
	for (let ms = 0; ms <= 2 * WINDOW_MS; ms += 10_000) history = withReports(history, refusing(0), ms);
	assert.equal(history.get(0)?.length, WINDOW_MS / 10_000);
	assert.equal(withReports(history, [], 4 * WINDOW_MS).size, 0);
});
