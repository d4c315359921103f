import type { KeyObject } from "node:crypto";
import * as z from "zod/mini";
import { type Clock, type MonoMs, makeCertificateRequest, pauseMs } from "#base/index.ts";
import type { AcmeChallenges } from "#wire/index.ts";
import { AcmeError } from "./errors.ts";
import { type Jwk, jwkOf, signRequest, thumbprint } from "./jws.ts";

const ANSWER_WITHIN_MS = 30_000;
/** The longest chains are below 20 KB. */
const ANSWER_BYTES_MAX = 256 * 1024;
/** From the order to the certificate; authorities look from several places. */
const ORDER_WITHIN_MS = 120_000;
const POLL_EVERY_MS = 2_000;
/** A nonce is refused when the authority forgot it; a new one comes with the refusal (§6.5). */
const NONCES_TRIED_MAX = 4;

const directory = z.object({ newNonce: z.string(), newAccount: z.string(), newOrder: z.string() });
const problem = z.object({ type: z.optional(z.string()), detail: z.optional(z.string()) });
const order = z.object({
	status: z.string(),
	authorizations: z.array(z.string()),
	finalize: z.string(),
	certificate: z.optional(z.string()),
	error: z.optional(problem),
});
const authorization = z.object({
	status: z.string(),
	challenges: z.array(
		z.object({
			type: z.string(),
			url: z.string(),
			token: z.optional(z.string().check(z.regex(/^[A-Za-z0-9_-]{1,128}$/))),
			error: z.optional(problem),
		}),
	),
});

export type OrderOptions = {
	readonly directoryUrl: string;
	readonly domain: string;
	/** Null: the authority has no way to warn us. */
	readonly email: string | null;
	readonly accountKey: KeyObject;
	readonly certificateKey: KeyObject;
	/** Makes the authority find these, and nothing else, at the domain's port 80; settles when it does. */
	readonly show: (challenges: AcmeChallenges) => Promise<void>;
	readonly clock: Clock;
};

/**
 * Orders a certificate for one name (RFC 8555 §7.1), which the authority checks over plain HTTP (§8.3).
 *
 * @returns the chain, PEM, the name's own certificate first.
 * @throws AcmeError
 */
export async function orderCertificate(options: OrderOptions): Promise<string> {
	const { domain, email, accountKey, certificateKey, show, clock } = options;
	const giveUpMs = (clock.monoMs() + ORDER_WITHIN_MS) as MonoMs;
	const session = await Session.open(options.directoryUrl, accountKey);
	await session.enter(email);
	try {
		const { location, body } = await session.post(session.directory.newOrder, {
			identifiers: [{ type: "dns", value: domain }],
		});
		const orderUrl = given(location, "the order has no address");
		let state = read(order, body);
		for (const url of state.authorizations) await authorize(session, url, { ...options, giveUpMs });

		state = read(order, (await session.post(orderUrl)).body);
		for (let isFinalized = false; state.status !== "valid"; ) {
			if (state.status === "invalid") {
				throw new AcmeError("refused", `The authority gave no certificate for ${domain}: ${textOf(state.error)}`);
			}
			if (state.status === "ready" && !isFinalized) {
				isFinalized = true;
				const csr = makeCertificateRequest([domain], certificateKey).toString("base64url");
				state = read(order, (await session.post(state.finalize, { csr })).body);
				continue;
			}
			await waitABit(clock, giveUpMs, `${domain}'s order stays ${state.status}`);
			state = read(order, (await session.post(orderUrl)).body);
		}
		const certificateUrl = given(state.certificate, "the order is valid, and names no certificate");
		return (await session.post(certificateUrl, undefined, "application/pem-certificate-chain")).text;
	} finally {
		await show([]);
	}
}

async function authorize(
	session: Session,
	url: string,
	{ domain, show, clock, giveUpMs }: OrderOptions & { readonly giveUpMs: MonoMs },
): Promise<void> {
	let state = read(authorization, (await session.post(url)).body);
	if (state.status === "valid") return;
	const challenge = state.challenges.find(({ type }) => type === "http-01");
	const token = given(challenge?.token, `the authority does not check ${domain} over HTTP (http-01)`);
	const challenges = [{ token, keyAuthorization: `${token}.${session.thumbprint}` }];
	await show(challenges);
	await session.post((challenge as { url: string }).url, {});
	for (;;) {
		state = read(authorization, (await session.post(url)).body);
		if (state.status === "valid") return;
		if (state.status !== "pending") {
			const said = textOf(state.challenges.find(({ type }) => type === "http-01")?.error);
			throw new AcmeError(
				"not_validated",
				`The authority did not find our answer at http://${domain}/.well-known/acme-challenge/: ${said}. ` +
					`Port 80 of ${domain} must lead to --http-redirect-port of this server`,
			);
		}
		await waitABit(clock, giveUpMs, `the authority has not yet looked at ${domain}`);
		// For a worker that was started anew meanwhile.
		await show(challenges);
	}
}

async function waitABit(clock: Clock, giveUpMs: MonoMs, what: string): Promise<void> {
	if (clock.monoMs() > giveUpMs) {
		throw new AcmeError("too_slow", `Waited ${ORDER_WITHIN_MS / 1_000} s for a certificate: ${what}`);
	}
	await pauseMs(clock, POLL_EVERY_MS);
}

type Reply = { readonly location: string | undefined; readonly text: string; readonly body: unknown };

/** An account's signed requests, each with the nonce that came with the answer before. */
class Session {
	readonly directory: z.infer<typeof directory>;
	readonly thumbprint: string;
	readonly #key: KeyObject;
	#who: { jwk: Jwk } | { kid: string };
	#nonce: string | undefined;

	static async open(directoryUrl: string, key: KeyObject): Promise<Session> {
		return new Session(read(directory, parse(await send(directoryUrl, { method: "GET" }))), key);
	}

	private constructor(found: z.infer<typeof directory>, key: KeyObject) {
		this.directory = found;
		this.#key = key;
		const jwk = jwkOf(key);
		this.#who = { jwk };
		this.thumbprint = thumbprint(jwk);
	}

	/** Makes the account, or finds the one that this key has (§7.3). */
	async enter(email: string | null): Promise<void> {
		const contact = email === null ? {} : { contact: [`mailto:${email}`] };
		const { location } = await this.post(this.directory.newAccount, { termsOfServiceAgreed: true, ...contact });
		this.#who = { kid: given(location, "the account has no address") };
	}

	/** @param payload absent: POST-as-GET. */
	async post(url: string, payload?: unknown, accept = "application/json"): Promise<Reply> {
		for (let tried = 1; ; tried += 1) {
			const nonce = this.#nonce ?? (await this.#newNonce());
			this.#nonce = undefined;
			const reply = await send(url, {
				method: "POST",
				headers: { "content-type": "application/jose+json", accept },
				body: signRequest(this.#key, { url, nonce, who: this.#who }, payload),
			});
			this.#nonce = reply.response.headers.get("replay-nonce") ?? undefined;
			if (reply.response.ok) {
				const body = accept === "application/json" ? parse(reply) : undefined;
				return { location: reply.response.headers.get("location") ?? undefined, text: reply.text, body };
			}
			const said = problem.safeParse(parseOrNothing(reply.text)).data ?? {};
			if (said.type === "urn:ietf:params:acme:error:badNonce" && tried < NONCES_TRIED_MAX) continue;
			throw refusal(url, reply.response, said);
		}
	}

	async #newNonce(): Promise<string> {
		const { response } = await send(this.directory.newNonce, { method: "HEAD" });
		return given(response.headers.get("replay-nonce") ?? undefined, "the authority gives no nonce");
	}
}

function refusal(url: string, response: Response, said: z.infer<typeof problem>): AcmeError {
	const wait = response.headers.get("retry-after") ?? "";
	const retryAfterMs = /^\d{1,7}$/.test(wait) ? Number(wait) * 1_000 : 0;
	const isTooMuch = response.status === 429 || said.type === "urn:ietf:params:acme:error:rateLimited";
	return new AcmeError(
		isTooMuch ? "rate_limited" : "refused",
		`The authority refused ${url} with ${response.status}: ${textOf(said)}`,
		{ retryAfterMs },
	);
}

type Sent = { readonly response: Response; readonly text: string };

async function send(url: string, init: RequestInit): Promise<Sent> {
	const target = URL.parse(url);
	const isLoopback = target && /^(127\.0\.0\.1|\[::1\]|localhost)$/.test(target.hostname);
	if (!target || (target.protocol !== "https:" && !isLoopback)) {
		throw new AcmeError("unusable_answer", `An authority's address must begin with https:// (RFC 8555 §6.1): ${url}`);
	}
	try {
		const headers = { "user-agent": "rostra", ...(init.headers as Record<string, string>) };
		const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
		const response = await fetch(target, { ...init, headers, signal, redirect: "error" });
		return { response, text: await textWithin(response) };
	} catch (cause) {
		if (cause instanceof AcmeError) throw cause;
		const { message, cause: deeper } = cause as Error;
		const why = deeper instanceof Error ? deeper.message : message;
		throw new AcmeError("unreachable", `Cannot reach the authority at ${target.origin}: ${why}`, { cause });
	}
}

async function textWithin(response: Response): Promise<string> {
	const chunks: Uint8Array[] = [];
	let bytes = 0;
	for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
		bytes += chunk.length;
		if (bytes > ANSWER_BYTES_MAX) throw new AcmeError("unusable_answer", `${response.url} answers without an end`);
		chunks.push(chunk);
	}
	return Buffer.concat(chunks).toString("utf8");
}

function parse({ response, text }: Sent): unknown {
	if (!response.ok) throw refusal(response.url, response, problem.safeParse(parseOrNothing(text)).data ?? {});
	return parseOrNothing(text);
}

function parseOrNothing(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

function read<T extends z.ZodMiniType>(shape: T, body: unknown): z.infer<T> {
	const result = shape.safeParse(body);
	if (result.success) return result.data;
	throw new AcmeError("unusable_answer", `The authority's answer cannot be read: ${z.prettifyError(result.error)}`);
}

function given(value: string | undefined, otherwise: string): string {
	if (value === undefined) throw new AcmeError("unusable_answer", `Cannot get a certificate: ${otherwise}`);
	return value;
}

function textOf(said: z.infer<typeof problem> | undefined): string {
	return [said?.detail, said?.type && `(${said.type})`].filter(Boolean).join(" ") || "it does not say why";
}
