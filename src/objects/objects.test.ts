import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openDisk } from "./disk.ts";
import { MemoryObjects } from "./memory.ts";
import { objectsContract } from "./objects.contract.ts";

async function temporaryDisk() {
	const directory = await mkdtemp(join(tmpdir(), "rostra-objects-"));
	return {
		directory,
		...openDisk(directory),
		[Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
	};
}

objectsContract("disk", temporaryDisk);
objectsContract("memory", async () => Object.assign(new MemoryObjects(), { [Symbol.asyncDispose]: async () => {} }));

test("disk: what a crash left of a write is never listed, and does not stop the next", async () => {
	await using disk = await temporaryDisk();
	await disk.write("a/b", Buffer.from("whole"));
	await writeFile(join(disk.directory, "a", "b.new"), "half of it");
	assert.deepEqual(await disk.list("a"), ["a/b"]);
	await disk.write("a/b", Buffer.from("again"));
	assert.deepEqual(await readdir(join(disk.directory, "a")), ["b", "b.new"]);
});

test("disk: an object that cannot be written says why, with the system's code", async () => {
	await using disk = await temporaryDisk();
	await disk.write("a", Buffer.from("a file, not a folder"));
	await assert.rejects(disk.write("a/b", Buffer.from("x")), { code: "EEXIST" });
});

test("memory: when it is full, appends stop half way, as a disk does, and go on when there is room", async () => {
	const objects = new MemoryObjects();
	objects.bytesMax = 4;
	const file = await objects.append("a");
	await assert.rejects(file.append(Buffer.from("sixsix")), { code: "ENOSPC" });
	assert.equal((await objects.read("a"))?.toString(), "sixs");
	await assert.rejects(objects.write("b", Buffer.from("x")), { code: "ENOSPC" });
	objects.bytesMax = 100;
	await file.truncate(0);
	await file.append(Buffer.from("sixsix"));
	assert.equal((await objects.read("a"))?.toString(), "sixsix");
});

test("disk: a full one refuses an append with ENOSPC", {
	skip: existsSync("/dev/full") ? false : "no /dev/full here",
}, async () => {
	const file = await openDisk("/dev").append("full");
	await assert.rejects(file.append(Buffer.from("x")), { code: "ENOSPC" });
	await file.close();
});
