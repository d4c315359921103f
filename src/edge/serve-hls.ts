import { type ProgrammeTimeline, segmentKey, segmentOf, type TrackName } from "#wire/index.ts";
import type { EdgeEvents } from "./events.ts";
import type { RequestHead } from "./head.ts";
import { keepNewest } from "./kept.ts";
import type { ObjectCache } from "./object-cache.ts";
import { lastWholeSegment, mediaPlaylist, multivariant, segmentAt } from "./playlist.ts";
import { awaitedPart, lowLatencyPlaylist } from "./playlist-ll.ts";
import type { Programme } from "./programme.ts";
import type { Programmes } from "./programmes.ts";
import { type Answer, FOREVER, ONE_SECOND, type Replies } from "./replies.ts";
import { CORS, Representation } from "./response.ts";
import type { Route } from "./routes.ts";
import type { SitePlace } from "./site.ts";

/** Playlists kept, those asked for last: three kinds, three tracks, for a few hundred interviews. */
const PLAYLISTS_MAX = 2_000;
/** Segments ready to send, those asked for last: everybody wants the newest. Some 8 MB. */
const SEGMENTS_MAX = 256;
/** Parts ready to send, those asked for last: the newest half minute in all tracks. Some 500 KB. */
const PARTS_MAX = 256;
/**
 * A part is held when it is the next, which playlists hint, or the one after that: another worker, which was a moment
 * faster, may have hinted that. rfc8216bis §6.2.6 asks for 404 for what is not hinted.
 */
const PARTS_AHEAD_MAX = 2;
const PLAYLIST_TYPE = "application/vnd.apple.mpegurl";
const SEGMENT_TYPE = "audio/mp4";
/** rfc8216bis §B.1: answers to blocking requests may be kept for six target durations: they hold what their address names. */
const BLOCKING = "public, max-age=24";

export type HlsRoute = Extract<
	Route,
	{ kind: "multivariant" | "playlist" | "low_latency" | "part" | "init" | "segment" }
>;
type LowLatencyRoute = Extract<Route, { kind: "low_latency" }>;
type PartRoute = Extract<Route, { kind: "part" }>;
type SegmentRoute = Extract<Route, { kind: "segment" }>;

/** Playlists, segments and parts, each made once for everybody. What is not there yet but is about to be is waited for. */
export function createServeHls(options: {
	readonly programmes: Programmes;
	readonly objects: ObjectCache;
	readonly replies: Replies;
	readonly events: EdgeEvents;
}) {
	const { programmes, objects, replies, events } = options;
	const { send, say, refuse, notFound, notYet } = replies;
	const playlists = new Map<string, KeptPlaylist>();
	const segments = new Map<string, Representation>();
	const parts = new Map<string, Representation>();

	const serveHls = (head: RequestHead, route: HlsRoute, place: SitePlace, timeline: ProgrammeTimeline): Answer => {
		const { interviewId } = place.entry;
		const programme = programmes.live(interviewId);
		/** Everything before it exists. */
		const nextPart = nextPartOf(timeline, programme);
		const ended = timeline.endPart !== null && nextPart >= timeline.endPart;
		switch (route.kind) {
			case "multivariant": {
				if (ended && timeline.onAirPart === null) return notFound(head, route, "no_recording");
				if (route.list === "whole" && timeline.onAirPart === null) return notYet(head, route, "not_begun", 4);
				const name = route.list === "whole" ? "whole" : ended ? "recording" : "live";
				const addressOf =
					route.list !== "low_latency"
						? (track: TrackName) => `${track}/${name}.m3u8`
						: (track: TrackName) => (ended ? `../${track}/recording.m3u8` : `${track}.m3u8`);
				const key = `${interviewId} ${route.list}`;
				return sendPlaylist(head, key, { timeline, mark: Number(ended), settled: name === "recording" }, () =>
					multivariant(timeline, addressOf),
				) as Answer;
			}
			case "playlist": {
				const mark = lastWholeSegment(timeline, nextPart)?.sequence ?? -1;
				const key = `${interviewId} ${route.track} ${route.playlist}`;
				const answer = sendPlaylist(head, key, { timeline, mark, settled: ended }, () =>
					mediaPlaylist(timeline, route.track, route.playlist, nextPart),
				);
				if (answer) return answer;
				if (ended) return notFound(head, route, "no_recording");
				if (route.playlist === "live" && programme && !programme.ended) {
					return hold(head, route, programme, lastPartOf(timeline, nextPart), (now) =>
						serveHls(head, route, place, now),
					);
				}
				return route.playlist === "recording"
					? notFound(head, route, "recording_later")
					: notYet(head, route, "not_begun", 4);
			}
			case "low_latency":
				return serveLowLatency(head, route, interviewId, timeline, programme, nextPart);
			case "part":
				return servePart(head, route, timeline, programme, nextPart);
			case "init":
				if (route.pathKey !== timeline.pathKey) return notFound(head, route, "no_segment");
				return send(head, initOf(timeline, route.track));
			case "segment":
				return serveSegment(head, route, interviewId, timeline, programme, nextPart);
		}
	};

	/** Waits until `part` is there, and then answers again; says so when it did not come in time. */
	const hold = (
		head: RequestHead,
		route: HlsRoute,
		programme: Programme,
		part: number,
		again: (timeline: ProgrammeTimeline) => Answer,
	): Answer => {
		const { held } = programme;
		const busy = () => refuse("not_yet", say(head, route, 503, "busy", { fields: [["Retry-After", "1"]] }));
		if (held.full) return busy();
		const answer = (late: boolean) => (late || !programme.timeline ? busy() : again(programme.timeline));
		return { kind: "held", held, part, answer };
	};

	const serveLowLatency = (
		head: RequestHead,
		route: LowLatencyRoute,
		interviewId: string,
		timeline: ProgrammeTimeline,
		programme: Programme | undefined,
		nextPart: number,
	): Answer => {
		const { track, directives } = route;
		const asked = awaitedPart(timeline, directives, nextPart);
		// There is no list before the first segment is whole.
		const isFirst = lastWholeSegment(timeline, nextPart) === undefined && timeline.endPart === null;
		const part = isFirst && asked !== "too_far" ? lastPartOf(timeline, nextPart) : asked;
		if (part === "too_far") {
			const detail = `The newest part is ${nextPart - 1}.`;
			return refuse("not_yet", say(head, route, 400, "too_far", { detail, cacheControl: ONE_SECOND }));
		}
		if (part >= nextPart && programme && !programme.ended) {
			return hold(head, route, programme, part, (now) =>
				serveLowLatency(head, route, interviewId, now, programme, nextPartOf(now, programme)),
			);
		}
		const exact = directives.sequence !== undefined && part === nextPart - 1;
		const key = `${interviewId} ${track} ll ${directives.skip} ${exact}`;
		const cacheControl = exact ? BLOCKING : ONE_SECOND;
		const answer = sendPlaylist(head, key, { timeline, mark: nextPart, settled: false, cacheControl }, () =>
			lowLatencyPlaylist(timeline, track, { firstPart: programme?.tail.firstPart ?? nextPart, nextPart }, directives),
		);
		if (answer) return answer;
		return timeline.endPart !== null ? notFound(head, route, "no_recording") : notYet(head, route, "not_begun", 4);
	};

	const servePart = (
		head: RequestHead,
		route: PartRoute,
		timeline: ProgrammeTimeline,
		programme: Programme | undefined,
		nextPart: number,
	): Answer => {
		const { track, part, pathKey } = route;
		const comes = timeline.endPart === null || part < timeline.endPart;
		if (pathKey !== timeline.pathKey || !programme || !comes) return notFound(head, route, "no_segment");
		if (part >= nextPart && part < nextPart + PARTS_AHEAD_MAX && !programme.ended) {
			return hold(head, route, programme, part, (now) =>
				servePart(head, route, now, programme, nextPartOf(now, programme)),
			);
		}
		const etag = `"${pathKey}-${track}-p${part}"`;
		let ready = parts.get(etag);
		if (!ready) {
			const body = programme.part(track, part);
			if (!body) return notFound(head, route, "no_segment");
			ready = new Representation(body, { type: SEGMENT_TYPE, cacheControl: FOREVER, fields: CORS, etag });
			parts.set(etag, ready);
			keepNewest(parts, PARTS_MAX);
		}
		return send(head, ready);
	};

	/** A playlist, made again when the timeline or its mark changes; undefined when there is none. */
	const sendPlaylist = (
		head: RequestHead,
		key: string,
		as: {
			readonly timeline: ProgrammeTimeline;
			/** What else it is made of. */
			readonly mark: number;
			/** It will not change any more. */
			readonly settled: boolean;
			readonly cacheControl?: string;
		},
		make: () => string | undefined,
	): Answer | undefined => {
		let kept = playlists.get(key);
		if (kept?.timeline !== as.timeline || kept.mark !== as.mark) {
			const text = make();
			kept = {
				timeline: as.timeline,
				mark: as.mark,
				text:
					text === undefined
						? undefined
						: new Representation(Buffer.from(text), {
								type: PLAYLIST_TYPE,
								cacheControl: as.cacheControl ?? (as.settled ? "public, max-age=60" : ONE_SECOND),
								compress: true,
								fields: CORS,
							}),
			};
			playlists.delete(key);
			playlists.set(key, kept);
			keepNewest(playlists, PLAYLISTS_MAX);
		}
		return kept.text && send(head, kept.text);
	};

	const serveSegment = (
		head: RequestHead,
		route: SegmentRoute,
		interviewId: string,
		timeline: ProgrammeTimeline,
		programme: Programme | undefined,
		nextPart: number,
	): Answer => {
		const { track, sequence, pathKey } = route;
		const span = segmentAt(timeline, sequence);
		if (pathKey !== timeline.pathKey || !span) return notFound(head, route, "no_segment");
		const last = span.firstPart + span.partCount - 1;
		if (last >= nextPart) {
			// The playlist of a worker that was a moment faster names it already.
			if (!programme || programme.ended || last > nextPart) return notFound(head, route, "no_segment");
			return hold(head, route, programme, last, (now) =>
				serveSegment(head, route, interviewId, now, programme, nextPartOf(now, programme)),
			);
		}
		const etag = `"${pathKey}-${track}-${sequence}"`;
		const ready = segments.get(etag);
		if (ready) {
			segments.delete(etag);
			segments.set(etag, ready);
			return send(head, ready);
		}
		const respond = (body: Buffer | undefined): Answer => {
			if (!body) return notFound(head, route, "no_segment");
			const segment = new Representation(body, {
				type: SEGMENT_TYPE,
				cacheControl: FOREVER,
				fields: CORS,
				etag,
			});
			segments.set(etag, segment);
			keepNewest(segments, SEGMENTS_MAX);
			return send(head, segment);
		};
		const fresh = programme?.segment(track, sequence);
		if (fresh) return respond(fresh);
		const key = segmentKey(interviewId, track, sequence);
		const read = objects.read(key);
		if (read === "busy") {
			return refuse("objects_busy", say(head, route, 503, "busy", { fields: [["Retry-After", "1"]] }));
		}
		if (!(read instanceof Promise)) return respond(read);
		return {
			kind: "later",
			answer: read.then(respond, (error) => {
				events.objectFailed(key, error);
				return say(head, route, 500, "failed", { close: true });
			}),
		};
	};

	return serveHls;
}

type KeptPlaylist = {
	readonly timeline: ProgrammeTimeline;
	readonly mark: number;
	readonly text: Representation | undefined;
};

/** The last part of the segment that is being made. */
function lastPartOf(timeline: ProgrammeTimeline, nextPart: number): number {
	const { firstPart, partCount } = segmentOf(timeline, nextPart);
	return firstPart + partCount - 1;
}

/** Everything before it exists. */
function nextPartOf(timeline: ProgrammeTimeline, programme: Programme | undefined): number {
	const made = programme?.tail.nextPart ?? 0;
	if (!programme || programme.ended) return timeline.endPart ?? made;
	// The end is decided before its last parts are made.
	return Math.min(timeline.endPart ?? made, made);
}

const inits = new WeakMap<ProgrammeTimeline, Map<TrackName, Representation>>();
function initOf(timeline: ProgrammeTimeline, track: TrackName): Representation {
	let known = inits.get(timeline);
	if (!known) inits.set(timeline, (known = new Map()));
	let init = known.get(track);
	if (!init) {
		init = new Representation(Buffer.from(timeline.tracks[track].init, "base64"), {
			type: SEGMENT_TYPE,
			cacheControl: FOREVER,
			fields: CORS,
		});
		known.set(track, init);
	}
	return init;
}
