/** Real browsers as speakers and as listeners. What they say and hear goes through a sound card of their own. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { bundledVoice, closeWebrtc } from "#rehearsal/index.ts";
import { VOICE_NAMES } from "#wire/index.ts";
import { microphoneFile, openBrowser } from "./support/browsers.ts";
import { assertBothVoices, assertEachVoice, assertOnly } from "./support/claims.ts";
import { type Stage, seat } from "./support/guests.ts";
import { hearWithFfmpeg } from "./support/listeners.ts";
import { openSoundCard } from "./support/loudspeakers.ts";
import { writeWav } from "./support/microphones.ts";
import { type Platform, startPlatform } from "./support/platform.ts";
import { until } from "./support/run.ts";
import { StaffClient, signInLink } from "./support/staff.ts";
import { openStudio } from "./support/studio-page.ts";
import { skipWithout } from "./support/tools.ts";
import { spokenOnly } from "./support/voices.ts";
import { openWebKit } from "./support/webkit.ts";

const LISTEN_S = 20;
/**
 * A browser that has just started on a busy machine gets its first packets late, holds 0.7 s of sound, and plays a tenth
 * faster until that is gone. What it is like then is what is judged.
 */
const SETTLE_MS = 8_000;
const SOUND = ["pulseaudio", "pactl", "parec", "ffmpeg"];

describe("browsers", { timeout: 600_000, skip: skipWithout("chromium", ...SOUND) }, () => {
	let platform: Platform;
	let folder: string;
	let host: StaffClient;
	let dialogue: Stage;

	before(async () => {
		folder = await mkdtemp(join(tmpdir(), "rostra-browsers-"));
		platform = await startPlatform({ demo: false });
		host = new StaffClient(platform);
		await host.signIn(platform);
		const voices = await Promise.all(VOICE_NAMES.map(bundledVoice));
		dialogue = await seat(
			platform,
			voices.map((voice) => ({ voice })),
		);
		await dialogue.goLive();
	});
	after(async () => {
		await dialogue?.[Symbol.asyncDispose]();
		await platform?.[Symbol.asyncDispose]();
		closeWebrtc();
		await rm(folder, { recursive: true, force: true });
	});

	for (const guestKind of ["chromium", "firefox"] as const) {
		const skip = skipWithout(guestKind === "firefox" ? "firefox-esr" : "chromium");
		test(`Chromium and ${guestKind} talk to each other: each hears the other and not himself, listeners hear both`, {
			skip,
		}, async (t) => {
			const interview = await host.announce({ title: `Two browsers: ${guestKind}` });
			const link = await host.invite(interview.interviewId, "Ben");
			const studioUrl = `${platform.staffUrl}/studio?interview=${interview.interviewId}`;
			// A card each: Firefox takes the server's own choice of microphone, which on a card for two is the other's.
			await using annasCard = await openSoundCard(["anna"]);
			await using bensCard = await openSoundCard(["ben"]);
			const cards = { anna: annasCard, ben: bensCard };
			await using annas = await openBrowser({ kind: "chromium", sound: annasCard.envOf("anna") });
			await using bens = await openBrowser({ kind: guestKind, sound: bensCard.envOf("ben") });
			// Whoever is checked speaks; a voice that waits for the other's answer is not heard for seconds.
			for (const name of ["anna", "ben"] as const) {
				const wav = join(folder, `${name}-alone.wav`);
				await writeWav(wav, await spokenOnly(name));
				cards[name].speak(name, wav);
			}

			const [anna, ben] = await Promise.all([
				openStudio(annas, await signInLink(platform), "host", studioUrl),
				openStudio(bens, link, "guest", studioUrl),
			]);
			// Headphones are worn, so that each is sent as he is: what a browser does to a voice is not ours to judge.
			await Promise.all([anna.wearHeadphones(), ben.wearHeadphones()]);
			const verdicts = await Promise.all([anna.preflight(), ben.preflight()]);
			t.diagnostic(`pre-flight: ${JSON.stringify(verdicts)}`);
			assert.deepEqual(verdicts, [[], []], "clean speech gets no verdict");
			await Promise.all([anna.enterGreenRoom(), ben.enterGreenRoom()]);
			// At the same moment, so that they take turns.
			const [annasWav, bensWav] = [await microphoneFile(folder, "anna"), await microphoneFile(folder, "ben")];
			annasCard.speak("anna", annasWav);
			bensCard.speak("ben", bensWav);
			await pause(SETTLE_MS);

			const both = async (what: string) => {
				const ears = { anna: annasCard.listen("anna"), ben: bensCard.listen("ben") };
				await pause((LISTEN_S + 4) * 1_000);
				await assertOnly(`${what}: what Anna hears`, await ears.anna.stop(), "ben");
				await assertOnly(`${what}: what Ben hears`, await ears.ben.stop(), "anna");
			};
			await both("in the green room");
			await anna.goLive();
			const listening = hearWithFfmpeg(`${platform.publicUrl}/i/${interview.slug}/live.ogg`, { seconds: LISTEN_S + 4 });
			await both("on air");
			const heard = (await listening).samples.subarray(-LISTEN_S * 48_000);
			await assertEachVoice("listener", heard);
			await anna.end();
			await ben.page.waitForSelector('[data-phase="ended"]');
		});
	}

	for (const kind of ["chromium", "firefox"] as const) {
		test(`the listen page plays in ${kind}`, {
			skip: skipWithout(kind === "firefox" ? "firefox-esr" : "chromium"),
		}, async () => {
			await using card = await openSoundCard(["ears"]);
			await using browser = await openBrowser({ kind, sound: card.envOf("ears") });
			const page = await browser.newPage();
			const complaints: string[] = [];
			page.on("pageerror", (error) => complaints.push(String(error)));
			await page.goto(dialogue.door("").slice(0, -1));
			await page.waitForSelector("button.play");
			await page.click("button.play");
			const ears = card.listen("ears");
			await pause((LISTEN_S + 4) * 1_000);
			await assertBothVoices(kind, (await ears.stop()).subarray(-LISTEN_S * 48_000));
			assert.deepEqual(complaints, []);
		});
	}

	test("the listen page plays in WebKitGTK", { skip: skipWithout("WebKitWebDriver", "Xvfb") }, async () => {
		await using card = await openSoundCard(["ears"]);
		await using page = await openWebKit(card.envOf("ears"));
		await page.open(dialogue.door("").slice(0, -1));
		await until("the play button", 10_000, () =>
			page.evaluate<boolean>("return document.querySelector('button.play') !== null"),
		);
		await page.click("button.play");
		const ears = card.listen("ears");
		await pause((LISTEN_S + 4) * 1_000);
		await assertBothVoices("WebKitGTK", (await ears.stop()).subarray(-LISTEN_S * 48_000));
	});
});

function pause(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}
