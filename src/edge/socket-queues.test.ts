import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { peerOf, QueueReader } from "./socket-queues.ts";

const V4 = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000007 00:00000000 00000000     0        0 1 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 0203007F:C001 01 00012345:00000000 01:00000014 00000000     0        0 2 2 0000000000000000 20 4 0 10 -1
   2: 0100007F:1F90 0203007F:C002 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0000000000000000 20 4 0 10 -1
   3: 0100007F:1F91 0203007F:C003 01 00012345:00000000 00:00000000 00000000     0        0 4 1 0000000000000000 20 4 0 10 -1
10004: 0203007F:C001 0100007F:1F90 01 00012345:00000000 00:00000000 00000000     0        0 5 1 0000000000000000 20 4 0 10 -1
10005: 0100007F:1F90 0203007F:C004 08 00012345:00000000 00:00000000 00000000     0        0 6 1 0000000000000000 20 4 0 10 -1
`;
const V6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt
   0: 00000000000000000000000001000000:1F90 B80D0120000000000000000001000000:C001 01 00001000:00000000 01:00000014 00000000     0        0 2 2 0000000000000000 20 4 0 10 -1
   1: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000203007F:C002 01 00002000:00000000 01:00000014 00000000     0        0 2 2 0000000000000000 20 4 0 10 -1
`;

function read(text: string, cuts: readonly number[] = [], bytesMin = 1): [string, number][] {
	const found: [string, number][] = [];
	const reader = new QueueReader(8080, bytesMin, (peer, bytes) => found.push([peer, bytes]));
	let from = 0;
	for (const cut of [...cuts].sort((a, b) => a - b)) {
		reader.push(Buffer.from(text.slice(from, cut), "latin1"));
		from = Math.max(from, cut);
	}
	reader.push(Buffer.from(text.slice(from), "latin1"));
	return found;
}

test("established connections of the port with unread bytes are found, others are not", () => {
	assert.deepEqual(read(V4), [[peerOf(Uint8Array.of(127, 0, 3, 2), 0xc001, "LE"), 0x12345]]);
	const mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 3, 2];
	assert.deepEqual(read(V6), [
		[peerOf(Uint8Array.of(0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), 0xc001, "LE"), 0x1000],
		[peerOf(Uint8Array.from(mapped), 0xc002, "LE"), 0x2000],
	]);
	assert.deepEqual(read(V6, [], 0x1001).length, 1, "short queues are left out");
});

test("the text may be cut anywhere", () => {
	const anywhere = fc.array(fc.nat(V4.length), { maxLength: 20 });
	fc.assert(fc.property(anywhere, (cuts) => assert.deepEqual(read(V4, cuts), read(V4))));
});

test("what is no such text is read without harm, and finds nothing", () => {
	const texts = fc.oneof(fc.string({ maxLength: 2_000 }), fc.stringMatching(/^[0-9A-F: \n]{0,2000}$/));
	fc.assert(
		fc.property(texts, (text) => {
			for (const [peer, bytes] of read(text)) {
				assert.match(peer, /^([0-9A-F]{8}|[0-9A-F]{32}):[0-9A-F]{4}$/);
				assert.ok(Number.isSafeInteger(bytes));
			}
		}),
	);
});

const noProc = process.platform === "linux" ? false : "this system has no /proc/net/tcp";
test("a socket that does not read is found in the kernel's own table", { skip: noProc }, async () => {
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const { port } = server.address() as { port: number };
	const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
	const client = connect({ port, host: "127.0.0.1", localAddress: "127.0.9.8" }).pause();
	const socket = await accepted;
	const peer = peerOf(Uint8Array.of(127, 0, 9, 8), socket.remotePort as number);
	// More than its kernel takes for it, less than ours holds for us.
	for (let written = 0; written < 1 << 20; written += 65_536) socket.write(Buffer.alloc(65_536));
	const queued = () => {
		const found = new Map<string, number>();
		const reader = new QueueReader(port, 1, (who, bytes) => void found.set(who, bytes));
		reader.push(readFileSync("/proc/net/tcp"));
		return found.get(peer) ?? 0;
	};
	while (queued() === 0) await new Promise((resolve) => setImmediate(resolve));
	client.destroy();
	socket.destroy();
	server.close();
});
