import { certificatePaths, createAcmeEvents, keepCertificate } from "#acme/index.ts";
import { ACME_CHALLENGES, edgeSync, type PlatformSettings, writeJson } from "#wire/index.ts";
import type { Outside } from "./outside.ts";

/** A worker that does not answer has no listening port either: the authority comes back to another. */
const SHOWN_WITHIN_MS = 2_000;

/** The process that keeps the domain's certificate: it talks to the authority, and to nobody else outside. */
export async function startCertificate(settings: PlatformSettings, outside: Outside): Promise<AsyncDisposable> {
	const { clock, random, bus, log } = outside;
	const { acme, dataDir, edgeWorkers } = settings;
	if (!acme) throw new Error("the certificate process was started without a domain");
	const keeping = keepCertificate({
		...acme,
		paths: certificatePaths(dataDir, acme.domain),
		async show(challenges) {
			bus.publish(ACME_CHALLENGES, writeJson(challenges));
			const workers = Array.from({ length: edgeWorkers }, (_, worker) => worker);
			const synced = (worker: number) =>
				bus.request(edgeSync(worker), new Uint8Array(0), { timeoutMs: SHOWN_WITHIN_MS }).catch(() => {});
			await Promise.all(workers.map(synced));
		},
		clock,
		random,
		events: createAcmeEvents(log),
	});
	return { [Symbol.asyncDispose]: async () => keeping[Symbol.dispose]() };
}
