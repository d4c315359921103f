import { PART_MS, type Part, type TrackName } from "#wire/index.ts";
import { isMp4, type PartForm, type SoundTail } from "./forms.ts";

/** What an edge keeps of a programme in memory: 60 s. Older sound is read from objects. */
export const TAIL_PARTS_MAX = Math.ceil(60_000 / PART_MS);

const FIELD = {
	mp4_48: "opus48",
	mp4_24: "opus24",
	ogg_48: "ogg48",
	ogg_24: "ogg24",
	aac_64: "adts",
} as const satisfies Record<PartForm, keyof Part>;

type Entry = { readonly part: Part; stateBox: Buffer | undefined };

/**
 * The newest parts of one programme, without a hole, and the state boxes between them.
 *
 * Pure core. Invariant: the parts held are consecutive and end before `nextPart`.
 */
export class PartTail implements SoundTail<PartForm> {
	#entries: Entry[] = [];
	#nextPart: number | undefined;
	#pendingBox: Buffer | undefined;

	get firstPart(): number {
		return (this.#nextPart ?? 0) - this.#entries.length;
	}

	get nextPart(): number | undefined {
		return this.#nextPart;
	}

	get newest(): Part | undefined {
		return this.#entries.at(-1)?.part;
	}

	/**
	 * Appends the part that comes next; the first one decides where the tail begins. The oldest is forgotten
	 * beyond TAIL_PARTS_MAX.
	 *
	 * @returns `old` for one that is held or was, `gap` when others are missing before it: nothing changed then.
	 */
	push(part: Part): "taken" | "old" | "gap" {
		const next = this.#nextPart ?? part.partIndex;
		if (part.partIndex < next) return "old";
		if (part.partIndex > next) return "gap";
		this.#entries.push({ part, stateBox: this.#pendingBox });
		this.#pendingBox = undefined;
		if (this.#entries.length > TAIL_PARTS_MAX) this.#entries.shift();
		this.#nextPart = next + 1;
		return "taken";
	}

	/**
	 * Puts parts that end where the tail begins in front of it, as far as there is room: a worker that starts hears the
	 * newest part before it is told of the last minute.
	 */
	remember(parts: readonly Part[]): void {
		const first = this.firstPart;
		const older = parts.filter(({ partIndex }) => partIndex < first).slice(-(TAIL_PARTS_MAX - this.#entries.length));
		const isRun = older.every(({ partIndex }, nth) => partIndex === first - older.length + nth);
		if (this.#nextPart === undefined || this.#entries.length >= TAIL_PARTS_MAX || !isRun) return;
		this.#entries.unshift(...older.map((part) => ({ part, stateBox: undefined })));
	}

	/** Forgets everything: the next part pushed begins a new tail. */
	clear(): void {
		this.#entries = [];
		this.#nextPart = undefined;
	}

	/** Puts a state box before the next part. One that was waiting there is replaced: a state is whole, not a difference. */
	setStateBox(box: Buffer): void {
		this.#pendingBox = box;
	}

	/** The box that has been set and that no part has followed yet. */
	takePendingBox(): Buffer | undefined {
		const box = this.#pendingBox;
		this.#pendingBox = undefined;
		return box;
	}

	/**
	 * Bytes of the parts from `fromPart` up to `toPart` (exclusive), which must be held; state boxes only in fMP4.
	 *
	 * Any part may be the first: an fMP4 part and an ADTS part stand alone, and a page of Ogg travels with the
	 * part that completes its beat, so a stream that begins within a beat has that beat whole.
	 */
	bytes(form: PartForm, fromPart: number, toPart: number): Buffer {
		const pieces: Buffer[] = [];
		for (let part = fromPart; part < toPart; part += 1) {
			const entry = this.#entry(part);
			if (entry.stateBox && isMp4(form)) pieces.push(entry.stateBox);
			pieces.push(entry.part[FIELD[form]]);
		}
		return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
	}

	/** One media segment, or undefined when not all of it is held. */
	segment(track: TrackName, firstPart: number, partCount: number): Buffer | undefined {
		if (this.#nextPart === undefined || firstPart < this.firstPart || firstPart + partCount > this.#nextPart)
			return undefined;
		const pieces: Buffer[] = [];
		for (let part = firstPart; part < firstPart + partCount; part += 1) pieces.push(this.#entry(part).part[track]);
		return Buffer.concat(pieces);
	}

	burstStart(form: PartForm, bytesMin: number): number {
		let bytes = 0;
		let part = this.#nextPart ?? 0;
		while (part > this.firstPart && bytes < bytesMin) {
			part -= 1;
			bytes += this.#entry(part).part[FIELD[form]].length;
		}
		return part;
	}

	newestBytes(form: PartForm, partCount: number): number {
		let bytes = 0;
		for (const { part } of this.#entries.slice(-partCount)) bytes += part[FIELD[form]].length;
		return bytes;
	}

	#entry(part: number): Entry {
		const entry = this.#entries[part - this.firstPart];
		if (!entry) throw new RangeError(`Cannot read part ${part} as it must be in the tail: it is not`);
		return entry;
	}
}
