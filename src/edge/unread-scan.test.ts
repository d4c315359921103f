import assert from "node:assert/strict";
import { test } from "node:test";
import { QUIET_SCAN_EVERY_MS, SCAN_EVERY_MS, ScanPlan, tcpMemory } from "./unread-scan.ts";

const QUIET = { sockets: 20_000, pages: 300 };
const FULL = { sockets: 20_000, pages: 30_000 };

/** When a plan scans within a minute, if the machine holds `memory` at each second. */
function scansOf(memory: (second: number) => { sockets: number; pages: number }, costMs = 0): number[] {
	const plan = new ScanPlan();
	const scans: number[] = [];
	for (let second = 0; second < 60; second += 1) {
		if (!plan.isDue(memory(second), second * 1_000)) continue;
		plan.done(second * 1_000, second * 1_000 + costMs);
		scans.push(second);
	}
	return scans;
}

test("a quiet machine is looked at now and then, one that holds much every few seconds", () => {
	assert.deepEqual(
		scansOf(() => QUIET),
		[0, QUIET_SCAN_EVERY_MS / 1_000],
	);
	const full = scansOf((second) => (second < 10 ? QUIET : FULL));
	assert.deepEqual(full.slice(0, 4), [0, 12, 15, 18]);
	assert.equal(SCAN_EVERY_MS, 3_000);
});

test("while somebody has stalled it is looked at every few seconds, so that he is heard to read again", () => {
	const plan = new ScanPlan();
	plan.isAnyStalled = true;
	plan.done(0, 1);
	assert.equal(plan.isDue(QUIET, SCAN_EVERY_MS), true);
	plan.isAnyStalled = false;
	assert.equal(plan.isDue(QUIET, SCAN_EVERY_MS), false);
});

test("what is only on its way is gone at the next look, and causes no scan", () => {
	assert.deepEqual(
		scansOf((second) => (second % 2 === 0 ? FULL : QUIET)),
		[0, 30],
	);
});

test("a scan that takes long is repeated less often", () => {
	assert.deepEqual(
		scansOf(() => FULL, 300),
		[0, 10, 20, 30, 40, 50],
	);
});

test("a quiet machine with very many sockets is looked at less often still", () => {
	assert.deepEqual(
		scansOf(() => QUIET, 45),
		[0, 45],
	);
});

test("tcpMemory() reads the kernel's line, and nothing from another text", () => {
	const text = "sockets: used 290\nTCP: inuse 35 orphan 0 tw 12 alloc 40 mem 7\nUDP: inuse 3 mem 2\n";
	assert.deepEqual(tcpMemory(text), { sockets: 35, pages: 7 });
	assert.deepEqual(tcpMemory(""), { sockets: 0, pages: 0 });
});
