import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { PairedLevels } from "./paired-levels.ts";

const FRAME = 160;
/** Frame n is a constant whose level tells n. */
const ramp = (frames: number, sign: number) =>
	Float32Array.from({ length: frames * FRAME }, (_, i) => sign * 10 ** (-(10 + Math.floor(i / FRAME)) / 20));

test("PairedLevels pairs the same 20 ms of both sides, whatever the blocks", () => {
	const far = ramp(60, 1);
	const near = ramp(60, -1);
	const lengths = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 12 });
	fc.assert(
		fc.property(lengths, lengths, (farLengths, nearLengths) => {
			const pairs: [number, number][] = [];
			const core = new PairedLevels(8_000, 20, (a, b) => pairs.push([Math.round(a), Math.round(b)]));
			let f = 0;
			let n = 0;
			for (let k = 0; n < near.length; k += 1) {
				const nearLength = nearLengths[k % nearLengths.length] as number;
				core.near(near.subarray(n, n + nearLength), n);
				n += nearLength;
				// The far side may lag by half of what is allowed.
				for (let j = 0; f < n - 5 * FRAME && f < far.length; j += 1) {
					const farLength = farLengths[j % farLengths.length] as number;
					core.far(far.subarray(f, f + farLength), f);
					f += farLength;
				}
			}
			assert.ok(pairs.length >= 60 - 10 - 6, `${pairs.length}`);
			for (const [a, b] of pairs) assert.equal(a, b);
			for (let i = 1; i < pairs.length; i += 1)
				assert.equal((pairs[i] as number[])[0], (pairs[i - 1] as number[])[0]! - 1);
		}),
		{ numRuns: 50 },
	);
});

test("PairedLevels takes a side without samples for silent, and skips what a pause swallowed", () => {
	const pairs: number[][] = [];
	const core = new PairedLevels(8_000, 20, (a, b) => pairs.push([a, b]));
	const tone = new Float32Array(40 * FRAME).fill(1);
	core.near(tone.subarray(0, FRAME), 0);
	core.near(tone, FRAME);
	assert.ok(pairs.every(([far, near]) => far === -120 && near === 0));
	const before = pairs.length;
	core.near(tone.subarray(0, FRAME), 10_000 * FRAME);
	assert.ok(pairs.length - before < 64);
});
