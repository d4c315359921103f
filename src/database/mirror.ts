import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import * as z from "zod/mini";
import { type Clock, type MonoMs, replaceFile } from "#base/index.ts";

/** Where the records are kept for good. Both may throw, which means: not now. */
export type MirrorStore<T> = {
	load(): Promise<Kept<T>[]>;
	/** Writes the record as a whole; the same one twice is harmless. */
	write(record: Kept<T>): Promise<void>;
};
/** `version` grows with every change of the record, so that the newer of two copies is known. */
export type Kept<T> = { readonly value: T; readonly version: number };

/** The text that survives this process: a file, see `standbyAt`. */
export type Standby = {
	/** Undefined when there is none yet. */
	read(): Promise<string | undefined>;
	/** Replaces it in one step; when the promise settles it is safe. */
	replace(text: string): Promise<void>;
};

export type MirrorEvents = {
	/** The store could not be reached; the records wait. Told once per outage. */
	storeLost(waitingCount: number, error: unknown): void;
	storeReturned(): void;
	/** The standby file could not be written: what waits would not survive this process. */
	standbyFailed(error: unknown): void;
};

const RETRY_AFTER_MS = 500;

/**
 * Records that one process owns in memory, so that what happens live never waits for PostgreSQL.
 *
 * `record` is for what happens live: true at once, safe in the standby file when the promise settles, in the
 * store when that can be reached. `commit` is for words: true only once the store has it. After a crash the
 * newer of file and store counts, record by record. What waits is bounded by the records that exist, because a
 * record is written as a whole.
 */
export class Mirror<T> {
	readonly #options: MirrorOptions<T>;
	readonly #records = new Map<string, Kept<T>>();
	readonly #waiting = new Set<string>();
	readonly #listeners = new Set<(value: T) => void>();
	#loaded = false;
	#storeLost = false;
	#retry: Disposable | undefined;
	#writing: Promise<void> | undefined;
	#saving: Promise<void> | undefined;
	#saveAgain: Promise<void> | undefined;
	#lastError: unknown;
	#closed = false;

	private constructor(options: MirrorOptions<T>) {
		this.#options = options;
	}

	/** Reads file and store. Without the store it begins with the file alone, and adds the rest when the store returns. */
	static async open<T>(options: MirrorOptions<T>): Promise<Mirror<T>> {
		const mirror = new Mirror(options);
		await mirror.#readStandby();
		await mirror.#settle();
		return mirror;
	}

	get(key: string): T | undefined {
		return this.#records.get(key)?.value;
	}

	*values(): Generator<T> {
		for (const { value } of this.#records.values()) yield value;
	}

	get size(): number {
		return this.#records.size;
	}

	/** Records the store does not have yet in their newest form. */
	get waitingCount(): number {
		return this.#waiting.size;
	}

	/** Whether everything the store holds has been read. */
	get complete(): boolean {
		return this.#loaded;
	}

	get storeAvailable(): boolean {
		return !this.#storeLost;
	}

	/** Calls `on` after each change, with the new value. */
	onChange(on: (value: T) => void): Disposable {
		this.#listeners.add(on);
		return { [Symbol.dispose]: () => this.#listeners.delete(on) };
	}

	/**
	 * Changes a record at once. Settles when the standby file has it.
	 *
	 * @param change gets the record as it is, undefined when there is none; returning the same changes nothing.
	 */
	async record(key: string, change: (now: T | undefined) => T): Promise<T> {
		const value = this.#apply(key, change);
		if (!value) return this.get(key) as T;
		this.#waiting.add(key);
		await this.#save();
		void this.#settle();
		return value;
	}

	/**
	 * Changes a record once the store has it.
	 *
	 * @param change pure: it is called once for the store and once more, on what the record is by then, for memory.
	 * @throws what the store throws; the record is then as it was, in the store too once that is back. While the store
	 *   is known to be away it is not asked.
	 */
	async commit(key: string, change: (now: T | undefined) => T): Promise<T> {
		if (this.#storeLost) throw this.#lastError;
		await (this.#loaded ? this.#writing : this.#settle());
		if (!this.#loaded || this.#storeLost) throw this.#lastError;
		const now = this.#records.get(key);
		const kept = { value: change(now?.value), version: (now?.version ?? 0) + 1 };
		try {
			await this.#options.store.write(kept);
		} catch (error) {
			this.#takeBack(key, kept.version);
			this.#lost(error);
			await this.#save();
			throw error;
		}
		const meanwhile = this.#records.get(key) !== now;
		const value = this.#apply(key, change) ?? (this.get(key) as T);
		if (meanwhile) this.#waiting.add(key);
		await this.#save();
		void this.#settle();
		return value;
	}

	/** Drops a record from memory; the store keeps it. For what has expired. */
	forget(key: string): void {
		this.#records.delete(key);
		this.#waiting.delete(key);
	}

	/** Gives the store a last chance. What it does not take stays in the standby file. */
	async [Symbol.asyncDispose](): Promise<void> {
		await this.#settle();
		this.#closed = true;
		this.#retry?.[Symbol.dispose]();
		await this.#save();
	}

	/** A write that failed may have been done all the same: what was before is written over it, with a higher version. */
	#takeBack(key: string, version: number): void {
		const now = this.#records.get(key);
		if (!now) return;
		this.#records.set(key, { value: now.value, version: Math.max(now.version, version) + 1 });
		this.#waiting.add(key);
	}

	#apply(key: string, change: (now: T | undefined) => T): T | undefined {
		const now = this.#records.get(key);
		const value = change(now?.value);
		if (now && value === now.value) return undefined;
		this.#records.set(key, { value, version: (now?.version ?? 0) + 1 });
		this.#tell(value);
		return value;
	}

	#tell(value: T): void {
		for (const on of this.#listeners) on(value);
	}

	/** Loads what was not loaded and writes what waits; one at a time, and again later when the store is away. */
	#settle(): Promise<void> {
		this.#writing ??= this.#writeAll().then(
			() => {
				this.#writing = undefined;
			},
			(error: unknown) => {
				this.#writing = undefined;
				this.#lost(error);
			},
		);
		return this.#writing;
	}

	async #writeAll(): Promise<void> {
		this.#retry?.[Symbol.dispose]();
		this.#retry = undefined;
		if (!this.#loaded) {
			this.#merge(await this.#options.store.load());
			this.#loaded = true;
		}
		let wrote = false;
		for (let key = first(this.#waiting); key !== undefined; key = first(this.#waiting)) {
			const kept = this.#records.get(key);
			if (kept) await this.#options.store.write(kept);
			if (this.#records.get(key) === kept) this.#waiting.delete(key);
			wrote = true;
		}
		if (wrote) void this.#save();
		if (!this.#storeLost) return;
		this.#storeLost = false;
		this.#options.events.storeReturned();
	}

	#lost(error: unknown): void {
		this.#lastError = error;
		if (!this.#storeLost) this.#options.events.storeLost(this.#waiting.size, error);
		this.#storeLost = true;
		if (this.#closed || this.#retry) return;
		const { clock } = this.#options;
		this.#retry = clock.wakeAt((clock.monoMs() + RETRY_AFTER_MS) as MonoMs, () => {
			this.#retry = undefined;
			void this.#settle();
		});
	}

	#merge(rows: readonly Kept<T>[]): void {
		for (const row of rows) {
			const key = this.#options.keyOf(row.value);
			const mine = this.#records.get(key);
			if (mine && (this.#waiting.has(key) || mine.version > row.version)) {
				this.#records.set(key, { value: mine.value, version: Math.max(mine.version, row.version + 1) });
				this.#waiting.add(key);
				continue;
			}
			this.#records.set(key, row);
			if (!mine || mine.version !== row.version) this.#tell(row.value);
		}
	}

	async #readStandby(): Promise<void> {
		const text = await this.#options.standby.read();
		if (text === undefined) return;
		const standby = standbyFile.parse(JSON.parse(text));
		for (const { value, version, waiting } of standby.records) {
			const parsed = this.#options.parse(value);
			const key = this.#options.keyOf(parsed);
			this.#records.set(key, { value: parsed, version });
			if (waiting) this.#waiting.add(key);
		}
	}

	/** Settles when a state at least as new as the one at the call is in the file. Calls meanwhile share one write. */
	#save(): Promise<void> {
		if (!this.#saving) {
			this.#saving = this.#writeStandby().finally(() => {
				this.#saving = undefined;
			});
			return this.#saving;
		}
		this.#saveAgain ??= this.#saving.then(() => {
			this.#saveAgain = undefined;
			return this.#save();
		});
		return this.#saveAgain;
	}

	async #writeStandby(): Promise<void> {
		const records = [];
		for (const [key, { value, version }] of this.#records) {
			const waiting = this.#waiting.has(key);
			if (waiting || this.#options.keepInStandby(value)) records.push({ value, version, waiting });
		}
		const text = JSON.stringify({ format: 1, records } satisfies z.infer<typeof standbyFile>);
		try {
			await this.#options.standby.replace(text);
		} catch (error) {
			this.#options.events.standbyFailed(error);
		}
	}
}

export type MirrorOptions<T> = {
	readonly standby: Standby;
	readonly keyOf: (value: T) => string;
	/** @throws when the file holds something else: that is our bug or a hand-edited file. */
	readonly parse: (value: unknown) => T;
	/** Which records this process needs to go on without the store. Those that wait are kept anyway. */
	readonly keepInStandby: (value: T) => boolean;
	readonly store: MirrorStore<T>;
	readonly clock: Clock;
	readonly events: MirrorEvents;
};

const standbyFile = z.object({
	format: z.literal(1),
	records: z.array(z.object({ value: z.unknown(), version: z.number(), waiting: z.boolean() })),
});

/** A standby in a file that only this user may read. */
export function standbyAt(path: string): Standby {
	return {
		async read() {
			try {
				return await readFile(path, "utf8");
			} catch (error) {
				if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
				throw error;
			}
		},
		async replace(text) {
			await mkdir(dirname(path), { recursive: true, mode: 0o700 });
			await replaceFile(path, text);
		},
	};
}

function first(keys: ReadonlySet<string>): string | undefined {
	for (const key of keys) return key;
	return undefined;
}
