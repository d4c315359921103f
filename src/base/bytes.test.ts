import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FrameReader, frame, packPieces, unpackPieces } from "./bytes.ts";

const pieces = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 });

test("FrameReader gives back what frame() wrote, however the stream is cut", () => {
	fc.assert(
		fc.property(
			pieces,
			fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 30 }),
			(messages, cuts) => {
				const stream = Buffer.concat(messages.map((message) => frame(message)));
				const reader = new FrameReader(300);
				const got: string[] = [];
				for (let at = 0, nth = 0; at < stream.length; nth += 1) {
					const to = at + (cuts[nth % cuts.length] as number);
					for (const bytes of reader.push(stream.subarray(at, to))) got.push(bytes.toString("hex"));
					at = to;
				}
				assert.deepEqual(
					got,
					messages.map((message) => Buffer.from(message).toString("hex")),
				);
			},
		),
	);
});

test("FrameReader refuses a frame beyond its bound before it has arrived", () => {
	const reader = new FrameReader(10);
	const head = Buffer.alloc(4);
	head.writeUInt32BE(11);
	assert.throws(() => [...reader.push(head)], RangeError);
});

test("frame() joins its pieces into one frame", () => {
	const [joined] = new FrameReader(10).push(frame(Buffer.from("ab"), Buffer.alloc(0), Buffer.from("c")));
	assert.equal(joined?.toString(), "abc");
});

test("unpackPieces() gives back what packPieces() packed", () => {
	fc.assert(
		fc.property(fc.jsonValue(), pieces, (json, binary) => {
			const message = unpackPieces(packPieces(json, binary));
			assert.equal(JSON.stringify(message.json), JSON.stringify(json));
			assert.deepEqual(
				message.pieces.map((piece) => piece.toString("hex")),
				binary.map((piece) => Buffer.from(piece).toString("hex")),
			);
		}),
	);
});

test("unpackPieces() throws nothing but RangeError and SyntaxError on any bytes", () => {
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
			try {
				unpackPieces(bytes);
			} catch (error) {
				assert.ok(error instanceof RangeError || error instanceof SyntaxError, String(error));
			}
		}),
	);
});
