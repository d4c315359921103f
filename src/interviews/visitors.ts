import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type Clock, everyMs, type Random, resetNow } from "#base/index.ts";
import { type ClientAddress, ConnectionBudget, Neighbours, type Patience, parseAddress } from "#shield/index.ts";
import { refusal } from "./errors.ts";
import type { InterviewEvents } from "./events.ts";
import { problemMessage } from "./problems.ts";
import type { Ctx } from "./requests.ts";

/** Who has shown no right has this long for handshake and request, and then one answer. */
const VISITOR_PATIENCE: Patience = { head: 2_000, body: 2_000, idle: 2_000, stalled: 5_000, closing: 1_000 };
/** A visitor who takes nothing of his answer from one look to the next is stalled. */
const TICK_MS = 250;
/** When there is no room it is looked at sooner. */
const LOOK_AGAIN_MS = 50;

/** How a request shows that its connection belongs here. */
const rights = new WeakMap<IncomingMessage, () => void>();

/**
 * The one who asks has shown a right: a session, or a seat's token. From now on his connection is his for as long as
 * he keeps it, whoever else comes.
 */
export function hasShownRight(c: Ctx): void {
	const request = c.env?.incoming;
	if (request) rights.get(request)?.();
}

class Visitor {
	/** The TCP connection. */
	readonly transport: Socket;
	/** Where HTTP is spoken: the same, or the stream inside TLS; undefined until the handshake is done. */
	socket: Socket | undefined;
	/** Whose limits it is charged to. */
	readonly address: ClientAddress | undefined;
	isUnfinished = true;
	isAdmitted = false;
	/** What it had not taken at the last look. */
	waitingBytes = 0;

	constructor(transport: Socket, address: ClientAddress | undefined) {
		this.transport = transport;
		this.address = address;
	}
}

/**
 * Keeps the staff door open for staff: a connection without a right gets one answer and 2 s; when there is no room the
 * one that costs least goes (see `ConnectionBudget`), and never one that has shown a right.
 *
 * @param connectionsMax at once, staff and visitors together.
 */
export function watchVisitors(
	server: Server,
	options: {
		readonly clock: Clock;
		readonly random: Random;
		readonly events: InterviewEvents;
		readonly connectionsMax: number;
		readonly isTls: boolean;
	},
): Disposable {
	const { clock, random, events, connectionsMax, isTls } = options;
	const budget = new ConnectionBudget<Visitor>(connectionsMax, VISITOR_PATIENCE);
	const neighbours = new Neighbours(random);
	/** By remote address and port: as many as there are connections. */
	const visitors = new Map<string, Visitor>();

	const finished = (visitor: Visitor) => {
		if (visitor.isUnfinished && visitor.address) neighbours.finished(visitor.address);
		visitor.isUnfinished = false;
	};
	const drop = (visitor: Visitor, code: string | undefined) => {
		if (code) events.refused(code);
		// Not one who has his answer and only has not gone yet.
		const isBad = visitor.isUnfinished || visitor.waitingBytes > 0;
		if (visitor.address && isBad) neighbours.suspect(visitor.address, clock.monoMs());
		budget.remove(visitor);
		// With a reset the kernel forgets what it still holds for one who does not read.
		resetNow(visitor.transport);
	};

	let lookedMs = 0;
	/** Sorts those being answered into who takes his answer and who does not. */
	const lookAtAnswers = () => {
		const nowMs = clock.monoMs();
		lookedMs = nowMs;
		for (const visitor of [...budget.busy(), ...budget.stalled()]) {
			const unread = visitor.socket?.writableLength ?? 0;
			budget.move(visitor, unread > 0 && unread === visitor.waitingBytes ? "stalled" : "busy", nowMs);
			visitor.waitingBytes = unread;
		}
	};

	server.on("connection", (transport: Socket) => {
		const { remoteAddress = "" } = transport;
		const address = OWN_ADDRESSES.has(remoteAddress) ? undefined : parseAddress(remoteAddress);
		const refused = address && neighbours.admit(address, clock.monoMs());
		if (refused) {
			events.refused(refused);
			resetNow(transport);
			return;
		}
		const visitor = new Visitor(transport, address);
		const key = keyOf(transport);
		if (!isTls) visitor.socket = transport;
		visitors.set(key, visitor);
		transport.once("close", () => {
			finished(visitor);
			budget.remove(visitor);
			if (visitors.get(key) === visitor) visitors.delete(key);
		});
		const isFull = budget.count >= connectionsMax;
		if (isFull && budget.isTight && clock.monoMs() - lookedMs >= LOOK_AGAIN_MS) lookAtAnswers();
		const dropped = budget.admit(visitor, clock.monoMs());
		if (dropped) drop(dropped, dropped === visitor ? "full" : "evicted");
		if (address && neighbours.isSuspect(address, clock.monoMs())) budget.suspect(visitor);
	});
	server.on("secureConnection", (socket: Socket) => {
		const visitor = visitors.get(keyOf(socket));
		if (visitor) visitor.socket = socket;
	});
	// Before the app's own: what it says of the answer must hold when the app begins to write it.
	server.prependListener("request", (request: IncomingMessage, response: ServerResponse) => {
		const visitor = visitors.get(keyOf(request.socket));
		if (!visitor || visitor.isAdmitted) return;
		const move = (state: "body" | "busy" | "closing" | "admitted") => {
			if (!visitor.isAdmitted) budget.move(visitor, state, clock.monoMs());
		};
		const wasWhole = request.complete || !hasBody(request);
		if (wasWhole) finished(visitor);
		move(wasWhole ? "busy" : "body");
		request.once("end", () => {
			finished(visitor);
			move("busy");
		});
		response.once("finish", () => move("closing"));
		const { shouldKeepAlive } = response;
		response.shouldKeepAlive = false;
		rights.set(request, () => {
			if (visitor.isAdmitted) return;
			finished(visitor);
			if (visitor.address) neighbours.trust(visitor.address);
			move("admitted");
			visitor.isAdmitted = true;
			if (!response.headersSent) response.shouldKeepAlive = shouldKeepAlive;
		});
	});

	const ticking = everyMs(clock, TICK_MS, () => {
		const nowMs = clock.monoMs();
		for (const [visitor, state] of [...budget.expired(nowMs)]) {
			const { socket } = visitor;
			if (state !== "head" || !socket || socket.bytesRead === 0) {
				// Who never said a word is closed without one.
				drop(visitor, state === "closing" || visitor.transport.bytesRead === 0 ? undefined : "too_slow");
				continue;
			}
			events.refused("too_slow");
			if (visitor.address) neighbours.suspect(visitor.address, nowMs);
			budget.move(visitor, "closing", nowMs);
			socket.end(problemMessage(refusal("too_slow", "The request did not arrive in time. Send it again.")));
		}
		lookAtAnswers();
	});
	return ticking;
}

/** This machine itself has no limits: there it is a proxy that connects. */
const OWN_ADDRESSES = new Set(["127.0.0.1", "::1", "::ffff:127.0.0.1"]);

function keyOf({ remoteAddress, remotePort }: Socket): string {
	return `${remoteAddress} ${remotePort}`;
}

/** RFC 9112 §6.3: a request without either of these has no body. */
function hasBody({ headers }: IncomingMessage): boolean {
	return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}
