import { type HeardReport, LANGUAGES, type Language, readHeardReport, type TrackName } from "#wire/index.ts";
import type { Form } from "./forms.ts";
import type { Burst } from "./listeners.ts";
import { isTrackName, PLAYLIST_KINDS, type PlaylistKind } from "./playlist.ts";
import { type Directives, NO_DIRECTIVES, readDirectives } from "./playlist-ll.ts";

/** What an address of the public door means. Addresses are compared as sent: nothing is decoded and no dot segment is resolved. */
export type Route =
	| { readonly kind: "front"; readonly language: Language | undefined }
	| { readonly kind: "page"; readonly slug: string; readonly language: Language | undefined }
	| { readonly kind: "redirect"; readonly location: string }
	| { readonly kind: "state"; readonly slug: string }
	/** A token for an id of the client's choice. */
	| { readonly kind: "token"; readonly slug: string; readonly id: string }
	/** What a player says it heard. */
	| { readonly kind: "heard"; readonly slug: string; readonly report: HeardReport }
	| {
			readonly kind: "push";
			readonly slug: string;
			readonly form: Form;
			readonly burst: Burst;
			/** For players that cannot send header fields. */
			readonly token?: string;
	  }
	| { readonly kind: "multivariant"; readonly slug: string; readonly list: "now" | "whole" | "low_latency" }
	| { readonly kind: "playlist"; readonly slug: string; readonly track: TrackName; readonly playlist: PlaylistKind }
	| {
			readonly kind: "low_latency";
			readonly slug: string;
			readonly track: TrackName;
			readonly directives: Directives;
	  }
	| { readonly kind: "init"; readonly slug: string; readonly pathKey: string; readonly track: TrackName }
	| {
			readonly kind: "segment";
			readonly slug: string;
			readonly pathKey: string;
			readonly track: TrackName;
			readonly sequence: number;
	  }
	| {
			readonly kind: "part";
			readonly slug: string;
			readonly pathKey: string;
			readonly track: TrackName;
			readonly part: number;
	  }
	| {
			readonly kind: "recording";
			readonly slug: string;
			readonly extension: "m4a" | "ogg" | "mp3";
			readonly download: boolean;
	  }
	| { readonly kind: "asset"; readonly path: string }
	/** Handed to node:http unread. */
	| { readonly kind: "cold" }
	| { readonly kind: "unknown" }
	/** A query value that cannot be read; `detail` says which. */
	| { readonly kind: "malformed"; readonly detail: string };

const SLUG = "([a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?)";
const PAGE = new RegExp(`^/i/${SLUG}(/?)$`);
const FILE = new RegExp(`^/i/${SLUG}/([a-z0-9]+\\.[a-z0-9]+)$`);
const TOKEN = new RegExp(`^/i/${SLUG}/token$`);
const HEARD = new RegExp(`^/i/${SLUG}/heard$`);
const HLS_NAME = /^\/i\/[^/]*\/hls\//;
const HLS_PLAYLIST = new RegExp(`^/i/${SLUG}/hls/([a-z0-9]+)(?:/([a-z0-9]+))?\\.m3u8$`);
const HLS_MEDIA = new RegExp(
	`^/i/${SLUG}/hls/([A-Za-z0-9_-]{1,64})/([a-z0-9]+)/(?:(init)\\.mp4|(p?)(0|[1-9][0-9]{0,7})\\.m4s)$`,
);
const NO_QUERY = new URLSearchParams();
const UNKNOWN: Route = { kind: "unknown" };
/** Addresses of HLS read last: everybody asks for the same part at the same time. Some 100 bytes each; 2 KB at most. */
const RECENT_MAX = 256;
const recent = new Map<string, Route>();

/**
 * Reads a request target. Query parameters that an address does not know are ignored, so that a link with a
 * tracking parameter still works; a known one with an unreadable value is refused.
 */
export function routeOf(target: string): Route {
	const known = recent.get(target);
	if (known) return known;
	const mark = target.indexOf("?");
	const path = mark < 0 ? target : target.slice(0, mark);
	const queryText = mark < 0 ? "" : target.slice(mark + 1);
	if (path.startsWith("/i/") && HLS_NAME.test(path)) {
		const hls = hlsRoute(path, queryText);
		if (recent.size >= RECENT_MAX) recent.clear();
		recent.set(target, hls);
		return hls;
	}
	const heard = path.startsWith("/i/") && HEARD.exec(path);
	if (heard) return heardRoute(heard[1] as string, queryText);
	const query = queryText === "" ? NO_QUERY : new URLSearchParams(queryText);
	if (path === "/") return { kind: "front", language: languageOf(query) };
	if (path.startsWith("/i/")) return interviewRoute(path, query);
	if (path.startsWith("/api/") || path.startsWith("/m/")) return { kind: "cold" };
	return { kind: "asset", path };
}

function interviewRoute(path: string, query: URLSearchParams): Route {
	const token = TOKEN.exec(path);
	if (token) return tokenRoute(token[1] as string, query);
	const file = FILE.exec(path);
	if (file) return fileRoute(file[1] as string, file[2] as string, query);
	const page = PAGE.exec(path);
	if (page) {
		const slug = page[1] as string;
		return page[2] === "/"
			? { kind: "redirect", location: `/i/${slug}` }
			: { kind: "page", slug, language: languageOf(query) };
	}
	return UNKNOWN;
}

/** What players ask for several times a second. */
function hlsRoute(path: string, query: string): Route {
	const media = HLS_MEDIA.exec(path);
	if (media) {
		const [, slug = "", pathKey = "", track = "", init, isPart, number] = media;
		if (!isTrackName(track)) return UNKNOWN;
		if (init) return { kind: "init", slug, pathKey, track };
		if (isPart) return { kind: "part", slug, pathKey, track, part: Number(number) };
		return { kind: "segment", slug, pathKey, track, sequence: Number(number) };
	}
	const playlist = HLS_PLAYLIST.exec(path);
	if (!playlist) return UNKNOWN;
	const [, slug = "", first = "", second] = playlist;
	if (second === undefined) {
		if (first === "index") return { kind: "multivariant", slug, list: "now" };
		return first === "whole" ? { kind: "multivariant", slug, list: "whole" } : UNKNOWN;
	}
	if (first === "ll") {
		if (second === "index") return { kind: "multivariant", slug, list: "low_latency" };
		if (!isTrackName(second)) return UNKNOWN;
		const directives = query === "" ? NO_DIRECTIVES : readDirectives(query);
		if (typeof directives === "string") return { kind: "malformed", detail: directives };
		return { kind: "low_latency", slug, track: second, directives };
	}
	const kind = PLAYLIST_KINDS.find((known) => known === second);
	return isTrackName(first) && kind ? { kind: "playlist", slug, track: first, playlist: kind } : UNKNOWN;
}

function heardRoute(slug: string, query: string): Route {
	const report = readHeardReport(query);
	if (report) return { kind: "heard", slug, report };
	return { kind: "malformed", detail: "It must be what a player heard: w, h, g, m, then d and j or neither." };
}

function tokenRoute(slug: string, query: URLSearchParams): Route {
	const id = query.get("id") ?? "";
	if (!/^[0-9a-f]{24}$/.test(id)) return { kind: "malformed", detail: "id must be 24 hexadecimal digits." };
	return { kind: "token", slug, id };
}

function fileRoute(slug: string, name: string, query: URLSearchParams): Route {
	switch (name) {
		case "state.json":
			return { kind: "state", slug };
		case "live.mp4":
			return pushRoute(slug, "mp4_48", "mp4_24", query);
		case "live.ogg":
			return pushRoute(slug, "ogg_48", "ogg_24", query);
		case "live.aac":
			return pushRoute(slug, "aac_64", undefined, query);
		case "live.mp3":
			return pushRoute(slug, "mp3_64", undefined, query);
		case "recording.m4a":
			return { kind: "recording", slug, extension: "m4a", download: query.has("download") };
		case "recording.ogg":
			return { kind: "recording", slug, extension: "ogg", download: query.has("download") };
		case "recording.mp3":
			return { kind: "recording", slug, extension: "mp3", download: query.has("download") };
		default:
			return UNKNOWN;
	}
}

function pushRoute(slug: string, full: Form, saver: Form | undefined, query: URLSearchParams): Route {
	const rate = query.get("r");
	if (rate !== null && !(rate === "24" && saver)) {
		return {
			kind: "malformed",
			detail: saver ? "r must be 24 (data saver) or absent." : "This form has no data saver.",
		};
	}
	const form = rate === null ? full : (saver as Form);
	const burst = query.get("burst");
	if (burst !== null && burst !== "player") {
		return { kind: "malformed", detail: "burst must be player, or absent." };
	}
	const token = query.get("token");
	const push = { kind: "push", slug, form, ...(token === null ? {} : { token }) } as const;
	const from = query.get("from");
	if (from === null) return { ...push, burst: burst === "player" ? "player" : "plain" };
	if (!/^(?:0|[1-9][0-9]{0,8})$/.test(from)) {
		return { kind: "malformed", detail: "from must be the index of a part." };
	}
	return { ...push, burst: { fromPart: Number(from) } };
}

function languageOf(query: URLSearchParams): Language | undefined {
	return LANGUAGES.find((language) => language === query.get("lang"));
}
