import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { adtsFrames, readAdtsFrames } from "./adts.ts";
import { decodeWithFfmpeg, needsFfmpeg } from "./ffmpeg.testing.ts";
import { SILENT_PACKETS } from "./silence.ts";

test("a header says AAC-LC, 48 kHz, one channel, no CRC (ISO/IEC 14496-3 §1.A.2.2)", () => {
	assert.equal(adtsFrames([Buffer.alloc(100)]).toString("hex", 0, 7), "fff14c400d7ffc");
});

test("readAdtsFrames() gives back what adtsFrames() wrote", () => {
	fc.assert(
		fc.property(fc.array(fc.uint8Array({ maxLength: 2_000 }), { maxLength: 15 }), (frames) => {
			assert.deepEqual(
				readAdtsFrames(adtsFrames(frames)).map((frame) => [...frame]),
				frames.map((frame) => [...frame]),
			);
		}),
	);
});

test("readAdtsFrames() refuses what is cut or foreign", () => {
	const bytes = adtsFrames([Buffer.from("abc"), Buffer.from("defg")]);
	assert.throws(() => readAdtsFrames(bytes.subarray(0, -1)), /cut short/);
	assert.throws(() => readAdtsFrames(Buffer.from("hello world")), /must be at byte 0/);
	assert.throws(() => readAdtsFrames(bytes.subarray(0, 3)), RangeError);
});

test("ffmpeg decodes silent frames to silence of the right length", needsFfmpeg, () => {
	const samples = decodeWithFfmpeg(adtsFrames(SILENT_PACKETS.aac), "aac");
	assert.equal(samples.length, 15 * 1024);
	assert.ok(samples.every((sample) => Math.abs(sample) < 1e-4));
});
