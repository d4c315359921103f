import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { copyFile, readdir, rm, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, everyMs } from "#base/index.ts";

/** A log is moved to `<name>.old.log` beyond this; so one process holds at most about twice as much. */
const LOG_BYTES_MAX = 5 * 2 ** 20;
/** Logs kept, the newest; interviews come and go. */
const LOG_FILES_MAX = 200;
const LOOK_EVERY_MS = 300;
/** Read for showing at each look; what is beyond it is only in the file. */
const SHOWN_BYTES_MAX = 16 * 2 ** 10;

export type LogFiles = {
	/** A descriptor at the end of `<name>.log`, for a child's standard output and error; the child gets a copy of it. */
	open(name: string): number;
	/** Shows what `name` has written since the last look, and stops looking if it has ended. */
	look(name: string, ended: boolean): void;
	[Symbol.dispose](): void;
};

type OpenLog = {
	readonly name: string;
	readonly path: string;
	readonly fd: number;
	shownBytes: number;
	moving: boolean;
};

/**
 * Children write their logs straight into files, so that none ever waits for us to read them, and what they say
 * last is there even if we are gone. We look into the files now and then and show what matters.
 *
 * @param show called with each line that is a warning, an error or not one of our log's at all.
 */
export async function openLogFiles(
	directory: string,
	{ clock, show }: { clock: Clock; show: (process: string, line: string) => void },
): Promise<LogFiles> {
	const open = new Map<string, OpenLog>();
	await removeOldest(directory);

	const look = (log: OpenLog) => {
		const { size } = fstatSync(log.fd);
		if (size < log.shownBytes) log.shownBytes = 0;
		if (size > log.shownBytes) {
			const bytes = Buffer.alloc(Math.min(size - log.shownBytes, SHOWN_BYTES_MAX));
			const read = readSync(log.fd, bytes, 0, bytes.length, log.shownBytes);
			const skipped = size - log.shownBytes - read;
			log.shownBytes = size;
			for (const line of bytes.toString("utf8", 0, read).split("\n")) {
				if (isWorthShowing(line)) show(log.name, line);
			}
			if (skipped > 0) show(log.name, `… ${skipped} bytes more in ${log.path}`);
		}
		if (size > LOG_BYTES_MAX && !log.moving) {
			log.moving = true;
			// The child goes on writing at the end, wherever that is: O_APPEND. Lines between copy and cut are lost.
			void copyFile(log.path, log.path.replace(/\.log$/, ".old.log"))
				.then(() => truncate(log.path))
				.catch(() => {})
				.finally(() => {
					log.moving = false;
				});
		}
	};
	const timer = everyMs(clock, LOOK_EVERY_MS, () => {
		for (const log of open.values()) look(log);
	});
	const close = (log: OpenLog) => {
		look(log);
		closeSync(log.fd);
		open.delete(log.name);
	};
	return {
		open(name) {
			const known = open.get(name);
			if (known) return known.fd;
			const path = join(directory, `${name}.log`);
			const fd = openOrNowhere(path);
			open.set(name, { name, path, fd, shownBytes: fstatSync(fd).size, moving: false });
			return fd;
		},
		look(name, ended) {
			const log = open.get(name);
			if (!log) return;
			if (ended) close(log);
			else look(log);
		},
		[Symbol.dispose]() {
			timer[Symbol.dispose]();
			for (const log of [...open.values()]) close(log);
		},
	};
}

/** A full disk must not keep a process from being started: its words are lost then. */
function openOrNowhere(path: string): number {
	try {
		return openSync(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, 0o600);
	} catch {
		return openSync("/dev/null", "r+");
	}
}

/** Our own log lines say their level; PostgreSQL's do in words; anything else is a crash or a library's complaint. */
function isWorthShowing(line: string): boolean {
	if (line.trim() === "") return false;
	if (line.startsWith('{"at":')) return /^\{"at":"[^"]*","level":"(warn|error)"/.test(line);
	if (/^\d{4}-\d\d-\d\d .* \[\d+\] /.test(line)) {
		// It says so to us, who ask until it has started.
		return /\] (WARNING|ERROR|FATAL|PANIC): /.test(line) && !line.includes("the database system is starting up");
	}
	return true;
}

async function removeOldest(directory: string): Promise<void> {
	const names = (await readdir(directory)).filter((name) => name.endsWith(".log"));
	if (names.length <= LOG_FILES_MAX) return;
	const dated = await Promise.all(
		names.map(async (name) => ({ name, atMs: (await stat(join(directory, name))).mtimeMs })),
	);
	dated.sort((a, b) => b.atMs - a.atMs);
	for (const { name } of dated.slice(LOG_FILES_MAX)) await rm(join(directory, name), { force: true });
}
