import assert from "node:assert/strict";
import { test } from "node:test";
import { CROWD, type CrowdOptions, simulateCrowd } from "./crowd.ts";
import { figuresOf } from "./crowd-report.ts";

/** Two thousand people for two edges. */
const SMALL: CrowdOptions = { ...CROWD, players: 2_000, edges: 2, connectionsMax: 1_400, lostShare: 0.5 };

test("crowd: where there is room, everybody honest hears at once, and the loss of an edge is not heard", () => {
	const result = simulateCrowd({ ...SMALL, connectionsMax: 3_000 });
	const { heard, honest, waitMs, gaps } = figuresOf(result);
	assert.equal(heard, honest);
	assert.ok(waitMs.max <= 10_000, `somebody waited ${waitMs.max} ms`);
	assert.equal(result.pushedOut, 0);
	assert.ok(gaps.full > 100 && gaps.notBack === 0, JSON.stringify(gaps));
	assert.equal(gaps.fullMostMs, 0);
	const growthMiB = result.shieldGrowthBytes / 2 ** 20;
	assert.ok(growthMiB < 4, `buffers grew by ${growthMiB} MiB`);
});

test("crowd: where there is too little room, the door closes and nobody inside is pushed out", () => {
	const result = simulateCrowd({ ...SMALL, connectionsMax: 500, lostShare: 0 });
	const { fullest, heard, honest } = figuresOf(result);
	assert.ok(heard < honest);
	assert.ok(result.steps.some(({ to }) => to === "door"));
	assert.equal(result.pushedOut, 0);
	assert.ok(result.connectionsMost <= 500);
	assert.ok(fullest > 0.85 && fullest <= 1, `${fullest} of the room was used`);
});

test("crowd: the same seed gives the same evening", () => {
	const evening = { ...SMALL, players: 500, edges: 1, lostShare: 0 };
	assert.equal(simulateCrowd(evening).digest, simulateCrowd(evening).digest);
	assert.notEqual(simulateCrowd(evening).digest, simulateCrowd({ ...evening, seed: 8 }).digest);
});
