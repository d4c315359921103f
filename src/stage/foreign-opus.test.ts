import assert from "node:assert/strict";
import { test } from "node:test";
import { Application, createEncoder } from "libopus-wasm";
import type { MonoMs } from "#base/index.ts";
import { FRAME_MS, FRAME_SAMPLES } from "#wire/index.ts";
import { JitterBuffer } from "./jitter-buffer.ts";
import { createOpusDecoder } from "./opus.ts";

/** What other programs send, through the real codec: OBS and GStreamer in stereo, telephones in long frames. */

const HZ = 500;
const SECONDS = 4;

async function hear(options: {
	readonly packetMs: number;
	readonly channels: 1 | 2;
	readonly application: (typeof Application)[keyof typeof Application];
	readonly fec?: boolean;
	readonly loses?: (index: number) => boolean;
}) {
	const { packetMs, channels, application, fec = false, loses = () => false } = options;
	const samples = packetMs * 48;
	using encoder = await createEncoder({
		channels,
		application,
		frameSize: samples,
		// In frames of 2.5 ms there is little else but overhead: a tone needs more bits to stay one.
		bitrate: (packetMs < 10 ? 128_000 : 32_000) * channels,
		complexity: 3,
		fec,
		packetLossPercent: fec ? 20 : 0,
	});
	using decoder = await createOpusDecoder();
	const buffer = new JitterBuffer(decoder);
	const out = new Float32Array((SECONDS * 1_000 * 48) | 0);
	const frame = new Float32Array(FRAME_SAMPLES);
	let sent = 0;
	for (let tick = 0; tick < (SECONDS * 1_000) / FRAME_MS; tick += 1) {
		for (; (sent + 1) * packetMs <= tick * FRAME_MS; sent += 1) {
			const sound = new Float32Array(samples * channels);
			for (let i = 0; i < samples; i += 1) {
				const n = sent * samples + i;
				// A voice-like swell, so that the encoder believes that somebody speaks.
				const sine = (0.6 + 0.4 * Math.sin(n / 5_000)) * Math.sin((2 * Math.PI * HZ * n) / 48_000);
				if (channels === 1) sound[i] = 0.2 * sine;
				else {
					sound[2 * i] = 0.3 * sine;
					sound[2 * i + 1] = 0.1 * sine;
				}
			}
			const payload = encoder.encodeFloat(sound);
			if (loses(sent)) continue;
			const packet = { sequence: sent & 0xffff, timestamp: (4e9 + sent * samples) % 2 ** 32, payload };
			buffer.push(packet, (1_000 + (sent + 1) * packetMs) as MonoMs);
		}
		buffer.setLossShare(fec ? 0.1 : 0);
		buffer.pull(frame, (1_000 + tick * FRAME_MS) as MonoMs);
		out.set(frame, tick * FRAME_SAMPLES);
	}
	let power = 0;
	const second = out.subarray(-48_000);
	let re = 0;
	let im = 0;
	for (const [i, sample] of second.entries()) {
		power += sample * sample;
		re += sample * Math.cos((2 * Math.PI * HZ * i) / 48_000);
		im += sample * Math.sin((2 * Math.PI * HZ * i) / 48_000);
	}
	return { amplitude: (2 * Math.hypot(re, im)) / 48_000, rms: Math.sqrt(power / 48_000), counts: buffer.counts };
}

test("mono and stereo, in frames of 2.5 to 60 ms, come out as loud as they are, both sides in one [J2]", async () => {
	for (const channels of [1, 2] as const) {
		for (const packetMs of [2.5, 10, 20, 40, 60]) {
			const application = packetMs < 10 ? Application.RestrictedLowDelay : Application.Audio;
			const { amplitude, counts } = await hear({ packetMs, channels, application });
			assert.ok(Math.abs(amplitude - 0.105) < 0.02, `${channels} × ${packetMs} ms: ${amplitude}`);
			assert.equal(counts.concealedSamples, 0, `${channels} × ${packetMs} ms`);
			assert.equal(counts.malformedPackets, 0);
		}
	}
});

test("with error correction lost packets sound nearly as if they had come [J5]", async () => {
	const loses = (index: number) => index % 10 === 5;
	const voice = { packetMs: 20, channels: 1, application: Application.Voip, fec: true } as const;
	const whole = await hear(voice);
	const lossy = await hear({ ...voice, loses });
	assert.ok(lossy.counts.recoveredSamples > 10 * FRAME_SAMPLES, `${lossy.counts.recoveredSamples} restored`);
	assert.ok(lossy.counts.recoveredSamples + lossy.counts.concealedSamples <= 20 * FRAME_SAMPLES);
	assert.ok(
		lossy.counts.stretches < 8,
		`${lossy.counts.stretches} stretches: the wish for a copy must not come and go`,
	);
	assert.ok(Math.abs(lossy.rms / whole.rms - 1) < 0.1, `${lossy.rms} instead of ${whole.rms}`);
});
