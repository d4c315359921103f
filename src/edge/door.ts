import type { Server as HttpServer } from "node:http";
import { createServer, type Server, type Socket } from "node:net";
import { type Clock, everyMs, type Random, resetNow } from "#base/index.ts";
import type { Objects } from "#objects/index.ts";
import { ConnectionBudget, Neighbours } from "#shield/index.ts";
import { Connection, type Inside, limitedAddress } from "./connection.ts";
import { EdgeError } from "./errors.ts";
import type { EdgeEvents } from "./events.ts";
import { type ProxyTrust, plainAddress } from "./forwarded.ts";
import type { Serve } from "./serve.ts";
import type { TlsFront } from "./tls.ts";
import type { WatchUnread } from "./unread-watch.ts";

/** Connections the kernel may hold before we accept them; it cuts this to net.core.somaxconn. */
const BACKLOG = 4_096;
/** A client that takes nothing of its answer from one look to the next is stalled: the first to go when there is no room. */
const TICK_MS = 250;
/** When there is no room it is looked at sooner. */
const LOOK_AGAIN_MS = 50;

export type Door = {
	/** The port listened on; undefined when this worker does not listen, because the system cannot share ports between workers. */
	readonly port: number | undefined;
	readonly connections: number;
	/** Connections that listen, or have shown that they belong here. */
	readonly admitted: number;
	/** Drops every connection without an orderly end, so that players know they were cut and return. */
	[Symbol.asyncDispose](): Promise<void>;
};

export type DoorOptions = {
	readonly host: string;
	readonly port: number;
	/** Workers are told apart by number: where ports cannot be shared, 0 alone listens. */
	readonly worker: number;
	/** Descriptors for connections and the files being sent. */
	readonly connectionsMax: number;
	/** Absent: plain HTTP. */
	readonly tls?: TlsFront | undefined;
	readonly proxy: ProxyTrust;
	readonly clock: Clock;
	readonly random: Random;
	readonly objects: Objects;
	readonly serve: Serve;
	readonly cold: HttpServer;
	readonly events: EdgeEvents;
	readonly watchUnread: WatchUnread;
};

/**
 * Opens the public door: a raw listener that reads request heads and does what `serve` answers.
 *
 * Every worker has its own listening socket on the same port (SO_REUSEPORT): the kernel deals new connections
 * out among those that exist. When a worker dies, connections it had not accepted are reset, its listeners'
 * connections close, and new ones go to the others; when it is back it gets its share again.
 *
 * @throws EdgeError when the port cannot be had.
 */
export async function openDoor(options: DoorOptions): Promise<Door> {
	const { clock, events } = options;
	const budget = new ConnectionBudget<Connection>(options.connectionsMax);
	const neighbours = new Neighbours(options.random);
	let watching: Disposable | undefined;
	const inside: Inside = {
		...options,
		budget,
		neighbours,
		openFiles: 0,
		lookedMs: 0,
		// Nothing is watched until somebody listens.
		watch() {
			watching ??= options.watchUnread(door.port ?? options.port, (found) => lookAtListeners(found, inside));
		},
	};
	const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => admit(socket, inside));
	const shared = await listen(server, options);
	server.on("error", (error) => events.acceptFailed(error));
	const address = server.address();
	const port = address && typeof address === "object" ? address.port : undefined;
	if (port === undefined) events.portNotShared(options.port);
	else events.listening({ host: options.host, port, connectionsMax: options.connectionsMax, shared });

	const ticking = everyMs(clock, TICK_MS, () => {
		const nowMs = clock.monoMs();
		for (const [connection, state] of [...budget.expired(nowMs)]) connection.expire(state);
		lookAtAnswers(inside, nowMs);
	});
	const door: Door = {
		port,
		get connections() {
			return budget.count;
		},
		get admitted() {
			return budget.admittedCount;
		},
		async [Symbol.asyncDispose]() {
			ticking[Symbol.dispose]();
			watching?.[Symbol.dispose]();
			const closed = new Promise<void>((resolve) => (server.listening ? server.close(() => resolve()) : resolve()));
			for (const connection of budget.all()) connection.drop(undefined);
			await closed;
		},
	};
	return door;
}

/** Lets a connection in, unless its address has its share; when there is no room, whom the budget names goes for it. */
function admit(socket: Socket, inside: Inside): void {
	const { budget, neighbours, events, clock, proxy } = inside;
	const nowMs = clock.monoMs();
	const client = plainAddress(socket.remoteAddress ?? "");
	const isProxy = proxy.mode !== "direct" && proxy.trusted.has(client);
	const address = isProxy ? undefined : limitedAddress(client);
	const refusal = address && neighbours.admit(address, nowMs);
	if (refusal) {
		events.refused(refusal);
		socket.on("error", () => {});
		resetNow(socket);
		return;
	}
	const isFull = budget.count + inside.openFiles >= inside.connectionsMax;
	if (isFull && budget.isTight && nowMs - inside.lookedMs >= LOOK_AGAIN_MS) lookAtAnswers(inside, nowMs);
	const connection = new Connection(socket, client, address, inside);
	const dropped = budget.admit(connection, nowMs, { heldElsewhere: inside.openFiles });
	if (dropped === connection) return connection.drop("full");
	if (dropped) {
		dropped.suspect();
		dropped.drop("evicted");
	}
	connection.begin();
}

/** Sorts those being answered into who takes his answer and who does not. */
function lookAtAnswers(inside: Inside, nowMs: number): void {
	const { budget } = inside;
	inside.lookedMs = nowMs;
	for (const connection of [...budget.busy(), ...budget.stalled()]) connection.checkStall();
}

/**
 * @param found what listeners leave unread in the kernel, by peer. Those who are not in it leave nothing.
 * @returns whether any of them has stalled.
 */
function lookAtListeners(found: ReadonlyMap<string, number>, { budget, clock }: Inside): boolean {
	const nowMs = clock.monoMs();
	// Looked at before an address is made into text: nearly all listeners leave nothing.
	const ports = new Uint8Array(65_536);
	for (const peer of found.keys()) ports[Number.parseInt(peer.slice(-4), 16)] = 1;
	let isAnyStalled = false;
	for (const connection of budget.all()) isAnyStalled = connection.lookAtUnread(found, ports, nowMs) || isAnyStalled;
	return isAnyStalled;
}

/** Listens with a shared port where the system has that; elsewhere worker 0 listens alone. @returns whether it is shared. */
async function listen(server: Server, options: DoorOptions): Promise<boolean> {
	const { host, port, worker } = options;
	const attempt = (reusePort: boolean) =>
		new Promise<void>((resolve, reject) => {
			server.once("error", reject);
			server.listen({ host, port, backlog: BACKLOG, reusePort, exclusive: true }, () => {
				server.off("error", reject);
				resolve();
			});
		});
	try {
		try {
			await attempt(true);
			return true;
		} catch (cause) {
			const { code } = cause as NodeJS.ErrnoException;
			if (code !== "ENOTSUP" && code !== "EINVAL") throw cause;
			if (worker === 0) await attempt(false);
			return false;
		}
	} catch (cause) {
		const { code } = cause as NodeJS.ErrnoException;
		throw new EdgeError("port_taken", `Cannot open the public door on ${host}:${port}: the system says ${code}`, {
			cause,
		});
	}
}
