import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { segmentOf, segmentsBetween } from "./programme.ts";

test("segmentOf() counts from the epoch in steps of 12 parts, and a cut begins a segment early", () => {
	const timeline = { cuts: [0, 30], endPart: 45 };
	assert.deepEqual(segmentOf(timeline, 0), { sequence: 0, firstPart: 0, partCount: 12 });
	assert.deepEqual(segmentOf(timeline, 29), { sequence: 2, firstPart: 24, partCount: 6 });
	assert.deepEqual(segmentOf(timeline, 30), { sequence: 3, firstPart: 30, partCount: 12 });
	assert.deepEqual(segmentOf(timeline, 44), { sequence: 4, firstPart: 42, partCount: 3 });
});

const timelines = fc
	.record({
		gaps: fc.array(fc.integer({ min: 1, max: 100 }), { maxLength: 4 }),
		tail: fc.integer({ min: 1, max: 100 }),
		ended: fc.boolean(),
	})
	.map(({ gaps, tail, ended }) => {
		const cuts = [0];
		for (const gap of gaps) cuts.push((cuts.at(-1) as number) + gap);
		const lastPart = (cuts.at(-1) as number) + tail;
		return { cuts, endPart: ended ? lastPart : null, lastPart };
	});

test("segments tile the timeline: every part lies in exactly one, sequences grow by one, none is longer than 12 parts", () => {
	fc.assert(
		fc.property(timelines, ({ cuts, endPart, lastPart }) => {
			const spans = segmentsBetween({ cuts, endPart }, 0, lastPart);
			let part = 0;
			for (const [nth, span] of spans.entries()) {
				assert.equal(span.sequence, nth);
				assert.equal(span.firstPart, part);
				assert.ok(1 <= span.partCount && span.partCount <= 12);
				for (let k = part; k < part + span.partCount && k < lastPart; k += 1) {
					assert.deepEqual(segmentOf({ cuts, endPart }, k), span);
				}
				part += span.partCount;
			}
			assert.ok(part >= lastPart);
			if (endPart !== null) assert.equal(part, endPart);
			for (const cut of cuts) assert.ok(spans.some((span) => span.firstPart === cut));
		}),
	);
});
