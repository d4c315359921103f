import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { type Clock, everyMs, type UnixMs } from "./time.ts";

/** How often a door looks whether its certificate has been renewed: whatever renews it needs to tell nobody. */
export const CERTIFICATE_EVERY_MS = 10_000;

export type CertificatePaths = { readonly certPath: string; readonly keyPath: string };

/** A certificate chain and its key, PEM, known to belong together. */
export type Certificate = { readonly cert: Buffer; readonly key: Buffer; readonly expiresUnixMs: UnixMs };

/** @throws Error that says what is wrong with which file. */
export async function readCertificate({ certPath, keyPath }: CertificatePaths): Promise<Certificate> {
	return checked(await readFile(certPath), await readFile(keyPath), { certPath, keyPath });
}

function checked(cert: Buffer, key: Buffer, { certPath, keyPath }: CertificatePaths): Certificate {
	const first = attempt(`${certPath} must be a certificate chain, PEM`, () => new X509Certificate(cert));
	const privateKey = attempt(`${keyPath} must be a private key, PEM, without a password`, () => createPrivateKey(key));
	if (!first.checkPrivateKey(privateKey)) {
		throw new Error(
			`the key in ${keyPath} must be the one of the first certificate in ${certPath}, which is that of ${first.subject || "nobody"}`,
		);
	}
	attempt(`${certPath} and ${keyPath} must be fit for TLS`, () => createSecureContext({ cert, key }));
	return { cert, key, expiresUnixMs: first.validToDate.getTime() as UnixMs };
}

function attempt<T>(wanted: string, make: () => T): T {
	try {
		return make();
	} catch (cause) {
		throw new Error(`${wanted}: ${(cause as Error).message}`, { cause });
	}
}

/**
 * Looks at the files every CERTIFICATE_EVERY_MS and hands on what changed. Their bytes are compared, so it does not
 * matter how they were replaced: in place, renamed, or by a symbolic link that points elsewhere now.
 *
 * Files that do not belong together, as for a moment between two writes, change nothing: `failed` is told each
 * sentence once, and they are looked at again.
 */
export function followCertificate(
	paths: CertificatePaths,
	first: Certificate,
	options: {
		readonly clock: Clock;
		readonly changed: (certificate: Certificate) => void;
		readonly failed: (error: Error) => void;
	},
): Disposable {
	let known = first;
	let told = "";
	let looking = false;
	const look = async () => {
		if (looking) return;
		looking = true;
		try {
			const [cert, key] = await Promise.all([readFile(paths.certPath), readFile(paths.keyPath)]);
			if (cert.equals(known.cert) && key.equals(known.key)) return;
			known = checked(cert, key, paths);
			told = "";
			options.changed(known);
		} catch (error) {
			const { message } = error as Error;
			if (message !== told) options.failed(error as Error);
			told = message;
		} finally {
			looking = false;
		}
	};
	return everyMs(options.clock, CERTIFICATE_EVERY_MS, () => void look());
}
