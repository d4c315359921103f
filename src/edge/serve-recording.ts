import type { Clock } from "#base/index.ts";
import { type ProgrammeTimeline, recordingKey } from "#wire/index.ts";
import type { RequestHead } from "./head.ts";
import { noneMatchNames, selectRange } from "./preconditions.ts";
import type { Programmes } from "./programmes.ts";
import { type Answer, NEVER, type Replies } from "./replies.ts";
import { CORS, type Fields, responseHead } from "./response.ts";
import type { Route } from "./routes.ts";
import type { SitePlace } from "./site.ts";

const RECORDING_TYPES = { m4a: "audio/mp4", ogg: "audio/ogg", mp3: "audio/mpeg" } as const;

export type RecordingRoute = Extract<Route, { kind: "recording" }>;

/** The finished files, whole or by ranges. */
export function createServeRecording(options: {
	readonly clock: Clock;
	readonly programmes: Programmes;
	readonly replies: Replies;
}) {
	const { clock, programmes, replies } = options;
	const { say, refuse, notFound, notYet, plain } = replies;

	const serveRecording = (
		head: RequestHead,
		route: RecordingRoute,
		place: SitePlace,
		timeline: ProgrammeTimeline,
	): Answer => {
		if (timeline.endPart === null) return notFound(head, route, "recording_later");
		if (timeline.onAirPart === null) return notFound(head, route, "no_recording");
		if (!timeline.recording) return notYet(head, route, "recording_later", 1);
		if (route.extension === "mp3") return serveMp3Recording(head, route, place, timeline);
		const { m4aBytes, oggBytes } = timeline.recording;
		return sendRecording(head, route, place, timeline, route.extension === "m4a" ? m4aBytes : oggBytes);
	};

	/** It is made when somebody asks for it: whoever waits longer than a little is told how long it takes. */
	const serveMp3Recording = (
		head: RequestHead,
		route: RecordingRoute,
		place: SitePlace,
		timeline: ProgrammeTimeline,
	): Answer => {
		const found = programmes.mp3Recording(place.entry.interviewId, head.method === "GET");
		if (typeof found === "number") return sendRecording(head, route, place, timeline, found);
		const answer = found.then((now) => {
			switch (now.state) {
				case "made":
					return sendRecording(head, route, place, timeline, now.bytes);
				case "none":
					return notFound(head, route, "no_recording");
				case "refused":
					return refuse("objects_busy", say(head, route, 503, "busy", { fields: [["Retry-After", "60"]] }));
				case "making": {
					const leftS = String(Math.max(1, Math.ceil(now.leftMs / 1_000)));
					// Browsers understand Refresh: who clicked a link gets the file without clicking again.
					const fields: Fields = [
						["Retry-After", leftS],
						["Refresh", leftS],
					];
					const detail = `It is ready in some ${leftS} s.`;
					return refuse("not_yet", say(head, route, 503, "mp3_making", { fields, detail }));
				}
			}
		});
		return { kind: "later", answer };
	};

	const sendRecording = (
		head: RequestHead,
		route: RecordingRoute,
		place: SitePlace,
		timeline: ProgrammeTimeline,
		sizeBytes: number,
	): Answer => {
		const { extension } = route;
		const etag = `"${timeline.pathKey}-${extension}"`;
		const fields: (readonly [string, string])[] = [
			["Content-Type", RECORDING_TYPES[extension]],
			["Accept-Ranges", "bytes"],
			["ETag", etag],
			// The address holds no path key, so a removal must be seen within the hour.
			["Cache-Control", "public, max-age=3600, immutable"],
			...CORS,
		];
		if (route.download) fields.push(["Content-Disposition", disposition(place.state?.title ?? "", extension)]);
		if (noneMatchNames(head.ifNoneMatch, etag)) return plain(head, 304, fields.slice(2));
		const range =
			head.method === "GET" ? selectRange(head.range, head.ifRange, etag, sizeBytes) : { kind: "whole" as const };
		if (range.kind === "unsatisfiable") {
			return say(head, route, 416, "range", {
				fields: [["Content-Range", `bytes */${sizeBytes}`]],
				cacheControl: NEVER,
			});
		}
		const { from, to } = range.kind === "part" ? range : { from: 0, to: sizeBytes };
		fields.push(["Content-Length", String(to - from)]);
		if (range.kind === "part") fields.push(["Content-Range", `bytes ${from}-${to - 1}/${sizeBytes}`]);
		const close = !head.keepAlive;
		const status = range.kind === "part" ? 206 : 200;
		const bytes = Buffer.from(responseHead(status, fields, { unixMs: clock.unixMs(), close }), "latin1");
		if (head.method === "HEAD") return { kind: "bytes", bytes: [bytes], close };
		return { kind: "object", head: bytes, key: recordingKey(place.entry.interviewId, extension), from, to, close };
	};

	return serveRecording;
}

/** RFC 6266: an ASCII name for old clients, the real one in UTF-8. */
function disposition(title: string, extension: string): string {
	const name = `${
		title
			.replace(/[\p{C}/\\:*?"<>|]+/gu, " ")
			.trim()
			.slice(0, 100) || "interview"
	}.${extension}`;
	const ascii = name
		.normalize("NFKD")
		.replace(/[^\x20-\x7e]/g, "")
		.replace(/["\\%]/g, "")
		.trim();
	const encoded = encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
	return `attachment; filename="${ascii.length > extension.length + 1 ? ascii : `interview.${extension}`}"; filename*=UTF-8''${encoded}`;
}
