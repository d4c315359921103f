import assert from "node:assert/strict";
import { test } from "node:test";
import { type MonoMs, seededRandom } from "#base/index.ts";
import { FRAME_SAMPLES } from "#wire/index.ts";
import { FEC_OFF_AFTER_MS } from "./config.ts";
import { createOpusDecoder, createReturnEncoder } from "./opus.ts";
import { LossWatch, ReturnFeed, SharedFeed } from "./return-feed.ts";
import { parseRtp } from "./rtp.ts";

const ms = (value: number) => value as MonoMs;

test("error correction begins with two reports of loss and ends after 20 s without", () => {
	const watch = new LossWatch();
	assert.equal(watch.take(0.3, ms(0)), false, "one report may be an accident");
	assert.equal(watch.take(0, ms(1_000)), false);
	watch.take(0.05, ms(2_000));
	assert.equal(watch.take(0.05, ms(3_000)), true);
	assert.equal(watch.take(0, ms(4_000)), true);
	assert.equal(watch.take(0.01, ms(4_000 + FEC_OFF_AFTER_MS)), true, "a little loss starts the wait again");
	watch.take(0, ms(30_000));
	assert.equal(watch.take(0, ms(30_000 + FEC_OFF_AFTER_MS)), false);
});

/** A tone that grows and falls slowly, so that a codec's memory of another loudness would be heard. */
const swell = (tick: number) =>
	Float32Array.from({ length: FRAME_SAMPLES }, (_, i) => {
		const n = tick * FRAME_SAMPLES + i;
		return (0.2 + 0.15 * Math.sin(n / 9_000)) * Math.sin((2 * Math.PI * 330 * n) / 48_000);
	});

test("changing between a shared and an own encoder is not heard: the sound stays the sound", async () => {
	using shared = new SharedFeed(await createReturnEncoder(false));
	using feed = new ReturnFeed(111, 5, await createReturnEncoder(false), seededRandom(1));
	using decoder = await createOpusDecoder();
	const heard: number[] = [];
	const sent: number[] = [];
	const packets: Buffer[] = [];
	for (let tick = 0; tick < 200; tick += 1) {
		const frame = swell(tick);
		// Half a second each: both encoders rest in turn.
		const useShared = Math.floor(tick / 25) % 2 === 1;
		const packet = feed.packet(frame, useShared ? { feed: shared, sum: frame } : undefined, tick);
		shared.rest(frame);
		packets.push(packet);
		heard.push(...decoder.decode(parseRtp(packet)?.payload as Buffer));
		sent.push(...frame);
	}
	// The codec's look-ahead: 312 samples.
	let worst = 0;
	for (let block = 5; block < 199; block += 1) {
		let error = 0;
		let signal = 0;
		for (let i = 0; i < FRAME_SAMPLES; i += 1) {
			const n = block * FRAME_SAMPLES + i;
			error += ((heard[n] as number) - (sent[n - 312] as number)) ** 2;
			signal += (sent[n - 312] as number) ** 2;
		}
		worst = Math.max(worst, error / signal);
	}
	assert.ok(10 * Math.log10(worst) < -16, `worst 20 ms has its errors at ${(10 * Math.log10(worst)).toFixed(1)} dB`);
	const numbers = packets.map((p) => parseRtp(p) as NonNullable<ReturnType<typeof parseRtp>>);
	for (let i = 1; i < numbers.length; i += 1) {
		assert.equal(numbers[i]?.sequence, ((numbers[i - 1]?.sequence as number) + 1) & 0xffff);
		assert.equal(((numbers[i]?.timestamp as number) - (numbers[i - 1]?.timestamp as number)) >>> 0, FRAME_SAMPLES);
	}
});

test("silence costs three bytes and no encoder, and sound after it begins cleanly", async () => {
	using feed = new ReturnFeed(111, 5, await createReturnEncoder(false), seededRandom(2));
	using decoder = await createOpusDecoder();
	let bytes = 0;
	for (let tick = 0; tick < 20; tick += 1) {
		const payload = parseRtp(feed.packet(new Float32Array(FRAME_SAMPLES), undefined, tick))?.payload as Buffer;
		decoder.decode(payload);
		bytes = payload.length;
	}
	assert.equal(bytes, 3);
	let peak = 0;
	for (let tick = 20; tick < 40; tick += 1) {
		const sound = decoder.decode(parseRtp(feed.packet(swell(tick), undefined, tick))?.payload as Buffer);
		for (const sample of sound) peak = Math.max(peak, Math.abs(sample));
	}
	assert.ok(peak < 0.45, `peak ${peak}`);
});

test("a tick that was skipped moves the timestamp but not the sequence", async () => {
	using feed = new ReturnFeed(111, 5, await createReturnEncoder(false), seededRandom(2));
	const a = parseRtp(feed.packet(swell(0), undefined, 100));
	const b = parseRtp(feed.packet(swell(3), undefined, 103));
	assert.equal(((b?.timestamp as number) - (a?.timestamp as number)) >>> 0, 3 * FRAME_SAMPLES);
	assert.equal(b?.sequence, ((a?.sequence as number) + 1) & 0xffff);
});
