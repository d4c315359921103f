import assert from "node:assert/strict";
import { test } from "node:test";
import { createDecoder } from "libopus-wasm";
import { SILENT_PACKETS } from "./silence.ts";

test("silent Opus packets are 20 ms of silence each, also after sound", async () => {
	using decoder = await createDecoder({ channels: 1, sampleRate: 48_000 });
	const frames = SILENT_PACKETS.opus.map((packet) => decoder.decodeFloat(packet));
	assert.equal(frames.length, 16);
	for (const frame of frames) {
		assert.equal(frame.length, 960);
		assert.ok(frame.every((sample) => Math.abs(sample) < 1e-4));
	}
});
