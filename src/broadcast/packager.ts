import {
	AAC_FRAMES_PER_PART,
	FRAMES_PER_PART,
	OPUS_FRAMES_PER_PART,
	PART_SAMPLES,
	PARTS_PER_BEAT,
	type Part,
	type ProgrammeTimeline,
	segmentOf,
	TRACK_NAMES,
	type TrackName,
} from "#wire/index.ts";
import { adtsFrames } from "./adts.ts";
import type { Packet } from "./encoders.ts";
import { type Bytes, fragment } from "./fmp4.ts";
import { HEAD_PAGES, oggCrc, oggPage } from "./ogg.ts";
import { SILENT_PACKETS } from "./silence.ts";

export type PartPackets = Record<TrackName, readonly Bytes[]>;
export type Cuts = Pick<ProgrammeTimeline, "cuts" | "endPart">;

export const framesPerPart = (track: TrackName) => (track === "aac64" ? AAC_FRAMES_PER_PART : OPUS_FRAMES_PER_PART);

export const SILENT_PART: PartPackets = {
	opus48: SILENT_PACKETS.opus,
	opus24: SILENT_PACKETS.opus,
	aac64: SILENT_PACKETS.aac,
};

/** Serial number of an interview's Ogg streams: the same after a restart, different between its two tracks. */
export function oggSerial(interviewId: string, track: "opus48" | "opus24"): number {
	return oggCrc(Buffer.from(`${interviewId} ${track}`));
}

/** Where a part lies in its beat. Beats are three parts from each segment's beginning on; the last before a cut may be shorter. */
export type BeatPlace = {
	/** Beats before this one since the epoch. */
	readonly beat: number;
	readonly firstPart: number;
	/** Whether the part is the beat's last. */
	readonly complete: boolean;
};

export function beatOf(timeline: Cuts, part: number): BeatPlace {
	let beat = 0;
	let from = 0;
	let to = Number.POSITIVE_INFINITY;
	for (const [nth, cut] of timeline.cuts.entries()) {
		from = cut;
		to = timeline.cuts[nth + 1] ?? timeline.endPart ?? Number.POSITIVE_INFINITY;
		if (part < to || nth + 1 === timeline.cuts.length) break;
		beat += Math.ceil((to - from) / PARTS_PER_BEAT);
	}
	const nth = Math.floor((part - from) / PARTS_PER_BEAT);
	const firstPart = from + nth * PARTS_PER_BEAT;
	return { beat: beat + nth, firstPart, complete: part + 1 === Math.min(to, firstPart + PARTS_PER_BEAT) };
}

/**
 * Puts packets together to parts, and parts to beats, in every form a listener can get.
 *
 * Pure core. Packets of each track come in order; `poll` gives a part once all its tracks are complete. What is
 * made depends on packets and timeline alone, so a successor makes the same bytes.
 *
 * The cut that follows a part must be in the timeline before the part is polled: *on air* and *End* are decided
 * for parts that nobody has begun to package.
 */
export class Packager {
	readonly #interviewId: string;
	readonly #serials: Record<"opus48" | "opus24", number>;
	readonly #waiting: Record<TrackName, Bytes[]> = { opus48: [], opus24: [], aac64: [] };
	/** Slots of hold sound in parts not yet polled. */
	readonly #holdSlots = new Map<number, number>();
	/** Opus packets of the beat's parts so far. */
	#beat: { opus48: Bytes[]; opus24: Bytes[] };
	#nextPart: number;

	/** @param options.beat Opus packets of the parts between the beginning of `nextPart`'s beat and itself. */
	constructor(options: {
		readonly interviewId: string;
		readonly nextPart: number;
		readonly beat: { readonly opus48: readonly Bytes[]; readonly opus24: readonly Bytes[] };
	}) {
		this.#interviewId = options.interviewId;
		this.#serials = {
			opus48: oggSerial(options.interviewId, "opus48"),
			opus24: oggSerial(options.interviewId, "opus24"),
		};
		this.#nextPart = options.nextPart;
		this.#beat = { opus48: [...options.beat.opus48], opus24: [...options.beat.opus24] };
	}

	/** The part `poll` or `fill` makes next. */
	get nextPart(): number {
		return this.#nextPart;
	}

	/** What slot `slot` holds; tells a part's kind. */
	note(slot: number, kind: "sound" | "hold"): void {
		if (kind === "sound") return;
		const part = Math.floor(slot / FRAMES_PER_PART);
		this.#holdSlots.set(part, (this.#holdSlots.get(part) ?? 0) + 1);
	}

	push(packet: Packet): void {
		const waiting = this.#waiting[packet.track];
		const expected = this.#nextPart * framesPerPart(packet.track) + waiting.length;
		if (packet.frameIndex !== expected) {
			throw new RangeError(
				`Cannot package frame ${packet.frameIndex} of ${packet.track} as the next must be ${expected}`,
			);
		}
		waiting.push(packet.bytes);
	}

	/** The next part, if every track has all its packets. */
	poll(timeline: Cuts): Part | undefined {
		if (TRACK_NAMES.some((track) => this.#waiting[track].length < framesPerPart(track))) return undefined;
		const take = (track: TrackName) => this.#waiting[track].splice(0, framesPerPart(track));
		const packets = { opus48: take("opus48"), opus24: take("opus24"), aac64: take("aac64") };
		const held = this.#holdSlots.get(this.#nextPart) ?? 0;
		this.#holdSlots.delete(this.#nextPart);
		return this.#finish(timeline, packets, held >= FRAMES_PER_PART / 2 ? "hold" : "sound");
	}

	/** The next part as silence, for sound that is lost. No packet of it may have been pushed. */
	fill(timeline: Cuts): Part {
		return this.#finish(timeline, SILENT_PART, "fill");
	}

	/** The next part from packets read back. */
	again(timeline: Cuts, packets: PartPackets, kind: Part["kind"]): Part {
		return this.#finish(timeline, packets, kind);
	}

	#finish(timeline: Cuts, packets: PartPackets, kind: Part["kind"]): Part {
		const partIndex = this.#nextPart;
		this.#nextPart += 1;
		const segment = segmentOf(timeline, partIndex);
		const place = beatOf(timeline, partIndex);
		if (place.firstPart === partIndex) this.#beat = { opus48: [], opus24: [] };
		this.#beat.opus48.push(...packets.opus48);
		this.#beat.opus24.push(...packets.opus24);
		const page = (track: "opus48" | "opus24") =>
			place.complete
				? oggPage(this.#serials[track], HEAD_PAGES + place.beat, 0, (partIndex + 1) * PART_SAMPLES, this.#beat[track])
				: Buffer.alloc(0);
		return {
			interviewId: this.#interviewId,
			partIndex,
			sequence: segment.sequence,
			beginsSegment: segment.firstPart === partIndex,
			kind,
			beatParts: place.complete ? partIndex + 1 - place.firstPart : 0,
			opus48: fragment(partIndex, packets.opus48),
			opus24: fragment(partIndex, packets.opus24),
			aac64: fragment(partIndex, packets.aac64),
			adts: adtsFrames(packets.aac64),
			ogg48: page("opus48"),
			ogg24: page("opus24"),
		};
	}
}
