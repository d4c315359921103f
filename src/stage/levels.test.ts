import assert from "node:assert/strict";
import { test } from "node:test";
import { type Random, seededRandom } from "#base/index.ts";
import { FRAME_SAMPLES } from "#wire/index.ts";
import { LEVEL_DBFS_MIN } from "./config.ts";
import { Level } from "./levels.ts";

const noise = (random: Random, dbfs: number) => {
	const peak = 10 ** (dbfs / 20) * Math.sqrt(3);
	return Float32Array.from({ length: FRAME_SAMPLES }, () => peak * (2 * random.unit() - 1));
};

test("levelDbfs is the RMS of the last 200 ms", () => {
	const level = new Level();
	assert.equal(level.levelDbfs, LEVEL_DBFS_MIN);
	const sine = Float32Array.from({ length: FRAME_SAMPLES }, (_, i) => Math.sin((2 * Math.PI * i) / 96));
	for (let i = 0; i < 10; i += 1) level.take(sine);
	assert.ok(Math.abs(level.levelDbfs + 3.01) < 0.01, `${level.levelDbfs}`);
	for (let i = 0; i < 10; i += 1) level.take(new Float32Array(FRAME_SAMPLES));
	assert.equal(level.levelDbfs, LEVEL_DBFS_MIN);
});

test("a voice above the room's noise is speaking through its short pauses, and not after", () => {
	const random = seededRandom(2);
	const level = new Level();
	const run = (dbfs: number, ticks: number) => {
		const speaking: boolean[] = [];
		for (let i = 0; i < ticks; i += 1) {
			level.take(noise(random, dbfs));
			speaking.push(level.speaking);
		}
		return speaking;
	};
	assert.ok(
		run(-55, 100).every((s) => !s),
		"the room alone",
	);
	assert.equal(run(-25, 2).includes(true), false, "a click is no voice");
	run(-55, 30);
	assert.equal(run(-25, 50).lastIndexOf(false), 1, "speaks from 60 ms on");
	assert.ok(
		run(-55, 15).every((s) => s),
		"a pause between words",
	);
	run(-25, 20);
	assert.equal(run(-55, 40).at(-1), false, "has stopped");
});

test("steady noise, however loud up to −40 dBFS, is not taken for a voice for long", () => {
	const random = seededRandom(3);
	const level = new Level();
	let spoken = 0;
	for (let i = 0; i < 1_500; i += 1) {
		level.take(noise(random, -44));
		if (i > 1_000 && level.speaking) spoken += 1;
	}
	assert.equal(spoken, 0);
});
