import assert from "node:assert/strict";
import { test } from "node:test";
import { STATE_SCHEME, stateBox } from "./emsg.ts";

test("stateBox() is a version 1 emsg of scale 48,000 with the state as its message", () => {
	const json = Buffer.from('{"phase":"on_air"}');
	const box = stateBox(2 ** 32 + 7, 15_360 * 300_000, json);
	assert.equal(box.readUInt32BE(0), box.length);
	assert.equal(box.toString("latin1", 4, 8), "emsg");
	assert.equal(box.readUInt32BE(8), 1 << 24, "version 1, no flags");
	assert.equal(box.readUInt32BE(12), 48_000);
	assert.equal(box.readBigUInt64BE(16), 4_608_000_000n, "beyond 32 bits");
	assert.equal(box.readUInt32BE(24), 0xffffffff, "a duration nobody knows");
	assert.equal(box.readUInt32BE(28), 7);
	assert.equal(box.toString("latin1", 32), `${STATE_SCHEME}\0\0{"phase":"on_air"}`);
});
