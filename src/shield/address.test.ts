import assert from "node:assert/strict";
import { isIP, SocketAddress } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { parseAddress } from "./address.ts";

const v4 = (text: string) => text.split(".").reduce((word, octet) => word * 256 + Number(octet), 0);

test("every way to write an IPv4 address inside an IPv6 one is that address [SH1]", () => {
	const expected = { family: 4, words: [0, 0, 0, v4("192.0.2.33")] };
	for (const text of [
		"192.0.2.33",
		"::ffff:192.0.2.33",
		"::FFFF:c000:0221",
		"64:ff9b::192.0.2.33",
		"64:ff9b::c000:221",
		"2002:c000:221::1",
		"2002:c000:0221:ffff:ffff:ffff:ffff:ffff",
		"2001:0:ffff:ffff:ffff:ffff:3fff:fdde",
	]) {
		assert.deepEqual(parseAddress(text), expected, text);
	}
});

test("reads what the system writes, and refuses what it refuses", () => {
	const groups = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 });
	fc.assert(
		fc.property(groups, (all) => {
			const plain = all.map((group) => group.toString(16)).join(":");
			const { address } = new SocketAddress({ address: plain, family: "ipv6" });
			assert.deepEqual(parseAddress(address), parseAddress(plain));
			assert.deepEqual(parseAddress(`${address}%eth0`), parseAddress(plain));
		}),
	);
	fc.assert(
		fc.property(fc.stringMatching(/^[0-9a-f:.]{0,40}$/), (text) => {
			assert.equal(parseAddress(text) !== undefined, isIP(text) !== 0, text);
		}),
		{
			numRuns: 2_000,
			examples: [["::"], ["::1"], ["1::"], ["1:2:3:4:5:6:7::"], ["1.2.3.4."], ["01.2.3.4"], ["::1.2.3.4"]],
		},
	);
});
