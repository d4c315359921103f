import assert from "node:assert/strict";
import { isIPv6 } from "node:net";
import { test } from "node:test";
import * as fc from "fast-check";
import {
	crc32c,
	ipv6Text,
	LOCAL_HEADER,
	PROXY_HEADER_BYTES_MAX,
	ProxyHeaderReader,
	type ProxyResult,
	proxyHeader,
} from "./proxy-protocol.ts";
import { fuzzProxyHeaders } from "./proxy-protocol-fuzz.ts";

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
const SIGNATURE = "0d0a0d0a 000d0a51 5549540a";
const IPV4 = "c0000201 c6336401 3039 01bb";

function read(...chunks: readonly Buffer[]): ProxyResult {
	const reader = new ProxyHeaderReader();
	let result = reader.read();
	for (const chunk of chunks) {
		reader.push(chunk);
		result = reader.read();
		if (result.kind !== "incomplete") break;
	}
	return result;
}

test("a header says who is there, and what follows it is left alone", () => {
	const ipv4 = read(hex(`${SIGNATURE} 21 11 000c ${IPV4}`), Buffer.from("never read"));
	assert.deepEqual(ipv4, { kind: "header", client: "192.0.2.1", rest: Buffer.alloc(0) });
	const address = "20010db8 00000000 00000000 00000001";
	const ipv6 = read(
		Buffer.concat([hex(`${SIGNATURE} 21 21 0024 ${address} ${address} 3039 01bb`), Buffer.from("GET ")]),
	);
	assert.deepEqual(ipv6, { kind: "header", client: "2001:db8::1", rest: Buffer.from("GET ") });
});

test("a proxy's own connection (LOCAL), and one of whom it knows nothing, have no client", () => {
	const nobody = { kind: "header", client: undefined, rest: Buffer.alloc(0) };
	assert.deepEqual(read(LOCAL_HEADER), nobody);
	assert.deepEqual(read(hex(`${SIGNATURE} 20 ff 0003 010203`)), nobody, "what LOCAL carries has no meaning");
	assert.deepEqual(read(hex(`${SIGNATURE} 21 00 0000`)), nobody);
});

test("extensions are skipped when they fill the header, a checksum among them is checked", () => {
	const withExtension = hex(`${SIGNATURE} 21 11 0013 ${IPV4} 01 0004 68747470`);
	assert.equal(read(withExtension).kind, "header");
	const summed = hex(`${SIGNATURE} 21 11 0013 ${IPV4} 03 0004 00000000`);
	summed.writeUInt32BE(crc32c(summed), summed.length - 4);
	assert.equal(read(summed).kind, "header");
	summed[17] = (summed[17] as number) ^ 1;
	assert.deepEqual(read(summed), { kind: "refused", refusal: "checksum" });
	for (const broken of ["01 0005 68747470", "01 00", "03 0003 000000"]) {
		const bytes = hex(
			`${SIGNATURE} 21 11 ${(12 + hex(broken).length).toString(16).padStart(4, "0")} ${IPV4} ${broken}`,
		);
		assert.deepEqual(read(bytes), { kind: "refused", refusal: "length" }, broken);
	}
});

test("crc32c of the check string is the catalogue's", () => {
	assert.equal(crc32c(Buffer.from("123456789")), 0xe3069283);
});

test("whatever is not such a header is refused with the byte that shows it", () => {
	const refusals = [
		["47", "signature"],
		["0d0a0d0a 000d0a51 5549540b", "signature"],
		[`${SIGNATURE} 11`, "version"],
		[`${SIGNATURE} 22`, "version"],
		[`${SIGNATURE} 21 11 0209`, "length"],
		[`${SIGNATURE} 21 11 000b c0000201 c6336401 303901`, "length"],
		[`${SIGNATURE} 21 12 000c ${IPV4}`, "family"],
		[`${SIGNATURE} 21 31 0001 00`, "family"],
	] as const;
	for (const [bytes, refusal] of refusals) assert.deepEqual(read(hex(bytes)), { kind: "refused", refusal }, bytes);
});

test("the first form of the protocol, a request and a TLS hello are no header", () => {
	for (const text of ["PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "GET / HTTP/1.1\r\n", "\x16\x03\x01"]) {
		assert.deepEqual(read(Buffer.from(text, "latin1")), { kind: "refused", refusal: "signature" });
	}
});

test("cut anywhere, it is read as in one piece, and nothing is known before its last byte", () => {
	const header = proxyHeader({ address: Buffer.from([203, 0, 113, 9]), port: 4_711 });
	const all = Buffer.concat([header, Buffer.from("rest")]);
	const whole = read(all);
	fc.assert(
		fc.property(fc.uniqueArray(fc.integer({ min: 1, max: header.length - 1 }), { maxLength: 8 }), (cuts) => {
			const places = [0, ...cuts.sort((a, b) => a - b), all.length];
			const reader = new ProxyHeaderReader();
			for (let at = 1; at < places.length; at += 1) {
				assert.equal(reader.read().kind, "incomplete");
				reader.push(all.subarray(places[at - 1], places[at]));
			}
			assert.deepEqual(reader.read(), whole);
		}),
	);
});

test("a reader never waits for more than the longest header", () => {
	fc.assert(
		fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), (fixed) => {
			const bytes = Buffer.concat([hex(SIGNATURE), fixed, Buffer.alloc(PROXY_HEADER_BYTES_MAX - 16)]);
			assert.notEqual(read(bytes).kind, "incomplete");
		}),
	);
});

test("addresses are written as a browser's URL parser writes them", () => {
	fc.assert(
		fc.property(fc.array(fc.constantFrom(0, 0, 1, 0xdb8, 0xffff), { minLength: 8, maxLength: 8 }), (groups) => {
			const bytes = Buffer.alloc(16);
			for (const [at, group] of groups.entries()) bytes.writeUInt16BE(group, 2 * at);
			const text = ipv6Text(bytes);
			if (!isIPv6(text)) return assert.match(text, /^\d+\.\d+\.\d+\.\d+$/);
			assert.equal(`[${text}]`, new URL(`http://[${text}]`).hostname);
		}),
	);
	assert.equal(ipv6Text(hex("00000000000000000000ffff c0000201")), "192.0.2.1");
});

test("5,000 random headers, each read by two readers and cut in two ways", () => {
	const counts = fuzzProxyHeaders({ count: 5_000, seed: 1 });
	assert.equal(counts.headers, 5_000);
	assert.ok(counts.accepted > 500 && counts.refused > 500, JSON.stringify(counts));
});
