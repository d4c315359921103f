import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type MonoMs, seededRandom } from "#base/index.ts";
import { type ClientAddress, parseAddress } from "./address.ts";
import { PrefixLimits } from "./limits.ts";

const limits = (burst: number, perS: number, placesLog2 = 12) =>
	new PrefixLimits({ burst, perS }, placesLog2, seededRandom(1));
const at = (ms: number) => ms as MonoMs;
const address = (text: string) => parseAddress(text) as ClientAddress;

test("an address is admitted at most burst + rate × time, whatever the arrivals [SH2]", () => {
	const arrival = fc.record({ gapMs: fc.nat(3_000), host: fc.nat(2) });
	fc.assert(
		fc.property(fc.array(arrival, { maxLength: 300 }), (arrivals) => {
			const guard = limits(5, 2);
			const admitted = new Map<number, number>();
			let nowMs = 1_000;
			for (const { gapMs, host } of arrivals) {
				nowMs += gapMs;
				if (guard.take(address(`192.0.2.${host}`), at(nowMs)) > 0) continue;
				admitted.set(host, (admitted.get(host) ?? 0) + 1);
			}
			for (const count of admitted.values()) assert.ok(count <= 5 + (2 * (nowMs - 1_000)) / 1_000 + 1e-6);
		}),
	);
});

test("what it says to wait is what it takes, and a refused request costs nothing [SH2]", () => {
	const guard = limits(3, 1);
	const host = address("198.51.100.7");
	for (let i = 0; i < 3; i += 1) assert.equal(guard.take(host, at(0)), 0);
	for (let i = 0; i < 50; i += 1) assert.equal(guard.take(host, at(400)), 600);
	assert.ok(guard.take(host, at(999)) > 0);
	assert.equal(guard.take(host, at(1_000)), 0);
});

test("hopping within a /48 gains 64 times an address, within a /24 eight times [SH1]", () => {
	const guard = limits(2, 0.001);
	let v6 = 0;
	for (let i = 0; i < 5_000; i += 1) {
		// Another /64 each time, in 128 of the 256 /56 of the /48.
		if (guard.take(address(`2001:db8:1:${(i % 5_000).toString(16)}::1`), at(0)) === 0) v6 += 1;
	}
	assert.equal(v6, 128);
	let v4 = 0;
	for (let i = 0; i < 256; i += 1)
		for (let n = 0; n < 3; n += 1) if (guard.take(address(`203.0.113.${i}`), at(0)) === 0) v4 += 1;
	assert.equal(v4, 16);
	assert.equal(guard.take(address("203.0.114.1"), at(0)), 0, "the next /24 is another");
});

test("under more prefixes than places memory stays, and nobody gets a fresh burst by pushing others out [SH3]", () => {
	const guard = limits(2, 0.01, 8);
	const bytes = guard.bytes;
	const mine = address("192.0.2.1");
	let admitted = 0;
	for (let i = 0; i < 20_000; i += 1) {
		guard.take(address(`10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`), at(i));
		if (guard.take(mine, at(i)) === 0) admitted += 1;
	}
	assert.ok(admitted <= 2 + 0.01 * 20 + 1, `${admitted} of 20,000`);
	assert.equal(guard.bytes, bytes);
	assert.ok(bytes <= 32 * 2 ** 20 && limits(1, 1, 20).bytes <= 32 * 2 ** 20);
});
