import { MP3_BEAT_BYTES, MP3_BEATS_MAX, MP3_PARTS_PER_BEAT, type Mp3Beat } from "#wire/index.ts";
import type { Mp3Form, SoundTail } from "./forms.ts";
import { ICY_UNCHANGED, icyBlock } from "./icy.ts";

type Entry = { readonly bytes: Buffer; readonly title: Buffer };

/**
 * The newest beats of MP3, without a hole, and the title at each.
 *
 * Pure core. A beat travels whole: with any of its parts, all of it.
 */
export class Mp3Tail implements SoundTail<Mp3Form> {
	#entries: Entry[] = [];
	#nextBeat: number | undefined;
	#title = icyBlock("");

	get firstPart(): number {
		return (this.#nextBeat ?? 0) * MP3_PARTS_PER_BEAT - this.#entries.length * MP3_PARTS_PER_BEAT;
	}

	get nextPart(): number | undefined {
		return this.#nextBeat === undefined ? undefined : this.#nextBeat * MP3_PARTS_PER_BEAT;
	}

	get nextBeat(): number | undefined {
		return this.#nextBeat;
	}

	/** Of the beats that follow. */
	setTitle(title: string): void {
		this.#title = icyBlock(title);
	}

	/** As `PartTail.push`. */
	push({ beat, bytes }: Mp3Beat): "taken" | "old" | "gap" {
		const next = this.#nextBeat ?? beat;
		if (beat < next) return "old";
		if (beat > next) return "gap";
		this.#entries.push({ bytes, title: this.#title });
		if (this.#entries.length > MP3_BEATS_MAX) this.#entries.shift();
		this.#nextBeat = beat + 1;
		return "taken";
	}

	clear(): void {
		this.#entries = [];
		this.#nextBeat = undefined;
	}

	/** @param knowsTitle whether whoever gets the bytes has the title of the beat before; else the first block tells it. */
	bytes(form: Mp3Form, fromPart: number, toPart: number, knowsTitle = true): Buffer {
		const first = this.firstPart / MP3_PARTS_PER_BEAT;
		const from = Math.floor(fromPart / MP3_PARTS_PER_BEAT) - first;
		const entries = this.#entries.slice(from, Math.floor(toPart / MP3_PARTS_PER_BEAT) - first);
		if (form === "mp3_64") return Buffer.concat(entries.map(({ bytes }) => bytes));
		let known = knowsTitle ? this.#entries[from - 1]?.title : undefined;
		const pieces = entries.flatMap(({ bytes, title }) => {
			const block = known?.equals(title) ? ICY_UNCHANGED : title;
			known = title;
			// The last before *End* may be shorter; nothing follows it.
			return bytes.length === MP3_BEAT_BYTES ? [bytes, block] : [bytes];
		});
		return Buffer.concat(pieces);
	}

	burstStart(_form: Mp3Form, bytesMin: number): number {
		const beats = Math.min(this.#entries.length, Math.ceil(bytesMin / MP3_BEAT_BYTES));
		return ((this.#nextBeat ?? 0) - beats) * MP3_PARTS_PER_BEAT;
	}

	newestBytes(form: Mp3Form, partCount: number): number {
		const beats = Math.ceil(partCount / MP3_PARTS_PER_BEAT);
		return this.#entries
			.slice(-beats)
			.reduce((sum, { bytes, title }) => sum + bytes.length + (form === "mp3_64" ? 0 : title.length), 0);
	}
}
