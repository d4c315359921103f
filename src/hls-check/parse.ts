import type { Report } from "./rules.ts";

export type Attributes = ReadonlyMap<string, string>;
export type Tag = {
	readonly name: string;
	readonly value: string;
	readonly attributes: Attributes;
	readonly line: number;
};

export type Part = {
	readonly uri: string;
	readonly durationS: number;
	readonly independent: boolean;
	readonly gap: boolean;
	readonly line: number;
};
export type Segment = {
	readonly sequence: number;
	readonly discontinuitySequence: number;
	/** Undefined for the one that is still being made: it has parts only. */
	readonly uri: string | undefined;
	readonly durationS: number;
	/** From its own EXT-X-PROGRAM-DATE-TIME. */
	readonly dateMs: number | undefined;
	readonly gap: boolean;
	readonly discontinuity: boolean;
	readonly map: string | undefined;
	readonly hasByteRange: boolean;
	readonly parts: readonly Part[];
	readonly line: number;
};

export type Playlist = {
	readonly url: string;
	readonly lines: readonly string[];
	readonly kind: "multivariant" | "media";
	readonly tags: readonly Tag[];
	/** Of a media playlist, in order; the last may be open. */
	readonly segments: readonly Segment[];
	/** What EXT-X-SKIP stands for. */
	readonly skipped: number;
	readonly mediaSequence: number;
	readonly targetS: number;
	readonly partTargetS: number | undefined;
	readonly serverControl: Attributes | undefined;
	readonly type: "EVENT" | "VOD" | undefined;
	readonly ended: boolean;
	readonly hint: { readonly uri: string; readonly line: number } | undefined;
	/** Of a multivariant playlist: addresses of media playlists, absolute, each once. */
	readonly renditions: readonly string[];
};

type Kind = "integer" | "float" | "signed" | "quoted" | "hex" | "resolution" | readonly string[];
const YES = ["YES"] as const;
const YES_NO = ["YES", "NO"] as const;
/** Attributes by tag (§4.4) whose type is told; others are only read. */
const KINDS: Readonly<Record<string, Readonly<Record<string, Kind>>>> = {
	"EXT-X-START": { "TIME-OFFSET": "signed", PRECISE: YES_NO },
	"EXT-X-DEFINE": {},
	"EXT-X-PART-INF": { "PART-TARGET": "float" },
	"EXT-X-SERVER-CONTROL": {
		"CAN-SKIP-UNTIL": "float",
		"CAN-SKIP-DATERANGES": YES,
		"HOLD-BACK": "float",
		"PART-HOLD-BACK": "float",
		"CAN-BLOCK-RELOAD": YES,
	},
	"EXT-X-KEY": { METHOD: ["NONE", "AES-128", "SAMPLE-AES", "SAMPLE-AES-CTR", "AES-256-GCM"], URI: "quoted", IV: "hex" },
	"EXT-X-MAP": { URI: "quoted", BYTERANGE: "quoted" },
	"EXT-X-PART": { URI: "quoted", DURATION: "float", INDEPENDENT: YES, BYTERANGE: "quoted", GAP: YES },
	"EXT-X-DATERANGE": {
		ID: "quoted",
		CLASS: "quoted",
		"START-DATE": "quoted",
		"END-DATE": "quoted",
		DURATION: "signed",
		"PLANNED-DURATION": "signed",
		"END-ON-NEXT": YES,
	},
	"EXT-X-SKIP": { "SKIPPED-SEGMENTS": "integer", "RECENTLY-REMOVED-DATERANGES": "quoted" },
	"EXT-X-PRELOAD-HINT": { URI: "quoted", "BYTERANGE-START": "integer", "BYTERANGE-LENGTH": "integer" },
	"EXT-X-RENDITION-REPORT": { URI: "quoted", "LAST-MSN": "integer", "LAST-PART": "integer" },
	"EXT-X-MEDIA": {
		TYPE: ["AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS"],
		URI: "quoted",
		"GROUP-ID": "quoted",
		NAME: "quoted",
		LANGUAGE: "quoted",
		DEFAULT: YES_NO,
		AUTOSELECT: YES_NO,
		FORCED: YES_NO,
		CHANNELS: "quoted",
	},
	"EXT-X-STREAM-INF": {
		BANDWIDTH: "integer",
		"AVERAGE-BANDWIDTH": "integer",
		CODECS: "quoted",
		RESOLUTION: "resolution",
		"FRAME-RATE": "float",
		AUDIO: "quoted",
		VIDEO: "quoted",
		SUBTITLES: "quoted",
	},
	"EXT-X-I-FRAME-STREAM-INF": { BANDWIDTH: "integer", URI: "quoted", CODECS: "quoted" },
};

const MULTIVARIANT_TAGS = new Set([
	...["EXT-X-MEDIA", "EXT-X-STREAM-INF", "EXT-X-I-FRAME-STREAM-INF"],
	...["EXT-X-SESSION-DATA", "EXT-X-SESSION-KEY", "EXT-X-CONTENT-STEERING"],
]);
const EITHER_TAGS = new Set(["EXTM3U", "EXT-X-VERSION", "EXT-X-INDEPENDENT-SEGMENTS", "EXT-X-START", "EXT-X-DEFINE"]);
const MEDIA_TAGS =
	/^(?:EXTINF|EXT-X-(?:TARGETDURATION|MEDIA-SEQUENCE|DISCONTINUITY|DISCONTINUITY-SEQUENCE|ENDLIST|PLAYLIST-TYPE|I-FRAMES-ONLY|PART-INF|SERVER-CONTROL|BYTERANGE|KEY|MAP|PROGRAM-DATE-TIME|GAP|BITRATE|PART|DATERANGE|SKIP|PRELOAD-HINT|RENDITION-REPORT))$/;

/**
 * Reads a playlist as far as it can be read, and reports what breaks the rules of its syntax (§4.1, §4.2) or keeps it
 * from being understood.
 */
export function parsePlaylist(text: string, url: string, report: Report): Playlist {
	if (text.startsWith("\uFEFF")) report("4.1-1", 1, "a byte order mark");
	if (text.includes("\uFFFD")) report("4.1-1", lineAt(text, text.indexOf("\uFFFD")), "bytes that are not UTF-8");
	else if (text !== text.normalize("NFC")) report("4.1-1", 0, "text that is not in normalization form C");
	const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
	const tags: Tag[] = [];
	for (const [at, content] of lines.entries()) {
		const line = at + 1;
		const control = /[\0-\x1f\x7f-\x9f]/.exec(content);
		if (control) report("4.1-2", line, `U+${control[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`);
		if (content !== content.trim() && content.trim() !== "") report("4.1-3", line, JSON.stringify(content));
		if (!content.startsWith("#EXT")) continue;
		const colon = content.indexOf(":");
		const name = content.slice(1, colon < 0 ? undefined : colon).trim();
		const value = colon < 0 ? "" : content.slice(colon + 1);
		const attributes = name in KINDS ? readAttributes(name, value, line, report) : new Map();
		tags.push({ name, value, attributes, line });
	}
	if (lines[0]?.trim() !== "#EXTM3U") report("4.4.1.1-1", 1, JSON.stringify(lines[0] ?? ""));
	const multivariant = tags.find(({ name }) => MULTIVARIANT_TAGS.has(name));
	const media = tags.find(({ name }) => !EITHER_TAGS.has(name) && MEDIA_TAGS.test(name));
	if (multivariant && media) {
		report("4.1-4", media.line, `${media.name} beside ${multivariant.name} on line ${multivariant.line}`);
	}
	const kind = multivariant ? "multivariant" : "media";
	const first = (name: string) => tags.find((tag) => tag.name === name);
	const skip = first("EXT-X-SKIP");
	const skipped = integer(skip?.attributes.get("SKIPPED-SEGMENTS")) ?? 0;
	const mediaSequence = integer(first("EXT-X-MEDIA-SEQUENCE")?.value) ?? 0;
	const hint = tags.find(({ name, attributes }) => name === "EXT-X-PRELOAD-HINT" && attributes.get("TYPE") === "PART");
	const type = first("EXT-X-PLAYLIST-TYPE")?.value;
	const playlist = {
		url,
		lines,
		kind,
		tags,
		skipped,
		mediaSequence,
		targetS: integer(first("EXT-X-TARGETDURATION")?.value) ?? 0,
		partTargetS: decimal(first("EXT-X-PART-INF")?.attributes.get("PART-TARGET")),
		serverControl: first("EXT-X-SERVER-CONTROL")?.attributes,
		type: type === "EVENT" || type === "VOD" ? type : undefined,
		ended: first("EXT-X-ENDLIST") !== undefined,
		hint: hint && { uri: absolute(hint.attributes.get("URI") ?? "", url), line: hint.line },
		renditions: [] as string[],
		segments: [] as Segment[],
	} as const;
	if (kind === "multivariant") playlist.renditions.push(...renditionsOf(tags, lines, url));
	else playlist.segments.push(...segmentsOf(playlist, report));
	return playlist;
}

export function absolute(uri: string, base: string): string {
	return URL.parse(uri, base)?.href ?? uri;
}

export function integer(text: string | undefined): number | undefined {
	return text !== undefined && /^[0-9]{1,20}$/.test(text) ? Number(text) : undefined;
}

export function decimal(text: string | undefined): number | undefined {
	return text !== undefined && /^-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)$/.test(text) ? Number(text) : undefined;
}

/** Milliseconds since 1970 of an ISO 8601 date and time; without a zone it is UTC (§4.4.4.6). */
export function dateOf(text: string): number | undefined {
	if (!/^\d{4}-?\d{2}-?\d{2}T\d{2}:?\d{2}/.test(text)) return undefined;
	const zoned = /(?:Z|[+-]\d{2}:?\d{2}|[+-]\d{2})$/.test(text) ? text : `${text}Z`;
	const ms = Date.parse(zoned.replace(/([+-]\d{2})(\d{2})$/, "$1:$2"));
	return Number.isNaN(ms) ? undefined : ms;
}

function readAttributes(tag: string, value: string, line: number, report: Report): Map<string, string> {
	const attributes = new Map<string, string>();
	const kinds = KINDS[tag] ?? {};
	const pair = /([A-Z0-9-]+)=("[^"]*"|[^",\s]+)(,(?=.)|$)/y;
	while (pair.lastIndex < value.length) {
		const at = pair.lastIndex;
		const match = pair.exec(value);
		if (!match) {
			report("4.2-1", line, `${tag}: ${JSON.stringify(value.slice(at))}`);
			break;
		}
		const [, name = "", raw = ""] = match;
		if (attributes.has(name)) report("4.2-2", line, `${name} again`);
		const isQuoted = raw.startsWith('"');
		const content = isQuoted ? raw.slice(1, -1) : raw;
		const kind = kinds[name];
		const mayBeEmpty = name === "RECENTLY-REMOVED-DATERANGES" || tag === "EXT-X-DEFINE";
		if (kind !== undefined && (!isOfKind(content, isQuoted, kind) || (isQuoted && content === "" && !mayBeEmpty))) {
			report("4.2-3", line, `${name}=${raw} where ${typeof kind === "string" ? kind : kind.join(" or ")} belongs`);
		}
		attributes.set(name, content);
	}
	return attributes;
}

function isOfKind(content: string, isQuoted: boolean, kind: Kind): boolean {
	if (kind === "quoted") return isQuoted;
	if (isQuoted) return false;
	switch (kind) {
		case "integer":
			return /^[0-9]{1,20}$/.test(content);
		case "float":
			return /^(?:[0-9]+\.?[0-9]*|\.[0-9]+)$/.test(content);
		case "signed":
			return decimal(content) !== undefined;
		case "hex":
			return /^0[xX][0-9A-Fa-f]+$/.test(content);
		case "resolution":
			return /^[0-9]+x[0-9]+$/.test(content);
		default:
			return kind.includes(content);
	}
}

function renditionsOf(tags: readonly Tag[], lines: readonly string[], url: string): string[] {
	const found = new Set<string>();
	for (const { name, attributes, line } of tags) {
		if (name === "EXT-X-STREAM-INF") {
			const uri = lines.slice(line).find((next) => next !== "" && (!next.startsWith("#") || next.startsWith("#EXT")));
			if (uri && !uri.startsWith("#")) found.add(absolute(uri, url));
		}
		const uri = attributes.get("URI");
		if (name === "EXT-X-MEDIA" && uri && attributes.get("TYPE") !== "SUBTITLES") found.add(absolute(uri, url));
	}
	return [...found];
}

/** The state of reading between two segments. */
type Ahead = {
	durationS: number | undefined;
	infLine: number;
	dateMs: number | undefined;
	gap: boolean;
	discontinuity: boolean;
	byteRange: boolean;
	parts: Part[];
};
const ahead = (): Ahead => ({
	durationS: undefined,
	infLine: 0,
	dateMs: undefined,
	gap: false,
	discontinuity: false,
	byteRange: false,
	parts: [],
});

function segmentsOf(
	playlist: Pick<Playlist, "url" | "lines" | "tags" | "mediaSequence" | "skipped">,
	report: Report,
): Segment[] {
	const { url, lines, tags } = playlist;
	const segments: Segment[] = [];
	const byLine = new Map(tags.map((tag) => [tag.line, tag]));
	let sequence = playlist.mediaSequence;
	let discontinuitySequence = integer(tags.find(({ name }) => name === "EXT-X-DISCONTINUITY-SEQUENCE")?.value) ?? 0;
	let map: string | undefined;
	let next = ahead();
	let lastUri = "";
	const finish = (uri: string | undefined, line: number) => {
		segments.push({
			sequence,
			discontinuitySequence,
			uri: uri && absolute(uri, url),
			durationS: next.durationS ?? next.parts.reduce((sum, part) => sum + part.durationS, 0),
			dateMs: next.dateMs,
			gap: next.gap,
			discontinuity: next.discontinuity,
			map,
			hasByteRange: next.byteRange,
			parts: next.parts,
			line,
		});
		sequence += 1;
		next = ahead();
	};
	for (const [at, content] of lines.entries()) {
		const line = at + 1;
		const tag = byLine.get(line);
		if (!tag) {
			if (content.trim() === "" || content.startsWith("#")) continue;
			if (next.durationS === undefined) report("4.4.4.1-1", line, JSON.stringify(content));
			lastUri = content;
			finish(content, line);
			continue;
		}
		const { name, value, attributes } = tag;
		switch (name) {
			case "EXTINF": {
				const [, seconds] = /^((?:[0-9]+\.?[0-9]*|\.[0-9]+)),/.exec(value) ?? [];
				if (seconds === undefined) report("4.4.4.1-2", line, value);
				if (next.durationS !== undefined) report("4.4.4.1-3", next.infLine, "another EXTINF");
				next.durationS = Number(seconds ?? 0);
				next.infLine = line;
				break;
			}
			case "EXT-X-SKIP":
				sequence += playlist.skipped;
				break;
			case "EXT-X-DISCONTINUITY":
				next.discontinuity = true;
				discontinuitySequence += 1;
				break;
			case "EXT-X-GAP":
				next.gap = true;
				break;
			case "EXT-X-MAP":
				map = absolute(attributes.get("URI") ?? "", url);
				break;
			case "EXT-X-BYTERANGE": {
				const match = /^[0-9]+(@[0-9]+)?$/.exec(value);
				const uri = lines.slice(line).find((other) => other !== "" && !other.startsWith("#"));
				if (!match || (!match[1] && uri !== lastUri)) report("4.4.4.2-1", line, value);
				next.byteRange = true;
				break;
			}
			case "EXT-X-PROGRAM-DATE-TIME":
				next.dateMs = dateOf(value);
				if (next.dateMs === undefined) report("4.4.4.6-1", line, value);
				else if (!/\.\d{3,}(?:Z|[+-]\d{2}:?\d{2}|[+-]\d{2})$/.test(value)) report("4.4.4.6-2", line, value);
				break;
			case "EXT-X-PART":
				next.parts.push({
					uri: absolute(attributes.get("URI") ?? "", url),
					durationS: decimal(attributes.get("DURATION")) ?? 0,
					independent: attributes.get("INDEPENDENT") === "YES",
					gap: attributes.get("GAP") === "YES",
					line,
				});
				break;
		}
		const leads = /^EXT-X-(DISCONTINUITY|KEY|MAP|PROGRAM-DATE-TIME)$/.test(name);
		if (leads && next.parts.length > 0) report("4.4.4.9-4", line, `${name} after part ${next.parts.length - 1}`);
	}
	if (next.durationS !== undefined) report("4.4.4.1-3", next.infLine, "the end of the playlist");
	else if (next.parts.length > 0) finish(undefined, next.parts[0]?.line ?? 0);
	return segments;
}

function lineAt(text: string, index: number): number {
	return text.slice(0, index).split("\n").length;
}
