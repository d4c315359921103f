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
import { RecordingDraft } from "./recording.ts";
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
	for (const span of segmentsBetween(timeline, 0, endPart)) {
		for (const track of ["opus48", "aac64"] as const) {
			const parts = Array.from({ length: span.partCount }, (_, nth) => {
				const part = span.firstPart + nth;
				const named = SILENT_PART[track].map((_, frame) => Buffer.from(`${track} ${part}.${frame};`));
				const packets = kind === "named" ? named : SILENT_PART[track];
				return fragment(part, packets);
			});
			await objects.write(segmentKey(ID, track, span.sequence), Buffer.concat(parts));
		}
	}
	const draft = new RecordingDraft({ objects, timeline: () => timeline, pause: async () => {} });
	return { objects, timeline, draft };
}

const names = (track: string, fromPart: number, toPart: number, perPart: number) =>
	Array.from({ length: toPart - fromPart }, (_, nth) =>
		Array.from({ length: perPart }, (_, frame) => `${track} ${fromPart + nth}.${frame};`),
	).flat();

test("the recording is the packets from on air to the end, in both files, whatever the cuts [BR12]", async () => {
	await fc.assert(
		fc.asyncProperty(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 60 }), async (onAirPart, count) => {
			const endPart = onAirPart + count;
			const { objects, draft } = await segments(onAirPart, endPart, "named");
			const facts = await draft.finish(TAGS);
			assert.equal(await objects.sizeBytes(`interviews/${ID}/draft.aac`), undefined);
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
	const { objects, draft } = await segments(5, 40, "named");
	await draft.finish(TAGS);
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

test("a draft that followed the segments makes the same bytes as one that did not [BR12]", async () => {
	const { objects, timeline, draft } = await segments(3, 50, "named");
	const files = () => Promise.all((["m4a", "ogg"] as const).map((name) => objects.read(recordingKey(ID, name))));
	await draft.finish(TAGS);
	const made = await files();
	// One that is told of segments while the end is not known, and is paused between them.
	let now: ProgrammeTimeline = { ...timeline, endPart: null };
	const paused = Promise.withResolvers<void>();
	const goOn = Promise.withResolvers<void>();
	const follower = new RecordingDraft({
		objects,
		timeline: () => now,
		pause() {
			paused.resolve();
			return goOn.promise;
		},
	});
	for (const part of [3, 15, 27]) follower.advance(part);
	await paused.promise;
	now = timeline;
	const finished = follower.finish(TAGS);
	goOn.resolve();
	await finished;
	assert.deepEqual(await files(), made);
});

test("what a predecessor left of a draft is begun anew; one that a full disk spoilt is, too [BR11 BR12]", async () => {
	const { objects, draft } = await segments(3, 50, "named");
	await draft.finish(TAGS);
	const file = await objects.read(recordingKey(ID, "ogg"));
	await objects.write(`interviews/${ID}/draft.ogg`, Buffer.from("half of something"));
	objects.bytesMax = 0;
	await assert.rejects(draft.finish(TAGS), { code: "ENOSPC" });
	objects.bytesMax = Number.POSITIVE_INFINITY;
	await draft.finish(TAGS);
	assert.deepEqual(await objects.read(recordingKey(ID, "ogg")), file);
});

test("a draft the disk has no room for gives its room back, and is begun anew after ten minutes or at the end [BR11]", async () => {
	const { objects, timeline } = await segments(3, 3_000, "named");
	const following = () => objects.sizeBytes(`interviews/${ID}/draft.aac`);
	const idle = () => new Promise<void>((resolve) => setImmediate(resolve));
	const follower = new RecordingDraft({ objects, timeline: () => ({ ...timeline, endPart: null }), pause: idle });
	const advanced = async (part: number) => {
		follower.advance(part);
		for (let turn = 0; turn < 2_000; turn += 1) await idle();
		return following();
	};
	assert.ok(((await advanced(27)) ?? 0) > 0);
	objects.bytesMax = 0;
	assert.equal(await advanced(39), undefined);
	objects.bytesMax = Number.POSITIVE_INFINITY;
	assert.equal(await advanced(51), undefined);
	assert.ok(((await advanced(39 + 1_875 + 12)) ?? 0) > 0);
});

test("a recording before the end is our bug", async () => {
	const { objects, timeline } = await segments(1, 4, "silent");
	const draft = new RecordingDraft({
		objects,
		timeline: () => ({ ...timeline, endPart: null }),
		pause: async () => {},
	});
	await assert.rejects(draft.finish(TAGS), RangeError);
});

test(
	"ffmpeg decodes both files to exactly the time on air; ffprobe reads duration and tags [BR12]",
	needsFfmpeg,
	async () => {
		const { objects, draft } = await segments(4, 30, "silent");
		const { durationMs } = await draft.finish(TAGS);
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
