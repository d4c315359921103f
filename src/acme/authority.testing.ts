/**
 * An authority on loopback that follows RFC 8555's flow of messages: signatures, nonces and addresses are checked, an
 * http-01 challenge is really fetched, the request's signature and names are checked, and a certificate is issued.
 */
import { createHash, createPublicKey, createVerify, type KeyObject, randomBytes, verify } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { type Clock, makeCertificate, makeKey } from "#base/index.ts";

const DAY_MS = 86_400_000;
const AUTHORITY = "Test authority";

type Jwk = { crv: string; kty: string; x: string; y: string };
type Account = { url: string; jwk: Jwk; thumbprint: string; contact: string[] };
type Order = {
	id: number;
	account: Account;
	domain: string;
	token: string;
	status: "pending" | "ready" | "processing" | "valid" | "invalid";
	error?: { type: string; detail: string };
	certificate?: string;
};

export type Authority = {
	readonly directoryUrl: string;
	/** The certificate that vouches for those it gives, PEM. */
	readonly rootPem: string;
	/** What happened, in order: `newAccount`, `newOrder`, `validated`, `not_validated`, `issued`, `bad_nonce`. */
	readonly seen: string[];
	readonly contacts: string[][];
	/** How the next requests go wrong. */
	readonly trouble: { badNonces: number; rateLimit: number; orderPendingPolls: number };
} & AsyncDisposable;

/** @param httpPort where port 80 of every domain is. */
export async function openAuthority(options: { clock: Clock; httpPort: number; lifeMs?: number }): Promise<Authority> {
	const { clock, httpPort, lifeMs = 90 * DAY_MS } = options;
	const rootKey = makeKey();
	const rootPem = makeCertificate({
		names: ["authority.test"],
		publicKey: createPublicKey(rootKey),
		isAuthority: true,
		subject: AUTHORITY,
		issuer: { name: AUTHORITY, key: rootKey },
		fromUnixMs: clock.unixMs() - DAY_MS,
		toUnixMs: clock.unixMs() + 3_650 * DAY_MS,
	});
	const nonces = new Set<string>();
	const accounts = new Map<string, Account>();
	const orders: Order[] = [];
	const seen: string[] = [];
	const contacts: string[][] = [];
	const trouble = { badNonces: 0, rateLimit: 0, orderPendingPolls: 0 };
	let base = "";

	const nonce = () => {
		const value = randomBytes(16).toString("base64url");
		nonces.add(value);
		return value;
	};
	const answer = (response: ServerResponse, status: number, body: unknown, more: Record<string, string> = {}) => {
		const isText = typeof body === "string";
		const type = isText ? "application/pem-certificate-chain" : "application/json";
		const headers = { "content-type": status >= 400 ? "application/problem+json" : type, "replay-nonce": nonce() };
		response.writeHead(status, { ...headers, ...more }).end(isText ? body : JSON.stringify(body));
	};
	const refuse = (response: ServerResponse, status: number, type: string, detail: string, more = {}) =>
		answer(response, status, { type: `urn:ietf:params:acme:error:${type}`, detail, status }, more);
	const orderBody = (order: Order) => ({
		status: order.status,
		identifiers: [{ type: "dns", value: order.domain }],
		authorizations: [`${base}/authorization/${order.id}`],
		finalize: `${base}/finalize/${order.id}`,
		...(order.certificate ? { certificate: `${base}/certificate/${order.id}` } : {}),
		...(order.error ? { error: order.error } : {}),
	});
	const authorizationBody = (order: Order) => {
		const isDecided = order.status !== "pending";
		const status = isDecided ? (order.status === "invalid" ? "invalid" : "valid") : "pending";
		const url = `${base}/challenge/${order.id}`;
		return {
			status,
			identifier: { type: "dns", value: order.domain },
			challenges: [
				{ type: "dns-01", url: `${url}-dns`, token: "unused", status: "pending" },
				{ type: "http-01", url, token: order.token, status, ...(order.error ? { error: order.error } : {}) },
			],
		};
	};

	/** §8.3: fetches what must be the token and the account's thumbprint. */
	const validate = async (order: Order) => {
		const path = `/.well-known/acme-challenge/${order.token}`;
		const found = await new Promise<string>((resolve) => {
			request({ host: "127.0.0.1", port: httpPort, path, headers: { host: order.domain } }, (response) =>
				text(response).then((body) => resolve(response.statusCode === 200 ? body : `status ${response.statusCode}`)),
			)
				.on("error", (error) => resolve(error.message))
				.end();
		});
		if (found === `${order.token}.${order.account.thumbprint}`) {
			order.status = "ready";
			seen.push("validated");
		} else {
			order.status = "invalid";
			order.error = { type: "urn:ietf:params:acme:error:unauthorized", detail: `found "${found.slice(0, 40)}"` };
			seen.push("not_validated");
		}
	};

	const serve = async (question: IncomingMessage, response: ServerResponse): Promise<void> => {
		const path = question.url ?? "";
		const names = ["newNonce", "newAccount", "newOrder"];
		if (path === "/directory") {
			return answer(response, 200, Object.fromEntries(names.map((name) => [name, `${base}/${name}`])));
		}
		if (path === "/newNonce") return answer(response, 200, {});
		const sent = JSON.parse(await text(question)) as { protected: string; payload: string; signature: string };
		const decode = (part: string) => Buffer.from(part, "base64url").toString("utf8");
		const head = JSON.parse(decode(sent.protected)) as {
			alg: string;
			nonce: string;
			url: string;
			jwk?: Jwk;
			kid?: string;
		};
		const account = head.kid ? accounts.get(head.kid) : undefined;
		const jwk = account?.jwk ?? head.jwk;
		const isJose = question.headers["content-type"] === "application/jose+json";
		if (
			!isJose ||
			head.alg !== "ES256" ||
			head.url !== base + path ||
			!jwk ||
			Boolean(head.jwk) === Boolean(head.kid)
		) {
			return refuse(response, 400, "malformed", `not a request for ${path}`);
		}
		const key = createPublicKey({ key: jwk, format: "jwk" });
		const signed = Buffer.from(`${sent.protected}.${sent.payload}`);
		const signature = Buffer.from(sent.signature, "base64url");
		if (!verify("sha256", signed, { key, dsaEncoding: "ieee-p1363" }, signature)) {
			return refuse(response, 400, "malformed", "the signature is wrong");
		}
		if (!nonces.delete(head.nonce) || trouble.badNonces > 0) {
			trouble.badNonces -= 1;
			seen.push("bad_nonce");
			return refuse(response, 400, "badNonce", "this nonce is not known");
		}
		const payload = sent.payload === "" ? undefined : JSON.parse(decode(sent.payload));

		if (path === "/newAccount") {
			if (payload.termsOfServiceAgreed !== true) return refuse(response, 403, "userActionRequired", "terms");
			const { crv, kty, x, y } = jwk;
			const thumbprint = createHash("sha256").update(JSON.stringify({ crv, kty, x, y })).digest("base64url");
			const url = `${base}/account/${thumbprint}`;
			const isNew = !accounts.has(url);
			if (isNew) accounts.set(url, { url, jwk, thumbprint, contact: payload.contact ?? [] });
			contacts.push(payload.contact ?? []);
			seen.push(isNew ? "newAccount" : "sameAccount");
			return answer(response, isNew ? 201 : 200, { status: "valid" }, { location: url });
		}
		if (!account) return refuse(response, 401, "unauthorized", "no account");
		if (path === "/newOrder") {
			if (trouble.rateLimit > 0) {
				trouble.rateLimit -= 1;
				return refuse(response, 429, "rateLimited", "too many certificates", { "retry-after": "7200" });
			}
			const domain = payload.identifiers[0].value as string;
			const order: Order = {
				id: orders.length,
				account,
				domain,
				token: randomBytes(32).toString("base64url"),
				status: "pending",
			};
			orders.push(order);
			seen.push("newOrder");
			return answer(response, 201, orderBody(order), { location: `${base}/order/${order.id}` });
		}
		const [, kind, id] = path.split("/");
		const order = orders[Number(id)];
		if (!order || order.account !== account) return refuse(response, 404, "malformed", "no such order");
		switch (kind) {
			case "authorization":
				return answer(response, 200, authorizationBody(order));
			case "challenge":
				await validate(order);
				return answer(response, 200, authorizationBody(order).challenges[1]);
			case "finalize": {
				if (order.status !== "ready") return refuse(response, 403, "orderNotReady", order.status);
				const csr = readRequest(Buffer.from(payload.csr, "base64url"));
				if (!csr || csr.names.join() !== order.domain) return refuse(response, 400, "badCSR", `names ${csr?.names}`);
				const certificate = makeCertificate({
					names: csr.names,
					publicKey: csr.publicKey,
					isAuthority: false,
					subject: order.domain,
					issuer: { name: AUTHORITY, key: rootKey },
					fromUnixMs: clock.unixMs(),
					toUnixMs: clock.unixMs() + lifeMs,
				});
				order.certificate = certificate + rootPem;
				order.status = trouble.orderPendingPolls > 0 ? "processing" : "valid";
				seen.push("issued");
				return answer(response, 200, orderBody(order));
			}
			case "order":
				if (order.status === "processing" && trouble.orderPendingPolls-- <= 1) order.status = "valid";
				return answer(response, 200, orderBody(order));
			case "certificate":
				return answer(response, 200, order.certificate as string);
			default:
				return refuse(response, 404, "malformed", path);
		}
	};

	const server = createServer((question, response) => {
		serve(question, response).catch((error) => refuse(response, 500, "serverInternal", String(error)));
	});
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	return {
		directoryUrl: `${base}/directory`,
		rootPem,
		seen,
		contacts,
		trouble,
		async [Symbol.asyncDispose]() {
			server.closeAllConnections();
			await new Promise((resolve) => server.close(resolve));
		},
	};
}

/** Names and key of a certificate request (RFC 2986), or undefined when it is not signed with that key. */
function readRequest(der: Buffer): { names: string[]; publicKey: KeyObject } | undefined {
	const [body, , signature] = childrenOf(der);
	const [, , publicKeyInfo, attributes] = childrenOf(body as Buffer);
	const publicKey = createPublicKey({ key: publicKeyInfo as Buffer, format: "der", type: "spki" });
	const bits = contentOf(signature as Buffer).subarray(1);
	if (
		!createVerify("sha256")
			.update(body as Buffer)
			.verify(publicKey, bits)
	)
		return undefined;
	// dNSName, [2], in the one extension that is asked for.
	const text = (attributes as Buffer).toString("latin1");
	const names = [...text.matchAll(/\x82([\x01-\x7f])([a-z0-9.-]+)/g)].map(([, size, name]) =>
		(name as string).slice(0, (size as string).charCodeAt(0)),
	);
	return { names, publicKey };
}

/** A DER value's elements, each with its head. */
function childrenOf(der: Buffer): Buffer[] {
	const content = contentOf(der);
	const children: Buffer[] = [];
	for (let at = 0; at < content.length; ) {
		const rest = content.subarray(at);
		const size = headBytes(rest) + contentOf(rest).length;
		children.push(rest.subarray(0, size));
		at += size;
	}
	return children;
}

function headBytes(der: Buffer): number {
	const first = der[1] as number;
	return first < 0x80 ? 2 : 2 + (first & 0x7f);
}

function contentOf(der: Buffer): Buffer {
	const head = headBytes(der);
	const length = head === 2 ? (der[1] as number) : der.readUIntBE(2, head - 2);
	return der.subarray(head, head + length);
}
