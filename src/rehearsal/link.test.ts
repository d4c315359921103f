import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { MonoMs } from "#base/index.ts";
import { JOIN_WITHIN_MS, type LinkStep, RETURN_SILENT_MS, SpeakerLink } from "./link.ts";

const drain = (link: SpeakerLink): LinkStep[] => [
	...(function* () {
		for (let step = link.poll(); step; step = link.poll()) yield step;
	})(),
];
const ms = (value: number) => value as MonoMs;

test("SpeakerLink joins at once, and joins again at once when the return feed was silent for a second", () => {
	const link = new SpeakerLink(ms(1_000));
	link.tick(ms(1_000));
	assert.deepEqual(drain(link), [{ kind: "join", attempt: 1 }]);
	link.opened(1, ms(1_100));
	link.returned(1, ms(1_120));
	link.tick(ms(1_120 + RETURN_SILENT_MS - 1));
	assert.deepEqual(drain(link), []);
	link.tick(ms(1_120 + RETURN_SILENT_MS));
	assert.deepEqual(drain(link), [{ kind: "drop", attempt: 1, trouble: "the return feed fell silent" }]);
	link.tick(link.deadlineMs);
	assert.deepEqual(drain(link), [{ kind: "join", attempt: 2 }]);
	assert.equal(link.deadlineMs, 1_120 + RETURN_SILENT_MS + JOIN_WITHIN_MS);
});

test("SpeakerLink pauses longer after each failure in a row, and a second at most", () => {
	const link = new SpeakerLink(ms(0));
	const joinedAt: number[] = [];
	for (let attempt = 1; attempt <= 9; attempt += 1) {
		const nowMs = link.deadlineMs;
		link.tick(nowMs);
		joinedAt.push(nowMs);
		link.failed(attempt, "the door answered 503", nowMs);
		drain(link);
	}
	const pauses = joinedAt.slice(1).map((at, nth) => at - (joinedAt[nth] as number));
	assert.deepEqual(pauses, [0, 100, 250, 500, 500, 1_000, 1_000, 1_000]);
});

test("SpeakerLink: a connection that opens but brings no return counts as a failure, so a dead stage is not hammered", () => {
	const link = new SpeakerLink(ms(0));
	link.tick(ms(0));
	link.opened(1, ms(10));
	link.tick(link.deadlineMs);
	link.tick(link.deadlineMs);
	link.opened(2, link.deadlineMs);
	link.tick(link.deadlineMs);
	const silentMs = link.deadlineMs;
	drain(link);
	link.tick(ms(silentMs - 1));
	assert.equal(link.state, "resting");
});

test("SpeakerLink never has two attempts at once, whatever it is told and when", () => {
	const input = fc.record({
		kind: fc.constantFrom("opened", "returned", "failed", "tick"),
		attempt: fc.nat(6),
		laterMs: fc.nat(1_500),
	});
	fc.assert(
		fc.property(fc.array(input, { maxLength: 100 }), (inputs) => {
			let nowMs = ms(0);
			const link = new SpeakerLink(nowMs);
			let open: number | undefined;
			for (const { kind, attempt, laterMs } of inputs) {
				nowMs = ms(nowMs + laterMs);
				if (kind === "failed") link.failed(attempt, "test", nowMs);
				else if (kind === "tick") link.tick(nowMs);
				else link[kind as "opened" | "returned"](attempt, nowMs);
				for (const step of drain(link)) {
					if (step.kind === "join") assert.equal(open, undefined);
					else assert.equal(open, step.attempt);
					open = step.kind === "join" ? step.attempt : undefined;
				}
				assert.equal(link.state === "resting", open === undefined);
			}
		}),
	);
});
