import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { seededRandom } from "#base/index.ts";
import { measureWithFfmpeg, needsFfmpeg } from "./ffmpeg.testing.ts";
import { LIMITER_DELAY_SAMPLES, Limiter } from "./limiter.ts";
import { framesOf, joined } from "./speech.testing.ts";

const limited = (samples: Float32Array, ceilingDbtp = -2) => {
	const limiter = new Limiter(ceilingDbtp);
	return joined(
		[...framesOf(samples)].map((frame) => {
			const out = Float32Array.from(frame);
			limiter.process(out);
			return out;
		}),
	);
};

test("below the ceiling nothing changes but the time, by LIMITER_DELAY_SAMPLES", () => {
	const samples = Float32Array.from({ length: 9_600 }, (_, i) => 0.7 * Math.sin(i * 0.1));
	const out = limited(samples);
	for (let i = LIMITER_DELAY_SAMPLES; i < out.length; i += 1) {
		assert.ok(Math.abs((out[i] as number) - (samples[i - LIMITER_DELAY_SAMPLES] as number)) < 1e-6);
	}
});

test("no sample and no sine between the samples passes the ceiling [BR10]", () => {
	fc.assert(
		fc.property(fc.integer({ min: 1, max: 400 }), fc.double({ min: 0.1, max: 30, noNaN: true }), (step, level) => {
			const phase = Math.PI / 4;
			const samples = Float32Array.from(
				{ length: 9_600 },
				(_, i) => level * Math.sin(phase + (i * step * Math.PI) / 1_000),
			);
			assert.ok(limited(samples).every((sample) => Math.abs(sample) <= 10 ** (-2 / 20) + 0.01));
		}),
		{ numRuns: 60 },
	);
});

test("takePeakDbtp() tells the highest true peak since it was asked", () => {
	const limiter = new Limiter(-2);
	assert.equal(limiter.takePeakDbtp(), undefined);
	limiter.process(new Float32Array(960).fill(5));
	assert.ok(Math.abs((limiter.takePeakDbtp() ?? 0) + 2) < 0.01);
	assert.ok((limiter.takePeakDbtp() ?? -100) < -90);
});

test("noise in bursts, clipped before, stays below −1 dBTP by ffmpeg's measure [BR10]", needsFfmpeg, () => {
	const random = seededRandom(7);
	const samples = Float32Array.from({ length: 5 * 48_000 }, (_, i) => {
		const burst = Math.floor(i / 2_400) % 3 === 0 ? 8 : 0.5;
		return Math.max(-1, Math.min(1, burst * (random.unit() - 0.5)));
	});
	const { peakDbtp } = measureWithFfmpeg(limited(samples));
	assert.ok(peakDbtp <= -1, `${peakDbtp} dBTP`);
});
