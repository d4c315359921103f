import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { test } from "node:test";
import { isUdpPortFree, MediaPorts } from "./media-ports.ts";

const free = async () => true;

test("each interview holds the lowest free port, the same until it is released", async () => {
	const ports = new MediaPorts(8_091, 3, free);
	assert.deepEqual([await ports.hold("a"), await ports.hold("b"), await ports.hold("a")], [8_091, 8_092, 8_091]);
	ports.release("a");
	assert.equal(await ports.hold("c"), 8_091);
});

test("when all are held one more is refused", async () => {
	const ports = new MediaPorts(8_091, 2, free);
	await ports.hold("a");
	await ports.hold("b");
	assert.equal(await ports.hold("c"), undefined);
	assert.equal(await ports.hold("b"), 8_092);
});

test("a port that another program has is passed over, and tried again later", async () => {
	const taken = new Set([8_091]);
	const ports = new MediaPorts(8_091, 2, async (port) => !taken.has(port));
	assert.equal(await ports.hold("a"), 8_092);
	assert.equal(await ports.hold("b"), undefined);
	taken.clear();
	assert.equal(await ports.hold("b"), 8_091);
});

test("interviews that ask at the same time get different ports", async () => {
	const ports = new MediaPorts(8_091, 3, free);
	const held = await Promise.all(["a", "b", "a", "c"].map((id) => ports.hold(id)));
	assert.deepEqual(held, [8_091, 8_092, 8_091, 8_093]);
});

test("isUdpPortFree() sees another program's socket", async () => {
	const socket = createSocket("udp4");
	await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
	const { port } = socket.address();
	assert.equal(await isUdpPortFree("127.0.0.1", port), false);
	await new Promise<void>((resolve) => socket.close(resolve));
	assert.equal(await isUdpPortFree("127.0.0.1", port), true);
});
