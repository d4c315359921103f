import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodePart, PART_SAMPLES, type Part, segmentOf, TRACK_NAMES } from "#wire/index.ts";
import { readFragments } from "./fmp4.ts";
import { HEAD_PAGES, readOggPages } from "./ogg.ts";
import { beatOf, type Cuts, framesPerPart, oggSerial, Packager } from "./packager.ts";

const start = (nextPart = 0, beat: { opus48: Buffer[]; opus24: Buffer[] } = { opus48: [], opus24: [] }) =>
	new Packager({ interviewId: "i", nextPart, beat });

/** A packet that names its place. */
const packetBytes = (track: string, frameIndex: number) => Buffer.from(`${track}:${frameIndex}`);

function pushPart(packager: Packager, part: number): void {
	for (const track of TRACK_NAMES) {
		for (let nth = 0; nth < framesPerPart(track); nth += 1) {
			const frameIndex = part * framesPerPart(track) + nth;
			packager.push({ track, frameIndex, bytes: packetBytes(track, frameIndex) });
		}
	}
}

function make(packager: Packager, timeline: Cuts, fromPart: number, toPart: number): Part[] {
	return Array.from({ length: toPart - fromPart }, (_, nth) => {
		pushPart(packager, fromPart + nth);
		return packager.poll(timeline) as Part;
	});
}

const timelines = fc
	.record({ first: fc.integer({ min: 1, max: 40 }), second: fc.integer({ min: 1, max: 40 }), ended: fc.boolean() })
	.map(({ first, second, ended }) => ({
		cuts: [0, first],
		endPart: ended ? first + second : null,
		last: first + second,
	}));

test("a part leaves when every track has all its packets, and not before", () => {
	const packager = start();
	for (const track of TRACK_NAMES) {
		assert.equal(packager.poll({ cuts: [0], endPart: null }), undefined);
		for (let nth = 0; nth < framesPerPart(track); nth += 1) {
			packager.push({ track, frameIndex: nth, bytes: packetBytes(track, nth) });
		}
	}
	const part = packager.poll({ cuts: [0], endPart: null });
	assert.equal(part?.partIndex, 0);
	assert.deepEqual(
		readFragments(part?.opus24 ?? Buffer.alloc(0)).fragments[0]?.packets.map(String),
		Array.from({ length: 16 }, (_, nth) => `opus24:${nth}`),
	);
});

test("packets out of order are our bug, and say so", () => {
	const packager = start(3);
	assert.throws(
		() => packager.push({ track: "aac64", frameIndex: 46, bytes: Buffer.alloc(1) }),
		/frame 46 of aac64 as the next must be 45/,
	);
});

test("beats are three parts from each segment's beginning, shorter before a cut, and numbered without a hole [BR6]", () => {
	fc.assert(
		fc.property(timelines, (timeline) => {
			let beats = 0;
			let firstPart = 0;
			for (let part = 0; part < timeline.last; part += 1) {
				const place = beatOf(timeline, part);
				assert.deepEqual([place.beat, place.firstPart], [beats, firstPart]);
				if (segmentOf(timeline, part).firstPart === part) assert.equal(part, firstPart, "a segment begins a beat");
				if (!place.complete) continue;
				beats += 1;
				firstPart = part + 1;
			}
		}),
	);
});

test("every packet of Opus is in exactly one Ogg page, in order; a page ends with its part [BR6]", () => {
	fc.assert(
		fc.property(timelines, (timeline) => {
			const parts = make(start(), timeline, 0, timeline.last);
			let frameIndex = 0;
			let pageSequence = HEAD_PAGES;
			for (const part of parts) {
				assert.equal(part.ogg48.length > 0, part.beatParts > 0);
				for (const page of readOggPages(part.ogg48)) {
					assert.equal(page.serial, oggSerial("i", "opus48"));
					assert.equal(page.pageSequence, pageSequence++);
					assert.equal(page.granule, (part.partIndex + 1) * PART_SAMPLES);
					assert.equal(page.packets.length, part.beatParts * 16);
					for (const packet of page.packets) assert.equal(String(packet), `opus48:${frameIndex++}`);
				}
			}
			if (timeline.endPart !== null) assert.equal(frameIndex, timeline.last * 16, "the end completes a beat");
		}),
		{ numRuns: 50 },
	);
});

test("a successor that begins at any part makes the same bytes [BR7]", () => {
	fc.assert(
		fc.property(timelines, fc.nat(), (timeline, seed) => {
			const whole = make(start(), timeline, 0, timeline.last);
			const at = seed % timeline.last;
			const packets = (track: "opus48" | "opus24") =>
				whole
					.slice(beatOf(timeline, at).firstPart, at)
					.flatMap((part) => readFragments(part[track]).fragments.flatMap((found) => [...found.packets]));
			const successor = start(at, { opus48: packets("opus48"), opus24: packets("opus24") });
			const again = make(successor, timeline, at, timeline.last);
			assert.deepEqual(again.map(encodePart), whole.slice(at).map(encodePart));
		}),
		{ numRuns: 30 },
	);
});

test("a part is hold sound when most of its slots are; a fill is silence and says so", () => {
	const timeline = { cuts: [0], endPart: null };
	const packager = start();
	for (let slot = 0; slot < 16; slot += 1) packager.note(slot, slot < 7 ? "hold" : "sound");
	for (let slot = 16; slot < 32; slot += 1) packager.note(slot, slot < 24 ? "hold" : "sound");
	assert.deepEqual(
		make(packager, timeline, 0, 2).map((part) => part.kind),
		["sound", "hold"],
	);
	const fill = packager.fill(timeline);
	assert.deepEqual([fill.kind, fill.partIndex, fill.beatParts], ["fill", 2, 3]);
	assert.equal(readFragments(fill.aac64).fragments[0]?.packets.length, 15);
	pushPart(packager, 3);
	assert.equal(packager.poll(timeline)?.partIndex, 3);
});
