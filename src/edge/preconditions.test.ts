import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { noneMatchNames, selectCoding, selectLanguage, selectRange } from "./preconditions.ts";

const TAG = '"tag"';

test("selectRange() takes one range of bytes and clips it to the file (RFC 9110 §14.1.2)", () => {
	const select = (range: string) => selectRange(range, "", TAG, 1_000);
	assert.deepEqual(select("bytes=0-0"), { kind: "part", from: 0, to: 1 });
	assert.deepEqual(select("bytes=500-"), { kind: "part", from: 500, to: 1_000 });
	assert.deepEqual(select("bytes=990-99999"), { kind: "part", from: 990, to: 1_000 });
	assert.deepEqual(select("bytes=-10"), { kind: "part", from: 990, to: 1_000 });
	assert.deepEqual(select("bytes=-99999999999999999999"), { kind: "part", from: 0, to: 1_000 });
	assert.deepEqual(select("BYTES= 1-2 "), { kind: "part", from: 1, to: 3 });
	assert.deepEqual(select("bytes=1000-"), { kind: "unsatisfiable" });
	assert.deepEqual(select("bytes=99999999999999999999-"), { kind: "unsatisfiable" });
	assert.deepEqual(select("bytes=-0"), { kind: "unsatisfiable" });
});

test("selectRange() ignores what is malformed, several, another unit, or for another version", () => {
	for (const range of [
		"",
		"bytes",
		"bytes=",
		"bytes=-",
		"bytes=5-2",
		"bytes=0-1,3-4",
		"bytes=a-b",
		"items=0-1",
		"bytes=-1-2",
		"bytes=+1-2",
	]) {
		assert.deepEqual(selectRange(range, "", TAG, 1_000), { kind: "whole" }, range);
	}
	assert.deepEqual(selectRange("bytes=0-1", TAG, TAG, 1_000), { kind: "part", from: 0, to: 2 });
	assert.deepEqual(selectRange("bytes=0-1", `W/${TAG}`, TAG, 1_000), { kind: "whole" });
	assert.deepEqual(selectRange("bytes=0-1", "Thu, 01 Jan 2026 20:00:00 GMT", TAG, 1_000), { kind: "whole" });
});

test("selectRange() never reaches outside the file, whatever it is asked", () => {
	const number = fc.oneof(fc.nat(3_000).map(String), fc.constantFrom("", "99999999999999999999999"));
	fc.assert(
		fc.property(number, number, fc.integer({ min: 1, max: 2_000 }), (first, last, sizeBytes) => {
			const result = selectRange(`bytes=${first}-${last}`, "", TAG, sizeBytes);
			if (result.kind === "part") assert.ok(0 <= result.from && result.from < result.to && result.to <= sizeBytes);
		}),
	);
});

test("noneMatchNames() compares weakly and knows the star", () => {
	assert.ok(noneMatchNames('"a", W/"tag"', TAG));
	assert.ok(noneMatchNames(" * ", TAG));
	assert.ok(!noneMatchNames('"tag-gzip"', TAG));
	assert.ok(!noneMatchNames("tag", TAG));
	assert.ok(!noneMatchNames("", TAG));
});

test("selectCoding() prefers brotli, obeys weights, and sends plain text to who does not ask", () => {
	assert.equal(selectCoding(""), "identity");
	assert.equal(selectCoding("gzip, deflate, br, zstd"), "br");
	assert.equal(selectCoding("gzip, br;q=0.5"), "gzip");
	assert.equal(selectCoding("br;q=0, gzip;q=0.001"), "gzip");
	assert.equal(selectCoding("*"), "br");
	assert.equal(selectCoding("*, br;q=0"), "gzip");
	assert.equal(selectCoding("gzip;q=2"), "identity", "a malformed weight counts as none");
	assert.equal(selectCoding("identity"), "identity");
});

test("selectLanguage() takes the best known language, the first when none is", () => {
	const select = (field: string) => selectLanguage(field, ["en", "de"] as const);
	assert.equal(select(""), "en");
	assert.equal(select("de"), "de");
	assert.equal(select("de-AT, en;q=0.8"), "de");
	assert.equal(select("fr, de;q=0.3, en;q=0.7"), "en");
	assert.equal(select("den"), "en");
	assert.equal(select("de;q=0"), "en");
});
