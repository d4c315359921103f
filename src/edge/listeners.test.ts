import assert from "node:assert/strict";
import { test } from "node:test";
import type { MonoMs } from "#base/index.ts";
import { fakePart, fakeTimeline } from "./fakes.ts";
import { PushStream, type Sink } from "./listeners.ts";
import { PartTail } from "./tail.ts";

test("whoever joins while a round goes on, nobody who was there before is passed over", () => {
	const tail = new PartTail();
	const stream = new PushStream("mp4_48", tail);
	const timeline = fakeTimeline();
	const written: number[] = [];
	const join = (who: number) => {
		const sink: Sink = {
			unreadBytes: 0,
			write: () => {
				written[who] = (written[who] ?? 0) + 1;
			},
			end: () => {},
			cut: () => {},
		};
		stream.join(sink, { chunked: false, nextPart: tail.nextPart ?? 0, nowMs: 0 as MonoMs });
	};
	for (let who = 0; who < 100; who += 1) join(who);
	for (let round = 0; round < 20; round += 1) {
		const before = stream.count;
		tail.push(fakePart(timeline, round));
		stream.startRound(round + 1);
		// A batch ends after 32 visits; then some join.
		while (stream.pending) {
			stream.step(() => true);
			for (let nth = 0; nth < 7 && stream.pending; nth += 1) join(stream.count);
		}
		for (let who = 0; who < 100; who += 1) assert.equal(written[who], round + 1, `round ${round}, listener ${who}`);
		assert.ok(stream.count > before);
	}
});
