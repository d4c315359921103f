import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isRtcp, parseRtp, unwrap, writeRtp } from "./rtp.ts";

const packets = fc.record(
	{
		marker: fc.boolean(),
		payloadType: fc.integer({ min: 96, max: 127 }),
		sequence: fc.nat(0xffff),
		timestamp: fc.nat(0xffff_ffff),
		ssrc: fc.nat(0xffff_ffff),
		payload: fc.uint8Array({ minLength: 1, maxLength: 200 }),
	},
	{ noNullPrototype: true },
);

test("parseRtp() reads what writeRtp() wrote", () => {
	fc.assert(
		fc.property(packets, (packet) => {
			assert.deepEqual(parseRtp(writeRtp(packet)), { ...packet, payload: Buffer.from(packet.payload) });
		}),
	);
});

test("parseRtp() skips contributing sources, header extension and padding", () => {
	const head = Buffer.from(
		"b2ef000100000002000000030000000a0000000bbede0001112233440102030000000003".replaceAll(" ", ""),
		"hex",
	);
	const packet = parseRtp(head);
	assert.equal(packet?.payloadType, 111);
	assert.equal(packet?.marker, true);
	assert.equal(packet?.payload.toString("hex"), "0102030000");
});

test("parseRtp() takes any bytes and gives back only what is within them", () => {
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
			const packet = parseRtp(Buffer.from(bytes));
			if (packet) assert.ok(packet.payload.length > 0 && packet.payload.length <= bytes.length - 12);
		}),
		{ numRuns: 2_000 },
	);
});

test("parseRtp() refuses a packet whose padding, sources or extension leave no payload", () => {
	for (const hex of [
		"",
		"806f",
		"406f00010000000200000003aa",
		"a06f0001000000020000000300",
		"a06f0001000000020000000305",
		"8f6f00010000000200000003aa",
		"906f00010000000200000003bedeffff",
	]) {
		assert.equal(parseRtp(Buffer.from(hex, "hex")), undefined, hex);
	}
});

test("isRtcp() tells reports from media on one port", () => {
	assert.equal(isRtcp(Buffer.from([0x80, 200])), true);
	assert.equal(isRtcp(Buffer.from([0x80, 111 | 0x80])), false);
	assert.equal(isRtcp(Buffer.alloc(0)), false);
});

test("unwrap() follows a counter across its end in both directions", () => {
	fc.assert(
		fc.property(fc.nat(2 ** 40), fc.integer({ min: -30_000, max: 30_000 }), (near, step) => {
			const value = near + step;
			if (value < 0) return;
			assert.equal(unwrap(value % 65_536, near, 16), value);
			assert.equal(unwrap(value % 2 ** 32, near, 32), value);
		}),
	);
});
