/** The studio in a real browser: what it says of a microphone, and what it does when there is none. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Page } from "puppeteer-core";
import { assertAccessible } from "./support/accessibility.ts";
import { openBrowser } from "./support/browsers.ts";
import { openSoundCard } from "./support/loudspeakers.ts";
import { MICROPHONES, type MicrophoneName, microphoneFiles } from "./support/microphones.ts";
import { type Platform, startPlatform } from "./support/platform.ts";
import { type Interview, StaffClient } from "./support/staff.ts";
import { arrive, openStudio, press } from "./support/studio-page.ts";
import { skipWithout } from "./support/tools.ts";

const NAMES = Object.keys(MICROPHONES) as MicrophoneName[];
/** A laptop's loudspeaker, its microphone beside it. */
const LEAK_MS = 60;

describe("the studio in a browser", {
	timeout: 290_000,
	skip: skipWithout("chromium", "pulseaudio", "pactl", "parec", "ffmpeg"),
}, () => {
	let platform: Platform;
	let folder: string;
	let host: StaffClient;
	let interview: Interview;
	let files: Record<MicrophoneName, string>;

	before(async () => {
		folder = await mkdtemp(join(tmpdir(), "rostra-microphones-"));
		platform = await startPlatform({ demo: false });
		host = new StaffClient(platform);
		await host.signIn(platform);
		interview = await host.announce({ title: "Microphones" });
		files = await microphoneFiles(folder);
	});
	after(async () => {
		await platform?.[Symbol.asyncDispose]();
		await rm(folder, { recursive: true, force: true });
	});
	const studioUrl = () => `${platform.staffUrl}/studio?interview=${interview.interviewId}`;

	test("pre-flight tells each bad microphone by its name, and nothing of a good one", async () => {
		await using card = await openSoundCard(NAMES);
		for (const name of NAMES) card.speak(name, files[name]);
		await using browser = await openBrowser({ kind: "chromium", sound: card.envOf("clean") });
		const studio = await openStudio(browser, await host.invite(interview.interviewId, "Mia"), "guest", studioUrl());
		assert.deepEqual(await studio.preflight(), [], "clean speech gets no verdict");
		await assertAccessible(studio.page, "pre-flight");
		const said: Partial<Record<MicrophoneName, string[]>> = {};
		for (const name of NAMES) said[name] = await studio.tryMicrophone(name);
		assert.deepEqual(said, MICROPHONES);
	});

	test("pre-flight hears the loudspeaker in the microphone, and not where the browser takes it out", async (t) => {
		await using card = await openSoundCard(["clean"]);
		await card.leak("clean", LEAK_MS);
		card.speak("clean", files.clean);
		await using browser = await openBrowser({ kind: "chromium", sound: card.envOf("clean") });
		const studio = await openStudio(browser, await host.invite(interview.interviewId, "Noa"), "guest", studioUrl());
		t.diagnostic(`with the browser's canceller: ${JSON.stringify(await studio.preflight())}`);
		// Headphones are said to be worn: nothing takes the echo out.
		await studio.wearHeadphones();
		assert.deepEqual(await studio.verdictsOf("speaker"), ["echo"]);
	});

	/** What the page says at once, aloud too. */
	const alertOf = async (page: Page, wanted: RegExp) => {
		await page.waitForFunction(
			(source) => new RegExp(source).test(document.querySelector<HTMLElement>('[role="alert"]')?.innerText ?? ""),
			{},
			wanted.source,
		);
	};

	test("a microphone that is refused: says so and how to repair it, and goes on without", async () => {
		await using card = await openSoundCard(["mia"]);
		await using browser = await openBrowser({
			kind: "chromium",
			sound: card.envOf("mia"),
			refusesMicrophone: true,
		});
		const page = await arrive(browser, await host.invite(interview.interviewId, "Ria"), "guest", studioUrl());
		await press(page, "Use my microphone");
		await alertOf(page, /keeps the microphone from this page/);
		await assertAccessible(page, "microphone refused");
		await press(page, "Go on without a microphone");
		await page.waitForSelector('[data-step="room"][data-connection="connected"]');
	});

	test("a microphone that is missing: says so and how to repair it", async () => {
		await using card = await openSoundCard(["nobody"]);
		await card.unplug("nobody");
		await using browser = await openBrowser({ kind: "chromium", sound: card.envOf("nobody") });
		const page = await arrive(browser, await host.invite(interview.interviewId, "Kim"), "guest", studioUrl());
		await page.waitForFunction(() => document.querySelector('[data-step="gate"] main button:not(:disabled)'));
		await page.click('[data-step="gate"] main button:not(:disabled)').catch(() => {});
		await alertOf(page, /finds no microphone/);
	});
});
