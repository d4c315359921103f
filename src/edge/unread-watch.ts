import { accessSync, readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { type Clock, everyMs } from "#base/index.ts";
import type { EdgeEvents } from "./events.ts";
import { SCAN_EVERY_MS, type UnreadFound, type UnreadTask } from "./unread-scan.ts";

/** Shorter queues are on their way: what a listener of the data saver gets in three beats is more. */
const QUEUE_BYTES_MIN = 4_096;
/** Memory of the thread, megabytes; it needs three. */
const THREAD_MB = { maxOldGenerationSizeMb: 24, maxYoungGenerationSizeMb: 4 };
/** The default of net.ipv4.tcp_wmem's last value lets the kernel take megabytes for a listener who hears nothing. */
const SEND_BUFFER_BYTES_MAX = 262_144;

/**
 * Watches what the listeners on `port` leave unread; `on` gets all that do, whenever that was looked at, and answers
 * whether anybody has stalled: then it is looked at again soon, so that who reads again is written to again.
 */
export type WatchUnread = (port: number, on: (found: ReadonlyMap<string, number>) => boolean) => Disposable;

/**
 * `socket.writableLength` stays 0 until the kernel's own queue is full, and that may hold minutes of sound. So its
 * length is read from /proc/net/tcp and tcp6, in a thread. Where there is no /proc, only what waits in this process
 * counts, and a listener is found later; that is said once.
 */
export function createUnreadWatch(options: {
	readonly clock: Clock;
	readonly events: EdgeEvents;
	readonly connectionsMax: number;
}): WatchUnread {
	const { clock, events, connectionsMax } = options;
	return (port, on) => {
		const tables = ["/proc/net/tcp", "/proc/net/tcp6"].filter(isReadable);
		const without = (error?: unknown) => {
			events.socketQueuesUnknown(error);
			return everyMs(clock, SCAN_EVERY_MS, () => on(NONE));
		};
		if (tables.length === 0 || !isReadable("/proc/net/sockstat")) return without();
		warnOfSendBuffers(events);
		const task: UnreadTask = { port, tables, bytesMin: QUEUE_BYTES_MIN, peersMax: connectionsMax };
		const thread = new Worker(new URL("unread-thread.ts", import.meta.url), {
			workerData: task,
			resourceLimits: THREAD_MB,
		});
		let instead: Disposable | undefined;
		thread.on("message", (found: UnreadFound) => thread.postMessage(on(new Map(found))));
		thread.on("error", (error) => {
			instead = without(error);
		});
		thread.unref();
		return {
			[Symbol.dispose]() {
				instead?.[Symbol.dispose]();
				void thread.terminate();
			},
		};
	};
}

const NONE: ReadonlyMap<string, number> = new Map();

function isReadable(path: string): boolean {
	try {
		accessSync(path);
		return true;
	} catch {
		return false;
	}
}

function warnOfSendBuffers(events: EdgeEvents): void {
	const text = readIfThere("/proc/sys/net/ipv4/tcp_wmem");
	const bytes = Number(/(\d+)\s*$/.exec(text)?.[1] ?? 0);
	if (bytes > SEND_BUFFER_BYTES_MAX) events.sendBuffersLarge(bytes, SEND_BUFFER_BYTES_MAX);
}

function readIfThere(path: string): string {
	try {
		return readFileSync(path, "latin1");
	} catch {
		return "";
	}
}
