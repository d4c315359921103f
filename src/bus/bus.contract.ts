import assert from "node:assert/strict";
import { test } from "node:test";
import type { Bus } from "./bus.ts";
import { BusError } from "./errors.ts";

/** What every bus keeps, whatever carries it. `open` gives a way to make clients of one new bus. */
export function busContract(name: string, open: () => Promise<AsyncDisposable & { connect(): Promise<Bus> }>): void {
	const text = (payload: Uint8Array) => Buffer.from(payload).toString("utf8");
	const bytes = (value: string) => Buffer.from(value);

	/** Two clients of one bus. Everything `one` sent has been routed once `settled` settles. */
	const withTwo = (title: string, body: (one: Bus, two: Bus, settled: () => Promise<void>) => Promise<void>) =>
		test(`${name}: ${title}`, async () => {
			await using hub = await open();
			await using one = await hub.connect();
			await using two = await hub.connect();
			using _answer = two.respond("settled", () => new Uint8Array(0));
			// Both directions: what either said before is known to the hub.
			const settled = async () => {
				await two.request("settled", new Uint8Array(0), { timeoutMs: 5_000 });
				await one.request("settled", new Uint8Array(0), { timeoutMs: 5_000 });
			};
			await settled();
			await body(one, two, settled);
		});

	withTwo("a message reaches every subscriber of its subject, in order", async (one, two, settled) => {
		const got: string[] = [];
		one.subscribe("part.a", (payload) => got.push(`one ${text(payload)}`));
		two.subscribe("part.a", (payload, subject) => got.push(`two ${subject} ${text(payload)}`));
		await settled();
		for (const word of ["1", "2", "3"]) one.publish("part.a", bytes(word));
		one.publish("part.b", bytes("elsewhere"));
		await settled();
		assert.deepEqual(
			got.filter((line) => line.startsWith("two")),
			["two part.a 1", "two part.a 2", "two part.a 3"],
		);
		assert.deepEqual(
			got.filter((line) => line.startsWith("one")),
			["one 1", "one 2", "one 3"],
		);
	});

	withTwo("`>` stands for any rest, but not for none", async (one, two, settled) => {
		const got: string[] = [];
		two.subscribe("part.>", (_, subject) => got.push(subject));
		await settled();
		for (const subject of ["part.a", "part.a.b", "part.", "part", "parts.a"]) one.publish(subject, bytes(""));
		await settled();
		assert.deepEqual(got, ["part.a", "part.a.b"]);
	});

	withTwo("a subscription that was disposed gets nothing more", async (one, two, settled) => {
		const got: string[] = [];
		const first = two.subscribe("s", () => got.push("first"));
		two.subscribe("s", () => got.push("second"));
		await settled();
		first[Symbol.dispose]();
		await settled();
		one.publish("s", bytes(""));
		await settled();
		assert.deepEqual(got, ["second"]);
	});

	withTwo("a message with overlapping subscriptions comes once to each", async (one, two, settled) => {
		const got: string[] = [];
		two.subscribe("s.a", () => got.push("exact"));
		two.subscribe("s.>", () => got.push("rest"));
		await settled();
		one.publish("s.a", bytes(""));
		await settled();
		assert.deepEqual(got.sort(), ["exact", "rest"]);
	});

	withTwo("a request gets its responder's answer, after what that published before", async (one, two, settled) => {
		const order: string[] = [];
		one.subscribe("state", (payload) => order.push(text(payload)));
		two.respond("ask", async (payload) => {
			two.publish("state", bytes("published before"));
			return bytes(`answer to ${text(payload)}`);
		});
		await settled();
		order.push(text(await one.request("ask", bytes("me"), { timeoutMs: 5_000 })));
		assert.deepEqual(order, ["published before", "answer to me"]);
	});

	withTwo("concurrent requests get their own answers", async (one, two, settled) => {
		const release: (() => void)[] = [];
		two.respond("slow", async (payload) => {
			await new Promise<void>((resolve) => release.push(resolve));
			return payload;
		});
		await settled();
		const answers = ["a", "b", "c"].map((word) => one.request("slow", bytes(word), { timeoutMs: 5_000 }));
		await settled();
		for (const go of release.reverse()) go();
		assert.deepEqual((await Promise.all(answers)).map(text), ["a", "b", "c"]);
	});

	withTwo("what a responder throws comes back as `refused`, with its message", async (one, two, settled) => {
		two.respond("ask", () => {
			throw new Error("the stage is full");
		});
		await settled();
		await assert.rejects(
			one.request("ask", bytes(""), { timeoutMs: 5_000 }),
			isBusError("refused", /the stage is full/),
		);
	});

	withTwo("a request that nobody answers is refused at once", async (one) => {
		await assert.rejects(one.request("nobody", bytes(""), { timeoutMs: 5_000 }), isBusError("no_responder", /nobody/));
	});

	withTwo("a request that takes too long is given up", async (one, two, settled) => {
		let release = () => {};
		two.respond("slow", () => new Promise((resolve) => (release = () => resolve(new Uint8Array(0)))));
		await settled();
		await assert.rejects(one.request("slow", bytes(""), { timeoutMs: 1 }), isBusError("timed_out", /1 ms/));
		release();
	});

	withTwo("a request whose responder leaves is refused", async (one, two, settled) => {
		two.respond("slow", () => new Promise(() => {}));
		await settled();
		const asked = one.request("slow", bytes(""), { timeoutMs: 5_000 });
		await settled();
		const refused = assert.rejects(asked, isBusError("disconnected", /away/));
		await two[Symbol.asyncDispose]();
		await refused;
	});

	withTwo("the newest responder answers; when it leaves, the one before does", async (one, two, settled) => {
		two.respond("who", () => bytes("old"));
		await settled();
		const newer = one.respond("who", () => bytes("new"));
		await settled();
		const ask = async () => text(await two.request("who", bytes(""), { timeoutMs: 5_000 }));
		assert.equal(await ask(), "new");
		newer[Symbol.dispose]();
		await settled();
		assert.equal(await ask(), "old");
	});

	withTwo("a megabyte arrives whole", async (one, two, settled) => {
		two.respond("echo", (payload) => payload);
		await settled();
		const large = Buffer.alloc(1 << 20, "0123456789");
		assert.ok(large.equals(await one.request("echo", large, { timeoutMs: 5_000 })));
	});

	withTwo("onConnect() calls at once when there is a connection", async (one) => {
		await new Promise<void>((resolve) => one.onConnect(resolve));
	});

	withTwo("after its disposal a client's messages are counted as dropped", async (one) => {
		await one[Symbol.asyncDispose]();
		one.publish("s", bytes(""));
		assert.equal(one.droppedCount, 1);
		await assert.rejects(one.request("s", bytes(""), { timeoutMs: 5_000 }), isBusError("disconnected", /./));
	});
}

function isBusError(code: BusError["code"], message: RegExp) {
	return (error: unknown) => {
		assert.ok(error instanceof BusError, String(error));
		assert.equal(error.code, code);
		assert.match(error.message, message);
		return true;
	};
}
