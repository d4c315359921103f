import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
	FIELD_BYTES_MAX,
	FIELDS_MAX,
	HEAD_BYTES_MAX,
	HeadReader,
	type HeadRefusal,
	REQUEST_LINE_BYTES_MAX,
} from "./head.ts";
import { fuzzHeads } from "./head-fuzz.ts";

function read(text: string) {
	const reader = new HeadReader();
	reader.push(Buffer.from(text, "latin1"));
	return reader.read();
}

/** What is wrong with a request of these lines; "head" when nothing is. */
function refusal(...lines: string[]): HeadRefusal | "head" | "incomplete" {
	const result = read(`${lines.join("\r\n")}\r\n\r\n`);
	return result.kind === "refused" ? result.refusal : result.kind;
}

test("read() gives what this server needs of a head, and leaves what follows", () => {
	const text =
		"GET /i/demo/live.mp4?r=24 HTTP/1.1\r\nHost: a:8080\r\nACCEPT-encoding: gzip\r\nAccept-Encoding:\tbr \r\nRange: bytes=0-\r\nIcy-MetaData: 1\r\nX: \xe9\r\n\r\n";
	const reader = new HeadReader();
	reader.push(Buffer.from(`${text}GET /next`, "latin1"));
	const result = reader.read();
	assert.deepEqual(result, {
		kind: "head",
		bytes: text.length,
		head: {
			method: "GET",
			target: "/i/demo/live.mp4?r=24",
			minorVersion: 1,
			keepAlive: true,
			body: 0,
			accept: "",
			acceptEncoding: "gzip, br",
			acceptLanguage: "",
			ifNoneMatch: "",
			ifRange: "",
			forwarded: "",
			xForwardedFor: "",
			range: "bytes=0-",
			icyMetadata: true,
			authorization: "",
		},
	});
	assert.equal(reader.take(text.length).toString("latin1"), text);
	assert.deepEqual(reader.read(), { kind: "incomplete" });
	assert.equal(reader.heldBytes, "GET /next".length);
});

test("read() keeps a connection only for HTTP/1.1 without close", () => {
	const keepAlive = (text: string) => {
		const result = read(text);
		return result.kind === "head" && result.head.keepAlive;
	};
	assert.ok(keepAlive("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
	assert.ok(!keepAlive("GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: Upgrade, CLOSE\r\n\r\n"));
	assert.ok(!keepAlive("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
});

// Request smuggling: each of these has been read in two ways by two servers somewhere.
const POST = ["POST / HTTP/1.1", "Host: a"];
const smuggling: Record<string, readonly [HeadRefusal, ...string[]]> = {
	"CL.TE: a length and chunks": ["ambiguous_body", ...POST, "Content-Length: 4", "Transfer-Encoding: chunked"],
	"TE.CL: chunks and a length": ["ambiguous_body", ...POST, "Transfer-Encoding: chunked", "Content-Length: 4"],
	"CL.CL: two lengths": ["repeated_field", ...POST, "Content-Length: 4", "Content-Length: 5"],
	"CL.CL: the same length twice": ["repeated_field", ...POST, "Content-Length: 4", "Content-Length: 4"],
	"a list of lengths": ["malformed_length", ...POST, "Content-Length: 4, 4"],
	"a signed length": ["malformed_length", ...POST, "Content-Length: +4"],
	"a negative length": ["malformed_length", ...POST, "Content-Length: -4"],
	"a hexadecimal length": ["malformed_length", ...POST, "Content-Length: 0x4"],
	"a length with a leading zero": ["malformed_length", ...POST, "Content-Length: 04"],
	"a length beyond what a number holds": ["malformed_length", ...POST, "Content-Length: 18446744073709551617"],
	"an empty length": ["malformed_length", ...POST, "Content-Length: "],
	"a space inside a length": ["malformed_length", ...POST, "Content-Length: 1 2"],
	"TE.TE: two codings": ["repeated_field", ...POST, "Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
	"a coding that ends in chunked": ["unknown_transfer_encoding", ...POST, "Transfer-Encoding: xchunked"],
	"a list of codings": ["unknown_transfer_encoding", ...POST, "Transfer-Encoding: gzip, chunked"],
	"chunked twice": ["unknown_transfer_encoding", ...POST, "Transfer-Encoding: chunked, chunked"],
	"identity, which RFC 9112 dropped": ["unknown_transfer_encoding", ...POST, "Transfer-Encoding: identity"],
	"a quoted coding": ["unknown_transfer_encoding", ...POST, 'Transfer-Encoding: "chunked"'],
	"a space before the colon of the coding": ["malformed_field", ...POST, "Transfer-Encoding : chunked"],
	"a tab before the colon of the length": ["malformed_field", ...POST, "Content-Length\t: 4"],
	"a vertical tab before the coding": ["control_character", ...POST, "Transfer-Encoding:\x0bchunked"],
	"a NUL in a name": ["control_character", ...POST, "Content-Length\0: 4"],
	"a coding behind obs-fold": ["folded_line", ...POST, "X: a", " Transfer-Encoding: chunked"],
	"a coding continued by obs-fold": ["folded_line", ...POST, "Transfer-Encoding:", "\tchunked"],
	"a first field that begins with a space": ["folded_line", "POST / HTTP/1.1", " Host: a"],
	"a coding behind a bare LF": ["bare_line_feed", ...POST, "X: a\nTransfer-Encoding: chunked"],
	"a coding behind a bare CR": ["bare_carriage_return", ...POST, "X: a\rTransfer-Encoding: chunked"],
	"two CR before LF": ["bare_carriage_return", ...POST, "X: a\r"],
	"chunks in HTTP/1.0": ["ambiguous_body", "POST / HTTP/1.0", "Transfer-Encoding: chunked"],
	"a body on GET by length": ["unexpected_body", "GET / HTTP/1.1", "Host: a", "Content-Length: 34"],
	"a body on GET by chunks": ["unexpected_body", "GET / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked"],
	"a body on HEAD": ["unexpected_body", "HEAD / HTTP/1.1", "Host: a", "Content-Length: 1"],
	"a body on OPTIONS": ["unexpected_body", "OPTIONS / HTTP/1.1", "Host: a", "Content-Length: 1"],
	"two hosts": ["malformed_host", "GET / HTTP/1.1", "Host: a", "Host: a"],
	"no host": ["malformed_host", "GET / HTTP/1.1"],
	"a host with a path": ["malformed_host", "GET / HTTP/1.1", "Host: a/b"],
	"a host with a user": ["malformed_host", "GET / HTTP/1.1", "Host: b@a"],
	"a host with a space": ["malformed_host", "GET / HTTP/1.1", "Host: a b"],
	"absolute-form": ["malformed_target", "GET http://b/ HTTP/1.1", "Host: a"],
	"authority-form": ["malformed_target", "CONNECT b:443 HTTP/1.1", "Host: a"],
	"asterisk-form": ["malformed_target", "OPTIONS * HTTP/1.1", "Host: a"],
	"a fragment in the target": ["malformed_target", "GET /#a HTTP/1.1", "Host: a"],
	"a backslash in the target": ["malformed_target", "GET /a\\b HTTP/1.1", "Host: a"],
	"a broken escape in the target": ["malformed_target", "GET /%2 HTTP/1.1", "Host: a"],
	"two spaces in the request line": ["malformed_request_line", "GET  / HTTP/1.1", "Host: a"],
	"a space at the end of the request line": ["malformed_request_line", "GET / HTTP/1.1 ", "Host: a"],
	"a space in the target": ["malformed_request_line", "GET /a b HTTP/1.1", "Host: a"],
	"a tab in the request line": ["control_character", "GET\t/ HTTP/1.1", "Host: a"],
	"UTF-8 in the target": ["control_character", "GET /\xc3\xa9 HTTP/1.1", "Host: a"],
	"HTTP/0.9": ["malformed_request_line", "GET /"],
	"a version in lower case": ["malformed_request_line", "GET / http/1.1", "Host: a"],
	"a version with two digits": ["malformed_request_line", "GET / HTTP/1.10", "Host: a"],
	"HTTP/2 by prior knowledge": ["malformed_target", "PRI * HTTP/1.1"],
	"the preface of HTTP/2": ["version", "PRI * HTTP/2.0"],
	"HTTP/1.2": ["version", "GET / HTTP/1.2", "Host: a"],
	"a method in lower case": ["malformed_request_line", "get / HTTP/1.1", "Host: a"],
	"a field without a colon": ["malformed_field", "GET / HTTP/1.1", "Host: a", "Content-Length"],
	"a field without a name": ["malformed_field", "GET / HTTP/1.1", "Host: a", ": chunked"],
	"a name with a space": ["malformed_field", "GET / HTTP/1.1", "Host: a", "Content Length: 4"],
	"a name in brackets": ["malformed_field", "GET / HTTP/1.1", "Host: a", "(Host): b"],
	"DEL in a value": ["control_character", "GET / HTTP/1.1", "Host: a", "X: \x7f"],
	"two ranges in two fields": ["repeated_field", "GET / HTTP/1.1", "Host: a", "Range: bytes=0-1", "Range: bytes=2-3"],
	"an empty line first": ["empty_line_first", "", "GET / HTTP/1.1", "Host: a"],
	"a TLS hello": ["control_character", "\x16\x03\x01\x02\x00\x01"],
};
for (const [name, [wanted, ...lines]] of Object.entries(smuggling)) {
	test(`read() refuses ${name}`, () => assert.equal(refusal(...lines), wanted));
}

test("read() accepts what a stricter reader might not: an empty host, colons in values, every token in a name", () => {
	assert.equal(refusal("GET / HTTP/1.1", "Host:"), "head");
	assert.equal(refusal("GET / HTTP/1.1", "Host: [::1]:8080", "X: http://a:1/"), "head");
	assert.equal(refusal("GET / HTTP/1.1", "Host: a", "!#$%&'*+-.^_`|~: 1"), "head");
	assert.equal(refusal("GET / HTTP/1.1", "Host: a", "Content-Length: 0"), "head");
	assert.equal(refusal("GET / HTTP/1.0"), "head");
	assert.equal(refusal("PURGE /a HTTP/1.1", "Host: a", "Content-Length: 12"), "head");
});

test("read() refuses at the bound and not before it", () => {
	const line = (bytes: number) => `GET /${"a".repeat(bytes - "GET / HTTP/1.1".length)} HTTP/1.1`;
	assert.equal(refusal(line(REQUEST_LINE_BYTES_MAX), "Host: a"), "head");
	assert.equal(refusal(line(REQUEST_LINE_BYTES_MAX + 1), "Host: a"), "request_line_too_long");
	const field = (bytes: number) => `X:${"a".repeat(bytes - "X:".length)}`;
	assert.equal(refusal("GET / HTTP/1.1", "Host: a", field(FIELD_BYTES_MAX)), "head");
	assert.equal(refusal("GET / HTTP/1.1", "Host: a", field(FIELD_BYTES_MAX + 1)), "field_too_long");
	const fields = (count: number) => Array.from({ length: count }, () => "X: a");
	assert.equal(refusal("GET / HTTP/1.1", "Host: a", ...fields(FIELDS_MAX - 1)), "head");
	assert.equal(refusal("GET / HTTP/1.1", "Host: a", ...fields(FIELDS_MAX)), "too_many_fields");
	const start = "GET / HTTP/1.1\r\nHost: a\r\n".length;
	const rest = HEAD_BYTES_MAX - start - "\r\n\r\n".length;
	const half = field(Math.floor(rest / 2));
	assert.equal(refusal("GET / HTTP/1.1", "Host: a", half, field(rest - half.length - 2)), "head");
	assert.equal(refusal("GET / HTTP/1.1", "Host: a", half, field(rest - half.length - 1)), "head_too_long");
});

test("read() refuses as soon as a bound is passed, without waiting for the end of the line", () => {
	const result = read(`GET /${"a".repeat(REQUEST_LINE_BYTES_MAX)}`);
	assert.deepEqual(result, { kind: "refused", refusal: "request_line_too_long" });
});

const value = fc.string({ unit: fc.constantFrom(...'abcXYZ019 ,;=:/"-_'), maxLength: 40 });
const request = fc.record({
	method: fc.constantFrom("GET", "HEAD", "OPTIONS", "POST", "DELETE"),
	path: fc.stringMatching(/^(?:\/[a-z0-9._~-]{0,8}){1,4}(?:\?[a-z=&]{0,9})?$/),
	fields: fc.array(fc.tuple(fc.stringMatching(/^x-[a-z]{1,8}$/), value), { maxLength: 20 }),
	range: fc.option(value, { nil: undefined }),
	rest: fc.string({ maxLength: 30 }),
	cuts: fc.array(fc.nat(2_000), { maxLength: 8 }),
});

test("read() understands every proper head, however it is cut, and takes no byte of what follows", () => {
	fc.assert(
		fc.property(request, ({ method, path, fields, range, rest, cuts }) => {
			const lines = [`${method} ${path} HTTP/1.1`, "Host: a", ...fields.map(([name, text]) => `${name}: ${text}`)];
			if (range !== undefined) lines.push(`Range:${range}`);
			const head = `${lines.join("\r\n")}\r\n\r\n`;
			const bytes = Buffer.from(head + rest);
			const reader = new HeadReader();
			let from = 0;
			for (const to of [...cuts.map((cut) => Math.min(cut, head.length - 1)).sort((a, b) => a - b), bytes.length]) {
				reader.push(bytes.subarray(from, Math.max(from, to)));
				from = Math.max(from, to);
				if (from < head.length) assert.equal(reader.read().kind, "incomplete");
			}
			const result = reader.read();
			assert.ok(result.kind === "head");
			assert.equal(result.bytes, head.length);
			assert.equal(result.head.method, method);
			assert.equal(result.head.target, path);
			assert.equal(result.head.range, (range ?? "").trim());
			reader.take(result.bytes);
			assert.equal(reader.heldBytes, Buffer.byteLength(rest));
		}),
	);
});

test("read() never throws and holds no more than it was given, whatever the bytes", () => {
	fc.assert(
		fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 10 }), (chunks) => {
			const reader = new HeadReader();
			let pushed = 0;
			for (const chunk of chunks) {
				reader.push(Buffer.from(chunk));
				pushed += chunk.length;
				assert.ok(reader.heldBytes <= pushed);
				if (reader.read().kind !== "incomplete") return;
			}
		}),
	);
});

test("read() agrees with the grammar and with node:http on heads made and broken at random", async () => {
	const counts = await fuzzHeads({ count: 4_000, seed: 7 });
	assert.ok(counts.accepted > 1_000 && counts.refused > 1_000 && counts.compared > 50, JSON.stringify(counts));
});
