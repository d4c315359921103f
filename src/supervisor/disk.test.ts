import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { diskOf, warningsOf } from "./disk.ts";

test("diskOf() tells what is free, and zeros for a directory that is gone", async () => {
	const { freeBytes, totalBytes } = await diskOf(tmpdir());
	assert.ok(0 < totalBytes && 0 <= freeBytes && freeBytes <= totalBytes);
	assert.deepEqual(await diskOf("/nowhere/at/all"), { freeBytes: 0, totalBytes: 0 });
});

test("warningsOf() warns while there is room to act, and once there is none", () => {
	const of = (freeBytes: number) => warningsOf({ freeBytes, totalBytes: 1e12 });
	assert.deepEqual([of(3 * 2 ** 30), of(2 ** 30), of(2 ** 20)], [[], ["disk_short"], ["disk_full"]]);
});
