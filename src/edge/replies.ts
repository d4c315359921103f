import type { Clock } from "#base/index.ts";
import { LANGUAGES, type Language, writeJson } from "#wire/index.ts";
import type { EdgeEvents, RefusalReason } from "./events.ts";
import type { RequestHead } from "./head.ts";
import type { HeldRequests } from "./held.ts";
import { keepNewest } from "./kept.ts";
import type { PushStream } from "./listeners.ts";
import { selectLanguage } from "./preconditions.ts";
import type { Programme } from "./programme.ts";
import { CORS, type Fields, Representation, responseHead, type Wish } from "./response.ts";
import type { Route } from "./routes.ts";
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

/** Short answers kept, those made last: every reason in each language, and a wait in seconds now and then. */
const SAID_MAX = 500;
/** The doors open this long before the announced start. */
const DOORS_BEFORE_MS = 15 * 60_000;

export const FOREVER = "public, max-age=31536000, immutable";
/** Also for what is not there yet: a cache may shield us from asking again, for a second. */
export const ONE_SECOND = "public, max-age=1";
export const NEVER = "no-store";

export type Replies = ReturnType<typeof createReplies>;

/** How the edge says things: what is there, what is not, what is not yet, and why. Refusals are counted here. */
export function createReplies(options: {
	readonly clock: Clock;
	readonly site: SiteView;
	readonly events: EdgeEvents;
}) {
	const { clock, site, events } = options;
	const said = new Map<string, { readonly page: string | undefined; readonly body: Representation }>();

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

	/** There is no sound to push, for now or for good. */
	const silent = (head: RequestHead, route: Route, place: SitePlace, programme: Programme | undefined): Answer => {
		const { phase } = place.entry;
		if (phase === "ended" || programme?.ended) return notFound(head, route, "ended");
		if (phase === "cancelled") return notFound(head, route, "no_recording");
		if (phase !== "announced" || !place.state) return notYet(head, route, "starting", 1);
		const doorsMs = place.state.announcedStartUnixMs - DOORS_BEFORE_MS - clock.unixMs();
		return notYet(head, route, "not_begun", Math.min(Math.max(Math.ceil(doorsMs / 1000), 5), 600));
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

	return { send, say, refuse, notFound, notYet, silent, plain };
}

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
