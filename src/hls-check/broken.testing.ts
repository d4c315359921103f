/** Playlists for tests: right ones, and what to replace in them so that one rule is broken. */
import type { RuleId } from "./rules.ts";

export type Edit = readonly [from: string | RegExp, to: string];

const segments = (from: number, to: number) =>
	Array.from({ length: to - from }, (_, i) => {
		const date = new Date(Date.UTC(2026, 0, 1, 20, 0, 0) + (from + i) * 4_000).toISOString();
		return `#EXT-X-PROGRAM-DATE-TIME:${date}\n#EXTINF:4.0,\n${from + i}.m4s\n`;
	}).join("");

export const GOOD = {
	vod: `#EXTM3U
#EXT-X-VERSION:3
#EXT-X-TARGETDURATION:4
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-MEDIA-SEQUENCE:0
#EXTINF:4.011,the first
a0.ts
#EXTINF:3.989,
a1.ts
#EXTINF:1.5,
a2.ts
#EXT-X-ENDLIST
`,
	event: `#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:4
#EXT-X-PLAYLIST-TYPE:EVENT
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-MAP:URI="init.mp4"
${segments(0, 4)}`,
	live: `#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:4
#EXT-X-MEDIA-SEQUENCE:10
#EXT-X-MAP:URI="init.mp4",BYTERANGE="600@0"
#EXT-X-DATERANGE:ID="on-air",CLASS="c",START-DATE="2026-01-01T20:00:30.000Z"
#EXT-X-DATERANGE:ID="song",START-DATE="2026-01-01T20:00:41.000Z",DURATION=2.5
#EXT-X-DATERANGE:ID="song",END-DATE="2026-01-01T20:00:43.500Z",X-NAME="s"
${segments(10, 13)}#EXT-X-GAP
#EXTINF:4.0,
13.m4s
`,
	lowLatency: `#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:4
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=24,HOLD-BACK=12,PART-HOLD-BACK=3
#EXT-X-PART-INF:PART-TARGET=1
#EXT-X-MEDIA-SEQUENCE:8
#EXT-X-MAP:URI="init.mp4"
#EXT-X-DATERANGE:ID="on-air",CLASS="c",START-DATE="2026-01-01T20:00:30.000Z"
${segments(8, 11)}#EXT-X-PROGRAM-DATE-TIME:2026-01-01T20:00:44.000Z
#EXT-X-PART:DURATION=1,URI="11.0.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=1,URI="11.1.m4s"
#EXT-X-PART:DURATION=1,URI="11.2.m4s"
#EXT-X-PART:DURATION=1,URI="11.3.m4s"
#EXTINF:4.0,
11.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T20:00:48.000Z
#EXT-X-PART:DURATION=1,URI="12.0.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=1,URI="12.1.m4s"
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="12.2.m4s"
#EXT-X-RENDITION-REPORT:URI="other.m3u8",LAST-MSN=12,LAST-PART=1
`,
	multivariant: `#EXTM3U
#EXT-X-VERSION:4
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-START:TIME-OFFSET=-20.0
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="hi",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,URI="en.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="hi",NAME="Deutsch",LANGUAGE="de",AUTOSELECT=YES,URI="de.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="lo",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,URI="en24.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="lo",NAME="Deutsch",LANGUAGE="de",AUTOSELECT=YES,URI="de24.m3u8"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="sub",NAME="English",URI="sub.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=84000,CODECS="mp4a.40.2",AUDIO="hi",SUBTITLES="sub"
en.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=34000,CODECS="opus",AUDIO="lo",SUBTITLES="sub"
en24.m3u8
`,
} as const;

type Broken = {
	readonly rule: RuleId;
	readonly why: string;
	readonly base: keyof typeof GOOD;
	readonly edits: readonly Edit[];
	/** Rules that the same fault cannot but break too. */
	readonly also?: readonly RuleId[];
};
const broken = (
	rule: RuleId,
	why: string,
	base: keyof typeof GOOD,
	edits: readonly Edit[],
	also?: readonly RuleId[],
) => ({
	rule,
	why,
	base,
	edits,
	...(also && { also }),
});

const RANGE = '#EXT-X-DATERANGE:ID="song",START-DATE="2026-01-01T20:00:41.000Z",DURATION=2.5';
const CONTROL = /#EXT-X-SERVER-CONTROL.*/;

export const BROKEN: readonly Broken[] = [
	broken("4.1-1", "a byte order mark", "vod", [[/^/, "\uFEFF"]]),
	broken("4.1-1", "bytes that are not UTF-8", "vod", [["the first", "the \uFFFD first"]]),
	broken("4.1-1", "text that is not normalized", "vod", [["the first", "u\u0308ber"]]),
	broken("4.1-2", "a tab in a title", "vod", [["the first", "the\tfirst"]]),
	broken("4.1-3", "a space at the end of a tag", "vod", [["VOD\n", "VOD \n"]], ["4.4.3.5-1"]),
	broken("4.1-3", "a space before an address", "vod", [["a1.ts", " a1.ts"]]),
	broken("4.1-4", "a segment in a multivariant playlist", "multivariant", [[/$/, "#EXTINF:4,\na.ts\n"]]),
	broken("4.2-1", "a space in an attribute list", "lowLatency", [["HOLD-BACK=12,", "HOLD-BACK=12, "]], ["4.4.3.8-4"]),
	broken("4.2-1", "a quote that does not end", "event", [['"init.mp4"', '"init.mp4']], ["4.4.4.5-1"]),
	broken("4.2-1", "a name in lower case", "lowLatency", [["PART-TARGET=1", "part-target=1"]], ["4.4.3.7-1"]),
	broken("4.2-2", "an attribute twice", "lowLatency", [["HOLD-BACK=12", "HOLD-BACK=12,HOLD-BACK=12"]]),
	broken("4.2-3", "an address without quotes", "event", [['"init.mp4"', "init.mp4"]]),
	broken("4.2-3", "NO where only YES is defined", "lowLatency", [["CAN-BLOCK-RELOAD=YES", "CAN-BLOCK-RELOAD=NO"]]),
	broken("4.2-3", "a bandwidth with a fraction", "multivariant", [["BANDWIDTH=84000", "BANDWIDTH=84000.5"]]),
	broken("4.2-3", "an empty name", "multivariant", [['GROUP-ID="sub",NAME="English"', 'GROUP-ID="sub",NAME=""']]),
	broken("4.4.1.1-1", "no #EXTM3U", "vod", [["#EXTM3U\n", ""]]),
	broken("4.4.1.1-1", "an empty line first", "vod", [[/^/, "\n"]]),
	broken("4.4.1.2-1", "two versions", "vod", [["#EXT-X-VERSION:3\n", "#EXT-X-VERSION:3\n#EXT-X-VERSION:3\n"]]),
	broken("4.4.1.2-2", "a version with a point", "vod", [["VERSION:3", "VERSION:3.0"]]),
	broken("4.4.2-1", "independent segments twice", "multivariant", [[/$/, "#EXT-X-INDEPENDENT-SEGMENTS\n"]]),
	broken("4.4.2.2-1", "a start without a time", "multivariant", [["TIME-OFFSET=-20.0", "PRECISE=YES"]]),
	broken("4.4.2.2-2", "a start too near to live", "event", [
		["#EXT-X-MAP", "#EXT-X-START:TIME-OFFSET=-3.5\n#EXT-X-MAP"],
	]),
	broken("4.4.2.3-1", "a variable without value", "multivariant", [
		["#EXT-X-START", '#EXT-X-DEFINE:NAME="a"\n#EXT-X-START'],
		["VERSION:4", "VERSION:8"],
	]),
	broken("4.4.3-1", "two target durations", "vod", [["#EXT-X-PLAYLIST", "#EXT-X-TARGETDURATION:4\n#EXT-X-PLAYLIST"]]),
	broken("4.4.3-1", "two ends", "vod", [[/$/, "#EXT-X-ENDLIST\n"]]),
	broken("4.4.3.1-1", "no target duration", "vod", [["#EXT-X-TARGETDURATION:4\n", ""]]),
	broken("4.4.3.1-1", "a target duration with a fraction", "vod", [["DURATION:4", "DURATION:4.0"]]),
	broken("4.4.3.1-2", "a segment longer than the target", "vod", [["4.011", "4.511"]]),
	broken("4.4.3.2-1", "the sequence number after a segment", "vod", [
		["#EXT-X-MEDIA-SEQUENCE:0\n", ""],
		["#EXT-X-ENDLIST", "#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-ENDLIST"],
	]),
	broken("4.4.3.2-1", "a sequence number that is none", "vod", [["SEQUENCE:0", "SEQUENCE:-1"]]),
	broken("4.4.3.3-1", "the discontinuity sequence after a discontinuity", "vod", [
		["#EXTINF:4.011", "#EXT-X-DISCONTINUITY\n#EXT-X-DISCONTINUITY-SEQUENCE:1\n#EXTINF:4.011"],
	]),
	broken("4.4.3.5-1", "a type that is not defined", "vod", [["TYPE:VOD", "TYPE:LIVE"]]),
	broken("4.4.3.7-1", "parts without a target", "lowLatency", [["#EXT-X-PART-INF:PART-TARGET=1\n", ""]]),
	broken("4.4.3.8-1", "a skip boundary of five targets", "lowLatency", [["UNTIL=24", "UNTIL=20"]]),
	broken("4.4.3.8-2", "skips date ranges but no segments", "lowLatency", [
		["CAN-SKIP-UNTIL=24", "CAN-SKIP-DATERANGES=YES"],
	]),
	broken("4.4.3.8-3", "a hold-back of two targets", "lowLatency", [["HOLD-BACK=12", "HOLD-BACK=8"]]),
	broken("4.4.3.8-4", "no part hold-back", "lowLatency", [[",PART-HOLD-BACK=3", ""]]),
	broken("4.4.3.8-4", "no server control beside parts", "lowLatency", [[CONTROL, "#"]]),
	broken("4.4.3.8-5", "a part hold-back of one part", "lowLatency", [["PART-HOLD-BACK=3", "PART-HOLD-BACK=1"]]),
	broken("4.4.3.8-6", "a part hold-back of two parts", "lowLatency", [["PART-HOLD-BACK=3", "PART-HOLD-BACK=2"]]),
	broken("4.4.4.1-1", "a segment without a duration", "vod", [["#EXTINF:3.989,\n", ""]]),
	broken("4.4.4.1-2", "a duration without a comma", "vod", [["3.989,", "3.989"]]),
	broken("4.4.4.1-3", "a duration without a segment", "vod", [["a1.ts\n", ""]]),
	broken("4.4.4.1-3", "a duration at the end", "event", [[/$/, "#EXTINF:4.0,\n"]]),
	broken("4.4.4.2-1", "a range that goes on from another file", "vod", [
		["a1.ts", "#EXT-X-BYTERANGE:100\na1.ts"],
		["VERSION:3", "VERSION:4"],
	]),
	broken("4.4.4.4-1", "a key without an address", "vod", [
		["#EXTINF:4.011", "#EXT-X-KEY:METHOD=AES-128\n#EXTINF:4.011"],
	]),
	broken("4.4.4.5-1", "an init section without an address", "live", [['URI="init.mp4",', ""]]),
	broken("4.4.4.5-1", "an init section's range without an offset", "live", [["600@0", "600"]]),
	broken("4.4.4.6-1", "a date that is none", "event", [["2026-01-01T20:00:04.000Z", "20:00:04"]]),
	broken("4.4.4.6-2", "a date without a time zone", "event", [["20:00:04.000Z", "20:00:04.000"]]),
	broken("4.4.4.9-1", "a part without a duration", "lowLatency", [['DURATION=1,URI="12.1.m4s"', 'URI="12.1.m4s"']]),
	broken("4.4.4.9-2", "a part longer than the part target", "lowLatency", [
		['DURATION=1,URI="12.1', 'DURATION=1.1,URI="12.1'],
	]),
	broken("4.4.4.9-3", "a short part in the middle", "lowLatency", [
		['DURATION=1,URI="11.1', 'DURATION=0.8,URI="11.1'],
		["#EXTINF:4.0,\n11.m4s", "#EXTINF:3.8,\n11.m4s"],
		["20:00:48.000Z", "20:00:47.800Z"],
	]),
	broken("4.4.4.9-4", "a date between parts", "lowLatency", [
		["#EXT-X-PROGRAM-DATE-TIME:2026-01-01T20:00:48.000Z\n", ""],
		[
			'#EXT-X-PART:DURATION=1,URI="12.1',
			'#EXT-X-PROGRAM-DATE-TIME:2026-01-01T20:00:48.000Z\n#EXT-X-PART:DURATION=1,URI="12.1',
		],
	]),
	broken("3.2-1", "parts that do not fill their segment", "lowLatency", [
		['#EXT-X-PART:DURATION=1,URI="11.3.m4s"\n', ""],
	]),
	broken("4.4.5.1-1", "a range without an ID", "live", [['ID="on-air",', ""]]),
	broken("4.4.5.1-1", "a range without a beginning", "live", [[',START-DATE="2026-01-01T20:00:30.000Z"', ""]]),
	broken("4.4.5.1-2", "a range that ends before it begins", "live", [
		['30.000Z"', '30.000Z",END-DATE="2026-01-01T20:00:29.000Z"'],
	]),
	broken("4.4.5.1-3", "a range of less than nothing", "live", [['30.000Z"', '30.000Z",PLANNED-DURATION=-1']]),
	broken("4.4.5.1-4", "a range that says two things", "live", [['X-NAME="s"', "DURATION=2.6"]], ["4.4.5.1-6"]),
	broken("4.4.5.1-5", "ranges where nothing has a date", "vod", [["#EXTINF:4.011", `${RANGE}\n#EXTINF:4.011`]]),
	broken("4.4.5.1-6", "a range with two ends", "live", [["DURATION=2.5", "DURATION=3"]]),
	broken("4.4.5.1-7", "an end at the next, without a class", "live", [['X-NAME="s"', "END-ON-NEXT=YES"]]),
	broken("4.4.5.1-8", "a range's date that is none", "live", [["2026-01-01T20:00:30.000Z", "yesterday"]]),
	broken("4.4.5.2-1", "a skip that does not say how much", "event", [
		["#EXT-X-PROGRAM", "#EXT-X-SKIP:X=1\n#EXT-X-PROGRAM"],
		["VERSION:6", "VERSION:9"],
	]),
	broken("4.4.5.2-1", "two skips", "lowLatency", [
		["#EXT-X-PROGRAM", "#EXT-X-SKIP:SKIPPED-SEGMENTS=2\n#EXT-X-SKIP:SKIPPED-SEGMENTS=2\n#EXT-X-PROGRAM"],
		["VERSION:6", "VERSION:9"],
	]),
	broken("4.4.5.3-1", "a hint of nothing", "lowLatency", [[',URI="12.2.m4s"', ""]]),
	broken("4.4.5.3-2", "a hint after the end", "lowLatency", [[/$/, "#EXT-X-ENDLIST\n"]]),
	broken("6.2.6-3", "two hints", "lowLatency", [
		["#EXT-X-REND", '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="12.3.m4s"\n#EXT-X-REND'],
	]),
	broken("4.4.5.4-1", "a report about another site", "lowLatency", [["other.m3u8", "http://b/other.m3u8"]]),
	broken("6.2.1-9", "a date that goes back", "event", [["20:00:08.000Z", "20:00:03.000Z"]]),
	broken("6.2.1-10", "a date off by 100 ms", "event", [["20:00:12.000Z", "20:00:12.100Z"]]),
	broken("6.2.2-4", "parts of long ago", "lowLatency", [
		[
			"#EXTINF:4.0,\n8.m4s",
			'#EXT-X-PART:DURATION=1,URI="8.0.m4s"\n#EXT-X-PART:DURATION=1,URI="8.1.m4s"\n#EXT-X-PART:DURATION=1,URI="8.2.m4s"\n#EXT-X-PART:DURATION=1,URI="8.3.m4s"\n#EXTINF:4.0,\n8.m4s',
		],
	]),
	broken("8-1", "fractions in version 2", "vod", [["VERSION:3", "VERSION:2"]]),
	broken("8-1", "no version", "event", [["#EXT-X-VERSION:6\n", ""]]),
	broken("8-1", "a skip in version 6", "event", [["#EXT-X-PROGRAM", "#EXT-X-SKIP:SKIPPED-SEGMENTS=2\n#EXT-X-PROGRAM"]]),
	broken("8-2", "a version that nothing needs", "vod", [["VERSION:3", "VERSION:7"]]),
	broken("4.4.6.1-1", "a rendition without a name", "multivariant", [
		['GROUP-ID="sub",NAME="English"', 'GROUP-ID="sub"'],
	]),
	broken("4.4.6.1-2", "default, but not by itself", "multivariant", [
		[/DEFAULT=YES,AUTOSELECT=YES/g, "DEFAULT=YES,AUTOSELECT=NO"],
	]),
	broken("4.4.6.1-3", "subtitles without an address", "multivariant", [[',URI="sub.m3u8"', ""]]),
	broken("4.4.6.1.1-1", "one name twice in a group", "multivariant", [[/NAME="Deutsch"/g, 'NAME="English"']]),
	broken("4.4.6.1.1-2", "two defaults in a group", "multivariant", [[/LANGUAGE="de",/g, 'LANGUAGE="de",DEFAULT=YES,']]),
	broken("4.4.6.1.1-3", "a group that lacks a member", "multivariant", [[/#.*de24.m3u8"\n/, ""]]),
	broken("4.4.6.2-1", "a variant without bandwidth", "multivariant", [["BANDWIDTH=34000,", ""]]),
	broken("4.4.6.2-2", "a variant without an address", "multivariant", [["\nen.m3u8\n", "\n"]]),
	broken("4.4.6.2-3", "a group that is not there", "multivariant", [['AUDIO="lo"', 'AUDIO="middle"']]),
	broken("4.4.6.2-4", "a variant without codecs", "multivariant", [['CODECS="opus",', ""]]),
];

type BrokenChange = {
	readonly rule: RuleId;
	readonly why: string;
	readonly base: keyof typeof GOOD;
	/** Made to both. */
	readonly before?: readonly Edit[];
	readonly after: readonly Edit[];
};
/** The first segment leaves a playlist, as it may. */
const SHIFT: readonly Edit[] = [
	["SEQUENCE:10", "SEQUENCE:11"],
	["#EXT-X-PROGRAM-DATE-TIME:2026-01-01T20:00:40.000Z\n#EXTINF:4.0,\n10.m4s\n", ""],
];
const REPORT = "#EXT-X-RENDITION-REPORT";

export const BROKEN_CHANGES: readonly BrokenChange[] = [
	{ rule: "6.2.1-1", why: "another target duration", base: "event", after: [["DURATION:4", "DURATION:5"]] },
	{
		rule: "6.2.1-2",
		why: "a VOD playlist that grows",
		base: "vod",
		after: [["#EXT-X-ENDLIST", "#EXTINF:1.5,\na3.ts\n#EXT-X-ENDLIST"]],
	},
	{
		rule: "6.2.1-3",
		why: "an EVENT playlist that loses its beginning",
		base: "event",
		after: [
			["SEQUENCE:0", "SEQUENCE:1"],
			[/#EXT-X-PROGRAM.*\n#EXTINF:4.0,\n0.m4s\n/, ""],
		],
	},
	{
		rule: "6.2.1-4",
		why: "an end that is taken back",
		base: "event",
		before: [[/$/, "#EXT-X-ENDLIST\n"]],
		after: [["#EXT-X-ENDLIST\n", ""]],
	},
	{
		rule: "6.2.1-5",
		why: "a segment with another duration",
		base: "event",
		after: [["#EXTINF:4.0,\n2.m4s", "#EXTINF:3.99,\n2.m4s"]],
	},
	{ rule: "6.2.1-5", why: "a segment under another address", base: "event", after: [["2.m4s", "2b.m4s"]] },
	{
		rule: "6.2.1-5",
		why: "a date added to a segment",
		base: "event",
		before: [["#EXT-X-PROGRAM-DATE-TIME:2026-01-01T20:00:04.000Z\n", "#\n"]],
		after: [["#\n", "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T20:00:04.000Z\n"]],
	},
	{
		rule: "6.2.1-5",
		why: "the newest segment gone",
		base: "event",
		after: [[/#EXT-X-PROGRAM\S*\n#EXTINF:4.0,\n3.m4s\n/, ""]],
	},
	{ rule: "6.2.1-6", why: "a part under another address", base: "lowLatency", after: [["12.0.m4s", "12.0b.m4s"]] },
	{ rule: "6.2.1-6", why: "a part gone from the open segment", base: "lowLatency", after: [[/#.*12\.1\.m4s"\n/, ""]] },
	{
		rule: "4.4.5.3-3",
		why: "another part than the hinted one",
		base: "lowLatency",
		after: [[/#EXT-X-PRELOAD.*\n/, '#EXT-X-PART:DURATION=1,URI="12.x.m4s"\n']],
	},
	{
		rule: "4.4.5.3-3",
		why: "another part than the hinted one, in the next segment",
		base: "lowLatency",
		after: [
			[
				/#EXT-X-PRELOAD.*\n/,
				'#EXTINF:2.0,\n12.m4s\n#EXT-X-PROGRAM-DATE-TIME:2026-01-01T20:00:50.000Z\n#EXT-X-PART:DURATION=1,URI="13.0.m4s"\n',
			],
		],
	},
	{
		rule: "6.2.1-11",
		why: "a date range gone too early",
		base: "live",
		before: [],
		after: [[/#EXT-X-DATERANGE:ID="song".*\n#EXT-X-DATERANGE:ID="song".*\n/, ""]],
	},
	{
		rule: "4.4.5.1-4",
		why: "a date range that begins at another time",
		base: "live",
		after: [["20:00:30.000Z", "20:00:31.000Z"]],
	},
	{ rule: "6.2.2-1", why: "a sequence number that goes back", base: "live", after: [["SEQUENCE:10", "SEQUENCE:9"]] },
	{
		rule: "6.2.2-2",
		why: "a segment removed and not counted",
		base: "live",
		before: [[/$/, "#EXTINF:4.0,\n14.m4s\n"]],
		after: [SHIFT[1] as Edit],
	},
	{
		rule: "6.2.2-2",
		why: "a segment counted and not removed",
		base: "live",
		before: [[/$/, "#EXTINF:4.0,\n14.m4s\n"]],
		after: [SHIFT[0] as Edit],
	},
	{
		rule: "6.2.2-3",
		why: "too little left",
		base: "live",
		after: [
			...SHIFT,
			["SEQUENCE:11", "SEQUENCE:12"],
			[/#EXT-X-PROGRAM\S*\n#EXTINF:4.0,\n11.m4s\n/, ""],
		] as readonly Edit[],
	},
	{
		rule: "6.2.2-5",
		why: "a discontinuity removed and not counted",
		base: "live",
		before: [
			[
				"#EXT-X-PROGRAM-DATE-TIME:2026-01-01T20:00:40",
				"#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:2026-01-01T20:00:40",
			],
			[/$/, "#EXTINF:4.0,\n14.m4s\n"],
		],
		after: [["#EXT-X-DISCONTINUITY\n", ""], ...SHIFT],
	},
	{
		rule: "6.2.2-6",
		why: "segments removed from a playlist with a type",
		base: "live",
		before: [[/$/, "#EXTINF:4.0,\n14.m4s\n"]],
		after: [...SHIFT, ["#EXT-X-MAP", "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-MAP"]],
	},
	{
		rule: "6.2.2-7",
		why: "parts removed from the newest on",
		base: "lowLatency",
		before: [[/#EXT-X-PRELOAD.*\n/, "#EXTINF:2.0,\n12.m4s\n"]],
		after: [[/#EXT-X-PART:DURATION=1,URI="12.*\n#EXT-X-PART:DURATION=1,URI="12.*\n/, ""]],
	},
].map((change) => change as BrokenChange);

export const BROKEN_SETS: readonly { readonly rule: RuleId; readonly why: string; readonly edits: readonly Edit[] }[] =
	[
		{ rule: "6.2.4-1", why: "two target durations", edits: [["DURATION:4", "DURATION:5"]] },
		{ rule: "6.2.4-2", why: "one with a type", edits: [["#EXT-X-MAP", "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-MAP"]] },
		{ rule: "6.2.4-3", why: "two hold-backs", edits: [["HOLD-BACK=12", "HOLD-BACK=13"]] },
		{
			rule: "6.2.4-4",
			why: "one without dates",
			edits: [
				[/#EXT-X-PROGRAM.*\n/g, ""],
				[/#EXT-X-DATERANGE.*\n/, ""],
			],
		},
		{ rule: "6.2.4-4", why: "one of which the dates are late", edits: [[/(#EXT-X-PROGRAM.*)000Z/g, "$1200Z"]] },
		{ rule: "6.2.4-5", why: "another date range", edits: [["20:00:30.000Z", "20:00:31.000Z"]] },
		{
			rule: "6.2.4-6",
			why: "another discontinuity sequence",
			edits: [["#EXT-X-MAP", "#EXT-X-DISCONTINUITY-SEQUENCE:1\n#EXT-X-MAP"]],
		},
		{ rule: "B.1-1", why: "no report about the other", edits: [[new RegExp(`${REPORT}.*\\n`), ""]] },
	];
