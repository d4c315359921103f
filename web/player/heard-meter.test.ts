import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type HeardReport, readHeardReport, writeHeardReport } from "#wire/heard.ts";
import { HeardMeter } from "./heard-meter.ts";

/** A meter on a clock of its own, told every quarter of a second. */
class Listening {
	nowMs = 1_000;
	readonly meter: HeardMeter;
	readonly reports: HeardReport[] = [];

	constructor(random = 0.5) {
		this.meter = new HeardMeter(() => random);
	}

	pass(ms: number, share = 1, stepMs = 250): void {
		for (const untilMs = this.nowMs + ms; this.nowMs < untilMs; ) {
			this.nowMs += stepMs;
			this.meter.moved(stepMs * share, this.nowMs);
			const report = this.meter.poll(this.nowMs, { way: "push", distanceMs: 1_000.4 });
			if (report) this.reports.push(report);
		}
	}
}

test("one report a minute; the wait for the first sound is told once", () => {
	const one = new Listening();
	one.meter.asked(one.nowMs);
	one.pass(750, 0);
	one.pass(180_000);
	assert.deepEqual(
		one.reports.map(({ heardMs, joinMs }) => [heardMs, joinMs]),
		[
			[60_000, 1_000],
			[60_000, undefined],
		].concat(one.reports.length === 3 ? [[60_000, undefined]] : []),
	);
	assert.deepEqual(one.reports[0], {
		way: "push",
		heardMs: 60_000,
		gapCount: 0,
		gapMs: 0,
		distanceMs: 1_000,
		joinMs: 1_000,
	});
});

test("a silence is one gap, also when it lasts from one report to the next", () => {
	const one = new Listening();
	one.meter.asked(one.nowMs);
	one.pass(55_000);
	one.pass(10_000, 0);
	one.pass(60_000);
	const [first, second] = one.reports;
	assert.deepEqual([first?.gapCount, second?.gapCount], [1, 0]);
	assert.equal((first?.gapMs ?? 0) + (second?.gapMs ?? 0), 10_000);
	assert.equal((first?.heardMs ?? 0) + (first?.gapMs ?? 0), 60_000);
});

test("what the listener does is no gap: a pause, another place, a machine that slept", () => {
	const one = new Listening();
	one.meter.asked(one.nowMs);
	one.pass(20_000);
	one.meter.stopped();
	one.pass(5_000, 0);
	one.meter.asked(one.nowMs);
	one.pass(3_000, 0);
	one.pass(20_000);
	one.pass(3_600_000, 0, 3_600_000);
	one.pass(30_000);
	assert.deepEqual(
		one.reports.map(({ gapCount, gapMs }) => [gapCount, gapMs]),
		one.reports.map(() => [0, 0]),
	);
	assert.ok(one.reports.length > 0);
});

test("sound that was left out is a gap, however short its silence", () => {
	const one = new Listening();
	one.meter.asked(one.nowMs);
	one.pass(20_000);
	one.meter.leftOut(4_000);
	one.pass(50_000);
	assert.deepEqual([one.reports[0]?.gapCount, one.reports[0]?.gapMs], [1, 4_000]);
});

test("a playhead that is told in steps makes no gap; one that sticks does", () => {
	const one = new Listening();
	one.meter.asked(one.nowMs);
	one.pass(250);
	for (let nth = 0; nth < 100; nth += 1) {
		one.pass(250, 0);
		one.pass(250, 2);
	}
	for (let nth = 0; nth < 3; nth += 1) {
		one.pass(500, 0);
		one.pass(3_000);
	}
	one.pass(10_000);
	assert.deepEqual([one.reports[0]?.gapCount, one.reports[0]?.gapMs], [3, 1_500]);
});

test("nobody who heard nothing reports, and a crowd that begins together does not report together", () => {
	const silent = new Listening();
	silent.pass(200_000, 0);
	silent.meter.asked(silent.nowMs);
	silent.pass(200_000, 0);
	assert.deepEqual(silent.reports, []);
	const firstMs = [0, 0.25, 0.999].map((random) => {
		const one = new Listening(random);
		one.meter.asked(one.nowMs);
		while (one.reports.length === 0) one.pass(250);
		return one.nowMs;
	});
	assert.deepEqual(
		firstMs.map((ms) => Math.round(ms / 15_000)),
		[2, 3, 6],
	);
});

test("whatever happens to a playhead, what is reported can be read and holds no more than the time that passed", () => {
	const happening = fc.oneof(
		fc.record({
			kind: fc.constant("moved" as const),
			stepMs: fc.nat(20_000),
			soundMs: fc.integer({ min: -5_000, max: 20_000 }),
		}),
		fc.record({ kind: fc.constant("asked" as const) }),
		fc.record({ kind: fc.constant("stopped" as const) }),
		fc.record({ kind: fc.constant("left" as const), lostMs: fc.nat(60_000) }),
	);
	fc.assert(
		fc.property(fc.array(happening, { maxLength: 200 }), fc.nat(99), (happenings, random) => {
			const meter = new HeardMeter(() => random / 100);
			let nowMs = 0;
			let passedMs = 0;
			for (const it of happenings) {
				if (it.kind === "moved") {
					nowMs += it.stepMs;
					passedMs += it.stepMs;
					meter.moved(it.soundMs, nowMs);
				} else if (it.kind === "asked") meter.asked(nowMs);
				else if (it.kind === "stopped") meter.stopped();
				else meter.leftOut(it.lostMs);
				const report = meter.poll(nowMs, { way: "native", distanceMs: null });
				if (!report) continue;
				assert.deepEqual(readHeardReport(writeHeardReport(report)), report);
				assert.ok(report.heardMs + report.gapMs <= passedMs + 1);
				passedMs = 0;
			}
		}),
	);
});
