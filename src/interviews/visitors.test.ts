import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { FakeClock, seededRandom, silentLog } from "#base/index.ts";
import { Counters, createInterviewEvents } from "./events.ts";
import type { Ctx } from "./requests.ts";
import { hasShownRight, watchVisitors } from "./visitors.ts";

/** `/staff` shows a right, `/stream` too and never ends; everything else is answered to anybody. */
function answer(request: IncomingMessage, response: ServerResponse): void {
	if (request.url?.startsWith("/st")) hasShownRight({ env: { incoming: request } } as unknown as Ctx);
	if (request.url === "/large") {
		response.end(Buffer.alloc(30 << 20));
		return;
	}
	response.write("hello;");
	if (request.url !== "/stream") request.on("end", () => response.end()).resume();
}

async function open(t: TestContext, connectionsMax: number) {
	const clock = new FakeClock();
	const counters = new Counters();
	const events = createInterviewEvents(silentLog, counters);
	const asked: string[] = [];
	const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
		asked.push(request.url ?? "");
		answer(request, response);
	});
	const watching = watchVisitors(server, { clock, random: seededRandom(1), events, connectionsMax, isTls: false });
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const { port } = server.address() as { port: number };
	t.after(() => {
		watching[Symbol.dispose]();
		server.closeAllConnections();
		server.close();
	});
	const opened = () => new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)));
	return { clock, counters, asked, opened, dial: (from = "127.0.0.1") => dial(port, from) };
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
	async until(done: () => boolean | Promise<boolean>): Promise<void> {
		while (!(await done())) await new Promise((resolve) => setImmediate(resolve));
	}
	ask(path: string): Promise<void> {
		const before = this.text.length;
		this.socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
		return this.until(() => this.closed || this.text.length > before);
	}
	gone(): Promise<void> {
		return this.until(() => this.closed);
	}
}

/** Resolves once it is connected, or refused. */
function dial(port: number, from: string): Promise<Caller> {
	return new Promise((resolve) => {
		const caller = new Caller(connect({ port, host: "127.0.0.1", localAddress: from }));
		caller.socket.once("connect", () => resolve(caller)).once("close", () => resolve(caller));
	});
}

test("who shows no right gets one answer, and who does keeps his connection", async (t) => {
	const { dial } = await open(t, 10);
	const visitor = await dial();
	await visitor.ask("/");
	await visitor.gone();
	assert.match(visitor.text, /^HTTP\/1\.1 200 OK\r\n.*Connection: close\r\n.*hello;/s);
	const staff = await dial();
	await staff.ask("/staff");
	await staff.ask("/");
	assert.equal(staff.text.match(/hello;/g)?.length, 2);
	assert.doesNotMatch(staff.text, /Connection: close/);
});

test("a visitor's head and body must be there within 2 s, and he is told", async (t) => {
	const { clock, opened, dial } = await open(t, 10);
	const head = await dial();
	head.socket.write("GET / HTTP/1.1\r\nHost");
	const body = await dial();
	body.socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
	const silent = await dial();
	await body.until(async () => body.text.includes("hello;") && (await opened()) === 3);
	clock.advance(1_750);
	assert.equal(
		[head, body, silent].some(({ closed }) => closed),
		false,
	);
	clock.advance(500);
	await Promise.all([head.gone(), body.gone(), silent.gone()]);
	assert.match(head.text, /^HTTP\/1\.1 408 /);
	assert.equal(silent.text, "");
});

test("a full door drops visitors, the oldest unfinished first, and never staff", async (t) => {
	const { opened, dial } = await open(t, 3);
	const [staff, stream] = [await dial(), await dial()];
	await staff.ask("/staff");
	await stream.ask("/stream");
	const slow = await dial("127.0.0.2");
	slow.socket.write("GET / HTTP/1.1\r\nHost");
	await slow.until(async () => (await opened()) === 3);
	const honest = await dial("127.0.0.3");
	await slow.gone();
	await honest.ask("/");
	await honest.gone();
	await staff.ask("/staff");
	assert.equal(stream.closed, false);
});

test("a visitor who does not read his answer makes room", async (t) => {
	const { clock, asked, dial } = await open(t, 1);
	const deaf = await dial("127.0.0.2");
	deaf.socket.pause();
	deaf.socket.write("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
	await deaf.until(() => asked.includes("/large"));
	const early = await dial("127.0.0.4");
	await early.ask("/");
	assert.equal(early.text, "", "while he is being answered there is no room");
	// Until the kernel takes no more, then two looks.
	await deaf.until(async () => {
		clock.advance(250);
		const one = await dial("127.0.0.3");
		await one.ask("/");
		return one.text.includes("hello;");
	});
	deaf.socket.resume();
	await deaf.gone();
});
