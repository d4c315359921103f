import { Readable } from "node:stream";
import type { Appendable, Objects } from "./disk.ts";

/**
 * Objects in memory, for tests: with the manners of a disk, a full one included. Keeps `Objects`' contract.
 */
export class MemoryObjects implements Objects {
	readonly #objects = new Map<string, Buffer>();
	/** Writes that would need more than this in all fail as on a full disk; an append that does not fit is written as far as it fits. */
	bytesMax = Number.POSITIVE_INFINITY;
	/** Which keys' writes fail as on a full disk, whatever `bytesMax`. */
	failWrites: (key: string) => boolean = () => false;
	/** Keys of objects made safe against a power cut, in order. */
	readonly synced: string[] = [];

	async read(key: string): Promise<Buffer | undefined> {
		const bytes = this.#objects.get(key);
		return bytes && Buffer.from(bytes);
	}

	async sizeBytes(key: string): Promise<number | undefined> {
		return this.#objects.get(key)?.length;
	}

	stream(key: string, from: number, to: number): Readable {
		return Readable.from([this.#objects.get(key)?.subarray(from, to) ?? Buffer.alloc(0)]);
	}

	async write(key: string, bytes: Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
		const pieces = bytes instanceof Uint8Array ? [bytes] : await Array.fromAsync(bytes);
		const whole = Buffer.concat(pieces);
		// The old object stays until the new one is whole.
		if (this.failWrites(key) || this.#usedBytes + whole.length > this.bytesMax) throw diskFull();
		this.#objects.set(key, whole);
		this.synced.push(key);
	}

	async append(key: string): Promise<Appendable> {
		if (!this.#objects.has(key)) {
			if (this.#usedBytes >= this.bytesMax) throw diskFull();
			this.#objects.set(key, Buffer.alloc(0));
		}
		const held = () => this.#objects.get(key) ?? Buffer.alloc(0);
		return {
			append: async (bytes) => {
				const room = Math.max(0, this.bytesMax - this.#usedBytes);
				this.#objects.set(key, Buffer.concat([held(), bytes.subarray(0, room)]));
				if (bytes.length > room) throw diskFull();
			},
			truncate: async (bytes) => void this.#objects.set(key, Buffer.from(held().subarray(0, bytes))),
			sync: async () => void this.synced.push(key),
			close: async () => {},
		};
	}

	async list(prefix: string): Promise<string[]> {
		return [...this.#objects.keys()].filter((key) => isBelow(key, prefix)).sort();
	}

	async remove(prefix: string): Promise<void> {
		for (const key of this.#objects.keys()) if (isBelow(key, prefix)) this.#objects.delete(key);
	}

	get #usedBytes(): number {
		return this.#objects.values().reduce((sum, bytes) => sum + bytes.length, 0);
	}
}

const isBelow = (key: string, prefix: string) => key === prefix || key.startsWith(`${prefix}/`);

function diskFull(): NodeJS.ErrnoException {
	return Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
}
