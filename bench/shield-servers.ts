/**
 * Servers that are attacked by `shield.ts`, each in a process of its own: `shield-servers.ts staff|node`. Says its port
 * on standard output and lives until its standard input closes. `/` is small, `/big` is larger than any kernel takes
 * for a client who does not read, `/body` reads what it is sent.
 */
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { Hono } from "hono";
import { silentLog, systemClock, systemRandom } from "#base/index.ts";
import { Counters, createInterviewEvents, openDoor } from "#interviews/index.ts";
import { freePort } from "./edge-peers.ts";

const BIG_CHUNKS = 320;
const chunk = Buffer.alloc(65_536, "x");
function* big() {
	for (let nth = 0; nth < BIG_CHUNKS; nth += 1) yield chunk;
}

const port = await freePort();
if (process.argv[2] === "staff") {
	const app = new Hono();
	app.get("/", (c) => c.text("hello"));
	// As the staff door sends its pages: whole, and of their size.
	const whole = Buffer.alloc(1 << 20, "x");
	app.get("/big", (c) => c.body(whole));
	app.post("/body", async (c) => c.text(String((await c.req.arrayBuffer()).byteLength)));
	await openDoor({
		host: "127.0.0.1",
		port,
		tls: null,
		clock: systemClock,
		random: systemRandom,
		hasRight: () => false,
		apps: [["/", app as never]],
		events: createInterviewEvents(silentLog, new Counters()),
	});
} else {
	createServer((request, response) => {
		if (request.url === "/big") Readable.from(big(), { objectMode: false }).pipe(response);
		else request.on("end", () => response.end("hello")).resume();
	}).listen(port, "127.0.0.1");
}
console.log(port);
process.stdin.on("end", () => process.exit(0)).resume();
