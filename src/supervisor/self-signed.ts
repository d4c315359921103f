import { X509Certificate } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { hostname, networkInterfaces } from "node:os";
import { dirname, join } from "node:path";
import {
	type CertificatePaths,
	type Clock,
	makeSelfSigned,
	readCertificate,
	replaceFile,
	type UnixMs,
} from "#base/index.ts";
import type { PlatformSettings } from "#wire/index.ts";
import type { StartSettings } from "../settings.ts";
import { SupervisorError } from "./errors.ts";

/** Made anew when less than this is left. */
const RENEW_BEFORE_MS = 30 * 86_400_000;

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
	await checkCertificate("the staff door", "--tls-cert and --tls-key", staffTls);
	return staffTls;
}

/** Says before anything is started what is wrong with a certificate. @throws SupervisorError `tls_unreadable`. */
export async function checkCertificate(door: string, options: string, paths: CertificatePaths): Promise<void> {
	try {
		await readCertificate(paths);
	} catch (cause) {
		throw new SupervisorError(
			"tls_unreadable",
			`Cannot open ${door} with TLS as ${options} must be a chain and its key, PEM: ${(cause as Error).message}`,
			{ cause },
		);
	}
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
	await writeSelfSigned(paths, names, clock.unixMs());
	return paths;
}

/**
 * Where an authority's certificate is to be and there is none yet, one that signs itself: doors can open, and be asked
 * by the authority, before there is a better one.
 */
export async function ensurePlaceholder(paths: CertificatePaths, domain: string, clock: Clock): Promise<void> {
	const isThere = await readCertificate(paths).then(
		() => true,
		() => false,
	);
	if (!isThere) await writeSelfSigned(paths, [domain], clock.unixMs());
}

async function writeSelfSigned(paths: CertificatePaths, names: readonly string[], nowUnixMs: UnixMs): Promise<void> {
	const { certPem, keyPem } = makeSelfSigned(names, nowUnixMs);
	await mkdir(dirname(paths.certPath), { recursive: true, mode: 0o700 });
	// The key first: a certificate without its key is never found.
	for (const [path, text] of [
		[paths.keyPath, keyPem],
		[paths.certPath, certPem],
	] as const) {
		await replaceFile(path, text);
	}
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
