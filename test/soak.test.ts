/** Some minutes of what `npm run bench -- soak` does for an hour: ROSTRA_SOAK_MINUTES (3). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { soak } from "../bench/soak.ts";
import { startPlatform } from "./support/platform.ts";

const MINUTES = Number(process.env["ROSTRA_SOAK_MINUTES"] ?? 3);

test(`${MINUTES} minutes on air, one sound card 200 ppm off: the programme keeps to the clock`, {
	timeout: (MINUTES + 3) * 60_000,
}, async (t) => {
	await using platform = await startPlatform({ demo: false });
	const figures = new Map<string, number>();
	for await (const { id, value, unit } of soak(platform, { minutes: MINUTES, say: (text) => t.diagnostic(text) })) {
		t.diagnostic(`${id}: ${value.toFixed(1)} ${unit}`);
		figures.set(id, value);
	}
	assert.ok((figures.get("soak-programme-drift") ?? Number.NaN) <= 20, "drift against the wall clock, ms");
	// A stall of the machine costs a tick or two; more than one a minute would be ours.
	assert.ok((figures.get("soak-ticks-lost") ?? Number.NaN) <= 2 * MINUTES, "ticks lost");
	assert.ok(Math.abs((figures.get("soak-drift-found") ?? Number.NaN) - 200) < 30, "the drift is found");
});
