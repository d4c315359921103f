import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isShed, type Standing } from "./shedding.ts";

const share = (standing: Standing, strain: number) => {
	let shed = 0;
	for (let who = 0; who < 10_000; who += 1) if (isShed(standing, who, strain)) shed += 1;
	return shed / 10_000;
};

test("members' pages go first, then newcomers, then who returns, then words; sound never [SH8]", () => {
	assert.deepEqual(
		(["sound", "words", "returning", "newcomer", "members"] as const).map((standing) => share(standing, 0)),
		[0, 0, 0, 0, 0],
	);
	assert.ok(share("members", 0.5) > 0.4 && share("newcomer", 0.5) === 0);
	assert.ok(share("members", 0.8) === 1 && share("newcomer", 0.8) > 0.9 && share("returning", 0.8) < 0.1);
	assert.ok(share("words", 0.99) > 0.8 && share("sound", 1) === 0);
});

test("who is shed stays shed as strain grows: the same people stay in [SH8]", () => {
	const strain = fc.double({ min: 0, max: 1, noNaN: true });
	const standing = fc.constantFrom<Standing>("sound", "words", "returning", "newcomer", "members");
	fc.assert(
		fc.property(standing, fc.integer(), strain, strain, (what, who, one, other) => {
			const [low, high] = [Math.min(one, other), Math.max(one, other)];
			assert.ok(!isShed(what, who, low) || isShed(what, who, high));
		}),
	);
});
