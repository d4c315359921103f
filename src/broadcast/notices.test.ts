import assert from "node:assert/strict";
import { test } from "node:test";
import { BroadcastError } from "./errors.ts";
import { decodeOggOpus, readNotices, WAITING_FOR_HOST } from "./notices.ts";
import { oggHead } from "./ogg.ts";
import { integratedLufs } from "./speech.testing.ts";

test("the notices are a few seconds of speech, softer than the programme", async () => {
	for (const notice of await readNotices(WAITING_FOR_HOST)) {
		const seconds = notice.length / 48_000;
		assert.ok(2 < seconds && seconds < 8, `${seconds} s`);
		const lufs = integratedLufs(notice);
		assert.ok(-28 < lufs && lufs < -20, `${lufs} LUFS`);
	}
});

test("a notice that is missing, or is no Ogg Opus, says so", async () => {
	await assert.rejects(readNotices(["nobody-made-this.ogg"]), (error: BroadcastError) => {
		assert.ok(error instanceof BroadcastError);
		assert.equal(error.code, "notice_unreadable");
		return true;
	});
	await assert.rejects(decodeOggOpus(Buffer.from("x".repeat(40))), RangeError);
	assert.equal((await decodeOggOpus(oggHead(1, []))).length, 0);
});
