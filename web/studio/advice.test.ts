import assert from "node:assert/strict";
import test from "node:test";
import { Advisor, type Seat } from "./advice.ts";

const seat: Seat = {
	seatId: "s1",
	name: "Anna Krause",
	role: "guest",
	place: "air",
	connection: "connected",
	muted: false,
	gainDb: 0,
	levelDbfs: -24,
	speaking: true,
	lossShare: 0,
	jitterMs: 4,
	bufferMs: 40,
	roundTripMs: 24,
	packets: 1_000,
};

/** What is advised after `seconds` of snapshots like `change`, five a second. */
function advise(change: Partial<Seat>, seconds = 5) {
	const advisor = new Advisor();
	const now = { ...seat, ...change };
	let nowMs = 0;
	for (; nowMs <= seconds * 1_000; nowMs += 200) advisor.observe([now], nowMs);
	return advisor.of(now, nowMs);
}
const key = (change: Partial<Seat>, seconds?: number) => advise(change, seconds).key;

test("Advisor says that a good seat is good, with its round trip where it was measured", () => {
	assert.deepEqual(advise({}), { key: "advice_good", tone: "good", values: { ms: 24, s: 0, percent: 1 } });
	assert.equal(key({ roundTripMs: null }), "advice_good_plain");
});

const cases: [string, Partial<Seat>, number?][] = [
	["advice_absent", { connection: "absent" }],
	["advice_connecting", { connection: "connecting" }],
	["advice_checking", { place: "check" }],
	["advice_muted", { muted: true, lossShare: 0.2 }],
	["advice_lost", { connection: "lost" }],
	["advice_lost_long", { connection: "lost" }, 25],
	["advice_loss", { lossShare: 0.08 }],
	["advice_silent", { levelDbfs: -100, speaking: false }, 15],
	["advice_low", { levelDbfs: -46 }],
	["advice_high", { levelDbfs: -5 }],
	["advice_unsteady", { jitterMs: 90 }],
	["advice_slow", { roundTripMs: 600 }],
];
for (const [expected, change, seconds] of cases) {
	test(`Advisor: ${expected}`, () => assert.equal(key(change, seconds), expected));
}

test("Advisor counts how long somebody has been lost, and forgets it on return", () => {
	const advisor = new Advisor();
	const lost = { ...seat, connection: "lost" as const };
	advisor.observe([seat], 0);
	advisor.observe([lost], 1_000);
	advisor.observe([lost], 3_000);
	assert.equal(advisor.of(lost, 4_000).values.s, 3);
	advisor.observe([seat], 4_200);
	advisor.observe([lost], 9_000);
	assert.equal(advisor.of(lost, 9_000).values.s, 0);
});

test("Advisor offers 6 dB, only within the range of the gain, and judges anew after a change of gain", () => {
	assert.equal(advise({ levelDbfs: -46 }).gainDb, 6);
	assert.equal(advise({ levelDbfs: -5 }).gainDb, -6);
	assert.equal(advise({ levelDbfs: -46, gainDb: 20 }).gainDb, undefined);
	const advisor = new Advisor();
	const low = { ...seat, levelDbfs: -46 };
	for (let ms = 0; ms < 5_000; ms += 200) advisor.observe([low], ms);
	assert.equal(advisor.of(low, 5_000).key, "advice_low");
	const raised = { ...low, gainDb: 6, levelDbfs: -40 };
	advisor.observe([raised], 5_200);
	assert.equal(advisor.of(raised, 5_200).key, "advice_good");
});

test("Advisor does not take a pause for a silent microphone", () => {
	assert.equal(key({ levelDbfs: -62, speaking: false }, 60), "advice_good");
});

test("Advisor keeps nothing of seats that are gone", () => {
	const advisor = new Advisor();
	advisor.observe([{ ...seat, connection: "lost" }], 0);
	advisor.observe([], 5_000);
	assert.equal(advisor.of({ ...seat, connection: "lost" }, 6_000).values.s, 0);
});
