import { createHash, createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
	type CertificatePaths,
	type Clock,
	everyMs,
	keyPem,
	type MonoMs,
	makeKey,
	type Random,
	replaceFile,
} from "#base/index.ts";
import type { AcmeChallenges } from "#wire/index.ts";
import { orderCertificate } from "./client.ts";
import { AcmeError } from "./errors.ts";
import type { AcmeEvents } from "./events.ts";
import { renewAtUnixMs, retryInMs } from "./renewal.ts";

const LOOK_EVERY_MS = 60_000;

export type KeepOptions = {
	readonly paths: CertificatePaths;
	readonly domain: string;
	readonly email: string | null;
	readonly directoryUrl: string;
	readonly show: (challenges: AcmeChallenges) => Promise<void>;
	readonly clock: Clock;
	readonly random: Random;
	readonly events: AcmeEvents;
};

/**
 * Sees to it that there is a certificate for `domain`: looks at once and every minute, orders one when the one in the
 * files is none of an authority's, is for another name, or has a third of its life left. After a failure it waits,
 * longer each time, and at least as long as the authority says.
 *
 * Files are for this user only (mode 600 in a folder of mode 700). A certificate is written when it is known to be the
 * domain's and the key's; what was there stays in use until then.
 */
export function keepCertificate(options: KeepOptions): Disposable {
	const { clock, random, domain, directoryUrl, events } = options;
	let failures = 0;
	let notBeforeMs = 0 as MonoMs;
	let isBusy = false;
	const look = async () => {
		if (isBusy || clock.monoMs() < notBeforeMs) return;
		isBusy = true;
		try {
			if (await isGood(options)) return;
			events.asking(domain, directoryUrl);
			events.got(domain, await renew(options));
			failures = 0;
		} catch (error) {
			failures += 1;
			const asked = error instanceof AcmeError ? error.retryAfterMs : 0;
			const waitMs = Math.max(asked, retryInMs(failures, random));
			notBeforeMs = (clock.monoMs() + waitMs) as MonoMs;
			events.failed(domain, error, failures, waitMs);
		} finally {
			isBusy = false;
		}
	};
	void look();
	return everyMs(clock, LOOK_EVERY_MS, () => void look());
}

async function isGood({ paths, domain, clock }: KeepOptions): Promise<boolean> {
	const certificate = readFirst(await readFile(paths.certPath, "utf8").catch(() => ""));
	if (!certificate) return false;
	// The one that the door was opened with before there was another signs itself.
	if (certificate.issuer === certificate.subject || certificate.checkHost(domain) === undefined) return false;
	const life = { fromUnixMs: certificate.validFromDate.getTime(), toUnixMs: certificate.validToDate.getTime() };
	return clock.unixMs() < renewAtUnixMs(life);
}

/** @returns when the new certificate expires, Unix ms. */
async function renew({ paths, domain, email, directoryUrl, show, clock }: KeepOptions): Promise<number> {
	const folder = dirname(paths.certPath);
	await mkdir(folder, { recursive: true, mode: 0o700 });
	const certificateKey = makeKey();
	const accountKey = await keepAccountKey(folder, directoryUrl);
	const chain = await orderCertificate({ directoryUrl, domain, email, accountKey, certificateKey, show, clock });
	const certificate = readFirst(chain);
	if (!certificate?.checkPrivateKey(certificateKey) || certificate.checkHost(domain) === undefined) {
		throw new AcmeError("unusable_answer", `The authority's certificate must be for ${domain} and our key`);
	}
	// The doors follow both files and wait while they do not belong together.
	await replaceFile(paths.keyPath, keyPem(certificateKey));
	await replaceFile(paths.certPath, chain);
	return certificate.validToDate.getTime();
}

function readFirst(chain: string): X509Certificate | undefined {
	try {
		return new X509Certificate(chain);
	} catch {
		return undefined;
	}
}

/** The key of our account with this authority: made once. */
async function keepAccountKey(folder: string, directoryUrl: string): Promise<KeyObject> {
	const name = createHash("sha256").update(directoryUrl).digest("hex").slice(0, 16);
	const path = join(folder, `acme-account-${name}.key.pem`);
	const kept = await readFile(path).catch(() => undefined);
	if (kept) return createPrivateKey(kept);
	const key = makeKey();
	await replaceFile(path, keyPem(key));
	return key;
}
