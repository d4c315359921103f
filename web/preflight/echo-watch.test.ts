import assert from "node:assert/strict";
import test from "node:test";
import { EchoWatch } from "./echo-watch.ts";
import { dbOfPower } from "./spectrum.ts";
import { seededNoise, syntheticVoice } from "./synthetic-voice.ts";

const RATE_HZ = 16_000;
const FRAME = (RATE_HZ * EchoWatch.frameMs) / 1_000;

function levels(samples: Float32Array): number[] {
	const out: number[] = [];
	for (let at = 0; at + FRAME <= samples.length; at += FRAME) {
		let power = 0;
		for (let i = at; i < at + FRAME; i += 1) power += (samples[i] as number) ** 2;
		out.push(dbOfPower(power / FRAME));
	}
	return out;
}
/** Turns of `turnS` seconds; `first` speaks in the even ones. */
function turns(seed: number, seconds: number, turnS: number, first: boolean): Float32Array {
	const voice = syntheticVoice(RATE_HZ, seconds, seed);
	return voice.map((x, i) => ((Math.floor(i / RATE_HZ / turnS) % 2 === 0) === first ? x : 0));
}
const room = (length: number) => {
	const random = seededNoise(3);
	return Float32Array.from({ length }, () => random() * 10 ** (-62 / 20));
};
const delayed = (x: Float32Array, ms: number, gainDb: number) => {
	const by = Math.round((RATE_HZ * ms) / 1_000);
	return x.map((_, i) => (x[i - by] ?? 0) * 10 ** (gainDb / 20));
};
const sum = (...all: Float32Array[]) =>
	(all[0] as Float32Array).map((_, i) => all.reduce((total, each) => total + (each[i] ?? 0), 0));

function watch(far: Float32Array, near: Float32Array): boolean {
	const core = new EchoWatch();
	const nearLevels = levels(near);
	let heard = false;
	for (const [i, level] of levels(far).entries()) {
		core.push(level, nearLevels[i] as number);
		heard ||= core.heard;
	}
	return heard;
}

test("EchoWatch notices the others in a silent listener's microphone", () => {
	const far = turns(1, 30, 6, true);
	for (const [ms, gainDb] of [
		[60, -12],
		[250, -24],
	] as const) {
		assert.equal(watch(far, sum(room(far.length), delayed(far, ms, gainDb))), true, `${ms} ms, ${gainDb} dB`);
	}
});

test("EchoWatch says nothing with headphones: silence, turns, and talking over each other", () => {
	const far = turns(1, 40, 5, true);
	const quiet = room(far.length);
	assert.equal(watch(far, quiet), false, "listening");
	assert.equal(watch(far, sum(quiet, turns(2, 40, 5, false))), false, "taking turns");
	for (let seed = 2; seed < 8; seed += 1) {
		assert.equal(
			watch(syntheticVoice(RATE_HZ, 40, 1), sum(quiet, syntheticVoice(RATE_HZ, 40, seed))),
			false,
			`${seed}`,
		);
	}
	assert.equal(watch(new Float32Array(far.length), turns(2, 40, 5, false)), false, "alone");
});

test("EchoWatch says nothing of another person in the same room, who is heard before the return", () => {
	const far = turns(1, 30, 6, true);
	const direct = far.map((_, i) => (far[i + Math.round(0.12 * RATE_HZ)] ?? 0) * 0.1);
	assert.equal(watch(far, sum(room(far.length), direct)), false);
});

test("EchoWatch takes it back once headphones are worn", () => {
	const far = turns(1, 60, 6, true);
	const half = far.length / 2;
	const near = sum(
		room(far.length),
		delayed(far, 80, -15).map((x, i) => (i < half ? x : 0)),
	);
	const core = new EchoWatch();
	const nearLevels = levels(near);
	for (const [i, level] of levels(far).entries()) core.push(level, nearLevels[i] as number);
	assert.equal(core.heard, false);
});
