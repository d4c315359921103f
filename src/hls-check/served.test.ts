/** A server that is right, and the same with one fault: the rule that must notice. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { BROKEN, BROKEN_CHANGES, BROKEN_SETS } from "./broken.testing.ts";
import { RULES, type RuleId } from "./rules.ts";
import { FakeNet, type Fault } from "./served.testing.ts";
import { checkHls } from "./watch.ts";

const SERVED: readonly (readonly [Fault, RuleId])[] = [
	["answers early", "6.2.5.2-1"],
	["accepts a part alone", "6.2.5.2-2"],
	["holds what is too far ahead", "6.2.5.2-3"],
	["knows no part beyond the last", "6.2.5.2-4"],
	["holds what is past", "6.2.5.2-5"],
	["does not skip", "6.2.5.1-1"],
	["skips and changes", "6.2.5.1-2"],
	["skips too much", "6.2.5.1-3"],
	["forgets the hinted part", "6.2.6-1"],
	["has everything", "6.2.6-2"],
	["lacks a segment", "6.2.1-12"],
	["reports ahead", "4.4.5.4-2"],
	["drops samples", "3.2-2"],
	["shifts parts", "3.2-2"],
	["tells wrong durations of segments", "4.4.4.1-4"],
	["tells wrong durations of parts", "4.4.4.9-5"],
	["compresses nothing", "6.2.1-13"],
	["hides its type", "4-1"],
	["is late", "6.2.1-8"],
];

async function check(fault: Fault) {
	const name = fault === "hides its type" ? "a.txt" : "a.m3u8";
	const { findings, failure } = await checkHls(new FakeNet(fault), `http://server/${name}`, 30);
	assert.equal(failure, undefined);
	return findings;
}

test("a server that does everything right is reported for nothing", async () => {
	assert.deepEqual(await check("none"), []);
});

test("each fault of a server is caught by its rule", async (t) => {
	for (const [fault, rule] of SERVED) {
		await t.test(`${rule} ${fault}`, async () => {
			const findings = await check(fault);
			assert.ok(
				findings.some((finding) => finding.rule === rule),
				JSON.stringify(findings, null, 1),
			);
		});
	}
});

test("every rule has a test that breaks it", () => {
	/** Broken over time: playlists.test.ts. */
	const overTime: RuleId[] = ["6.2.1-7", "6.2.1-8"];
	const tables = [...BROKEN, ...BROKEN_CHANGES, ...BROKEN_SETS].map(({ rule }) => rule);
	const tested = new Set([...tables, ...SERVED.map(([, rule]) => rule), ...overTime]);
	assert.deepEqual(
		Object.keys(RULES).filter((rule) => !tested.has(rule as RuleId)),
		[],
	);
});
