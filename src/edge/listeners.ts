import type { MonoMs } from "#base/index.ts";
import { BEAT_MS, PARTS_PER_BEAT, type PublicState } from "#wire/index.ts";
import { type Form, isMp4, type SoundTail } from "./forms.ts";

/** Bytes that may wait in this process for one listener, on top of what the kernel holds. Beyond it the listener is cut. */
export const UNREAD_BYTES_MAX = 262_144;
/** A player that names the part it needs gets at most this many: 30 s, well below UNREAD_BYTES_MAX in every form. */
export const RESUME_PARTS_MAX = 94;
/** What a plain player gets at once: browsers start when some 36 KB are there, however long that plays. */
export const BURST_BYTES_MIN = 40 * 1024;
/** A listener counts once it has been draining sound this long. */
export const SETTLED_AFTER_MS = 30_000;
/** A listener whose oldest unread byte is older than this has stalled: he hears nothing. Three beats. */
export const STALE_AFTER_MS = 3 * BEAT_MS;
const STALE_AFTER_PARTS = 3 * PARTS_PER_BEAT;
/** Chunk framing, state boxes and TLS records that are unread beside the sound. */
const FRAMING_BYTES_MAX = 2_048;
/** Last bytes of a chunked body (RFC 9112 §7.1): tells the end of the programme from a lost connection. */
export const LAST_CHUNK = Buffer.from("0\r\n\r\n", "latin1");

export type WriteMode = PublicState["delivery"]["write"];
/** Sound in one write, in parts. Also what a player must hold to bridge the time to the next write. */
export const WRITE_PARTS: Record<WriteMode, number> = { part: 1, beat: 3, two_beats: 6 };

/** Where a joiner begins: at least BURST_BYTES_MIN back, one write and a part back, or at a part it names (a player that returns). */
export type Burst = "plain" | "player" | { readonly fromPart: number };

/** One listener's connection, as far as pushing is concerned. */
export type Sink = {
	write(bytes: Buffer): void;
	/** Bytes written that the kernel has not taken. */
	readonly unreadBytes: number;
	/** Sends `last` and closes in an orderly way. */
	end(last: Buffer | undefined): void;
	/** Drops the connection and whatever waits in it. */
	cut(reason: "slow" | "hole"): void;
};

export type Listener = {
	readonly sink: Sink;
	readonly chunked: boolean;
	/** Since he joined, or since he took sound again. */
	drainingSinceMs: MonoMs;
	/** Takes nothing: he is written nothing more until he does, and then everything he missed. */
	stalled: boolean;
	/** Everything before it has been written. */
	nextPart: number;
	/** Its place in the stream's list, -1 once it left. */
	slot: number;
};

export type Counts = { readonly settled: number; readonly open: number; readonly stalled: number };

/** How many visits `step` makes between two looks at whoever asks about time. */
const VISITS_PER_LOOK = 32;

/**
 * The listeners of one form of one programme, and who is to be written what.
 *
 * Pure core: no socket, no clock, no timer. Whoever owns it calls `startRound` when sound has arrived and then
 * `step` until `pending` is false, giving way to other work in between. Each listener carries the part it needs
 * next, so however rounds, joins, departures and changes of the write mode interleave, no one gets a part twice
 * or misses one.
 */
export class PushStream<F extends Form = Form> {
	readonly form: F;
	readonly #tail: SoundTail<F>;
	#listeners: Listener[] = [];
	#cursor = 0;
	/** Visits left in the round. */
	#left = 0;
	#roundTo = 0;
	/** How much the newest round holds, in parts. */
	#roundParts: number = WRITE_PARTS.two_beats;
	#ending: { readonly plain: Buffer | undefined; readonly chunked: Buffer } | undefined;
	/** What this round writes, by the part it begins with: nearly always one entry, a few for those who just joined. */
	#slices = new Map<number, Slice>();
	/** The one that was used last. */
	#slice: Slice | undefined;

	constructor(form: F, tail: SoundTail<F>) {
		this.form = form;
		this.#tail = tail;
	}

	get count(): number {
		return this.#listeners.length;
	}

	get pending(): boolean {
		return this.#left > 0;
	}

	/** Where a joiner begins. */
	startPart(burst: Burst, write: WriteMode): number {
		const next = this.#tail.nextPart ?? 0;
		if (burst === "plain") return this.#tail.burstStart(this.form, BURST_BYTES_MIN);
		// A page of Ogg holds a beat, and so does what is made of MP3, however often there is a write.
		const writeParts = Math.max(WRITE_PARTS[write], isMp4(this.form) || this.form === "aac_64" ? 1 : WRITE_PARTS.beat);
		const wanted = burst === "player" ? next - writeParts - 1 : burst.fromPart;
		return Math.min(Math.max(wanted, this.#tail.firstPart, next - RESUME_PARTS_MAX), next);
	}

	/** @param nextPart what the opening that was sent to it did not hold; the tail's `nextPart` at that time. */
	join(
		sink: Sink,
		options: { readonly chunked: boolean; readonly nextPart: number; readonly nowMs: MonoMs },
	): Listener {
		const { chunked, nextPart, nowMs } = options;
		const slot = this.#listeners.length;
		const listener: Listener = { sink, chunked, drainingSinceMs: nowMs, stalled: false, nextPart, slot };
		this.#listeners.push(listener);
		// The round goes by places: without one more visit it would end before it is round.
		if (this.#left > 0) this.#left += 1;
		return listener;
	}

	/** Forgets a listener whose connection closed. */
	leave(listener: Listener): void {
		if (listener.slot < 0) return;
		const last = this.#listeners.pop() as Listener;
		if (last !== listener) {
			this.#listeners[listener.slot] = last;
			last.slot = listener.slot;
		}
		listener.slot = -1;
		// The one that took its place may have been passed over: go round once more, which costs those done a comparison.
		if (this.#left > 0) this.#left = this.#listeners.length;
	}

	/** Everyone is due everything before `toPart`; an unfinished round goes on with the new goal. */
	startRound(toPart: number): void {
		// The first one, or one behind a hole, says nothing about those that follow.
		this.#roundParts = Math.min(toPart - this.#roundTo, WRITE_PARTS.two_beats);
		this.#roundTo = toPart;
		this.#slices.clear();
		this.#slice = undefined;
		this.#left = this.#listeners.length;
	}

	/** Writes what is left up to `toPart`, then `last`, and ends every listener. Nobody may join after this. */
	startEnding(toPart: number, last: Buffer | undefined): void {
		this.#ending = { plain: last, chunked: last ? Buffer.concat([chunk(last), LAST_CHUNK]) : LAST_CHUNK };
		this.startRound(toPart);
	}

	/** Writes to listeners until the round is done or `outOfTime` says so. */
	step(outOfTime: () => boolean): void {
		for (let visits = 1; this.#left > 0; visits += 1) {
			if (this.#cursor >= this.#listeners.length) this.#cursor = 0;
			const listener = this.#listeners[this.#cursor];
			if (!listener) {
				this.#left = 0;
				return;
			}
			this.#cursor += 1;
			this.#left -= 1;
			this.#visit(listener);
			if (visits % VISITS_PER_LOOK === 0 && outOfTime()) return;
		}
	}

	/** Drops everyone: the sound they need next is lost, and a stream with a hole would stop a player for ever. */
	cutAll(): void {
		for (const listener of [...this.#listeners]) {
			this.leave(listener);
			listener.sink.cut("hole");
		}
	}

	/**
	 * Tells how much of what was written a listener's own machine has not taken, the kernel's queue included.
	 *
	 * @returns whether he has stalled: the oldest of it is older than STALE_AFTER_MS.
	 */
	takeUnread(listener: Listener, unreadBytes: number, nowMs: MonoMs): boolean {
		if (listener.slot < 0) return false;
		const isFresh =
			nowMs - listener.drainingSinceMs < STALE_AFTER_MS ||
			unreadBytes <= this.#tail.newestBytes(this.form, STALE_AFTER_PARTS + this.#roundParts) + FRAMING_BYTES_MAX;
		if (listener.stalled && isFresh) listener.drainingSinceMs = nowMs;
		listener.stalled = !isFresh;
		return listener.stalled;
	}

	/** Connections open, those that have stalled among them, and those that have been draining sound for SETTLED_AFTER_MS. */
	counts(nowMs: MonoMs): Counts {
		let settled = 0;
		let stalled = 0;
		for (const listener of this.#listeners) {
			if (listener.stalled) stalled += 1;
			else if (nowMs - listener.drainingSinceMs >= SETTLED_AFTER_MS && listener.sink.unreadBytes === 0) settled += 1;
		}
		return { settled, open: this.#listeners.length, stalled };
	}

	#visit(listener: Listener): void {
		const { sink } = listener;
		if (listener.stalled) {
			// Without what he missed an orderly end would be a lie.
			if (this.#ending) {
				this.leave(listener);
				sink.cut("slow");
			}
			return;
		}
		if (listener.nextPart < this.#roundTo) {
			if (sink.unreadBytes > UNREAD_BYTES_MAX) {
				this.leave(listener);
				sink.cut("slow");
				return;
			}
			const bytes = this.#due(listener);
			listener.nextPart = this.#roundTo;
			if (bytes === undefined) {
				this.leave(listener);
				sink.cut("slow");
				return;
			}
			if (bytes.length > 0) sink.write(bytes);
		}
		if (!this.#ending) return;
		this.leave(listener);
		sink.end(listener.chunked ? this.#ending.chunked : this.#ending.plain);
	}

	/** What `listener` is due, shared by all that are due the same; undefined when the tail no longer holds it. */
	#due(listener: Listener): Buffer | undefined {
		const fromPart = listener.nextPart;
		let slice = this.#slice;
		if (slice?.fromPart !== fromPart) {
			slice = this.#slices.get(fromPart);
			if (!slice) {
				if (fromPart < this.#tail.firstPart) return undefined;
				slice = { fromPart, plain: this.#tail.bytes(this.form, fromPart, this.#roundTo), chunked: undefined };
				this.#slices.set(fromPart, slice);
			}
			this.#slice = slice;
		}
		if (!listener.chunked) return slice.plain;
		slice.chunked ??= chunk(slice.plain);
		return slice.chunked;
	}
}

type Slice = { readonly fromPart: number; readonly plain: Buffer; chunked: Buffer | undefined };

/** One chunk of a chunked body (RFC 9112 §7.1); nothing for no bytes, as an empty chunk would end the body. */
export function chunk(bytes: Buffer): Buffer {
	if (bytes.length === 0) return bytes;
	return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`, "latin1"), bytes, CRLF]);
}
const CRLF = Buffer.from("\r\n", "latin1");

/** Decides when sound that has arrived is written: one owner for the write mode of a programme. Pure core. */
export class WritePlan {
	mode: WriteMode;
	#writtenTo: number | undefined;

	constructor(mode: WriteMode) {
		this.mode = mode;
	}

	/** @returns the part up to which everything is due now that `partIndex` has arrived, or undefined to wait for more. */
	arrived(partIndex: number, beatParts: number): number | undefined {
		this.#writtenTo ??= partIndex;
		const waiting = partIndex + 1 - this.#writtenTo;
		const beat = this.mode === "part" || beatParts > 0;
		// A beat cut short by a segment boundary must not make the next write a beat late.
		const enough = this.mode !== "two_beats" || waiting > WRITE_PARTS.beat;
		if (!(beat && enough) && waiting < WRITE_PARTS.two_beats) return undefined;
		this.#writtenTo = partIndex + 1;
		return this.#writtenTo;
	}
}

/** Whether `form` is sent in chunks to who understands them: then a player can tell the end of the programme from a lost connection. */
export function mayChunk(form: Form): boolean {
	return isMp4(form);
}
