import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { seededRandom, type UnixMs } from "#base/index.ts";
import { REVOKED_MAX, RevokedTokens, TOKEN_LIFE_MS_MAX, TokenMint } from "./tokens.ts";

const random = seededRandom(5);
const MASTER = random.bytes(32);
const NOW = Date.UTC(2026, 0, 1, 20) as UnixMs;
const after = (ms: number) => (NOW + ms) as UnixMs;
const issue = (mint: TokenMint, lifeMs = 3_600_000) =>
	mint.issue({ interviewId: "evening", tokenClass: "page", lifeMs }, NOW, random);
const reasonOf = (mint: TokenMint, text: string, nowMs = NOW, interviewId = "evening", revoked?: RevokedTokens) => {
	const verdict = mint.check(text, interviewId, nowMs, revoked);
	return verdict.kind === "valid" ? "valid" : verdict.reason;
};

test("what one worker makes another one checks, until it expires and across a change of keys [SH4]", () => {
	const [one, other] = [new TokenMint(MASTER), new TokenMint(MASTER)];
	const text = issue(one, TOKEN_LIFE_MS_MAX);
	assert.equal(text.length, 59);
	const verdict = other.check(text, "evening", after(1_000));
	assert.ok(verdict.kind === "valid" && verdict.token.class === "page" && /^[0-9a-f]{24}$/.test(verdict.token.id));
	assert.equal(reasonOf(other, text, after(TOKEN_LIFE_MS_MAX - 1)), "valid");
	assert.equal(reasonOf(other, text, after(TOKEN_LIFE_MS_MAX)), "expired");
});

test("each reason to refuse [SH4]", () => {
	const mint = new TokenMint(MASTER);
	const text = issue(mint);
	assert.equal(reasonOf(mint, text, NOW, "another"), "other_interview");
	assert.equal(reasonOf(mint, text, after(-61_000)), "early");
	assert.equal(reasonOf(mint, text, after(-59_000)), "valid");
	assert.equal(reasonOf(new TokenMint(random.bytes(32)), text), "forged");
	for (const broken of ["", text.slice(1), `${text}A`, `${text.slice(0, -1)}=`, `_${text.slice(1)}`]) {
		assert.equal(reasonOf(mint, broken), "malformed", broken);
	}
	const revoked = new RevokedTokens(random);
	const verdict = mint.check(text, "evening", NOW);
	assert.ok(verdict.kind === "valid");
	revoked.add(verdict.token.id);
	assert.equal(reasonOf(mint, text, NOW, "evening", revoked), "revoked");
});

test("no text but the one that was issued is valid, and none throws [SH4]", () => {
	const mint = new TokenMint(MASTER);
	const good = issue(mint);
	const character = fc.constantFrom(..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
	const changed = fc.record({ at: fc.nat(good.length - 1), to: character });
	fc.assert(
		fc.property(fc.array(changed, { minLength: 1, maxLength: 4 }), (changes) => {
			const text = [...good];
			for (const { at, to } of changes) text[at] = to;
			const made = text.join("");
			assert.equal(reasonOf(mint, made) === "valid", made === good);
		}),
		{ numRuns: 2_000 },
	);
	fc.assert(fc.property(fc.string({ maxLength: 80 }), (text) => reasonOf(mint, text) !== "valid"));
});

test("the filter lets no revoked token through, and refuses few others when it is full [SH5]", () => {
	const revoked = new RevokedTokens(random);
	const id = () => Buffer.from(random.bytes(12)).toString("hex");
	const taken = Array.from({ length: REVOKED_MAX }, id);
	for (const each of taken) revoked.add(each);
	assert.ok(taken.every((each) => revoked.has(each)) && revoked.isFull);
	let wrong = 0;
	for (let i = 0; i < 50_000; i += 1) if (revoked.has(id())) wrong += 1;
	assert.ok(wrong <= 25, `${wrong} of 50,000`);
});
