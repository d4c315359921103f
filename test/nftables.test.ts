/**
 * deploy/nftables.conf in network namespaces of its own: a crowd behind one address is not hurt, a flood is. Needs root
 * and a kernel with nf_tables; touches no rule of the machine.
 */
import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import * as z from "zod/mini";
import { skipWithout } from "./support/tools.ts";

const CONF = fileURLToPath(new URL("../deploy/nftables.conf", import.meta.url));
const PEER = fileURLToPath(new URL("support/nftables-peer.ts", import.meta.url));
const PUBLIC_PORT = 8_080;
const MEDIA_PORT = PUBLIC_PORT + 11;
/** As in the file, and what a flood is held against: a fifth of it, so that a slow machine can make one. */
const PUBLIC_RATE = "1000/second burst 5000";
const SMALL_RATE = { perS: 200, burst: 1_000 };
const MEDIA_RATE = { burst: 4_000, perS: 2_000 };
const CROWD = 1_000;
const FLOOD = 6_000;
const SERVER = `rostra-server-${process.pid}`;
const CLIENT = `rostra-client-${process.pid}`;

const connections = z.object({
	tried: z.number(),
	connected: z.number(),
	slowestMs: z.number(),
	elapsedMs: z.number(),
});
const served = z.object({
	accepted: z.record(z.string(), z.number()),
	received: z.record(z.string(), z.number()),
});

function skipReason(): string | false {
	if (process.platform !== "linux") return "needs Linux";
	if (process.getuid?.() !== 0) return "needs root for a network namespace: run it as root";
	const missing = skipWithout("nft", "ip");
	if (missing) return missing;
	try {
		execFileSync("ip", ["netns", "add", CLIENT], { stdio: "pipe" });
		execFileSync("ip", ["netns", "exec", CLIENT, "nft", "-c", "-f", CONF], { stdio: "pipe" });
		return false;
	} catch (error) {
		const { stderr } = error as { stderr?: Buffer };
		if (!/not permitted|not supported/i.test(String(stderr))) throw error;
		return `this machine gives no network namespace or no nf_tables: ${String(stderr).trim().split("\n")[0]}`;
	} finally {
		try {
			execFileSync("ip", ["netns", "del", CLIENT], { stdio: "pipe" });
		} catch {}
	}
}

const skip = skipReason();
if (skip) console.log(`Skipped: ${skip}`);

describe("deploy/nftables.conf", { skip, timeout: 120_000 }, () => {
	let server: ChildProcessWithoutNullStreams;

	before(async () => {
		const steps = [
			`netns add ${SERVER}`,
			`netns add ${CLIENT}`,
			`-n ${SERVER} link add veth0 type veth peer name veth1 netns ${CLIENT}`,
			`-n ${SERVER} addr add 10.66.0.1/16 dev veth0`,
			`-n ${SERVER} addr add fd66::1/48 dev veth0 nodad`,
			...["10.66.1.7", "10.66.2.1", "10.66.2.2", "10.66.2.3"].map((ip) => `-n ${CLIENT} addr add ${ip}/16 dev veth1`),
			...["fd66:0:0:1::7", "fd66:0:0:2::1", "fd66:0:0:2::2", "fd66:0:0:2::3"].map(
				(ip) => `-n ${CLIENT} addr add ${ip}/48 dev veth1 nodad`,
			),
			`-n ${SERVER} link set lo up`,
			`-n ${SERVER} link set veth0 up`,
			`-n ${CLIENT} link set veth1 up`,
		];
		for (const step of steps) execFileSync("ip", step.split(" "));
		load();
		server = spawn("ip", ["netns", "exec", SERVER, process.execPath, PEER, "server", "::", String(PUBLIC_PORT)]);
		server.stderr.pipe(process.stderr);
		await once(server.stdout, "data");
	});
	after(() => {
		server?.kill("SIGKILL");
		for (const name of [SERVER, CLIENT]) execFileSync("ip", ["netns", "del", name]);
	});

	test("a thousand behind one address who come at once are all let in", async (t) => {
		const listeners = await client(connections, "connect", "10.66.0.1", PUBLIC_PORT, "10.66.1.7", CROWD, 0);
		t.diagnostic(`${listeners.connected} of ${CROWD} in ${listeners.elapsedMs.toFixed(0)} ms`);
		assert.deepEqual([listeners.connected, dropped("public_flood")], [CROWD, 0]);
	});

	for (const [family, host, crowd, flood] of [
		["IPv4", "10.66.0.1", "10.66.1.7", "10.66.2.1,10.66.2.2,10.66.2.3"],
		["IPv6", "fd66::1", "fd66:0:0:1::7", "fd66:0:0:2::1,fd66:0:0:2::2,fd66:0:0:2::3"],
	] as const) {
		test(`${family}: a thousand behind one address connect while another network's flood is cut to its rate`, async (t) => {
			// Again, as after a change of the file.
			load((rules) => rules.replaceAll(PUBLIC_RATE, `${SMALL_RATE.perS}/second burst ${SMALL_RATE.burst}`));
			const [listeners, flooders] = await Promise.all([
				client(connections, "connect", host, PUBLIC_PORT, crowd, CROWD, 5_000),
				client(connections, "connect", host, PUBLIC_PORT, flood, FLOOD, 0),
			]);
			const droppedCount = dropped("public_flood");
			t.diagnostic(
				`${listeners.connected} of ${CROWD} listeners in, slowest ${listeners.slowestMs.toFixed(0)} ms; ` +
					`${flooders.connected} of ${FLOOD} of the flood in ${(flooders.elapsedMs / 1_000).toFixed(1)} s, ${droppedCount} SYN dropped`,
			);
			assert.equal(listeners.connected, CROWD);
			assert.ok(droppedCount > 0);
			assert.ok(flooders.connected <= SMALL_RATE.burst + (SMALL_RATE.perS * flooders.elapsedMs) / 1_000 + 1);
		});
	}

	test("a media port takes a studio's packets and cuts a source that floods it", async (t) => {
		const seconds = 5;
		const [studio, flood] = await Promise.all([
			// A full studio behind one address.
			client(
				z.object({ sent: z.number() }),
				"send",
				"10.66.0.1",
				MEDIA_PORT,
				"10.66.1.7",
				14 * 60 * seconds,
				seconds * 1_000,
			),
			client(
				z.object({ sent: z.number(), elapsedMs: z.number() }),
				"send",
				"10.66.0.1",
				MEDIA_PORT,
				"10.66.2.1",
				40_000,
				seconds * 1_000,
			),
		]);
		assert.ok(dropped("media_flood") > 0);
		server.stdin.end();
		const { received } = served.parse(JSON.parse(await text(server.stdout)));
		const [heard, flooded] = [received["::ffff:10.66.1.7"] ?? 0, received["::ffff:10.66.2.1"] ?? 0];
		t.diagnostic(`${heard} of ${studio.sent} packets of the studio, ${flooded} of ${flood.sent} of the flood`);
		assert.equal(heard, studio.sent);
		assert.ok(flooded <= MEDIA_RATE.burst + (MEDIA_RATE.perS * flood.elapsedMs) / 1_000 + 1);
	});
});

async function client<S extends z.ZodMiniType>(
	schema: S,
	role: string,
	...args: readonly (string | number)[]
): Promise<z.output<S>> {
	const command = ["netns", "exec", CLIENT, process.execPath, PEER, role, ...args.map(String)];
	const { stdout } = await promisify(execFile)("ip", command, { timeout: 60_000 });
	return schema.parse(JSON.parse(stdout)) as z.output<S>;
}

/** Loads the rules on the server's side, changed where a test needs it. */
function load(change: (rules: string) => string = (rules) => rules): void {
	execFileSync("ip", ["netns", "exec", SERVER, "nft", "-f", "-"], { input: change(readFileSync(CONF, "utf8")) });
}

function nft(...args: readonly string[]): string {
	return execFileSync("ip", ["netns", "exec", SERVER, "nft", ...args], { encoding: "utf8" });
}

/** Packets that a counter of the file has dropped. */
function dropped(counter: string): number {
	return Number(/packets (\d+)/.exec(nft("list", "counter", "inet", "rostra", counter))?.[1]);
}
