import assert from "node:assert/strict";
import { createServer } from "node:http";
import { connect, type Socket } from "node:net";
import { Readable } from "node:stream";
import { type TestContext, test } from "node:test";
import { FakeClock, seededRandom, silentLog } from "#base/index.ts";
import type { Objects } from "#objects/index.ts";
import { PATIENCE_MS } from "#shield/index.ts";
import { PART_MS } from "#wire/index.ts";
import { createCold } from "./cold.ts";
import { type DoorOptions, openDoor } from "./door.ts";
import { createEdgeEvents } from "./events.ts";
import { fakePart, fakeTimeline } from "./fakes.ts";
import type { RequestHead } from "./head.ts";
import { STALE_AFTER_MS } from "./listeners.ts";
import { Programme } from "./programme.ts";
import type { Answer } from "./replies.ts";
import { peerOfSocket } from "./socket-queues.ts";

const bytes = (text: string, close = false): Answer => ({ kind: "bytes", bytes: [Buffer.from(text)], close });

async function open(t: TestContext, serve: (head: RequestHead) => Answer, changes: Partial<DoorOptions> = {}) {
	const clock = new FakeClock();
	const events = createEdgeEvents(silentLog);
	const objects = {} as Objects;
	const cold = createCold();
	const place = { host: "127.0.0.1", port: 0, worker: 0, connectionsMax: 100 };
	let look = (_found: ReadonlyMap<string, number>): boolean => false;
	const watchUnread: DoorOptions["watchUnread"] = (_port, on) => {
		look = on;
		return { [Symbol.dispose]() {} };
	};
	const proxy = { mode: "direct" } as const;
	const options = { ...place, proxy, clock, random: seededRandom(1), objects, serve, cold, events, watchUnread };
	const door = await openDoor({ ...options, ...changes });
	t.after(() => door[Symbol.asyncDispose]());
	const unread = (found: ReadonlyMap<string, number>) => look(found);
	return { clock, events, door, unread, dial: (from?: string) => dial(door.port as number, from) };
}

class Caller {
	text = "";
	closed = false;
	readonly socket: Socket;
	constructor(socket: Socket) {
		this.socket = socket;
		socket.on("data", (chunk) => {
			this.text += chunk.toString("latin1");
		});
		socket.on("error", () => {});
		socket.on("close", () => {
			this.closed = true;
		});
	}
	send(text: string): void {
		this.socket.write(text, "latin1");
	}
	/** Turns the event loop until `done`, for as long as the test may last. */
	async until(done: () => boolean): Promise<void> {
		while (!done()) await new Promise((resolve) => setImmediate(resolve));
	}
	answered(text: string): Promise<void> {
		return this.until(() => this.text.includes(text));
	}
	gone(): Promise<void> {
		return this.until(() => this.closed);
	}
}

/** @param from an address of 127/8; those of 127.0.0.1 itself have no limits. */
function dial(port: number, from = "127.0.0.1"): Promise<Caller> {
	return new Promise((resolve) => {
		const socket = connect({ port, host: "127.0.0.1", localAddress: from }, () => resolve(new Caller(socket)));
	});
}

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

test("a head that is not complete in time is answered 408 and counted", async (t) => {
	const { clock, events, dial } = await open(t, () => bytes("first;"));
	const caller = await dial();
	// In one packet, so that the second head has begun when the first is answered.
	caller.send(`${GET}GET / HT`);
	await caller.answered("first;");
	clock.advance(PATIENCE_MS.head - 500);
	assert.deepEqual(events.refusedSinceStart, {});
	clock.advance(1_000);
	await caller.gone();
	assert.match(caller.text, /^first;HTTP\/1\.1 408 Request Timeout\r\n.*Connection: close\r\n/s);
	assert.deepEqual(events.refusedSinceStart, { slow_head: 1 });
});

test("a connection that never says anything is closed without a word", async (t) => {
	const { clock, door, events, dial } = await open(t, () => bytes("never"));
	const caller = await dial();
	await caller.until(() => door.connections === 1);
	clock.advance(PATIENCE_MS.head + 500);
	await caller.gone();
	assert.equal(caller.text, "");
	assert.deepEqual(events.refusedSinceStart, {});
});

test("an idle connection is closed without a word, and a new request in time keeps it", async (t) => {
	const { clock, door, dial } = await open(t, () => bytes("ok;"));
	const caller = await dial();
	caller.send(GET);
	await caller.answered("ok;");
	clock.advance(PATIENCE_MS.idle - 1_000);
	caller.send(GET);
	await caller.answered("ok;ok;");
	clock.advance(PATIENCE_MS.idle - 1_000);
	assert.equal(door.connections, 1);
	clock.advance(1_500);
	await caller.gone();
	assert.equal(caller.text, "ok;ok;");
});

test("a full room drops the oldest that is unfinished, and the one that is being served stays", async (t) => {
	const later = Promise.withResolvers<Answer>();
	const { events, door, dial } = await open(t, () => ({ kind: "later", answer: later.promise }), { connectionsMax: 2 });
	const served = await dial();
	served.send(GET);
	const slow = await dial();
	slow.send("GET / HT");
	await served.until(() => door.connections === 2);
	const third = await dial();
	third.send(GET);
	await slow.gone();
	const fourth = await dial();
	await fourth.gone();
	later.resolve(bytes("served"));
	await served.answered("served");
	await third.answered("served");
	assert.deepEqual(events.refusedSinceStart, { evicted: 1, full: 1 });
});

test("one request is answered before the next is looked at, and what was sent ahead waits", async (t) => {
	const first = Promise.withResolvers<Answer>();
	const seen: string[] = [];
	const { dial } = await open(t, ({ target }) => {
		seen.push(target);
		return target === "/1" ? { kind: "later", answer: first.promise } : bytes(`<${target}>`);
	});
	const caller = await dial();
	caller.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTT");
	await caller.until(() => seen.length === 1);
	first.resolve(bytes("<one>"));
	await caller.answered("<one></2>");
	caller.send("P/1.1\r\nHost: a\r\n\r\n");
	await caller.answered("</2></3>");
	assert.deepEqual(seen, ["/1", "/2", "/3"]);
});

test("a request with a body goes to node:http with every byte, and the connection closes after its answer", async (t) => {
	const cold = createServer({ keepAlive: false }, (request, response) => {
		let body = "";
		request.on("data", (chunk) => {
			body += chunk;
		});
		request.on("end", () =>
			response.writeHead(200, { Connection: "close" }).end(`${request.method} ${request.url} ${body}`),
		);
	});
	const { dial } = await open(t, ({ method }) => (method === "POST" ? { kind: "cold" } : bytes("hot;")), { cold });
	const caller = await dial();
	caller.send(`${GET}POST /api/v1/questions HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nwh`);
	await caller.answered("hot;");
	caller.send("o am I?");
	await caller.gone();
	assert.match(caller.text, /^hot;HTTP\/1\.1 200 OK\r\n.*POST \/api\/v1\/questions who am I\?\r\n/s);
});

test("a body that never ends is given up, and counted", async (t) => {
	const { clock, events, dial } = await open(t, () => ({ kind: "cold" }), { cold: createServer(() => {}) });
	const caller = await dial();
	caller.send("POST /api/v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc");
	await caller.until(() => {
		clock.advance(1_000);
		return caller.closed;
	});
	assert.deepEqual(events.refusedSinceStart, { slow_body: 1 });
});

test("the last answer is read although the client goes on sending", async (t) => {
	const { dial } = await open(t, () => bytes("last", true));
	const caller = await dial();
	caller.send(GET + "x".repeat(100_000));
	await caller.gone();
	assert.equal(caller.text, "last");
});

test("a client that has said goodbye still gets the answer it waits for", async (t) => {
	const later = Promise.withResolvers<Answer>();
	const { dial } = await open(t, () => ({ kind: "later", answer: later.promise }));
	const caller = await dial();
	caller.socket.end(GET);
	await new Promise((resolve) => setImmediate(resolve));
	later.resolve(bytes("answer"));
	await caller.gone();
	assert.equal(caller.text, "answer");
});

test("a file is sent to its last byte, and a file that breaks off is cut, not ended", async (t) => {
	const pieces = ["abc", "def"];
	const broken = () =>
		Readable.from(
			(function* () {
				yield Buffer.from("abc");
				throw new Error("the disk is gone");
			})(),
		);
	const stream = (key: string) =>
		key === "whole" ? Readable.from(pieces.map((piece) => Buffer.from(piece))) : broken();
	const objects = { stream } as unknown as Objects;
	const { dial } = await open(
		t,
		({ target }) => ({
			kind: "object",
			head: Buffer.from("head;"),
			key: target.slice(1),
			from: 0,
			to: 6,
			close: false,
		}),
		{ objects },
	);
	const whole = await dial();
	whole.send("GET /whole HTTP/1.1\r\nHost: a\r\n\r\n");
	await whole.answered("head;abcdef");
	whole.send("GET /broken HTTP/1.1\r\nHost: a\r\n\r\n");
	await whole.gone();
	assert.ok(whole.text.startsWith("head;abcdefhead;"));
});

test("a bug that a request finds costs its connection, not the worker", async (t) => {
	const { events, dial } = await open(t, ({ target }) => {
		if (target === "/later") return { kind: "later", answer: Promise.reject(new Error("a bug")) };
		if (target === "/now") throw new Error("a bug");
		return bytes("ok");
	});
	for (const target of ["/now", "/later"]) {
		const caller = await dial();
		caller.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
		await caller.gone();
		assert.equal(caller.text, "");
	}
	const next = await dial();
	next.send(GET);
	await next.answered("ok");
	assert.deepEqual(events.refusedSinceStart, { failed: 2 });
});

test("a listener that talks is cut, and so is everyone when the door closes", async (t) => {
	const programme = new Programme("iv1");
	programme.takeTimeline(fakeTimeline(), FakeClock.prototype.monoMs.call(new FakeClock()));
	const stream = programme.streams.ogg_48;
	const { events, door, dial } = await open(t, () => ({
		kind: "push",
		opening: Buffer.from("sound;"),
		stream,
		chunked: false,
		nextPart: 0,
	}));
	const talker = await dial();
	talker.send(GET);
	const quiet = await dial();
	quiet.send(GET);
	await talker.answered("sound;");
	await quiet.answered("sound;");
	assert.equal(stream.count, 2);
	talker.send("x".repeat(5_000));
	await talker.gone();
	assert.equal(stream.count, 1);
	assert.deepEqual(events.refusedSinceStart, { talkative_listener: 1 });
	await door[Symbol.asyncDispose]();
	await quiet.gone();
	assert.equal(stream.count, 0);
});

test("a listener who hears nothing is written nothing more, counts no more, gets everything once he reads, and goes after half a minute", async (t) => {
	const programme = new Programme("iv1");
	const timeline = fakeTimeline();
	const stream = programme.streams.ogg_48;
	const { clock, events, unread, dial } = await open(t, () => ({
		kind: "push",
		opening: Buffer.from("sound;"),
		stream,
		chunked: false,
		nextPart: 0,
	}));
	programme.takeTimeline(timeline, clock.monoMs());
	const caller = await dial();
	caller.send(GET);
	await caller.answered("sound;");
	let part = 0;
	const speak = (count: number) => {
		for (let nth = 0; nth < count; nth += 1) {
			programme.takePart(fakePart(timeline, part++), clock.monoMs());
			programme.step(() => false);
			clock.advance(PART_MS);
		}
	};
	speak(12);
	await caller.answered("[ogg48 11]");
	const { localAddress = "", localPort = 0 } = caller.socket;
	const peer = peerOfSocket(localAddress, localPort) as string;
	unread(new Map([[peer, 100_000]]));
	assert.deepEqual(stream.counts(clock.monoMs()), { settled: 0, open: 1, stalled: 1 });
	speak(6);
	unread(new Map());
	assert.deepEqual(stream.counts(clock.monoMs()), { settled: 0, open: 1, stalled: 0 });
	speak(6);
	await caller.answered("[ogg48 23]");
	assert.equal(caller.text.match(/ogg48 (14|17)\]/g)?.length, 2, "what he missed came as well, once");
	clock.advance(STALE_AFTER_MS);
	unread(new Map([[peer, 100_000]]));
	clock.advance(PATIENCE_MS.stalled + 500);
	await caller.gone();
	assert.deepEqual(events.refusedSinceStart, { slow_reader: 1 });
});

test("a stalled listener is the first to go when there is no room; one who hears never is", async (t) => {
	const programme = new Programme("iv1");
	const { clock, events, door, unread, dial } = await open(
		t,
		() => ({
			kind: "push",
			opening: Buffer.from("sound;"),
			stream: programme.streams.ogg_48,
			chunked: false,
			nextPart: 0,
		}),
		{ connectionsMax: 2 },
	);
	const [deaf, awake] = [await dial(), await dial()];
	for (const caller of [deaf, awake]) {
		caller.send(GET);
		await caller.answered("sound;");
	}
	clock.advance(10_000);
	const { localAddress = "", localPort = 0 } = deaf.socket;
	unread(new Map([[peerOfSocket(localAddress, localPort) as string, 100_000]]));
	const newcomer = await dial();
	newcomer.send(GET);
	await newcomer.answered("sound;");
	await deaf.gone();
	assert.equal(awake.closed, false);
	assert.equal(door.connections, 2);
	assert.deepEqual(events.refusedSinceStart, { evicted: 1 });
});

test("an address that was evicted before goes before one that is new", async (t) => {
	const { clock, door, dial } = await open(t, () => bytes("ok;"), { connectionsMax: 2 });
	const slow = async (from: string) => {
		const before = door.connections;
		const caller = await dial(from);
		caller.send("GET / HT");
		await caller.until(() => caller.closed || door.connections > before || before === 2);
		clock.advance(10);
		return caller;
	};
	const attacker = await slow("127.0.0.2");
	const other = await slow("127.0.0.3");
	await slow("127.0.0.4");
	await attacker.gone();
	await slow("127.0.0.2");
	await other.gone();
	const honest = await slow("127.0.0.5");
	await slow("127.0.0.6");
	assert.equal(honest.closed, false);
	honest.send("TP/1.1\r\nHost: a\r\n\r\n");
	await honest.answered("ok;");
});

test("who has his answer and makes room for another is not held to it", async (t) => {
	const { door, dial } = await open(t, ({ target }) => bytes("ok;", target === "/last"), { connectionsMax: 1 });
	for (const path of ["/", "/last"]) {
		const done = await dial("127.0.0.2");
		done.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
		await done.answered("ok;");
		await done.until(() => door.connections === 1);
		// He keeps his side open.
		const next = await dial("127.0.0.3");
		next.send("GET / HT");
		await done.gone();
		const again = await dial("127.0.0.2");
		await next.gone();
		again.send(GET);
		await again.answered("ok;");
		again.socket.destroy();
		await again.until(() => door.connections === 0);
	}
});

test("one address cannot have all the room", async (t) => {
	const { events, door, dial } = await open(t, () => bytes("ok;"), { connectionsMax: 1_000 });
	const many = await Promise.all(Array.from({ length: 140 }, () => dial("127.0.0.2")));
	await many[0]?.until(() => many.filter(({ closed }) => closed).length === 12);
	assert.equal(door.connections, 128);
	assert.deepEqual(events.refusedSinceStart, { prefix_full: 12 });
	const neighbour = await dial("127.0.0.3");
	neighbour.send(GET);
	await neighbour.answered("ok;");
});

test("a port that another program has is refused with a sentence", async (t) => {
	const taken = createServer();
	await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
	t.after(() => taken.close());
	const address = taken.address();
	const port = address && typeof address === "object" ? address.port : 0;
	await assert.rejects(
		open(t, () => bytes(""), { port }),
		{
			name: "EdgeError",
			code: "port_taken",
			message: `Cannot open the public door on 127.0.0.1:${port}: the system says EADDRINUSE`,
		},
	);
});
