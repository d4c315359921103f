import assert from "node:assert/strict";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { type MonoMs, seededRandom, systemRandom } from "#base/index.ts";
import { Attempts, prefixOf } from "./attempts.ts";
import { hashSecret, keepKey, newSecret, SeatTokens } from "./tokens.ts";

const ms = (value: number) => value as MonoMs;
const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,24}$/);

test("seat tokens: what was issued is read back, and nothing else is", () => {
	const tokens = new SeatTokens(new Uint8Array(32).fill(1));
	const others = new SeatTokens(new Uint8Array(32).fill(2));
	fc.assert(
		fc.property(id, id, fc.nat(1_000_000), fc.nat(200), (interviewId, seatId, generation, at) => {
			const claim = { interviewId, seatId, generation };
			const token = tokens.issue(claim);
			assert.deepEqual(tokens.read(token), claim);
			assert.equal(others.read(token), undefined);
			const place = at % token.length;
			const changed = token.slice(0, place) + (token[place] === "A" ? "B" : "A") + token.slice(place + 1);
			// The last character of base64url holds two bits that mean nothing.
			if (place < token.length - 1) assert.equal(tokens.read(changed), undefined);
		}),
	);
});

test("seat tokens: whatever a stranger sends is refused, not thrown at", () => {
	const tokens = new SeatTokens(new Uint8Array(32));
	fc.assert(fc.property(fc.string({ maxLength: 300 }), (text) => assert.equal(tokens.read(text), undefined)));
});

test("hashSecret() takes what newSecret() makes", () => {
	const secret = newSecret(seededRandom(1));
	assert.match(secret, /^[A-Za-z0-9_-]{32}$/);
	assert.equal(hashSecret(secret)?.length, 43);
	for (const other of ["", "short", `${secret}x`, "ä".repeat(32)]) assert.equal(hashSecret(other), undefined);
});

test("keepKey() makes a key once, for this user's eyes only, and refuses a file that is none", async () => {
	const directory = await mkdtemp(join(tmpdir(), "rostra-key-"));
	try {
		const path = join(directory, "control", "key");
		const made = await keepKey(path, systemRandom);
		assert.deepEqual(Buffer.from(await keepKey(path, systemRandom)), Buffer.from(made));
		assert.equal((await stat(path)).mode & 0o777, 0o600);
		await writeFile(path, "short");
		await assert.rejects(keepKey(path, systemRandom), /must have 32 bytes: it has 5/);
	} finally {
		await rm(directory, { recursive: true });
	}
});

test("attempts: ten wrong ones from an address, then it waits; time passes, others are free", () => {
	const attempts = new Attempts();
	for (let nth = 0; nth < 10; nth += 1) {
		assert.equal(attempts.waitMs("192.0.2.1", ms(nth)), 0);
		attempts.failed("192.0.2.1", ms(nth));
	}
	assert.equal(attempts.waitMs("192.0.2.1", ms(1_000)), 600_000 - 1_000);
	assert.equal(attempts.waitMs("192.0.2.2", ms(1_000)), 0);
	assert.equal(attempts.waitMs("192.0.2.1", ms(600_000)), 0);
	attempts.failed("192.0.2.1", ms(600_001));
	assert.equal(attempts.waitMs("192.0.2.1", ms(600_002)), 0, "a new window counts anew");
});

test("attempts: memory is bounded, and the newest are remembered", () => {
	const attempts = new Attempts();
	for (let nth = 0; nth < 12_000; nth += 1) {
		for (let wrong = 0; wrong < 10; wrong += 1) attempts.failed(`10.0.${nth >> 8}.${nth & 255}`, ms(nth));
	}
	assert.equal(attempts.waitMs("10.0.0.0", ms(12_000)), 0);
	assert.ok(attempts.waitMs(`10.0.${11_999 >> 8}.${11_999 & 255}`, ms(12_000)) > 0);
});

test("prefixOf(): an IPv6 subscriber is his /64, an IPv4-mapped address the IPv4 one", () => {
	assert.equal(prefixOf("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2");
	assert.equal(prefixOf("2001:db8::1"), "2001:db8:0:0");
	assert.equal(prefixOf("2001:0db8::1"), "2001:db8:0:0");
	assert.equal(prefixOf("::1"), "0:0:0:0");
	assert.equal(prefixOf("fe80::1%eth0"), "fe80:0:0:0");
	assert.equal(prefixOf("::ffff:192.0.2.7"), "192.0.2.7");
	assert.equal(prefixOf("192.0.2.7"), "192.0.2.7");
});
