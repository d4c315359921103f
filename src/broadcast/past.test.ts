import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FakeClock } from "#base/index.ts";
import { MemoryObjects } from "#objects/index.ts";
import {
	encodePart,
	type Part,
	type ProgrammeTimeline,
	segmentKey,
	segmentOf,
	segmentsBetween,
	TRACK_NAMES,
} from "#wire/index.ts";
import { DISK_RETRY_MS, PERSIST_WAIT_MS_MAX, TAIL_PARTS_MAX } from "./config.ts";
import { createBroadcastEvents } from "./events.ts";
import { fragment, readFragments } from "./fmp4.ts";
import { Packager, SILENT_PART } from "./packager.ts";
import { Past, readBeat, readParts, recoverPast } from "./past.ts";
import { newTimeline, withGap } from "./timeline.ts";

const ID = "i";
const emptyBeat = { opus48: [], opus24: [] };

/** A past on objects in memory, and a packager that fills it. */
class Shelf {
	readonly clock = new FakeClock();
	readonly objects = new MemoryObjects();
	timeline: ProgrammeTimeline = newTimeline({ interviewId: ID, pathKey: "key", epochUnixMs: 0 });
	readonly events: string[] = [];
	readonly segmentEnds: number[] = [];
	past: Past;
	packager: Packager;

	constructor(nextPart = 0) {
		this.past = this.open(nextPart);
		this.packager = new Packager({ interviewId: ID, nextPart, beat: emptyBeat });
	}

	open(nextPart: number): Past {
		return new Past({
			interviewId: ID,
			objects: this.objects,
			clock: this.clock,
			events: createBroadcastEvents((_level, event) => void this.events.push(event)),
			timeline: () => this.timeline,
			onGap: (gap) => {
				this.timeline = { ...this.timeline, gaps: withGap(this.timeline.gaps, gap) };
			},
			onSegment: (toPart) => void this.segmentEnds.push(toPart),
			nextPart,
		});
	}

	/** A part whose packets tell which it is. */
	make(): Part {
		const part = this.packager.nextPart;
		const packets = (name: string, count: number) =>
			Array.from({ length: count }, (_, nth) => Buffer.from(`${name} ${part}.${nth}`));
		return this.packager.again(
			this.timeline,
			{ opus48: packets("48", 16), opus24: packets("24", 16), aac64: packets("aac", 15) },
			"hold",
		);
	}

	async add(count: number): Promise<Part[]> {
		const made = Array.from({ length: count }, () => this.make());
		for (const part of made) {
			this.past.add(part);
			await this.past.written(part.partIndex);
		}
		return made;
	}

	/** What the files hold, part by part. */
	async partsOnDisk(track: (typeof TRACK_NAMES)[number]): Promise<(number | "silence")[]> {
		const found: (number | "silence")[] = [];
		for (const key of await this.objects.list(`interviews/${ID}/${track}`)) {
			const { fragments, wholeBytes } = readFragments((await this.objects.read(key)) as Buffer);
			assert.equal(wholeBytes, await this.objects.sizeBytes(key), `${key} holds whole parts only`);
			for (const { partIndex, bytes } of fragments) {
				assert.equal(segmentKey(ID, track, segmentOf(this.timeline, partIndex).sequence), key);
				found.push(bytes.equals(fragment(partIndex, SILENT_PART[track])) ? "silence" : partIndex);
			}
		}
		return found;
	}
}

const upTo = (count: number) => Array.from({ length: count }, (_, nth) => nth);

test("parts are in their segments' files before they count as written, and a full segment is synced [BR8]", async () => {
	const shelf = new Shelf();
	await shelf.add(14);
	for (const track of TRACK_NAMES) assert.deepEqual(await shelf.partsOnDisk(track), upTo(14));
	await shelf.past.settled();
	for (const track of TRACK_NAMES) {
		assert.ok(shelf.objects.synced.includes(segmentKey(ID, track, 0)));
		assert.ok(shelf.objects.synced.includes(segmentKey(ID, track, 1)), "settled() syncs what is open");
	}
	await shelf.past[Symbol.asyncDispose]();
});

test("the tail is the newest minute, oldest first", async () => {
	const shelf = new Shelf();
	await shelf.add(TAIL_PARTS_MAX + 10);
	const tail = shelf.past.tail(TAIL_PARTS_MAX + 50).map((part) => part.partIndex);
	assert.deepEqual([tail.length, tail[0], tail.at(-1)], [TAIL_PARTS_MAX, 10, TAIL_PARTS_MAX + 9]);
	assert.deepEqual(
		shelf.past.tail(2).map((part) => part.partIndex),
		[TAIL_PARTS_MAX + 8, TAIL_PARTS_MAX + 9],
	);
	assert.deepEqual(shelf.past.tail(0), []);
	await shelf.past[Symbol.asyncDispose]();
});

test("a successor reads back the same parts, and goes on in the open segment and beat [BR7]", async () => {
	const shelf = new Shelf();
	const made = await shelf.add(29);
	await shelf.past[Symbol.asyncDispose]();
	const { nextPart, patched } = await recoverPast(shelf.objects, shelf.timeline, 31);
	assert.deepEqual([nextPart, patched], [29, undefined]);
	const again = await readParts(shelf.objects, shelf.timeline, 0, 29);
	assert.deepEqual(again.map(encodePart), made.map(encodePart));

	shelf.past = shelf.open(nextPart);
	shelf.packager = new Packager({
		interviewId: ID,
		nextPart,
		beat: await readBeat(shelf.objects, shelf.timeline, nextPart),
	});
	shelf.past.remember(again);
	const [next] = await shelf.add(1);
	assert.equal(next?.beatParts, 3, "the beat has the parts of both");
	assert.deepEqual(
		shelf.past.tail(3).map((part) => part.partIndex),
		[27, 28, 29],
	);
	assert.deepEqual(await shelf.partsOnDisk("opus24"), upTo(30));
	await shelf.past[Symbol.asyncDispose]();
});

test("killed at any byte: whole parts stay, one that any track has is filled in the others, and files are whole again [BR8]", async () => {
	await fc.assert(
		fc.asyncProperty(fc.integer({ min: 1, max: 26 }), fc.tuple(fc.nat(), fc.nat(), fc.nat()), async (count, cuts) => {
			const shelf = new Shelf();
			await shelf.add(count);
			await shelf.past[Symbol.asyncDispose]();
			// The last part is cut short somewhere, in each track elsewhere.
			const { sequence } = segmentOf(shelf.timeline, count - 1);
			const kept: boolean[] = [];
			for (const [nth, track] of TRACK_NAMES.entries()) {
				const key = segmentKey(ID, track, sequence);
				const bytes = (await shelf.objects.read(key)) as Buffer;
				const last = readFragments(bytes).fragments.at(-1)?.bytes.length ?? 0;
				const dropped = (cuts[nth] as number) % (last + 1);
				kept.push(dropped === 0);
				await (await shelf.objects.append(key)).truncate(bytes.length - dropped);
			}
			const { nextPart, patched } = await recoverPast(shelf.objects, shelf.timeline, count + 3);
			const isLastHeard = kept.includes(true);
			assert.equal(nextPart, isLastHeard ? count : count - 1);
			const isPatched = isLastHeard && kept.includes(false);
			assert.deepEqual(patched, isPatched ? { fromPart: count - 1, toPart: count } : undefined);
			for (const [nth, track] of TRACK_NAMES.entries()) {
				const wanted: (number | "silence")[] = upTo(nextPart);
				if (isPatched && !kept[nth]) wanted[count - 1] = "silence";
				assert.deepEqual(await shelf.partsOnDisk(track), wanted);
			}
		}),
		{ numRuns: 60 },
	);
});

test("recoverPast() finds the end wherever the clock says it should be", async () => {
	const shelf = new Shelf();
	await shelf.add(100);
	await shelf.past[Symbol.asyncDispose]();
	for (const nowPart of [0, 50, 99, 100, 107, 5_000, 135_000]) {
		assert.equal((await recoverPast(shelf.objects, shelf.timeline, nowPart)).nextPart, 100);
	}
	assert.equal((await recoverPast(new MemoryObjects(), shelf.timeline, 40)).nextPart, 0);
});

test("a full disk: nothing written is harmed, written() does not wait, and what the tail still has is written later [BR11]", async () => {
	const shelf = new Shelf();
	await shelf.add(15);
	shelf.objects.bytesMax = (await bytesUsed(shelf.objects)) + 100;
	await shelf.add(20);
	assert.equal(shelf.past.disk, "full");
	for (const track of TRACK_NAMES) assert.deepEqual(await shelf.partsOnDisk(track), upTo(15));
	assert.equal(shelf.past.tail(100).length, 35, "live goes on");

	shelf.objects.bytesMax = Number.POSITIVE_INFINITY;
	shelf.clock.advance(DISK_RETRY_MS);
	await shelf.past.settled();
	assert.equal(shelf.past.disk, "ok");
	for (const track of TRACK_NAMES) assert.deepEqual(await shelf.partsOnDisk(track), upTo(35));
	assert.deepEqual(shelf.timeline.gaps, []);
	assert.deepEqual(shelf.events, ["broadcast.disk_full", "broadcast.disk_ok"]);
	await shelf.past[Symbol.asyncDispose]();
});

test("a disk that stands still holds up a part for PERSIST_WAIT_MS_MAX and no longer [BR8]", async () => {
	const shelf = new Shelf();
	await shelf.add(1);
	const stuck = Promise.withResolvers<void>();
	const append = shelf.objects.append.bind(shelf.objects);
	shelf.objects.append = async (key) => {
		const file = await append(key);
		return { ...file, append: (bytes) => stuck.promise.then(() => file.append(bytes)) };
	};
	await shelf.past[Symbol.asyncDispose]();
	shelf.past = shelf.open(1);
	let isPublished = false;
	shelf.past.add(shelf.make());
	void shelf.past.written(1).then(() => {
		isPublished = true;
	});
	shelf.clock.advance(PERSIST_WAIT_MS_MAX - 1);
	await Promise.resolve();
	assert.equal(isPublished, false);
	shelf.clock.advance(1);
	await Promise.resolve();
	assert.equal(isPublished, true);
	stuck.resolve();
	await shelf.past.settled();
	assert.deepEqual(await shelf.partsOnDisk("opus48"), upTo(2));
	await shelf.past[Symbol.asyncDispose]();
});

test("a disk that stays full for longer than the tail leaves silence, declared [BR11]", async () => {
	const shelf = new Shelf();
	await shelf.add(5);
	shelf.objects.bytesMax = await bytesUsed(shelf.objects);
	await shelf.add(TAIL_PARTS_MAX + 20);
	shelf.objects.bytesMax = Number.POSITIVE_INFINITY;
	shelf.clock.advance(DISK_RETRY_MS);
	await shelf.past.settled();
	assert.deepEqual(shelf.timeline.gaps, [{ fromPart: 5, toPart: 25, cause: "disk_full" }]);
	for (const track of TRACK_NAMES) {
		const found = await shelf.partsOnDisk(track);
		assert.deepEqual(found.slice(0, 5), upTo(5));
		assert.ok(found.slice(5, 25).every((part) => part === "silence"));
		assert.deepEqual(found.slice(25), upTo(TAIL_PARTS_MAX + 25).slice(25));
	}
	await shelf.past[Symbol.asyncDispose]();
});

test("a long hole that is declared already is written as silence, segment by segment, and not declared again", async () => {
	const shelf = new Shelf();
	await shelf.add(3);
	shelf.timeline = { ...shelf.timeline, gaps: [{ fromPart: 3, toPart: 60, cause: "platform_stopped" }] };
	shelf.packager = new Packager({ interviewId: ID, nextPart: 60, beat: emptyBeat });
	await shelf.add(2);
	await shelf.past.settled();
	const found = await shelf.partsOnDisk("aac64");
	assert.deepEqual([found.length, found[2], found[3], found[59], found[60]], [62, 2, "silence", "silence", 60]);
	assert.equal(shelf.timeline.gaps.length, 1);
	assert.deepEqual(
		shelf.past.tail(99).map((part) => part.partIndex),
		[60, 61],
	);
	await shelf.past[Symbol.asyncDispose]();
});

test("cuts: a segment ends before on air and at the end, and each is synced as it ends [BR5]", async () => {
	const shelf = new Shelf();
	await shelf.add(4);
	shelf.timeline = { ...shelf.timeline, cuts: [0, 7], onAirPart: 7 };
	await shelf.add(10);
	shelf.timeline = { ...shelf.timeline, endPart: 21 };
	await shelf.add(7);
	await shelf.past.settled();
	const spans = segmentsBetween(shelf.timeline, 0, 21);
	assert.deepEqual(
		spans.map((span) => span.partCount),
		[7, 12, 2],
	);
	assert.deepEqual(shelf.segmentEnds, [7, 19, 21]);
	for (const { sequence } of spans) assert.ok(shelf.objects.synced.includes(segmentKey(ID, "opus48", sequence)));
	assert.deepEqual(await shelf.partsOnDisk("opus48"), upTo(21));
	await shelf.past[Symbol.asyncDispose]();
});

async function bytesUsed(objects: MemoryObjects): Promise<number> {
	const sizes = await Promise.all((await objects.list("interviews")).map((key) => objects.sizeBytes(key)));
	return sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
}
