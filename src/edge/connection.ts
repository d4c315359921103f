import type { Server as HttpServer } from "node:http";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { type Clock, type MonoMs, resetNow } from "#base/index.ts";
import type { Objects } from "#objects/index.ts";
import {
	type ClientAddress,
	type ConnectionBudget,
	type ConnectionState,
	type Neighbours,
	parseAddress,
} from "#shield/index.ts";
import type { EdgeEvents, RefusalReason } from "./events.ts";
import { clientOf, type ProxyTrust } from "./forwarded.ts";
import { HEAD_BYTES_MAX, HEAD_REFUSALS, HeadReader, type HeadRefusal, type RequestHead } from "./head.ts";
import type { Listener, PushStream, Sink } from "./listeners.ts";
import { ProxyHeaderReader } from "./proxy-protocol.ts";
import type { Answer } from "./replies.ts";
import { Representation } from "./response.ts";
import type { Serve } from "./serve.ts";
import { peerOfSocket } from "./socket-queues.ts";
import type { TlsFront } from "./tls.ts";

/** What a client may send ahead while it is being answered. Beyond it nothing is read until the answer is out. */
const AHEAD_BYTES_MAX = HEAD_BYTES_MAX;

/** What a listener may send while it listens: nothing has a meaning there. Beyond it the connection is cut. */
const CHATTER_BYTES_MAX = 4_096;

/** Files being sent at once; each holds a descriptor, which a connection then cannot have. */
const FILES_MAX = 1_000;

/** What a connection has of the door it came through. */
export type Inside = {
	readonly connectionsMax: number;
	/** Absent: plain HTTP. */
	readonly tls?: TlsFront | undefined;
	readonly proxy: ProxyTrust;
	readonly clock: Clock;
	readonly objects: Objects;
	readonly serve: Serve;
	readonly cold: HttpServer;
	readonly events: EdgeEvents;
	readonly budget: ConnectionBudget<Connection>;
	readonly neighbours: Neighbours;
	openFiles: number;
	/** When it was last looked at whether answers are taken. */
	lookedMs: number;
	/** Somebody listens: begins to watch whether he takes what he gets. */
	readonly watch: () => void;
};

/**
 * One connection: reads heads, does what they ask for, in the order they came.
 *
 * - ARRIVING: what comes before HTTP: a proxy's header, then the TLS handshake. It shares the patience of a head.
 * - WAITING: for bytes; they go into the head reader.
 * - READING: what was read is looked at, request by request.
 * - BUSY: one request is being answered; what comes meanwhile waits, up to AHEAD_BYTES_MAX.
 * - LISTENING: a push stream writes to it; it closes with that.
 * - COLD: node:http has it.
 * - CLOSING: its last answer is on the way; what it sends is thrown away.
 */
export class Connection implements Sink {
	/** The TCP connection. */
	readonly #transport: Socket;
	/** Where HTTP is spoken: the same, or the stream inside TLS. */
	#socket: Socket;
	readonly #inside: Inside;
	/** Who is there: the peer, or whom a trusted proxy names. */
	#client: string;
	/** Whose limits it is charged to; none for this machine's own and for those of a proxy that carries many. */
	#address: ClientAddress | undefined;
	#suspect = false;
	#mode: "arriving" | "waiting" | "reading" | "busy" | "listening" | "cold" | "closing" = "arriving";
	#reader: HeadReader | undefined = new HeadReader();
	#listening: { readonly stream: PushStream; readonly listener: Listener } | undefined;
	/** It waits for what is about to exist. */
	#held: { leave: () => void } | undefined;
	#file: Readable | undefined;
	#chatterBytes = 0;
	/** Its first request is incomplete: its address is charged for that. */
	#unfinished = true;
	/** What it had not taken of its answer at the last look. */
	#waitingBytes = 0;
	#advancing = false;
	/** The client has said that it sends nothing more. */
	#clientEnded = false;

	constructor(socket: Socket, client: string, address: ClientAddress | undefined, inside: Inside) {
		this.#transport = socket;
		this.#socket = socket;
		this.#inside = inside;
		this.#client = client;
		this.#address = address;
		socket.on("error", ignore);
		socket.on("close", this.#onClose);
	}

	/** Starts reading, unless it has been dropped meanwhile. */
	begin(): void {
		if (this.#transport.destroyed) return;
		const { proxy } = this.#inside;
		this.#considerSuspect();
		if (proxy.mode !== "proxy_v2") return this.#speak(undefined);
		if (!proxy.trusted.has(this.#client)) return this.drop("proxy_untrusted");
		const reader = new ProxyHeaderReader();
		const onHeader = (chunk: Buffer) => {
			reader.push(chunk);
			const result = reader.read();
			if (result.kind === "incomplete") return;
			this.#transport.off("data", onHeader);
			if (result.kind === "refused") return this.drop("proxy_header");
			if (result.client !== undefined && !this.#isFor(result.client)) return;
			this.#speak(result.rest);
		};
		this.#transport.on("data", onHeader);
	}

	/** A trusted proxy names whom it brings: his limits apply. @returns whether he may stay. */
	#isFor(client: string): boolean {
		const { neighbours, clock } = this.#inside;
		this.#client = client;
		const address = limitedAddress(client);
		const refusal = address && neighbours.admit(address, clock.monoMs());
		if (refusal) {
			this.drop(refusal);
			return false;
		}
		this.#address = address;
		this.#considerSuspect();
		return true;
	}

	/** Whose connection was evicted before goes before others that are unfinished. */
	#considerSuspect(): void {
		const { neighbours, budget, clock } = this.#inside;
		if (!this.#address || !neighbours.isSuspect(this.#address, clock.monoMs())) return;
		this.#suspect = true;
		budget.suspect(this);
	}

	/** HTTP begins, inside TLS where this door has that. @param first bytes that came with a proxy's header. */
	#speak(first: Buffer | undefined): void {
		const { tls } = this.#inside;
		if (tls) {
			if (first?.length) {
				// Flowing, it would give them to nobody.
				this.#transport.pause();
				this.#transport.unshift(first);
			}
			this.#socket = tls.secure(this.#transport);
			this.#socket.on("error", ignore);
		}
		this.#mode = "waiting";
		this.#socket.on("data", this.#onData);
		this.#socket.on("end", this.#onEnd);
		if (!tls && first?.length) this.#onData(first);
	}

	/** Who asks: where proxies say it in each request, one connection of theirs carries those of many. */
	#clientOf(head: RequestHead): string {
		const { proxy } = this.#inside;
		if (proxy.mode === "direct" || proxy.mode === "proxy_v2" || !proxy.trusted.has(this.#client)) return this.#client;
		const value = proxy.mode === "forwarded" ? head.forwarded : head.xForwardedFor;
		return clientOf(proxy.mode, value, proxy.trusted) ?? this.#client;
	}

	// Sink, for the push stream.

	write(bytes: Buffer): void {
		this.#socket.write(bytes);
	}

	get unreadBytes(): number {
		return this.#socket.writableLength;
	}

	end(last: Buffer | undefined): void {
		this.#listening = undefined;
		if (last) this.#socket.write(last);
		this.#finish();
	}

	cut(reason: "slow" | "hole"): void {
		this.#listening = undefined;
		this.drop(reason === "slow" ? "slow_reader" : "hole");
	}

	// For the door.

	/** Closes at once, whatever is unsent. `undefined`: not its fault, not counted. */
	drop(reason: RefusalReason | undefined): void {
		if (this.#transport.destroyed) return;
		if (reason) this.#inside.events.refused(reason);
		this.#finished();
		this.#inside.budget.remove(this);
		// With a reset the kernel forgets what it still holds for a client who does not read; otherwise his closed window
		// keeps it for minutes. And a listener whose stream has no length knows that this is not its end.
		const mayHoldBytes = this.#mode === "busy" || this.#mode === "listening" || this.#mode === "closing";
		if (reason === "slow_reader" || (reason === "evicted" && mayHoldBytes) || this.#mode === "listening")
			resetNow(this.#transport);
		else this.#transport.destroy();
	}

	expire(state: ConnectionState): void {
		if (this.#transport.bytesRead > 0) this.suspect();
		switch (state) {
			case "head":
				// A connection that never sent a byte (a browser's spare one) is closed without a word.
				if (!this.#reader || this.#reader.heldBytes === 0) {
					const hasBegun = this.#reader && this.#transport.bytesRead > 0;
					return this.drop(hasBegun ? "slow_handshake" : undefined);
				}
				this.#inside.events.refused("slow_head");
				return this.#refuse(408, "The request head was not complete in time.");
			case "body":
				return this.drop("slow_body");
			case "stalled":
				return this.drop("slow_reader");
			default:
				return this.drop(undefined);
		}
	}

	/** Looks whether a client takes its answer. Of a listener only its stream knows. */
	checkStall(): void {
		if (this.#mode === "listening") return;
		const unread = this.#socket.writableLength;
		this.#move(unread > 0 && unread === this.#waitingBytes ? "stalled" : "busy");
		this.#waitingBytes = unread;
	}

	/**
	 * Looks whether a listener hears what is written to him. One who does not is written nothing more, and is the first
	 * to go.
	 *
	 * @returns whether he has stalled.
	 */
	lookAtUnread(found: ReadonlyMap<string, number>, ports: Uint8Array, nowMs: MonoMs): boolean {
		if (!this.#listening) return false;
		const { stream, listener } = this.#listening;
		const { remoteAddress, remotePort = 0 } = this.#transport;
		const { writableLength } = this.#socket;
		const isThere = ports[remotePort] === 1 && remoteAddress !== undefined;
		if (!isThere && writableLength === 0 && !listener.stalled) return false;
		const queuedBytes = (isThere && found.get(peerOfSocket(remoteAddress, remotePort) ?? "")) || 0;
		const hasStalled = stream.takeUnread(listener, queuedBytes + writableLength, nowMs);
		this.#move(hasStalled ? "stalled" : "admitted");
		return hasStalled;
	}

	/** It goes for somebody else, or has run out of time: that speaks against its address, unless all it wanted was done. */
	suspect(): void {
		const { neighbours, clock } = this.#inside;
		const isDone = this.#mode === "waiting" && !this.#unfinished && this.#reader?.heldBytes === 0;
		if (this.#address && !isDone && this.#mode !== "closing") neighbours.suspect(this.#address, clock.monoMs());
	}

	get holdsFile(): boolean {
		return this.#file !== undefined;
	}

	#onData = (chunk: Buffer): void => {
		switch (this.#mode) {
			case "waiting":
				this.#reader?.push(chunk);
				this.#mode = "reading";
				return this.#advance();
			case "busy":
				this.#reader?.push(chunk);
				if ((this.#reader?.heldBytes ?? 0) > AHEAD_BYTES_MAX) this.#socket.pause();
				return;
			case "listening":
				this.#chatterBytes += chunk.length;
				if (this.#chatterBytes > CHATTER_BYTES_MAX) this.drop("talkative_listener");
				return;
			default:
		}
	};

	/** A bug of ours that this connection has found. */
	#fail(error: unknown): void {
		this.#inside.events.failed(error);
		this.drop(undefined);
	}

	#onEnd = (): void => {
		this.#clientEnded = true;
		// A client that still waits for an answer gets it; one that listens has gone.
		if (this.#mode === "waiting") this.#socket.end();
		else if (this.#mode === "listening") this.drop(undefined);
	};

	#onClose = (): void => {
		this.#finished();
		this.#inside.budget.remove(this);
		if (this.#listening) this.#listening.stream.leave(this.#listening.listener);
		this.#listening = undefined;
		this.#held?.leave();
		this.#held = undefined;
		this.#file?.destroy();
		this.#reader = undefined;
	};

	/** Answers what has been read, request by request, until one is incomplete or takes its time. */
	#advance(): void {
		if (this.#advancing) return;
		this.#advancing = true;
		try {
			while (this.#mode === "reading" && this.#reader) this.#readOne(this.#reader);
		} catch (error) {
			this.#fail(error);
		} finally {
			this.#advancing = false;
		}
	}

	#readOne(reader: HeadReader): void {
		const result = reader.read();
		if (result.kind === "incomplete") {
			this.#move(reader.heldBytes > 0 ? "head" : "idle");
			this.#mode = "waiting";
			return;
		}
		if (result.kind === "refused") return this.#refuseHead(result.refusal);
		this.#mode = "busy";
		this.#waitingBytes = 0;
		this.#move("busy");
		const answer = this.#inside.serve(result.head, this.#clientOf(result.head));
		// Its body is as incomplete as its head was.
		if (answer.kind === "cold") return this.#handOver(reader);
		this.#finished();
		reader.take(result.bytes);
		this.#perform(answer);
	}

	#perform(answer: Answer): void {
		switch (answer.kind) {
			case "bytes":
				return this.#send(answer.bytes, answer.close);
			case "push":
				return this.#listen(answer);
			case "object":
				return this.#stream(answer);
			case "later":
				answer.answer
					.then((settled) => this.#socket.destroyed || this.#perform(settled))
					.catch((error) => this.#fail(error));
				return;
			case "held":
				return this.#hold(answer);
			case "cold":
				throw new Error("a request for node:http came out of a promise");
		}
	}

	#send(bytes: readonly Buffer[], close: boolean): void {
		const socket = this.#socket;
		if (bytes.length > 1) socket.cork();
		for (const piece of bytes) socket.write(piece);
		if (bytes.length > 1) socket.uncork();
		this.#answered(close);
	}

	/** The answer has been given to the socket: goes on once the socket has given it to the kernel. */
	#answered(close: boolean): void {
		if (close || (this.#clientEnded && this.#reader?.heldBytes === 0)) return this.#finish();
		if (this.#socket.writableNeedDrain) {
			this.#socket.once("drain", () => this.#answered(false));
			return;
		}
		this.#taken();
		this.#mode = "reading";
		if (this.#socket.isPaused()) this.#socket.resume();
		this.#advance();
	}

	/** The kernel has all of an answer: whatever was held against its address is not any more. */
	#taken(): void {
		if (!this.#suspect || !this.#address) return;
		this.#suspect = false;
		this.#inside.neighbours.trust(this.#address);
	}

	/** Stays BUSY until what the request is for is there. */
	#hold({ held, part, answer }: Extract<Answer, { kind: "held" }>): void {
		const wake = (late: boolean) => {
			this.#held = undefined;
			try {
				this.#perform(answer(late));
			} catch (error) {
				this.#fail(error);
			}
		};
		const waiter = { part, sinceMs: this.#inside.clock.monoMs(), wake };
		held.hold(waiter);
		this.#held = { leave: () => held.leave(waiter) };
	}

	#listen(answer: Extract<Answer, { kind: "push" }>): void {
		const { opening, stream, chunked, nextPart } = answer;
		this.#mode = "listening";
		this.#move("admitted");
		this.#reader = undefined;
		this.#socket.write(opening);
		const listener: Listener = stream.join(this, { chunked, nextPart, nowMs: this.#inside.clock.monoMs() });
		this.#listening = { stream, listener };
		this.#inside.watch();
	}

	#stream(answer: Extract<Answer, { kind: "object" }>): void {
		const { head, key, from, to, close } = answer;
		const inside = this.#inside;
		if (!hasRoomForFile(inside, this.#suspect)) {
			inside.events.refused("objects_busy");
			return this.#refuse(503, "Too many recordings are being read at once. Try again in a few seconds.");
		}
		const socket = this.#socket;
		socket.write(head);
		const file = inside.objects.stream(key, from, to);
		this.#file = file;
		inside.openFiles += 1;
		file.on("close", () => {
			inside.openFiles -= 1;
		});
		let sentBytes = 0;
		file.on("data", (piece: Buffer) => {
			sentBytes += piece.length;
			if (socket.write(piece)) return;
			file.pause();
			socket.once("drain", () => file.resume());
		});
		file.on("error", (error) => {
			inside.events.objectFailed(key, error);
			// The length has been promised: only a cut tells the client that it did not get all.
			this.drop(undefined);
		});
		file.on("end", () => {
			this.#file = undefined;
			if (sentBytes !== to - from) return this.drop(undefined);
			this.#answered(close);
		});
	}

	#handOver(reader: HeadReader): void {
		const socket = this.#socket;
		this.#mode = "cold";
		this.#move("body");
		this.#reader = undefined;
		socket.off("data", this.#onData);
		socket.unshift(reader.take(reader.heldBytes));
		this.#inside.cold.emit("connection", socket);
	}

	#refuseHead(refusal: HeadRefusal): void {
		this.#inside.events.refused("malformed_head");
		const [status, sentence] = HEAD_REFUSALS[refusal];
		this.#refuse(status, sentence);
	}

	#refuse(status: number, sentence: string): void {
		const { clock } = this.#inside;
		const body = new Representation(Buffer.from(`${sentence}\n`), {
			status,
			type: "text/plain; charset=utf-8",
			cacheControl: "no-store",
		});
		const wish = { headOnly: false, close: true, unixMs: clock.unixMs(), ifNoneMatch: "", acceptEncoding: "" };
		for (const piece of body.answer(wish)) this.#socket.write(piece);
		this.#finish();
	}

	/**
	 * Sends what is waiting, then says that nothing follows; what the client still sends is read and thrown away
	 * for a while. Closing with unread bytes would reset the connection and take the answer with it (RFC 9112 §9.6).
	 */
	#finish(): void {
		this.#mode = "closing";
		this.#reader = undefined;
		this.#socket.end(() => {
			this.#taken();
			this.#move("closing");
		});
		if (this.#socket.isPaused()) this.#socket.resume();
	}

	#move(state: ConnectionState): void {
		const { budget, clock } = this.#inside;
		budget.move(this, state, clock.monoMs());
	}

	/** It has shown what it wants, or is gone: its address is no longer charged for it. */
	#finished(): void {
		if (!this.#unfinished) return;
		this.#unfinished = false;
		if (this.#address) this.#inside.neighbours.finished(this.#address);
	}
}

/**
 * Whether a file may be opened: there is room, or who has stalled longest over one gives his up for it; not for a suspect,
 * as who asks for large answers and does not read them would have us read them from the disk again and again.
 */
function hasRoomForFile(inside: Inside, isSuspect: boolean): boolean {
	const { budget, connectionsMax } = inside;
	if (inside.openFiles < Math.min(FILES_MAX, connectionsMax / 4, connectionsMax - budget.count)) return true;
	if (isSuspect) return false;
	for (const connection of budget.stalled()) {
		if (!connection.holdsFile) continue;
		connection.suspect();
		connection.drop("evicted");
		return true;
	}
	return false;
}

/** Whose limits apply to a connection. None to this machine itself: there it is a proxy that connects. */
export function limitedAddress(client: string): ClientAddress | undefined {
	return OWN_ADDRESSES.has(client) ? undefined : parseAddress(client);
}
const OWN_ADDRESSES = new Set(["127.0.0.1", "::1"]);

function ignore(): void {}
