import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PART_MS, segmentOf, segmentsBetween } from "#wire/index.ts";
import { fakeTimeline } from "./fakes.ts";
import { lastWholeSegment, mediaPlaylist, multivariant, segmentAt, WINDOW_SEGMENTS } from "./playlist.ts";

test("multivariant() names AAC first, then Opus, then the data saver", () => {
	assert.equal(
		multivariant(fakeTimeline(), (track) => `${track}/live.m3u8`),
		`#EXTM3U
#EXT-X-VERSION:4
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aac64",NAME="Programme",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="1"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="opus48",NAME="Programme",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="1"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="opus24",NAME="Programme",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="1"
#EXT-X-STREAM-INF:BANDWIDTH=84000,CODECS="mp4a.40.2",AUDIO="aac64"
aac64/live.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=60000,CODECS="opus",AUDIO="opus48"
opus48/live.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=34000,CODECS="opus",AUDIO="opus24"
opus24/live.m3u8
`,
	);
});

test("mediaPlaylist() of the first segments, the second cut short by *on air*", () => {
	const timeline = fakeTimeline({ cuts: [0, 18], onAirPart: 18 });
	assert.equal(
		mediaPlaylist(timeline, "opus48", "live", 31),
		`#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:4
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-MAP:URI="../k3y/opus48/init.mp4"
#EXT-X-DATERANGE:ID="doors",CLASS="urn:rostra:phase",START-DATE="2026-01-01T20:00:00.000Z",END-DATE="2026-01-01T20:00:05.760Z",X-ROSTRA-PHASE="doors"
#EXT-X-DATERANGE:ID="on-air",CLASS="urn:rostra:phase",START-DATE="2026-01-01T20:00:05.760Z",X-ROSTRA-PHASE="on_air"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T20:00:00.000Z
#EXTINF:3.84000,
../k3y/opus48/0.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T20:00:03.840Z
#EXTINF:1.92000,
../k3y/opus48/1.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T20:00:05.760Z
#EXTINF:3.84000,
../k3y/opus48/2.m4s
`,
	);
});

test("mediaPlaylist() from the beginning begins on air; the recording is the same segments with an end", () => {
	const timeline = fakeTimeline({ cuts: [0, 18], onAirPart: 18 });
	const whole = `#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:4
#EXT-X-MEDIA-SEQUENCE:2
#EXT-X-PLAYLIST-TYPE:EVENT
#EXT-X-MAP:URI="../k3y/aac64/init.mp4"
#EXT-X-DATERANGE:ID="on-air",CLASS="urn:rostra:phase",START-DATE="2026-01-01T20:00:05.760Z",X-ROSTRA-PHASE="on_air"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T20:00:05.760Z
#EXTINF:3.84000,
../k3y/aac64/2.m4s
`;
	assert.equal(mediaPlaylist(timeline, "aac64", "whole", 33), whole);
	assert.equal(mediaPlaylist(timeline, "aac64", "recording", 33), undefined);
	const ended = { ...timeline, endPart: 33 };
	const last = "#EXTINF:0.96000,\n../k3y/aac64/3.m4s\n#EXT-X-ENDLIST\n";
	const over = whole.replace('0Z",X-R', '0Z",END-DATE="2026-01-01T20:00:10.560Z",X-R') + last;
	assert.equal(mediaPlaylist(ended, "aac64", "whole", 33), over);
	assert.equal(mediaPlaylist(ended, "aac64", "recording", 33), over.replace("EVENT", "VOD"));
	assert.equal(mediaPlaylist(ended, "aac64", "recording", 32), undefined, "its last part is still being made");
});

test("mediaPlaylist() has nothing before the first whole segment, and nothing from the beginning before *on air*", () => {
	assert.equal(mediaPlaylist(fakeTimeline(), "aac64", "live", 11), undefined);
	assert.equal(mediaPlaylist(fakeTimeline(), "aac64", "whole", 100), undefined);
	const justOn = fakeTimeline({ cuts: [0, 90], onAirPart: 90 });
	assert.equal(mediaPlaylist(justOn, "aac64", "whole", 95), undefined);
	assert.equal(mediaPlaylist(fakeTimeline({ endPart: 50 }), "aac64", "recording", 50), undefined);
});

test("mediaPlaylist() passes over a segment of which all is lost; what is lost elsewhere is silence, and told as a date range", () => {
	const gaps = [
		{ fromPart: 10, toPart: 26, cause: "broadcast_restarted" as const },
		{ fromPart: 40, toPart: 41, cause: "disk_full" as const },
		{ fromPart: 47, toPart: 48, cause: "broadcast_restarted" as const },
	];
	const text = mediaPlaylist(fakeTimeline({ gaps }), "aac64", "live", 48) ?? "";
	assert.match(text, /Z\n#EXT-X-GAP\n#EXTINF:3\.84000,\n\.\.\/k3y\/aac64\/1\.m4s\n/);
	assert.equal(text.match(/EXT-X-GAP/g)?.length, 1);
	const ranges = [...text.matchAll(/DATERANGE:ID="(lost-\d+)",CLASS="urn:rostra:gap".*X-ROSTRA-CAUSE="(\w+)"/g)];
	assert.deepEqual(
		ranges.map(([, id, cause]) => [id, cause]),
		// The third may yet grow.
		[
			["lost-10", "broadcast_restarted"],
			["lost-40", "disk_full"],
		],
	);
});

const timelines = fc
	.record({
		cut: fc.option(fc.integer({ min: 1, max: 500 }), { nil: undefined }),
		length: fc.integer({ min: 1, max: 1_000 }),
		ended: fc.boolean(),
	})
	.map(({ cut, length, ended }) => {
		const nextPart = (cut ?? 0) + length;
		const timeline = fakeTimeline({
			cuts: cut === undefined ? [0] : [0, cut],
			onAirPart: cut ?? null,
			endPart: ended ? nextPart : null,
		});
		return { timeline, nextPart };
	});
const secondsOf = (text: string) => [...text.matchAll(/#EXTINF:([\d.]+)/g)].reduce((sum, [, s]) => sum + Number(s), 0);
const sequencesOf = (text: string) => [...text.matchAll(/\/(\d+)\.m4s/g)].map(([, n]) => Number(n));

test("mediaPlaylist() names consecutive whole segments up to the newest, a bounded number while live", () => {
	fc.assert(
		fc.property(timelines, ({ timeline, nextPart }) => {
			const text = mediaPlaylist(timeline, "opus24", "live", nextPart);
			const last = lastWholeSegment(timeline, nextPart);
			assert.equal(text === undefined, last === undefined);
			if (!text || !last) return;
			const sequences = sequencesOf(text);
			assert.ok(sequences.length <= WINDOW_SEGMENTS);
			assert.equal(sequences.at(-1), last.sequence);
			assert.deepEqual(
				sequences,
				sequences.map((_, i) => (sequences[0] as number) + i),
			);
			assert.match(text, new RegExp(`#EXT-X-MEDIA-SEQUENCE:${sequences[0]}\n`));
			assert.equal(text.includes("#EXT-X-ENDLIST"), timeline.endPart !== null);
		}),
	);
});

test("mediaPlaylist() of a recording lasts from *on air* to the end, to the part", () => {
	fc.assert(
		fc.property(timelines, ({ timeline, nextPart }) => {
			const text = mediaPlaylist(timeline, "aac64", "recording", nextPart);
			if (timeline.endPart === null || timeline.onAirPart === null) return assert.equal(text, undefined);
			const wantedS = ((timeline.endPart - timeline.onAirPart) * PART_MS) / 1000;
			assert.ok(Math.abs(secondsOf(text ?? "") - wantedS) < 0.0001);
		}),
	);
});

test("mediaPlaylist() from the beginning only ever grows", () => {
	fc.assert(
		fc.property(timelines, fc.nat(30), ({ timeline, nextPart }, more) => {
			const before = mediaPlaylist({ ...timeline, endPart: null }, "aac64", "whole", nextPart);
			const after = mediaPlaylist({ ...timeline, endPart: null }, "aac64", "whole", nextPart + more);
			if (before) assert.ok(after?.startsWith(before));
		}),
	);
});

test("segmentAt() finds each segment by its number, lastWholeSegment() the newest that is whole", () => {
	fc.assert(
		fc.property(timelines, ({ timeline, nextPart }) => {
			const spans = segmentsBetween(timeline, 0, nextPart);
			for (const span of spans) assert.deepEqual(segmentAt(timeline, span.sequence), span);
			const whole = spans.filter((span) => span.firstPart + span.partCount <= nextPart).at(-1);
			assert.deepEqual(lastWholeSegment(timeline, nextPart), whole);
			if (timeline.endPart !== null) assert.equal(segmentAt(timeline, (spans.at(-1)?.sequence ?? 0) + 1), undefined);
			assert.deepEqual(segmentOf(timeline, nextPart - 1), spans.at(-1));
		}),
	);
});
