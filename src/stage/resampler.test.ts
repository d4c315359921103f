import assert from "node:assert/strict";
import { test } from "node:test";
import { REACH_AFTER, REACH_BEFORE, resample } from "./resampler.ts";

function tone(hz: number, samples: number): Float32Array {
	return Float32Array.from({ length: samples }, (_, i) => Math.sin((2 * Math.PI * hz * i) / 48_000));
}

test("at the clock's own rate samples pass bit for bit", () => {
	const input = tone(1_000, 200);
	const out = new Float32Array(100);
	assert.equal(resample(input, 20, 1, out), 120);
	assert.deepEqual(out, input.slice(20, 120));
});

test("at +300 ppm a tone keeps 70 dB of distance to everything else up to 15 kHz", () => {
	for (const [hz, wantedDb] of [
		[1_000, 75],
		[10_000, 72],
		[15_000, 65],
	] as const) {
		const step = 1 + 300e-6;
		const input = tone(hz, 49_000);
		const out = new Float32Array(48_000);
		resample(input, REACH_BEFORE, step, out);
		let signal = 0;
		let error = 0;
		for (let i = 0; i < out.length; i += 1) {
			const exact = Math.sin((2 * Math.PI * hz * (REACH_BEFORE + i * step)) / 48_000);
			signal += exact ** 2;
			error += ((out[i] as number) - exact) ** 2;
		}
		const db = 10 * Math.log10(signal / error);
		assert.ok(db > wantedDb, `${hz} Hz: ${db.toFixed(1)} dB`);
	}
});

test("blocks continue each other: no sample is read twice or left out", () => {
	const input = tone(440, 5_000);
	const whole = new Float32Array(2_000);
	resample(input, REACH_BEFORE, 1.0004, whole);
	const parts = new Float32Array(2_000);
	let at: number = REACH_BEFORE;
	for (let i = 0; i < 2_000; i += 500) at = resample(input, at, 1.0004, parts.subarray(i, i + 500));
	for (let i = 0; i < 2_000; i += 1) assert.ok(Math.abs((parts[i] as number) - (whole[i] as number)) < 1e-5);
	assert.ok(Math.abs(at - REACH_BEFORE - 2_000 * 1.0004) < 1e-6);
	assert.ok(at + REACH_AFTER < input.length);
});
