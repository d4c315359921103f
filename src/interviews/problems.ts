import type { Problem } from "#wire/index.ts";
import type { Refusal, RefusalCode } from "./errors.ts";

const STATUS: Record<RefusalCode, number> = {
	malformed: 400,
	sign_in_required: 401,
	sign_in_link_unknown: 401,
	sign_in_link_used: 401,
	sign_in_link_expired: 401,
	too_many_attempts: 429,
	not_yours: 403,
	foreign_origin: 403,
	not_found: 404,
	gone: 410,
	method_not_allowed: 405,
	not_acceptable: 406,
	too_large: 413,
	head_too_large: 431,
	too_slow: 408,
	unsupported_media_type: 415,
	unprocessable: 422,
	precondition_required: 428,
	precondition_failed: 412,
	slug_taken: 409,
	interviews_full: 409,
	people_full: 409,
	studio_full: 409,
	live_max: 503,
	streams_full: 503,
	not_open: 409,
	on_air: 409,
	over: 410,
	last_host: 409,
	consent_missing: 422,
	recording_not_removed: 500,
	invitation_expired: 410,
	invitation_used: 409,
	invitation_foreign: 404,
	database_down: 503,
	stage_unreachable: 503,
	programme_unreachable: 503,
	house_unreachable: 503,
	level_not_pinned: 409,
};

const TITLES: Record<number, string> = {
	400: "Malformed request",
	401: "Who are you?",
	403: "Not allowed",
	404: "Not found",
	405: "Method not allowed",
	406: "Not acceptable",
	408: "Too slow",
	409: "Not possible now",
	410: "Gone",
	412: "Precondition failed",
	413: "Too large",
	415: "Unsupported media type",
	422: "Cannot be processed",
	428: "Precondition required",
	429: "Too many attempts",
	431: "Head too large",
	500: "Our fault",
	503: "Not available now",
};

/** The one place where a refusal becomes HTTP: problem+json (RFC 9457). */
export function problemResponse(refusal: Refusal, headers: Record<string, string> = {}): Response {
	const { status, body, headers: own } = problemOf(refusal);
	return new Response(body, { status, headers: { ...own, ...headers } });
}

/** The same, written out, for a request whose head was none: the connection closes with it. */
export function problemMessage(refusal: Refusal): string {
	const { status, body, headers } = problemOf(refusal);
	const lines = Object.entries({ ...headers, "content-length": String(Buffer.byteLength(body)), connection: "close" });
	const head = [`HTTP/1.1 ${status} ${TITLES[status]}`, ...lines.map(([name, value]) => `${name}: ${value}`)];
	return `${head.join("\r\n")}\r\n\r\n${body}`;
}

function problemOf(refusal: Refusal) {
	const status = STATUS[refusal.code];
	const problem: Problem = {
		type: `/problems/${refusal.code}`,
		title: TITLES[status] ?? "Refused",
		status,
		detail: refusal.detail,
		code: refusal.code,
		...(refusal.pointer === undefined ? {} : { pointer: refusal.pointer }),
		...(refusal.ask === undefined ? {} : { ask: refusal.ask }),
	};
	const retryAfterS = refusal.retryAfterS ?? (status === 503 ? 2 : undefined);
	const headers: Record<string, string> = {
		"content-type": "application/problem+json",
		"cache-control": "no-store",
		...(retryAfterS === undefined ? {} : { "retry-after": String(retryAfterS) }),
	};
	return { status, body: JSON.stringify(problem), headers };
}

/** For what should not have happened: says nothing of it to the outside. */
export function failureResponse(): Response {
	const problem: Problem = {
		type: "about:blank",
		title: TITLES[500] as string,
		status: 500,
		detail: "The server failed at this request; it is in the log. Sound that is on air is not affected. Try again.",
	};
	return new Response(JSON.stringify(problem), {
		status: 500,
		headers: { "content-type": "application/problem+json", "cache-control": "no-store" },
	});
}
