import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PART_SAMPLES } from "#wire/index.ts";
import { decodeWithFfmpeg, needsFfmpeg } from "./ffmpeg.testing.ts";
import { fragment, initSegment, readFragments } from "./fmp4.ts";
import { SILENT_PACKETS } from "./silence.ts";

type Box = { readonly type: string; readonly at: number; readonly bytes: number };

function boxesIn(buffer: Buffer, from = 0, to = buffer.length): Box[] {
	const boxes: Box[] = [];
	for (let at = from; at < to; ) {
		const bytes = buffer.readUInt32BE(at);
		assert.ok(bytes >= 8 && at + bytes <= to, `a box at ${at} does not fit`);
		boxes.push({ type: buffer.toString("latin1", at + 4, at + 8), at, bytes });
		at += bytes;
	}
	return boxes;
}
const find = (buffer: Buffer, ...path: readonly string[]): Box => {
	let inside: Box = { type: "", at: -8, bytes: buffer.length + 8 };
	for (const type of path) {
		const found = boxesIn(buffer, inside.at + 8, inside.at + inside.bytes).find((box) => box.type === type);
		assert.ok(found, `no ${type}`);
		inside = found;
	}
	return inside;
};

test("an init segment is ftyp and moov, with one track and the fragments' defaults", () => {
	for (const codec of ["opus", "aac"] as const) {
		const init = initSegment(codec, 64_000);
		assert.deepEqual(
			boxesIn(init).map((box) => box.type),
			["ftyp", "moov"],
		);
		const moov = find(init, "moov");
		assert.deepEqual(
			boxesIn(init, moov.at + 8, moov.at + moov.bytes).map((box) => box.type),
			["mvhd", "trak", "mvex"],
		);
		const trex = find(init, "moov", "mvex", "trex");
		assert.equal(init.readUInt32BE(trex.at + 20), codec === "opus" ? 960 : 1024, "duration of a frame");
		const stbl = find(init, "moov", "trak", "mdia", "minf", "stbl");
		assert.deepEqual(
			boxesIn(init, stbl.at + 8, stbl.at + stbl.bytes).map((box) => box.type),
			["stsd", "stts", "stsc", "stsz", "stco"],
		);
		assert.equal(init.includes(codec === "opus" ? "dOps" : "esds"), true);
	}
});

test("a fragment holds exactly the boxes a reader needs, and its part's time in 64 bits", () => {
	const partIndex = 135_000; // 12 h: more samples than 32 bits of a signed number hold
	const bytes = fragment(partIndex, [Buffer.from([1]), Buffer.from([2, 2]), Buffer.from([3, 3, 3])]);
	assert.deepEqual(
		boxesIn(bytes).map((box) => [box.type, box.bytes]),
		[
			["moof", 100],
			["mdat", 14],
		],
	);
	const tfdt = find(bytes, "moof", "traf", "tfdt");
	assert.equal(Number(bytes.readBigUInt64BE(tfdt.at + 12)), partIndex * PART_SAMPLES);
	const trun = find(bytes, "moof", "traf", "trun");
	assert.equal(bytes.readUInt32BE(trun.at + 12), 3, "sample count");
	assert.equal(bytes.readUInt32BE(trun.at + 16), 108, "data offset from moof");
	assert.equal(bytes.readUInt32BE(find(bytes, "moof", "mfhd").at + 12), partIndex + 1);
	assert.equal(bytes.subarray(108).toString("hex"), "010202030303");
});

const parts = fc.array(fc.array(fc.uint8Array({ minLength: 0, maxLength: 40 }), { minLength: 1, maxLength: 16 }), {
	minLength: 1,
	maxLength: 5,
});

test("readFragments() gives back what fragment() wrote", () => {
	fc.assert(
		fc.property(parts, fc.nat(200_000), (all, firstPart) => {
			const segment = Buffer.concat(all.map((packets, nth) => fragment(firstPart + nth, packets)));
			const { fragments, wholeBytes } = readFragments(segment);
			assert.equal(wholeBytes, segment.length);
			assert.deepEqual(
				fragments.map((found) => [found.partIndex, found.packets.map((packet) => [...packet])]),
				all.map((packets, nth) => [firstPart + nth, packets.map((packet) => [...packet])]),
			);
		}),
	);
});

test("readFragments() finds the whole parts of a segment cut anywhere [BR8]", () => {
	const pieces = [0, 1, 2].map((part) => fragment(part, SILENT_PACKETS.opus));
	const segment = Buffer.concat(pieces);
	const ends = [0, ...pieces.map((_, nth) => Buffer.concat(pieces.slice(0, nth + 1)).length)];
	for (let bytes = 0; bytes <= segment.length; bytes += 1) {
		const { fragments, wholeBytes } = readFragments(segment.subarray(0, bytes));
		assert.equal(wholeBytes, Math.max(...ends.filter((end) => end <= bytes)));
		assert.equal(fragments.length, ends.indexOf(wholeBytes));
	}
});

test("readFragments() survives any bytes, and never reads beyond them", () => {
	const segment = Buffer.concat([0, 1].map((part) => fragment(part, SILENT_PACKETS.aac)));
	fc.assert(
		fc.property(fc.nat(segment.length - 1), fc.uint8Array({ maxLength: 12 }), (at, noise) => {
			const broken = Buffer.from(segment);
			broken.set(noise.subarray(0, broken.length - at), at);
			const { fragments, wholeBytes } = readFragments(broken);
			assert.ok(wholeBytes <= broken.length);
			for (const found of fragments) assert.ok(found.bytes.length <= broken.length);
		}),
	);
	assert.deepEqual(readFragments(Buffer.from("moof")).fragments, []);
});

test("ffmpeg decodes init and fragments to exactly their samples, from any part on", needsFfmpeg, () => {
	for (const [codec, packets] of [
		["opus", SILENT_PACKETS.opus],
		["aac", SILENT_PACKETS.aac],
	] as const) {
		for (const firstPart of [0, 33_750]) {
			const pieces = [0, 1, 2].map((nth) => fragment(firstPart + nth, packets));
			const samples = decodeWithFfmpeg(Buffer.concat([initSegment(codec, 64_000), ...pieces]), "mp4");
			assert.equal(samples.length, 3 * PART_SAMPLES);
			assert.ok(
				samples.every((sample) => Math.abs(sample) < 1e-4),
				"silence is silent",
			);
		}
	}
});
