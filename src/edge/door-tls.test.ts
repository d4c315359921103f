/** The door under TLS and behind proxies, with real sockets. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, connect, createServer as createNetServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import { CERTIFICATE_EVERY_MS, FakeClock, makeSelfSigned, seededRandom, silentLog } from "#base/index.ts";
import { LocalHub } from "#bus/index.ts";
import type { Objects } from "#objects/index.ts";
import { PATIENCE_MS } from "#shield/index.ts";
import { ACME_CHALLENGES, TICKET_KEYS, TICKET_KEYS_REQUEST, type TicketKeys, writeJson } from "#wire/index.ts";
import { type DoorOptions, openDoor } from "./door.ts";
import { createEdgeEvents } from "./events.ts";
import { fakeTimeline } from "./fakes.ts";
import { TrustedProxies } from "./forwarded.ts";
import { Programme } from "./programme.ts";
import { LOCAL_HEADER, proxyHeader } from "./proxy-protocol.ts";
import { createChallenges, createRedirect } from "./redirect.ts";
import type { Serve } from "./serve.ts";
import { openTlsFront } from "./tls.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const KEY_BYTES = 48;
const newKey = () => randomBytes(KEY_BYTES).toString("base64");
const whoAsks: Serve = (_head, client) => ({ kind: "bytes", bytes: [Buffer.from(`<${client}>`)], close: false });

/** A bus with a supervisor's keys on it, a certificate in a folder, and any number of workers with them. */
async function platform(t: TestContext) {
	const clock = new FakeClock(1_000, Date.now());
	const hub = new LocalHub(clock);
	const supervisor = hub.connect();
	let keys: TicketKeys = { current: newKey(), previous: null };
	supervisor.respond(TICKET_KEYS_REQUEST, () => writeJson(keys));
	const directory = await mkdtemp(join(tmpdir(), "rostra-tls-"));
	t.after(() => rm(directory, { recursive: true }));
	const paths = { certPath: join(directory, "cert.pem"), keyPath: join(directory, "key.pem") };
	const renew = async () => {
		const { certPem, keyPem } = makeSelfSigned(["127.0.0.1"], clock.unixMs());
		await writeFile(paths.certPath, certPem);
		await writeFile(paths.keyPath, keyPem);
		return certPem;
	};
	const first = await renew();
	const worker = async (serve: Serve, changes: Partial<DoorOptions> = {}) => {
		const renewed = { next: Promise.withResolvers<void>() };
		const refused = createEdgeEvents(silentLog);
		const events = { ...refused, certificate: () => renewed.next.resolve() };
		const tls = await openTlsFront({ paths, clock, bus: hub.connect(), events });
		renewed.next = Promise.withResolvers();
		const proxy = { mode: "direct" } as const;
		const common = {
			host: "127.0.0.1",
			port: 0,
			worker: 0,
			connectionsMax: 100,
			objects: {} as Objects,
			cold: createServer(),
			random: seededRandom(1),
			watchUnread: () => ({ [Symbol.dispose]() {} }),
		};
		const door = await openDoor({ ...common, tls, proxy, clock, serve, events, ...changes });
		t.after(async () => {
			await door[Symbol.asyncDispose]();
			tls[Symbol.dispose]();
		});
		return { door, events, renewed: () => renewed.next.promise, port: door.port as number };
	};
	const rotate = async () => {
		keys = { current: newKey(), previous: keys.current };
		supervisor.publish(TICKET_KEYS, writeJson(keys));
		await new Promise((resolve) => setImmediate(resolve));
	};
	return { clock, hub, renew, rotate, worker, certPem: first };
}

/** A client that collects what it is sent, inside TLS or not. */
class Caller {
	text = "";
	closed = false;
	readonly socket: Socket;
	constructor(socket: Socket) {
		this.socket = socket;
		socket.on("data", (chunk: Buffer) => {
			this.text += chunk.toString("latin1");
		});
		socket.on("error", () => {});
		socket.on("close", () => {
			this.closed = true;
		});
	}
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

const dial = (port: number) => new Caller(connect(port, "127.0.0.1"));
const dialTls = (port: number, more: ConnectionOptions = {}) =>
	new Caller(connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false, ...more }));

/** The first message of a client's handshake. */
async function clientHello(t: TestContext): Promise<Buffer> {
	const heard = Promise.withResolvers<Buffer>();
	const server = createNetServer((socket) => socket.on("error", () => {}).once("data", heard.resolve));
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const client = dialTls((server.address() as AddressInfo).port);
	t.after(() => {
		client.socket.destroy();
		server.close();
	});
	return await heard.promise;
}

/** One request, and the session that the server gave for the next. */
async function visit(port: number, more: ConnectionOptions = {}): Promise<{ session: Buffer; resumed: boolean }> {
	const caller = dialTls(port, more);
	const socket = caller.socket as TLSSocket;
	const session = new Promise<Buffer>((resolve) => socket.once("session", resolve));
	socket.write(GET);
	await caller.answered("<127.0.0.1>");
	const resumed = socket.isSessionReused();
	// Under TLS 1.2 a renewed ticket makes no event, and the handshake is not over before it has come.
	const isSilent = resumed && socket.getProtocol() === "TLSv1.2";
	const visited = { session: isSilent ? (socket.getSession() as Buffer) : await session, resumed };
	socket.destroy();
	return visited;
}

test("requests are answered inside TLS 1.2 and 1.3, by HTTP/1.1 only", async (t) => {
	const { worker, certPem } = await platform(t);
	const { port } = await worker(whoAsks);
	for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
		const caller = dialTls(port, {
			minVersion: version,
			maxVersion: version,
			ca: certPem,
			rejectUnauthorized: true,
			ALPNProtocols: ["h2", "http/1.1"],
		});
		caller.socket.write(GET + GET);
		await caller.answered("<127.0.0.1><127.0.0.1>");
		const socket = caller.socket as TLSSocket;
		assert.deepEqual([socket.getProtocol(), socket.alpnProtocol], [version, "http/1.1"]);
		socket.destroy();
	}
	for (const refused of [{ ALPNProtocols: ["h2"] }, { maxVersion: "TLSv1.1", minVersion: "TLSv1.1" } as const]) {
		const caller = dialTls(port, refused);
		caller.socket.write(GET);
		await caller.gone();
		assert.equal(caller.text, "");
	}
});

test("a request in plain text gets no answer at a door with TLS, and its connection is closed", async (t) => {
	const { worker } = await platform(t);
	const { port, door } = await worker(whoAsks);
	const caller = dial(port);
	caller.socket.write(GET);
	await caller.gone();
	await caller.until(() => door.connections === 0);
	assert.doesNotMatch(caller.text, /127/);
});

test("a handshake that is not finished in time is dropped and counted", async (t) => {
	const { worker, clock } = await platform(t);
	const { port, events, door } = await worker(whoAsks);
	const caller = dial(port);
	caller.socket.write(await clientHello(t));
	await caller.until(() => caller.text !== "");
	assert.equal(door.connections, 1);
	clock.advance(PATIENCE_MS.head + 500);
	await caller.gone();
	assert.deepEqual(events.refusedSinceStart, { slow_handshake: 1 });
});

test("a session goes on at another worker, after a new certificate, and under the key before the newest", async (t) => {
	const { worker, renew, rotate, clock } = await platform(t);
	const [one, other] = [await worker(whoAsks), await worker(whoAsks)];
	for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
		const only = { minVersion: version, maxVersion: version };
		const first = await visit(one.port, only);
		assert.equal(first.resumed, false);
		assert.equal(
			(await visit(other.port, { ...only, session: first.session })).resumed,
			true,
			`${version}, another worker`,
		);

		await renew();
		clock.advance(CERTIFICATE_EVERY_MS);
		await Promise.all([one.renewed(), other.renewed()]);
		assert.equal(
			(await visit(one.port, { ...only, session: first.session })).resumed,
			true,
			`${version}, a new certificate`,
		);

		await rotate();
		assert.equal(
			(await visit(other.port, { ...only, session: first.session })).resumed,
			true,
			`${version}, the key before`,
		);
		await rotate();
		assert.equal(
			(await visit(other.port, { ...only, session: first.session })).resumed,
			false,
			`${version}, a forgotten key`,
		);
	}
});

test("who comes back is given a new ticket for the next time, as browsers use each once", async (t) => {
	const { worker, rotate } = await platform(t);
	const { port } = await worker(whoAsks);
	for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
		const only = { minVersion: version, maxVersion: version };
		let { session } = await visit(port, only);
		// Each time under a newer key: the ticket of the first visit would be worth nothing after the second.
		for (let time = 2; time <= 4; time += 1) {
			await rotate();
			const again = await visit(port, { ...only, session });
			assert.equal(again.resumed, true, `${version}, visit ${time}`);
			session = again.session;
		}
	}
});

test("a new certificate is for new connections, and a listener hears on under the old one", async (t) => {
	const { worker, renew, clock } = await platform(t);
	const programme = new Programme("iv1");
	programme.takeTimeline(fakeTimeline(), clock.monoMs());
	const stream = programme.streams.ogg_48;
	const { port, renewed } = await worker(() => ({
		kind: "push",
		opening: Buffer.from("sound;"),
		stream,
		chunked: false,
		nextPart: 0,
	}));
	const listener = dialTls(port);
	listener.socket.write(GET);
	await listener.answered("sound;");
	const certPem = await renew();
	clock.advance(CERTIFICATE_EVERY_MS);
	await renewed();
	const newcomer = dialTls(port, { ca: certPem, rejectUnauthorized: true });
	newcomer.socket.write(GET);
	await newcomer.answered("sound;");
	assert.equal(stream.count, 2);
	stream.startEnding(0, Buffer.from("the end"));
	stream.step(() => false);
	await listener.answered("the end");
	await newcomer.answered("the end");
});

test("a listener under TLS that talks is cut, and so is everyone when the door closes", async (t) => {
	const { worker, clock } = await platform(t);
	const programme = new Programme("iv1");
	programme.takeTimeline(fakeTimeline(), clock.monoMs());
	const stream = programme.streams.ogg_48;
	const { port, events, door } = await worker(() => ({
		kind: "push",
		opening: Buffer.from("sound;"),
		stream,
		chunked: false,
		nextPart: 0,
	}));
	const [talker, quiet] = [dialTls(port), dialTls(port)];
	for (const caller of [talker, quiet]) caller.socket.write(GET);
	await talker.answered("sound;");
	await quiet.answered("sound;");
	talker.socket.write("x".repeat(5_000));
	await talker.gone();
	assert.deepEqual(events.refusedSinceStart, { talkative_listener: 1 });
	await door[Symbol.asyncDispose]();
	await quiet.gone();
	assert.equal(stream.count, 0);
});

test("a request with a body goes to node:http through TLS with every byte", async (t) => {
	const cold = createServer((request, response) => {
		let body = "";
		request.on("data", (chunk) => {
			body += chunk;
		});
		request.on("end", () => response.writeHead(200, { Connection: "close" }).end(`${request.method} ${body}`));
	});
	const { worker } = await platform(t);
	const { port } = await worker(() => ({ kind: "cold" }), { cold });
	const caller = dialTls(port);
	caller.socket.write("POST /api/v1/questions HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nwh");
	await new Promise((resolve) => setImmediate(resolve));
	caller.socket.write("o am I?");
	await caller.gone();
	assert.match(caller.text, /^HTTP\/1\.1 200 OK\r\n.*POST who am I\?/s);
});

const loopback = new TrustedProxies(["127.0.0.0/8"]);
const somebody = proxyHeader({ address: Buffer.from([203, 0, 113, 9]), port: 4_711 });

test("behind a proxy with PROXY headers the client is the one it names, cut anywhere, with and without TLS", async (t) => {
	const { worker } = await platform(t);
	const plain = await worker(whoAsks, { tls: undefined, proxy: { mode: "proxy_v2", trusted: loopback } });
	for (let cut = 1; cut <= somebody.length; cut += 1) {
		const caller = dial(plain.port);
		caller.socket.setNoDelay(true);
		caller.socket.write(somebody.subarray(0, cut));
		await new Promise((resolve) => setImmediate(resolve));
		caller.socket.write(Buffer.concat([somebody.subarray(cut), Buffer.from(GET)]));
		await caller.answered("<203.0.113.9>");
		caller.socket.destroy();
	}
	const itself = dial(plain.port);
	itself.socket.write(Buffer.concat([LOCAL_HEADER, Buffer.from(GET)]));
	await itself.answered("<127.0.0.1>");
	itself.socket.destroy();

	const secure = await worker(whoAsks, { proxy: { mode: "proxy_v2", trusted: loopback } });
	const socket = connect(secure.port, "127.0.0.1");
	socket.write(somebody);
	const inside = new Caller(connectTls({ socket, rejectUnauthorized: false }));
	inside.socket.write(GET);
	await inside.answered("<203.0.113.9>");
	inside.socket.destroy();
});

test("the whole TLS hello may come in the packet of the PROXY header", async (t) => {
	const { worker } = await platform(t);
	const { port } = await worker(whoAsks, { proxy: { mode: "proxy_v2", trusted: loopback } });
	const socket = connect(port, "127.0.0.1");
	const write = socket.write.bind(socket);
	socket.cork();
	write(somebody);
	const inside = new Caller(connectTls({ socket, rejectUnauthorized: false }));
	inside.socket.write(GET);
	setImmediate(() => socket.uncork());
	await inside.answered("<203.0.113.9>");
	inside.socket.destroy();
});

test("without the header, or from elsewhere than the proxy, a connection is closed and counted", async (t) => {
	const { worker } = await platform(t);
	const strict = await worker(whoAsks, { tls: undefined, proxy: { mode: "proxy_v2", trusted: loopback } });
	for (const first of [
		GET,
		"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
		somebody.toString("latin1").replace("\r", "\n"),
	]) {
		const caller = dial(strict.port);
		caller.socket.write(first, "latin1");
		await caller.gone();
		assert.equal(caller.text, "");
	}
	assert.deepEqual(strict.events.refusedSinceStart, { proxy_header: 3 });
	const elsewhere = { mode: "proxy_v2", trusted: new TrustedProxies(["192.0.2.0/24"]) } as const;
	const closed = await worker(whoAsks, { tls: undefined, proxy: elsewhere });
	const stranger = dial(closed.port);
	stranger.socket.write(Buffer.concat([somebody, Buffer.from(GET)]));
	await stranger.gone();
	assert.deepEqual(closed.events.refusedSinceStart, { proxy_untrusted: 1 });
});

test("a field that names a client is believed from the proxy, in the one form that was chosen, request by request", async (t) => {
	const { worker } = await platform(t);
	const ask = async (proxy: DoorOptions["proxy"], ...fields: string[]) => {
		const { port } = await worker(whoAsks, { tls: undefined, proxy });
		const caller = dial(port);
		for (const field of fields) caller.socket.write(`GET / HTTP/1.1\r\nHost: a\r\n${field}\r\n`);
		await caller.until(() => caller.text.split(">").length > fields.length);
		caller.socket.destroy();
		return caller.text;
	};
	const [rfc7239, older] = ["Forwarded: for=203.0.113.9\r\n", "X-Forwarded-For: 203.0.113.8\r\n"];
	assert.equal(
		await ask({ mode: "forwarded", trusted: loopback }, rfc7239, older, ""),
		"<203.0.113.9><127.0.0.1><127.0.0.1>",
	);
	assert.equal(await ask({ mode: "x_forwarded_for", trusted: loopback }, rfc7239, older), "<127.0.0.1><203.0.113.8>");
	const elsewhere = new TrustedProxies(["192.0.2.1"]);
	assert.equal(await ask({ mode: "forwarded", trusted: elsewhere }, rfc7239), "<127.0.0.1>", "not from a proxy");
	assert.equal(await ask({ mode: "direct" }, rfc7239 + older), "<127.0.0.1>", "spoofed");
});

test("plain HTTP sends everybody to the same address with TLS, and shows an authority its challenge", async (t) => {
	const { hub, clock, worker } = await platform(t);
	using challenges = createChallenges(hub.connect());
	const serve = createRedirect({ clock, publicUrl: "https://talk.example", challenge: challenges.answer });
	const { port } = await worker(serve, { tls: undefined });
	const ask = async (request: string) => {
		const caller = dial(port);
		caller.socket.write(request);
		await caller.gone();
		return caller.text;
	};
	const moved = await ask("GET /i/demo?lang=de HTTP/1.1\r\nHost: evil.example\r\n\r\n");
	assert.match(
		moved,
		/^HTTP\/1\.1 308 Permanent Redirect\r\n.*\r\nLocation: https:\/\/talk\.example\/i\/demo\?lang=de\r\n/s,
	);
	assert.doesNotMatch(moved, /Strict-Transport-Security/, "RFC 6797 §7.2: not over plain HTTP");
	const challenge = "GET /.well-known/acme-challenge/tok-1 HTTP/1.1\r\nHost: talk.example\r\n\r\n";
	assert.match(await ask(challenge), /^HTTP\/1\.1 308/);
	hub.connect().publish(ACME_CHALLENGES, writeJson([{ token: "tok-1", keyAuthorization: "tok-1.thumb" }]));
	await new Promise((resolve) => setImmediate(resolve));
	assert.match(await ask(challenge), /^HTTP\/1\.1 200 OK\r\n.*\r\n\r\ntok-1\.thumb$/s);
	assert.match(await ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"), /^HTTP\/1\.1 308/);
});
