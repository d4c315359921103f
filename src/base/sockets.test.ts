import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { resetNow } from "./sockets.ts";

test("resetNow() ends a connection whose other side reads nothing, and that learns of it", async () => {
	const server = createServer().listen(0, "127.0.0.1");
	await once(server, "listening");
	const { port } = server.address() as { port: number };
	const client = connect(port, "127.0.0.1").pause();
	const [socket] = (await once(server, "connection")) as [Socket];
	socket.write(Buffer.alloc(30 << 20));
	assert.ok(socket.writableLength > 0, "more than the kernel takes");
	const failed = once(client, "error");
	resetNow(socket);
	await once(socket, "close");
	client.resume();
	assert.equal(((await failed)[0] as NodeJS.ErrnoException).code, "ECONNRESET");
	resetNow(socket);
	server.close();
});
