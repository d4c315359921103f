import assert from "node:assert/strict";
import { test } from "node:test";
import { randomToken, seededRandom, systemRandom } from "./random.ts";

test("seededRandom() repeats itself for a seed and differs between seeds", () => {
	const first = (seed: number) => Array.from({ length: 5 }, seededRandom(seed).unit);
	assert.deepEqual(first(7), first(7));
	assert.notDeepEqual(first(7), first(8));
	assert.deepEqual(seededRandom(7).bytes(8), seededRandom(7).bytes(8));
});

test("unit() stays in [0, 1)", () => {
	for (const random of [seededRandom(1), systemRandom]) {
		for (let nth = 0; nth < 1_000; nth += 1) {
			const value = random.unit();
			assert.ok(0 <= value && value < 1);
		}
	}
});

test("randomToken() is base64url of that many bytes", () => {
	assert.match(randomToken(systemRandom, 16), /^[A-Za-z0-9_-]{22}$/);
	assert.notEqual(randomToken(systemRandom, 16), randomToken(systemRandom, 16));
});
