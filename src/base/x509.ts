/** X.509 certificates (RFC 5280) and requests for them (RFC 2986): `node:crypto` reads certificates but makes none. */
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";
import type { UnixMs } from "./time.ts";

/** As long as Apple's systems accept a certificate (825 days). */
const VALID_MS = 820 * 86_400_000;
/** Clocks of other devices may be behind ours. */
const BACKDATED_MS = 86_400_000;

/** A key for ECDSA on P-256: the cheapest in a handshake, and known to every client. */
export function makeKey(): KeyObject {
	return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
}

export function keyPem(key: KeyObject): string {
	return key.export({ type: "pkcs8", format: "pem" }) as string;
}

/** A certificate for ECDSA on P-256 that signs itself. */
export function makeSelfSigned(names: readonly string[], nowUnixMs: UnixMs): { certPem: string; keyPem: string } {
	const key = makeKey();
	const certPem = makeCertificate({
		names,
		publicKey: createPublicKey(key),
		// Its own authority, so that devices can be told to trust it, and for nothing but itself.
		isAuthority: true,
		subject: "Rostra, self-signed",
		issuer: { name: "Rostra, self-signed", key },
		fromUnixMs: nowUnixMs - BACKDATED_MS,
		toUnixMs: nowUnixMs + VALID_MS,
	});
	return { certPem, keyPem: keyPem(key) };
}

/** A certificate for a server, PEM. @param issuer an ECDSA key on P-256 and the common name that goes with it. */
export function makeCertificate(options: {
	readonly names: readonly string[];
	readonly publicKey: KeyObject;
	readonly isAuthority: boolean;
	readonly subject: string;
	readonly issuer: { readonly name: string; readonly key: KeyObject };
	readonly fromUnixMs: number;
	readonly toUnixMs: number;
}): string {
	const { names, publicKey, isAuthority, subject, issuer, fromUnixMs, toUnixMs } = options;
	const constraints = isAuthority ? sequence(boolean(true), integer(Buffer.from([0]))) : sequence();
	const body = sequence(
		tagged(0xa0, integer(Buffer.from([2]))),
		integer(serialNumber()),
		ECDSA_WITH_SHA256,
		commonName(issuer.name),
		sequence(time(fromUnixMs), time(toUnixMs)),
		commonName(subject),
		publicKeyInfo(publicKey),
		tagged(
			0xa3,
			sequence(
				extension("2.5.29.19", true, constraints),
				// digitalSignature, and keyCertSign for an authority.
				extension(
					"2.5.29.15",
					true,
					isAuthority ? bitString(Buffer.from([0b1000_0100]), 2) : bitString(Buffer.from([0b1000_0000]), 7),
				),
				extension("2.5.29.37", false, sequence(objectId("1.3.6.1.5.5.7.3.1"))),
				extension("2.5.29.17", false, sequence(...names.map(alternativeName))),
			),
		),
	);
	return pem("CERTIFICATE", signed(body, issuer.key));
}

/** A request for a certificate for `names`, DER, signed with the key it is for: an ECDSA key on P-256. */
export function makeCertificateRequest(names: readonly string[], key: KeyObject): Buffer {
	const wanted = sequence(extension("2.5.29.17", false, sequence(...names.map(alternativeName))));
	const body = sequence(
		integer(Buffer.from([0])),
		sequence(),
		publicKeyInfo(createPublicKey(key)),
		tagged(0xa0, sequence(objectId("1.2.840.113549.1.9.14"), set(wanted))),
	);
	return signed(body, key);
}

function signed(body: Buffer, key: KeyObject): Buffer {
	return sequence(body, ECDSA_WITH_SHA256, bitString(sign("sha256", body, key)));
}

function commonName(name: string): Buffer {
	return sequence(set(sequence(objectId("2.5.4.3"), utf8(name))));
}

function publicKeyInfo(key: KeyObject): Buffer {
	return key.export({ type: "spki", format: "der" });
}

/** Positive, at most 20 bytes, 127 random bits. */
function serialNumber(): Buffer {
	const bytes = randomBytes(16);
	bytes[0] = ((bytes[0] as number) & 0x7f) | 0x40;
	return bytes;
}

function alternativeName(name: string): Buffer {
	return isIP(name) ? tagged(0x87, addressBytes(name)) : tagged(0x82, Buffer.from(name, "ascii"));
}

/** 4 or 16 bytes in network order. */
function addressBytes(address: string): Buffer {
	if (!address.includes(":")) return Buffer.from(address.split(".").map(Number));
	const bare = address.replace(/%.*$/, "");
	// The URL parser writes any form of an IPv6 address in the one of RFC 5952, without a dotted tail.
	const canonical = new URL(`http://[${bare}]`).hostname.slice(1, -1);
	const [head = "", tail] = canonical.split("::");
	const groups = (text: string | undefined) => (text ? text.split(":") : []);
	const left = groups(head);
	const right = groups(tail);
	const filled = [...left, ...Array<string>(8 - left.length - right.length).fill("0"), ...right];
	return Buffer.from(filled.map((group) => group.padStart(4, "0")).join(""), "hex");
}

function pem(label: string, der: Buffer): string {
	const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
	return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

// DER (X.690), as much of it as a certificate needs.

function tagged(tag: number, ...contents: readonly Buffer[]): Buffer {
	const content = Buffer.concat(contents);
	if (content.length < 0x80) return Buffer.concat([Buffer.from([tag, content.length]), content]);
	const length = Buffer.alloc(4);
	length.writeUInt32BE(content.length);
	const significant = length.subarray(length.findIndex((byte) => byte !== 0));
	return Buffer.concat([Buffer.from([tag, 0x80 | significant.length]), significant, content]);
}

const sequence = (...items: readonly Buffer[]) => tagged(0x30, ...items);
const set = (...items: readonly Buffer[]) => tagged(0x31, ...items);
const integer = (bytes: Buffer) => tagged(0x02, bytes);
const boolean = (value: boolean) => tagged(0x01, Buffer.from([value ? 0xff : 0]));
const utf8 = (text: string) => tagged(0x0c, Buffer.from(text));
const bitString = (bytes: Buffer, unusedBits = 0) => tagged(0x03, Buffer.from([unusedBits]), bytes);

function extension(id: string, isCritical: boolean, value: Buffer): Buffer {
	return sequence(objectId(id), ...(isCritical ? [boolean(true)] : []), tagged(0x04, value));
}

function objectId(dotted: string): Buffer {
	const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
	const base128 = (value: number): number[] => {
		const digits = [value & 0x7f];
		for (let left = value >>> 7; left > 0; left >>>= 7) digits.unshift((left & 0x7f) | 0x80);
		return digits;
	};
	return tagged(0x06, Buffer.from([40 * first + second, ...rest.flatMap(base128)]));
}

/** UTCTime up to 2049, GeneralizedTime after (RFC 5280 §4.1.2.5). */
function time(unixMs: number): Buffer {
	const digits = new Date(unixMs).toISOString().replace(/[-:T]|\.\d+/g, "");
	return digits < "2050" ? tagged(0x17, Buffer.from(digits.slice(2))) : tagged(0x18, Buffer.from(digits));
}

const ECDSA_WITH_SHA256 = sequence(objectId("1.2.840.10045.4.3.2"));
