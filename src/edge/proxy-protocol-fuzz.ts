/**
 * Fuzzes the reader of PROXY headers: `node src/edge/proxy-protocol-fuzz.ts [--count N] [--seed N]`.
 *
 * Headers are made by the text's grammar, then broken. Each is read whole and cut at random places, and must be read
 * alike, and as a second reading says that looks at a whole header only. Exits 1 at the first difference, with the seed
 * and the bytes.
 */
import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { type Random, seededRandom } from "#base/index.ts";
import { crc32c, PROXY_HEADER_BYTES_MAX, ProxyHeaderReader, type ProxyResult } from "./proxy-protocol.ts";

export type FuzzCounts = { headers: number; accepted: number; refused: number; incomplete: number };

/** @throws AssertionError at the first difference. */
export function fuzzProxyHeaders(options: { readonly count: number; readonly seed: number }): FuzzCounts {
	const random = seededRandom(options.seed);
	const counts: FuzzCounts = { headers: 0, accepted: 0, refused: 0, incomplete: 0 };
	for (let i = 0; i < options.count; i += 1) {
		const bytes = makeHeader(random);
		const context = `seed ${options.seed}, header ${i}: ${bytes.toString("hex")}`;
		const whole = readCut(bytes, []);
		const cuts = Array.from({ length: Math.floor(random.unit() * 6) }, () => Math.floor(random.unit() * bytes.length));
		assert.deepEqual(
			readCut(
				bytes,
				cuts.sort((a, b) => a - b),
			),
			whole,
			`cut differently, read differently; ${context}`,
		);
		assert.equal(whole.kind, secondReading(bytes), `the second reading differs; ${context}`);
		counts.headers += 1;
		if (whole.kind === "header") counts.accepted += 1;
		else counts[whole.kind] += 1;
	}
	return counts;
}

/** What was read, with the bytes that came after a header or its refusal counted in. */
function readCut(bytes: Buffer, cuts: readonly number[]): ProxyResult {
	const reader = new ProxyHeaderReader();
	let from = 0;
	for (const to of [...cuts, bytes.length]) {
		reader.push(bytes.subarray(from, to));
		from = to;
		const result = reader.read();
		if (result.kind === "header") return { ...result, rest: Buffer.concat([result.rest, bytes.subarray(from)]) };
		if (result.kind === "refused") return result;
	}
	return reader.read();
}

/** The same question, answered from a whole buffer and without haste. */
function secondReading(bytes: Buffer): ProxyResult["kind"] {
	const signature = "\r\n\r\n\0\r\nQUIT\n";
	const text = bytes.toString("latin1");
	if (!text.startsWith(signature)) return signature.startsWith(text) ? "incomplete" : "refused";
	if (bytes.length === 12) return "incomplete";
	if (bytes[12] !== 0x20 && bytes[12] !== 0x21) return "refused";
	if (bytes.length < 16) return "incomplete";
	const total = 16 + bytes.readUInt16BE(14);
	if (total > PROXY_HEADER_BYTES_MAX) return "refused";
	if (bytes.length < total) return "incomplete";
	if (bytes[12] === 0x20) return "header";
	const needed = new Map([
		[0x00, 16],
		[0x11, 28],
		[0x21, 52],
	]).get(bytes[13] as number);
	if (needed === undefined || total < needed) return "refused";
	let extensions = bytes.subarray(needed, total);
	while (extensions.length > 0) {
		const size = extensions.length < 3 ? Number.POSITIVE_INFINITY : 3 + extensions.readUInt16BE(1);
		if (size > extensions.length) return "refused";
		if (extensions[0] === 3) {
			if (size !== 7) return "refused";
			const place = total - extensions.length + 3;
			const zeroed = Buffer.concat([bytes.subarray(0, place), Buffer.alloc(4), bytes.subarray(place + 4, total)]);
			if (crc32c(zeroed) !== bytes.readUInt32BE(place)) return "refused";
		}
		extensions = extensions.subarray(size);
	}
	return "header";
}

function makeHeader(random: Random): Buffer {
	const below = (count: number) => Math.floor(random.unit() * count);
	const pick = <T>(...choices: readonly T[]) => choices[below(choices.length)] as T;
	const command = pick(0x21, 0x21, 0x21, 0x20, below(256));
	const family = pick(0x11, 0x11, 0x21, 0x00, below(256));
	const addresses = Buffer.from(random.bytes(pick({ 0x11: 12, 0x21: 36, 0x00: 0 }[family] ?? below(40), below(40))));
	const extensions = Array.from({ length: below(3) }, () => {
		const value = Buffer.from(random.bytes(pick(4, below(20))));
		return Buffer.concat([Buffer.from([pick(1, 2, 3, 4, below(256)), 0, value.length]), value]);
	});
	const body = Buffer.concat([addresses, ...extensions]);
	const length = pick(body.length, body.length, body.length, body.length, below(70_000) % 65_536);
	let bytes = Buffer.concat([
		Buffer.from("0d0a0d0a000d0a515549540a", "hex"),
		Buffer.from([command, family, length >> 8, length & 255]),
		body,
		Buffer.from(random.bytes(pick(0, 0, below(600)))),
	]);
	if (below(2) === 0) sign(bytes);
	if (below(4) === 0) bytes[below(bytes.length)] = below(256);
	if (below(4) === 0) bytes = bytes.subarray(0, below(bytes.length + 1));
	return bytes;
}

/** Puts the right checksum where the first extension is one. */
function sign(bytes: Buffer): void {
	const from = { 0x11: 28, 0x21: 52, 0x00: 16 }[bytes[13] as number] ?? 0;
	const total = 16 + bytes.readUInt16BE(14);
	if (from === 0 || bytes[from] !== 3 || total > bytes.length || from + 7 > total) return;
	bytes.fill(0, from + 3, from + 7);
	bytes.writeUInt32BE(crc32c(bytes.subarray(0, total)), from + 3);
}

if (import.meta.main) {
	const { values } = parseArgs({
		options: { count: { type: "string", default: "1000000" }, seed: { type: "string", default: String(Date.now()) } },
	});
	const options = { count: Number(values.count), seed: Number(values.seed) };
	console.log(`fuzzing ${options.count} PROXY headers with seed ${options.seed}`);
	console.log(JSON.stringify(fuzzProxyHeaders(options)));
}
