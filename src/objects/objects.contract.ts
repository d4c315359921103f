import assert from "node:assert/strict";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import type { Objects } from "./disk.ts";

/** What every implementation of `Objects` keeps. @param open an empty store each time. */
export function objectsContract(name: string, open: () => Promise<Objects & AsyncDisposable>): void {
	test(`${name}: what is written is read back, and is replaced as a whole`, async () => {
		await using objects = await open();
		assert.equal(await objects.read("a/b"), undefined);
		assert.equal(await objects.sizeBytes("a/b"), undefined);
		await objects.write("a/b", Buffer.from("one"));
		await objects.write("a/b", Buffer.from("three"));
		assert.equal((await objects.read("a/b"))?.toString(), "three");
		assert.equal(await objects.sizeBytes("a/b"), 5);
	});

	test(`${name}: pieces are written one after another`, async () => {
		await using objects = await open();
		await objects.write("pieces", piecesOf("on", "e an", "", "d two"));
		assert.equal((await objects.read("pieces"))?.toString(), "one and two");
	});

	test(`${name}: a write that fails leaves the object as it was, and nothing beside it`, async () => {
		await using objects = await open();
		await objects.write("a/b", Buffer.from("old"));
		const failing = async function* () {
			yield Buffer.from("new");
			throw new Error("the source failed");
		};
		await assert.rejects(objects.write("a/b", failing()), /the source failed/);
		await assert.rejects(objects.write("a/c", failing()), /the source failed/);
		assert.equal((await objects.read("a/b"))?.toString(), "old");
		assert.deepEqual(await objects.list("a"), ["a/b"]);
	});

	test(`${name}: writes of one object at a time do not disturb each other`, async () => {
		await using objects = await open();
		const texts = Array.from({ length: 8 }, (_, nth) => `text ${nth}`);
		await Promise.all(texts.map((text) => objects.write("a/b", Buffer.from(text))));
		assert.ok(texts.includes(String(await objects.read("a/b"))));
		assert.deepEqual(await objects.list("a"), ["a/b"]);
	});

	test(`${name}: an object grows at its end, can be cut back, and is readable all the while`, async () => {
		await using objects = await open();
		const file = await objects.append("a/long");
		assert.equal(await objects.sizeBytes("a/long"), 0);
		await file.append(Buffer.from("hello "));
		await file.append(Buffer.from("wor"));
		assert.equal((await objects.read("a/long"))?.toString(), "hello wor");
		await file.truncate(6);
		await file.append(Buffer.from("you"));
		await file.sync();
		await file.close();
		const again = await objects.append("a/long");
		await again.append(Buffer.from("!"));
		await again.close();
		assert.equal((await objects.read("a/long"))?.toString(), "hello you!");
	});

	test(`${name}: a range of bytes is streamed`, async () => {
		await using objects = await open();
		await objects.write("a", Buffer.from("0123456789"));
		assert.equal((await buffer(objects.stream("a", 2, 5))).toString(), "234");
		assert.equal((await buffer(objects.stream("a", 0, 10))).toString(), "0123456789");
	});

	test(`${name}: keys below a prefix are listed in order, and removed together`, async () => {
		await using objects = await open();
		for (const key of ["i/1/b", "i/1/a/x", "i/12/a", "j"]) await objects.write(key, Buffer.from(key));
		assert.deepEqual(await objects.list("i/1"), ["i/1/a/x", "i/1/b"]);
		assert.deepEqual(await objects.list("nothing"), []);
		await objects.remove("i/1");
		await objects.remove("nothing");
		assert.deepEqual(await objects.list("i"), ["i/12/a"]);
	});
}

async function* piecesOf(...texts: readonly string[]) {
	for (const text of texts) yield Buffer.from(text);
}
