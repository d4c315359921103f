import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { UnixMs } from "#base/index.ts";
import { INTERVIEW_MS_MAX, PHASES, type Phase } from "#wire/index.ts";
import {
	advance,
	DOORS_BEFORE_START_MS,
	dueNow,
	isOpen,
	isOver,
	type Lifecycle,
	type LifecycleEvent,
	lifecycle,
} from "./lifecycle.ts";

const START = Date.UTC(2026, 10, 23, 20, 0, 0);
const unixMs = (ms: number) => ms as UnixMs;

/** Every change of phase there may be. Whatever is not here must never happen. */
const LEGAL: Record<Phase, readonly Phase[]> = {
	announced: ["doors", "cancelled", "ended"],
	doors: ["waiting_for_host", "on_air", "ended", "cancelled"],
	waiting_for_host: ["doors", "on_air", "ended", "cancelled"],
	on_air: ["interrupted", "ended"],
	interrupted: ["on_air", "ended"],
	ended: [],
	cancelled: [],
};

const KINDS = [
	"doors_opened",
	"nobody_seated",
	"rescheduled",
	"went_on_air",
	"interrupted",
	"resumed",
	"ended",
	"cancelled",
] as const satisfies readonly LifecycleEvent["kind"][];
const events = fc.array(fc.record({ kind: fc.constantFrom(...KINDS), afterMs: fc.nat(3_600_000) }), { maxLength: 40 });

test("advance(): no sequence of events leads to an illegal change, each change happens once, and what is over stays over", () => {
	fc.assert(
		fc.property(events, (sequence) => {
			let now: Lifecycle = { phase: "announced" };
			let atMs = START;
			for (const { kind, afterMs } of sequence) {
				atMs += afterMs;
				const outcome = advance(now, { kind }, unixMs(atMs));
				if (outcome.kind !== "moved") continue;
				const { next } = outcome;
				assert.ok(LEGAL[now.phase].includes(next.phase), `${now.phase} -> ${next.phase} by ${kind}`);
				assert.deepEqual(lifecycle.parse(next), next, "holds exactly the fields of its phase");
				assert.equal(advance(next, { kind }, unixMs(atMs)).kind, "unchanged", "the same event again changes nothing");
				now = next;
			}
			if (isOver(now.phase)) {
				for (const kind of KINDS) assert.notEqual(advance(now, { kind }, unixMs(atMs)).kind, "moved");
			}
		}),
	);
});

test("advance(): the real start is set once and survives interruptions; what never was on air ends without one", () => {
	fc.assert(
		fc.property(events, (sequence) => {
			let now: Lifecycle = { phase: "announced" };
			let onAirUnixMs: number | null = null;
			let atMs = START;
			for (const { kind, afterMs } of sequence) {
				atMs += afterMs;
				const outcome = advance(now, { kind }, unixMs(atMs));
				if (outcome.kind !== "moved") continue;
				if (now.phase !== "interrupted" && outcome.next.phase === "on_air") onAirUnixMs = atMs;
				now = outcome.next;
				if ("onAirUnixMs" in now) assert.equal(now.onAirUnixMs, onAirUnixMs);
			}
		}),
	);
});

test("every phase of the contract is reached by some sequence", () => {
	const paths: Record<Phase, LifecycleEvent["kind"][]> = {
		announced: [],
		doors: ["doors_opened"],
		waiting_for_host: ["doors_opened", "nobody_seated"],
		on_air: ["doors_opened", "went_on_air"],
		interrupted: ["doors_opened", "went_on_air", "interrupted"],
		ended: ["doors_opened", "went_on_air", "ended"],
		cancelled: ["cancelled"],
	};
	for (const phase of PHASES) {
		let now: Lifecycle = { phase: "announced" };
		for (const kind of paths[phase]) {
			const outcome = advance(now, { kind }, unixMs(START));
			assert.equal(outcome.kind, "moved");
			if (outcome.kind === "moved") now = outcome.next;
		}
		assert.equal(now.phase, phase);
	}
});

test("the clock: doors 15 minutes before the start, on air at the start when a speaker is seated", () => {
	const announced: Lifecycle = { phase: "announced" };
	const doorsMs = START - DOORS_BEFORE_START_MS;
	assert.equal(dueNow(announced, START, 1, unixMs(doorsMs - 1)), undefined);
	assert.deepEqual(dueNow(announced, START, 0, unixMs(doorsMs)), { do: "open_doors" });
	const doors: Lifecycle = { phase: "doors", doorsUnixMs: doorsMs };
	assert.equal(dueNow(doors, START, 1, unixMs(START - 1)), undefined);
	assert.deepEqual(dueNow(doors, START, 1, unixMs(START)), { do: "go_on_air" });
});

test("the clock: nobody seated at the start waits for the host, and somebody who comes later does not start it", () => {
	const doors: Lifecycle = { phase: "doors", doorsUnixMs: START - DOORS_BEFORE_START_MS };
	assert.deepEqual(dueNow(doors, START, 0, unixMs(START)), { do: "wait_for_host" });
	const waiting: Lifecycle = { ...doors, phase: "waiting_for_host" };
	assert.equal(dueNow(waiting, START, 3, unixMs(START + 60_000)), undefined);
});

test("the clock: an interview ends 12 hours after its doors opened; one that nobody could hold ends 12 hours after its start", () => {
	const doorsUnixMs = START - DOORS_BEFORE_START_MS;
	const boundMs = doorsUnixMs + INTERVIEW_MS_MAX;
	const open: Lifecycle[] = [
		{ phase: "doors", doorsUnixMs },
		{ phase: "waiting_for_host", doorsUnixMs },
		{ phase: "on_air", doorsUnixMs, onAirUnixMs: START },
		{ phase: "interrupted", doorsUnixMs, onAirUnixMs: START },
	];
	for (const now of open) {
		assert.ok(isOpen(now.phase));
		assert.deepEqual(dueNow(now, START, 1, unixMs(boundMs)), { do: "end", cause: "length_bound" });
	}
	const lateMs = START + INTERVIEW_MS_MAX;
	assert.deepEqual(dueNow({ phase: "announced" }, START, 0, unixMs(lateMs)), { do: "end", cause: "never_held" });
	assert.deepEqual(dueNow({ phase: "announced" }, START, 0, unixMs(lateMs - 1)), { do: "open_doors" });
});
