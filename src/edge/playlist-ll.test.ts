import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PARTS_PER_SEGMENT, segmentOf } from "#wire/index.ts";
import { fakeTimeline } from "./fakes.ts";
import { lastWholeSegment, segmentAt } from "./playlist.ts";
import { awaitedPart, lowLatencyPlaylist, NO_DIRECTIVES, readDirectives, SKIP_BOUNDARY_S } from "./playlist-ll.ts";

const FULL = { skip: false };
const all = (nextPart: number) => ({ firstPart: 0, nextPart });

test("lowLatencyPlaylist() lists the open segment by its parts, hints the next, and reports the other tracks", () => {
	assert.equal(lowLatencyPlaylist(fakeTimeline(), "opus48", all(11), FULL), undefined);
	const parts = (from: number, to: number) =>
		Array.from(
			{ length: to - from },
			(_, i) => `#EXT-X-PART:DURATION=0.32,URI="../k3y/opus48/p${from + i}.m4s",INDEPENDENT=YES`,
		);
	const lines = [
		"#EXTM3U",
		"#EXT-X-VERSION:6",
		"#EXT-X-TARGETDURATION:4",
		"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=24,HOLD-BACK=12,PART-HOLD-BACK=0.96",
		"#EXT-X-PART-INF:PART-TARGET=0.32",
		"#EXT-X-MEDIA-SEQUENCE:0",
		'#EXT-X-MAP:URI="../k3y/opus48/init.mp4"',
		'#EXT-X-DATERANGE:ID="doors",CLASS="urn:rostra:phase",START-DATE="2026-01-01T20:00:00.000Z",X-ROSTRA-PHASE="doors"',
		"#EXT-X-PROGRAM-DATE-TIME:2026-01-01T20:00:00.000Z",
		...parts(0, 12),
		"#EXTINF:3.84000,",
		"../k3y/opus48/0.m4s",
		"#EXT-X-PROGRAM-DATE-TIME:2026-01-01T20:00:03.840Z",
		...parts(12, 14),
		'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="../k3y/opus48/p14.m4s"',
		'#EXT-X-RENDITION-REPORT:URI="opus24.m3u8",LAST-MSN=1,LAST-PART=1',
		'#EXT-X-RENDITION-REPORT:URI="aac64.m3u8",LAST-MSN=1,LAST-PART=1',
		"",
	];
	assert.equal(lowLatencyPlaylist(fakeTimeline(), "opus48", all(14), FULL), lines.join("\n"));
});

test("lowLatencyPlaylist() of an ended programme has an end and hints nothing", () => {
	const timeline = fakeTimeline({ cuts: [0, 6], onAirPart: 6, endPart: 20 });
	const text = lowLatencyPlaylist(timeline, "aac64", all(20), { skip: true }) ?? "";
	assert.match(
		text,
		/p19\.m4s",INDEPENDENT=YES\n#EXTINF:0\.64000,\n\.\.\/k3y\/aac64\/2\.m4s\n#EXT-X-ENDLIST\n#EXT-X-REND/,
	);
	assert.doesNotMatch(text, /PRELOAD-HINT|EXT-X-SKIP/);
	assert.doesNotMatch(
		lowLatencyPlaylist(timeline, "aac64", { firstPart: 20, nextPart: 20 }, FULL) ?? "",
		/EXT-X-PART:/,
	);
});

test("lowLatencyPlaylist() lists no part that cannot be had: those of the open segment are gaps, so that indexes stay", () => {
	const text = lowLatencyPlaylist(fakeTimeline(), "aac64", { firstPart: 27, nextPart: 30 }, FULL) ?? "";
	const parts = [...text.matchAll(/\/p(\d+)\.m4s",INDEPENDENT=YES(,GAP=YES)?/g)].map(
		([, n, gap]) => `${n}${gap ? "-" : ""}`,
	);
	assert.deepEqual(parts, ["24-", "25-", "26-", "27", "28", "29"]);
	const lost = fakeTimeline({ gaps: [{ fromPart: 12, toPart: 26, cause: "broadcast_restarted" }] });
	const marked = lowLatencyPlaylist(lost, "aac64", all(30), FULL) ?? "";
	assert.equal([...marked.matchAll(/GAP=YES/g)].length, 12, "the parts of the segment of which nothing is left");
	assert.equal([...marked.matchAll(/#EXT-X-GAP\n/g)].length, 1);
});

const moments = fc
	.record({
		cut: fc.option(fc.integer({ min: 1, max: 200 }), { nil: undefined }),
		nextPart: fc.integer({ min: 1, max: 400 }),
		toEnd: fc.option(fc.nat(30), { nil: undefined }),
	})
	.map(({ cut, nextPart, toEnd }) => {
		const known = cut !== undefined && cut < nextPart ? cut : undefined;
		const timeline = fakeTimeline({
			cuts: known === undefined ? [0] : [0, known],
			onAirPart: known ?? null,
			endPart: toEnd === undefined ? null : nextPart + toEnd,
		});
		return { timeline, nextPart };
	});

test("a delta update is the playlist with its oldest segments left out, none nearer than the boundary", () => {
	fc.assert(
		fc.property(moments, ({ timeline, nextPart }) => {
			const full = lowLatencyPlaylist(timeline, "aac64", all(nextPart), FULL);
			const delta = lowLatencyPlaylist(timeline, "aac64", all(nextPart), { skip: true });
			const skipped = Number(/SKIPPED-SEGMENTS=(\d+)/.exec(delta ?? "")?.[1] ?? 0);
			if (skipped === 0 || !full || !delta) return assert.equal(delta, full);
			const [head = "", tail = ""] = delta.split(/#EXT-X-SKIP.*\n/);
			assert.ok(full.startsWith(head.replace("VERSION:9", "VERSION:6")));
			assert.ok(full.endsWith(tail));
			const left = full.slice(head.length, full.length - tail.length);
			assert.equal(left.match(/^[^#\n]/gm)?.length, skipped);
			const first = segmentAt(timeline, Number(/MEDIA-SEQUENCE:(\d+)/.exec(full)?.[1]) + skipped - 1);
			assert.ok(first && (nextPart - first.firstPart - first.partCount) * 0.32 > SKIP_BOUNDARY_S);
		}),
	);
});

test("awaitedPart() is in the playlist that answers; what lies too far ahead is refused [rfc8216bis 6.2.5.2]", () => {
	fc.assert(
		fc.property(moments, fc.nat(40), fc.option(fc.nat(30), { nil: undefined }), (moment, sequence, partOfSegment) => {
			const { timeline, nextPart } = moment;
			const part = awaitedPart(timeline, { sequence, partOfSegment, skip: false }, nextPart);
			const newest = lastWholeSegment(timeline, nextPart)?.sequence ?? -1;
			if (part === "too_far") return assert.ok(sequence > newest + 2 || (partOfSegment ?? 0) > 0 || sequence > newest);
			if (timeline.endPart !== null) {
				assert.ok(part < timeline.endPart);
				if (nextPart >= timeline.endPart) assert.equal(part, 0, "an ended playlist holds nobody");
			}
			if (part < nextPart) return;
			assert.ok(sequence <= newest + 2);
			const text = lowLatencyPlaylist(timeline, "aac64", all(part + 1), FULL);
			if (!text || timeline.endPart !== null) return;
			const { sequence: last, firstPart, partCount } = segmentOf(timeline, part);
			if (partOfSegment === undefined) assert.deepEqual([last, part], [sequence, firstPart + partCount - 1]);
			else if (partOfSegment < PARTS_PER_SEGMENT)
				assert.ok(last > sequence || part - firstPart >= partOfSegment || partCount < 12);
			else assert.equal(last, sequence + 1);
		}),
	);
	const timeline = fakeTimeline();
	assert.equal(awaitedPart(timeline, NO_DIRECTIVES, 30), 0);
	assert.equal(awaitedPart(timeline, { sequence: 2, partOfSegment: 6, skip: false }, 30), 30);
	assert.equal(awaitedPart(timeline, { sequence: 2, partOfSegment: 12, skip: false }, 30), 36);
	assert.equal(awaitedPart(timeline, { sequence: 2, partOfSegment: 15, skip: false }, 30), "too_far");
	assert.equal(awaitedPart(timeline, { sequence: 3, partOfSegment: undefined, skip: false }, 30), 47);
	assert.equal(awaitedPart(timeline, { sequence: 4, partOfSegment: undefined, skip: false }, 30), "too_far");
	assert.equal(awaitedPart(timeline, { sequence: 0, partOfSegment: 0, skip: false }, 300), 0);
});

test("readDirectives() reads what is written in one way only", () => {
	assert.deepEqual(readDirectives("CMCD=a&_HLS_msn=0&_HLS_future=1"), {
		sequence: 0,
		partOfSegment: undefined,
		skip: false,
	});
	assert.deepEqual(readDirectives("_HLS_skip=v2"), { sequence: undefined, partOfSegment: undefined, skip: true });
	for (const query of [
		"_HLS_msn",
		"_HLS_msn=",
		"_HLS_msn=+1",
		"_HLS_msn=1.0",
		"_HLS_msn=%31",
		"_HLS_msn=9999999999",
		"_HLS_skip",
	]) {
		assert.equal(typeof readDirectives(query), "string", query);
	}
});
