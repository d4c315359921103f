import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { clientOf, isNetwork, plainAddress, TrustedProxies } from "./forwarded.ts";

const trusted = new TrustedProxies(["127.0.0.0/8", "10.0.0.0/8", "::1", "2001:db8:1::/48"]);
const forwarded = (value: string) => clientOf("forwarded", value, trusted);
const xForwardedFor = (value: string) => clientOf("x_forwarded_for", value, trusted);

test("the examples of RFC 7239 §4 and §7.4 give the address, without port and brackets", () => {
	assert.equal(forwarded("for=192.0.2.43"), "192.0.2.43");
	assert.equal(forwarded('For="[2001:db8:cafe::17]:4711"'), "2001:db8:cafe::17");
	assert.equal(forwarded("for=192.0.2.60;proto=http;by=203.0.113.43"), "192.0.2.60");
	assert.equal(forwarded("for=192.0.2.43, for=198.51.100.17"), "198.51.100.17");
	assert.equal(forwarded('for=192.0.2.43, for="[2001:db8:cafe::17]"'), "2001:db8:cafe::17");
	assert.equal(forwarded('for="192.0.2.43:47011"'), "192.0.2.43");
	for (const nobody of ["for=unknown", 'for="_gazonk"', "for=_SEVKISEK", "proto=http", "for=example.com"])
		assert.equal(forwarded(nobody), undefined, nobody);
});

test("X-Forwarded-For gives the address, with and without port", () => {
	assert.equal(xForwardedFor("192.0.2.43"), "192.0.2.43");
	assert.equal(xForwardedFor("192.0.2.43:80"), "192.0.2.43");
	assert.equal(xForwardedFor("2001:db8::1"), "2001:db8::1");
	assert.equal(xForwardedFor("[2001:db8::1]:80"), "2001:db8::1");
	assert.equal(xForwardedFor("::ffff:192.0.2.43"), "192.0.2.43");
	for (const nobody of ["", "unknown", "192.0.2", "192.0.2.43:port", "fe80::1%eth0", "[192.0.2.1]"])
		assert.equal(xForwardedFor(nobody), undefined, nobody);
});

test("trusted proxies are passed over from the end; when all are, the first is the client", () => {
	assert.equal(xForwardedFor("192.0.2.1, 10.1.1.1, 127.0.0.1"), "192.0.2.1");
	assert.equal(forwarded('for=192.0.2.1, for=10.1.1.1, for="[2001:db8:1::9]"'), "192.0.2.1");
	assert.equal(xForwardedFor("10.0.0.7, 10.0.0.8"), "10.0.0.7");
	assert.equal(xForwardedFor(Array(20).fill("10.0.0.7").join(",")), undefined, "too many hops to be believed");
});

test("what a stranger puts in front of the proxy's line changes nothing", () => {
	fc.assert(
		fc.property(fc.string({ maxLength: 60 }), (spoofed) => {
			assert.equal(xForwardedFor(`${spoofed}, 198.51.100.17, 10.0.0.1`), "198.51.100.17");
			const heard = forwarded(`${spoofed}, for=198.51.100.17`);
			assert.ok(heard === "198.51.100.17" || heard === undefined, `${heard}`);
		}),
	);
	assert.equal(forwarded('for="1.2.3.4, for=198.51.100.17'), undefined, "an open quotation mark");
	assert.equal(forwarded("for=1.2.3.4;for=5.6.7.8"), undefined, "two in one element");
});

test("addresses and prefixes are told from the rest", () => {
	for (const good of ["192.0.2.1", "10.0.0.0/8", "::1", "2001:db8::/32", "0.0.0.0/0"]) assert.ok(isNetwork(good), good);
	for (const bad of ["", "proxy", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8/8", "::/129", "fe80::1%eth0", "10.0/8"])
		assert.ok(!isNetwork(bad), bad);
	assert.equal(plainAddress("::ffff:10.0.0.1"), "10.0.0.1");
	assert.equal(plainAddress("::ffff:0:1"), "::ffff:0:1");
});

test("a field made to be slow is read as fast as any other", () => {
	for (const piece of [" ", ";", ",", '"', "\\", "for=", 'for="\\', "a"]) {
		const begunMs = performance.now();
		forwarded(`${piece.repeat(8_192 / piece.length)}=`);
		assert.ok(performance.now() - begunMs < 100, JSON.stringify(piece));
	}
});
