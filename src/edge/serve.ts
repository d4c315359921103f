import type { Clock } from "#base/index.ts";
import { type Gate, type Passage, parseAddress } from "#shield/index.ts";
import {
	LANGUAGES,
	type Language,
	type Phase,
	type ProgrammeTimeline,
	recordingKey,
	segmentKey,
	segmentOf,
	type TrackName,
	writeJson,
} from "#wire/index.ts";
import type { Assets } from "./assets.ts";
import type { EdgeEvents, RefusalReason } from "./events.ts";
import { type Form, isMp3 } from "./forms.ts";
import type { RequestHead } from "./head.ts";
import type { HeldRequests } from "./held.ts";
import { icyFields } from "./icy.ts";
import { mayChunk, type PushStream } from "./listeners.ts";
import type { ObjectCache } from "./object-cache.ts";
import { lastWholeSegment, mediaPlaylist, multivariant, segmentAt } from "./playlist.ts";
import { awaitedPart, lowLatencyPlaylist } from "./playlist-ll.ts";
import { noneMatchNames, selectLanguage, selectRange } from "./preconditions.ts";
import type { Programme } from "./programme.ts";
import type { Programmes } from "./programmes.ts";
import { CORS, type Fields, Representation, responseHead, type Wish } from "./response.ts";
import { type Route, routeOf } from "./routes.ts";
import { SENTENCES, type SentenceKey } from "./sentences.ts";
import type { SitePlace, SiteView } from "./site.ts";

/** What the door does for a request. The door alone touches sockets. */
export type Answer =
	/** Writes these buffers; then the connection waits for the next request, or closes. */
	| { readonly kind: "bytes"; readonly bytes: readonly Buffer[]; readonly close: boolean }
	/** Writes `opening` and goes on with the stream until it ends. */
	| {
			readonly kind: "push";
			readonly opening: Buffer;
			readonly stream: PushStream;
			readonly chunked: boolean;
			readonly nextPart: number;
	  }
	/** Writes `head`, then bytes `from` up to `to` of an object as fast as they are read. */
	| {
			readonly kind: "object";
			readonly head: Buffer;
			readonly key: string;
			readonly from: number;
			readonly to: number;
			readonly close: boolean;
	  }
	| { readonly kind: "later"; readonly answer: Promise<Answer> }
	/** Waits in `held` for `part`, then does what `answer` says; `late` when it did not come. */
	| {
			readonly kind: "held";
			readonly held: HeldRequests;
			readonly part: number;
			readonly answer: (late: boolean) => Answer;
	  }
	/** Hands the connection to node:http with everything read so far. */
	| { readonly kind: "cold" };

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
/** Short answers kept, those made last: every reason in each language, and a wait in seconds now and then. */
const SAID_MAX = 500;
/** The doors open this long before the announced start. */
const DOORS_BEFORE_MS = 15 * 60_000;
/**
 * The doors open, or broadcast starts anew, a moment before there is sound: who comes then hears it from its first part
 * on. Players give up after about 8 s.
 */
const FIRST_SOUND_WAIT_MS = 6_000;
/** When to ask again where the line does not know how fast it moves. */
const IN_LINE_WAIT_MS = 10_000;
const ALLOW = "GET, HEAD, OPTIONS";

/** Phases in which there is sound, or is about to be. */
export const SOUNDING: readonly Phase[] = ["doors", "waiting_for_host", "on_air", "interrupted"];

const TYPES: Record<Form, string> = {
	mp4_48: "audio/mp4",
	mp4_24: "audio/mp4",
	ogg_48: "audio/ogg",
	ogg_24: "audio/ogg",
	aac_64: "audio/aac",
	mp3_64: "audio/mpeg",
	mp3_64_icy: "audio/mpeg",
};
const RECORDING_TYPES = { m4a: "audio/mp4", ogg: "audio/ogg", mp3: "audio/mpeg" } as const;
const PLAYLIST_TYPE = "application/vnd.apple.mpegurl";
const SEGMENT_TYPE = "audio/mp4";
const FOREVER = "public, max-age=31536000, immutable";
/** Also for what is not there yet: a cache may shield us from asking again, for a second. */
const ONE_SECOND = "public, max-age=1";
const NEVER = "no-store";
/** rfc8216bis §B.1: answers to blocking requests may be kept for six target durations: they hold what their address names. */
const BLOCKING = "public, max-age=24";

/** @param client the address of who asks, as far as the door knows it. */
export type Serve = (head: RequestHead, client: string) => Answer;

/** Turns a request head into an answer. Reads the site and the programmes, changes nothing. */
export function createServe(options: {
	readonly clock: Clock;
	readonly site: SiteView;
	readonly programmes: Programmes;
	readonly objects: ObjectCache;
	readonly assets: Assets;
	readonly gate: Gate;
	readonly events: EdgeEvents;
}): Serve {
	const { clock, site, programmes, objects, assets, gate, events } = options;
	const playlists = new Map<string, KeptPlaylist>();
	const segments = new Map<string, Representation>();
	const said = new Map<string, { readonly page: string | undefined; readonly body: Representation }>();
	const parts = new Map<string, Representation>();

	const wishOf = (head: RequestHead): Wish => ({
		headOnly: head.method === "HEAD",
		close: !head.keepAlive,
		unixMs: clock.unixMs(),
		ifNoneMatch: head.ifNoneMatch,
		acceptEncoding: head.acceptEncoding,
	});
	const send = (head: RequestHead, body: Representation): Answer => {
		const wish = wishOf(head);
		return { kind: "bytes", bytes: body.answer(wish), close: wish.close };
	};

	/** A short answer in words, in the form the address' readers understand. */
	const say = (
		head: RequestHead,
		route: Route,
		status: number,
		key: SentenceKey,
		more: {
			readonly fields?: Fields;
			readonly cacheControl?: string;
			readonly detail?: string;
			readonly close?: boolean;
		} = {},
	): Answer => {
		const { fields = [], detail, close = false } = more;
		const cacheControl = more.cacheControl ?? (status === 404 || status === 410 ? ONE_SECOND : NEVER);
		const wish = close ? { ...wishOf(head), close } : wishOf(head);
		const reader = readerOf(route);
		const language = reader === "person" ? selectLanguage(head.acceptLanguage, LANGUAGES) : "en";
		const problem = status === 404 ? "not_found" : status === 410 ? "removed" : "unavailable";
		const page = reader === "person" && key !== "method" ? site.problem(problem, language) : undefined;
		const id = `${status} ${key} ${reader} ${language} ${cacheControl} ${detail} ${fields.join()}`;
		let kept = said.get(id);
		if (!kept || kept.page !== page) {
			const common = { status, cacheControl, fields: [...fields, ...CORS] };
			kept = {
				page,
				body: sentence(reader, language, key, detail, page, { common, pageFields: [...fields, ...site.pageFields] }),
			};
			said.delete(id);
			said.set(id, kept);
			keepNewest(said, SAID_MAX);
		}
		return { kind: "bytes", bytes: kept.body.answer(wish), close: wish.close };
	};
	const refuse = (reason: RefusalReason, answer: Answer): Answer => {
		events.refused(reason);
		return answer;
	};
	const notFound = (head: RequestHead, route: Route, key: SentenceKey = "not_found") =>
		refuse("not_found", say(head, route, 404, key));
	const notYet = (head: RequestHead, route: Route, key: SentenceKey, retryAfterS: number) =>
		refuse("not_yet", say(head, route, 503, key, { fields: [["Retry-After", String(retryAfterS)]] }));

	const serveRoute = (head: RequestHead, route: Route, client: string): Answer => {
		switch (route.kind) {
			case "cold":
				return { kind: "cold" };
			case "unknown":
				return notFound(head, route);
			case "malformed":
				return refuse("malformed_query", say(head, route, 400, "malformed_query", { detail: route.detail }));
			case "redirect": {
				const fields: Fields = [
					["Location", route.location],
					["Content-Length", "0"],
					["Cache-Control", "public, max-age=3600"],
				];
				return plain(head, 308, fields);
			}
			case "asset": {
				const asset = assets.get(route.path);
				return asset ? send(head, asset) : notFound(head, route);
			}
			case "front": {
				const page = site.front(route.language ?? selectLanguage(head.acceptLanguage, LANGUAGES));
				return page ? send(head, page) : notYet(head, route, "starting", 1);
			}
			default: {
				const place = site.place(route.slug);
				if (!place) return site.known ? notFound(head, route) : notYet(head, route, "starting", 1);
				if (place.entry.removed)
					return refuse("not_found", say(head, route, 410, "removed", { cacheControl: ONE_SECOND }));
				return serveInterview(head, route, place, client);
			}
		}
	};

	const serveInterview = (head: RequestHead, route: InterviewRoute, place: SitePlace, client: string): Answer => {
		switch (route.kind) {
			case "page":
				return send(head, place.pages[route.language ?? selectLanguage(head.acceptLanguage, LANGUAGES)]);
			case "state":
				return send(head, place.stateJson);
			case "token":
				return serveToken(head, route, place, client);
			case "push": {
				const passage = gate.pass(place.entry.interviewId, route.token ?? bearerOf(head.authorization));
				if (passage.kind === "out") return turnedAway(head, route, passage);
				return servePush(head, route, place, passage);
			}
			default: {
				const timeline = programmes.timeline(place.entry.interviewId);
				if (!(timeline instanceof Promise)) return serveTimeline(head, route, place, timeline);
				return { kind: "later", answer: timeline.then((read) => serveTimeline(head, route, place, read)) };
			}
		}
	};

	const serveToken = (head: RequestHead, route: TokenRoute, place: SitePlace, client: string): Answer => {
		const address = parseAddress(client);
		const minted = address && gate.mintFor(address, place.entry.interviewId, route.id);
		if (minted?.kind !== "minted") {
			const fields: Fields = [["Retry-After", String(Math.ceil((minted?.waitMs ?? 1_000) / 1_000))]];
			return refuse("token_limit", say(head, route, 429, "token_later", { fields }));
		}
		const { token } = minted;
		return send(
			head,
			new Representation(Buffer.from(token), { type: "text/plain", cacheControl: NEVER, fields: CORS }),
		);
	};

	const turnedAway = (head: RequestHead, route: PushRoute, { reason, waitMs }: TurnedAway): Answer => {
		const waitS = Math.min(Math.max(Math.ceil((waitMs ?? IN_LINE_WAIT_MS) / 1_000), 2), 600);
		const fields: Fields = [["Retry-After", String(waitS)]];
		switch (reason) {
			case "no_token":
			case "not_yet":
				return refuse("in_line", say(head, route, 503, "in_line", { fields }));
			case "shed":
				return refuse("shed", say(head, route, 503, "busy", { fields }));
			case "too_often":
				return refuse("token_limit", say(head, route, 429, "token_later", { fields }));
			default: {
				// RFC 6750 §3.1: another token would do.
				const challenge: Fields = [["WWW-Authenticate", 'Bearer error="invalid_token"']];
				return refuse("bad_token", say(head, route, 401, "bad_token", { fields: challenge }));
			}
		}
	};

	const servePush = (head: RequestHead, route: PushRoute, place: SitePlace, passage: LetIn, waited = false): Answer => {
		const programme = programmes.live(place.entry.interviewId);
		const form = isMp3(route.form) && head.icyMetadata ? "mp3_64_icy" : route.form;
		const chunked = mayChunk(form) && head.minorVersion === 1;
		const isMade = !isMp3(form) || programme?.mp3.isFlowing(clock.monoMs());
		const opening = isMade ? programme?.opening(form, route.burst, chunked) : undefined;
		// MP3 is not made for a question.
		const isAsked = head.method === "HEAD" && isMp3(form) && programme?.sounding;
		if (!programme || !(opening || isAsked)) {
			const { interviewId, phase } = place.entry;
			const mayWait = !waited && head.method === "GET" && !programme?.ended && SOUNDING.includes(phase);
			if (!mayWait) return silent(head, route, place, programme);
			const soon = isMp3(form)
				? programmes.mp3(interviewId, FIRST_SOUND_WAIT_MS)
				: programmes.sounding(interviewId, FIRST_SOUND_WAIT_MS);
			const now = () => site.place(route.slug) ?? place;
			return { kind: "later", answer: soon.then(() => servePush(head, route, now(), passage, true)) };
		}
		const fields: (readonly [string, string])[] = [
			["Content-Type", TYPES[form]],
			["Cache-Control", "no-store, no-transform"],
			["X-Accel-Buffering", "no"],
			...CORS,
		];
		if (passage.token !== undefined) fields.push(["Rostra-Token", passage.token]);
		if (chunked) fields.push(["Transfer-Encoding", "chunked"]);
		if (form === "mp3_64_icy") fields.push(...icyFields(place.state?.title ?? ""));
		const text = responseHead(200, fields, { unixMs: clock.unixMs(), close: true });
		if (!opening || head.method === "HEAD") {
			return { kind: "bytes", bytes: [Buffer.from(text, "latin1")], close: true };
		}
		return {
			kind: "push",
			opening: opening.after(text),
			stream: programme.streams[form],
			chunked,
			nextPart: opening.nextPart,
		};
	};

	/** There is no sound to push, for now or for good. */
	const silent = (head: RequestHead, route: Route, place: SitePlace, programme: Programme | undefined): Answer => {
		const { phase } = place.entry;
		if (phase === "ended" || programme?.ended) return notFound(head, route, "ended");
		if (phase === "cancelled") return notFound(head, route, "no_recording");
		if (phase !== "announced" || !place.state) return notYet(head, route, "starting", 1);
		const doorsMs = place.state.announcedStartUnixMs - DOORS_BEFORE_MS - clock.unixMs();
		return notYet(head, route, "not_begun", Math.min(Math.max(Math.ceil(doorsMs / 1000), 5), 600));
	};

	const serveTimeline = (
		head: RequestHead,
		route: TimelineRoute,
		place: SitePlace,
		timeline: ProgrammeTimeline | undefined,
		waited = false,
	): Answer => {
		const { interviewId, phase } = place.entry;
		const programme = programmes.live(interviewId);
		if (!timeline) {
			if (!waited && head.method === "GET" && route.kind !== "recording" && SOUNDING.includes(phase)) {
				const known = programmes
					.sounding(interviewId, FIRST_SOUND_WAIT_MS)
					.then(() => programmes.timeline(interviewId));
				return { kind: "later", answer: known.then((read) => serveTimeline(head, route, place, read, true)) };
			}
			if (route.kind === "recording" && place.entry.phase !== "ended") return notFound(head, route, "recording_later");
			return place.entry.phase === "ended"
				? notFound(head, route, "no_recording")
				: silent(head, route, place, programme);
		}
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
						serveTimeline(head, route, place, now),
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
			case "recording":
				return serveRecording(head, route, place, timeline);
		}
	};

	/** Waits until `part` is there, and then answers again; says so when it did not come in time. */
	const hold = (
		head: RequestHead,
		route: TimelineRoute,
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

	/** An answer without a body. */
	const plain = (head: RequestHead, status: number, fields: Fields): Answer => {
		const close = !head.keepAlive;
		return {
			kind: "bytes",
			bytes: [Buffer.from(responseHead(status, fields, { unixMs: clock.unixMs(), close }), "latin1")],
			close,
		};
	};

	return (head, client) => {
		const route = routeOf(head.target);
		if (route.kind === "cold") return { kind: "cold" };
		switch (head.method) {
			case "GET":
			case "HEAD":
				return serveRoute(head, route, client);
			case "OPTIONS":
				return plain(head, 204, [
					["Allow", ALLOW],
					["Access-Control-Allow-Methods", ALLOW],
					["Access-Control-Allow-Headers", "Authorization, Range, If-None-Match, If-Range"],
					["Access-Control-Max-Age", "86400"],
					["Cache-Control", "public, max-age=86400"],
					...CORS,
				]);
			default:
				// Its body is not read, so the connection cannot go on.
				return refuse("method", say(head, route, 405, "method", { fields: [["Allow", ALLOW]], close: true }));
		}
	};
}

/** Forgets what was put in first beyond `max`. */
function keepNewest(map: Map<string, unknown>, max: number): void {
	for (const oldest of map.keys()) {
		if (map.size <= max) return;
		map.delete(oldest);
	}
}

/** The token of `Authorization: Bearer …` (RFC 6750 §2.1); undefined when there is none. */
function bearerOf(authorization: string): string | undefined {
	return /^bearer +(\S+)$/i.exec(authorization)?.[1];
}

type LetIn = Extract<Passage, { kind: "in" }>;
type TurnedAway = Extract<Passage, { kind: "out" }>;
type TokenRoute = Extract<Route, { kind: "token" }>;
type PushRoute = Extract<Route, { kind: "push" }>;
type LowLatencyRoute = Extract<Route, { kind: "low_latency" }>;
type PartRoute = Extract<Route, { kind: "part" }>;
type SegmentRoute = Extract<Route, { kind: "segment" }>;
type RecordingRoute = Extract<Route, { kind: "recording" }>;
type InterviewRoute = Extract<Route, { slug: string }>;
type TimelineRoute = Exclude<InterviewRoute, { kind: "page" | "state" | "token" | "push" }>;

/** A short answer in the form its readers understand. @param page what house has made for people. */
function sentence(
	reader: Reader,
	language: Language,
	key: SentenceKey,
	detail: string | undefined,
	page: string | undefined,
	options: {
		readonly common: { readonly status: number; readonly cacheControl: string; readonly fields: Fields };
		readonly pageFields: Fields;
	},
): Representation {
	const { common, pageFields } = options;
	const { status } = common;
	switch (reader) {
		case "program": {
			const title = SENTENCES[key].en;
			const problem = { type: "about:blank", title, status, ...(detail ? { detail } : {}), code: key };
			return new Representation(Buffer.from(writeJson(problem)), { ...common, type: "application/problem+json" });
		}
		case "player": {
			const text = `${[SENTENCES[key].en, detail].filter(Boolean).join(" ")}\n`;
			return new Representation(Buffer.from(text), { ...common, type: "text/plain; charset=utf-8" });
		}
		case "person": {
			const text =
				page ??
				`<!doctype html><html lang="${language}"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${status}</title><p>${SENTENCES[key][language]}</p><p><a href="/">Rostra</a></p></html>\n`;
			const type = "text/html; charset=utf-8";
			return new Representation(Buffer.from(text), { ...common, type, vary: ["Accept-Language"], fields: pageFields });
		}
	}
}

type Reader = "person" | "player" | "program";

function readerOf(route: Route): Reader {
	switch (route.kind) {
		case "front":
		case "page":
		case "asset":
		case "unknown":
		case "redirect":
			return "person";
		case "state":
		case "cold":
			return "program";
		default:
			return "player";
	}
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
			type: "audio/mp4",
			cacheControl: FOREVER,
			fields: CORS,
		});
		known.set(track, init);
	}
	return init;
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
