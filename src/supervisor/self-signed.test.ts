import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FakeClock } from "#base/index.ts";
import { ensureSelfSigned } from "./self-signed.ts";

const NOW = Date.UTC(2026, 10, 23);
const DAY_MS = 86_400_000;

test("ensureSelfSigned() keeps its certificate until it ends or does not cover a name", async (t) => {
	const directory = await mkdtemp(join(tmpdir(), "rostra-tls-"));
	t.after(() => rm(directory, { recursive: true }));
	const clock = new FakeClock(0, NOW);
	const make = async (...names: string[]) => {
		const { certPath, keyPath } = await ensureSelfSigned(join(directory, "tls"), names, clock);
		assert.equal((await stat(keyPath)).mode & 0o777, 0o600);
		return await readFile(certPath, "utf8");
	};
	const first = await make("localhost", "127.0.0.1");
	assert.equal(await make("127.0.0.1"), first);
	const wider = await make("localhost", "192.0.2.7");
	assert.notEqual(wider, first);
	clock.advance(789 * DAY_MS);
	assert.equal(await make("localhost", "192.0.2.7"), wider);
	clock.advance(2 * DAY_MS);
	assert.notEqual(await make("localhost", "192.0.2.7"), wider);
});
