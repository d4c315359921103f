import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog } from "./log.ts";
import { FakeClock } from "./time.ts";

function logged(levelMin: "debug" | "info" | "warn" | "error") {
	const lines: string[] = [];
	const clock = new FakeClock(0, Date.UTC(2026, 0, 1, 20, 0, 0));
	return { log: createLog({ clock, process: "edge-0", levelMin, write: (line) => lines.push(line) }), lines };
}

test("createLog() writes one JSON object per line, an error with its stack", () => {
	const { log, lines } = logged("info");
	log("warn", "edge.listener_cut", { unreadBytes: 7, error: new Error("line 1\nline 2") });
	assert.equal(lines.length, 1);
	assert.match(lines[0] as string, /^[^\n]*\n$/);
	const { error, ...rest } = JSON.parse(lines[0] as string) as Record<string, unknown>;
	assert.match(String(error), /line 1\nline 2\n +at /);
	const at = "2026-01-01T20:00:00.000Z";
	assert.deepEqual(rest, { at, level: "warn", process: "edge-0", event: "edge.listener_cut", unreadBytes: 7 });
});

test("createLog() leaves out what is below its level", () => {
	const { log, lines } = logged("warn");
	log("debug", "a");
	log("info", "b");
	log("error", "c");
	assert.equal(lines.length, 1);
});
