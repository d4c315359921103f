/** Playlists that are right, and each of them broken in one place: the rule that must notice. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BROKEN, BROKEN_CHANGES, BROKEN_SETS, type Edit, GOOD } from "./broken.testing.ts";
import { checkPlaylist, checkTogether } from "./check.ts";
import { parsePlaylist } from "./parse.ts";
import { checkChange, Follower, merge } from "./reload.ts";
import type { RuleId } from "./rules.ts";

function rulesOf(text: string): RuleId[] {
	const rules = new Set<RuleId>();
	const report = (rule: RuleId) => rules.add(rule);
	checkPlaylist(parsePlaylist(text, "http://a/b/list.m3u8", report), report);
	return [...rules];
}

const parsed = (text: string, url = "http://a/b/list.m3u8") =>
	parsePlaylist(text, url, (rule, line, found) => assert.fail(`${rule} on line ${line}: ${found}`));

/** Applies edits: what each looks for must be there. */
function edited(text: string, edits: readonly Edit[]): string {
	return edits.reduce((sum, [from, to]) => {
		const next = sum.replace(from, to);
		assert.notEqual(next, sum, `${from} is not in the playlist`);
		return next;
	}, text);
}

test("playlists that keep every rule are reported for nothing", () => {
	for (const [name, text] of Object.entries(GOOD)) assert.deepEqual(rulesOf(text), [], name);
});

test("each broken playlist is caught by its rule, and by no other", async (t) => {
	assert.ok(BROKEN.length >= 40);
	for (const { rule, why, base, edits, also = [] } of BROKEN) {
		await t.test(`${rule} ${why}`, () => {
			const found = rulesOf(edited(GOOD[base], edits));
			assert.deepEqual(found.sort(), [rule, ...also].sort());
		});
	}
});

test("each change that must not be made is caught by its rule, and by no other", async (t) => {
	for (const { rule, why, base, before = [], after } of BROKEN_CHANGES) {
		await t.test(`${rule} ${why}`, () => {
			const rules = new Set<RuleId>();
			const old = parsed(edited(GOOD[base], before));
			checkChange(old, old, (each) => assert.fail(`${each} of the same playlist`));
			checkChange(old, parsed(edited(GOOD[base], [...before, ...after])), (each) => rules.add(each));
			assert.deepEqual([...rules], [rule]);
		});
	}
});

test("each set of renditions that do not go together is caught by its rule", async (t) => {
	const set = (second: string) => [parsed(GOOD.lowLatency), parsed(second, "http://a/b/other.m3u8")];
	const rulesOfSet = (second: string) => {
		const rules = new Set<RuleId>();
		checkTogether(set(second), (_, each) => rules.add(each));
		return [...rules];
	};
	const other = edited(GOOD.lowLatency, [["other.m3u8", "list.m3u8"]]);
	assert.deepEqual(rulesOfSet(other), []);
	for (const { rule, why, edits } of BROKEN_SETS) {
		await t.test(`${rule} ${why}`, () => assert.deepEqual(rulesOfSet(edited(other, edits)), [rule]));
	}
});

test("a live playlist that stands still, or whose dates run away from the clock, is caught over time", () => {
	const follow = (steps: readonly (readonly [atMs: number, text: string])[]) => {
		const follower = new Follower();
		const rules = new Set<RuleId>();
		for (const [atMs, text] of steps) follower.take(parsed(text), atMs, (rule) => rules.add(rule));
		return [...rules];
	};
	const classic = GOOD.live;
	const later = edited(classic, [[/$/, "#EXTINF:4.0,\n14.m4s\n"]]);
	assert.deepEqual(
		follow([
			[0, classic],
			[4_000, later],
		]),
		[],
	);
	assert.deepEqual(
		follow([
			[0, classic],
			[5_900, classic],
		]),
		[],
	);
	assert.deepEqual(
		follow([
			[0, classic],
			[6_100, classic],
		]),
		["6.2.1-7"],
	);
	assert.deepEqual(
		follow([
			[0, classic],
			[6_100, later],
		]),
		["6.2.1-7"],
	);
	const part = (nth: number) => `#EXT-X-PART:DURATION=1,URI="12.${nth}.m4s",INDEPENDENT=YES\n`;
	const ll = GOOD.lowLatency;
	const next = edited(ll, [[/#EXT-X-PRELOAD-HINT.*\n/, `${part(2)}#EXT-X-PRELOAD-HINT:TYPE=PART,URI="12.3.m4s"\n`]]);
	assert.deepEqual(
		follow([
			[0, ll],
			[1_200, next],
		]),
		[],
	);
	assert.deepEqual(
		follow([
			[0, ll],
			[1_300, next],
		]),
		["6.2.1-8"],
	);
	const steps = Array.from({ length: 40 }, (_, k): [number, string] => {
		const lines = Array.from({ length: k }, (_, i) => `#EXTINF:4.0,\n${14 + i}.m4s\n`).join("");
		return [k * 4_200, edited(classic, k === 0 ? [] : [[/$/, lines]])];
	});
	assert.deepEqual(follow(steps), ["6.2.1-10"], "0.2 s slow with each segment");
});

test("whatever a playlist holds, it is read to its end", () => {
	const pieces = Object.values(GOOD).flatMap((text) => text.split(/(?<=[\n,=:"])/));
	const piece = fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 5 }));
	fc.assert(
		fc.property(fc.array(piece, { maxLength: 60 }), fc.array(piece, { maxLength: 60 }), (before, after) => {
			const report = (_rule: RuleId, line: number) => assert.ok(Number.isInteger(line) && line >= 0);
			const [old, now] = [before, after].map((parts) =>
				parsePlaylist(`#EXTM3U\n${parts.join("")}`, "http://a/b.m3u8", report),
			);
			if (!old || !now) return;
			checkPlaylist(old, report);
			checkChange(old, now, report);
			merge(old, now);
			checkTogether([old, now], () => {});
		}),
		{ numRuns: 2_000 },
	);
});
