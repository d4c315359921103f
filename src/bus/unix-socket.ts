import { chmod, rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { type Clock, FrameReader, frame, type Log, type MonoMs, pauseMs } from "#base/index.ts";
import type { Bus } from "./bus.ts";
import { timerOf } from "./local.ts";
import { decodeMessage, encodeMessage, type Line, LineClient, type Message, Switchboard } from "./switchboard.ts";

/** Largest message. A minute of tail for one edge is about 1 MB; the past beyond that is read from `objects`. */
const FRAME_BYTES_MAX = 16 * 2 ** 20;
/** Bytes a client may leave unread in the hub before it is cut; it reconnects and asks for what it missed. */
const UNREAD_BYTES_MAX = 32 * 2 ** 20;
const RECONNECT_AFTER_MS = 50;

/**
 * The hub of a machine's bus on a Unix socket that only this user may open. Runs in the supervisor.
 *
 * @param path at most 107 bytes (`sun_path` of unix(7)); an old socket file there is replaced.
 */
export async function openHub(path: string, options: { log: Log }): Promise<AsyncDisposable> {
	const switchboard = new Switchboard();
	const sockets = new Set<Socket>();
	const server = createServer((socket) => {
		sockets.add(socket);
		const line: Line = {
			send(message) {
				if (socket.destroyed) return;
				writeMessage(socket, message);
				if (socket.writableLength > UNREAD_BYTES_MAX) {
					options.log("warn", "bus.client_cut", { unreadBytes: socket.writableLength });
					socket.destroy();
				}
			},
		};
		readMessages(socket, (message) => switchboard.accept(line, message), options.log);
		socket.on("close", () => {
			sockets.delete(socket);
			switchboard.remove(line);
		});
	});
	await rm(path, { force: true });
	await new Promise<void>((resolve, reject) => server.once("error", reject).listen(path, resolve));
	await chmod(path, 0o600);
	return {
		async [Symbol.asyncDispose]() {
			for (const socket of sockets) socket.destroy();
			await new Promise((resolve) => server.close(resolve));
		},
	};
}

/** A client of `openHub`'s socket. Reconnects by itself until disposed; the first connection is awaited for `connectWithinMs`. */
export async function connectBus(
	path: string,
	options: { clock: Clock; log: Log; connectWithinMs: number },
): Promise<Bus> {
	const { clock, log } = options;
	const onConnect = new Set<() => void>();
	let socket: Socket | undefined;
	let closing = false;
	const client = new LineClient((message) => {
		if (!socket) return false;
		writeMessage(socket, message);
		return true;
	}, timerOf(clock));

	const dial = () =>
		new Promise<void>((resolve, reject) => {
			const attempt = connect(path);
			attempt.once("error", reject);
			attempt.once("connect", () => {
				attempt.off("error", reject);
				if (closing) {
					attempt.destroy();
					return resolve();
				}
				socket = attempt;
				client.announce();
				readMessages(attempt, (message) => client.take(message), log);
				attempt.on("close", () => {
					socket = undefined;
					client.disconnected();
					if (!closing) void redial();
				});
				for (const on of onConnect) on();
				resolve();
			});
		});
	const redial = async () => {
		while (!closing && !socket) {
			await pauseMs(clock, RECONNECT_AFTER_MS);
			await dial().catch(() => {});
		}
	};

	const giveUpMs = clock.monoMs() + options.connectWithinMs;
	for (;;) {
		try {
			await dial();
			break;
		} catch (cause) {
			if ((clock.monoMs() as MonoMs) >= giveUpMs) {
				throw new Error(`Cannot reach the platform's bus at ${path}: is it running?`, { cause });
			}
			await pauseMs(clock, RECONNECT_AFTER_MS);
		}
	}
	return {
		publish: (subject, payload) => client.publish(subject, payload),
		subscribe: (subject, on) => client.subscribe(subject, on),
		request: (subject, payload, requestOptions) => client.request(subject, payload, requestOptions),
		respond: (subject, answer) => client.respond(subject, answer),
		onConnect(on) {
			onConnect.add(on);
			if (socket) queueMicrotask(on);
			return { [Symbol.dispose]: () => onConnect.delete(on) };
		},
		get droppedCount() {
			return client.droppedCount;
		},
		async [Symbol.asyncDispose]() {
			closing = true;
			const open = socket;
			if (!open) return;
			await new Promise<void>((resolve) => {
				open.once("close", () => resolve());
				open.end();
			});
		},
	};
}

function writeMessage(socket: Socket, message: Message): void {
	const { head, payload } = encodeMessage(message);
	socket.write(frame(head, payload));
}

function readMessages(socket: Socket, take: (message: Message) => void, log: Log): void {
	const reader = new FrameReader(FRAME_BYTES_MAX);
	socket.on("error", () => {});
	socket.on("data", (chunk) => {
		try {
			for (const bytes of reader.push(chunk as Buffer)) take(decodeMessage(bytes));
		} catch (error) {
			if (!(error instanceof RangeError)) throw error;
			log("error", "bus.message_malformed", { error });
			socket.destroy();
		}
	});
}
