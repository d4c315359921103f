import assert from "node:assert/strict";
import test from "node:test";
import type { Seat } from "./advice.ts";
import { Presence } from "./presence.ts";

const seat = (seatId: string, connection: Seat["connection"]): Seat => ({
	seatId,
	connection,
	name: seatId,
	role: "guest",
	place: "air",
	muted: false,
	gainDb: 0,
	levelDbfs: -30,
	speaking: false,
	lossShare: 0,
	jitterMs: 0,
	bufferMs: 0,
	roundTripMs: null,
	packets: 0,
});
const BOTH = [seat("anna", "connected"), seat("ben", "connected")];
const NOBODY = [seat("anna", "absent"), seat("ben", "absent")];

function steps() {
	const presence = new Presence();
	return (seats: readonly Seat[], stageReady: boolean, stageEpoch: number, nowMs: number) =>
		presence
			.seats({ seats: [...seats], stageReady, stageEpoch }, nowMs)
			.map((each) => each.connection)
			.join(" ");
}

test("Presence calls everybody lost while the stage is replaced, until they return", () => {
	const see = steps();
	assert.equal(see(BOTH, true, 1, 0), "connected connected");
	assert.equal(see(NOBODY, false, 1, 1_000), "lost lost", "the stage is away");
	assert.equal(see(NOBODY, true, 2, 2_000), "lost lost", "it is back, they are not yet");
	assert.equal(see([seat("anna", "connected"), seat("ben", "absent")], true, 2, 2_400), "connected lost");
	assert.equal(see([seat("anna", "connected"), seat("ben", "absent")], true, 2, 11_000), "connected absent");
});

test("Presence notices a stage that was replaced between two snapshots", () => {
	const see = steps();
	see(BOTH, true, 1, 0);
	assert.equal(see(NOBODY, true, 2, 200), "lost lost");
});

test("Presence lets people go who leave while the stage runs, and expects nobody who was never here", () => {
	const see = steps();
	see(BOTH, true, 1, 0);
	assert.equal(see([seat("anna", "connected"), seat("ben", "absent")], true, 1, 200), "connected absent");
	assert.equal(see(NOBODY, false, 1, 400), "lost absent");
	const first = steps();
	assert.equal(first(NOBODY, false, 0, 0), "absent absent", "not open yet");
	assert.equal(first(NOBODY, true, 5, 1_000), "absent absent");
});
