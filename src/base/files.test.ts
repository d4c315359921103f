import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { replaceFile } from "./files.ts";

test("replaceFile() makes and replaces a file for this user alone, whatever an earlier attempt left behind", async (t) => {
	const folder = await mkdtemp(join(tmpdir(), "rostra-files-"));
	t.after(() => rm(folder, { recursive: true }));
	const path = join(folder, "key");
	await writeFile(`${path}.new`, "half of a much longer one", { mode: 0o644 });
	await replaceFile(path, "one");
	await replaceFile(path, Buffer.from("two"));
	assert.equal(await readFile(path, "utf8"), "two");
	assert.equal((await stat(path)).mode & 0o777, 0o600);
	assert.deepEqual(await readdir(folder), ["key"]);
});

test("replaceFile() leaves the old file when the new one cannot be written", async (t) => {
	const folder = await mkdtemp(join(tmpdir(), "rostra-files-"));
	t.after(() => rm(folder, { recursive: true }));
	await assert.rejects(replaceFile(join(folder, "nowhere", "key"), "one"), { code: "ENOENT" });
	assert.deepEqual(await readdir(folder), []);
});
