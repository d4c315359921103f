import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { seededRandom, type UnixMs } from "#base/index.ts";
import { isAdmitted, meanWaitMs, placeOf, WaitingLine } from "./line.ts";

const T = Date.UTC(2026, 0, 1, 20) as UnixMs;
const at = (ms: number) => (T + ms) as UnixMs;
const random = seededRandom(11);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const ids = (count: number) => Array.from({ length: count }, () => hex(random.bytes(12)));

test("the seed is bound by its hash and hidden until the draw; a second draw changes nothing [SH9]", () => {
	const seed = random.bytes(32);
	const line = new WaitingLine(seed, at(-600_000));
	assert.equal(line.stand.seedSha256, createHash("sha256").update(seed).digest("hex"));
	assert.equal(line.stand.seed, null);
	assert.equal(placeOf(line.stand, ids(1)[0] as string, at(-70_000)), undefined);
	line.draw(100, at(-60_000));
	assert.equal(line.stand.seed, hex(seed));
	line.draw(5, at(0));
	assert.deepEqual([line.stand.drawnCount, line.stand.drawnUnixMs], [100, at(-60_000)]);
});

test("places are even, whoever hammered or is a friend of the operator's: χ² over ten tenths [SH9]", () => {
	const waiters = ids(10_000);
	const line = new WaitingLine(random.bytes(32), at(-600_000));
	line.draw(waiters.length, at(-60_000));
	// Hammering or being favoured changes when and how often somebody asks, not what he is: his id.
	for (const group of [waiters, waiters.slice(0, 100), waiters.slice(100, 200)]) {
		const tenths = new Array<number>(10).fill(0);
		for (const id of group) {
			const place = placeOf(line.stand, id, at(-61_000));
			assert.ok(place?.kind === "drawn");
			tenths[Math.floor(10 * place.fraction)] = (tenths[Math.floor(10 * place.fraction)] as number) + 1;
		}
		const expected = group.length / 10;
		const chi2 = tenths.reduce((sum, found) => sum + (found - expected) ** 2 / expected, 0);
		assert.ok(chi2 < 27.9, `χ² = ${chi2.toFixed(1)} with 9 degrees of freedom: p < 0.001`);
	}
});

test("lets in as many as there is room for, then who came later, by time; says honestly how long [SH10]", () => {
	const waiters = ids(1_000);
	const line = new WaitingLine(random.bytes(32), at(-60_000));
	line.draw(waiters.length, at(-60_000));
	const insideCount = () =>
		waiters.filter((id) => isAdmitted(line.stand, placeOf(line.stand, id, at(-61_000)) as never)).length;
	for (let s = 1; s <= 50; s += 1) line.advance(10, 2, at(-60_000 + 1_000 * s));
	assert.ok(Math.abs(insideCount() - 500) < 60, `${insideCount()} of 500`);
	const last = { kind: "drawn", fraction: 0.9999 } as const;
	const saidMs = meanWaitMs(line.stand, last, at(-10_000)) as number;
	assert.ok(Math.abs(saidMs - 50_000) < 2_000, `${saidMs} ms for what takes 50 s`);
	for (let s = 51; s <= 100; s += 1) line.advance(10, 2, at(-60_000 + 1_000 * s));
	assert.equal(insideCount(), 1_000);
	// Two came per second and ten are let in: five seconds of arrivals in one.
	for (let s = 101; s <= 110; s += 1) line.advance(10, 2, at(-60_000 + 1_000 * s));
	assert.ok(isAdmitted(line.stand, { kind: "later", unixMs: at(-20_000) }));
	assert.ok(!isAdmitted(line.stand, { kind: "later", unixMs: at(0) }));
	assert.ok((meanWaitMs(line.stand, { kind: "later", unixMs: at(10_000) }, at(50_000)) ?? 0) > 0);
});

test("without room it stands still and promises nothing; it never goes back [SH10]", () => {
	const line = new WaitingLine(random.bytes(32), at(0));
	line.draw(100, at(0));
	let before = 0;
	for (let s = 1; s <= 100; s += 1) {
		line.advance(s % 3, 1, at(1_000 * s));
		assert.ok(line.stand.fraction >= before);
		before = line.stand.fraction;
	}
	const crowd = new WaitingLine(random.bytes(32), at(0));
	crowd.draw(0, at(0));
	crowd.advance(10, 10_000, at(1_000));
	for (let s = 2; s <= 50; s += 1) crowd.advance(10, 1, at(1_000 * s));
	// 500 of the 10,000 who came in the first second, however few come now.
	assert.ok(Math.abs((crowd.stand.laterUnixMs ?? 0) - at(50)) < 1);
	const still = new WaitingLine(random.bytes(32), at(0));
	still.draw(100, at(0));
	for (let s = 1; s <= 10; s += 1) still.advance(0, 1, at(1_000 * s));
	assert.equal(meanWaitMs(still.stand, { kind: "drawn", fraction: 0.5 }, at(10_000)), undefined);
});

test("with nobody before the draw, who comes stands by time [SH10]", () => {
	const line = new WaitingLine(random.bytes(32), at(0));
	line.draw(0, at(0));
	line.advance(5, 0, at(1_000));
	assert.ok(isAdmitted(line.stand, { kind: "later", unixMs: at(500) }));
	assert.equal(line.stand.fraction, 1);
});
