import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { openOutput } from "./output.ts";

/** What a pipe takes before its writer waits: pipe(7). */
const PIPE_BYTES = 65_536;

function temporary(t: TestContext): string {
	const path = mkdtempSync(join(tmpdir(), "rostra-output-"));
	t.after(() => rmSync(path, { recursive: true }));
	return path;
}

test("openOutput() writes everything in order", async (t) => {
	const path = join(temporary(t), "log");
	const fd = openSync(path, "a");
	const output = openOutput(fd);
	const lines = Array.from({ length: 500 }, (_, nth) => `line ${nth}\n`);
	for (const line of lines) output.write(line);
	await output.flushed();
	closeSync(fd);
	assert.equal(readFileSync(path, "utf8"), lines.join(""));
});

test("openOutput() waits for nobody: what a reader leaves unread beyond the bound is dropped and counted", async (t) => {
	const path = join(temporary(t), "pipe");
	execFileSync("mkfifo", [path]);
	// For both, so that neither end waits for the other to be opened.
	const fd = openSync(path, constants.O_RDWR);
	t.after(() => closeSync(fd));
	const output = openOutput(fd, { waitingBytesMax: PIPE_BYTES * 2 });
	output.write("y".repeat(PIPE_BYTES * 2));
	// The first is being written, and waits for a reader; of these only as much as the bound is kept.
	for (let nth = 0; nth < 12; nth += 1) output.write(`${"x".repeat(PIPE_BYTES / 4 - 1)}\n`);

	const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
	t.after(() => closeSync(reader));
	const chunk = Buffer.alloc(PIPE_BYTES);
	let read = "";
	while (!read.includes("dropped")) {
		try {
			read += chunk.toString("latin1", 0, readSync(reader, chunk));
		} catch (error) {
			assert.equal((error as NodeJS.ErrnoException).code, "EAGAIN");
		}
		await new Promise((resolve) => setImmediate(resolve));
	}
	await output.flushed();
	assert.equal(read.split("x\n").length - 1, 8);
	assert.match(Buffer.from(read, "latin1").toString("utf8"), /… 4 lines dropped/);
});

test("openOutput() survives a descriptor that cannot be written to", async () => {
	const fd = openSync("/dev/null", "r");
	const output = openOutput(fd);
	output.write("lost\n");
	await output.flushed();
	output.write("lost too\n");
	await output.flushed();
	closeSync(fd);
});
