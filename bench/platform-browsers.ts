/**
 * What real browsers take from sound: from the click to the first of it, from a microphone to a listener's ear, and
 * from one studio to the other. Needs Chromium and PulseAudio.
 */
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Browser } from "puppeteer-core";
import { seededRandom, silentLog, systemClock } from "#base/index.ts";
import { createRehearsalEvents, encodeVoice, type Speaker, startSpeaker, toneSamples } from "#rehearsal/index.ts";
import { FRAME_MS, type PublicState } from "#wire/index.ts";
import { openBrowser } from "../test/support/browsers.ts";
import { openSoundCard, type SoundCard } from "../test/support/loudspeakers.ts";
import { writeWav } from "../test/support/microphones.ts";
import { type Platform, startPlatform } from "../test/support/platform.ts";
import { until } from "../test/support/run.ts";
import { type Interview, StaffClient, signInLink } from "../test/support/staff.ts";
import { openStudio } from "../test/support/studio-page.ts";
import { findTool } from "../test/support/tools.ts";
import { atMost, type BenchOptions, quantile, type Row } from "./rows.ts";

/** Distance between the bursts by which the way to an ear is measured: more than the longest way, so that none is taken for another. */
const BURST_EVERY_MS = 3_000;
const STUDIO_BURST_EVERY_MS = 500;
const BURST_MS = 40;
/** So many listeners make a room in which sound is written in beats. */
const MASS_LISTENERS = 210;
const AFTER_JOIN_MS = 10_000;
const LOUD = 0.02;

/** What `--part` may choose of them. */
export const BROWSER_PARTS = ["studio", "click", "ear"] as const;

export async function* browserRows({ isShort, say, part }: BenchOptions): AsyncGenerator<Row> {
	const missing = ["chromium", "pulseaudio", "pactl", "parec", "ffmpeg"].filter((name) => !findTool(name));
	if (missing.length > 0) return say(`not measured in a browser: ${missing.join(", ")} is not installed`);
	const wants = (name: (typeof BROWSER_PARTS)[number]) => part === undefined || part === name;
	await using platform = await startPlatform({ demo: false });
	const host = new StaffClient(platform);
	await host.signIn(platform);
	if (wants("studio")) yield* studioToStudio(platform, host, isShort, say);
	if (!wants("click") && !wants("ear")) return;
	await using onAir = await burstsOnAir(platform, host);
	await using card = await openSoundCard(["ears"]);
	await using browser = await openBrowser({ kind: "chromium", sound: card.envOf("ears") });
	// Until a plain player's burst of 40 KB is there.
	await pause(isShort ? 4_000 : 8_000);
	if (wants("click")) yield* clicks(browser, onAir.door, isShort, say);
	if (!wants("ear")) return;
	yield* mouthToEar("parts", 1_200, { browser, card, door: onAir.door, isShort, say });
	await using _ = await massRoom(platform, onAir, say);
	yield* mouthToEar("beats", 2_200, { browser, card, door: onAir.door, isShort, say });
}

/** From one studio's microphone to the other's headphones, both as sound cards, with everything browsers add to a voice left out. */
async function* studioToStudio(
	platform: Platform,
	host: StaffClient,
	isShort: boolean,
	say: (text: string) => void,
): AsyncGenerator<Row> {
	say("from one studio to the other");
	const interview = await host.announce({ title: "Two studios" });
	const url = `${platform.staffUrl}/studio?interview=${interview.interviewId}`;
	await using card = await openSoundCard(["anna", "ben"]);
	const wav = join(platform.dataDir, "bursts.wav");
	await writeWav(wav, bursts(STUDIO_BURST_EVERY_MS));
	card.speak("anna", wav);
	await using annas = await openBrowser({ kind: "chromium", sound: card.envOf("anna") });
	await using bens = await openBrowser({ kind: "chromium", sound: card.envOf("ben") });
	const studios = await Promise.all([
		openStudio(annas, await signInLink(platform), "host", url),
		openStudio(bens, await host.invite(interview.interviewId, "Ben"), "guest", url),
	]);
	for (const studio of studios) {
		await studio.wearHeadphones();
		await studio.enterGreenRoom();
	}
	await pause(isShort ? 1_000 : 10_000);
	const [said, heard] = [card.listen("anna", "mic"), card.listen("ben")];
	await pause(isShort ? 3_000 : 40_000);
	await Promise.all([said.stop(), heard.stop()]);
	const origins = said.onsets(LOUD);
	const ways = heard.onsets(LOUD).flatMap((atMs) => {
		const origin = origins.findLast((saidMs) => saidMs < atMs);
		return origin === undefined ? [] : [atMs - origin];
	});
	yield atMost("studio-to-studio-p95", quantile(ways, 0.95), 130, "ms", `of ${ways.length} bursts`);
	yield { id: "studio-to-studio-median", value: quantile(ways, 0.5), unit: "ms" };
	await host.ask("POST", `/interviews/${interview.interviewId}/end`, {});
}

type OnAir = { readonly interview: Interview; readonly door: (path: string) => string };

/** An interview on air whose one speaker sends a burst at each whole period of the machine's clock. */
async function burstsOnAir(platform: Platform, host: StaffClient): Promise<OnAir & AsyncDisposable> {
	const interview = await host.announce({ title: "Bursts" });
	const guest = new StaffClient(platform);
	const grant = await guest.takeSeat(interview.interviewId, await host.invite(interview.interviewId, "Burst"));
	const outside = { clock: systemClock, random: seededRandom(1), events: createRehearsalEvents(silentLog) };
	const whip = { url: grant.whipUrl, token: grant.whipToken };
	const voice = await encodeVoice(bursts(BURST_EVERY_MS));
	const speaker: Speaker = startSpeaker({ name: "Burst", voice, whip, bindAddress: "127.0.0.1" }, outside);
	const door = (path: string) => `${platform.publicUrl}/i/${interview.slug}${path}`;
	await until("the speaker to be seated", 20_000, () => speaker.status.returned > 0);
	await host.ask("POST", `/interviews/${interview.interviewId}/go-live`, {});
	await until("the first sound", 20_000, async () => {
		const answer = await fetch(door("/live.ogg"));
		await answer.body?.cancel();
		return answer.ok;
	});
	return {
		interview,
		door,
		async [Symbol.asyncDispose]() {
			await speaker[Symbol.asyncDispose]();
			await host.ask("POST", `/interviews/${interview.interviewId}/end`, {}).catch(() => {});
		},
	};
}

async function* clicks(
	browser: Browser,
	door: OnAir["door"],
	isShort: boolean,
	say: (text: string) => void,
): AsyncGenerator<Row> {
	const count = isShort ? 3 : 50;
	say(`from the click to the first sound, ${count} times`);
	const push: number[] = [];
	for (let nth = 0; nth < count; nth += 1) {
		const page = await browser.newPage();
		await page.evaluateOnNewDocument(watchForSound);
		await page.goto(door(""));
		await page.waitForSelector("button.play");
		await page.click("button.play");
		await page.waitForFunction(() => (globalThis as unknown as Watched).__firstSoundMs !== undefined);
		push.push(await page.evaluate(() => (globalThis as unknown as Watched).__firstSoundMs as number));
		await page.close();
	}
	yield atMost("click-to-first-sound-push-p95", quantile(push, 0.95), 150, "ms", `of ${count}`);
	yield { id: "click-to-first-sound-push-median", value: quantile(push, 0.5), unit: "ms" };

	say(`the same with a plain <audio src>, ${count} times`);
	const plain: number[] = [];
	for (let nth = 0; nth < count; nth += 1) {
		const page = await browser.newPage();
		await page.evaluateOnNewDocument(watchForSound);
		await page.goto(door("/state.json"));
		await page.evaluate((src) => {
			const audio = new Audio();
			audio.src = src;
			document.body.addEventListener("click", () => void audio.play());
		}, door("/live.ogg"));
		await page.click("body");
		await page.waitForFunction(() => (globalThis as unknown as Watched).__firstSoundMs !== undefined);
		plain.push(await page.evaluate(() => (globalThis as unknown as Watched).__firstSoundMs as number));
		await page.close();
	}
	yield atMost("click-to-first-sound-plain-p95", quantile(plain, 0.95), 300, "ms", `of ${count}`);
	yield { id: "click-to-first-sound-plain-median", value: quantile(plain, 0.5), unit: "ms" };
}

async function* mouthToEar(
	written: "parts" | "beats",
	maxMs: number,
	{
		browser,
		card,
		door,
		isShort,
		say,
	}: { browser: Browser; card: SoundCard; door: OnAir["door"]; isShort: boolean; say: (text: string) => void },
): AsyncGenerator<Row> {
	say(`from the microphone to the ear by push in ${written}, in the first ${AFTER_JOIN_MS / 1_000} s after joining`);
	const distances: number[] = [];
	for (let join = 0; join < (isShort ? 1 : 8); join += 1) {
		const page = await browser.newPage();
		await page.goto(door(""));
		await page.waitForSelector("button.play");
		const ears = card.listen("ears");
		await page.click("button.play");
		await pause(isShort ? 4_500 : AFTER_JOIN_MS);
		await ears.stop();
		distances.push(...ears.onsets(LOUD).map(behindBurstMs));
		await page.close();
	}
	const peer = `of ${distances.length} bursts`;
	yield atMost(`mouth-to-ear-${written}-p95`, quantile(distances, 0.95), maxMs, "ms", peer);
	yield { id: `mouth-to-ear-${written}-median`, value: quantile(distances, 0.5), unit: "ms" };
}

/** So many listeners that the room is written to in beats. */
async function massRoom(platform: Platform, onAir: OnAir, say: (text: string) => void): Promise<AsyncDisposable> {
	say(`${MASS_LISTENERS} listeners come`);
	const head = `GET /i/${onAir.interview.slug}/live.mp4 HTTP/1.1\r\nHost: a\r\n\r\n`;
	const sockets = Array.from({ length: MASS_LISTENERS }, (): Socket => {
		const socket = connect(platform.ports.public, "127.0.0.1", () => socket.write(head));
		return socket.on("error", () => {}).resume();
	});
	await until("the room to be written to in beats", 60_000, async () => {
		const state = (await (await fetch(onAir.door("/state.json"))).json()) as PublicState;
		return state.delivery.write === "beat";
	});
	return {
		async [Symbol.asyncDispose]() {
			for (const socket of sockets) socket.destroy();
		},
	};
}

/** One period of silence that begins with a burst. */
function bursts(everyMs: number): Float32Array {
	const samples = new Float32Array(48 * everyMs);
	samples.set(toneSamples(1_000, -6).subarray(0, 48 * BURST_MS), 0);
	return samples;
}

/** How long ago the newest burst was said that can have been heard at `monoMs`: bursts begin at whole periods of the shared clock. */
function behindBurstMs(monoMs: number): number {
	// The packet of a burst is sent at the end of its 20 ms, as a microphone's is.
	return (monoMs + FRAME_MS) % BURST_EVERY_MS;
}

type Watched = { __firstSoundMs?: number };

/** Runs in the page: the time from the press of a button to the first movement of any audio element's position. */
function watchForSound(): void {
	const elements: HTMLMediaElement[] = [];
	const Original = globalThis.Audio;
	globalThis.Audio = class extends Original {
		constructor(src?: string) {
			super(src);
			elements.push(this);
		}
	};
	document.addEventListener(
		"click",
		() => {
			const pressedMs = performance.now();
			const before = new Map<HTMLMediaElement, number>();
			const look = () => {
				// A step of more than this is a seek, not sound.
				const moved = elements.some((element) => {
					const stepS = element.currentTime - (before.get(element) ?? Number.NaN);
					before.set(element, element.currentTime);
					return !element.paused && !element.seeking && stepS > 0 && stepS < 0.25;
				});
				if (moved) (globalThis as unknown as Watched).__firstSoundMs = performance.now() - pressedMs;
				else setTimeout(look, 2);
			};
			look();
		},
		{ capture: true, once: true },
	);
}
