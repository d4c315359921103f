import assert from "node:assert/strict";
import { test } from "node:test";
import { play, SCENARIOS } from "./scenarios.ts";

for (const scenario of SCENARIOS) {
	test(`sim: ${scenario.name}`, async () => {
		const results = await play(scenario, 7);
		assert.deepEqual(
			results.filter(({ trouble }) => trouble !== "").map(({ step, trouble }) => `${step.why}: ${trouble}`),
			[],
		);
	});
}

test("sim: the same seed gives the same result, to the last sample", async () => {
	const [scenario] = SCENARIOS.slice(1);
	assert.ok(scenario);
	assert.deepEqual(await play(scenario, 3), await play(scenario, 3));
});
