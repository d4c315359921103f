/** A full disk: recording stops and says so, the live programme goes on, nothing recorded before is harmed. Root only: it mounts a small tmpfs. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { globSync } from "node:fs";
import { readFile, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { accountFor } from "./support/faults.ts";
import { hearWithFfmpeg } from "./support/listeners.ts";
import { makeDataDir, startPlatform } from "./support/platform.ts";
import { run, until } from "./support/run.ts";
import { skipWithout } from "./support/tools.ts";

const skip = process.getuid?.() === 0 ? skipWithout("ffmpeg", "mount", "umount") : "needs root, to mount a small disk";

test("a full disk stops the recording with a warning, and nothing else", { skip, timeout: 240_000 }, async (t) => {
	const dataDir = await makeDataDir();
	await run("mount", ["-t", "tmpfs", "-o", "size=200m,mode=755", "tmpfs", dataDir]);
	try {
		await using platform = await startPlatform({ dataDir });
		const segments = () =>
			globSync("**/*.m4s", { cwd: dataDir })
				.map((path) => join(dataDir, path))
				.sort();
		await until("some segments", 60_000, () => segments().length >= 9);
		const before = await Promise.all(segments().map(async (path) => [path, await readFile(path)] as const));
		// All but a little, so that PostgreSQL's next write may fail too.
		const filler = join(dataDir, "filler");
		const { bavail, bsize } = await statfs(dataDir);
		await writeFile(filler, Buffer.alloc(bavail * bsize)).catch(() => {});
		await until("the disk to be full", 5_000, async () => (await statfs(dataDir)).bavail < 16);

		const heard = await hearWithFfmpeg(`${platform.publicUrl}/i/demo/live.ogg`, { seconds: 20 });
		const account = await accountFor(heard.samples.subarray(-15 * 48_000));
		t.diagnostic(`live over a full disk: ${account.blocks} blocks, holes ${JSON.stringify(account.holes)}`);
		assert.ok(account.blocks > 80);
		assert.ok(account.holes.every((hole) => hole.toMs - hole.fromMs <= 200));
		await until("the warning", 5_000, () => /disk/i.test(platform.output()));
		for (const [path, bytes] of before) {
			const now = await readFile(path);
			const hash = (data: Buffer) => createHash("sha256").update(data).digest("hex");
			assert.equal(hash(now.subarray(0, bytes.length)), hash(bytes), `${path} is as it was`);
		}
		await rm(filler);
	} finally {
		await run("umount", ["-l", dataDir], { mayFail: true });
		await rm(dataDir, { recursive: true, force: true });
	}
});
