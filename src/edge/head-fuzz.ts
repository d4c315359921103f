/**
 * Fuzzes the head reader: `node src/edge/head-fuzz.ts [--count N] [--seed N]`.
 *
 * Heads are made by the grammar, then broken. Each is read whole and cut at random places, and the readings must
 * agree with each other and with a second reading of RFC 9112 written as one regular expression; whatever is
 * accepted must be understood in the same way by node:http, to which we hand some of it. Prints what it found
 * and exits 1 at the first difference, with the seed and the bytes.
 */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { Duplex } from "node:stream";
import { parseArgs } from "node:util";
import { type Random, seededRandom } from "#base/index.ts";
import {
	FIELD_BYTES_MAX,
	FIELDS_MAX,
	HEAD_BYTES_MAX,
	HeadReader,
	type HeadResult,
	REQUEST_LINE_BYTES_MAX,
} from "./head.ts";

export type FuzzCounts = {
	heads: number;
	accepted: number;
	refused: number;
	incomplete: number;
	compared: number;
	refusedByNode: number;
};

/** One head in this many that we accept is also given to node:http. */
const COMPARE_EVERY = 20;

/** @throws AssertionError at the first difference. */
export async function fuzzHeads(options: { readonly count: number; readonly seed: number }): Promise<FuzzCounts> {
	const random = seededRandom(options.seed);
	const counts: FuzzCounts = { heads: 0, accepted: 0, refused: 0, incomplete: 0, compared: 0, refusedByNode: 0 };
	for (let i = 0; i < options.count; i += 1) {
		const bytes = Buffer.from(makeHead(random), "latin1");
		const context = () => `seed ${options.seed}, head ${i}: ${JSON.stringify(bytes.toString("latin1"))}`;
		const whole = readCut(bytes, [bytes.length]);
		assert.deepEqual(
			readCut(bytes, randomCuts(random, bytes.length)),
			whole,
			`cut differently, read differently; ${context()}`,
		);
		assert.equal(
			whole.kind === "head",
			obeysGrammar(bytes.toString("latin1")),
			`the grammar disagrees: ${whole.kind}; ${context()}`,
		);
		counts.heads += 1;
		if (whole.kind === "incomplete") counts.incomplete += 1;
		if (whole.kind === "refused") counts.refused += 1;
		if (whole.kind !== "head") continue;
		counts.accepted += 1;
		if (counts.accepted % COMPARE_EVERY !== 0) continue;
		const theirs = await readByNode(bytes.subarray(0, whole.bytes));
		const { method, target, body } = whole.head;
		counts.compared += 1;
		// It may refuse what we accept (it knows fewer methods); it must not understand something else.
		if (typeof theirs === "string") counts.refusedByNode += 1;
		else assert.deepEqual(theirs, { method, target, body }, `node:http reads another request; ${context()}`);
	}
	return counts;
}

function readCut(bytes: Buffer, cuts: readonly number[]): HeadResult {
	const reader = new HeadReader();
	let result: HeadResult = { kind: "incomplete" };
	let from = 0;
	for (const to of cuts) {
		reader.push(bytes.subarray(from, to));
		from = to;
		result = reader.read();
		if (result.kind !== "incomplete") return result;
	}
	return result;
}

function randomCuts(random: Random, length: number): number[] {
	const cuts = Array.from({ length: Math.floor(random.unit() * 5) }, () => Math.floor(random.unit() * length));
	return [...cuts.sort((a, b) => a - b), length];
}

const TCHAR = "[!#$%&'*+.^_`|~0-9A-Za-z-]";
const PCHAR = "(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})";
const GRAMMAR = new RegExp(
	`^(?<line>(?<method>[A-Z]${TCHAR.replace("a-z", "")}{0,31}) (?<target>/(?:${PCHAR}|/)*(?:\\?(?:${PCHAR}|[/?])*)?) HTTP/1\\.(?<minor>[01]))\r\n` +
		`(?<fields>(?:${TCHAR}+:[\\t\\x20-\\x7e\\x80-\\xff]*\r\n)*)\r\n`,
);

/** RFC 9112 with our narrowings, said a second time and in another way. */
function obeysGrammar(text: string): boolean {
	const match = GRAMMAR.exec(text);
	if (!match?.groups) return false;
	const { line = "", method = "", minor, fields = "" } = match.groups;
	if (line.length > REQUEST_LINE_BYTES_MAX || match[0].length > HEAD_BYTES_MAX) return false;
	const list = fields.split("\r\n").slice(0, -1);
	if (list.length > FIELDS_MAX || list.some((field) => field.length > FIELD_BYTES_MAX)) return false;
	const values = (name: string) =>
		list
			.filter((field) => field.slice(0, field.indexOf(":")).toLowerCase() === name)
			.map((field) => field.slice(field.indexOf(":") + 1).replace(/^[ \t]+|[ \t]+$/g, ""));
	const [host, length, coding] = [values("host"), values("content-length"), values("transfer-encoding")];
	if (host.length > 1 || (host.length === 0 && minor === "1")) return false;
	if (host[0] && !/^(\[[\da-f:.]+\]|([\w.~!$&'()*+,;=-]|%[\da-f]{2})*)(:\d{0,5})?$/i.test(host[0])) return false;
	if (length.length + coding.length > 1 || values("range").length > 1 || values("if-range").length > 1) return false;
	if (length[0] !== undefined && !/^(0|[1-9]\d{0,14})$/.test(length[0])) return false;
	if (coding[0] !== undefined && (coding[0].toLowerCase() !== "chunked" || minor === "0")) return false;
	return !(["GET", "HEAD", "OPTIONS"].includes(method) && (coding.length > 0 || (length[0] ?? "0") !== "0"));
}

const PIECES = {
	method: ["GET", "HEAD", "POST", "OPTIONS", "PUT", "get", "G ET", "", "M-SEARCH", "PRI"],
	target: [
		"/",
		"/i/demo/live.mp4?r=24",
		"/a%2Fb",
		"/%zz",
		"*",
		"http://a/",
		"/a b",
		"/\\",
		"//",
		"/..",
		"/?a=[]",
		"/#f",
		"/é",
	],
	version: ["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/1.10", "http/1.1", "HTTP/1.1 ", ""],
	end: ["\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "\r\r\n"],
	field: [
		"Host: a",
		"Host: a:80",
		"Host : a",
		"Host:",
		"host: b",
		"Host: a b",
		"Host: a/b",
		"Host: [::1]:8080",
		"Host: a@b",
		"Content-Length: 0",
		"Content-Length: 5",
		"Content-Length: 5, 5",
		"Content-Length: +5",
		"Content-Length: 0x5",
		"Content-Length: 05",
		"Content-Length:\t5",
		"Content-Length: 5 ",
		"Content-Length: -1",
		"Content-Length : 5",
		"Content-Length: 9999999999999999999",
		"content-length: 5",
		"Transfer-Encoding: chunked",
		"Transfer-Encoding: Chunked",
		"Transfer-Encoding: gzip, chunked",
		"Transfer-Encoding: xchunked",
		"Transfer-Encoding : chunked",
		"Transfer-Encoding:\x0bchunked",
		"Transfer-Encoding: identity",
		"Transfer-Encoding: chunked, chunked",
		" folded",
		"\tfolded",
		": nameless",
		"no colon",
		"X: \x00",
		"X: \x7f",
		"X: é",
		"X:\x01",
		"X\x00: 1",
		"X: a\tb",
		"Connection: close",
		"Connection: keep-alive",
		"Range: bytes=0-",
		"Range: bytes=1-2",
		"Expect: 100-continue",
		"Accept: */*",
	],
} as const;

/** Fields that nothing is wrong with, whatever stands beside them. */
const HARMLESS = [
	"Connection: close",
	"Accept: */*",
	"X: a\tb",
	"X: é",
	"Range: bytes=0-",
	'If-None-Match:\t"a" ',
	"Expect: x",
];

function makeHead(random: Random): string {
	// A third is right, a third is wrong in one place or two, a third is wild.
	const wild = random.unit();
	const oddly = wild < 0.33 ? 0 : wild < 0.67 ? 0.05 : 0.3;
	const any = <T>(list: readonly T[]): T => list[Math.floor(random.unit() * list.length)] as T;
	const pick = <T>(list: readonly T[]): T => (random.unit() < oddly ? any(list) : (list[0] as T));
	let text = `${pick(PIECES.method)}${pick([" ", "  ", "\t"])}${pick(PIECES.target)} ${pick(PIECES.version)}${pick(PIECES.end)}`;
	if (random.unit() >= oddly) text += `Host: a${pick(PIECES.end)}`;
	const fields = random.unit() < 0.01 ? 60 + Math.floor(random.unit() * 8) : Math.floor(random.unit() * 5);
	for (let i = 0; i < fields; i += 1) {
		const field =
			random.unit() < oddly * 2 ? any(PIECES.field) : fields > 5 ? "X: many" : i === 0 ? any(HARMLESS) : "X: y";
		text += `${field}${pick(PIECES.end)}`;
	}
	if (random.unit() < 0.02) text += `X: ${"a".repeat(Math.floor(random.unit() * 9_000))}\r\n`;
	text += pick(PIECES.end);
	if (random.unit() < 0.2) text += "GET /second HTTP/1.1\r\nHost: a\r\n\r\n";
	for (let breaks = random.unit() < oddly * 2 ? 1 + Math.floor(random.unit() * 3) : 0; breaks > 0; breaks -= 1) {
		const at = Math.floor(random.unit() * (text.length + 1));
		const byte = String.fromCharCode(Math.floor(random.unit() * 256));
		const kind = random.unit();
		if (kind < 0.3) text = text.slice(0, at) + byte + text.slice(at + 1);
		else if (kind < 0.6) text = text.slice(0, at) + byte + text.slice(at);
		else if (kind < 0.9) text = text.slice(0, at) + text.slice(at + 1);
		else text = text.slice(0, at);
	}
	return text;
}

/** What node:http makes of a head, or its refusal. */
function readByNode(bytes: Buffer): Promise<unknown> {
	return new Promise((resolve) => {
		const server = createServer((request, response) => {
			const { method, url: target, headers } = request;
			const coding = headers["transfer-encoding"];
			resolve({
				method,
				target,
				body: coding === undefined ? Number(headers["content-length"] ?? 0) : coding.toLowerCase(),
			});
			response.destroy();
		});
		const answer = (request: { method?: string; url?: string }) => server.emit("request", request, new Duplex());
		server.on("checkContinue", (request, response) => server.emit("request", request, response));
		server.on("checkExpectation", (request, response) => server.emit("request", request, response));
		server.on("connect", answer).on("upgrade", answer);
		server.on("clientError", (error) => resolve(error.message));
		const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
		server.emit("connection", socket);
		socket.push(bytes);
	});
}

if (import.meta.main) {
	const { values } = parseArgs({ options: { count: { type: "string" }, seed: { type: "string" } } });
	const count = Number(values.count ?? 200_000);
	const seed = Number(values.seed ?? Date.now() % 1_000_000);
	process.stdout.write(`${count} heads, seed ${seed}\n`);
	const counts = await fuzzHeads({ count, seed });
	process.stdout.write(`${JSON.stringify(counts)}: no difference\n`);
}
