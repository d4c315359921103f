import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryObjects } from "#objects/index.ts";
import type { ProgrammeTimeline } from "#wire/index.ts";
import { createBroadcastEvents } from "./events.ts";
import { readOggPages } from "./ogg.ts";
import { newTimeline, readTimeline, TimelineKeeper, withGap } from "./timeline.ts";

const fresh = () => newTimeline({ interviewId: "i", pathKey: "key", epochUnixMs: 1_000 });

function keep(objects: MemoryObjects) {
	const published: ProgrammeTimeline[] = [];
	const events: string[] = [];
	const keeper = new TimelineKeeper({
		objects,
		events: createBroadcastEvents((_level, event) => void events.push(event)),
		publish: (timeline) => void published.push(timeline),
		current: fresh(),
	});
	return { keeper, published, events };
}

test("a new timeline has everything a player needs before the first part", () => {
	const { tracks } = fresh();
	assert.deepEqual([tracks.opus48.codecs, tracks.aac64.codecs], ["opus", "mp4a.40.2"]);
	for (const track of [tracks.opus48, tracks.opus24]) {
		assert.equal(readOggPages(Buffer.from(track.oggHead ?? "", "base64")).length, 2);
	}
	assert.equal(tracks.aac64.oggHead, undefined);
});

test("a change counts at once, and is published when it is on disk", async () => {
	const objects = new MemoryObjects();
	const { keeper, published } = keep(objects);
	const done = keeper.change({ onAirPart: 4, cuts: [0, 4] });
	assert.equal(keeper.current.onAirPart, 4);
	assert.deepEqual(published, []);
	await done;
	assert.deepEqual(published.at(-1), keeper.current);
	assert.deepEqual(await readTimeline(objects, "i"), keeper.current);
	assert.equal(keeper.isWritten, true);
});

test("what the disk refuses is published all the same, and written later [BR11]", async () => {
	const objects = new MemoryObjects();
	const { keeper, published, events } = keep(objects);
	objects.bytesMax = 0;
	await keeper.change({ endPart: 9 });
	assert.deepEqual(
		[published.at(-1)?.endPart, keeper.isWritten, events],
		[9, false, ["broadcast.timeline_not_written"]],
	);
	objects.bytesMax = Number.POSITIVE_INFINITY;
	await keeper.write();
	assert.equal((await readTimeline(objects, "i"))?.endPart, 9);
});

test("gaps are in order, and one that goes on is one", () => {
	const cause = "disk_full" as const;
	const gaps = withGap(withGap([], { fromPart: 10, toPart: 12, cause }), { fromPart: 12, toPart: 15, cause });
	assert.deepEqual(gaps, [{ fromPart: 10, toPart: 15, cause }]);
	const earlier = { fromPart: 2, toPart: 3, cause: "broadcast_restarted" as const };
	assert.deepEqual(withGap(gaps, earlier), [earlier, ...gaps]);
	const touching = { fromPart: 15, toPart: 16, cause: "platform_stopped" as const };
	assert.deepEqual(withGap(gaps, touching), [...gaps, touching]);
});
