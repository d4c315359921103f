import type { Clock } from "#base/index.ts";
import type { Gate } from "#shield/index.ts";
import { LANGUAGES, type ProgrammeTimeline } from "#wire/index.ts";
import type { Assets } from "./assets.ts";
import type { EdgeEvents } from "./events.ts";
import type { RequestHead } from "./head.ts";
import type { HeardTotals } from "./heard.ts";
import type { ObjectCache } from "./object-cache.ts";
import { selectLanguage } from "./preconditions.ts";
import type { Programmes } from "./programmes.ts";
import { type Answer, createReplies, ONE_SECOND } from "./replies.ts";
import { CORS, type Fields } from "./response.ts";
import { type Route, routeOf } from "./routes.ts";
import { createServeHeard } from "./serve-heard.ts";
import { createServeHls, type HlsRoute } from "./serve-hls.ts";
import { createServePush, FIRST_SOUND_WAIT_MS, SOUNDING } from "./serve-push.ts";
import { createServeRecording, type RecordingRoute } from "./serve-recording.ts";
import type { SitePlace, SiteView } from "./site.ts";

const ALLOW = "GET, HEAD, OPTIONS";

type InterviewRoute = Extract<Route, { slug: string }>;
type TimelineRoute = HlsRoute | RecordingRoute;

/** @param client the address of who asks, as far as the door knows it. */
export type Serve = (head: RequestHead, client: string) => Answer;

/** Turns a request head into an answer. Reads the site and the programmes; changes nothing but the sum of what players heard. */
export function createServe(options: {
	readonly clock: Clock;
	readonly site: SiteView;
	readonly programmes: Programmes;
	readonly objects: ObjectCache;
	readonly assets: Assets;
	readonly gate: Gate;
	readonly heard: HeardTotals;
	readonly events: EdgeEvents;
}): Serve {
	const { clock, site, programmes, objects, assets, gate, heard, events } = options;
	const replies = createReplies({ clock, site, events });
	const { send, say, refuse, notFound, notYet, silent, plain } = replies;
	const { serveToken, servePush } = createServePush({ clock, site, programmes, gate, replies });
	const serveHeard = createServeHeard({ clock, gate, heard, replies });
	const serveHls = createServeHls({ programmes, objects, replies, events });
	const serveRecording = createServeRecording({ clock, programmes, replies });

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
			case "heard":
				return serveHeard(head, route, place, client);
			case "push":
				return servePush(head, route, place);
			default: {
				const timeline = programmes.timeline(place.entry.interviewId);
				if (!(timeline instanceof Promise)) return serveTimeline(head, route, place, timeline);
				return { kind: "later", answer: timeline.then((read) => serveTimeline(head, route, place, read)) };
			}
		}
	};

	const serveTimeline = (
		head: RequestHead,
		route: TimelineRoute,
		place: SitePlace,
		timeline: ProgrammeTimeline | undefined,
		waited = false,
	): Answer => {
		const { interviewId, phase } = place.entry;
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
				: silent(head, route, place, programmes.live(interviewId));
		}
		return route.kind === "recording"
			? serveRecording(head, route, place, timeline)
			: serveHls(head, route, place, timeline);
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
