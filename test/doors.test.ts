/** The demo as a listener meets it: every door decoded and compared with what the two synthetic speakers said. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { publicState } from "#wire/index.ts";
import { assertBothVoices, assertStretchOf, type Comparison } from "./support/claims.ts";
import { decode, hearWithFfmpeg, hearWithPlayer } from "./support/listeners.ts";
import { packetHashes } from "./support/packets.ts";
import { type Platform, startPlatform } from "./support/platform.ts";
import { parsePlaylist } from "./support/playlists.ts";
import { run, until } from "./support/run.ts";
import { skipWithout } from "./support/tools.ts";

/** Any stretch this long holds both voices: the longest turn is 8 s. */
const LISTEN_S = 18;
/** A player may settle first: VLC drops what it takes for late, is silent meanwhile, then plays 0.65 % faster for 12 s. */
const SETTLE_S = 6;

describe("the demo's doors", { skip: skipWithout("ffmpeg", "ffprobe"), timeout: 300_000 }, () => {
	let platform: Platform;
	let folder: string;
	/** What was heard at each door, to be found again in the recording. */
	const atTheDoors: { readonly what: string; readonly samples: Float32Array; readonly by: Comparison }[] = [];
	const door = (path: string) => `${platform.publicUrl}/i/demo/${path}`;
	const state = async () => publicState.parse(await (await fetch(door("state.json"))).json());

	before(async () => {
		folder = await mkdtemp(join(tmpdir(), "rostra-doors-"));
		platform = await startPlatform();
		await until("both speakers on air", 30_000, async () => {
			const { phase, people } = await state();
			return phase === "on_air" && people.filter((person) => person.presence === "on_air").length === 2;
		});
	});
	after(async () => {
		await platform?.[Symbol.asyncDispose]();
		await rm(folder, { recursive: true, force: true });
	});

	test("both voices are in live.ogg, live.mp4, live.aac, the HLS window and the HLS whole", async () => {
		const paths = ["live.ogg", "live.mp4", "live.aac", "live.ogg?r=24", "hls/index.m3u8", "hls/whole.m3u8"];
		const heard = await Promise.all(paths.map((path) => hearWithFfmpeg(door(path), { seconds: LISTEN_S })));
		for (const [nth, { samples }] of heard.entries()) {
			const path = paths[nth] as string;
			// By envelope: on a busy machine the stage stretches what the two say, and all doors alike are that much off.
			await assertBothVoices(path, samples, "envelope");
			atTheDoors.push({ what: path, samples, by: "waveform" });
		}
	});

	for (const player of ["mpv", "vlc"] as const) {
		const needed = player === "mpv" ? ["mpv"] : ["cvlc", "setpriv"];
		test(`${player} plays the Ogg door, the AAC door and the HLS window`, {
			skip: skipWithout(...needed, "pulseaudio", "pactl", "parec"),
		}, async () => {
			const paths = ["live.ogg", "live.aac", "hls/index.m3u8"];
			const heard = await Promise.all(paths.map((path) => hearWithPlayer(player, door(path), SETTLE_S + LISTEN_S)));
			for (const [nth, all] of heard.entries()) {
				const samples = all.subarray(SETTLE_S * 48_000);
				assert.ok(samples.length >= 0.75 * LISTEN_S * 48_000, `${player} ${paths[nth]}: ${samples.length / 48_000} s`);
				atTheDoors.push({ what: `${player} ${paths[nth]}`, samples, by: "envelope" });
			}
		});
	}

	test("after End the recording is at the same addresses: as long as it was on air, and byte for byte what was broadcast", async (t) => {
		const leave = new AbortController();
		t.signal.addEventListener("abort", () => leave.abort());
		const taking = Promise.all(["live.ogg", "live.aac"].map((path) => takeBytes(door(path), leave.signal)));
		const live = await segmentsOf(door("hls/whole.m3u8"));
		await until(
			"ten more segments",
			60_000,
			async () => (await segmentsOf(door("hls/whole.m3u8"))).length >= live.length + 5,
		);
		const before = await fetchSegments(await segmentsOf(door("hls/whole.m3u8")));

		await platform.rostra("end", "demo");
		const ended = await until("the state to say that it has ended", 3_000, async () => {
			const now = await state();
			return now.phase === "ended" && now;
		});
		const after = await segmentsOf(door("hls/index.m3u8"));
		for (const [url, bytes] of before) {
			assert.ok(after.includes(url), `the recording goes on naming ${url}`);
			assert.deepEqual((await fetchSegments([url])).get(url), bytes, `${url} never changes`);
		}

		const onAirS = ((ended.endedUnixMs as number) - (ended.onAirUnixMs as number)) / 1_000;
		for (const extension of ["m4a", "ogg"]) {
			const file = join(folder, `recording.${extension}`);
			await writeFile(file, new Uint8Array(await (await fetch(door(`recording.${extension}`))).arrayBuffer()));
			const probe = ["-v", "error", "-show_entries", "format=duration:format_tags:stream_tags", "-of", "json", file];
			const { format, streams } = JSON.parse((await run("ffprobe", probe)).stdout.toString());
			assert.ok(Math.abs(Number(format.duration) - onAirS) <= 0.4, `${extension}: ${format.duration} s of ${onAirS} s`);
			const tags = Object.keys({ ...format.tags, ...streams[0].tags }).map((tag) => tag.toLowerCase());
			for (const tag of ["title", "artist", "date"])
				assert.ok(tags.includes(tag), `${extension} has no ${tag}: ${tags}`);
			const programme = await decode(file);
			await assertBothVoices(`recording.${extension}`, programme.subarray(-LISTEN_S * 48_000), "envelope");
			for (const { what, samples, by } of atTheDoors) assertStretchOf(programme, what, samples, by);
		}

		leave.abort();
		const [ogg, adts] = await taking;
		for (const [extension, name, bytes] of [
			["ogg", "live.ogg", ogg],
			["m4a", "live.aac", adts],
		] as const) {
			await writeFile(join(folder, name), bytes as Buffer);
			const recorded = await packetHashes(join(folder, `recording.${extension}`));
			const broadcast = await packetHashes(join(folder, name));
			const first = recorded.indexOf(broadcast[100] as string) - 100;
			const common = recorded.slice(first).filter((hash, nth) => broadcast[nth] === hash).length;
			assert.ok(common >= 15 * 50 * 0.9, `${name}: only ${common} packets in common`);
			assert.deepEqual(
				recorded.slice(first),
				broadcast.slice(0, recorded.length - first),
				`${name} and the recording differ`,
			);
		}
	});

	test("the recording is the same after a restart", async () => {
		const recording = async () => Buffer.from(await (await fetch(door("recording.m4a"))).arrayBuffer());
		const [first, ports, dataDir] = [await recording(), platform.ports, platform.dataDir];
		await platform.stop();
		await using again = await startPlatform({ demo: false, dataDir, ports });
		assert.ok(again.readyMs < 10_000, `ready after ${again.readyMs} ms`);
		assert.deepEqual(await recording(), first);
		assert.equal((await state()).phase, "ended");
	});
});

async function takeBytes(url: string, signal: AbortSignal): Promise<Buffer> {
	const chunks: Uint8Array[] = [];
	try {
		const answer = await fetch(url, { signal });
		for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) chunks.push(chunk);
	} catch (error) {
		if (!signal.aborted) throw error;
	}
	return Buffer.concat(chunks);
}

/** Addresses of the segments of the first rendition that a multivariant playlist names. */
async function segmentsOf(url: string): Promise<string[]> {
	const multivariant = parsePlaylist(await (await fetch(url)).text(), url);
	const media = multivariant.variants[0] as string;
	return parsePlaylist(await (await fetch(media)).text(), media).segments.map((segment) => segment.url);
}

async function fetchSegments(urls: readonly string[]): Promise<Map<string, Buffer>> {
	const all = new Map<string, Buffer>();
	for (const url of urls) all.set(url, Buffer.from(await (await fetch(url)).arrayBuffer()));
	return all;
}
