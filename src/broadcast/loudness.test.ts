import assert from "node:assert/strict";
import { test } from "node:test";
import { measureWithFfmpeg, needsFfmpeg } from "./ffmpeg.testing.ts";
import { LoudnessMeter } from "./loudness.ts";
import { framesOf, integratedLufs, joined, readVoice } from "./speech.testing.ts";

/** 1 kHz with its peak at `dbfs`. */
const sine = (dbfs: number, seconds: number) =>
	Float32Array.from({ length: seconds * 48_000 }, (_, i) => 10 ** (dbfs / 20) * Math.sin((2 * Math.PI * i) / 48));
const near = (found: number | undefined, wanted: number, by: number) =>
	assert.ok(Math.abs((found ?? Number.NaN) - wanted) <= by, `${found} is not ${wanted} ± ${by}`);

test("a sine of 1 kHz at −20 dBFS in one channel measures −23 LUFS, in every window (EBU Tech 3341, halved for mono)", () => {
	const meter = new LoudnessMeter();
	for (const frame of framesOf(sine(-20, 5))) meter.push(frame);
	near(meter.momentaryLufs, -23, 0.1);
	near(meter.shortTermLufs, -23, 0.1);
	near(meter.integratedLufs, -23, 0.1);
});

test("the gates leave out pauses (EBU Tech 3341 cases 3 and 4)", () => {
	near(integratedLufs(joined([sine(-33, 4), sine(-20, 20), sine(-33, 4)])), -23, 0.1);
	near(integratedLufs(joined([sine(-69, 4), sine(-33, 4), sine(-20, 20), sine(-33, 4), sine(-69, 4)])), -23, 0.1);
	near(integratedLufs(joined([sine(-23, 8), sine(-17, 8.1), sine(-23, 8)])), -23, 0.1);
});

test("nothing is known before there is enough sound, and nothing of silence", () => {
	const meter = new LoudnessMeter();
	assert.deepEqual([meter.momentaryLufs, meter.shortTermLufs, meter.integratedLufs], [undefined, undefined, undefined]);
	for (const frame of framesOf(new Float32Array(4 * 48_000))) meter.push(frame);
	assert.equal(meter.integratedLufs, undefined);
	assert.equal(meter.momentaryLufs, Number.NEGATIVE_INFINITY);
});

test("speech measures what it was when it was committed", async () => {
	near(integratedLufs(await readVoice("anna")), -20.1, 0.15);
});

test("speech measures the same as by ffmpeg", needsFfmpeg, async () => {
	const voice = await readVoice("ben");
	near(integratedLufs(voice), measureWithFfmpeg(voice).integratedLufs, 0.15);
});
