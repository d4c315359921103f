import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { MonoMs } from "#base/index.ts";
import { LEVELS } from "#wire/index.ts";
import { DOWN_AFTER_MS, Ladder, type Strain, strainOf, UP_AFTER_MS } from "./ladder.ts";

const CALM: Strain = { loopDelayP99Ms: 1, cpuShare: 0.1, admittedShare: 0.1 };
const TICK_MS = 250;

function run(ladder: Ladder, strains: readonly Strain[], startMs = 0): string[] {
	return strains.flatMap((strain, nth) => {
		const step = ladder.observe(strain, (startMs + nth * TICK_MS) as MonoMs);
		return step ? [`${nth * TICK_MS}: ${step.from} → ${step.to}, ${step.cause}`] : [];
	});
}
const lasting = (strain: Partial<Strain>, ms: number) =>
	new Array<Strain>(Math.round(ms / TICK_MS) + 1).fill({ ...CALM, ...strain });

test("goes up after two seconds, to what was asked for all of that time; names the cause [SH6]", () => {
	assert.deepEqual(run(new Ladder(), lasting({ loopDelayP99Ms: 30 }, UP_AFTER_MS)), [
		"2000: normal → quiet, loopDelayP99Ms",
	]);
	assert.deepEqual(run(new Ladder(), lasting({ admittedShare: 0.97 }, UP_AFTER_MS)), [
		"2000: normal → door, admittedShare",
	]);
	const spike = [
		...lasting({ cpuShare: 1 }, UP_AFTER_MS - TICK_MS),
		CALM,
		...lasting({ cpuShare: 1 }, UP_AFTER_MS - TICK_MS),
	];
	assert.deepEqual(run(new Ladder(), spike), [], "a spike is no strain");
});

test("comes down one level at a time, each after half a minute with room to spare [SH6]", () => {
	const ladder = new Ladder();
	run(ladder, lasting({ admittedShare: 0.97 }, UP_AFTER_MS));
	const fallen = run(ladder, lasting({}, 3 * DOWN_AFTER_MS), UP_AFTER_MS + TICK_MS);
	assert.deepEqual(
		fallen.map((line) => line.split(": ")[1]),
		["door → lean, relief", "lean → quiet, relief", "quiet → normal, relief"],
	);
	const nearly = new Ladder();
	run(nearly, lasting({ admittedShare: 0.88 }, UP_AFTER_MS));
	// Below the step up, and yet not enough to come down.
	assert.deepEqual(run(nearly, lasting({ admittedShare: 0.8 }, 3 * DOWN_AFTER_MS), UP_AFTER_MS), []);
});

test("a pinned level holds whatever the strain, until it is released [SH7]", () => {
	const ladder = new Ladder();
	const pinned = ladder.pin("lean", "a known crowd at eight", 0 as MonoMs);
	assert.deepEqual(pinned, { from: "normal", to: "lean", cause: "pinned", reason: "a known crowd at eight" });
	assert.deepEqual(run(ladder, lasting({ cpuShare: 1 }, 60_000)), []);
	assert.equal(ladder.release("over", 60_000 as MonoMs)?.cause, "released");
	assert.equal(ladder.level, "lean");
	assert.deepEqual(run(ladder, lasting({ loopDelayP99Ms: 500 }, UP_AFTER_MS), 60_250), [
		"2000: lean → door, loopDelayP99Ms",
	]);
});

test("whatever comes, it never steps more often than the delays allow [SH6]", () => {
	const strain = fc.record({
		loopDelayP99Ms: fc.nat(200),
		cpuShare: fc.double({ min: 0, max: 1, noNaN: true }),
		admittedShare: fc.double({ min: 0, max: 1, noNaN: true }),
	});
	fc.assert(
		fc.property(fc.array(strain, { maxLength: 400 }), (strains) => {
			const ladder = new Ladder();
			const ups = run(ladder, strains).filter((line) => !line.includes("relief"));
			assert.ok(ups.length <= LEVELS.length + (strains.length * TICK_MS) / DOWN_AFTER_MS);
			for (const each of strains) assert.ok(strainOf(each) >= 0 && strainOf(each) <= 1);
		}),
	);
});

test("connections that run short shed nobody before the line opens [SH8]", () => {
	const full: Strain = { ...CALM, admittedShare: 1 };
	assert.equal(strainOf(full), 0);
	assert.equal(strainOf({ ...full, loopDelayP99Ms: 1_000 }), 1);
	const ladder = new Ladder();
	run(ladder, lasting({ admittedShare: 0.97 }, UP_AFTER_MS));
	assert.equal(ladder.level, "door");
});
