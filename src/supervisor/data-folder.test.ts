import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { openDataFolder, type Run, readRun } from "./data-folder.ts";

async function temporary(t: TestContext): Promise<string> {
	const path = await mkdtemp(join(tmpdir(), "rostra-data-"));
	t.after(() => rm(path, { recursive: true }));
	return path;
}

const run = (pid: number): Run => ({
	pid,
	busPath: "/tmp/bus",
	publicUrl: "http://127.0.0.1:8080",
	staffUrl: "http://127.0.0.1:8090",
	temporaryDirs: ["/tmp/rostra-x"],
});

test("a second start on the same folder is refused, naming the first", async (t) => {
	const path = join(await temporary(t), "data");
	await using first = await openDataFolder(path);
	await first.note(run(4711));
	await assert.rejects(openDataFolder(path), { code: "data_in_use", message: /process 4711 \(http:.*choose another/ });
});

test("a stopped platform leaves the folder free and nothing running in it", async (t) => {
	const path = join(await temporary(t), "data");
	const first = await openDataFolder(path);
	await first.note(run(4711));
	assert.deepEqual(await readRun(path), run(4711));
	await first[Symbol.asyncDispose]();
	assert.equal(await readRun(path), undefined);
	await using second = await openDataFolder(path);
	assert.equal(second.leftBehind, undefined);
});

test("a killed platform leaves the folder free, and what it left is known", async (t) => {
	const path = join(await temporary(t), "data");
	const script = `
		const { openDataFolder } = await import(${JSON.stringify(new URL("./data-folder.ts", import.meta.url).href)});
		const folder = await openDataFolder(${JSON.stringify(path)});
		await folder.note(${JSON.stringify(run(4711))});
		console.log("holds it");
		setInterval(() => {}, 1000);`;
	const holder = spawn(process.execPath, ["--input-type=module", "-e", script], {
		stdio: ["ignore", "pipe", "inherit"],
	});
	await new Promise((resolve) => holder.stdout.once("data", resolve));
	await assert.rejects(openDataFolder(path), { code: "data_in_use" });
	const gone = new Promise((resolve) => holder.once("exit", resolve));
	holder.kill("SIGKILL");
	await gone;
	await using next = await openDataFolder(path);
	assert.deepEqual(next.leftBehind, run(4711));
});

test("a folder of a newer version is refused and left as it is", async (t) => {
	const path = await temporary(t);
	await writeFile(join(path, "format"), "2\n");
	await assert.rejects(openDataFolder(path), { code: "data_newer", message: /format 1: it has 2, of a newer Rostra/ });
	assert.equal(await readFile(join(path, "format"), "utf8"), "2\n");
	await writeFile(join(path, "format"), "1\n");
	await using _ = await openDataFolder(path);
});

test("a folder that cannot be made is refused with its path", async (t) => {
	const file = join(await temporary(t), "file");
	await writeFile(file, "");
	await assert.rejects(openDataFolder(join(file, "data")), { code: "data_not_writable", message: /file\/data/ });
});

test("others may pass through a folder we make, and not look into what lies in it", async (t) => {
	const path = join(await temporary(t), "data");
	await using _ = await openDataFolder(path);
	const mode = async (name: string) => (await stat(join(path, name))).mode & 0o777;
	assert.deepEqual([await mode("."), await mode("objects"), await mode("logs")], [0o711, 0o700, 0o700]);
});

test("a folder that was there keeps its mode", async (t) => {
	const path = join(await temporary(t), "data");
	await mkdir(path);
	await chmod(path, 0o750);
	await using _ = await openDataFolder(path);
	assert.equal((await stat(path)).mode & 0o777, 0o750);
});

test("a run.json that is cut short counts as none", async (t) => {
	const path = await temporary(t);
	await writeFile(join(path, "run.json"), '{"pid":');
	assert.equal(await readRun(path), undefined);
});
