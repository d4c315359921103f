import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ntpMiddle, ntpTime, parseRtcp, writeReport } from "./rtcp.ts";

const blocks = fc.record(
	{
		ssrc: fc.nat(0xffff_ffff),
		lossShare: fc.nat(255).map((n) => n / 256),
		lostPackets: fc.integer({ min: -0x800000, max: 0x7fffff }),
		highestSequence: fc.nat(0xffff_ffff),
		jitter: fc.nat(0xffff_ffff),
		lastSenderReport: fc.nat(0xffff_ffff),
		delaySinceLastSenderReport: fc.nat(0xffff_ffff),
	},
	{ noNullPrototype: true },
);

test("parseRtcp() reads what writeReport() wrote", () => {
	const sender = fc.record({
		unixMs: fc.nat(4_000_000_000_000),
		rtpTimestamp: fc.nat(0xffff_ffff),
		packets: fc.nat(1e6),
		bytes: fc.nat(1e9),
	});
	fc.assert(
		fc.property(fc.nat(0xffff_ffff), fc.array(blocks, { maxLength: 31 }), fc.option(sender), (ssrc, all, from) => {
			const ntp = ntpTime(from?.unixMs ?? 0);
			const bytes = writeReport({ ssrc, cname: "stage", blocks: all, ...(from ? { sender: { ...from, ntp } } : {}) });
			assert.equal(bytes.length % 4, 0);
			const expected = from
				? {
						kind: "sender_report",
						ssrc,
						ntpMiddle: ntpMiddle(ntp),
						rtpTimestamp: from.rtpTimestamp,
						packets: from.packets,
						bytes: from.bytes,
						blocks: all,
					}
				: { kind: "receiver_report", ssrc, blocks: all };
			assert.deepEqual(parseRtcp(bytes), [expected]);
		}),
	);
});

test("parseRtcp() takes any bytes", () => {
	const framed = fc
		.tuple(fc.nat(31), fc.constantFrom(200, 201, 202, 203, 205, 207), fc.uint8Array({ maxLength: 60 }))
		.map(([count, type, body]) => {
			const words = Math.ceil(body.length / 4);
			return Buffer.concat([Buffer.from([0x80 | count, type, 0, words]), body, Buffer.alloc(4 * words - body.length)]);
		});
	fc.assert(
		fc.property(
			fc.oneof(
				fc.uint8Array({ maxLength: 120 }),
				fc.array(framed).map((f) => Buffer.concat(f)),
			),
			(bytes) => {
				parseRtcp(Buffer.from(bytes));
			},
		),
		{ numRuns: 2_000 },
	);
});

test("parseRtcp() refuses a compound with a cut packet as a whole, and skips kinds it does not know", () => {
	const report = writeReport({ ssrc: 1, cname: "x", blocks: [] });
	assert.equal(parseRtcp(report.subarray(0, report.length - 2)), undefined);
	const feedback = Buffer.from("81cd000300000001000000020a0b0c0d", "hex");
	assert.deepEqual(parseRtcp(Buffer.concat([report, feedback])), [{ kind: "receiver_report", ssrc: 1, blocks: [] }]);
	assert.equal(parseRtcp(Buffer.concat(Array(20).fill(report))), undefined);
});

test("ntpTime() is RFC 5905's: 1970 is 2,208,988,800 s after 1900, halves are 2^31", () => {
	assert.deepEqual(ntpTime(500), { seconds: 2_208_988_800, fraction: 2 ** 31 });
	assert.equal(ntpMiddle({ seconds: 0x12345678, fraction: 0x9abcdef0 }), 0x56789abc);
});
