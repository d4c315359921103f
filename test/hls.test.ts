/** HLS, classic and low latency, by the book and in real players. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { checkHlsAt } from "#hls-check/index.ts";
import { openBrowser } from "./support/browsers.ts";
import { assertBothVoices } from "./support/claims.ts";
import { playWithHlsJs, serveFiles } from "./support/hls-page.ts";
import { hearWithFfmpeg, hearWithPlayer } from "./support/listeners.ts";
import { type Platform, startPlatform } from "./support/platform.ts";
import { run, until } from "./support/run.ts";
import { skipWithout } from "./support/tools.ts";

/** Any stretch this long holds both voices: the longest turn is 8 s. */
const LISTEN_S = 18;
/** hls.js speeds up by at most 5 % to come closer to live. */
const SETTLE_S = 20;
/** Microphone to ear at which low latency is worth its name, of which hls.js waits for 0.96 s on purpose. */
const BEHIND_S_MAX = 1.8;

describe("HLS", { skip: skipWithout("ffmpeg"), timeout: 300_000 }, () => {
	let platform: Platform;
	let folder: string;
	const door = (path: string) => `${platform.publicUrl}/i/demo/hls/${path}`;

	before(async () => {
		folder = await mkdtemp(join(tmpdir(), "rostra-hls-"));
		platform = await startPlatform();
		// What a player three target durations behind live begins with.
		await until("four segments", 30_000, async () => {
			const list = await fetch(door("aac64/live.m3u8"));
			return list.ok && (await list.text()).split("#EXTINF").length > 4;
		});
	});
	after(async () => {
		await platform?.[Symbol.asyncDispose]();
		await rm(folder, { recursive: true, force: true });
	});

	test("ffmpeg's classic output keeps every rule that must be kept", async (t) => {
		const make = ["-nostdin", "-v", "error", "-f", "lavfi", "-i", "sine=440:duration=21", "-c:a", "aac", "-f", "hls"];
		await run("ffmpeg", [...make, "-hls_time", "4", "-hls_playlist_type", "vod", join(folder, "ts.m3u8")]);
		const fmp4 = ["-hls_segment_type", "fmp4", "-hls_list_size", "0", "-hls_flags", "program_date_time"];
		await run("ffmpeg", [...make, ...fmp4, "-master_pl_name", "top.m3u8", join(folder, "mp4.m3u8")], { cwd: folder });
		await using site = await serveFiles(folder);
		for (const name of ["ts.m3u8", "top.m3u8"]) {
			const { text, ok } = await checkHlsAt(`${site.url}/${name}`, 5);
			t.diagnostic(text);
			assert.equal(ok, true, text);
		}
	});

	test("ours keeps every rule, live: the window, from the beginning, and low latency", async (t) => {
		const checks = ["index.m3u8", "whole.m3u8", "ll/index.m3u8"].map((path) => checkHlsAt(door(path), 20));
		for (const { text } of await Promise.all(checks)) {
			t.diagnostic(text);
			assert.match(text, /^0 errors, 0 warnings/m);
		}
	});

	test("ffmpeg hears both voices in the window and in low latency", async () => {
		const paths = ["index.m3u8", "ll/index.m3u8"];
		const heard = await Promise.all(paths.map((path) => hearWithFfmpeg(door(path), { seconds: LISTEN_S })));
		for (const [nth, { samples, complaints }] of heard.entries()) {
			await assertBothVoices(`${paths[nth]} (${complaints})`, samples);
		}
	});

	test("mpv hears both voices in the window and in low latency", {
		skip: skipWithout("mpv", "pulseaudio", "pactl", "parec"),
	}, async () => {
		const paths = ["index.m3u8", "ll/index.m3u8"];
		const heard = await Promise.all(paths.map((path) => hearWithPlayer("mpv", door(path), LISTEN_S + 4)));
		for (const [nth, samples] of heard.entries()) await assertBothVoices(`mpv ${paths[nth]}`, samples);
	});

	test("hls.js in Chromium hears both voices in low latency, close to live, through a change of codec", {
		skip: skipWithout("chromium"),
	}, async (t) => {
		await using browser = await openBrowser({ kind: "chromium" });
		await using player = await playWithHlsJs(browser, door("ll/index.m3u8"));
		await until("sound", 10_000, async () => (await player.view()).startMs > 0);
		await new Promise((resolve) => setTimeout(resolve, SETTLE_S * 1_000));
		await player.heard();
		const behind: number[] = [];
		for (let second = 0; second < LISTEN_S + 4; second += 1) {
			await new Promise((resolve) => setTimeout(resolve, 1_000));
			behind.push((await player.view()).behindS);
		}
		const settled = await player.view();
		await assertBothVoices("hls.js", await player.heard(), "envelope");
		const median = [...behind].sort((a, b) => a - b)[Math.floor(behind.length / 2)] as number;
		t.diagnostic(
			`behind the microphone ${Math.min(...behind).toFixed(2)}-${Math.max(...behind).toFixed(2)} s, median ${median.toFixed(2)} s; ${JSON.stringify(settled)}`,
		);
		assert.deepEqual(
			settled.errors.filter((error) => error.includes("fatal")),
			[],
		);
		assert.ok(settled.targetS < 1.5, `hls.js aims at ${settled.targetS} s: it does not do low latency`);
		assert.ok(median <= BEHIND_S_MAX, `${median} s behind the microphone`);

		// It begins with what it thinks the line carries.
		const other = settled.url.endsWith("aac64.m3u8") ? "opus48.m3u8" : "aac64.m3u8";
		await player.choose(other);
		await until("another codec", 10_000, async () => (await player.view()).url.endsWith(other));
		await player.heard();
		await new Promise((resolve) => setTimeout(resolve, (LISTEN_S + 4) * 1_000));
		await assertBothVoices(`hls.js in ${other}`, await player.heard(), "envelope");
	});
});
