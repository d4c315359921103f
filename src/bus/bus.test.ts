import assert from "node:assert/strict";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { createServer, connect as dial, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { type LogLevel, silentLog, systemClock } from "#base/index.ts";
import { busContract } from "./bus.contract.ts";
import { subjectMatches } from "./bus.ts";
import { LocalHub } from "./local.ts";
import { decodeMessage, encodeMessage, type Message } from "./switchboard.ts";
import { connectBus, openHub } from "./unix-socket.ts";

const client = { clock: systemClock, log: silentLog, connectWithinMs: 2_000 };

busContract("LocalHub", async () => {
	const hub = new LocalHub(systemClock);
	return { connect: async () => hub.connect(), [Symbol.asyncDispose]: async () => {} };
});

busContract("Unix socket", async () => {
	const directory = await mkdtemp(join(tmpdir(), "rostra-bus-"));
	const path = join(directory, "bus");
	const hub = await openHub(path, { log: silentLog });
	return {
		connect: () => connectBus(path, client),
		async [Symbol.asyncDispose]() {
			await hub[Symbol.asyncDispose]();
			await rm(directory, { recursive: true });
		},
	};
});

async function withPath(body: (path: string) => Promise<void>): Promise<void> {
	const directory = await mkdtemp(join(tmpdir(), "rostra-bus-"));
	try {
		await body(join(directory, "bus"));
	} finally {
		await rm(directory, { recursive: true });
	}
}

test("a client outlives its hub: it comes back, says again what it listens to, and tells onConnect()", async () => {
	await withPath(async (path) => {
		const first = await openHub(path, { log: silentLog });
		await using listening = await connectBus(path, client);
		await using speaking = await connectBus(path, client);
		const heard = Promise.withResolvers<string>();
		listening.subscribe("word", (payload) => heard.resolve(payload.toString("utf8")));
		listening.respond("who", () => Buffer.from("me"));
		let connections = 0;
		const again = Promise.withResolvers<void>();
		for (const bus of [listening, speaking]) bus.onConnect(() => ++connections === 4 && again.resolve());
		await new Promise((resolve) => setImmediate(resolve));
		await first[Symbol.asyncDispose]();
		await assert.rejects(speaking.request("who", new Uint8Array(0), { timeoutMs: 1_000 }), { code: "disconnected" });
		await using _second = await openHub(path, { log: silentLog });
		await again.promise;
		// Asked until the listener's own reconnection has been read by the hub.
		let answer: Buffer | undefined;
		while (!answer)
			answer = await speaking.request("who", new Uint8Array(0), { timeoutMs: 1_000 }).catch(() => undefined);
		assert.equal(answer.toString("utf8"), "me");
		speaking.publish("word", Buffer.from("heard"));
		assert.equal(await heard.promise, "heard");
	});
});

test("openHub() lets only its own user in", async () => {
	await withPath(async (path) => {
		await using _hub = await openHub(path, { log: silentLog });
		assert.equal((await stat(path)).mode & 0o777, 0o600);
	});
});

test("openHub() replaces the socket file that a killed one left", async () => {
	await withPath(async (path) => {
		const left = createServer();
		await new Promise<void>((resolve) => left.listen(path, resolve));
		await using _hub = await openHub(path, { log: silentLog });
		await using bus = await connectBus(path, client);
		assert.equal(bus.droppedCount, 0);
		await new Promise((resolve) => left.close(resolve));
	});
});

test("connectBus() says where it looked when no hub is there", async () => {
	await withPath(async (path) => {
		await assert.rejects(connectBus(path, { ...client, connectWithinMs: 0 }), /bus at .*\/bus: is it running\?/);
	});
});

test("the hub cuts a client that sends what is no message, and serves the others", async () => {
	await withPath(async (path) => {
		const logged: [LogLevel, string][] = [];
		await using _hub = await openHub(path, { log: (level, event) => logged.push([level, event]) });
		await using bus = await connectBus(path, client);
		for (const bytes of [Buffer.from("GET / HTTP/1.1\r\n\r\n"), Buffer.from([0, 0, 0, 1, 99])]) {
			const stranger: Socket = dial(path);
			stranger.on("error", () => {});
			stranger.write(bytes);
			await new Promise((resolve) => stranger.once("close", resolve));
		}
		assert.deepEqual(logged, [
			["error", "bus.message_malformed"],
			["error", "bus.message_malformed"],
		]);
		bus.respond("me", () => Buffer.from("still here"));
		assert.equal((await bus.request("me", new Uint8Array(0), { timeoutMs: 1_000 })).toString(), "still here");
	});
});

test("the hub cuts a client that reads nothing, so that its memory stays bounded", async () => {
	await withPath(async (path) => {
		const cut = Promise.withResolvers<void>();
		await using _hub = await openHub(path, {
			log: (_, event) => {
				if (event === "bus.client_cut") cut.resolve();
			},
		});
		await using bus = await connectBus(path, client);
		const { head, payload } = encodeMessage({ op: "subscribe", subject: "much" });
		const length = Buffer.alloc(4);
		length.writeUInt32BE(head.length + payload.length);
		const silent = dial(path).pause();
		silent.on("error", () => {});
		silent.write(Buffer.concat([length, head, payload]));
		const chunk = Buffer.alloc(4 << 20);
		let isCut = false;
		void cut.promise.then(() => {
			isCut = true;
		});
		bus.respond("turn", () => new Uint8Array(0));
		for (let nth = 0; nth < 40 && !isCut; nth += 1) {
			bus.publish("much", chunk);
			await bus.request("turn", new Uint8Array(0), { timeoutMs: 5_000 });
		}
		await cut.promise;
		silent.destroy();
	});
});

const message: fc.Arbitrary<Message> = fc.oneof(
	fc.record({ op: fc.constant("publish" as const), subject: fc.string(), payload: fc.uint8Array() }),
	fc.record({ op: fc.constantFrom("subscribe", "unsubscribe", "respond", "unrespond"), subject: fc.string() }),
	fc.record({
		op: fc.constant("request" as const),
		subject: fc.string(),
		requestId: fc.nat(),
		payload: fc.uint8Array(),
	}),
	fc.record({ op: fc.constant("reply" as const), requestId: fc.nat(), payload: fc.uint8Array() }),
	fc.record({
		op: fc.constant("refuse" as const),
		requestId: fc.nat(),
		code: fc.constantFrom("no_responder", "timed_out", "refused", "disconnected"),
		payload: fc.uint8Array(),
	}),
);

test("decodeMessage() reads what encodeMessage() wrote", () => {
	fc.assert(
		fc.property(message, (sent) => {
			const { head, payload } = encodeMessage(sent);
			const got = decodeMessage(Buffer.concat([head, payload]));
			const comparable = (each: Message) => ({
				...each,
				...("payload" in each && { payload: Buffer.from(each.payload).toString("hex") }),
			});
			assert.deepEqual(comparable(got), comparable(sent));
		}),
	);
});

test("decodeMessage() throws nothing but RangeError on any bytes", () => {
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
			try {
				decodeMessage(Buffer.from(bytes));
			} catch (error) {
				assert.ok(error instanceof RangeError, String(error));
			}
		}),
	);
});

test("subjectMatches() is equality without `>`, and a proper beginning with it", () => {
	const word = fc.stringMatching(/^[a-z0-9]{1,4}$/);
	const words = fc.array(word, { minLength: 1, maxLength: 4 });
	fc.assert(
		fc.property(words, words, (pattern, subject) => {
			assert.equal(subjectMatches(pattern.join("."), subject.join(".")), pattern.join(".") === subject.join("."));
			const isBeginning = pattern.every((each, at) => subject[at] === each) && subject.length > pattern.length;
			assert.equal(subjectMatches(`${pattern.join(".")}.>`, subject.join(".")), isBeginning);
		}),
	);
});
