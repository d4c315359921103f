/** One side of test/nftables.test.ts inside a network namespace: `server`, or a client with what it is to do. Prints one line of JSON. */
import { createSocket } from "node:dgram";
import { connect, createServer } from "node:net";

const [role = "", host = "", portText = "", from = "", countText = "", spreadMsText = ""] = process.argv.slice(2);
const [port, count, spreadMs] = [Number(portText), Number(countText), Number(spreadMsText)];
/** Sooner than a SYN that was dropped comes again. */
const ANSWER_WITHIN_MS = 900;
const IN_FLIGHT_MAX = 2_000;

switch (role) {
	case "server":
		await serve();
		break;
	case "connect":
		await connectMany();
		break;
	case "send":
		await send();
		break;
	default:
		throw new Error(`Cannot play the role ${role}`);
}

/** Accepts and holds connections at TCP `port`; counts packets at UDP `port` + 11. Prints what it has when its input closes. */
async function serve(): Promise<void> {
	const accepted = new Map<string, number>();
	const received = new Map<string, number>();
	const countIn = (counts: Map<string, number>, address: string) => counts.set(address, (counts.get(address) ?? 0) + 1);
	const tcp = createServer((socket) => {
		countIn(accepted, socket.remoteAddress ?? "");
		socket.on("error", () => {});
		socket.resume();
	});
	tcp.listen({ host: "::", port, backlog: 4_096 });
	const udp = createSocket({ type: "udp6", recvBufferSize: 8 * 1024 * 1024 });
	udp.on("message", (_, { address }) => countIn(received, address));
	udp.bind(port + 11, () => console.log("listening"));
	for await (const _ of process.stdin);
	console.log(JSON.stringify({ accepted: Object.fromEntries(accepted), received: Object.fromEntries(received) }));
	process.exit(0);
}

/** `count` connections from the addresses of `from` in turn, spread evenly over `spreadMs`; 0: as fast as can be. */
async function connectMany(): Promise<void> {
	const addresses = from.split(",");
	const open = new Set<ReturnType<typeof connect>>();
	const startedMs = performance.now();
	let [tried, connected, pending, slowestMs] = [0, 0, 0, 0];
	await new Promise<void>((resolve) => {
		const one = () => {
			const begunMs = performance.now();
			const localAddress = addresses[tried % addresses.length] as string;
			tried += 1;
			pending += 1;
			const socket = connect({ host, port, localAddress });
			open.add(socket);
			const settle = (ok: boolean) => {
				clearTimeout(timer);
				pending -= 1;
				if (ok) connected += 1;
				if (ok) slowestMs = Math.max(slowestMs, performance.now() - begunMs);
				// A crowd stays; a flood lets go at once, so that it has ports for more.
				if (!ok || spreadMs === 0) socket.resetAndDestroy();
				if (tried === count && pending === 0) resolve();
			};
			const timer = setTimeout(() => settle(false), ANSWER_WITHIN_MS);
			socket.once("connect", () => settle(true));
			socket.on("error", () => {});
		};
		const turn = () => {
			const due = spreadMs === 0 ? count : Math.ceil((count * (performance.now() - startedMs)) / spreadMs);
			for (let nth = 0; nth < 200 && tried < Math.min(count, due) && pending < IN_FLIGHT_MAX; nth += 1) one();
			if (tried < count) setTimeout(turn, 1);
		};
		turn();
	});
	console.log(JSON.stringify({ tried, connected, slowestMs, elapsedMs: performance.now() - startedMs }));
	process.exit(0);
}

/** `count` packets from `from` to UDP `port`, spread evenly over `spreadMs`. */
async function send(): Promise<void> {
	const udp = createSocket(host.includes(":") ? "udp6" : "udp4");
	await new Promise<void>((resolve) => udp.bind({ address: from }, resolve));
	const startedMs = performance.now();
	for (let sent = 0; sent < count; ) {
		const due = Math.min(count, Math.ceil((count * (performance.now() - startedMs)) / Math.max(1, spreadMs)));
		for (; sent < due; sent += 1) udp.send(Buffer.alloc(100), port, host);
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
	await new Promise<void>((resolve) => udp.close(resolve));
	console.log(JSON.stringify({ sent: count, elapsedMs: performance.now() - startedMs }));
}
