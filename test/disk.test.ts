/**
 * A full disk: recording stops and the studio says so, the live programme goes on, nothing recorded before is harmed,
 * and with room again the recording goes on. Root only: it mounts a small tmpfs.
 */
import assert from "node:assert/strict";
import { globSync } from "node:fs";
import { readFile, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { silentLog } from "#base/index.ts";
import { openDatabase } from "#database/index.ts";
import { closeWebrtc, encodeVoice } from "#rehearsal/index.ts";
import { PART_MS, publicState } from "#wire/index.ts";
import { accountFor, type Hole, lengthMs, NOISE } from "./support/faults.ts";
import { seat } from "./support/guests.ts";
import { decode, hearWithFfmpeg } from "./support/listeners.ts";
import { makeDataDir, startPlatform } from "./support/platform.ts";
import { run, until } from "./support/run.ts";
import { skipWithout } from "./support/tools.ts";

const SETTLED_SAMPLES = 5 * 48_000;
const skip = process.getuid?.() === 0 ? skipWithout("ffmpeg", "mount", "umount") : "needs root, to mount a small disk";

test("a full disk stops the recording with a warning, and nothing else", { skip, timeout: 240_000 }, async (t) => {
	const dataDir = await makeDataDir();
	await run("mount", ["-t", "tmpfs", "-o", "size=200m,mode=755", "tmpfs", dataDir]);
	try {
		await using platform = await startPlatform({ dataDir, demo: false });
		await using stage = await seat(platform, [
			{ voice: await encodeVoice(NOISE.said, { bitrateBps: 96_000 }), apart: true },
		]);
		const { interviewId } = stage.interview;
		const { host } = stage;
		await stage.goLive();
		const segments = () =>
			globSync("**/*.m4s", { cwd: dataDir })
				.map((path) => join(dataDir, path))
				.sort();
		await until("some segments", 60_000, () => segments().length >= 9);
		const before = await Promise.all(segments().map(async (path) => [path, await readFile(path)] as const));
		const leave = new AbortController();
		const listening = hearWithFfmpeg(stage.door("live.ogg"), { signal: leave.signal });
		await pause(5_000);

		// All but a little, so that PostgreSQL's next write may fail too.
		const filler = join(dataDir, "filler");
		const { bavail, bsize } = await statfs(dataDir);
		await writeFile(filler, Buffer.alloc(bavail * bsize)).catch(() => {});
		await until("the disk to be full", 5_000, async () => (await statfs(dataDir)).bavail < 16);
		const fullMs = performance.now();
		const warnings = async () => (await host.studio(interviewId)).warnings;
		await until("the warning in the studio", 10_000, async () => (await warnings()).includes("disk_full"));
		t.diagnostic(
			`the studio is warned after ${(performance.now() - fullMs).toFixed(0)} ms: ${JSON.stringify(await warnings())}`,
		);
		await until("the warning where the platform was started", 10_000, () => /disk/i.test(platform.output()));
		await pause(10_000);
		for (const [path, bytes] of before) {
			const now = await readFile(path);
			assert.ok(now.subarray(0, bytes.length).equals(bytes), `${path} is as it was`);
		}

		await rm(filler);
		const roomMs = performance.now();
		await until("the warning to go", 15_000, async () => !(await warnings()).includes("disk_full"));
		t.diagnostic(`with room again, recording goes on after ${(performance.now() - roomMs).toFixed(0)} ms`);
		await pause(5_000);
		leave.abort();
		// A connection's jitter buffer finds its size within the first seconds.
		const live = accountFor((await listening).samples.subarray(SETTLED_SAMPLES));
		t.diagnostic(
			`live, before, over and after the full disk: ${live.blocks} blocks, holes ${JSON.stringify(live.holes)}`,
		);
		assert.ok(live.blocks > 900);
		assert.ok(live.holes.every(isConcealed));

		await stage.end();
		const { programme } = publicState.parse(await (await fetch(stage.door("state.json"))).json());
		assert.deepEqual(programme?.gaps, [], "a minute waits in memory: nothing is missing");
		const recording = await decode(stage.door("recording.ogg"));
		const whole = accountFor(recording.subarray(SETTLED_SAMPLES, -4_800));
		t.diagnostic(`recording: ${(recording.length / 48_000).toFixed(2)} s, holes ${JSON.stringify(whole.holes)}`);
		const { onAirPart, endPart } = programme ?? {};
		assert.equal(recording.length / 48, ((endPart ?? 0) - (onAirPart ?? 0)) * PART_MS);
		assert.ok(whole.holes.every(isConcealed));

		await using database = openDatabase(platform.settings().databaseUrl, { log: silentLog });
		const last = database.db
			.selectFrom("transitions")
			.select("to_phase")
			.where("interview_id", "=", interviewId)
			.orderBy("sequence", "desc");
		await until("the end to be in PostgreSQL", 20_000, () =>
			last.executeTakeFirst().then(
				(row) => row?.to_phase === "ended",
				() => false,
			),
		);
	} finally {
		closeWebrtc();
		await run("umount", ["-l", dataDir], { mayFail: true });
		await rm(dataDir, { recursive: true, force: true });
	}
});

/** A frame or two that a busy machine brought late; a part that is missing is 320 ms. */
function isConcealed(hole: Hole): boolean {
	return lengthMs(hole) <= 80;
}

function pause(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}
