import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Application, createDecoder, createEncoder, getPacketInfo } from "libopus-wasm";
import { opusHasFec, opusIsDtx, opusSamples, SILENCE_PACKET } from "./opus-packet.ts";

const noise = (samples: number, channels: number) =>
	Float32Array.from({ length: samples * channels }, (_, i) => 0.3 * Math.sin(i * 0.03) * Math.sin(i * 0.0011));

test("opusSamples() agrees with libopus for every duration, mono and stereo", async () => {
	for (const application of [Application.Voip, Application.RestrictedLowDelay]) {
		for (const channels of [1, 2] as const) {
			for (const samples of [120, 240, 480, 960, 1920, 2880]) {
				using encoder = await createEncoder({
					channels,
					application,
					frameSize: samples,
					bitrate: 32_000,
					complexity: 0,
				});
				const packet = encoder.encodeFloat(noise(samples, channels));
				assert.equal(opusSamples(packet), samples);
			}
		}
	}
});

test("opusSamples() takes any bytes, and says undefined wherever libopus refuses the header", async () => {
	await fc.assert(
		fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 40 }), async (bytes) => {
			const ours = opusSamples(bytes);
			const theirs = await getPacketInfo(bytes).then(
				(info) => info.samples,
				() => undefined,
			);
			// What libopus finds wrong deeper inside is left to it; what it accepts must be ours too.
			if (theirs !== undefined) assert.equal(ours, theirs);
		}),
		{ numRuns: 500 },
	);
	assert.equal(opusSamples(new Uint8Array(0)), undefined);
});

test("opusHasFec() sees the copy that an encoder told of loss puts into its packets", async () => {
	for (const [samples, fec] of [
		[480, true],
		[960, true],
		[1920, true],
		[2880, true],
		[960, false],
	] as const) {
		using encoder = await createEncoder({
			channels: 1,
			application: Application.Voip,
			frameSize: samples,
			complexity: 0,
			bitrate: 28_000,
			fec,
			packetLossPercent: fec ? 20 : 0,
		});
		const speech = noise(samples * 20, 1);
		const found = Array.from({ length: 20 }, (_, n) => {
			return opusHasFec(encoder.encodeFloat(speech.subarray(n * samples, (n + 1) * samples)));
		});
		assert.equal(found.filter(Boolean).length > 3, fec, `${samples} samples, fec ${fec}: ${found}`);
	}
});

test("SILENCE_PACKET is 20 ms of silence, and no pause of a sender", async () => {
	using decoder = await createDecoder({ channels: 1 });
	assert.equal(opusSamples(SILENCE_PACKET), 960);
	assert.equal(opusIsDtx(SILENCE_PACKET), false);
	assert.ok(decoder.decodeFloat(SILENCE_PACKET).every((sample) => Math.abs(sample) < 1e-6));
});
