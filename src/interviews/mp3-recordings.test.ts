import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, silentLog } from "#base/index.ts";
import { MemoryObjects } from "#objects/index.ts";
import { MP3_HOLD_MS, type Mp3RecordingAnswer, recordingKey } from "#wire/index.ts";
import { Counters, createInterviewEvents } from "./events.ts";
import { MP3_FAILED_KEEP_MS, MP3_QUEUE_MAX, Mp3Recordings } from "./mp3-recordings.ts";

/** House with a maker that does what it is told to. */
class House {
	readonly clock = new FakeClock();
	readonly objects = new MemoryObjects();
	/** What is being made, in the order it was begun. */
	readonly making: {
		readonly interviewId: string;
		readonly onProgress: (share: number) => void;
		readonly finish: (bytes: number | undefined) => void;
		readonly fail: (error: Error) => void;
	}[] = [];
	readonly recordings = new Mp3Recordings({
		clock: this.clock,
		objects: this.objects,
		events: createInterviewEvents(silentLog, new Counters()),
		make: (interviewId, onProgress) => {
			const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
			this.making.push({ interviewId, onProgress, finish: resolve, fail: reject });
			return promise;
		},
	});

	/** A wish, and everything that follows from it at once. */
	async wish(interviewId: string): Promise<{ readonly answer: Promise<Mp3RecordingAnswer> }> {
		const answer = this.recordings.wish(interviewId);
		await new Promise((resolve) => setImmediate(resolve));
		return { answer };
	}
}

test("a recording that is short is waited for; it is made once, however many ask", async () => {
	const house = new House();
	const wishes = [await house.wish("a"), await house.wish("a"), await house.wish("a")];
	assert.equal(house.making.length, 1);
	house.making[0]?.finish(7_000);
	for (const { answer } of wishes) assert.deepEqual(await answer, { state: "made", bytes: 7_000 });
	await house.objects.write(recordingKey("a", "mp3"), Buffer.alloc(7_000));
	assert.deepEqual(await (await house.wish("a")).answer, { state: "made", bytes: 7_000 });
	assert.equal(house.making.length, 1);
});

test("of a long one the time left is told", async () => {
	const house = new House();
	const first = await house.wish("a");
	house.clock.advance(MP3_HOLD_MS / 2);
	house.making[0]?.onProgress(0.1);
	house.clock.advance(MP3_HOLD_MS / 2);
	assert.deepEqual(await first.answer, { state: "making", leftMs: MP3_HOLD_MS * 9 });
	const again = await house.wish("a");
	house.making[0]?.finish(1);
	assert.deepEqual(await again.answer, { state: "made", bytes: 1 });
});

test("one at a time, in the order they were asked for, and no more than MP3_QUEUE_MAX wait", async () => {
	const house = new House();
	for (let nth = 0; nth < MP3_QUEUE_MAX; nth += 1) await house.wish(`${nth}`);
	assert.deepEqual(await (await house.wish("one more")).answer, { state: "refused" });
	for (let nth = 0; nth < MP3_QUEUE_MAX; nth += 1) {
		assert.deepEqual(
			house.making.map(({ interviewId }) => interviewId),
			Array.from({ length: nth + 1 }, (_, before) => `${before}`),
		);
		house.making[nth]?.finish(1);
		await new Promise((resolve) => setImmediate(resolve));
	}
	const { answer } = await house.wish("one more");
	house.making.at(-1)?.finish(undefined);
	assert.deepEqual(await answer, { state: "none" });
});

test("one that cannot be made is refused for a minute, then tried again; the next is made meanwhile", async () => {
	const house = new House();
	const { answer } = await house.wish("a");
	house.making[0]?.fail(new Error("the disk is full"));
	assert.deepEqual(await answer, { state: "refused" });
	assert.deepEqual(await (await house.wish("a")).answer, { state: "refused" });
	await house.wish("b");
	assert.equal(house.making.at(-1)?.interviewId, "b");
	house.making.at(-1)?.finish(1);
	house.clock.advance(MP3_FAILED_KEEP_MS);
	await house.wish("a");
	assert.equal(house.making.length, 3);
});
