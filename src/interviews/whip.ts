/**
 * WHIP (RFC 9725): how a speaker's connection is made, over HTTP. The studio uses it, and so can OBS, GStreamer or
 * anything else that speaks it. The peer connection itself is the stage's.
 *
 * Where we leave the standard: "The WHIP endpoint MUST use "recvonly" attribute in the SDP answer" (§4.2). An offer
 * with `sendrecv` is answered with `sendrecv`, because a speaker hears the others on the same connection; one with
 * `sendonly` is answered as the RFC says.
 */
import { Hono } from "hono";
import type { SeatClaim, SeatTokens } from "#people/index.ts";
import type { SeatGrant } from "#wire/index.ts";
import { type Refusal, refusal } from "./errors.ts";
import type { InterviewEvents } from "./events.ts";
import { type Interview, seatOf } from "./interview.ts";
import type { Live } from "./live.ts";
import { problemResponse } from "./problems.ts";
import { type Bindings, type Ctx, contentType, readText } from "./requests.ts";
import type { WhipSession } from "./seating.ts";
import { hasShownRight } from "./visitors.ts";

/** An offer with one audio section and every candidate a laptop has is 3-6 KB. */
export const SDP_BYTES_MAX = 65_536;
const SDP_LINES_MAX = 1_000;
const FRAGMENT_BYTES_MAX = 16_384;
const SDP_TYPE = "application/sdp";
const FRAGMENT_TYPE = "application/trickle-ice-sdpfrag";
/** Offers worked on at once; one more is told to come back. */
const OFFERS_MAX = 32;

export type WhipOptions = {
	readonly live: Live;
	readonly tokens: SeatTokens;
	/** By id or slug. */
	readonly find: (key: string) => Interview | undefined;
	readonly iceServers: SeatGrant["iceServers"];
	readonly events: InterviewEvents;
};

const CORS = {
	"access-control-allow-origin": "*",
	"access-control-expose-headers": "location, etag, link, accept-patch, retry-after",
};

export function createWhip({ live, tokens, find, iceServers, events }: WhipOptions): Hono<Bindings> {
	const app = new Hono<Bindings>();
	const links = iceServers.flatMap(linkHeaders);
	let offers = 0;

	const refuse = (refused: Refusal, headers: Record<string, string> = {}) => {
		events.refused(refused.code);
		const challenge = refused.code === "sign_in_required" ? { "www-authenticate": 'Bearer realm="rostra"' } : {};
		return problemResponse(refused, { ...CORS, ...challenge, ...headers });
	};

	/** The seat the bearer token stands for, if it is one of this interview and still holds. */
	const authorise = (c: Ctx): Refusal | { ok: true; interview: Interview; claim: SeatClaim } => {
		const token = /^Bearer +([^\s]{1,512})$/i.exec(c.req.header("authorization") ?? "")?.[1];
		const claim = token === undefined ? undefined : tokens.read(token);
		if (!claim) {
			return refusal("sign_in_required", "This needs the bearer token of a seat. Take it from the studio's page.");
		}
		const interview = find(c.req.param("interview") ?? "");
		if (interview?.interviewId !== claim.interviewId) {
			return interview || !find(claim.interviewId)
				? refusal("not_yours", "This token is for another interview. Use the address that came with it.")
				: refusal("not_found", "There is no such interview.");
		}
		if (seatOf(interview, claim.seatId)?.tokenGeneration !== claim.generation) {
			return refusal(
				"not_yours",
				"This token holds no more: the seat was removed, or taken over in another window. Ask the host for a new invitation.",
			);
		}
		hasShownRight(c);
		return { ok: true, interview, claim };
	};

	/** The connection of the URL, if it is the token's. */
	const sessionOf = (c: Ctx): Refusal | { ok: true; interview: Interview; session: WhipSession } => {
		const authorised = authorise(c);
		if (!authorised.ok) return authorised;
		const { interview, claim } = authorised;
		const session = live.seating.session(interview.interviewId, c.req.param("session") ?? "");
		if (session?.seatId !== claim.seatId) return refusal("not_found", "This connection is gone. Connect anew.");
		return { ok: true, interview, session };
	};

	// §4.2, CORS: "The 200 OK response to any OPTIONS request SHOULD include an Accept-Post header".
	const options = (methods: string, more: Record<string, string>) =>
		new Response(null, {
			headers: {
				...CORS,
				...more,
				"access-control-allow-methods": methods,
				"access-control-allow-headers": "authorization, content-type, if-match",
				"access-control-max-age": "86400",
				allow: methods,
			},
		});
	app.options("/:interview", (c) => {
		const response = options("OPTIONS, GET, POST", { "accept-post": SDP_TYPE });
		// §4.6: clients whose engine must know the servers before the offer ask like this. A browser's preflight carries
		// no token, and nobody without a token learns a TURN server's password.
		if (links.length > 0 && c.req.header("authorization") !== undefined && authorise(c).ok) {
			response.headers.set("cache-control", "no-store");
			for (const link of links) response.headers.append("link", link);
		}
		return response;
	});
	app.options("/:interview/:session", () => options("OPTIONS, GET, PATCH, DELETE", { "accept-patch": FRAGMENT_TYPE }));

	// §4.1: endpoints and sessions have no representation and answer GET with success and nothing.
	app.get("/:interview", (c) => {
		const authorised = authorise(c);
		return authorised.ok ? new Response(null, { status: 204, headers: CORS }) : refuse(authorised);
	});
	app.get("/:interview/:session", (c) => {
		const found = sessionOf(c);
		return found.ok ? new Response(null, { status: 204, headers: CORS }) : refuse(found);
	});

	app.post("/:interview", async (c) => {
		const authorised = authorise(c);
		if (!authorised.ok) return refuse(authorised);
		const { interview, claim } = authorised;
		if (contentType(c) !== SDP_TYPE) {
			return refuse(refusal("unsupported_media_type", `An offer must be sent as ${SDP_TYPE}.`), {
				"accept-post": SDP_TYPE,
			});
		}
		if (!accepts(c.req.header("accept"), SDP_TYPE)) {
			return refuse(refusal("not_acceptable", `The answer is ${SDP_TYPE}. Accept it, or leave Accept out.`));
		}
		const read = await readText(c, SDP_BYTES_MAX);
		if (!read.ok) return refuse(read);
		const wrong = checkSdp(read.text);
		if (wrong) return refuse(wrong);
		if (offers >= OFFERS_MAX) {
			return refuse(
				refusal("stage_unreachable", "Too many people connect at this moment. Try again.", { retryAfterS: 1 }),
			);
		}
		offers += 1;
		try {
			const accepted = await live.accept(interview.interviewId, claim.seatId, read.text);
			if (!accepted.ok) return refuse(accepted);
			const headers = new Headers({
				...CORS,
				"content-type": SDP_TYPE,
				"cache-control": "no-store",
				location: `/whip/${interview.interviewId}/${accepted.session.sessionId}`,
				etag: entityTag(accepted.session),
				"accept-patch": FRAGMENT_TYPE,
			});
			for (const link of links) headers.append("link", link);
			return new Response(accepted.sdp, { status: 201, headers });
		} finally {
			offers -= 1;
		}
	});

	app.patch("/:interview/:session", async (c) => {
		const found = sessionOf(c);
		if (!found.ok) return refuse(found);
		const { interview, session } = found;
		if (contentType(c) !== FRAGMENT_TYPE) {
			return refuse(refusal("unsupported_media_type", `Candidates must be sent as ${FRAGMENT_TYPE}.`), {
				"accept-patch": FRAGMENT_TYPE,
			});
		}
		// §4.3.1: "428 Precondition Required" for a missing entity-tag, "412 Precondition Failed" for another one.
		const ifMatch = c.req.header("if-match");
		if (ifMatch === undefined) {
			return refuse(
				refusal("precondition_required", "Send If-Match with the ETag of the connection, or * to restart ICE."),
			);
		}
		const isRestart = /^"?\*"?$/.test(ifMatch.trim());
		if (!isRestart && !matches(ifMatch, session)) {
			return refuse(refusal("precondition_failed", "ICE was restarted since. Use the newest ETag, or connect anew."));
		}
		const read = await readText(c, FRAGMENT_BYTES_MAX);
		if (!read.ok) return refuse(read);
		const wrong = checkFragment(read.text);
		if (wrong) return refuse(wrong);
		const patched = await live.seating.patch(interview.interviewId, session.sessionId, read.text);
		if (!patched.ok) return refuse(patched);
		if (patched.sdp === undefined) return new Response(null, { status: 204, headers: CORS });
		session.iceGeneration += 1;
		return new Response(patched.sdp, {
			status: 200,
			headers: { ...CORS, "content-type": FRAGMENT_TYPE, "cache-control": "no-store", etag: entityTag(session) },
		});
	});

	app.delete("/:interview/:session", async (c) => {
		const found = sessionOf(c);
		if (!found.ok) return refuse(found);
		await live.seating.leave(found.interview.interviewId, found.session);
		return new Response(null, { status: 200, headers: CORS });
	});

	const notAllowed = (allow: string) => () =>
		refuse(refusal("method_not_allowed", `Only ${allow} are answered here.`), { allow });
	app.all("/:interview", notAllowed("OPTIONS, GET, POST"));
	app.all("/:interview/:session", notAllowed("OPTIONS, GET, PATCH, DELETE"));
	app.notFound(() => refuse(refusal("not_found", "There is nothing here. WHIP is at /whip/<interview>.")));
	return app;
}

/** Names one ICE session of one connection (§4.3.1): strong, and different after each restart. */
function entityTag(session: WhipSession): string {
	return `"${session.sessionId}.${session.iceGeneration}"`;
}

/**
 * Whether `ifMatch` names the connection's ICE session. Control may have been started anew and have forgotten
 * how often ICE was restarted: a client knows better, and is believed about its own connection.
 */
function matches(ifMatch: string, session: WhipSession): boolean {
	for (const tag of ifMatch.split(",")) {
		const found = /^"([A-Za-z0-9_-]+)\.([0-9]{1,6})"$/.exec(tag.trim());
		if (found?.[1] !== session.sessionId || Number(found[2]) < session.iceGeneration) continue;
		session.iceGeneration = Number(found[2]);
		return true;
	}
	return false;
}

/**
 * Whether `text` has the shape of a session description (RFC 8866 §5): lines of `<letter>=<value>`, `v=0` first, no
 * control characters. What it offers is the stage's to judge.
 */
export function checkSdp(text: string): Refusal | undefined {
	const lines = linesOf(text);
	if (lines[0] !== "v=0") return refusal("malformed", "This is no session description: it must begin with v=0.");
	return checkLines(lines, /^[a-z]=[^\0-\x08\x0b-\x1f\x7f]*$/);
}

/** Whether `text` has the shape of an SDP fragment (RFC 8840 §9): attributes and pseudo media lines. */
export function checkFragment(text: string): Refusal | undefined {
	return checkLines(linesOf(text), /^[am]=[^\0-\x08\x0b-\x1f\x7f]*$/);
}

function linesOf(text: string): string[] {
	const lines = text.split(/\r?\n/);
	if (lines.at(-1) === "") lines.pop();
	return lines;
}

function checkLines(lines: readonly string[], shape: RegExp): Refusal | undefined {
	if (lines.length === 0) return refusal("malformed", "The description is empty.");
	if (lines.length > SDP_LINES_MAX) {
		return refusal("malformed", `A description may have ${SDP_LINES_MAX} lines: this one has ${lines.length}.`);
	}
	const at = lines.findIndex((line) => !shape.test(line));
	return at < 0 ? undefined : refusal("malformed", `Line ${at + 1} of the description is malformed.`);
}

/** Whether an Accept header allows `type` (RFC 9110 §12.5.1); absent allows everything. */
export function accepts(header: string | undefined, type: string): boolean {
	if (header === undefined || header.trim() === "") return true;
	const [major] = type.split("/");
	let best = -1;
	let quality = 0;
	for (const range of header.toLowerCase().split(",").slice(0, 32)) {
		const [name = "", ...parameters] = range.split(";").map((piece) => piece.trim());
		const rank = name === type ? 2 : name === `${major}/*` ? 1 : name === "*/*" ? 0 : -1;
		if (rank < 0 || rank < best) continue;
		const q = parameters.find((parameter) => parameter.startsWith("q="));
		best = rank;
		quality = q === undefined ? 1 : Number(q.slice(2));
	}
	return best >= 0 && quality > 0;
}

/** §4.6: one Link per server, with what a TURN server needs. */
function linkHeaders(server: SeatGrant["iceServers"][number]): string[] {
	const quoted = (text: string) => `"${text.replace(/[\\"]/g, "\\$&")}"`;
	return server.urls.map((url) => {
		const parts = [`<${url}>`, 'rel="ice-server"'];
		if (server.username !== undefined) parts.push(`username=${quoted(server.username)}`);
		if (server.credential !== undefined) {
			parts.push(`credential=${quoted(server.credential)}`, 'credential-type="password"');
		}
		return parts.join("; ");
	});
}
