import assert from "node:assert/strict";
import { test } from "node:test";
import { type MonoMs, seededRandom } from "#base/index.ts";
import { type ClientAddress, parseAddress } from "./address.ts";
import { Neighbours, SUSPECT_MS, UNFINISHED_MAX } from "./neighbours.ts";

const at = (ms: number) => ms as MonoMs;
const of = (text: string) => parseAddress(text) as ClientAddress;

test("one address has a bounded number of unfinished connections, and a finished one makes room [SH14]", () => {
	const neighbours = new Neighbours(seededRandom(1));
	const one = of("203.0.113.7");
	for (let nth = 0; nth < UNFINISHED_MAX; nth += 1) assert.equal(neighbours.admit(one, at(0)), undefined);
	assert.equal(neighbours.admit(one, at(0)), "prefix_full");
	assert.equal(neighbours.admit(of("203.0.113.8"), at(0)), undefined, "its neighbour has a share of his own");
	neighbours.finished(one);
	assert.equal(neighbours.admit(one, at(0)), undefined);
});

test("a household with a /64 counts as one address [SH14]", () => {
	const neighbours = new Neighbours(seededRandom(1));
	for (let nth = 0; nth < UNFINISHED_MAX; nth += 1) neighbours.admit(of(`2001:db8::${nth.toString(16)}`), at(0));
	assert.equal(neighbours.admit(of("2001:db8::ffff"), at(0)), "prefix_full");
	assert.equal(neighbours.admit(of("2001:db8:0:1::1"), at(0)), undefined);
});

test("an address that connects without end is refused, however fast it finishes [SH14]", () => {
	const neighbours = new Neighbours(seededRandom(1));
	const one = of("203.0.113.7");
	let admitted = 0;
	for (let ms = 0; ms < 10_000; ms += 1) {
		if (neighbours.admit(one, at(ms)) === undefined) {
			admitted += 1;
			neighbours.finished(one);
		}
	}
	assert.ok(admitted >= 1_400 && admitted <= 1_600, `${admitted} of 10,000 in 10 s`);
});

test("who was evicted is suspect for a while, unless a request of his is answered [SH14]", () => {
	const neighbours = new Neighbours(seededRandom(1));
	const one = of("203.0.113.7");
	assert.equal(neighbours.isSuspect(one, at(0)), false);
	neighbours.suspect(one, at(0));
	assert.equal(neighbours.isSuspect(one, at(SUSPECT_MS - 1)), true);
	assert.equal(neighbours.isSuspect(of("203.0.113.8"), at(1)), false);
	assert.equal(neighbours.isSuspect(one, at(SUSPECT_MS + 1_000)), false);
	neighbours.suspect(one, at(0));
	neighbours.trust(one);
	assert.equal(neighbours.isSuspect(one, at(1)), false);
});

test("a million addresses do not push out one with connections open", () => {
	const neighbours = new Neighbours(seededRandom(1));
	const one = of("203.0.113.7");
	for (let nth = 0; nth < UNFINISHED_MAX; nth += 1) neighbours.admit(one, at(0));
	for (let nth = 0; nth < 1_000_000; nth += 1) {
		const other: ClientAddress = { family: 4, words: [0, 0, 0, nth] };
		neighbours.suspect(other, at(nth));
	}
	assert.equal(neighbours.admit(one, at(0)), "prefix_full");
});
