import assert from "node:assert/strict";
import { writeSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { FakeClock } from "#base/index.ts";
import { openLogFiles } from "./log-files.ts";

async function opened(t: TestContext, prepare?: (directory: string) => Promise<void>) {
	const directory = await mkdtemp(join(tmpdir(), "rostra-logs-"));
	await prepare?.(directory);
	const shown: string[] = [];
	const clock = new FakeClock(0);
	const logs = await openLogFiles(directory, { clock, show: (name, line) => shown.push(`${name}: ${line}`) });
	t.after(async () => {
		logs[Symbol.dispose]();
		await rm(directory, { recursive: true });
	});
	return { directory, shown, clock, logs };
}

test("warnings, errors and what is no line of ours are shown; the rest is only in the file", async (t) => {
	const { directory, shown, clock, logs } = await opened(t);
	const fd = logs.open("edge-0");
	const line = (level: string) => `{"at":"2026-01-01T00:00:00.000Z","level":"${level}","event":"e"}`;
	const crash = "TypeError: x is not a function";
	const postgres = (level: string) => `2026-01-01 00:00:00.000 UTC [7] ${level}:  words`;
	const starting = `${postgres("FATAL")} the database system is starting up`;
	const written = [line("info"), line("warn"), line("error"), "", crash, postgres("LOG"), postgres("ERROR"), starting];
	writeSync(fd, `${written.join("\n")}\n`);
	clock.advance(1_000);
	assert.deepEqual(
		shown,
		[line("warn"), line("error"), crash, postgres("ERROR")].map((each) => `edge-0: ${each}`),
	);
	assert.equal(await readFile(join(directory, "edge-0.log"), "utf8"), `${written.join("\n")}\n`);
});

test("a line is shown once, the last words of a process at its end", async (t) => {
	const { shown, clock, logs } = await opened(t);
	const fd = logs.open("house");
	writeSync(fd, "first\n");
	clock.advance(1_000);
	writeSync(fd, "last words\n");
	logs.look("house", true);
	clock.advance(1_000);
	assert.deepEqual(shown, ["house: first", "house: last words"]);
});

test("what an earlier run wrote is kept and not shown again", async (t) => {
	const { shown, clock, logs } = await opened(t, (directory) => writeFile(join(directory, "house.log"), "old\n"));
	writeSync(logs.open("house"), "new\n");
	clock.advance(1_000);
	assert.deepEqual(shown, ["house: new"]);
});

test("of a flood only the beginning is shown, and where the rest is", async (t) => {
	const { shown, clock, logs } = await opened(t);
	writeSync(logs.open("edge-0"), `${"x".repeat(99)}\n`.repeat(1_000));
	clock.advance(300);
	assert.ok(shown.length < 200);
	assert.match(shown.at(-1) as string, /… \d+ bytes more in .*edge-0\.log/);
});

test("a log beyond its bound becomes the old one, and its writer goes on in a fresh one", async (t) => {
	const { directory, clock, logs } = await opened(t);
	const fd = logs.open("edge-0");
	const line = `{"at":"","level":"info"}${"x".repeat(1_000)}\n`;
	writeSync(fd, line.repeat(6_000));
	clock.advance(300);
	const size = async (name: string) => (await stat(join(directory, name)).catch(() => undefined))?.size;
	while ((await size("edge-0.log")) !== 0) await new Promise((resolve) => setImmediate(resolve));
	assert.equal(await size("edge-0.old.log"), 6_000 * line.length);
	writeSync(fd, line);
	assert.equal(await size("edge-0.log"), line.length);
});

test("a log that cannot be opened keeps no process from being started", async (t) => {
	const { directory, shown, clock, logs } = await opened(t);
	await mkdir(join(directory, "edge-0.log"));
	writeSync(logs.open("edge-0"), "lost\n");
	clock.advance(1_000);
	assert.deepEqual(shown, []);
});

test("the logs of long-gone interviews are removed", async (t) => {
	const { directory } = await opened(t, async (path) => {
		for (let nth = 0; nth < 205; nth += 1) {
			await writeFile(join(path, `stage-${nth}.log`), "");
			await utimes(join(path, `stage-${nth}.log`), nth, nth);
		}
	});
	const left = await readdir(directory);
	assert.equal(left.length, 200);
	assert.ok(!left.includes("stage-4.log") && left.includes("stage-5.log"));
});
