import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PART_SAMPLES } from "#wire/quantum.ts";
import { FAST_RATE, SLOW_RATE } from "./dial.ts";
import { FakeWorld, type Fault, stateOf, type Wish } from "./fake-world.ts";

const seeded = (seed: number) => () => {
	seed = (seed * 1_664_525 + 1_013_904_223) >>> 0;
	return seed / 2 ** 32;
};
const world = (options: Partial<ConstructorParameters<typeof FakeWorld>[0]> = {}) =>
	new FakeWorld({ random: seeded(7), agoMs: 600_000, onAirPart: 100, ...options });

test("play: sound begins a write and a little behind live, then the reserve is built at 0.97 and held at 1", () => {
	const w = world({ reserveMs: 3_000 });
	w.wish({ kind: "play" });
	w.advance(400);
	assert(w.heard.length === 1, "it plays");
	assert(w.behindMs < 1_000, `starts close: ${w.behindMs}`);
	assert.equal(w.rate, SLOW_RATE);
	w.advance(120_000);
	assert.equal(w.rate, 1);
	assert(Math.abs(w.behindMs - 3_000) < 150, `holds the reserve: ${w.behindMs}`);
	assert.equal(w.heard.length, 1, "without a break");
	assert.equal(w.core.view(w.nowMs).missedMs, 0);
});

test("when there is no room a newcomer waits his turn, and is told how long; then sound begins by itself", () => {
	const w = world();
	w.change({ admission: { level: "door", line: null } });
	w.advance(6_000);
	w.strike({ kind: "refuse", forMs: 30_000, status: 503, retryAfterMs: 40_000 });
	w.wish({ kind: "play" });
	w.advance(1_000);
	const { sound, inLineMs } = w.core.view(w.nowMs);
	assert.equal(sound, "connecting");
	assert(inLineMs !== null && inLineMs > 35_000 && inLineMs <= 40_000, `${inLineMs}`);
	w.advance(45_000);
	assert.equal(w.core.view(w.nowMs).sound, "playing");
	assert.equal(w.core.view(w.nowMs).inLineMs, null);
	w.strike({ kind: "refuse", forMs: 1_000, status: 503, retryAfterMs: 0 });
	w.change({ admission: { level: "normal", line: null } });
	w.advance(20_000);
	assert.equal(w.core.view(w.nowMs).inLineMs, null, "a restart of the server is no line");
});

test("the end of the sound comes before the word that it has ended: the page says so soon after, whoever held the push", () => {
	const w = world();
	w.wish({ kind: "play" });
	w.advance(20_000);
	const programme = w.state.programme;
	assert(programme);
	const endPart = w.newestPart + 1;
	w.change({ atPart: endPart, programme: { ...programme, endPart } });
	// It comes with the push, which is over when all sound is there.
	w.core.state(w.state, w.nowMs);
	w.change({ phase: "ended", atPart: endPart });
	w.advance(6_000);
	assert.equal(w.core.view(w.nowMs).sound, "finished");
	assert.equal(w.core.view(w.nowMs).shown.phase, "ended");
});

test("a larger distance than the reserve is caught up at 1.05, without a jump", () => {
	const w = world();
	w.wish({ kind: "play" });
	w.advance(60_000);
	w.strike({ kind: "down", forMs: 8_000 });
	w.advance(14_000);
	assert.equal(w.rate, FAST_RATE);
	w.advance(240_000);
	assert.equal(w.rate, 1);
	assert(w.behindMs < 2_500, `${w.behindMs}`);
	assert.deepEqual(w.jumps, []);
	for (const [i, stretch] of w.heard.entries()) {
		if (i > 0) assert.equal(stretch.from, w.heard[i - 1]?.to, "nothing skipped, nothing twice");
	}
});

test("a long outage is passed over to live, said as missed, and can be heard again", () => {
	const w = world();
	w.wish({ kind: "play" });
	w.advance(20_000);
	w.strike({ kind: "down", forMs: 90_000 });
	w.advance(120_000);
	const view = w.core.view(w.nowMs);
	assert.equal(w.jumps.length, 1);
	const [jump] = w.jumps;
	assert(jump && view.missed);
	assert(Math.abs(view.missedMs - (jump.to - jump.from) / 48) < 1);
	assert(w.behindMs < 5_000);
	w.core.seekTo(view.missed.fromSample, w.nowMs);
	w.advance(2_000);
	assert.equal(w.core.view(w.nowMs).sound, "playing");
	assert.equal(w.core.view(w.nowMs).following, false);
});

test("an edge that dies within the reserve is not heard", () => {
	const w = world({ reserveMs: 3_000 });
	w.wish({ kind: "play" });
	w.advance(120_000);
	for (let i = 0; i < 20; i += 1) {
		w.strike({ kind: "down", forMs: 300 });
		w.advance(20_000);
	}
	assert.equal(w.heard.length, 1);
	assert.equal(w.core.view(w.nowMs).missedMs, 0);
});

test("From the start plays segments from on air on, at the rate asked for, until it has caught up with live", () => {
	const w = world({ agoMs: 90_000 });
	w.wish({ kind: "play" });
	w.advance(5_000);
	w.wish({ kind: "rate", rate: 1.5 });
	w.wish({ kind: "seek", share: 0 });
	w.advance(1_000);
	assert.equal(w.heard.at(-1)?.from, 100 * PART_SAMPLES);
	assert.equal(w.rate, 1.5);
	w.advance(150_000);
	const view = w.core.view(w.nowMs);
	assert(view.following);
	assert.equal(view.rate, 1);
	assert.equal(w.heard.at(-1)?.from, 100 * PART_SAMPLES, "one stretch from the start to live");
});

test("End is heard to its last sample, and the same player replays the recording", () => {
	const w = world();
	w.wish({ kind: "play" });
	w.advance(30_000);
	w.end();
	w.advance(10_000);
	const end = (w.state.programme?.endPart ?? 0) * PART_SAMPLES;
	assert.equal(w.core.view(w.nowMs).sound, "finished");
	assert.equal(w.heard.length, 1);
	assert.equal(w.heard[0]?.to, end);
	w.wish({ kind: "play" });
	w.advance(2_000);
	assert.equal(w.heard.at(-1)?.from, 100 * PART_SAMPLES);
	w.wish({ kind: "seek", share: 0.99 });
	w.advance(20_000);
	assert.equal(w.heard.at(-1)?.to, end);
	assert.equal(w.core.view(w.nowMs).sound, "finished");
});

test("the end is shown as soon as the element has stopped, though it stops a little short", () => {
	const w = world();
	w.wish({ kind: "play" });
	w.advance(30_000);
	w.end();
	w.change({ atPart: w.state.programme?.endPart ?? 0 });
	w.advance(400);
	assert.equal(w.core.view(w.nowMs).shown.phase, "on_air", "not before it was heard");
	w.core.ended(w.nowMs);
	assert.equal(w.core.view(w.nowMs).shown.phase, "ended");
});

test("someone who hears the past at End goes on into the recording without a break", () => {
	const w = world();
	w.wish({ kind: "play" });
	w.advance(1_000);
	w.wish({ kind: "seek", share: 0.5 });
	w.advance(5_000);
	const stretches = w.heard.length;
	w.end();
	w.advance(60_000);
	assert.equal(w.heard.length, stretches);
	assert.equal(w.core.view(w.nowMs).sound, "playing");
});

test("pushes that are withheld on the way give way to segments", () => {
	const w = world();
	w.strike({ kind: "withhold", forMs: 600_000 });
	w.wish({ kind: "play" });
	w.advance(40_000);
	assert.equal(w.core.view(w.nowMs).sound, "playing");
	const from = w.heard.at(-1)?.from;
	w.advance(60_000);
	assert.equal(w.heard.at(-1)?.from, from, "segments follow without a break");
	assert.deepEqual(w.jumps, []);
});

test("play before there is a programme begins by itself", () => {
	const w = world({ agoMs: 0, onAirPart: null });
	const { programme } = w.state;
	w.change({ phase: "announced", programme: null });
	const waiting = new FakeWorld({ random: seeded(1), agoMs: 0, onAirPart: null });
	waiting.core.state({ ...waiting.state, programme: null, phase: "announced", revision: 2 }, waiting.nowMs);
	waiting.wish({ kind: "play" });
	waiting.advance(1_000);
	assert.equal(waiting.core.view(waiting.nowMs).sound, "armed");
	waiting.change({ revision: 3 });
	waiting.change({ programme });
	waiting.advance(10_000);
	assert.equal(waiting.core.view(waiting.nowMs).sound, "playing");
});

test("a state is shown when the playhead gets to its part, and at once to those who do not follow", () => {
	const w = world({ reserveMs: 5_000 });
	w.wish({ kind: "play" });
	w.advance(100_000);
	const part = w.newestPart;
	w.change({ title: "Another", atPart: part });
	w.core.state(w.state, w.nowMs);
	assert.equal(w.core.view(w.nowMs).shown.title, "A talk");
	w.advance(5_500);
	assert.equal(w.core.view(w.nowMs).shown.title, "Another");
	w.wish({ kind: "seek", share: 0.2 });
	w.change({ title: "A third", atPart: w.newestPart });
	w.core.state(w.state, w.nowMs);
	assert.equal(w.core.view(w.nowMs).shown.title, "A third");
});

test("a programme under another path key is another programme", () => {
	const w = world();
	w.wish({ kind: "play" });
	w.advance(5_000);
	const { programme } = w.state;
	assert(programme);
	w.change({ programme: { ...programme, pathKey: "other" } });
	w.core.state(w.state, w.nowMs);
	w.advance(3_000);
	assert.equal(w.core.view(w.nowMs).sound, "playing");
});

test("states are polled while nothing is pushed, rarely while it is, and after a failure with back-off", () => {
	const state = stateOf(100, 0);
	const w = world();
	let polls = 0;
	const count = (ms: number) => {
		polls = 0;
		const before = w.core.state.bind(w.core);
		w.core.state = (...args) => {
			polls += 1;
			before(...args);
		};
		w.advance(ms);
		w.core.state = before;
		return polls;
	};
	assert(state);
	assert(count(60_000) >= 9);
	w.wish({ kind: "play" });
	w.advance(10_000);
	assert(count(60_000) <= 3);
});

const fault: fc.Arbitrary<Fault> = fc.oneof(
	fc.constant({ kind: "cut" as const }),
	fc.record({ kind: fc.constant("down" as const), forMs: fc.integer({ min: 100, max: 60_000 }) }),
	fc.record({ kind: fc.constant("stall" as const), forMs: fc.integer({ min: 100, max: 15_000 }) }),
	fc.record({ kind: fc.constant("withhold" as const), forMs: fc.integer({ min: 100, max: 15_000 }) }),
	fc.record({ kind: fc.constant("no_segments" as const), forMs: fc.integer({ min: 100, max: 30_000 }) }),
	fc.record({ kind: fc.constant("sleep" as const), forMs: fc.integer({ min: 1_000, max: 200_000 }) }),
	fc.record({
		kind: fc.constant("refuse" as const),
		forMs: fc.integer({ min: 100, max: 10_000 }),
		status: fc.constantFrom(404, 429, 500, 503),
		retryAfterMs: fc.constantFrom(0, 1_000, 5_000),
	}),
);
const wish: fc.Arbitrary<Wish> = fc.oneof(
	fc.constant({ kind: "pause" as const }),
	fc.constant({ kind: "play" as const }),
	fc.constant({ kind: "live" as const }),
	fc.record({ kind: fc.constant("seek" as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
	fc.record({ kind: fc.constant("rate" as const), rate: fc.constantFrom(0.8, 1, 1.25, 1.5) }),
	fc.record({ kind: fc.constant("saver" as const), on: fc.boolean() }),
);
const circumstances = fc.record({
	seed: fc.integer({ min: 1, max: 2 ** 31 }),
	latencyMs: fc.integer({ min: 5, max: 400 }),
	write: fc.constantFrom("part" as const, "beat" as const, "two_beats" as const),
	reserveMs: fc.integer({ min: 500, max: 8_000 }),
});
const pauseMs = fc.integer({ min: 20, max: 20_000 });

test("whatever faults: nothing is heard twice, what is left out is said, and sound comes back once bytes flow", () => {
	fc.assert(
		fc.property(
			circumstances,
			fc.array(fc.record({ fault, afterMs: pauseMs }), { minLength: 1, maxLength: 8 }),
			({ seed, ...rest }, faults) => {
				const w = world({ random: seeded(seed), ...rest });
				w.wish({ kind: "play" });
				for (const { fault, afterMs } of faults) {
					w.advance(afterMs);
					w.strike(fault);
				}
				w.advance(330_000);
				const view = w.core.view(w.nowMs);
				assert.equal(view.sound, "playing");
				assert(view.following);
				let leftOut = 0;
				for (const [i, { from }] of w.heard.entries()) {
					const before = w.heard[i - 1]?.to ?? from;
					assert(from >= before, `heard twice: ${from} after ${before}`);
					leftOut += from - before;
				}
				// The world moves in steps of 20 ms: what is said may be that much more.
				const more = view.missedMs - leftOut / 48;
				assert(-2 < more && more <= 25 * w.jumps.length, `left out ${leftOut / 48} ms, said ${view.missedMs}`);
			},
		),
		{ numRuns: 25 },
	);
});

test("whatever a listener does among faults: sound comes back, and no part is appended twice", () => {
	const step = fc.oneof(
		fc.record({ fault, afterMs: pauseMs }),
		fc.record({ wish, afterMs: pauseMs }),
		fc.record({ wish, afterMs: pauseMs }),
	);
	fc.assert(
		fc.property(
			circumstances,
			fc.array(step, { minLength: 1, maxLength: 14 }),
			fc.boolean(),
			({ seed, ...rest }, steps, ends) => {
				const w = world({ random: seeded(seed), ...rest });
				w.wish({ kind: "play" });
				for (const [i, step] of steps.entries()) {
					w.advance(step.afterMs);
					if ("fault" in step) w.strike(step.fault);
					else w.wish(step.wish);
					if (ends && i === steps.length >> 1) w.end();
				}
				w.advance(230_000);
				w.wish({ kind: "play" });
				w.wish({ kind: "seek", share: 0.1 });
				w.advance(40_000);
				assert.equal(w.core.view(w.nowMs).sound, "playing");
				if (!ends) {
					w.wish({ kind: "live" });
					w.advance(20_000);
					const view = w.core.view(w.nowMs);
					assert.equal(view.sound, "playing");
					assert(view.following && w.behindMs < 20_000, `${w.behindMs}`);
				}
			},
		),
		{ numRuns: 25 },
	);
});

test("it says what was heard once a minute, with a gap where there was one, and nothing of a recording", () => {
	const w = world();
	w.advance(20_000);
	w.wish({ kind: "play" });
	w.advance(300_000);
	assert(w.reports.length >= 4 && w.reports.length <= 6, `${w.reports.length} in five minutes`);
	const [first, ...later] = w.reports;
	assert(first?.joinMs !== undefined && first.joinMs < 600, `${first?.joinMs}`);
	for (const report of w.reports) assert.deepEqual([report.way, report.gapCount, report.gapMs], ["push", 0, 0]);
	for (const report of later) {
		assert.equal(report.joinMs, undefined);
		assert(report.heardMs > 53_000 && report.heardMs < 67_000, `${report.heardMs}`);
		assert(Math.abs((report.distanceMs ?? 0) - 1_000) < 400, `${report.distanceMs}`);
	}
	const before = w.reports.length;
	w.strike({ kind: "down", forMs: 8_000 });
	let stillMs = 0;
	for (let nth = 0; nth < 1_400; nth += 1) {
		const from = w.position;
		w.advance(100);
		if (w.position === from) stillMs += 100;
	}
	const gaps = w.reports.slice(before);
	assert.equal(
		gaps.reduce((sum, { gapCount }) => sum + gapCount, 0),
		1,
	);
	const silentMs = gaps.reduce((sum, { gapMs }) => sum + gapMs, 0);
	assert(stillMs > 5_000 && Math.abs(silentMs - stillMs) < 500, `${silentMs} of ${stillMs}`);
	const told = w.reports.length;
	w.wish({ kind: "pause" });
	w.advance(200_000);
	assert(w.reports.length <= told + 1, "nothing was heard since");
	const ended = w.reports.length;
	w.end();
	w.wish({ kind: "play" });
	w.advance(200_000);
	assert.equal(w.reports.length, ended);
});
