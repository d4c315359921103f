/** From no certificate to one of an authority's, through the real port for plain HTTP of an edge worker. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "node:tls";
import { openAuthority } from "#acme/authority.testing.ts";
import { certificatePaths } from "#acme/index.ts";
import { FakeClock, silentLog, systemRandom } from "#base/index.ts";
import { LocalHub } from "#bus/index.ts";
import { type PlatformSettings, SITE_REQUEST, writeJson } from "#wire/index.ts";
import { ensurePlaceholder } from "../supervisor/self-signed.ts";
import { startCertificate } from "./certificate.ts";
import { startEdge } from "./edge.ts";

test("a door that opened with a certificate of its own has the authority's as soon as there is one", async (t) => {
	await using scope = new AsyncDisposableStack();
	const dataDir = await mkdtemp(join(tmpdir(), "rostra-acme-"));
	t.after(() => rm(dataDir, { recursive: true }));
	const clock = new FakeClock(1_000, Date.now());
	const hub = new LocalHub(clock);
	hub.connect().respond(SITE_REQUEST, () => writeJson({ front: { en: "", de: "" }, entries: [] }));
	const redirectPort = await freePort();
	const authority = scope.use(await openAuthority({ clock, httpPort: redirectPort }));
	const domain = "talk.example";
	const tls = certificatePaths(dataDir, domain);
	await ensurePlaceholder(tls, domain, clock);
	const settings = {
		dataDir,
		objectsDir: join(dataDir, "objects"),
		webDir: join(dataDir, "web"),
		host: "127.0.0.1",
		publicPort: 0,
		publicUrl: `https://${domain}`,
		publicDoor: { tls, proxy: { mode: "direct", trustedNetworks: [] }, redirectPort },
		acme: { domain, email: null, directoryUrl: authority.directoryUrl },
		edgeWorkers: 1,
	} as unknown as PlatformSettings;
	const outside = () => ({ clock, random: systemRandom, log: silentLog, bus: hub.connect() });
	const edge = scope.use(
		await startEdge(settings, { worker: 0, tokenKey: Buffer.alloc(32, 1).toString("base64") }, outside()),
	);
	assert.equal(await issuerAt(edge.port as number), "Rostra, self-signed");
	scope.use(await startCertificate(settings, outside()));
	while ((await issuerAt(edge.port as number)) !== "Test authority") clock.advance(1_000);
	assert.deepEqual(authority.seen, ["newAccount", "newOrder", "validated", "issued"]);
});

function issuerAt(port: number): Promise<string> {
	return new Promise((resolve, reject) => {
		const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
			resolve(String(socket.getPeerCertificate().issuer.CN));
			socket.destroy();
		});
		socket.on("error", reject);
	});
}

function freePort(): Promise<number> {
	return new Promise((resolve) => {
		const server = createServer().listen(0, "127.0.0.1", () => {
			const address = server.address();
			server.close(() => resolve(address && typeof address === "object" ? address.port : 0));
		});
	});
}
