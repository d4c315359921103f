import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BOX_BYTES_MAX, BoxReader, MalformedStream, type StreamItem } from "./boxes.ts";

const u32 = (value: number) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
const text = (value: string) => [...new TextEncoder().encode(value)];
const box = (type: string, ...content: readonly (readonly number[])[]) => {
	const body = content.flat();
	return [...u32(body.length + 8), ...text(type), ...body];
};
const moov = (packetSamples: number) =>
	box(
		"moov",
		box("mvhd", u32(0)),
		box("mvex", box("trex", u32(0), u32(1), u32(1), u32(packetSamples), u32(0), u32(0))),
	);
const fragment = (fromSample: number, sizes: readonly number[]) => {
	const traf = box(
		"traf",
		box("tfhd", u32(0x020000), u32(1)),
		box("tfdt", u32(1 << 24), u32(Math.floor(fromSample / 2 ** 32)), u32(fromSample % 2 ** 32)),
		box("trun", u32(0x201), u32(sizes.length), u32(0), ...sizes.map(u32)),
	);
	const sound = sizes.flatMap((size) => Array.from({ length: size }, (_, i) => i & 255));
	return [...box("moof", box("mfhd", u32(0), u32(1)), traf), ...box("mdat", sound)];
};
const state = (atSample: number, json: string, scheme = "urn:rostra:state") =>
	box("emsg", u32(1 << 24), u32(48_000), u32(0), u32(atSample), u32(0), u32(1), text(`${scheme}\0\0`), text(json));

const stream = fc.record({
	packetSamples: fc.constantFrom(960, 1024),
	parts: fc.array(
		fc.record({
			sizes: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 16 }),
			json: fc.option(fc.string({ maxLength: 30, unit: "binary" })),
			noise: fc.boolean(),
		}),
		{ maxLength: 8 },
	),
	firstSample: fc.integer({ min: 0, max: 2 ** 40 }),
});

test("feed() gives the same items however the stream is cut into pieces, and loses no byte", () => {
	fc.assert(
		fc.property(
			stream,
			fc.array(fc.integer({ min: 1, max: 97 }), { minLength: 1 }),
			({ packetSamples, parts, firstSample }, cuts) => {
				const bytes = [...box("ftyp", text("iso6"), u32(0)), ...moov(packetSamples)];
				const expected: StreamItem["kind"][] = ["init"];
				let at = firstSample;
				const times: number[] = [];
				for (const { sizes, json, noise } of parts) {
					if (json !== null) {
						bytes.push(...state(7, json));
						expected.push("state");
					}
					if (noise) bytes.push(...box("free", [1, 2, 3]), ...state(7, "x", "urn:other"));
					bytes.push(...fragment(at, sizes));
					expected.push("fragment");
					times.push(at);
					at += sizes.length * packetSamples;
				}
				const reader = new BoxReader();
				const items: StreamItem[] = [];
				for (let i = 0, from = 0; from < bytes.length; i += 1) {
					const length = cuts[i % cuts.length] as number;
					items.push(...reader.feed(Uint8Array.from(bytes.slice(from, from + length))));
					from += length;
				}
				assert.deepEqual(
					items.map((item) => item.kind),
					expected,
				);
				assert(reader.atRest);
				const fragments = items.filter((item) => item.kind === "fragment");
				assert.deepEqual(
					fragments.map((item) => item.fromSample),
					times,
				);
				for (const [i, item] of fragments.entries()) {
					assert.equal(item.sampleCount, (parts[i]?.sizes.length ?? 0) * packetSamples);
				}
				const texts = items.filter((item) => item.kind === "state").map((item) => item.json);
				assert.deepEqual(
					texts,
					parts.flatMap(({ json }) =>
						json === null ? [] : [new TextDecoder().decode(new TextEncoder().encode(json))],
					),
				);
			},
		),
		{ numRuns: 60 },
	);
});

test("feed() answers any bytes with items or MalformedStream, nothing else", () => {
	const valid = Uint8Array.from([...box("ftyp", u32(0)), ...moov(960), ...state(0, "{}"), ...fragment(960, [3, 3])]);
	const broken = fc.oneof(
		fc.uint8Array({ maxLength: 400 }),
		fc
			.array(fc.record({ at: fc.nat(valid.length - 1), value: fc.integer({ min: 0, max: 255 }) }), { maxLength: 6 })
			.map((changes) => {
				const bytes = valid.slice();
				for (const { at, value } of changes) bytes[at] = value;
				return bytes;
			}),
	);
	fc.assert(
		fc.property(broken, (bytes) => {
			try {
				for (const item of new BoxReader().feed(bytes)) {
					if (item.kind === "fragment") assert(item.sampleCount > 0 && Number.isSafeInteger(item.fromSample));
				}
			} catch (error) {
				assert(error instanceof MalformedStream, String(error));
			}
		}),
		{ numRuns: 2_000 },
	);
});

test("a box beyond the bound is refused before it is waited for", () => {
	const reader = new BoxReader();
	assert.throws(() => reader.feed(Uint8Array.from([...u32(BOX_BYTES_MAX + 1), ...text("mdat")])), MalformedStream);
});
