import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { connect, createServer, type TLSSocket } from "node:tls";
import type { UnixMs } from "./time.ts";
import { makeSelfSigned } from "./x509.ts";

const NOW = Date.UTC(2026, 10, 23);
const DAY_MS = 86_400_000;

test("a self-signed certificate is for its names and addresses, for a server, and for nothing else", () => {
	const certificate = new X509Certificate(
		makeSelfSigned(["talk.local", "192.0.2.7", "2001:db8::7"], NOW as UnixMs).certPem,
	);
	assert.equal(certificate.checkHost("talk.local"), "talk.local");
	assert.equal(certificate.checkIP("192.0.2.7"), "192.0.2.7");
	assert.equal(certificate.checkIP("2001:db8::7"), "2001:db8::7");
	assert.equal(certificate.checkIP("2001:db8::8"), undefined);
	assert.equal(certificate.checkHost("example.com"), undefined);
	assert.deepEqual(certificate.keyUsage, ["1.3.6.1.5.5.7.3.1"]);
	assert.ok(certificate.verify(certificate.publicKey));
	assert.ok(certificate.validFromDate.getTime() < NOW);
	assert.equal(Math.round((certificate.validToDate.getTime() - NOW) / DAY_MS), 820);
});

test("a certificate that ends after 2049 says so in the other form of a date (RFC 5280 §4.1.2.5)", () => {
	const certificate = new X509Certificate(makeSelfSigned(["a"], Date.UTC(2049, 6, 1) as UnixMs).certPem);
	assert.equal(certificate.validToDate.getUTCFullYear(), 2051);
	assert.equal(certificate.validFromDate.getUTCFullYear(), 2049);
});

test("a device that was told to trust it connects", async () => {
	const { certPem, keyPem } = makeSelfSigned(["127.0.0.1"], Date.now() as UnixMs);
	const server = createServer({ cert: certPem, key: keyPem }, (socket) => socket.end("hello"));
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const { port } = server.address() as AddressInfo;
	const client: TLSSocket = connect({ host: "127.0.0.1", port, ca: certPem });
	const heard = await new Promise((resolve, reject) => {
		client.once("data", (chunk: Buffer) => resolve(chunk.toString()));
		client.once("error", reject);
	});
	assert.equal(heard, "hello");
	assert.ok(client.authorized);
	await new Promise((resolve) => server.close(resolve));
});
