import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
	HEARD_GAPS_MAX,
	HEARD_OTHER_MS_MAX,
	HEARD_SPAN_MS_MAX,
	HEARD_WAYS,
	type HeardReport,
	readHeardReport,
	writeHeardReport,
} from "./heard.ts";

const some = (max: number) => fc.option(fc.nat(max), { nil: undefined });
const reports: fc.Arbitrary<HeardReport> = fc
	.record({
		way: fc.constantFrom(...HEARD_WAYS),
		spanMs: fc.integer({ min: 1, max: HEARD_SPAN_MS_MAX }),
		heardShare: fc.double({ min: 0, max: 1, noNaN: true }),
		gapCount: fc.nat(HEARD_GAPS_MAX),
		distanceMs: some(HEARD_OTHER_MS_MAX),
		joinMs: some(HEARD_OTHER_MS_MAX),
	})
	.map(({ spanMs, heardShare, gapCount, ...rest }) => {
		const heardMs = Math.max(1, Math.round(heardShare * spanMs));
		const gapMs = spanMs - heardMs;
		return { ...rest, heardMs, gapMs, gapCount: gapMs > 0 ? gapCount : 0 };
	});

test("readHeardReport() reads what writeHeardReport() writes", () => {
	fc.assert(fc.property(reports, (report) => assert.deepEqual(readHeardReport(writeHeardReport(report)), report)));
});

test("readHeardReport() never throws, and what it gives lies within the bounds", () => {
	const piece = fc.oneof(
		fc.constantFrom(
			"w=",
			"push",
			"&h=",
			"&g=",
			"&m=",
			"&d=",
			"&j=",
			"0",
			"1",
			"-1",
			"1e9",
			"180000",
			"%30",
			"&",
			"=",
			"\0",
		),
		fc.nat().map(String),
		fc.string({ maxLength: 3 }),
	);
	const mutated = fc
		.tuple(reports, fc.nat(40), fc.nat(3), fc.string({ maxLength: 4 }))
		.map(([report, at, cut, more]) => {
			const text = writeHeardReport(report);
			return text.slice(0, at) + more + text.slice(at + cut);
		});
	const queries = fc.oneof(
		mutated,
		fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join("")),
	);
	fc.assert(
		fc.property(queries, (query) => {
			const report = readHeardReport(query);
			if (!report) return;
			const { heardMs, gapMs, gapCount, distanceMs = 0, joinMs = 0 } = report;
			for (const number of [heardMs, gapMs, gapCount, distanceMs, joinMs])
				assert.ok(Number.isSafeInteger(number) && number >= 0);
			assert.ok(heardMs > 0 && heardMs + gapMs <= HEARD_SPAN_MS_MAX && gapCount <= HEARD_GAPS_MAX);
			assert.ok(distanceMs <= HEARD_OTHER_MS_MAX && joinMs <= HEARD_OTHER_MS_MAX);
			assert.equal(writeHeardReport(report), query, "each report has one spelling");
		}),
		{ numRuns: 2_000 },
	);
});

test("readHeardReport() refuses what no player of ours says", () => {
	for (const query of [
		"",
		"w=push&h=0&g=0&m=0",
		"w=push&h=180001&g=0&m=0",
		"w=push&h=100000&g=1&m=80001",
		"w=push&h=60000&g=501&m=1000",
		"w=push&h=60000&g=1&m=0",
		"w=push&h=60000&g=0&m=0&d=3600001",
		"w=push&h=60000&g=0&m=0&j=99999999",
		"w=push&h=060000&g=0&m=0",
		"w=push&h=-1&g=0&m=0",
		"w=radio&h=60000&g=0&m=0",
		"h=60000&w=push&g=0&m=0",
		"w=push&h=60000&g=0&m=0&h=1",
		"w=push&h=60000&g=0&m=0&utm=x",
	])
		assert.equal(readHeardReport(query), undefined, query);
});

test("writeHeardReport() tells the absurd as the most there is", () => {
	const report = { way: "native", heardMs: 1, gapCount: 0, gapMs: 0, distanceMs: 9e9, joinMs: 9e9 } as const;
	assert.deepEqual(readHeardReport(writeHeardReport(report)), {
		...report,
		distanceMs: HEARD_OTHER_MS_MAX,
		joinMs: HEARD_OTHER_MS_MAX,
	});
});
