import assert from "node:assert/strict";
import test from "node:test";
import { type Echo, echoIsHeard, findEcho, PROBE_PERIOD_MS, probe } from "./echo.ts";
import { seededNoise, syntheticVoice } from "./synthetic-voice.ts";

const RATE_HZ = 48_000;

/** One probe period as a microphone hears it: the loudspeaker through a small room, and whatever else. */
function heard(delayMs: number, gainDb: number, other?: Float32Array): Float32Array {
	const out = new Float32Array((RATE_HZ * PROBE_PERIOD_MS) / 1_000);
	const sent = probe(RATE_HZ);
	const room: [number, number][] = [
		[delayMs, 1],
		[delayMs + 3.1, 0.5],
		[delayMs + 7.7, -0.3],
	];
	for (const [ms, share] of room) {
		const at = Math.round((RATE_HZ * ms) / 1_000);
		for (let i = 0; i < sent.length && at + i < out.length; i += 1) {
			out[at + i]! += 10 ** (gainDb / 20) * share * (sent[i] as number);
		}
	}
	if (other) for (let i = 0; i < out.length; i += 1) out[i]! += other[i] ?? 0;
	return out;
}
const hiss = (rmsDbfs: number) => {
	const random = seededNoise(5);
	return Float32Array.from({ length: RATE_HZ }, () => random() * 10 ** (rmsDbfs / 20) * Math.sqrt(3));
};

test("findEcho measures delay and gain of a loudspeaker", () => {
	for (const delayMs of [4, 37, 180, 420]) {
		const echo = findEcho(heard(delayMs, -20, hiss(-60)), RATE_HZ);
		assert.ok(echo, `${delayMs} ms`);
		assert.ok(Math.abs(echo.delayMs - delayMs) < 0.5, `${echo.delayMs} ms for ${delayMs} ms`);
		assert.ok(Math.abs(echo.gainDb + 20) < 3, `${echo.gainDb} dB`);
	}
});

test("findEcho finds a loudspeaker under somebody speaking", () => {
	const voice = syntheticVoice(RATE_HZ, 1);
	assert.ok(Math.abs((findEcho(heard(60, -24, voice), RATE_HZ)?.delayMs ?? 0) - 60) < 0.5);
});

test("findEcho finds nothing in silence, noise or speech", () => {
	assert.equal(findEcho(new Float32Array(RATE_HZ), RATE_HZ), undefined);
	assert.equal(findEcho(hiss(-40), RATE_HZ), undefined);
	for (let seed = 1; seed <= 6; seed += 1) {
		assert.equal(findEcho(syntheticVoice(RATE_HZ, 1, seed), RATE_HZ), undefined, `seed ${seed}`);
	}
});

test("echoIsHeard asks for two probes in a row at one delay, loud enough to disturb", () => {
	const loud: Echo = { delayMs: 40, gainDb: -20 };
	assert.equal(echoIsHeard([undefined, undefined, loud, { delayMs: 41, gainDb: -22 }]), true);
	assert.equal(echoIsHeard([loud, loud, undefined, undefined]), false, "the browser cancels it once it has learnt");
	assert.equal(echoIsHeard([loud, { delayMs: 300, gainDb: -20 }]), false, "two chance findings");
	assert.equal(echoIsHeard([loud, { delayMs: 40, gainDb: -55 }]), false, "a headphone's leak");
	assert.equal(echoIsHeard([loud]), false);
});
