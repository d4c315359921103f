import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, seededRandom, type UnixMs } from "#base/index.ts";
import type { LineStand } from "#wire/index.ts";
import { type ClientAddress, parseAddress } from "./address.ts";
import { Gate, type Passage } from "./gate.ts";
import { WaitingLine } from "./line.ts";
import { RevokedTokens, TokenMint } from "./tokens.ts";

const random = seededRandom(21);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const newId = () => hex(random.bytes(12));
const address = (text: string) => parseAddress(text) as ClientAddress;

class Evening {
	readonly clock = new FakeClock();
	readonly revoked = new RevokedTokens(random);
	readonly mint = new TokenMint(random.bytes(32));
	readonly line = new WaitingLine(random.bytes(32), this.clock.unixMs());
	/** Two workers that share nothing but the key. */
	readonly gates = [0, 1].map(
		() => new Gate({ clock: this.clock, random, mint: this.mint, revoked: this.revoked }),
	) as [Gate, Gate];

	level(level: "normal" | "quiet" | "lean" | "door", stand: LineStand = this.line.stand): void {
		for (const gate of this.gates) gate.takeStand("evening", level, stand);
	}

	token(id = newId(), from = "192.0.2.1"): string {
		const minted = this.gates[0].mintFor(address(from), "evening", id);
		assert.equal(minted.kind, "minted");
		return minted.kind === "minted" ? minted.token : "";
	}

	pass(token?: string): string {
		return outcome(this.gates[1].pass("evening", token));
	}
}
const outcome = (passage: Passage) => (passage.kind === "in" ? "in" : passage.reason);

test("below door everybody passes, whatever he shows [SH11]", () => {
	const evening = new Evening();
	for (const level of ["normal", "quiet", "lean"] as const) {
		evening.level(level);
		assert.deepEqual([evening.pass(), evening.pass("rubbish"), evening.pass(evening.token())], ["in", "in", "in"]);
	}
});

test("at door who was inside before passes on any worker; a newcomer waits for his place [SH11]", () => {
	const evening = new Evening();
	evening.level("lean");
	const early = evening.gates[0].pass("evening", evening.token());
	assert.ok(early.kind === "in" && early.token);
	evening.line.draw(0, evening.clock.unixMs());
	evening.level("door");
	assert.equal(evening.pass(early.token), "in");
	assert.deepEqual([evening.pass(), evening.pass("rubbish")], ["no_token", "malformed"]);
	evening.clock.advance(5_000);
	const late = evening.token();
	assert.equal(evening.pass(late), "not_yet");
	evening.line.advance(1_000, 1, (evening.clock.unixMs() + 1_000) as UnixMs);
	evening.level("door");
	assert.equal(evening.pass(late), "in");
});

test("a worker short of time sends newcomers away at once, before any level has changed; who was inside last [SH8]", () => {
	const evening = new Evening();
	evening.level("normal");
	const inside = Array.from({ length: 200 }, (_, nth) => {
		const passage = evening.gates[0].pass("evening", evening.token(newId(), `198.${nth}.0.1`));
		return passage.kind === "in" ? (passage.token as string) : "";
	});
	for (const gate of evening.gates) gate.takeStrain(0.8);
	const served = (tokens: readonly (string | undefined)[]) =>
		tokens.filter((token) => evening.pass(token) === "in").length / tokens.length;
	assert.ok(served(inside) > 0.9);
	assert.ok(served(new Array<undefined>(200).fill(undefined)) < 0.1);
});

test("with a draw, the share θ of those who came before it is in [SH10 SH11]", () => {
	const evening = new Evening();
	const tokens = Array.from({ length: 60 }, () => evening.token());
	evening.clock.advance(1_000);
	evening.line.draw(tokens.length, evening.clock.unixMs());
	evening.line.advance(30, 1, (evening.clock.unixMs() + 1_000) as UnixMs);
	evening.level("door");
	const inside = tokens.filter((token) => evening.pass(token) === "in").length;
	assert.ok(inside > 18 && inside < 42, `${inside} of 60`);
});

test("a token that is passed around lets in one after another, slowly; a revoked one nobody [SH5 SH12]", () => {
	const evening = new Evening();
	evening.level("lean");
	const id = newId();
	const passage = evening.gates[1].pass("evening", evening.token(id));
	assert.ok(passage.kind === "in" && passage.token);
	evening.level("door");
	let inside = 0;
	for (let i = 0; i < 1_000; i += 1) if (evening.pass(passage.token) === "in") inside += 1;
	assert.equal(inside, 8);
	assert.equal(evening.pass(passage.token), "too_often");
	evening.revoked.add(id);
	assert.equal(evening.pass(passage.token), "revoked");
});

test("a thousand people behind one address get their tokens within minutes; an eager one is told when [SH12]", () => {
	const evening = new Evening();
	let minted = 0;
	for (let s = 0; s < 480 && minted < 1_000; s += 1) {
		for (let i = 0; i < 3; i += 1) {
			const answer = evening.gates[0].mintFor(address("203.0.113.9"), "evening", newId());
			if (answer.kind === "minted") minted += 1;
			else assert.ok(answer.waitMs <= 500);
		}
		evening.clock.advance(1_000);
	}
	assert.equal(minted, 1_000);
});

test("reports: who was inside is charged for himself, everybody else with his address", () => {
	const evening = new Evening();
	const [gate] = evening.gates;
	const inside = gate.pass("evening", evening.token());
	assert.ok(inside.kind === "in" && inside.token);
	const mine = inside.token;
	const from = address("198.51.100.7");
	const page = evening.token();
	let taken = 0;
	for (let nth = 0; nth < 500; nth += 1) if (gate.takesReport(from, "evening", nth % 2 ? page : "rubbish")) taken += 1;
	assert.equal(taken, 64, "a token that anybody gets is worth no more than none");
	assert.ok(gate.takesReport(from, "evening", mine));
	assert.ok(!gate.takesReport(from, "elsewhere", mine), "it is of this interview");
	let own = 0;
	for (let nth = 0; nth < 100; nth += 1) if (gate.takesReport(from, "evening", mine)) own += 1;
	assert.equal(own, 3);
	evening.clock.advance(60_000);
	assert.ok(gate.takesReport(from, "evening", mine));
	assert.ok(gate.takesReport(from, "evening", undefined));
});
