import { join } from "node:path";
import type { CertificatePaths } from "#base/index.ts";

/** Where a domain's certificate and key are in the data folder. */
export function certificatePaths(dataDir: string, domain: string): CertificatePaths {
	const base = join(dataDir, "tls", domain);
	return { certPath: `${base}.cert.pem`, keyPath: `${base}.key.pem` };
}
