import type { Clock } from "#base/index.ts";
import { type Gate, type Passage, parseAddress } from "#shield/index.ts";
import type { Phase } from "#wire/index.ts";
import { type Form, isMp3 } from "./forms.ts";
import type { RequestHead } from "./head.ts";
import { icyFields } from "./icy.ts";
import { mayChunk } from "./listeners.ts";
import type { Programmes } from "./programmes.ts";
import { type Answer, NEVER, type Replies } from "./replies.ts";
import { CORS, type Fields, Representation, responseHead } from "./response.ts";
import type { Route } from "./routes.ts";
import type { SitePlace, SiteView } from "./site.ts";

/**
 * The doors open, or broadcast starts anew, a moment before there is sound: who comes then hears it from its first part
 * on. Players give up after about 8 s.
 */
export const FIRST_SOUND_WAIT_MS = 6_000;
/** Phases in which there is sound, or is about to be. */
export const SOUNDING: readonly Phase[] = ["doors", "waiting_for_host", "on_air", "interrupted"];
/** When to ask again where the line does not know how fast it moves. */
const IN_LINE_WAIT_MS = 10_000;
const TYPES: Record<Form, string> = {
	mp4_48: "audio/mp4",
	mp4_24: "audio/mp4",
	ogg_48: "audio/ogg",
	ogg_24: "audio/ogg",
	aac_64: "audio/aac",
	mp3_64: "audio/mpeg",
	mp3_64_icy: "audio/mpeg",
};

type LetIn = Extract<Passage, { kind: "in" }>;
type TurnedAway = Extract<Passage, { kind: "out" }>;
type TokenRoute = Extract<Route, { kind: "token" }>;
type PushRoute = Extract<Route, { kind: "push" }>;

/** Sound as it is made, for whoever is let in, and the tokens by which it is known who that is. */
export function createServePush(options: {
	readonly clock: Clock;
	readonly site: SiteView;
	readonly programmes: Programmes;
	readonly gate: Gate;
	readonly replies: Replies;
}) {
	const { clock, site, programmes, gate, replies } = options;
	const { send, say, refuse, silent } = replies;

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
		const fields: Fields = [["Retry-After", String(retryAfterS(waitMs))]];
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

	const servePushRoute = (head: RequestHead, route: PushRoute, place: SitePlace): Answer => {
		const passage = gate.pass(place.entry.interviewId, route.token ?? bearerOf(head.authorization));
		return passage.kind === "out" ? turnedAway(head, route, passage) : pushTo(head, route, place, passage);
	};

	const pushTo = (head: RequestHead, route: PushRoute, place: SitePlace, passage: LetIn, waited = false): Answer => {
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
			return { kind: "later", answer: soon.then(() => pushTo(head, route, now(), passage, true)) };
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

	return { serveToken, servePush: servePushRoute };
}

/** When who is turned away is asked to come again, 2 to 600 s. @param waitMs what the gate says; undefined where nobody knows. */
export function retryAfterS(waitMs: number | undefined): number {
	return Math.min(Math.max(Math.ceil((waitMs ?? IN_LINE_WAIT_MS) / 1_000), 2), 600);
}

/** The token of `Authorization: Bearer …` (RFC 6750 §2.1); undefined when there is none. */
export function bearerOf(authorization: string): string | undefined {
	return /^bearer +(\S+)$/i.exec(authorization)?.[1];
}
