import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { seededRandom } from "#base/index.ts";
import { OPUS_PAYLOAD_TYPE, opusOf, RtpSource } from "./rtp.ts";

test("RtpSource numbers packets without a hole through the wrap, and stamps them by their time", () => {
	const source = new RtpSource(() => 0.9999);
	const first = source.packet(Uint8Array.of(1), 100);
	let last = first;
	for (let nth = 1; nth <= 70; nth += 1) last = source.packet(Uint8Array.of(1), 100 + 20 * nth);
	assert.equal(last.readUInt16BE(2), (first.readUInt16BE(2) + 70) & 0xffff);
	assert.equal((last.readUInt32BE(4) - first.readUInt32BE(4)) >>> 0, 70 * 960);
	assert.notEqual(source.ssrc, 0);
});

test("opusOf takes out of a packet what RtpSource put in", () => {
	fc.assert(
		fc.property(fc.uint8Array({ minLength: 1, maxLength: 1_200 }), fc.nat(), (payload, seed) => {
			const heard = opusOf(new RtpSource(seededRandom(seed).unit).packet(payload, seed));
			assert.deepEqual(heard?.payload, Buffer.from(payload));
		}),
	);
});

test("opusOf skips contributing sources, header extension and padding (RFC 3550 §5.1, §5.3.1)", () => {
	const packet = Buffer.alloc(12 + 8 + 4 + 4 + 3 + 2);
	packet[0] = 0x80 | 0x20 | 0x10 | 2;
	packet[1] = OPUS_PAYLOAD_TYPE;
	packet.writeUInt16BE(1, 12 + 8 + 2);
	packet.set([7, 8, 9], 12 + 8 + 4 + 4);
	packet[packet.length - 1] = 2;
	assert.deepEqual(opusOf(packet)?.payload, Buffer.from([7, 8, 9]));
});

test("opusOf never throws and never reads outside the packet", () => {
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
			const heard = opusOf(Buffer.from(bytes));
			assert.ok(heard === undefined || (heard.payload.length >= 1 && heard.payload.length <= bytes.length - 12));
		}),
	);
});
