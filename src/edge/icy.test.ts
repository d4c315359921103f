import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fakeState } from "./fakes.ts";
import { IcyReader } from "./icy.testing.ts";
import { icyBlock, icyFields, icyText, icyTitle } from "./icy.ts";

/** The title that a client reads from one block. */
function readBlock(block: Buffer): string | undefined {
	const reader = new IcyReader(1);
	reader.push(Buffer.concat([Buffer.from("s"), block]));
	assert.equal(reader.blockCount, 1, "the block is whole, and nothing follows it");
	return reader.titles[0]?.title;
}

test("icyBlock() makes a block that a strict client can read of any title", () => {
	fc.assert(
		fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme", maxLength: 9_000 })), (title) => {
			const read = readBlock(icyBlock(title)) as string;
			const text = icyText(title);
			if (Buffer.byteLength(text) <= 4_000) assert.equal(read, text);
			else assert.ok(read.endsWith("…") && text.startsWith(read.slice(0, -1)));
		}),
	);
});

test("a title that is too long is cut between two characters", () => {
	for (let shift = 0; shift < 4; shift += 1) {
		const read = readBlock(icyBlock("x".repeat(shift) + "🎙".repeat(2_000))) as string;
		assert.match(read, /^x*🎙+…$/u);
		assert.ok(Buffer.byteLength(read) > 4_050);
	}
});

test("a title can end neither itself nor a header field", () => {
	assert.equal(readBlock(icyBlock("What's';\r\nStreamUrl='http://evil';")), "What’s’; StreamUrl=’http://evil’;");
	const [, name] = icyFields("a\r\nSet-Cookie: b=c\u2028\ud800é")[1] as [string, string];
	assert.equal(Buffer.from(name, "latin1").toString(), "a Set-Cookie: b=c \ufffdé");
});

test("the title names who is speaking, and in pauses who spoke last, as long as they are on air", () => {
	const people = (...list: [string, boolean, "on_air" | "seated"][]) =>
		fakeState({
			title: "Mut",
			people: list.map(([name, speaking, presence]) => ({ id: name, name, role: "guest", speaking, presence })),
		});
	const steps = [
		{ state: people(["Ada", false, "on_air"]), title: "Mut" },
		{ state: people(["Ada", true, "on_air"], ["Bob", true, "on_air"]), title: "Mut – Ada, Bob" },
		{ state: people(["Ada", false, "on_air"], ["Bob", true, "on_air"]), title: "Mut – Bob" },
		{ state: people(["Ada", false, "on_air"], ["Bob", false, "on_air"]), title: "Mut – Bob" },
		{ state: people(["Ada", false, "on_air"], ["Bob", false, "seated"]), title: "Mut" },
		{ state: people(["Ada", false, "on_air"], ["Bob", true, "seated"]), title: "Mut" },
	];
	let names: readonly string[] = [];
	for (const { state, title } of steps) {
		const now = icyTitle(state, names);
		assert.equal(now.title, title);
		names = now.names;
	}
});
