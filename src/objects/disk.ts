import { createReadStream } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";

/** Keyed bytes: parts, recordings. Keys are `/`-separated words of `[A-Za-z0-9._-]`, made by us, never by strangers. */
export type Objects = {
	/** The whole object, or undefined when there is none. */
	read(key: string): Promise<Buffer | undefined>;
	sizeBytes(key: string): Promise<number | undefined>;
	/**
	 * Bytes from `from` up to `to` (exclusive) of an object that exists.
	 *
	 * @param chunkBytes read at a time: few for many readers at once, many to be done soon. Default CHUNK_BYTES.
	 */
	stream(key: string, from: number, to: number, chunkBytes?: number): Readable;
	/**
	 * Replaces the object in one step; when the promise settles it is on the disk (fsync). Fails as a whole: the
	 * object is then what it was. Pieces are written as they come, so an object may be larger than memory. Of two
	 * writes at a time the one that is done last stays.
	 */
	write(key: string, bytes: Uint8Array | AsyncIterable<Uint8Array>): Promise<void>;
	/** An object that grows at its end. It is readable all the while, up to what has been appended. */
	append(key: string): Promise<Appendable>;
	list(prefix: string): Promise<string[]>;
	/** Removes every object below `prefix`. */
	remove(prefix: string): Promise<void>;
};

export type Appendable = {
	append(bytes: Uint8Array): Promise<void>;
	/** Cuts the object back to `bytes`, e.g. after a write that failed half way. */
	truncate(bytes: number): Promise<void>;
	/** After this the bytes survive a power cut. */
	sync(): Promise<void>;
	close(): Promise<void>;
};

/** Objects as files below `directory`. */
export function openDisk(directory: string): Objects {
	const path = (key: string) => join(directory, key);
	let writes = 0;
	return {
		read: (key) => orUndefined(readFile(path(key))),
		sizeBytes: async (key) => (await orUndefined(stat(path(key))))?.size,
		stream: (key, from, to, chunkBytes = CHUNK_BYTES) =>
			createReadStream(path(key), { start: from, end: to - 1, highWaterMark: chunkBytes }),
		async write(key, bytes) {
			writes += 1;
			const temporary = `${path(key)}.${process.pid}-${writes}${UNFINISHED}`;
			await mkdir(dirname(temporary), { recursive: true });
			try {
				const file = await open(temporary, "w");
				try {
					await file.writeFile(bytes);
					await file.sync();
				} finally {
					await file.close();
				}
				await rename(temporary, path(key));
			} catch (error) {
				// What was written of it would keep a full disk full.
				await rm(temporary, { force: true });
				throw error;
			}
		},
		async append(key) {
			await mkdir(dirname(path(key)), { recursive: true });
			const file = await open(path(key), "a");
			return {
				append: async (bytes) => {
					await file.appendFile(bytes);
				},
				truncate: (bytes) => file.truncate(bytes),
				sync: () => file.sync(),
				close: () => file.close(),
			};
		},
		async list(prefix) {
			const entries = await orUndefined(readdir(path(prefix), { recursive: true, withFileTypes: true }));
			return (entries ?? [])
				.filter((entry) => entry.isFile() && !entry.name.endsWith(UNFINISHED))
				.map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
				.sort();
		},
		remove: (prefix) => rm(path(prefix), { recursive: true, force: true }),
	};
}

const CHUNK_BYTES = 65_536;
/** Ends the name of a file that `write` has not finished; no key ends so. */
const UNFINISHED = ".new";

async function orUndefined<T>(promise: Promise<T>): Promise<T | undefined> {
	try {
		return await promise;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
		throw error;
	}
}
