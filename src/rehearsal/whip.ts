import { readFileSync } from "node:fs";
import { request as requestPlain } from "node:http";
import { request as requestTls } from "node:https";
import { RehearsalError } from "./errors.ts";

/** An answer longer than this is none of ours. */
const ANSWER_BYTES_MAX = 64 * 1024;

export type WhipSession = { readonly resourceUrl: string; readonly sdp: string };
export type WhipTarget = {
	readonly url: string;
	readonly token: string;
	/** PEM path of the staff door's certificate: the one trusted, whatever name it carries, as the door is on this machine. */
	readonly certPath?: string | undefined;
};

/**
 * Publishes `offer` (RFC 9725 §4.2).
 *
 * @throws RehearsalError `door_unreachable` when nobody answers within `timeoutMs`, `answer_unusable` when the
 * answer is not 201 with SDP and a Location.
 */
export async function postOffer(target: WhipTarget, offer: string, timeoutMs: number): Promise<WhipSession> {
	const answer = await send(target, "POST", target.url, offer, timeoutMs);
	if (answer.status !== 201) {
		throw new RehearsalError("answer_unusable", `the door answered ${answer.status}: ${shorten(answer.body)}`);
	}
	if (answer.location === undefined) throw new RehearsalError("answer_unusable", "the door's answer has no Location");
	return { resourceUrl: new URL(answer.location, target.url).href, sdp: answer.body };
}

/** Ends a session (RFC 9725 §4.2). Settles whatever the answer; a session that is not found has ended. */
export async function deleteSession(target: WhipTarget, resourceUrl: string, timeoutMs: number): Promise<void> {
	await send(target, "DELETE", resourceUrl, undefined, timeoutMs).catch(() => undefined);
}

type Answer = { readonly status: number; readonly location: string | undefined; readonly body: string };

function send(target: WhipTarget, method: string, url: string, sdp: string | undefined, timeoutMs: number) {
	const { promise, resolve, reject } = Promise.withResolvers<Answer>();
	const fail = (cause: Error) =>
		reject(new RehearsalError("door_unreachable", `Cannot reach ${new URL(url).origin}: ${cause.message}`, { cause }));
	const options = {
		method,
		signal: AbortSignal.timeout(timeoutMs),
		headers: {
			authorization: `Bearer ${target.token}`,
			...(sdp === undefined ? {} : { "content-type": "application/sdp", "content-length": Buffer.byteLength(sdp) }),
		},
	};
	const request = url.startsWith("https:")
		? requestTls(url, { ...options, ...trustOf(target) })
		: requestPlain(url, options);
	request.on("error", fail).on("response", (response) => {
		const chunks: Buffer[] = [];
		let bytes = 0;
		response
			.on("error", fail)
			.on("data", (chunk: Buffer) => {
				bytes += chunk.length;
				if (bytes > ANSWER_BYTES_MAX) response.destroy(new Error(`the answer has more than ${ANSWER_BYTES_MAX} bytes`));
				else chunks.push(chunk);
			})
			.on("end", () =>
				resolve({
					status: response.statusCode ?? 0,
					location: response.headers.location,
					body: Buffer.concat(chunks).toString("utf8"),
				}),
			);
	});
	request.end(sdp);
	return promise;
}

function trustOf(target: WhipTarget) {
	if (target.certPath === undefined) return {};
	return { ca: readFileSync(target.certPath), allowPartialTrustChain: true, checkServerIdentity: () => undefined };
}

function shorten(body: string): string {
	return body.replaceAll(/\s+/g, " ").slice(0, 200);
}
