/**
 * What a playlist and its server must do, numbered after the sections of draft-pantos-hls-rfc8216bis-22 and counted
 * within them. `must`: playback can fail; `should`: recommended, or a tolerance of ours.
 */
export const RULES = {
	"3.2-1": ["must", "a segment's parts last as long as the segment"],
	"3.2-2": ["must", "a segment's parts hold the same samples, at the same times, as the segment"],
	"4-1": ["must", "the address ends in .m3u8 or .m3u, or the type is application/vnd.apple.mpegurl or audio/mpegurl"],
	"4.1-1": ["must", "UTF-8 without a byte order mark, in normalization form C"],
	"4.1-2": ["must", "no control characters but CR and LF"],
	"4.1-3": ["must", "no whitespace at the beginning or the end of a line"],
	"4.1-4": ["must", "tags of a multivariant playlist and of a media playlist in different files"],
	"4.2-1": ["must", "an attribute list: NAME=value pairs with commas between, no whitespace"],
	"4.2-2": ["must", "each attribute once"],
	"4.2-3": ["must", "a value of the attribute's type"],
	"4.4.1.1-1": ["must", "#EXTM3U as the first line"],
	"4.4.1.2-1": ["must", "EXT-X-VERSION once"],
	"4.4.1.2-2": ["must", "EXT-X-VERSION as a decimal integer"],
	"4.4.2-1": ["must", "EXT-X-INDEPENDENT-SEGMENTS and EXT-X-START once"],
	"4.4.2.2-1": ["must", "EXT-X-START with TIME-OFFSET"],
	"4.4.2.2-2": ["should", "TIME-OFFSET inside the playlist and, while live, three target durations from its end"],
	"4.4.2.3-1": ["must", "EXT-X-DEFINE with exactly one of NAME (and VALUE), IMPORT and QUERYPARAM, each variable once"],
	"4.4.3-1": ["must", "each tag of the whole media playlist once"],
	"4.4.3.1-1": ["must", "EXT-X-TARGETDURATION, a decimal integer of at least 1"],
	"4.4.3.1-2": ["must", "no EXTINF that, rounded, exceeds the target duration"],
	"4.4.3.2-1": ["must", "EXT-X-MEDIA-SEQUENCE before the first segment, a decimal integer"],
	"4.4.3.3-1": ["must", "EXT-X-DISCONTINUITY-SEQUENCE before the first segment and any EXT-X-DISCONTINUITY"],
	"4.4.3.5-1": ["must", "EXT-X-PLAYLIST-TYPE of EVENT or VOD"],
	"4.4.3.7-1": ["must", "EXT-X-PART-INF with PART-TARGET where there is an EXT-X-PART"],
	"4.4.3.8-1": ["must", "CAN-SKIP-UNTIL of at least six target durations"],
	"4.4.3.8-2": ["must", "CAN-SKIP-UNTIL where there is CAN-SKIP-DATERANGES"],
	"4.4.3.8-3": ["must", "HOLD-BACK of at least three target durations"],
	"4.4.3.8-4": ["must", "PART-HOLD-BACK where there is EXT-X-PART-INF"],
	"4.4.3.8-5": ["must", "PART-HOLD-BACK of at least two part targets"],
	"4.4.3.8-6": ["should", "PART-HOLD-BACK of at least three part targets"],
	"4.4.4.1-1": ["must", "EXTINF before each segment"],
	"4.4.4.1-2": ["must", "EXTINF as a number of seconds, then a comma"],
	"4.4.4.1-3": ["must", "a segment after each EXTINF"],
	"4.4.4.1-4": ["should", "EXTINF that says how long the segment's samples last"],
	"4.4.4.2-1": ["must", "EXT-X-BYTERANGE as <n>[@<o>], with <o> unless the segment before is of the same file"],
	"4.4.4.4-1": ["must", "EXT-X-KEY with METHOD, and with URI unless that is NONE"],
	"4.4.4.5-1": ["must", "EXT-X-MAP with URI, and a BYTERANGE with an offset"],
	"4.4.4.6-1": ["must", "EXT-X-PROGRAM-DATE-TIME as an ISO 8601 date and time"],
	"4.4.4.6-2": ["should", "a date with time zone and milliseconds"],
	"4.4.4.9-1": ["must", "EXT-X-PART with URI and DURATION"],
	"4.4.4.9-2": ["must", "no part longer than the part target"],
	"4.4.4.9-3": [
		"must",
		"a part that is not independent, a gap, before one or the last of 85 % of the part target at least",
	],
	"4.4.4.9-4": ["must", "a segment's EXT-X-DISCONTINUITY, -KEY, -MAP and -PROGRAM-DATE-TIME before its first part"],
	"4.4.4.9-5": ["should", "DURATION that says how long the part's samples last"],
	"4.4.5.1-1": ["must", "EXT-X-DATERANGE with ID, and START-DATE where that ID comes first"],
	"4.4.5.1-2": ["must", "END-DATE not before START-DATE"],
	"4.4.5.1-3": ["must", "no negative DURATION or PLANNED-DURATION"],
	"4.4.5.1-4": ["must", "the same value wherever an attribute of one ID appears"],
	"4.4.5.1-5": ["must", "EXT-X-PROGRAM-DATE-TIME where there is a date range"],
	"4.4.5.1-6": ["must", "END-DATE equal to START-DATE plus DURATION"],
	"4.4.5.1-7": ["must", "CLASS, and neither DURATION nor END-DATE, beside END-ON-NEXT"],
	"4.4.5.1-8": ["must", "dates as ISO 8601"],
	"4.4.5.2-1": ["must", "EXT-X-SKIP once, with SKIPPED-SEGMENTS"],
	"4.4.5.3-1": ["must", "EXT-X-PRELOAD-HINT with TYPE and URI"],
	"4.4.5.3-2": ["must", "no EXT-X-PRELOAD-HINT beside EXT-X-ENDLIST"],
	"4.4.5.3-3": ["must", "the hinted part, under the address of the hint, as the next one"],
	"4.4.5.4-1": ["must", "EXT-X-RENDITION-REPORT with a relative URI"],
	"4.4.5.4-2": ["must", "LAST-MSN and LAST-PART of the newest part of the other rendition"],
	"4.4.6.1-1": ["must", "EXT-X-MEDIA with TYPE, GROUP-ID and NAME"],
	"4.4.6.1-2": ["must", "AUTOSELECT of YES, if any, where DEFAULT is YES"],
	"4.4.6.1-3": ["must", "URI with SUBTITLES, and none with CLOSED-CAPTIONS, which have INSTREAM-ID"],
	"4.4.6.1.1-1": ["must", "different names within a group"],
	"4.4.6.1.1-2": ["must", "one DEFAULT of YES in a group at most"],
	"4.4.6.1.1-3": ["must", "the same members in each group of a type"],
	"4.4.6.2-1": ["must", "EXT-X-STREAM-INF with BANDWIDTH"],
	"4.4.6.2-2": ["must", "an address on the line after EXT-X-STREAM-INF"],
	"4.4.6.2-3": ["must", "groups that an EXT-X-MEDIA of that type defines"],
	"4.4.6.2-4": ["should", "CODECS"],
	"6.2.1-1": ["must", "the target duration of before"],
	"6.2.1-2": ["must", "a VOD playlist that does not change"],
	"6.2.1-3": ["must", "an EVENT playlist that loses nothing"],
	"6.2.1-4": ["must", "EXT-X-ENDLIST once it was there"],
	"6.2.1-5": ["must", "the segments of before, unchanged"],
	"6.2.1-6": ["must", "the parts of before, unchanged"],
	"6.2.1-7": ["must", "a new segment within 1.5 target durations"],
	"6.2.1-8": ["must", "a new part within one part target (here: 0.25 s more)"],
	"6.2.1-9": ["must", "a date within a second of the one before plus that segment's duration"],
	"6.2.1-10": [
		"should",
		"dates that follow from the durations and go with the clock, within 50 ms per segment and 1 s in all",
	],
	"6.2.1-11": ["must", "a date range as long as it reaches into the playlist"],
	"6.2.1-12": ["must", "segments and parts that can be loaded at once"],
	"6.2.1-13": ["should", "playlists compressed with gzip for who accepts that"],
	"6.2.2-1": ["must", "EXT-X-MEDIA-SEQUENCE that never goes back"],
	"6.2.2-2": ["must", "EXT-X-MEDIA-SEQUENCE that grows by the segments removed"],
	"6.2.2-3": ["must", "three target durations left after a removal"],
	"6.2.2-4": ["should", "no part further than three target durations from the end"],
	"6.2.2-5": ["must", "each segment's discontinuity sequence number of before"],
	"6.2.2-6": ["must", "no EXT-X-PLAYLIST-TYPE where segments are removed"],
	"6.2.2-7": ["must", "parts removed from the oldest on"],
	"6.2.4-1": ["must", "the same target duration in all renditions"],
	"6.2.4-2": ["must", "the same EXT-X-PLAYLIST-TYPE in all renditions"],
	"6.2.4-3": ["must", "EXT-X-SERVER-CONTROL with the same attributes in all renditions"],
	"6.2.4-4": ["must", "dates in all renditions or in none, and the same for the same content"],
	"6.2.4-5": ["must", "the same date ranges in all renditions that have any"],
	"6.2.4-6": ["must", "the same discontinuity sequence numbers in all renditions"],
	"6.2.5.1-1": ["must", "a delta update for _HLS_skip=YES"],
	"6.2.5.1-2": ["must", "a delta update that, put together with what was known, is the playlist"],
	"6.2.5.1-3": ["must", "nothing skipped that is nearer to the end than CAN-SKIP-UNTIL"],
	"6.2.5.2-1": ["must", "an answer that holds what _HLS_msn and _HLS_part name"],
	"6.2.5.2-2": ["must", "400 for _HLS_part without _HLS_msn"],
	"6.2.5.2-3": ["should", "400 at once for what is too far ahead"],
	"6.2.5.2-4": ["must", "part 0 of the next segment for a part index beyond the last"],
	"6.2.5.2-5": ["must", "the whole playlist at once for a segment of the past"],
	"6.2.6-1": ["must", "the hinted part when it exists, all of it"],
	"6.2.6-2": ["should", "404 for a part that is neither there nor hinted"],
	"6.2.6-3": ["should", "one EXT-X-PRELOAD-HINT of a TYPE"],
	"8-1": ["must", "EXT-X-VERSION of what the playlist contains at least"],
	"8-2": ["should", "EXT-X-VERSION of no more than what the playlist contains"],
	"B.1-1": ["should", "an EXT-X-RENDITION-REPORT for each other playlist of a low-latency stream"],
} as const satisfies Record<string, readonly ["must" | "should", string]>;
export type RuleId = keyof typeof RULES;

/** One rule that is not kept, at one place. */
export type Finding = {
	readonly rule: RuleId;
	readonly url: string;
	/** Counted from 1; 0 when it is not about one line. */
	readonly line: number;
	readonly found: string;
};

export type Report = (rule: RuleId, line: number, found: string) => void;

/** Lines for people, one finding each: rule, place, what is wanted, what was found. */
export function describe({ rule, url, line, found }: Finding): string {
	const [level, wanted] = RULES[rule];
	const place = line > 0 ? `${url} line ${line}` : url;
	return `${level === "must" ? "error  " : "warning"} ${rule.padEnd(11)} ${place}\n          wanted: ${wanted}\n          found:  ${found}`;
}
