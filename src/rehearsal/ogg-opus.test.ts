import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { VOICE_NAMES } from "#wire/index.ts";
import { RehearsalError } from "./errors.ts";
import { readOggOpus } from "./ogg-opus.ts";
import { bundledVoice } from "./voice.ts";

test("bundledVoice: both voices have the same number of 20 ms packets, about a minute", async () => {
	const [anna, ben] = await Promise.all(VOICE_NAMES.map(bundledVoice));
	assert.equal(anna?.packets.length, ben?.packets.length);
	assert.ok(anna && anna.packets.length >= 45 * 50 && anna.packets.length <= 90 * 50);
	for (const packet of anna.packets) assert.equal((packet[0] as number) & 3, 0, "one frame per packet (RFC 6716 §3.1)");
});

/** Pages of at most `lacingMax` lacing values each, as a muxer with small pages writes them. */
function pagesOf(packets: readonly Uint8Array[], lacingMax: number): Buffer {
	const lacing: number[] = [];
	for (const packet of packets)
		lacing.push(...Array<number>(Math.floor(packet.length / 255)).fill(255), packet.length % 255);
	const body = Buffer.concat(packets);
	const pages: Buffer[] = [];
	let from = 0;
	for (let at = 0; at < lacing.length; at += lacingMax) {
		const own = lacing.slice(at, at + lacingMax);
		const bytes = own.reduce((sum, value) => sum + value, 0);
		const head = Buffer.alloc(27);
		head.write("OggS");
		head[5] = at > 0 && lacing[at - 1] === 255 ? 1 : 0;
		head[26] = own.length;
		pages.push(head, Buffer.from(own), body.subarray(from, from + bytes));
		from += bytes;
	}
	return Buffer.concat(pages);
}

const headers = [Buffer.from("OpusHead…"), Buffer.from("OpusTags…")];

test("readOggOpus gives back the packets however they lie across pages", () => {
	const packet = fc.uint8Array({ minLength: 1, maxLength: 700 });
	fc.assert(
		fc.property(fc.array(packet, { maxLength: 20 }), fc.integer({ min: 1, max: 255 }), (packets, lacingMax) => {
			const read = readOggOpus(pagesOf([...headers, ...packets], lacingMax));
			assert.deepEqual(
				read.map((bytes) => Buffer.from(bytes)),
				packets.map((bytes) => Buffer.from(bytes)),
			);
		}),
	);
});

test("readOggOpus refuses what is cut or is no Ogg Opus, and never throws anything else", () => {
	const whole = pagesOf([...headers, new Uint8Array(600).fill(1)], 2);
	fc.assert(
		fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.boolean(), (at, value, cut) => {
			const broken = cut ? whole.subarray(0, at) : Buffer.from(whole);
			if (!cut) broken[at] = value;
			try {
				readOggOpus(broken);
			} catch (error) {
				assert.ok(error instanceof RehearsalError);
				assert.equal(error.code, "speech_unreadable");
			}
		}),
	);
	assert.throws(() => readOggOpus(Buffer.from("RIFF of a WAV file, which is something else")), RehearsalError);
	assert.throws(() => readOggOpus(pagesOf([Buffer.from("OpusHead")], 255)), RehearsalError);
});
