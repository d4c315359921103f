/** Nothing missing, nothing twice, nothing out of its place; and what foreign clients send. ROSTRA_CONTINUITY_S seconds (60; .ci/long: 300). */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { closeWebrtc, encodeVoice, toneSamples } from "#rehearsal/index.ts";
import { seat } from "./support/guests.ts";
import { hearWithFfmpeg } from "./support/listeners.ts";
import { type Platform, startPlatform } from "./support/platform.ts";
import { breaksIn, dbOf, lagTrace, locate, rmsOf, rumble, toneDb } from "./support/sound.ts";
import { skipWithout } from "./support/tools.ts";

const CONTINUITY_S = Number(process.env["ROSTRA_CONTINUITY_S"] ?? 60);
/** A jitter buffer may stretch a step of time by this much; a lost, doubled or swapped frame is 20 ms. */
const STEP_MS_MAX = 12;

describe("what goes through", { skip: skipWithout("ffmpeg"), timeout: (CONTINUITY_S * 2 + 300) * 1_000 }, () => {
	let platform: Platform;
	before(async () => {
		platform = await startPlatform({ demo: false });
	});
	after(async () => {
		await platform?.[Symbol.asyncDispose]();
		closeWebrtc();
	});

	test(`${CONTINUITY_S} s of a signal no block of which is like another: no gap, no repeat, no swap`, async (t) => {
		const said = rumble(10, -20, 3);
		await using stage = await seat(platform, [{ voice: await encodeVoice(said, { bitrateBps: 96_000 }) }]);
		await stage.goLive();
		const { samples } = await hearWithFfmpeg(stage.door("live.ogg"), { seconds: CONTINUITY_S });
		const own = samples.subarray(5 * 48_000);
		const { offsetMs } = locate(said, own.subarray(0, 15 * 48_000));
		const trace = lagTrace(said, own, offsetMs, { blockMs: 40, rangeMs: 60 });
		const breaks = breaksIn(trace, { stepMsMax: STEP_MS_MAX, correlationMin: 0.7 });
		const [first, last] = [trace[0], trace.at(-1)];
		t.diagnostic(
			`${trace.length} blocks of 40 ms, ${breaks.length} breaks, shift ${((last?.lagMs ?? 0) - (first?.lagMs ?? 0)).toFixed(1)} ms`,
		);
		assert.ok(trace.length > CONTINUITY_S * 20, "the signal is in nearly every block");
		// On a shared machine a late tick is a break of its own; the strict run has the machine to itself.
		assert.ok(
			breaks.length <= (process.env["ROSTRA_STRICT"] ? 0 : CONTINUITY_S / 5),
			JSON.stringify(breaks.slice(0, 20)),
		);
	});

	test("a speaker hears the others and not himself: his own tone is 40 dB down at least", async (t) => {
		const tone = async (hz: number) => await encodeVoice(toneSamples(hz, -20), { bitrateBps: 64_000 });
		await using stage = await seat(platform, [
			{ voice: await tone(440), listens: true },
			{ voice: await tone(1_000), listens: true },
			{ voice: await tone(2_500), listens: true },
		]);
		await new Promise((resolve) => setTimeout(resolve, 5_000));
		for (const [nth, own] of [440, 1_000, 2_500].entries()) {
			const heard = stage.heardBy(nth).subarray(-2 * 48_000);
			const others = [440, 1_000, 2_500].filter((hz) => hz !== own).map((hz) => toneDb(heard, hz));
			const rejected = toneDb(heard, own) - Math.min(...others);
			t.diagnostic(`own ${own} Hz is ${rejected.toFixed(1)} dB against the others`);
			assert.ok(Math.min(...others) > -26, `the others are heard: ${others}`);
			assert.ok(rejected <= -40, `own tone: ${rejected} dB`);
		}
	});

	for (const { what, channels, packetMs, fec, fmtp } of [
		{
			what: "stereo, as OBS sends it",
			channels: 2,
			packetMs: 20,
			fec: false,
			fmtp: "minptime=10;stereo=1;sprop-stereo=1",
		},
		{ what: "10 ms frames", channels: 1, packetMs: 10, fec: false, fmtp: "minptime=10" },
		{ what: "40 ms frames", channels: 1, packetMs: 40, fec: false, fmtp: "minptime=10" },
		{
			what: "60 ms frames in stereo with FEC",
			channels: 2,
			packetMs: 60,
			fec: true,
			fmtp: "minptime=10;useinbandfec=1;stereo=1",
		},
	] as const) {
		test(`foreign Opus is right: ${what}`, async () => {
			const mono = rumble(6, -20, 4);
			const interleaved =
				channels === 1 ? mono : Float32Array.from({ length: 2 * mono.length }, (_, i) => mono[i >> 1] as number);
			await using stage = await seat(platform, [
				{ voice: await encodeVoice(interleaved, { channels, packetMs, fec, bitrateBps: 96_000 }), fmtp },
			]);
			await stage.goLive();
			const { samples } = await hearWithFfmpeg(stage.door("live.ogg"), { seconds: 12 });
			const own = samples.subarray(-6 * 48_000);
			const { offsetMs } = locate(mono, own);
			const trace = lagTrace(mono, own, offsetMs, { blockMs: 100, rangeMs: 60 });
			const good = trace.filter((point) => point.correlation > 0.7).length;
			assert.ok(
				trace.length >= 50 && good / trace.length > 0.85,
				`${good} of ${trace.length} blocks are right, at ${dbOf(rmsOf(own)).toFixed(1)} dB`,
			);
		});
	}
});
