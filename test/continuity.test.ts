/** Nothing missing, nothing twice, nothing out of its place; and what foreign clients send. ROSTRA_CONTINUITY_S seconds (60; .ci/long: 300). */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { closeWebrtc, encodeVoice, toneSamples } from "#rehearsal/index.ts";
import { type Stage, seat } from "./support/guests.ts";
import { hearWithFfmpeg } from "./support/listeners.ts";
import { type Platform, startPlatform } from "./support/platform.ts";
import { breaksIn, dbOf, type LagPoint, lagTrace, locate, rmsOf, rumble, toneDb } from "./support/sound.ts";
import { skipWithout } from "./support/tools.ts";

const CONTINUITY_S = Number(process.env["ROSTRA_CONTINUITY_S"] ?? 60);
/** The jitter buffer takes out or puts in one pitch period of at most 15 ms; a lost, doubled or swapped frame is 20 ms. */
const STEP_MS_MAX = 16;
const STRETCH_MS_MIN = 2;
const BREAK = { stepMsMax: STEP_MS_MAX, correlationMin: 0.7 };
/** Blocks of a foreign client's sound that must be what was said: the rest is the seam where it begins anew. */
const RIGHT_SHARE_MIN = 0.95;

describe("what goes through", { skip: skipWithout("ffmpeg"), timeout: (CONTINUITY_S * 2 + 480) * 1_000 }, () => {
	let platform: Platform;
	before(async () => {
		platform = await startPlatform({ demo: false, args: ["--log-level", "debug"] });
	});
	after(async () => {
		// What the stage counted of each connection, and whatever was not as it should be: where to look for a break.
		const logs = join(platform?.dataDir ?? "", "logs");
		for (const name of platform ? await readdir(logs) : []) {
			for (const line of (await readFile(join(logs, name), "utf8")).split("\n")) {
				if (/stage\.quality|stage\.ticks_skipped/.test(line)) console.log(line);
			}
		}
		await platform?.[Symbol.asyncDispose]();
		closeWebrtc();
	});

	/** What a listener hears of `said` for `seconds`, followed in blocks of `blockMs`; the first 5 s settle. */
	async function followed(
		t: TestContext,
		stage: Stage,
		said: Float32Array,
		{ seconds, blockMs }: { readonly seconds: number; readonly blockMs: number },
	): Promise<LagPoint[]> {
		const { samples } = await hearWithFfmpeg(stage.door("live.ogg"), { seconds: seconds + 5 });
		const own = samples.subarray(5 * 48_000);
		const { offsetMs } = locate(said, own.subarray(0, 15 * 48_000));
		const trace = lagTrace(said, own, offsetMs, { blockMs, rangeMs: 60 });
		const wrong = trace.filter((point) => !isRight(point)).length;
		const shiftMs = (trace.at(-1)?.lagMs ?? 0) - (trace[0]?.lagMs ?? 0);
		const worstLateMs = Math.max(0, ...(stage.speakers[0]?.lateSends ?? []).map(({ lateMs }) => lateMs));
		t.diagnostic(
			`${trace.length} blocks of ${blockMs} ms at ${dbOf(rmsOf(own)).toFixed(1)} dB, ${wrong} of them wrong, ` +
				`${trace.length - withoutStretches(trace).length} stretches, ` +
				`${breaksIn(withoutStretches(trace), BREAK).length} breaks, shift ${shiftMs.toFixed(1)} ms; ` +
				`the speaker itself was late ${hiccupsOf(stage)} times, by ${worstLateMs.toFixed(1)} ms at worst`,
		);
		const metrics = await (await fetch(`${platform.staffUrl}/metrics`)).text();
		const { slug } = stage.interview;
		t.diagnostic(
			metrics
				.split("\n")
				.filter((line) => line.includes(slug) && /missed|late/.test(line))
				.join("; "),
		);
		assert.ok(trace.length * blockMs > seconds * 500, "the signal is in most of the blocks");
		return trace;
	}

	/**
	 * Without the blocks in which the jitter buffer took out or put in a pitch period: half of such a block lies elsewhere,
	 * so it is like nothing that was said, and the blocks on its two sides, both right, lie apart by that period. Around a
	 * frame that was invented they would not lie apart, around one that was lost, doubled or swapped by 20 ms and more.
	 */
	const withoutStretches = (trace: readonly LagPoint[]) =>
		trace.filter((point, nth) => {
			const [before, behind] = [trace[nth - 1], trace[nth + 1]];
			if (isRight(point) || !before || !behind || !isRight(before) || !isRight(behind)) return true;
			const stepMs = Math.abs(behind.lagMs - before.lagMs);
			return stepMs < STRETCH_MS_MIN || stepMs > STEP_MS_MAX;
		});
	const isRight = (point: LagPoint) => point.correlation >= BREAK.correlationMin;
	const rightShare = (trace: readonly LagPoint[]) => trace.filter(isRight).length / trace.length;
	/** How often something happened, what follows within a second counted as one. */
	const occasions = (timesMs: readonly number[]) =>
		timesMs.filter((atMs, nth) => atMs - (timesMs[nth - 1] ?? Number.NEGATIVE_INFINITY) > 1_000).length;
	const hiccupsOf = (stage: Stage) => occasions((stage.speakers[0]?.lateSends ?? []).map(({ dueMs }) => dueMs));
	/** Nothing but what the speaker's own process, which shares this machine, did to its packets before they were sent. */
	const noBreak = (all: readonly LagPoint[], stage: Stage) => {
		const trace = withoutStretches(all);
		const breaks = breaksIn(trace, BREAK);
		const around = breaks.slice(0, 10).map((one) => trace.slice(Math.max(0, trace.indexOf(one) - 1)).slice(0, 3));
		const broken = occasions(breaks.map(({ atMs }) => atMs));
		assert.ok(broken <= hiccupsOf(stage), JSON.stringify(around));
	};

	test(`${CONTINUITY_S} s of a signal no block of which is like another: no gap, no repeat, no swap`, async (t) => {
		const said = rumble(10, -20, 3);
		await using stage = await seat(platform, [{ voice: await encodeVoice(said, { bitrateBps: 96_000 }) }]);
		await stage.goLive();
		noBreak(await followed(t, stage, said, { seconds: CONTINUITY_S, blockMs: 40 }), stage);
	});

	test("a sound card 200 ppm off neither drifts nor clicks", async (t) => {
		const said = rumble(10, -20, 5);
		await using stage = await seat(platform, [{ voice: await encodeVoice(said, { bitrateBps: 96_000 }), offPpm: 200 }]);
		await stage.goLive();
		const trace = await followed(t, stage, said, { seconds: 30, blockMs: 40 });
		noBreak(trace, stage);
		// It speaks 0.2 ms more in each second than we play; all of that is played, but for a pitch period.
		const [first, last] = [trace[0] as LagPoint, trace.at(-1) as LagPoint];
		const expectedMs = -0.0002 * (last.atMs - first.atMs);
		assert.ok(Math.abs(last.lagMs - first.lagMs - expectedMs) < STEP_MS_MAX, `${last.lagMs - first.lagMs} ms`);
	});

	test("a sender that pauses (DTX) is no gap, and speaks in its place again", async (t) => {
		const said = rumble(9, -20, 6).map((sample, i) => (Math.floor(i / 48_000) % 3 === 2 ? 0 : sample));
		const voice = await encodeVoice(said, { bitrateBps: 96_000, dtx: true });
		assert.ok(
			voice.packets.some((packet) => packet.length === 0),
			"it pauses",
		);
		await using stage = await seat(platform, [{ voice }]);
		await stage.goLive();
		const all = await followed(t, stage, said, { seconds: 15, blockMs: 100 });
		// The blocks in which it begins or ends are half silent and tell no place.
		const trace = all.filter((point, nth) => [-1, 1].every((by) => all[nth + by]?.atMs === point.atMs + by * 100));
		const steps = breaksIn(trace, { stepMsMax: STEP_MS_MAX, correlationMin: -1 });
		assert.deepEqual(steps, [], "every sentence is where it was said");
		assert.ok(rightShare(trace) >= RIGHT_SHARE_MIN, `${rightShare(trace)} of the blocks are right`);
	});

	test("a client that goes on with another SSRC is heard on, after a moment", async (t) => {
		const said = rumble(10, -20, 7);
		await using stage = await seat(platform, [{ voice: await encodeVoice(said, { bitrateBps: 96_000 }) }]);
		await stage.goLive();
		setTimeout(() => stage.speakers[0]?.changeSource(), 10_000);
		const trace = await followed(t, stage, said, { seconds: 12, blockMs: 40 });
		const wrong = trace.filter((point) => point.correlation < BREAK.correlationMin);
		// Three packets are on probation, and the new stream waits for its reserve: some 100 ms.
		assert.ok(wrong.length <= 4, JSON.stringify(wrong));
		assert.ok(wrong.length > 0, "the change was there");
	});

	test("5 % loss: restored or concealed in its place", async (t) => {
		const said = rumble(10, -20, 8);
		const voice = await encodeVoice(said, { bitrateBps: 64_000, fec: true });
		await using stage = await seat(platform, [{ voice, lossShare: 0.05 }]);
		await stage.goLive();
		const trace = await followed(t, stage, said, { seconds: 20, blockMs: 100 });
		const steps = breaksIn(trace, { stepMsMax: STEP_MS_MAX, correlationMin: -1 });
		assert.deepEqual(steps, [], "nothing moves");
		assert.ok(rightShare(trace) >= RIGHT_SHARE_MIN, `${rightShare(trace)} of the blocks are right`);
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
		test(`foreign Opus is right: ${what}`, async (t) => {
			const mono = rumble(6, -20, 4);
			const interleaved =
				channels === 1 ? mono : Float32Array.from({ length: 2 * mono.length }, (_, i) => mono[i >> 1] as number);
			await using stage = await seat(platform, [
				{ voice: await encodeVoice(interleaved, { channels, packetMs, fec, bitrateBps: 96_000 }), fmtp },
			]);
			await stage.goLive();
			const trace = await followed(t, stage, mono, { seconds: 8, blockMs: 100 });
			assert.ok(rightShare(trace) >= RIGHT_SHARE_MIN, `${rightShare(trace)} of the blocks are right`);
		});
	}
});
