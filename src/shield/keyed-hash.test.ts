import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "#base/index.ts";
import { KeyedHash } from "./keyed-hash.ts";

test("agrees with the authors' test vector (vectors_hsip64[20]) on 20 bytes 00 01 … under the key 00 … 07", () => {
	const hash = new KeyedHash(Uint8Array.from({ length: 8 }, (_, i) => i));
	hash.of(0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c, 0x13121110);
	assert.deepEqual([hash.low, hash.high], [0x0a2bf51b, 0xdba7ee6f]);
});

test("one bit of the input or the key moves half of the output", () => {
	const random = seededRandom(3);
	let moved = 0;
	for (let i = 0; i < 1_000; i += 1) {
		const key = random.bytes(8);
		const hash = new KeyedHash(key);
		hash.of(i, 0, 0, 0, 0);
		const [low, high] = [hash.low, hash.high];
		hash.of(i, 0, 0, 0, 1 << (i % 32));
		moved += onesIn(low ^ hash.low) + onesIn(high ^ hash.high);
	}
	assert.ok(Math.abs(moved / 1_000 - 32) < 0.5, `${moved / 1_000} of 64 bits`);
});

function onesIn(word: number): number {
	let ones = 0;
	for (let rest = word >>> 0; rest > 0; rest >>>= 1) ones += rest & 1;
	return ones;
}
