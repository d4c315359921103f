import { subjectMatches } from "./bus.ts";
import { BusError, type BusErrorCode } from "./errors.ts";

/** What travels between a client and the switchboard. `requestId` is the sender's own, unique among its open requests. */
export type Message =
	| { readonly op: "publish"; readonly subject: string; readonly payload: Uint8Array }
	| { readonly op: "subscribe" | "unsubscribe" | "respond" | "unrespond"; readonly subject: string }
	| { readonly op: "request"; readonly subject: string; readonly requestId: number; readonly payload: Uint8Array }
	| { readonly op: "reply"; readonly requestId: number; readonly payload: Uint8Array }
	| { readonly op: "refuse"; readonly requestId: number; readonly code: BusErrorCode; readonly payload: Uint8Array };

/** One connected client as the switchboard sees it. */
export type Line = { send(message: Message): void };

/** Requests open at once over all lines. One more is refused with `no_responder`. */
const OPEN_REQUESTS_MAX = 10_000;

/**
 * Routes messages between lines. Pure core: no socket, no timer. A request whose requester went away or gave
 * up is forgotten when its responder answers or leaves, or when `OPEN_REQUESTS_MAX` newer ones were opened.
 */
export class Switchboard {
	readonly #subscriptions = new Map<string, Set<Line>>();
	/** The newest responder is last. */
	readonly #responders = new Map<string, Line[]>();
	readonly #open = new Map<number, { from: Line; to: Line; requestId: number }>();
	#nextId = 1;

	accept(line: Line, message: Message): void {
		switch (message.op) {
			case "publish": {
				// Once to each line, which itself tells all of its subscriptions that match.
				const matching = new Set<Line>();
				for (const [pattern, lines] of this.#subscriptions) {
					if (subjectMatches(pattern, message.subject)) for (const to of lines) matching.add(to);
				}
				for (const to of matching) to.send(message);
				return;
			}
			case "subscribe": {
				const lines = this.#subscriptions.get(message.subject) ?? new Set();
				this.#subscriptions.set(message.subject, lines.add(line));
				return;
			}
			case "unsubscribe": {
				const lines = this.#subscriptions.get(message.subject);
				lines?.delete(line);
				if (lines?.size === 0) this.#subscriptions.delete(message.subject);
				return;
			}
			case "respond":
				this.#responders.set(message.subject, [
					...(this.#responders.get(message.subject) ?? []).filter((other) => other !== line),
					line,
				]);
				return;
			case "unrespond":
				this.#removeResponder(message.subject, line);
				return;
			case "request": {
				const to = this.#responders.get(message.subject)?.at(-1);
				if (!to || this.#open.size >= OPEN_REQUESTS_MAX) {
					const reason = to ? "too many requests are open" : `nobody answers "${message.subject}"`;
					line.send({ op: "refuse", requestId: message.requestId, code: "no_responder", payload: Buffer.from(reason) });
					return;
				}
				const id = this.#nextId;
				this.#nextId = (this.#nextId % 0x7fffffff) + 1;
				this.#open.set(id, { from: line, to, requestId: message.requestId });
				to.send({ ...message, requestId: id });
				return;
			}
			case "reply":
			case "refuse": {
				const open = this.#open.get(message.requestId);
				if (!open || open.to !== line) return;
				this.#open.delete(message.requestId);
				open.from.send({ ...message, requestId: open.requestId });
			}
		}
	}

	/** Forgets a line that closed; requests it had not answered are refused. */
	remove(line: Line): void {
		for (const [pattern, lines] of this.#subscriptions) {
			lines.delete(line);
			if (lines.size === 0) this.#subscriptions.delete(pattern);
		}
		for (const subject of [...this.#responders.keys()]) this.#removeResponder(subject, line);
		for (const [id, open] of this.#open) {
			if (open.from !== line && open.to !== line) continue;
			this.#open.delete(id);
			if (open.to !== line) continue;
			const payload = Buffer.from("the process that was to answer went away");
			open.from.send({ op: "refuse", requestId: open.requestId, code: "disconnected", payload });
		}
	}

	#removeResponder(subject: string, line: Line): void {
		const left = this.#responders.get(subject)?.filter((other) => other !== line) ?? [];
		if (left.length > 0) this.#responders.set(subject, left);
		else this.#responders.delete(subject);
	}
}

const OPS = ["publish", "subscribe", "unsubscribe", "respond", "unrespond", "request", "reply", "refuse"] as const;
const CODES: readonly BusErrorCode[] = ["no_responder", "timed_out", "refused", "disconnected"];
const EMPTY = new Uint8Array(0);

/** `[op u8][code u8][subject bytes u16][request id u32][subject][payload]`, big-endian. */
export function encodeMessage(message: Message): { head: Buffer; payload: Uint8Array } {
	const subject = "subject" in message ? Buffer.from(message.subject) : EMPTY;
	const head = Buffer.alloc(8 + subject.length);
	head[0] = OPS.indexOf(message.op);
	head[1] = "code" in message ? CODES.indexOf(message.code) : 0;
	head.writeUInt16BE(subject.length, 2);
	head.writeUInt32BE("requestId" in message ? message.requestId : 0, 4);
	head.set(subject, 8);
	return { head, payload: "payload" in message ? message.payload : EMPTY };
}

/** @throws RangeError when `bytes` is not a message. */
export function decodeMessage(bytes: Buffer): Message {
	const op = OPS[bytes[0] ?? 255];
	const subjectBytes = bytes.length >= 8 ? bytes.readUInt16BE(2) : 0;
	if (!op || bytes.length < 8 + subjectBytes) throw new RangeError("Cannot read a bus message: it is malformed");
	const requestId = bytes.readUInt32BE(4);
	const subject = bytes.toString("utf8", 8, 8 + subjectBytes);
	const payload = bytes.subarray(8 + subjectBytes);
	switch (op) {
		case "publish":
			return { op, subject, payload };
		case "request":
			return { op, subject, requestId, payload };
		case "reply":
			return { op, requestId, payload };
		case "refuse":
			return { op, requestId, code: CODES[bytes[1] ?? 0] ?? "refused", payload };
		default:
			return { op, subject };
	}
}

/** The client's half, whatever carries the messages. */
export class LineClient {
	readonly #send: (message: Message) => boolean;
	readonly #setTimer: (ms: number, then: () => void) => Disposable;
	readonly #subscriptions: { subject: string; on: (payload: Buffer, subject: string) => void }[] = [];
	readonly #responders = new Map<string, (payload: Buffer) => Uint8Array | Promise<Uint8Array>>();
	readonly #open = new Map<
		number,
		{ resolve: (payload: Buffer) => void; reject: (error: BusError) => void; timer: Disposable }
	>();
	#nextId = 1;
	droppedCount = 0;

	/** @param send returns false when there is no connection. */
	constructor(send: (message: Message) => boolean, setTimer: (ms: number, then: () => void) => Disposable) {
		this.#send = send;
		this.#setTimer = setTimer;
	}

	publish(subject: string, payload: Uint8Array): void {
		if (!this.#send({ op: "publish", subject, payload })) this.droppedCount += 1;
	}

	subscribe(subject: string, on: (payload: Buffer, subject: string) => void): Disposable {
		const entry = { subject, on };
		if (!this.#subscriptions.some((other) => other.subject === subject)) this.#send({ op: "subscribe", subject });
		this.#subscriptions.push(entry);
		return {
			[Symbol.dispose]: () => {
				const at = this.#subscriptions.indexOf(entry);
				if (at < 0) return;
				this.#subscriptions.splice(at, 1);
				if (!this.#subscriptions.some((other) => other.subject === subject)) this.#send({ op: "unsubscribe", subject });
			},
		};
	}

	request(subject: string, payload: Uint8Array, options: { readonly timeoutMs: number }): Promise<Buffer> {
		const requestId = this.#nextId;
		this.#nextId = (this.#nextId % 0x7fffffff) + 1;
		return new Promise((resolve, reject) => {
			const timer = this.#setTimer(options.timeoutMs, () => {
				this.#open.delete(requestId);
				reject(
					new BusError("timed_out", `Cannot wait longer for "${subject}": no answer within ${options.timeoutMs} ms`),
				);
			});
			this.#open.set(requestId, { resolve, reject, timer });
			if (!this.#send({ op: "request", subject, requestId, payload })) {
				this.#settle(requestId)?.reject(
					new BusError("disconnected", `Cannot ask "${subject}" as the bus is not connected`),
				);
			}
		});
	}

	respond(subject: string, answer: (payload: Buffer) => Uint8Array | Promise<Uint8Array>): Disposable {
		this.#responders.set(subject, answer);
		this.#send({ op: "respond", subject });
		return {
			[Symbol.dispose]: () => {
				if (this.#responders.get(subject) !== answer) return;
				this.#responders.delete(subject);
				this.#send({ op: "unrespond", subject });
			},
		};
	}

	/** Tells a new connection what this client listens to and answers. */
	announce(): void {
		for (const subject of new Set(this.#subscriptions.map((s) => s.subject))) this.#send({ op: "subscribe", subject });
		for (const subject of this.#responders.keys()) this.#send({ op: "respond", subject });
	}

	disconnected(): void {
		for (const requestId of [...this.#open.keys()]) {
			this.#settle(requestId)?.reject(
				new BusError("disconnected", "Cannot wait for an answer as the bus connection was lost"),
			);
		}
	}

	take(message: Message): void {
		switch (message.op) {
			case "publish": {
				const payload = asBuffer(message.payload);
				for (const { subject, on } of [...this.#subscriptions]) {
					if (subjectMatches(subject, message.subject)) on(payload, message.subject);
				}
				return;
			}
			case "request":
				void this.#answer(message.subject, message.requestId, asBuffer(message.payload));
				return;
			case "reply":
				this.#settle(message.requestId)?.resolve(asBuffer(message.payload));
				return;
			case "refuse":
				this.#settle(message.requestId)?.reject(new BusError(message.code, asBuffer(message.payload).toString("utf8")));
				return;
			default:
				throw new RangeError(`Cannot take "${message.op}" from the switchboard`);
		}
	}

	async #answer(subject: string, requestId: number, payload: Buffer): Promise<void> {
		try {
			const answer = this.#responders.get(subject);
			if (!answer) throw new BusError("no_responder", `nobody answers "${subject}" any more`);
			this.#send({ op: "reply", requestId, payload: await answer(payload) });
		} catch (error) {
			const text = Buffer.from(error instanceof Error ? error.message : String(error));
			this.#send({ op: "refuse", requestId, code: "refused", payload: text });
		}
	}

	#settle(requestId: number) {
		const open = this.#open.get(requestId);
		if (!open) return undefined;
		this.#open.delete(requestId);
		open.timer[Symbol.dispose]();
		return open;
	}
}

function asBuffer(bytes: Uint8Array): Buffer {
	return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
