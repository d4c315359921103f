import type { Objects } from "#objects/index.ts";

/** Objects held in memory: some 2,000 segments of the past, those asked for last. */
const CACHE_BYTES_MAX = 64 * 2 ** 20;
/** Reads from the disk at once; more are told to come back. */
const READS_MAX = 64;

export type ObjectCache = ReturnType<typeof createObjectCache>;

/**
 * Reads whole objects that never change. Everyone who asks for one while it is being read waits for the same
 * read; those asked for last are kept, the others forgotten beyond `bytesMax`.
 */
export function createObjectCache(objects: Objects, { bytesMax = CACHE_BYTES_MAX, readsMax = READS_MAX } = {}) {
	/** The least recently used first. */
	const held = new Map<string, Buffer>();
	const reading = new Map<string, Promise<Buffer | undefined>>();
	let heldBytes = 0;

	const keep = (key: string, bytes: Buffer) => {
		held.set(key, bytes);
		heldBytes += bytes.length;
		for (const [oldest, { length }] of held) {
			if (heldBytes <= bytesMax) break;
			held.delete(oldest);
			heldBytes -= length;
		}
	};

	return {
		/** @returns the bytes, undefined when there is no such object, or `busy` at once when too many are being read. */
		read(key: string): Buffer | "busy" | Promise<Buffer | undefined> {
			const bytes = held.get(key);
			if (bytes) {
				held.delete(key);
				held.set(key, bytes);
				return bytes;
			}
			const open = reading.get(key);
			if (open) return open;
			if (reading.size >= readsMax) return "busy";
			const read = objects
				.read(key)
				.then((found) => {
					if (found) keep(key, found);
					return found;
				})
				.finally(() => reading.delete(key));
			reading.set(key, read);
			return read;
		},
	};
}
