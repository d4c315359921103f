import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { timelineKey } from "#wire/index.ts";
import { makeMp3InThread } from "./mp3-maker.ts";

test("the thread tells that there is no recording, and what went wrong", async () => {
	const objectsDir = await mkdtemp(join(tmpdir(), "rostra-mp3-"));
	try {
		assert.equal(await makeMp3InThread({ objectsDir, interviewId: "nothing" }, () => {}), undefined);
		const timeline = join(objectsDir, timelineKey("broken"));
		await mkdir(dirname(timeline), { recursive: true });
		await writeFile(timeline, "{");
		await assert.rejects(makeMp3InThread({ objectsDir, interviewId: "broken" }, () => {}));
	} finally {
		await rm(objectsDir, { recursive: true });
	}
});
