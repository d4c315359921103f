import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { silentLog, systemClock, systemRandom } from "#base/index.ts";
import { LocalHub } from "#bus/index.ts";
import { type PlatformSettings, SITE_REQUEST, writeJson } from "#wire/index.ts";
import { startEdge } from "../roles/edge.ts";
import { askOwnDoor } from "./own-door.ts";
import { ensureSelfSigned } from "./self-signed.ts";

test("our own door answers us through TLS and behind a proxy's header, whatever its certificate is for", async (t) => {
	const dataDir = await mkdtemp(join(tmpdir(), "rostra-own-door-"));
	t.after(() => rm(dataDir, { recursive: true }));
	const certificate = await ensureSelfSigned(join(dataDir, "tls"), ["talk.example"], systemClock);
	for (const tls of [null, certificate]) {
		for (const mode of ["direct", "proxy_v2"] as const) {
			await using scope = new AsyncDisposableStack();
			const hub = new LocalHub(systemClock);
			hub.connect().respond(SITE_REQUEST, () => writeJson({ front: { en: "the front page", de: "" }, entries: [] }));
			const proxy = { mode, trustedNetworks: mode === "direct" ? [] : ["127.0.0.1"] };
			const settings = {
				host: "127.0.0.1",
				publicPort: 0,
				objectsDir: join(dataDir, "objects"),
				webDir: join(dataDir, "web"),
				publicDoor: { tls, proxy, redirectPort: null },
			} as unknown as PlatformSettings;
			const outside = { clock: systemClock, random: systemRandom, log: silentLog, bus: hub.connect() };
			const role = { worker: 0, tokenKey: Buffer.alloc(32, 1).toString("base64") };
			const edge = scope.use(await startEdge(settings, role, outside));
			const answer = await askOwnDoor({ ...settings, publicPort: edge.port as number }, "GET", "/");
			assert.equal(answer?.status, 200, `${mode}, TLS: ${tls !== null}`);
			assert.equal(answer.body, "the front page");
			assert.equal(await askOwnDoor({ ...settings, publicPort: 1 }, "HEAD", "/"), undefined);
		}
	}
});
