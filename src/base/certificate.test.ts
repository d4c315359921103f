import assert from "node:assert/strict";
import { createPublicKey, X509Certificate } from "node:crypto";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { CERTIFICATE_EVERY_MS, followCertificate, readCertificate } from "./certificate.ts";
import { FakeClock, type UnixMs } from "./time.ts";
import { keyPem, makeCertificate, makeKey, makeSelfSigned } from "./x509.ts";

const NOW = Date.UTC(2026, 10, 23) as UnixMs;

async function folder(t: TestContext) {
	const directory = await mkdtemp(join(tmpdir(), "rostra-certificate-"));
	t.after(() => rm(directory, { recursive: true }));
	const paths = { certPath: join(directory, "cert.pem"), keyPath: join(directory, "key.pem") };
	const write = async ({ certPem, keyPem }: { certPem: string; keyPem: string }) => {
		await writeFile(paths.certPath, certPem);
		await writeFile(paths.keyPath, keyPem);
	};
	return { paths, write };
}

test("a chain and its key are read; others are refused by name", async (t) => {
	const { paths, write } = await folder(t);
	const one = makeSelfSigned(["a"], NOW);
	const other = makeSelfSigned(["b"], NOW);
	await assert.rejects(readCertificate(paths), { code: "ENOENT" });
	await write(one);
	assert.equal((await readCertificate(paths)).expiresUnixMs, NOW + 820 * 86_400_000);
	await write({ ...one, keyPem: other.keyPem });
	await assert.rejects(readCertificate(paths), /key\.pem must be the one of the first certificate in .*cert\.pem/);
	await write({ certPem: "no", keyPem: one.keyPem });
	await assert.rejects(readCertificate(paths), /cert\.pem must be a certificate chain, PEM: /);
	await write({ certPem: one.certPem, keyPem: "no" });
	await assert.rejects(readCertificate(paths), /key\.pem must be a private key, PEM/);
});

test("a renewed pair is handed on once it is whole, and half of one changes nothing", async (t) => {
	const { paths, write } = await folder(t);
	const clock = new FakeClock();
	await write(makeSelfSigned(["a"], NOW));
	const seen: string[] = [];
	let next = Promise.withResolvers<void>();
	using _ = followCertificate(paths, await readCertificate(paths), {
		clock,
		changed: ({ cert }) => {
			seen.push(new X509Certificate(cert).subjectAltName ?? "");
			next.resolve();
		},
		failed: (error) => {
			seen.push(error.message.replace(/^.*(must be the one).*$/, "$1"));
			next.resolve();
		},
	});
	const look = async () => {
		next = Promise.withResolvers();
		clock.advance(CERTIFICATE_EVERY_MS);
		await next.promise;
	};
	const renewed = makeSelfSigned(["b"], NOW);
	await writeFile(`${paths.certPath}.new`, renewed.certPem);
	await rename(`${paths.certPath}.new`, paths.certPath);
	await look();
	assert.deepEqual(seen, ["must be the one"]);
	await writeFile(paths.keyPath, renewed.keyPem);
	await look();
	assert.deepEqual(seen, ["must be the one", "DNS:b"]);
});

test("a certificate of an authority is for a server and cannot sign others", () => {
	const [authority, server] = [makeKey(), makeKey()];
	const certificate = new X509Certificate(
		makeCertificate({
			names: ["talk.example"],
			publicKey: createPublicKey(server),
			isAuthority: false,
			subject: "talk.example",
			issuer: { name: "authority", key: authority },
			fromUnixMs: NOW,
			toUnixMs: NOW + 86_400_000,
		}),
	);
	assert.equal(certificate.ca, false);
	assert.ok(certificate.verify(createPublicKey(authority)));
	assert.ok(certificate.checkPrivateKey(server));
	assert.match(keyPem(server), /^-----BEGIN PRIVATE KEY-----/);
});
