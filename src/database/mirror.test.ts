import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import * as z from "zod/mini";
import { FakeClock } from "#base/index.ts";
import { type Kept, Mirror, type MirrorStore, standbyAt } from "./mirror.ts";

const note = z.object({ id: z.string(), text: z.string() });
type Note = z.infer<typeof note>;

/** Keeps the contract of a store: an older version never replaces a newer one. */
class FakeStore implements MirrorStore<Note> {
	readonly rows = new Map<string, Kept<Note>>();
	away = false;
	/** The next write is done, and yet its answer gets lost. */
	losesAnswer = false;

	async load() {
		if (this.away) throw new Error("away");
		return [...this.rows.values()];
	}

	async write(kept: Kept<Note>) {
		if (this.away) throw new Error("away");
		if ((this.rows.get(kept.value.id)?.version ?? -1) <= kept.version) this.rows.set(kept.value.id, kept);
		if (!this.losesAnswer) return;
		this.losesAnswer = false;
		throw new Error("the connection broke after the commit");
	}

	textOf(id: string): string | undefined {
		return this.rows.get(id)?.value.text;
	}
}

async function inWorld(run: (world: World) => Promise<void>): Promise<void> {
	const directory = await mkdtemp(join(tmpdir(), "rostra-mirror-"));
	try {
		await run(new World(join(directory, "notes.json")));
	} finally {
		await rm(directory, { recursive: true });
	}
}

/** One process' way to the store. */
class StoreHandle implements MirrorStore<Note> {
	readonly #store: FakeStore;
	cut = false;

	constructor(store: FakeStore) {
		this.#store = store;
	}

	async load() {
		if (this.cut) throw new Error("killed");
		return this.#store.load();
	}

	async write(kept: Kept<Note>) {
		if (this.cut) throw new Error("killed");
		return this.#store.write(kept);
	}
}

class World {
	readonly store = new FakeStore();
	#clock = new FakeClock();
	#handle: StoreHandle | undefined;
	readonly standbyPath: string;
	readonly told: string[] = [];

	constructor(standbyPath: string) {
		this.standbyPath = standbyPath;
	}

	async open(): Promise<Mirror<Note>> {
		this.#handle = new StoreHandle(this.store);
		this.#clock = new FakeClock();
		return Mirror.open<Note>({
			standby: standbyAt(this.standbyPath),
			keyOf: (value) => value.id,
			parse: (value) => note.parse(value),
			keepInStandby: (value) => value.text !== "over",
			store: this.#handle,
			clock: this.#clock,
			events: {
				storeLost: () => this.told.push("lost"),
				storeReturned: () => this.told.push("returned"),
				standbyFailed: () => this.told.push("standby failed"),
			},
		});
	}

	/** Ends the process of `mirror` and begins another: only the store and the file as it is now remain. */
	async kill(mirror: Mirror<Note>): Promise<Mirror<Note>> {
		const file = await readFile(this.standbyPath).catch(() => undefined);
		if (this.#handle) this.#handle.cut = true;
		await mirror[Symbol.asyncDispose]();
		if (file) await writeFile(this.standbyPath, file);
		else await rm(this.standbyPath, { force: true });
		return this.open();
	}

	/** Lets the retry timer fire, and what it began come to an end. */
	async retry(): Promise<void> {
		this.#clock.advance(500);
		await new Promise((resolve) => setImmediate(resolve));
	}

	async settled(mirror: Mirror<Note>): Promise<void> {
		for (let tries = 0; mirror.waitingCount > 0 || !mirror.complete; tries += 1) {
			assert.ok(tries < 1_000, "what waits is written in the end");
			await this.retry();
		}
	}
}

const writes = (id: string, text: string) => () => ({ id, text });

test("record() is true at once and needs no store; the store gets it when it returns, and the outage is told once", () =>
	inWorld(async (world) => {
		await using mirror = await world.open();
		world.store.away = true;
		for (const text of ["one", "two", "three"]) await mirror.record("a", writes("a", text));
		assert.equal(mirror.get("a")?.text, "three");
		assert.equal(mirror.waitingCount, 1);
		world.store.away = false;
		await world.settled(mirror);
		assert.equal(world.store.textOf("a"), "three");
		assert.deepEqual(world.told, ["lost", "returned"]);
	}));

test("a process that is killed during an outage loses nothing: the next one goes on from the standby file", () =>
	inWorld(async (world) => {
		const first = await world.open();
		await first.commit("a", writes("a", "announced"));
		await first.commit("b", writes("b", "over"));
		world.store.away = true;
		await first.record("a", writes("a", "on air"));
		await using second = await world.kill(first);
		assert.equal(second.get("a")?.text, "on air");
		assert.equal(second.complete, false);
		await second.record("a", writes("a", "ended"));
		world.store.away = false;
		await world.settled(second);
		assert.equal(world.store.textOf("a"), "ended");
		assert.equal(second.get("b")?.text, "over", "what the file did not hold came with the store");
		assert.ok(second.complete);
	}));

test("commit() is true only once the store has it, and refuses at once while the store is known to be away", () =>
	inWorld(async (world) => {
		await using mirror = await world.open();
		world.store.away = true;
		await assert.rejects(mirror.commit("a", writes("a", "words")), /away/);
		assert.equal(mirror.get("a"), undefined);
		world.store.away = false;
		await assert.rejects(mirror.commit("a", writes("a", "words")), /away/, "not asked before the retry");
		await world.retry();
		await mirror.commit("a", writes("a", "words"));
		assert.equal(world.store.textOf("a"), "words");
	}));

test("a commit that failed after it was done is taken back: what was answered is what is", () =>
	inWorld(async (world) => {
		await using mirror = await world.open();
		await mirror.commit("a", writes("a", "before"));
		world.store.losesAnswer = true;
		await assert.rejects(mirror.commit("a", writes("a", "after")));
		assert.equal(world.store.textOf("a"), "after");
		await world.settled(mirror);
		assert.equal(world.store.textOf("a"), "before");
		assert.equal(mirror.get("a")?.text, "before");
	}));

test("the newer of file and store counts, whichever it is", () =>
	inWorld(async (world) => {
		{
			await using mirror = await world.open();
			await mirror.commit("a", writes("a", "first"));
		}
		const old = await readFile(world.standbyPath, "utf8");
		assert.match(old, /first/);
		world.store.rows.set("a", { value: { id: "a", text: "newer in the store" }, version: 7 });
		await using mirror = await world.open();
		assert.equal(mirror.get("a")?.text, "newer in the store");
	}));

test("a change that returns the same record is no change", () =>
	inWorld(async (world) => {
		await using mirror = await world.open();
		await mirror.record("a", writes("a", "one"));
		const heard: string[] = [];
		using _ = mirror.onChange((value) => heard.push(value.text));
		await mirror.record("a", (now) => now as Note);
		assert.deepEqual(heard, []);
	}));

test("whatever is recorded, committed, lost and killed: store and memory end as what was acknowledged last", async () => {
	const step = fc.record({
		key: fc.constantFrom("a", "b", "c"),
		what: fc.constantFrom("record", "commit", "away", "back", "kill", "lose answer"),
	});
	await fc.assert(
		fc.asyncProperty(fc.array(step, { maxLength: 25 }), (steps) =>
			inWorld(async (world) => {
				let mirror = await world.open();
				const acknowledged = new Map<string, string>();
				for (const [nth, { key, what }] of steps.entries()) {
					const text = `${what} ${nth}`;
					if (what === "away") world.store.away = true;
					else if (what === "back") world.store.away = false;
					else if (what === "lose answer") world.store.losesAnswer = acknowledged.has(key);
					else if (what === "kill") mirror = await world.kill(mirror);
					else {
						// A new record whose commit may or may not have been done is the one case that stays open.
						if (!acknowledged.has(key)) world.store.losesAnswer = false;
						const done = mirror[what](key, writes(key, text)).then(
							() => acknowledged.set(key, text),
							() => {},
						);
						await done;
					}
				}
				world.store.away = false;
				world.store.losesAnswer = false;
				await world.settled(mirror);
				await mirror[Symbol.asyncDispose]();
				for (const [key, text] of acknowledged) {
					assert.equal(mirror.get(key)?.text, text);
					assert.equal(world.store.textOf(key), text);
				}
			}),
		),
		{ numRuns: 40 },
	);
});
