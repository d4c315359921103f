import { createHash, createPublicKey, type KeyObject, sign } from "node:crypto";

/** The public part of an ECDSA key on P-256 with its members in the order that RFC 7638 §3.2 hashes. */
export type Jwk = { readonly crv: string; readonly kty: string; readonly x: string; readonly y: string };

export function jwkOf(key: KeyObject): Jwk {
	const { crv, kty, x, y } = createPublicKey(key).export({ format: "jwk" }) as Jwk;
	return { crv, kty, x, y };
}

/** RFC 7638: what names an account key in a challenge's answer. */
export function thumbprint(jwk: Jwk): string {
	return createHash("sha256").update(JSON.stringify(jwk)).digest("base64url");
}

/**
 * A request's body (RFC 8555 §6.2): ES256, flattened JSON.
 *
 * @param payload undefined for POST-as-GET.
 * @param who the key itself before there is an account, the account's address after.
 */
export function signRequest(
	key: KeyObject,
	head: { readonly url: string; readonly nonce: string; readonly who: { jwk: Jwk } | { kid: string } },
	payload: unknown,
): string {
	const encode = (text: string) => Buffer.from(text).toString("base64url");
	const protectedHead = encode(JSON.stringify({ alg: "ES256", nonce: head.nonce, url: head.url, ...head.who }));
	const body = payload === undefined ? "" : encode(JSON.stringify(payload));
	const signature = sign("sha256", Buffer.from(`${protectedHead}.${body}`), { key, dsaEncoding: "ieee-p1363" });
	return JSON.stringify({ protected: protectedHead, payload: body, signature: signature.toString("base64url") });
}
