import assert from "node:assert/strict";
import { test } from "node:test";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { Representation, type Wish } from "./response.ts";

const UNIX_MS = Date.UTC(2026, 0, 1, 20, 0, 0);
const wish = (changes: Partial<Wish> = {}): Wish => ({
	headOnly: false,
	close: false,
	unixMs: UNIX_MS,
	ifNoneMatch: "",
	acceptEncoding: "",
	...changes,
});
const options = {
	type: "text/html; charset=utf-8",
	cacheControl: "public, max-age=1",
	compress: true,
	vary: ["Accept-Language"],
};
const words = Buffer.from("words ".repeat(200));

function parse(pieces: readonly Buffer[]) {
	const bytes = Buffer.concat(pieces);
	const end = bytes.indexOf("\r\n\r\n");
	const [status, ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
	const fields = Object.fromEntries(lines.map((line) => line.split(": ", 2)));
	return { status, fields, body: bytes.subarray(end + 4) };
}

test("Representation answers with everything a cache must know", () => {
	const { status, fields, body } = parse(new Representation(words, options).answer(wish()));
	assert.equal(status, "HTTP/1.1 200 OK");
	assert.deepEqual(body, words);
	assert.deepEqual(
		{ ...fields, ETag: "…" },
		{
			Date: "Thu, 01 Jan 2026 20:00:00 GMT",
			"Content-Type": "text/html; charset=utf-8",
			"Content-Length": "1200",
			"Cache-Control": "public, max-age=1",
			ETag: "…",
			Vary: "Accept-Language, Accept-Encoding",
			"X-Content-Type-Options": "nosniff",
		},
	);
});

test("Representation compresses once per coding, each with a tag of its own", () => {
	const page = new Representation(words, options);
	const plain = parse(page.answer(wish()));
	const br = parse(page.answer(wish({ acceptEncoding: "gzip, br" })));
	const gzip = parse(page.answer(wish({ acceptEncoding: "gzip" })));
	assert.deepEqual(brotliDecompressSync(br.body), words);
	assert.deepEqual(gunzipSync(gzip.body), words);
	assert.equal(new Set([plain, br, gzip].map(({ fields }) => fields["ETag"])).size, 3);
	assert.equal(br.fields["Content-Encoding"], "br");
	const small = parse(new Representation(Buffer.from("words"), options).answer(wish({ acceptEncoding: "br" })));
	assert.equal(small.fields["Content-Encoding"], undefined);
	assert.equal(small.fields["Vary"], "Accept-Language", "what is never compressed does not vary by it");
});

test("Representation says 304 to who has this version in this coding, with the fields a cache updates", () => {
	const page = new Representation(words, options);
	const tag = parse(page.answer(wish({ acceptEncoding: "br" }))).fields["ETag"] as string;
	const again = parse(page.answer(wish({ acceptEncoding: "br", ifNoneMatch: `W/${tag}` })));
	assert.equal(again.status, "HTTP/1.1 304 Not Modified");
	assert.equal(again.body.length, 0);
	assert.deepEqual(Object.keys(again.fields), ["Date", "Cache-Control", "ETag", "Vary", "X-Content-Type-Options"]);
	assert.equal(parse(page.answer(wish({ ifNoneMatch: tag }))).status, "HTTP/1.1 200 OK", "another coding");
});

test("Representation answers HEAD like GET, without the body", () => {
	const page = new Representation(words, options);
	const head = parse(page.answer(wish({ headOnly: true })));
	assert.deepEqual(head.fields, parse(page.answer(wish())).fields);
	assert.equal(head.body.length, 0);
});

test("Representation makes one buffer per second for all who ask, with that second's date", () => {
	const page = new Representation(words, options);
	const [first] = page.answer(wish());
	assert.equal(page.answer(wish({ unixMs: UNIX_MS + 999 }))[0], first);
	const later = page.answer(wish({ unixMs: UNIX_MS + 1_000 }));
	assert.notEqual(later[0], first);
	assert.equal(parse(later).fields["Date"], "Thu, 01 Jan 2026 20:00:01 GMT");
	assert.equal(parse(page.answer(wish({ close: true }))).fields["Connection"], "close");
});

test("Representation does not copy a large body: head and body are two buffers", () => {
	const segment = Buffer.alloc(30_000);
	const pieces = new Representation(segment, { type: "audio/mp4", cacheControl: "x", etag: '"1"' }).answer(wish());
	assert.equal(pieces.length, 2);
	assert.equal(pieces[1], segment);
});

test("a refusal carries no entity tag and is never turned into 304", () => {
	const gone = new Representation(Buffer.from("gone"), {
		status: 410,
		type: "text/plain",
		cacheControl: "public, max-age=1",
	});
	const { status, fields } = parse(gone.answer(wish({ ifNoneMatch: "*" })));
	assert.equal(status, "HTTP/1.1 410 Gone");
	assert.equal(fields["ETag"], undefined);
});
