import type { Log } from "#base/index.ts";

export type AcmeEvents = ReturnType<typeof createAcmeEvents>;

/** What an operator is told about his certificate. */
export function createAcmeEvents(log: Log) {
	return {
		asking(domain: string, directoryUrl: string) {
			log("info", "acme.asking", { domain, directoryUrl });
		},
		got(domain: string, expiresUnixMs: number) {
			log("info", "acme.got", { domain, expires: new Date(expiresUnixMs).toISOString() });
		},
		failed(domain: string, error: unknown, failures: number, retryInMs: number) {
			log("error", "acme.failed", {
				domain,
				error: error instanceof Error ? error.message : String(error),
				failures,
				retryInMs: Math.round(retryInMs),
			});
		},
	};
}
