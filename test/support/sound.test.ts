import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "#base/index.ts";
import { breaksIn, envelopeTrace, lagTrace, locate, longestQuiet, rumble, toneDb } from "./sound.ts";

const RATE = 48_000;
/** `seconds` of noise in bursts, which is as far from the other seeds' as two speakers are from each other. */
function bursts(seed: number, seconds: number, speaksAt: (s: number) => boolean): Float32Array {
	const random = seededRandom(seed);
	let level = 0;
	return Float32Array.from({ length: seconds * RATE }, (_, i) => {
		if (i % 4_800 === 0) level = random.unit();
		return speaksAt(i / RATE) ? 0.3 * level * (2 * random.unit() - 1) : 0;
	});
}
const anna = bursts(1, 12, (s) => s % 4 < 2);
const ben = bursts(2, 12, (s) => s % 4 >= 2);
const both = anna.map((value, i) => value + (ben[i] as number));
const from = (samples: Float32Array, second: number, seconds: number) =>
	Float32Array.from({ length: seconds * RATE }, (_, i) => samples[(second * RATE + i) % samples.length] as number);

test("locate finds where a stretch of a dialogue begins, round its end too", () => {
	const heard = from(both, 10.5, 5);
	const match = locate(both, heard);
	assert.ok(Math.abs(match.offsetMs - 10_500) <= 5 && match.correlation > 0.95);
});

test("toneDb reads a tone's level and nothing of its neighbours", () => {
	const tone = Float32Array.from({ length: RATE }, (_, i) => 0.1 * Math.sin((2 * Math.PI * 440 * i) / RATE));
	assert.ok(Math.abs(toneDb(tone, 440) - -20) < 0.1);
	assert.ok(toneDb(tone, 880) < -90);
});

test("lagTrace: what passes whole has no break; 20 ms missing, doubled or swapped is one", () => {
	const said = rumble(4, -12, 1);
	const options = { blockMs: 40, rangeMs: 30 };
	const limits = { stepMsMax: 2, correlationMin: 0.9 };
	const heard = from(said, 1.5, 5);
	assert.deepEqual(breaksIn(lagTrace(said, heard, 1_500, options), limits), []);
	const join = (...pieces: Float32Array[]) => Float32Array.from(pieces.flatMap((piece) => [...piece]));
	const frame = (nth: number) => heard.subarray(nth * 960, (nth + 1) * 960);
	const missing = join(heard.subarray(0, 50 * 960), heard.subarray(51 * 960));
	const doubled = join(heard.subarray(0, 51 * 960), frame(50), heard.subarray(51 * 960));
	const swapped = join(heard.subarray(0, 50 * 960), frame(51), frame(50), heard.subarray(52 * 960));
	for (const [what, broken, lagMs] of [
		["missing", missing, -20],
		["doubled", doubled, 20],
		["swapped", swapped, 0],
	] as const) {
		const trace = lagTrace(said, broken, 1_500, options);
		assert.ok(breaksIn(trace, limits).length >= 1, what);
		const last = trace.at(-1)?.lagMs ?? 0;
		assert.ok(Math.abs(last - lagMs) < 1, `${what}: ${last}`);
	}
});

test("envelopeTrace finds its place where a stretch begins with a long pause, and follows one that is played slowly", () => {
	const heard = from(anna, 2, 10);
	const slow = Float32Array.from({ length: heard.length }, (_, i) => heard[Math.floor(i * 0.97)] as number);
	const { offsetMs, points } = envelopeTrace(anna, slow);
	assert.ok(points.length > 90);
	for (const { atMs, lagMs, correlation } of points) {
		const expectedMs = 2_000 + 0.97 * atMs;
		const foundMs = (((offsetMs + atMs - lagMs - expectedMs + 18_000) % 12_000) + 12_000) % 12_000;
		assert.ok(Math.abs(foundMs - 6_000) <= 80 && correlation > 0.7, `at ${atMs} ms: ${foundMs - 6_000} ms off`);
	}
});

test("longestQuiet finds a hole and where it is", () => {
	const samples = new Float32Array(RATE).fill(0.1);
	samples.fill(0, 24_000, 24_000 + 4_800);
	assert.deepEqual(longestQuiet(samples, -60), { ms: 100, atMs: 500 });
});
