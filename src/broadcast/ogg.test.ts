import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PART_SAMPLES } from "#wire/index.ts";
import { decodeWithFfmpeg, needsFfmpeg } from "./ffmpeg.testing.ts";
import { FIRST_PAGE, HEAD_PAGES, LAST_PAGE, oggCrc, oggHead, oggPage, readOggPages } from "./ogg.ts";
import { SILENT_PACKETS } from "./silence.ts";

const SERIAL = 0xfedcba98;

test("the checksum is that of RFC 3533: polynomial 0x04c11db7, nothing reflected or inverted", () => {
	assert.equal(oggCrc(Buffer.from("123456789")), 0x89a1897f);
	assert.equal(oggCrc(Buffer.alloc(0)), 0);
});

test("a stream begins with OpusHead and OpusTags on pages of their own (RFC 7845 §3)", () => {
	const pages = readOggPages(oggHead(SERIAL, ["TITLE=Über das Meer", "ARTIST=Ada"]));
	assert.equal(pages.length, HEAD_PAGES);
	const [head, tags] = pages.map((page) => page.packets[0] as Buffer);
	assert.equal(head?.toString("hex"), "4f70757348656164" + "01" + "01" + "0000" + "80bb0000" + "0000" + "00");
	assert.ok(tags?.toString("utf8").includes("TITLE=Über das Meer"));
	assert.deepEqual(
		pages.map((page) => [page.flags, page.granule, page.pageSequence, page.serial]),
		[
			[FIRST_PAGE, 0, 0, SERIAL],
			[0, 0, 1, SERIAL],
		],
	);
});

test("readOggPages() gives back what oggPage() wrote", () => {
	const packets = fc.array(fc.uint8Array({ minLength: 1, maxLength: 600 }), { minLength: 1, maxLength: 48 });
	const sequence = fc.nat(2 ** 31 - 1);
	fc.assert(
		fc.property(packets, sequence, fc.maxSafeNat(), fc.constantFrom(0, LAST_PAGE), (all, nth, granule, flags) => {
			const [page] = readOggPages(oggPage(SERIAL, nth, flags, granule, all));
			assert.deepEqual(
				{ ...page, packets: page?.packets.map((packet) => [...packet]) },
				{ serial: SERIAL, pageSequence: nth, flags, granule, packets: all.map((packet) => [...packet]) },
			);
		}),
	);
});

test("a beat of the largest packets fits one page; more does not, and says so", () => {
	assert.equal(readOggPages(oggPage(1, 2, 0, 0, Array(48).fill(Buffer.alloc(600)))).length, 1);
	assert.throws(
		() => oggPage(1, 2, 0, 0, Array(48).fill(Buffer.alloc(1_275))),
		/at most 255 lacing values: it has 288/,
	);
});

test("readOggPages() refuses what is cut, changed or foreign", () => {
	const page = oggPage(SERIAL, 2, 0, 960, [Buffer.from("abc")]);
	assert.throws(() => readOggPages(page.subarray(0, -1)), /cut short/);
	assert.throws(() => readOggPages(Buffer.from("not an Ogg stream at all, sorry")), /must begin at byte 0/);
	fc.assert(
		fc.property(fc.nat(page.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
			const broken = Buffer.from(page);
			broken[at] = (broken[at] as number) ^ change;
			assert.throws(() => readOggPages(broken), RangeError);
		}),
	);
});

test("ffmpeg decodes pages of a beat to exactly their samples, also after a late join", needsFfmpeg, () => {
	const beat = Array.from({ length: 3 }, () => SILENT_PACKETS.opus).flat();
	for (const firstBeat of [0, 11_250]) {
		const pages = [0, 1].map((nth) =>
			oggPage(SERIAL, HEAD_PAGES + firstBeat + nth, 0, (firstBeat + nth + 1) * 3 * PART_SAMPLES, beat),
		);
		const samples = decodeWithFfmpeg(Buffer.concat([oggHead(SERIAL, []), ...pages]), "ogg");
		assert.equal(samples.length, 6 * PART_SAMPLES);
	}
});
