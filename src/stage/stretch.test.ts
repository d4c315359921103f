import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "#base/index.ts";
import { lengthen, STRETCH_SAMPLES, shorten } from "./stretch.ts";

const HZ = 150;
const PERIOD = 48_000 / HZ;
const voiced = (samples: number) =>
	Float32Array.from(
		{ length: samples },
		(_, i) => 0.3 * Math.sin((2 * Math.PI * HZ * i) / 48_000) + 0.2 * Math.sin((4 * Math.PI * HZ * i) / 48_000 + 1),
	);

test("shorten() takes whole periods out of a voice, and the joint cannot be seen", () => {
	const buffer = voiced(4_000);
	const removed = shorten(buffer, 100, 3_000, { likenessMin: 0.9, samplesMax: 720 });
	assert.equal(removed % PERIOD, 0);
	assert.ok(removed > 0);
	const exact = voiced(4_000);
	for (let i = 0; i < 3_000 - removed; i += 1) {
		assert.ok(Math.abs((buffer[i] as number) - (exact[i] as number)) < 1e-3, `sample ${i}`);
	}
});

test("lengthen() puts whole periods into a voice, and the joint cannot be seen", () => {
	const buffer = voiced(4_000);
	const added = lengthen(buffer, 100, 3_000, 0.9);
	assert.equal(added % PERIOD, 0);
	assert.ok(added > 0);
	const exact = voiced(4_000);
	for (let i = 0; i < 3_000 + added; i += 1) {
		assert.ok(Math.abs((buffer[i] as number) - (exact[i] as number)) < 1e-3, `sample ${i}`);
	}
});

test("noise is left alone as long as likeness is asked for, and silence is cut anywhere", () => {
	const random = seededRandom(1);
	const noise = Float32Array.from({ length: 3_000 }, () => random.unit() - 0.5);
	const before = noise.slice();
	assert.equal(shorten(noise, 0, 2_000, { likenessMin: 0.75, samplesMax: 720 }), 0);
	assert.deepEqual(noise, before);
	assert.equal(shorten(new Float32Array(3_000), 0, 2_000, { likenessMin: 0.75, samplesMax: 500 }), 500);
});

test("too little sound, or too little to take, changes nothing", () => {
	const buffer = voiced(2_000);
	assert.equal(shorten(buffer, 0, STRETCH_SAMPLES - 1, { likenessMin: 0, samplesMax: 720 }), 0);
	assert.equal(shorten(buffer, 0, 1_500, { likenessMin: 0, samplesMax: 100 }), 0);
	assert.equal(lengthen(buffer, 0, 1_500, 0), 0, "no room behind the end");
});
