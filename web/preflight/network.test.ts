import assert from "node:assert/strict";
import test from "node:test";
import { NetworkCheck, type NetworkProblem, type NetworkSample } from "./network.ts";

const good: NetworkSample = {
	httpWorks: true,
	iceConnected: true,
	roundTripMs: 24,
	packetsReceived: 0,
	packetsLost: 0,
	uplinkLossShare: 0,
	jitterMs: 3,
};

/** Samples four times a second for `seconds`; 50 packets a second arrive unless `change` says otherwise. */
function observe(seconds: number, change: (nowMs: number) => Partial<NetworkSample>): NetworkCheck {
	const check = new NetworkCheck();
	for (let nowMs = 0; nowMs <= seconds * 1_000; nowMs += 250) {
		check.push({ ...good, packetsReceived: nowMs / 20, ...change(nowMs) }, nowMs);
	}
	return check;
}

test("NetworkCheck says nothing about a good connection and is done after 3 s", () => {
	assert.equal(observe(2, () => ({})).done, false);
	const check = observe(4, () => ({}));
	assert.deepEqual([check.done, check.problems], [true, []]);
	assert.deepEqual(check.reading, { connected: true, roundTripMs: 24, lossShare: 0, jitterMs: 3 });
});

const provoked: [NetworkProblem, string, number, (nowMs: number) => Partial<NetworkSample>][] = [
	["udp_blocked", "ICE never connects while HTTP works", 9, () => ({ iceConnected: false })],
	["unreachable", "nothing answers", 6, () => ({ iceConnected: false, httpWorks: false })],
	["loss", "one packet in twenty missing on the way here", 5, (ms) => ({ packetsLost: ms / 400 })],
	["loss", "one in twelve missing on the way there", 5, () => ({ uplinkLossShare: 0.08 })],
	["round_trip_long", "a satellite", 5, () => ({ roundTripMs: 600 })],
	["jitter", "a crowded radio", 5, () => ({ jitterMs: 90 })],
];
for (const [problem, cause, seconds, change] of provoked) {
	test(`NetworkCheck finds ${problem}: ${cause}`, () => {
		const check = observe(seconds, change);
		assert.deepEqual([check.done, check.problems], [true, [problem]]);
	});
}

test("NetworkCheck waits 8 s before it calls UDP blocked, and takes it back when ICE connects late", () => {
	assert.deepEqual(observe(7, () => ({ iceConnected: false })).problems, []);
	assert.deepEqual(observe(14, (ms) => ({ iceConnected: ms > 9_000, packetsReceived: 0 })).problems, []);
});

test("NetworkCheck counts loss from the first packets on, not from before", () => {
	assert.deepEqual(observe(5, (ms) => ({ packetsLost: 40, packetsReceived: 200 + ms / 20 })).problems, []);
});
