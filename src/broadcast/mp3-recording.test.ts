import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { MemoryObjects } from "#objects/index.ts";
import {
	FRAME_SAMPLES,
	FRAMES_PER_PART,
	PART_SAMPLES,
	type ProgrammeTimeline,
	recordingKey,
	segmentKey,
	segmentsBetween,
	timelineKey,
	writeJson,
} from "#wire/index.ts";
import { FLUSH_FRAMES, openEncoders } from "./encoders.ts";
import { needsFfmpeg } from "./ffmpeg.testing.ts";
import { fragment } from "./fmp4.ts";
import { makeMp3Recording } from "./mp3-recording.ts";
import { writeResume } from "./resume.ts";
import { framesOf, lagOf, readVoice } from "./speech.testing.ts";
import { newTimeline } from "./timeline.ts";

const ID = "i";
const ON_AIR_PART = 5;
const TAGS = { title: "Über das Meer", artists: ["Ada", "Łukasz"], dateIso: "2026-11-23" };

/** An ended interview of `partCount` parts of `speech` on the disk. */
async function ended(speech: Float32Array, partCount: number) {
	const objects = new MemoryObjects();
	const endPart = ON_AIR_PART + partCount;
	const timeline: ProgrammeTimeline = {
		...newTimeline({ interviewId: ID, pathKey: "key", epochUnixMs: 0 }),
		cuts: [0, ON_AIR_PART],
		onAirPart: ON_AIR_PART,
		endPart,
		recording: { m4aBytes: 1, oggBytes: 1, durationMs: 320 * partCount },
	};
	const packets: Uint8Array[] = [];
	using encoders = await openEncoders();
	encoders.begin(0, ({ track, bytes }) => void (track === "opus48" && packets.push(bytes)));
	for (let frame = 0; frame < FRAMES_PER_PART; frame += 1) encoders.push(new Float32Array(FRAME_SAMPLES));
	for (const frame of framesOf(speech.subarray(0, partCount * PART_SAMPLES))) encoders.push(frame);
	for (let frame = 0; frame < FLUSH_FRAMES; frame += 1) encoders.push(new Float32Array(FRAME_SAMPLES));
	for (const span of segmentsBetween(timeline, ON_AIR_PART, endPart)) {
		const parts = Array.from({ length: span.partCount }, (_, nth) => {
			const from = (span.firstPart + nth - ON_AIR_PART) * FRAMES_PER_PART;
			return fragment(span.firstPart + nth, packets.slice(from, from + FRAMES_PER_PART));
		});
		await objects.write(segmentKey(ID, "opus48", span.sequence), Buffer.concat(parts));
	}
	await objects.write(timelineKey(ID), writeJson(timeline));
	const clock = { epochTick: 0, unixMinusMonoMs: 0 };
	await writeResume(objects, ID, { clock, gainDb: 0, notice: "none", tags: TAGS });
	return objects;
}

async function madeOf(objects: MemoryObjects, onProgress = (_share: number) => {}): Promise<Buffer> {
	const bytes = await makeMp3Recording(objects, ID, onProgress);
	const file = (await objects.read(recordingKey(ID, "mp3"))) as Buffer;
	assert.equal(bytes, file.length);
	return file;
}

test("the number of frames is known before they are made, whatever the length; made again, it is the same [BR15]", async () => {
	const speech = await readVoice("anna");
	for (const partCount of [1, 2, 3, 4, 14]) {
		const objects = await ended(speech, partCount);
		const shares: number[] = [];
		const file = await madeOf(objects, (share) => shares.push(share));
		assert.equal(shares.at(-1), 1);
		assert.deepEqual(await madeOf(objects), file);
		const info = file.indexOf("Info");
		assert.equal(file.readUInt32BE(info + 12), file.length - (info - 21), "bytes from the Info frame on");
	}
});

test("ffmpeg and ffprobe read its length, tags and sound to the sample [BR15]", needsFfmpeg, async () => {
	const speech = await readVoice("ben");
	const folder = await mkdtemp(join(tmpdir(), "rostra-mp3-"));
	try {
		for (const partCount of [3, 40]) {
			// From a pipe, whose length it cannot know, ffmpeg believes no Info frame.
			const path = join(folder, "recording.mp3");
			await writeFile(path, await madeOf(await ended(speech, partCount)));
			const decoding = spawnSync("ffmpeg", ["-v", "warning", "-i", path, "-f", "f32le", "pipe:1"], {
				maxBuffer: 2 ** 26,
			});
			assert.equal(decoding.stderr.toString(), "");
			const decoded = new Float32Array(Uint8Array.from(decoding.stdout).buffer);
			assert.equal(decoded.length, partCount * PART_SAMPLES);
			for (const at of partCount === 40 ? [30_000, 300_000, 550_000] : [10_000]) {
				const lag = lagOf(speech, decoded, at, 30_000, 40);
				assert.ok(Math.abs(lag) <= 1, `${lag} at ${at}`);
			}
			const args = ["-v", "warning", "-of", "json", "-show_entries", "format=duration:format_tags", path];
			const probing = spawnSync("ffprobe", args);
			assert.equal(probing.stderr.toString(), "");
			const { duration, tags } = JSON.parse(probing.stdout.toString()).format;
			assert.ok(Math.abs(Number(duration) - 0.32 * partCount) < 0.05, duration);
			assert.deepEqual([tags.title, tags.artist, tags.date], [TAGS.title, "Ada, Łukasz", TAGS.dateIso]);
		}
	} finally {
		await rm(folder, { recursive: true });
	}
});

test("an interview without a recording has none in MP3; one that is removed meanwhile leaves nothing [BR15]", async () => {
	assert.equal(await makeMp3Recording(new MemoryObjects(), ID, () => {}), undefined);
	const objects = await ended(await readVoice("anna"), 20);
	assert.equal(await makeMp3Recording(objects, ID, () => void objects.remove(`interviews/${ID}`)), undefined);
	assert.deepEqual(await objects.list(`interviews/${ID}`), []);
});
