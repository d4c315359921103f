/** The staff door's API as a page calls it: a value or a problem, never an exception. */
import type { Problem } from "#wire/staff.ts";

export type Answer<T> =
	| { readonly ok: true; readonly value: T }
	/** `status` 0: nothing answered. */
	| { readonly ok: false; readonly status: number; readonly problem: Partial<Problem> };

/** How long a page waits for an answer before it says that the server does not answer. */
const ANSWER_MAX_MS = 12_000;

/**
 * Asks `/api/v1/<path>`. The answer's shape is trusted: it comes from the server that sent this page.
 *
 * @param body sent as JSON; absent: no body.
 * @param answerMaxMs longer for what starts processes or writes files.
 */
export async function ask<T>(
	method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE",
	path: string,
	body?: unknown,
	answerMaxMs = ANSWER_MAX_MS,
): Promise<Answer<T>> {
	let response: Response;
	try {
		response = await fetch(`/api/v1${path}`, {
			method,
			credentials: "same-origin",
			headers: body === undefined ? {} : { "content-type": "application/json" },
			...(body === undefined ? {} : { body: JSON.stringify(body) }),
			signal: AbortSignal.timeout(answerMaxMs),
		});
	} catch {
		return { ok: false, status: 0, problem: {} };
	}
	let json: unknown;
	try {
		const text = await response.text();
		json = text === "" ? undefined : JSON.parse(text);
	} catch {
		json = undefined;
	}
	if (response.ok) return { ok: true, value: json as T };
	return { ok: false, status: response.status, problem: (json ?? {}) as Partial<Problem> };
}

/** The secret after `#`, taken out of the address bar and the history so that nobody reads it over a shoulder. */
export function takeSecret(): string {
	const secret = decodeURIComponent(window.location.hash.slice(1));
	if (secret) window.history.replaceState(null, "", window.location.pathname + window.location.search);
	return secret;
}
