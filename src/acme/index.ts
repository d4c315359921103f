/**
 * Certificates from an authority that speaks ACME (RFC 8555), Let's Encrypt by default: asks for one when there is none,
 * renews it in time, and leaves it as files, which the doors follow.
 *
 * Written here because the one library for Node (acme-client 5.4.0, two years old) brings 50 packages for what are a
 * few hundred lines with `node:crypto`. It does not know what the certificate is used for, nor who listens on port 80:
 * it publishes what the authority is to find there.
 */
export { AcmeError, type AcmeErrorCode } from "./errors.ts";
export { type AcmeEvents, createAcmeEvents } from "./events.ts";
export { type KeepOptions, keepCertificate } from "./keep.ts";
export { certificatePaths } from "./paths.ts";
