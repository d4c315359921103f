import assert from "node:assert/strict";
import { test } from "node:test";
import { ICE_SERVERS_MAX, parseIceServers } from "./ice-servers.ts";

test("parseIceServers() reads STUN and TURN, with credentials in front of the host", () => {
	assert.deepEqual(parseIceServers(""), []);
	assert.deepEqual(parseIceServers("stun:stun.example.net, turns:bo%3Ab:s%40t@[2001:db8::1]:5349?transport=tcp"), [
		{ urls: ["stun:stun.example.net"] },
		{ urls: ["turns:[2001:db8::1]:5349?transport=tcp"], username: "bo:b", credential: "s@t" },
	]);
});

test("parseIceServers() says which entry is wrong, and never what is in it", () => {
	for (const wrong of [
		"https://turn.example.net",
		"turn:turn.example.net",
		"stun:user:secret@stun.example.net",
		"stun:stun.example.net?transport=tcp",
		"turn:user:%zz@turn.example.net",
		"turn:user:%0d%0a@turn.example.net",
		"turn:user:secret@turn.example.net/path",
		`turn:user:secret@${"a".repeat(300)}`,
	]) {
		assert.deepEqual(parseIceServers(`stun:a.example,${wrong}`), { wrong: 2 }, wrong);
	}
	assert.deepEqual(parseIceServers("stun:a.example ".repeat(ICE_SERVERS_MAX + 1)), { wrong: ICE_SERVERS_MAX + 1 });
});
