/** The listen page in a real browser through what happens to it: an edge worker dies, the interview ends, no script runs. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Page } from "puppeteer-core";
import { bundledVoice, closeWebrtc, encodeVoice, type Voice } from "#rehearsal/index.ts";
import { VOICE_NAMES } from "#wire/index.ts";
import { assertAccessible } from "./support/accessibility.ts";
import { openBrowser } from "./support/browsers.ts";
import { assertStretchOf } from "./support/claims.ts";
import { type Stage, seat } from "./support/guests.ts";
import { decode } from "./support/listeners.ts";
import { openSoundCard } from "./support/loudspeakers.ts";
import { type Platform, startPlatform } from "./support/platform.ts";
import { until } from "./support/run.ts";
import { breaksIn, lagTrace, locate, longestQuiet, rumble } from "./support/sound.ts";
import { skipWithout } from "./support/tools.ts";

/** A lost or doubled packet is 20 ms. */
const STEP_MS_MAX = 5;
const QUIET_MS_MAX = 30;
/** What a worker's death may cost a listener in a small room. */
const GAP_MS_MAX = 1_000;
const QUIET_DBFS = -50;
const STATE_WITHIN_MS = 8_000;

describe("the listen page in a browser", {
	timeout: 290_000,
	skip: skipWithout("chromium", "pulseaudio", "pactl", "parec", "ffmpeg"),
}, () => {
	let platform: Platform;
	before(async () => {
		platform = await startPlatform({ demo: false });
	});
	after(async () => {
		await platform?.[Symbol.asyncDispose]();
		closeWebrtc();
	});

	/** No block of it is like another, so that nothing can be missing, doubled or silent unseen. */
	const said = rumble(10, -20, 7);
	const rumbling = () => encodeVoice(said, { bitrateBps: 96_000 });
	const onAir = async (...voices: readonly Voice[]) => {
		const stage = await seat(
			platform,
			voices.map((voice) => ({ voice })),
		);
		await stage.goLive();
		return stage;
	};
	const address = (stage: Stage) => stage.door("").slice(0, -1);
	const listenPage = async (stage: Stage, open: () => Promise<Page>) => {
		const page = await open();
		await page.goto(address(stage));
		await page.waitForSelector("button.play");
		await page.evaluate(() => Object.assign(globalThis, { notReloaded: true }));
		await page.click("button.play");
		return page;
	};
	/** The reserve is held: from here on nothing changes the speed. */
	const settled = (page: Page) =>
		page.waitForFunction(() => {
			const audio = document.querySelector("audio");
			return audio !== null && audio.currentTime > 0 && audio.playbackRate === 1;
		});
	const headline = (page: Page) =>
		page.$eval(".player-headline", (element) => (element as HTMLElement).innerText.trim());
	/** The programme as it was broadcast, which is what a listener is held to: a stage's late tick is in it too. */
	const recordingOf = async (stage: Stage) => {
		const address = stage.door("recording.ogg");
		await until("the recording", 20_000, async () => {
			const answer = await fetch(address, { method: "HEAD" });
			return answer.ok;
		});
		return await decode(address);
	};
	/** Where `heard` is not the programme, and its longest silence. */
	const flaws = (programme: Float32Array, heard: Float32Array) => {
		const { offsetMs } = locate(programme, heard);
		const trace = lagTrace(programme, heard, offsetMs, { blockMs: 40, rangeMs: GAP_MS_MAX });
		const sure = trace.filter((point) => point.correlation > 0.9);
		return {
			blocks: trace.length,
			/** How much later the last block came than the first, against the programme. */
			shiftMs: (sure.at(-1)?.lagMs ?? 0) - (sure[0]?.lagMs ?? 0),
			// The first blocks are where the trace finds its place.
			breaks: breaksIn(trace.slice(trace.findIndex((point) => point.correlation > 0.9)), {
				stepMsMax: STEP_MS_MAX,
				correlationMin: 0.7,
			}),
			quiet: longestQuiet(heard, QUIET_DBFS),
		};
	};

	test("an edge worker dies: the page comes back by itself, and nothing is doubled or skipped", async (t) => {
		await using stage = await onAir(await rumbling());
		await using card = await openSoundCard(["ears"]);
		await using browser = await openBrowser({ kind: "chromium", sound: card.envOf("ears") });
		const page = await listenPage(stage, () => browser.newPage());
		await pause(5_000);
		await settled(page);
		await assertAccessible(page, "on air and playing");
		const ears = card.listen("ears");
		await pause(2_000);
		// One of them holds the page's connection, and after it came back perhaps the other.
		for (const name of platform.processes().flatMap((each) => (/^edge/.test(each.name) ? each.name : []))) {
			platform.kill(name);
			await pause(5_000);
		}
		const heard = await ears.stop();
		await stage.end();
		const { blocks, breaks, shiftMs, quiet } = flaws(await recordingOf(stage), heard);
		t.diagnostic(`${blocks} blocks, ${breaks.length} breaks, longest quiet ${quiet.ms.toFixed(0)} ms`);
		assert.ok(blocks > 200);
		assert.ok(quiet.ms <= GAP_MS_MAX, `${quiet.ms} ms of silence`);
		assert.ok(shiftMs >= -STEP_MS_MAX, `${shiftMs} ms were skipped`);
		assert.ok(shiftMs <= quiet.ms + STEP_MS_MAX, `${shiftMs} ms later after ${quiet.ms} ms of silence: doubled`);
	});

	test("at End the page becomes a recording's without a reload, and who hears the past hears no break", async (t) => {
		await using stage = await onAir(await rumbling());
		await using card = await openSoundCard(["past", "live"]);
		await using one = await openBrowser({ kind: "chromium", sound: card.envOf("past") });
		await using other = await openBrowser({ kind: "chromium", sound: card.envOf("live") });
		const [past, live] = await Promise.all([one, other].map((browser) => listenPage(stage, () => browser.newPage())));
		assert.ok(past && live);
		await pause(15_000);
		await past.click(".player-end");
		await pause(1_500);
		const ears = { past: card.listen("past"), live: card.listen("live") };
		await pause(2_000);
		await stage.end();
		await live.waitForFunction(() =>
			/to its end|heard/i.test(document.querySelector(".player-headline")?.textContent ?? ""),
		);
		await pause(3_000);
		const [pastEars, liveEars] = [await ears.past.stop(), await ears.live.stop()];
		const programme = await recordingOf(stage);
		const heard = { past: flaws(programme, pastEars), live: liveEars };
		t.diagnostic(
			`${heard.past.blocks} blocks, ${heard.past.breaks.length} breaks, longest quiet ${heard.past.quiet.ms.toFixed(0)} ms`,
		);
		assert.deepEqual(heard.past.breaks, []);
		assert.ok(heard.past.quiet.ms <= QUIET_MS_MAX, `${heard.past.quiet.ms} ms of silence`);
		// Who followed live heard it to its last sample, without a hole before.
		const lastLoud = heard.live.findLastIndex((value) => Math.abs(value) > 10 ** (QUIET_DBFS / 20));
		const toItsEnd = flaws(programme, heard.live.subarray(0, lastLoud));
		assert.ok(toItsEnd.quiet.ms <= QUIET_MS_MAX, `${toItsEnd.quiet.ms} ms of silence`);
		for (const page of [past, live]) {
			assert.ok(await page.evaluate(() => "notReloaded" in globalThis));
			// Who hears the past asks for the state every five seconds.
			await page.waitForFunction(() => document.querySelector<HTMLElement>(".state-word")?.innerText === "Ended", {
				timeout: STATE_WITHIN_MS,
			});
			assert.equal(await page.$$eval("button.player-end", (ends) => ends.length), 1, "no way to live any more");
			await page.waitForSelector('a[href$="/recording.m4a?download"]');
		}
		assert.match(await headline(past), /\d:\d\d/);
		await live.click("button.play");
		await live.waitForFunction(() => document.querySelector("audio")?.paused === false);
		await assertAccessible(past, "a recording that plays");
	});

	test("without script the page tells the state, and its <audio> plays", async () => {
		await using stage = await onAir(...(await Promise.all(VOICE_NAMES.map(bundledVoice))));
		await using card = await openSoundCard(["ears"]);
		await using browser = await openBrowser({ kind: "chromium", sound: card.envOf("ears") });
		const page = await browser.newPage();
		await page.setJavaScriptEnabled(false);
		await page.goto(address(stage));
		assert.match(await page.$eval(".state-word", (word) => (word as HTMLElement).innerText), /On air/);
		const sources = await page.$$eval("noscript audio source", (all) =>
			all.map((each) => (each as HTMLSourceElement).src),
		);
		assert.ok(sources.length >= 2, `${sources}`);
		for (const source of sources) {
			const leave = new AbortController();
			const answer = await fetch(source, { signal: leave.signal });
			assert.equal(answer.status, 200, source);
			leave.abort();
		}
		const controls = await (await page.waitForSelector("noscript audio"))?.boundingBox();
		assert.ok(controls);
		const ears = card.listen("ears");
		await page.mouse.click(controls.x + 30, controls.y + controls.height / 2);
		await pause(18_000);
		const heard = (await ears.stop()).subarray(-12 * 48_000);
		await stage.end();
		assertStretchOf(await recordingOf(stage), "<audio> without script", heard, "envelope");
	});
});

function pause(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}
