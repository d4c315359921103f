import assert from "node:assert/strict";
import { test } from "node:test";
import type { Objects } from "#objects/index.ts";
import { createObjectCache } from "./object-cache.ts";

/** Objects of ten bytes each; the test says when a read is done. */
function slowObjects() {
	const reads: { key: string; done: (bytes: Buffer | undefined) => void; fail: (error: Error) => void }[] = [];
	const read = (key: string) =>
		new Promise<Buffer | undefined>((done, fail) => {
			reads.push({ key, done, fail });
		});
	return { reads, objects: { read } as Partial<Objects> as Objects };
}
const ten = (text: string) => Buffer.from(text.padEnd(10));

test("read() reads once for all who ask meanwhile, and never again while it is held", async () => {
	const { reads, objects } = slowObjects();
	const cache = createObjectCache(objects);
	const both = [cache.read("a"), cache.read("a")];
	assert.equal(reads.length, 1);
	reads[0]?.done(ten("a"));
	assert.deepEqual(await Promise.all(both), [ten("a"), ten("a")]);
	assert.deepEqual(cache.read("a"), ten("a"));
	assert.equal(reads.length, 1);
});

test("read() forgets what was asked for longest ago beyond its bytes", async () => {
	const { reads, objects } = slowObjects();
	const cache = createObjectCache(objects, { bytesMax: 25 });
	for (const key of ["a", "b"]) {
		const read = cache.read(key);
		reads.at(-1)?.done(ten(key));
		await read;
	}
	cache.read("a");
	const third = cache.read("c");
	reads.at(-1)?.done(ten("c"));
	await third;
	assert.ok(Buffer.isBuffer(cache.read("a")) && Buffer.isBuffer(cache.read("c")));
	assert.ok(cache.read("b") instanceof Promise);
});

test("read() says busy at once when too many are being read, and recovers", async () => {
	const { reads, objects } = slowObjects();
	const cache = createObjectCache(objects, { readsMax: 1 });
	const first = cache.read("a");
	assert.equal(cache.read("b"), "busy");
	reads[0]?.fail(new Error("the disk is gone"));
	await assert.rejects(async () => first, /gone/);
	assert.notEqual(cache.read("a"), "busy", "a failure is not remembered");
});

test("read() does not remember that an object was missing", async () => {
	const { reads, objects } = slowObjects();
	const cache = createObjectCache(objects);
	const first = cache.read("a");
	reads[0]?.done(undefined);
	assert.equal(await first, undefined);
	const second = cache.read("a");
	reads[1]?.done(ten("a"));
	assert.deepEqual(await second, ten("a"));
});
