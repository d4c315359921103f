import { generateKeyPairSync, type KeyObject, randomBytes, sign, X509Certificate } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import type { Clock, UnixMs } from "#base/index.ts";
import type { PlatformSettings } from "#wire/index.ts";
import type { StartSettings } from "../settings.ts";
import { SupervisorError } from "./errors.ts";

/** As long as Apple's systems accept a certificate (825 days). */
const VALID_MS = 820 * 86_400_000;
/** Made anew when less than this is left. */
const RENEW_BEFORE_MS = 30 * 86_400_000;
/** Clocks of other devices may be behind ours. */
const BACKDATED_MS = 86_400_000;

/** The staff door's certificate: the one given, looked at, or one made here. @throws SupervisorError `tls_unreadable`. */
export async function staffCertificate(
	{ staffTls, dataDir, staffUrl, host }: StartSettings,
	clock: Clock,
): Promise<PlatformSettings["staffTls"]> {
	if (staffTls === null) return null;
	if (staffTls === "self_signed") {
		const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
		const reachable = addresses.filter(({ address }) => !address.startsWith("fe80:")).map(({ address }) => address);
		const named = [new URL(staffUrl).hostname.replace(/^\[|\]$/g, ""), host, "localhost", hostname(), ...reachable];
		const names = [...new Set(named)].filter((name) => /^[\w.:-]+$/.test(name) && name !== "0.0.0.0" && name !== "::");
		return await ensureSelfSigned(join(dataDir, "tls"), names, clock);
	}
	try {
		createSecureContext({ cert: await readFile(staffTls.certPath), key: await readFile(staffTls.keyPath) });
	} catch (cause) {
		throw new SupervisorError(
			"tls_unreadable",
			`Cannot open the staff door with TLS as --tls-cert and --tls-key must be a chain and its key, PEM: ${(cause as Error).message}`,
			{ cause },
		);
	}
	return staffTls;
}

/**
 * The data folder's self-signed certificate for `names`, made when there is none that covers them. The same one is
 * kept across starts, so that a browser that was told to trust it goes on doing so.
 *
 * @param names host names and IP addresses the staff door is reached by.
 */
export async function ensureSelfSigned(
	directory: string,
	names: readonly string[],
	clock: Clock,
): Promise<{ certPath: string; keyPath: string }> {
	const paths = { certPath: join(directory, "self-signed.cert.pem"), keyPath: join(directory, "self-signed.key.pem") };
	if (await isUsable(paths.certPath, names, clock.unixMs())) return paths;
	const { certPem, keyPem } = makeSelfSigned(names, clock.unixMs());
	await mkdir(directory, { recursive: true, mode: 0o700 });
	// The key first: a certificate without its key is never found.
	for (const [path, text] of [
		[paths.keyPath, keyPem],
		[paths.certPath, certPem],
	] as const) {
		await writeFile(`${path}.new`, text, { mode: 0o600 });
		await rename(`${path}.new`, path);
	}
	return paths;
}

async function isUsable(certPath: string, names: readonly string[], nowUnixMs: UnixMs): Promise<boolean> {
	try {
		const certificate = new X509Certificate(await readFile(certPath));
		if (certificate.validToDate.getTime() - nowUnixMs < RENEW_BEFORE_MS) return false;
		return names.every((name) => (isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name)) !== undefined);
	} catch {
		return false;
	}
}

/** A certificate (X.509 v3, RFC 5280) for ECDSA on P-256 that signs itself; `node:crypto` reads such but makes none. */
export function makeSelfSigned(names: readonly string[], nowUnixMs: UnixMs): { certPem: string; keyPem: string } {
	const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
	const ecdsaWithSha256 = sequence(objectId("1.2.840.10045.4.3.2"));
	const name = sequence(set(sequence(objectId("2.5.4.3"), utf8("Rostra, self-signed"))));
	const body = sequence(
		tagged(0xa0, integer(Buffer.from([2]))),
		integer(serialNumber()),
		ecdsaWithSha256,
		name,
		sequence(time(nowUnixMs - BACKDATED_MS), time(nowUnixMs + VALID_MS)),
		name,
		publicKeyInfo(publicKey),
		tagged(
			0xa3,
			sequence(
				// Its own authority, so that devices can be told to trust it, and for nothing but itself.
				extension("2.5.29.19", true, sequence(boolean(true), integer(Buffer.from([0])))),
				extension("2.5.29.15", true, bitString(Buffer.from([0b1000_0100]), 2)),
				extension("2.5.29.37", false, sequence(objectId("1.3.6.1.5.5.7.3.1"))),
				extension("2.5.29.17", false, sequence(...names.map(alternativeName))),
			),
		),
	);
	const certificate = sequence(body, ecdsaWithSha256, bitString(sign("sha256", body, privateKey)));
	return { certPem: pem("CERTIFICATE", certificate), keyPem: privateKey.export({ type: "pkcs8", format: "pem" }) };
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
