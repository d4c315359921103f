import { type Attributes, absolute, dateOf, decimal, integer, type Playlist, type Segment, type Tag } from "./parse.ts";
import type { Report, RuleId } from "./rules.ts";

/** Sums of rounded durations may differ by this much. */
export const ROUNDING_S = 0.01;
/** Dates may differ from what durations say by this much per segment. */
const DATE_ROUNDING_MS = 50;

/** Holds one playlist against the rules that need nothing else. */
export function checkPlaylist(playlist: Playlist, report: Report): void {
	checkOnce(playlist, report);
	checkVersion(playlist, report);
	if (playlist.kind === "multivariant") checkMultivariant(playlist, report);
	else checkMedia(playlist, report);
}

const ONCE: Readonly<Record<string, RuleId>> = {
	"EXT-X-VERSION": "4.4.1.2-1",
	"EXT-X-INDEPENDENT-SEGMENTS": "4.4.2-1",
	"EXT-X-START": "4.4.2-1",
	"EXT-X-TARGETDURATION": "4.4.3-1",
	"EXT-X-MEDIA-SEQUENCE": "4.4.3-1",
	"EXT-X-DISCONTINUITY-SEQUENCE": "4.4.3-1",
	"EXT-X-ENDLIST": "4.4.3-1",
	"EXT-X-PLAYLIST-TYPE": "4.4.3-1",
	"EXT-X-I-FRAMES-ONLY": "4.4.3-1",
	"EXT-X-PART-INF": "4.4.3-1",
	"EXT-X-SERVER-CONTROL": "4.4.3-1",
	"EXT-X-SKIP": "4.4.5.2-1",
};
const REQUIRED: Readonly<Record<string, readonly [RuleId, ...string[]]>> = {
	"EXT-X-START": ["4.4.2.2-1", "TIME-OFFSET"],
	"EXT-X-PART-INF": ["4.4.3.7-1", "PART-TARGET"],
	"EXT-X-KEY": ["4.4.4.4-1", "METHOD"],
	"EXT-X-MAP": ["4.4.4.5-1", "URI"],
	"EXT-X-PART": ["4.4.4.9-1", "URI", "DURATION"],
	"EXT-X-DATERANGE": ["4.4.5.1-1", "ID"],
	"EXT-X-SKIP": ["4.4.5.2-1", "SKIPPED-SEGMENTS"],
	"EXT-X-PRELOAD-HINT": ["4.4.5.3-1", "TYPE", "URI"],
	"EXT-X-RENDITION-REPORT": ["4.4.5.4-1", "URI"],
	"EXT-X-MEDIA": ["4.4.6.1-1", "TYPE", "GROUP-ID", "NAME"],
	"EXT-X-STREAM-INF": ["4.4.6.2-1", "BANDWIDTH"],
	"EXT-X-I-FRAME-STREAM-INF": ["4.4.6.2-1", "BANDWIDTH"],
};

function checkOnce({ tags }: Playlist, report: Report): void {
	const seen = new Map<string, number>();
	for (const { name, attributes, line } of tags) {
		const before = seen.get(name);
		const once = ONCE[name];
		if (once && before !== undefined) report(once, line, `${name}, as on line ${before}`);
		seen.set(name, line);
		const [rule, ...required] = REQUIRED[name] ?? [];
		const missing = required.filter((attribute) => !attributes.has(attribute));
		if (rule && missing.length > 0) report(rule, line, `no ${missing.join(", no ")}`);
	}
	checkDefines(tags, report);
}

function checkDefines(tags: readonly Tag[], report: Report): void {
	const names = new Set<string>();
	for (const { name, attributes, line } of tags) {
		if (name !== "EXT-X-DEFINE") continue;
		const kinds = ["NAME", "IMPORT", "QUERYPARAM"].filter((kind) => attributes.has(kind));
		const variable = attributes.get(kinds[0] ?? "") ?? "";
		if (kinds.length !== 1) report("4.4.2.3-1", line, kinds.join(" and ") || "none of them");
		else if (kinds[0] === "NAME" && !attributes.has("VALUE")) report("4.4.2.3-1", line, "no VALUE");
		else if (names.has(variable)) report("4.4.2.3-1", line, `${variable} again`);
		names.add(variable);
	}
}

/** §8. */
function checkVersion({ tags, lines, kind }: Playlist, report: Report): void {
	const tag = tags.find(({ name }) => name === "EXT-X-VERSION");
	const version = tag ? integer(tag.value) : 1;
	if (version === undefined) return report("4.4.1.2-2", tag?.line ?? 0, tag?.value ?? "");
	let needed = 1;
	let because = "nothing";
	const needs = (least: number, what: string) => {
		if (least > needed) [needed, because] = [least, what];
	};
	const isIFrames = tags.some(({ name }) => name === "EXT-X-I-FRAMES-ONLY");
	for (const { name, value, attributes } of tags) {
		if (name === "EXTINF" && /^[0-9]*\./.test(value)) needs(3, "EXTINF with a fraction");
		if (name === "EXT-X-BYTERANGE" || name === "EXT-X-I-FRAMES-ONLY") needs(4, name);
		if (name === "EXT-X-MAP") needs(isIFrames ? 5 : 6, name);
		if (name === "EXT-X-KEY" && attributes.has("IV")) needs(2, "IV");
		if (name === "EXT-X-KEY" && (attributes.has("KEYFORMAT") || attributes.get("METHOD") === "SAMPLE-AES"))
			needs(5, "KEYFORMAT or SAMPLE-AES");
		if (name === "EXT-X-DEFINE") needs(attributes.has("QUERYPARAM") ? 11 : 8, name);
		if (name === "EXT-X-SKIP") needs(attributes.has("RECENTLY-REMOVED-DATERANGES") ? 10 : 9, name);
		if ([...attributes.keys()].some((key) => key.startsWith("REQ-"))) needs(12, "REQ-");
	}
	if (lines.some((line) => /\{\$[A-Za-z0-9_-]+\}/.test(line))) needs(8, "a variable");
	if (version < needed) report("8-1", tag?.line ?? 1, `version ${version}; ${because} needs ${needed}`);
	// §8 lets a multivariant playlist with EXT-X-MEDIA say 4, to keep very old clients away.
	if (version > Math.max(needed, kind === "multivariant" ? 4 : 1)) {
		report(
			"8-2",
			tag?.line ?? 0,
			`version ${version}; ${needed === 1 ? "nothing needs more than 1" : `${because} needs ${needed}`}`,
		);
	}
}

function checkMultivariant({ tags, lines }: Playlist, report: Report): void {
	const groups = new Map<string, Tag[]>();
	for (const tag of tags) {
		if (tag.name !== "EXT-X-MEDIA") continue;
		const { attributes, line } = tag;
		const type = attributes.get("TYPE");
		const key = `${type} ${attributes.get("GROUP-ID")}`;
		const group = groups.get(key) ?? [];
		groups.set(key, group);
		if (group.some((other) => other.attributes.get("NAME") === attributes.get("NAME"))) {
			report("4.4.6.1.1-1", line, `NAME=${JSON.stringify(attributes.get("NAME"))} again in ${key}`);
		}
		const isDefault = attributes.get("DEFAULT") === "YES";
		if (isDefault && group.some((other) => other.attributes.get("DEFAULT") === "YES")) {
			report("4.4.6.1.1-2", line, `another DEFAULT=YES in ${key}`);
		}
		if (isDefault && attributes.get("AUTOSELECT") === "NO") report("4.4.6.1-2", line, "AUTOSELECT=NO");
		if (type === "SUBTITLES" && !attributes.has("URI")) report("4.4.6.1-3", line, "SUBTITLES without URI");
		if (type === "CLOSED-CAPTIONS" && (attributes.has("URI") || !attributes.has("INSTREAM-ID"))) {
			report("4.4.6.1-3", line, attributes.has("URI") ? "CLOSED-CAPTIONS with URI" : "no INSTREAM-ID");
		}
		group.push(tag);
	}
	const byType = new Map<string, readonly Tag[]>();
	const members = (group: readonly Tag[]) => group.map(({ attributes }) => memberOf(attributes)).sort();
	for (const [key, group] of groups) {
		const type = key.split(" ")[0] as string;
		const first = byType.get(type);
		if (!first) byType.set(type, group);
		else if (members(first).join() !== members(group).join()) {
			report(
				"4.4.6.1.1-3",
				group[0]?.line ?? 0,
				`${members(group).join()} where the first group has ${members(first).join()}`,
			);
		}
	}
	for (const { name, attributes, line } of tags) {
		if (name !== "EXT-X-STREAM-INF") continue;
		const next = lines
			.slice(line)
			.find((other) => other !== "" && (!other.startsWith("#") || other.startsWith("#EXT")));
		if (next === undefined || next.startsWith("#")) report("4.4.6.2-2", line, next ?? "the end of the playlist");
		for (const type of ["AUDIO", "VIDEO", "SUBTITLES"]) {
			const id = attributes.get(type);
			if (id !== undefined && !groups.has(`${type} ${id}`)) report("4.4.6.2-3", line, `${type}=${JSON.stringify(id)}`);
		}
		if (!attributes.has("CODECS")) report("4.4.6.2-4", line, "no CODECS");
	}
}

/** What must be the same in each group (§4.4.6.1.1). */
function memberOf(attributes: Attributes): string {
	const own = ["URI", "CHANNELS", "BIT-DEPTH", "STABLE-RENDITION-ID", "INSTREAM-ID", "SAMPLE-RATE", "GROUP-ID"];
	const same = [...attributes].filter(([name]) => !own.includes(name)).sort();
	return same.map(([name, value]) => `${name}=${value}`).join(" ");
}

function checkMedia(playlist: Playlist, report: Report): void {
	const { tags, segments, targetS, ended } = playlist;
	const target = tags.find(({ name }) => name === "EXT-X-TARGETDURATION");
	if (targetS < 1) report("4.4.3.1-1", target?.line ?? 0, target ? target.value : "none");
	const firstLine = firstMediaLine(playlist);
	for (const { name, value, attributes, line } of tags) {
		if (name === "EXT-X-MEDIA-SEQUENCE" && (line > firstLine || integer(value) === undefined)) {
			report("4.4.3.2-1", line, line > firstLine ? "it after the first segment" : value);
		}
		if (name === "EXT-X-DISCONTINUITY-SEQUENCE") {
			const early = tags.find((tag) => tag.name === "EXT-X-DISCONTINUITY" && tag.line < line);
			if (line > firstLine || early)
				report("4.4.3.3-1", line, `it after ${early ? "EXT-X-DISCONTINUITY" : "a segment"}`);
		}
		if (name === "EXT-X-PLAYLIST-TYPE" && playlist.type === undefined) report("4.4.3.5-1", line, value);
		if (name === "EXT-X-KEY" && attributes.get("METHOD") !== "NONE" && !attributes.has("URI")) {
			report("4.4.4.4-1", line, `METHOD=${attributes.get("METHOD")} without URI`);
		}
		const range = attributes.get("BYTERANGE");
		if (name === "EXT-X-MAP" && range !== undefined && !/^\d+@\d+$/.test(range)) report("4.4.4.5-1", line, range);
		if (name === "EXT-X-PRELOAD-HINT" && ended) report("4.4.5.3-2", line, "a hint in a playlist that has ended");
		if (name === "EXT-X-RENDITION-REPORT" && /^[a-z][a-z0-9+.-]*:/i.test(attributes.get("URI") ?? "")) {
			report("4.4.5.4-1", line, attributes.get("URI") ?? "");
		}
		if (name === "EXT-X-START") checkStart(playlist, attributes, line, report);
	}
	const hints = tags.filter(({ name }) => name === "EXT-X-PRELOAD-HINT");
	for (const type of ["PART", "MAP"]) {
		const [, second] = hints.filter(({ attributes }) => attributes.get("TYPE") === type);
		if (second) report("6.2.6-3", second.line, `a second hint of TYPE=${type}`);
	}
	for (const segment of segments) {
		if (segment.uri !== undefined && Math.round(segment.durationS) > targetS && targetS >= 1) {
			report("4.4.3.1-2", segment.line, `${segment.durationS} s with a target of ${targetS}`);
		}
	}
	checkServerControl(playlist, report);
	checkParts(playlist, report);
	checkDates(segments, report);
	checkDateRanges(playlist, report);
}

function firstMediaLine({ segments }: Playlist): number {
	const first = segments[0];
	return first ? Math.min(first.line, first.parts[0]?.line ?? first.line) : Number.POSITIVE_INFINITY;
}

function checkStart(playlist: Playlist, attributes: Attributes, line: number, report: Report): void {
	const offsetS = decimal(attributes.get("TIME-OFFSET"));
	if (offsetS === undefined || playlist.skipped > 0) return;
	const durationS = playlist.segments.reduce((sum, segment) => sum + segment.durationS, 0);
	const fromEndS = offsetS < 0 ? -offsetS : durationS - offsetS;
	if (Math.abs(offsetS) > durationS || (!playlist.ended && fromEndS < 3 * playlist.targetS)) {
		report("4.4.2.2-2", line, `${offsetS} s in a playlist of ${durationS.toFixed(2)} s`);
	}
}

function checkServerControl({ tags, serverControl, targetS, partTargetS }: Playlist, report: Report): void {
	const inf = tags.find(({ name }) => name === "EXT-X-PART-INF");
	const line = tags.find(({ name }) => name === "EXT-X-SERVER-CONTROL")?.line ?? inf?.line ?? 0;
	const value = (name: string) => decimal(serverControl?.get(name));
	const skipS = value("CAN-SKIP-UNTIL");
	const holdBackS = value("HOLD-BACK");
	const partHoldBackS = value("PART-HOLD-BACK");
	if (skipS !== undefined && skipS < 6 * targetS) report("4.4.3.8-1", line, `${skipS} s with a target of ${targetS}`);
	if (serverControl?.has("CAN-SKIP-DATERANGES") && skipS === undefined) report("4.4.3.8-2", line, "no CAN-SKIP-UNTIL");
	if (holdBackS !== undefined && holdBackS < 3 * targetS)
		report("4.4.3.8-3", line, `${holdBackS} s with a target of ${targetS}`);
	if (!inf || partTargetS === undefined) return;
	if (partHoldBackS === undefined) report("4.4.3.8-4", line, "none");
	else if (partHoldBackS < 2 * partTargetS)
		report("4.4.3.8-5", line, `${partHoldBackS} s with a part target of ${partTargetS}`);
	else if (partHoldBackS < 3 * partTargetS - 1e-9)
		report("4.4.3.8-6", line, `${partHoldBackS} s with a part target of ${partTargetS}`);
}

function checkParts({ segments, partTargetS, targetS, ended, tags }: Playlist, report: Report): void {
	const listed = segments.find(({ parts }) => parts.length > 0);
	if (!listed) return;
	if (!tags.some(({ name }) => name === "EXT-X-PART-INF")) report("4.4.3.7-1", listed.parts[0]?.line ?? 0, "none");
	let fromEndS = 0;
	for (const { uri, durationS, parts } of segments.toReversed()) {
		let partsS = 0;
		for (const [nth, part] of parts.entries()) {
			partsS += part.durationS;
			const next = parts[nth + 1];
			if (partTargetS !== undefined && part.durationS > partTargetS + 1e-6) {
				report("4.4.4.9-2", part.line, `${part.durationS} s with a part target of ${partTargetS}`);
			}
			const isExcepted = part.independent || part.gap || next?.gap || (next === undefined && uri !== undefined);
			// The last of an open segment may be its final one.
			const mayBeFinal = next === undefined && uri === undefined;
			if (partTargetS !== undefined && !isExcepted && !mayBeFinal && part.durationS < 0.85 * partTargetS) {
				report("4.4.4.9-3", part.line, `${part.durationS} s with a part target of ${partTargetS}`);
			}
		}
		if (uri !== undefined && parts.length > 0 && Math.abs(partsS - durationS) > ROUNDING_S) {
			report("3.2-1", parts[0]?.line ?? 0, `parts of ${partsS.toFixed(5)} s, a segment of ${durationS.toFixed(5)} s`);
		}
		fromEndS += durationS;
		if (!ended && parts.length > 0 && fromEndS - (parts[0]?.durationS ?? 0) > 3 * targetS) {
			report("6.2.2-4", parts[0]?.line ?? 0, `a part that begins ${fromEndS.toFixed(2)} s from the end`);
		}
	}
}

function checkDates(segments: readonly Segment[], report: Report): void {
	let expectedMs: number | undefined;
	for (const { dateMs, durationS, discontinuity, line } of segments) {
		if (discontinuity) expectedMs = undefined;
		if (dateMs !== undefined && expectedMs !== undefined) {
			const offMs = Math.round(dateMs - expectedMs);
			// "The Server MAY introduce small (sub-second) overlaps to account for drift."
			if (Math.abs(offMs) >= 1_000) report("6.2.1-9", line, `${offMs} ms away`);
			else if (Math.abs(offMs) > DATE_ROUNDING_MS) report("6.2.1-10", line, `${offMs} ms away`);
		}
		const fromMs = dateMs ?? expectedMs;
		expectedMs = fromMs === undefined ? undefined : fromMs + durationS * 1_000;
	}
}

/** Date ranges by ID, the attributes of all their tags together. */
export function dateRangesOf({ tags }: Playlist): Map<string, Map<string, string>> {
	const ranges = new Map<string, Map<string, string>>();
	for (const { name, attributes } of tags) {
		const id = attributes.get("ID");
		if (name !== "EXT-X-DATERANGE" || id === undefined) continue;
		ranges.set(id, new Map([...(ranges.get(id) ?? []), ...attributes]));
	}
	return ranges;
}

function checkDateRanges({ tags, skipped }: Playlist, report: Report): void {
	const known = new Map<string, Map<string, string>>();
	for (const { name, attributes, line } of tags) {
		if (name !== "EXT-X-DATERANGE") continue;
		const id = attributes.get("ID") ?? "";
		const before = known.get(id);
		if (!before && !attributes.has("START-DATE")) report("4.4.5.1-1", line, "no START-DATE");
		for (const [key, value] of attributes) {
			const earlier = before?.get(key);
			if (earlier !== undefined && earlier !== value) report("4.4.5.1-4", line, `${key}=${value}, before ${earlier}`);
		}
		const all = new Map([...(before ?? []), ...attributes]);
		known.set(id, all);
		const date = (key: string) => {
			const text = all.get(key);
			const ms = text === undefined ? undefined : dateOf(text);
			if (text !== undefined && ms === undefined && attributes.has(key)) report("4.4.5.1-8", line, `${key}=${text}`);
			return ms;
		};
		const startMs = date("START-DATE");
		const endMs = date("END-DATE");
		const durationS = decimal(all.get("DURATION"));
		if (startMs !== undefined && endMs !== undefined && endMs < startMs) {
			report("4.4.5.1-2", line, `${all.get("END-DATE")} and ${all.get("START-DATE")}`);
		}
		if (Math.min(durationS ?? 0, decimal(all.get("PLANNED-DURATION")) ?? 0) < 0)
			report("4.4.5.1-3", line, "less than 0");
		if (durationS !== undefined && startMs !== undefined && endMs !== undefined) {
			if (Math.abs(startMs + durationS * 1_000 - endMs) > 1)
				report("4.4.5.1-6", line, `${durationS} s to ${all.get("END-DATE")}`);
		}
		if (all.has("END-ON-NEXT") && (!all.has("CLASS") || all.has("DURATION") || all.has("END-DATE"))) {
			report("4.4.5.1-7", line, all.has("CLASS") ? "an end of its own" : "no CLASS");
		}
	}
	const first = tags.find(({ name }) => name === "EXT-X-DATERANGE");
	if (first && skipped === 0 && !tags.some(({ name }) => name === "EXT-X-PROGRAM-DATE-TIME")) {
		report("4.4.5.1-5", first.line, "no EXT-X-PROGRAM-DATE-TIME");
	}
}

/**
 * Holds the media playlists of one multivariant playlist against each other (§6.2.4).
 *
 * @param report is told the address of the playlist at fault.
 */
export function checkTogether(
	playlists: readonly Playlist[],
	report: (url: string, rule: RuleId, found: string) => void,
): void {
	const [first, ...others] = playlists;
	if (!first) return;
	const controlOf = ({ serverControl }: Playlist) =>
		serverControl
			? [...serverControl]
					.map(([name, value]) => `${name}=${value}`)
					.sort()
					.join(",")
			: "none";
	const rangesOf = (playlist: Playlist) =>
		[...dateRangesOf(playlist)].map(([id, attributes]) => `${id}:${[...attributes].sort().join(";")}`).sort();
	const dated = (playlist: Playlist) => playlist.segments.some(({ dateMs }) => dateMs !== undefined);
	for (const other of others) {
		const differs = (rule: RuleId, found: string) => report(other.url, rule, `${found} in ${first.url}`);
		if (other.targetS !== first.targetS) differs("6.2.4-1", `${other.targetS} s, ${first.targetS} s`);
		if (other.type !== first.type) differs("6.2.4-2", `${other.type ?? "none"}, ${first.type ?? "none"}`);
		if (controlOf(other) !== controlOf(first)) differs("6.2.4-3", `${controlOf(other)}, ${controlOf(first)}`);
		if (dated(other) !== dated(first)) differs("6.2.4-4", dated(other) ? "dates, none" : "no dates, dates");
		const [mine, theirs] = [rangesOf(other), rangesOf(first)];
		if (mine.length > 0 && theirs.length > 0) {
			// One of them may be a moment older.
			const odd = mine.filter((range) => !theirs.includes(range));
			if (odd.length > 0 && mine.length <= theirs.length) differs("6.2.4-5", `${odd.join()}, ${theirs.join()}`);
		}
		for (const { sequence, dateMs, discontinuitySequence } of other.segments) {
			const same = first.segments.find((segment) => segment.sequence === sequence);
			if (!same) continue;
			// Sequence numbers need not match (§4.4.3.2): only where dates say that this is the same content.
			const isSame = dateMs !== undefined && same.dateMs !== undefined && Math.abs(dateMs - same.dateMs) < 1_000;
			if (isSame && Math.abs(dateMs - (same.dateMs ?? 0)) > DATE_ROUNDING_MS) {
				differs(
					"6.2.4-4",
					`segment ${sequence} at ${new Date(dateMs).toISOString()}, ${new Date(same.dateMs ?? 0).toISOString()}`,
				);
				break;
			}
			if (isSame && discontinuitySequence !== same.discontinuitySequence) {
				differs("6.2.4-6", `segment ${sequence}: ${discontinuitySequence}, ${same.discontinuitySequence}`);
				break;
			}
		}
		const reports = (playlist: Playlist, about: string) =>
			playlist.tags.some(
				({ name, attributes }) =>
					name === "EXT-X-RENDITION-REPORT" && absolute(attributes.get("URI") ?? "", playlist.url) === about,
			);
		for (const [from, about] of [
			[other, first.url],
			[first, other.url],
		] as const) {
			if (from.partTargetS !== undefined && !from.ended && !reports(from, about))
				report(from.url, "B.1-1", `none about ${about}`);
		}
	}
}
