import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { MemoryObjects } from "#objects/index.ts";
import {
	PART_MS,
	PART_SAMPLES,
	type ProgrammeTimeline,
	recordingKey,
	segmentKey,
	segmentsBetween,
} from "#wire/index.ts";
import { decodeWithFfmpeg, needsFfmpeg } from "./ffmpeg.testing.ts";
import { fragment } from "./fmp4.ts";
import { HEAD_PAGES, LAST_PAGE, readOggPages } from "./ogg.ts";
import { SILENT_PART } from "./packager.ts";
import { FrameSizes, makeRecording } from "./recording.ts";
import { newTimeline } from "./timeline.ts";

const ID = "i";
const TAGS = { title: "Über das Meer", artists: ["Ada", "Bob"], dateIso: "2026-11-23" };

/** An interview's segments: of packets that name their place, or of silence that decodes. */
async function segments(onAirPart: number, endPart: number, kind: "named" | "silent") {
	const objects = new MemoryObjects();
	const timeline: ProgrammeTimeline = {
		...newTimeline({ interviewId: ID, pathKey: "key", epochUnixMs: 0 }),
		cuts: [0, onAirPart],
		onAirPart,
		endPart,
	};
	const sizes = new FrameSizes(onAirPart);
	for (const span of segmentsBetween(timeline, 0, endPart)) {
		for (const track of ["opus48", "aac64"] as const) {
			const parts = Array.from({ length: span.partCount }, (_, nth) => {
				const part = span.firstPart + nth;
				const named = SILENT_PART[track].map((_, frame) => Buffer.from(`${track} ${part}.${frame};`));
				const packets = kind === "named" ? named : SILENT_PART[track];
				if (track === "aac64") sizes.add(part, packets);
				return fragment(part, packets);
			});
			await objects.write(segmentKey(ID, track, span.sequence), Buffer.concat(parts));
		}
	}
	return { objects, timeline, sizes };
}

const names = (track: string, fromPart: number, toPart: number, perPart: number) =>
	Array.from({ length: toPart - fromPart }, (_, nth) =>
		Array.from({ length: perPart }, (_, frame) => `${track} ${fromPart + nth}.${frame};`),
	).flat();

test("the recording is the packets from on air to the end, in both files, whatever the cuts [BR12]", async () => {
	await fc.assert(
		fc.asyncProperty(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 60 }), async (onAirPart, count) => {
			const endPart = onAirPart + count;
			const { objects, timeline, sizes } = await segments(onAirPart, endPart, "named");
			const facts = await makeRecording(objects, timeline, TAGS, sizes);
			const m4a = (await objects.read(recordingKey(ID, "m4a"))) as Buffer;
			const ogg = (await objects.read(recordingKey(ID, "ogg"))) as Buffer;
			assert.deepEqual(facts, { m4aBytes: m4a.length, oggBytes: ogg.length, durationMs: count * PART_MS });
			const sound = names("aac64", onAirPart, endPart, 15).join("");
			assert.equal(m4a.subarray(m4a.length - sound.length).toString(), sound);
			assert.equal(m4a.readUInt32BE(m4a.length - sound.length - 8), sound.length + 8, "mdat's size");

			const pages = readOggPages(ogg).slice(HEAD_PAGES);
			assert.deepEqual(
				pages.flatMap((page) => page.packets.map(String)),
				names("opus48", onAirPart, endPart, 16),
			);
			for (const [nth, page] of pages.entries()) {
				assert.equal(page.pageSequence, HEAD_PAGES + nth);
				assert.equal(page.granule, Math.min(count, 3 * (nth + 1)) * PART_SAMPLES);
				assert.equal(page.flags, nth + 1 === pages.length ? LAST_PAGE : 0);
			}
		}),
		{ numRuns: 25 },
	);
});

test("chunk offsets in moov point at each part's first frame [BR12]", async () => {
	const { objects, timeline, sizes } = await segments(5, 40, "named");
	await makeRecording(objects, timeline, TAGS, sizes);
	const m4a = (await objects.read(recordingKey(ID, "m4a"))) as Buffer;
	const stco = m4a.indexOf("stco");
	assert.equal(m4a.readUInt32BE(stco + 8), 35);
	for (let nth = 0; nth < 35; nth += 1) {
		const at = m4a.readUInt32BE(stco + 12 + 4 * nth);
		assert.ok(
			m4a
				.subarray(at)
				.toString("latin1", 0, 20)
				.startsWith(`aac64 ${5 + nth}.0;`),
		);
	}
	assert.ok(m4a.indexOf("moov") < m4a.indexOf("mdat"), "the index is first");
});

test("sizes that are not known are read from the segments, and the bytes are the same [BR12]", async () => {
	const { objects, timeline, sizes } = await segments(3, 50, "named");
	await makeRecording(objects, timeline, TAGS, sizes);
	const first = await objects.read(recordingKey(ID, "m4a"));
	const partly = new FrameSizes(3);
	partly.add(10, SILENT_PART.aac64);
	assert.equal(partly.upTo(50), undefined);
	await makeRecording(objects, timeline, TAGS, partly);
	assert.deepEqual(await objects.read(recordingKey(ID, "m4a")), first);
});

test("a recording before the end is our bug", async () => {
	const { objects, timeline, sizes } = await segments(1, 4, "silent");
	await assert.rejects(makeRecording(objects, { ...timeline, endPart: null }, TAGS, sizes), RangeError);
});

test("FrameSizes takes parts in any order and knows when one is missing", () => {
	const sizes = new FrameSizes(10);
	const frames = (size: number) => Array.from({ length: 15 }, () => Buffer.alloc(size));
	sizes.add(9, frames(1));
	sizes.add(500, frames(4));
	sizes.add(11, frames(3));
	assert.equal(sizes.upTo(12), undefined);
	sizes.add(10, frames(2));
	assert.deepEqual([...(sizes.upTo(12) ?? [])], [...Array(15).fill(2), ...Array(15).fill(3)]);
	assert.equal(sizes.upTo(501), undefined);
	assert.equal(sizes.upTo(10_000), undefined);
});

test(
	"ffmpeg decodes both files to exactly the time on air; ffprobe reads duration and tags [BR12]",
	needsFfmpeg,
	async () => {
		const { objects, timeline, sizes } = await segments(4, 30, "silent");
		const { durationMs } = await makeRecording(objects, timeline, TAGS, sizes);
		for (const extension of ["m4a", "ogg"] as const) {
			const file = (await objects.read(recordingKey(ID, extension))) as Buffer;
			const samples = decodeWithFfmpeg(file, extension === "m4a" ? "mp4" : "ogg");
			assert.equal(samples.length, 26 * PART_SAMPLES);
			const args = "-v error -of json -show_entries format=duration:format_tags:stream_tags pipe:0".split(" ");
			const { format, streams } = JSON.parse(spawnSync("ffprobe", args, { input: file }).stdout.toString());
			if (extension === "m4a") assert.equal(Math.round(Number(format.duration) * 1_000), durationMs);
			const tags = Object.fromEntries(
				Object.entries({ ...streams[0].tags, ...format.tags }).map(([name, value]) => [name.toLowerCase(), value]),
			);
			assert.deepEqual([tags.title, tags.date], [TAGS.title, TAGS.dateIso]);
			assert.match(String(tags.artist), /Ada.*Bob/);
		}
	},
);
