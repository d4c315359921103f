import type { Objects } from "#objects/index.ts";
import {
	AAC_FRAME_SAMPLES,
	AAC_FRAMES_PER_PART,
	PART_MS,
	PART_SAMPLES,
	PARTS_PER_BEAT,
	type ProgrammeTimeline,
	recordingKey,
	type SegmentSpan,
	segmentKey,
	segmentOf,
} from "#wire/index.ts";
import { CODEC_BITRATE_BPS } from "./encoders.ts";
import { ascii, type Bytes, box, fullBox, movieHeader, readFragments, trackBox, u8, u32, zeros } from "./fmp4.ts";
import { HEAD_PAGES, LAST_PAGE, oggHead, oggPage } from "./ogg.ts";
import { oggSerial, SILENT_PART } from "./packager.ts";

export type Tags = { readonly title: string; readonly artists: readonly string[]; readonly dateIso: string };
export type RecordingFacts = NonNullable<ProgrammeTimeline["recording"]>;

/** Copied at a time at the end: an hour's 54 MB in some 70 ms, where pieces of 64 KiB take twice as long and more on a busy machine. */
const COPY_CHUNK_BYTES = 4 * 2 ** 20;
/** A draft that failed is tried again after 10 minutes: it reads everything from *on air* on anew. */
const DRAFT_AGAIN_PARTS = Math.round(600_000 / PART_MS);

const draftKey = (interviewId: string, kind: "aac" | "ogg") => `interviews/${interviewId}/draft.${kind}`;

/**
 * The recording while it grows: follows the segments on disk, so that at *End* only heads and copies are missing.
 *
 * `draft.aac` holds the AAC frames from *on air* on, `draft.ogg` the Opus packets on pages of a beat each, counted
 * from 0. `finish` puts their heads before them. What comes out is a function of segments, timeline and tags alone:
 * made again, the bytes are the same. What a predecessor left is begun anew.
 *
 * A draft the disk has no room for gives its own room back to the programme, and is begun anew after DRAFT_AGAIN_PARTS
 * or at the end, whichever is first.
 */
export class RecordingDraft {
	readonly #objects: Objects;
	readonly #timeline: () => ProgrammeTimeline;
	readonly #pause: () => Promise<void>;
	/** Segments that end at or before this part are complete on disk. */
	#completePart = 0;
	/** First part not in the draft; undefined before it has begun. */
	#nextPart: number | undefined;
	/** Bytes of each AAC frame in the draft. */
	#sizes = new FrameSizes();
	#following: Promise<void> | undefined;
	/** After a failure nothing is drafted before this many parts are complete. */
	#notBeforePart = 0;
	#isHurried = false;

	/** @param options.pause waited for between two segments, as long as nobody waits for the recording. */
	constructor(options: {
		readonly objects: Objects;
		readonly timeline: () => ProgrammeTimeline;
		readonly pause: () => Promise<void>;
	}) {
		this.#objects = options.objects;
		this.#timeline = options.timeline;
		this.#pause = options.pause;
	}

	/** Tells that all segments that end at or before `part` are complete on disk. */
	advance(part: number): void {
		this.#completePart = Math.max(this.#completePart, part);
		// A failure is seen by `finish`, which begins anew.
		this.#follow().catch(() => {});
	}

	/** Makes `recording.m4a` and `recording.ogg`. All segments up to `endPart` must be complete. @throws the disk's error; may be called again. */
	async finish(tags: Tags): Promise<RecordingFacts> {
		const { interviewId, onAirPart, endPart } = this.#timeline();
		if (onAirPart === null || endPart === null) {
			throw new RangeError("Cannot make a recording before the interview ends");
		}
		this.#isHurried = true;
		this.#completePart = endPart;
		await this.#following?.catch(() => {});
		await this.#follow();
		const m4aKey = recordingKey(interviewId, "m4a");
		const oggKey = recordingKey(interviewId, "ogg");
		await Promise.all([
			this.#objects.write(m4aKey, this.#behind(m4aHead(this.#sizes.all, tags), draftKey(interviewId, "aac"))),
			this.#objects.write(oggKey, this.#behind(oggRecordingHead(interviewId, tags), draftKey(interviewId, "ogg"))),
		]);
		const [m4aBytes, oggBytes] = await Promise.all([this.#objects.sizeBytes(m4aKey), this.#objects.sizeBytes(oggKey)]);
		await this.#drop();
		return { m4aBytes: m4aBytes ?? 0, oggBytes: oggBytes ?? 0, durationMs: (endPart - onAirPart) * PART_MS };
	}

	async *#behind(head: Buffer, key: string): AsyncGenerator<Uint8Array> {
		yield head;
		const bytes = (await this.#objects.sizeBytes(key)) ?? 0;
		if (bytes > 0) yield* this.#objects.stream(key, 0, bytes, COPY_CHUNK_BYTES) as AsyncIterable<Uint8Array>;
	}

	/** Settles when the draft has every complete segment. */
	#follow(): Promise<void> {
		if (!this.#nextSpan) return Promise.resolve();
		this.#following ??= this.#followAll();
		return this.#following;
	}

	async #followAll(): Promise<void> {
		try {
			// Segments that are completed while the files are being closed are seen here.
			while (this.#nextSpan) await this.#followSome();
		} catch (error) {
			this.#notBeforePart = this.#completePart + DRAFT_AGAIN_PARTS;
			await this.#drop();
			throw error;
		} finally {
			this.#following = undefined;
		}
	}

	async #drop(): Promise<void> {
		const { interviewId } = this.#timeline();
		this.#nextPart = undefined;
		const gone = (["aac", "ogg"] as const).map((kind) => this.#objects.remove(draftKey(interviewId, kind)));
		// One that stays is emptied when it is begun anew.
		await Promise.allSettled(gone);
	}

	/** The next segment of the draft, once it is complete. */
	get #nextSpan(): SegmentSpan | undefined {
		if (!this.#isHurried && this.#completePart < this.#notBeforePart) return undefined;
		const timeline = this.#timeline();
		const nextPart = this.#nextPart ?? timeline.onAirPart;
		if (nextPart === null || nextPart >= this.#completePart) return undefined;
		const span = segmentOf(timeline, nextPart);
		return span.firstPart + span.partCount <= this.#completePart ? span : undefined;
	}

	async #followSome(): Promise<void> {
		const { interviewId, onAirPart } = this.#timeline();
		const files = await Promise.all([
			this.#objects.append(draftKey(interviewId, "aac")),
			this.#objects.append(draftKey(interviewId, "ogg")),
		]);
		try {
			if (this.#nextPart === undefined) {
				await Promise.all(files.map((file) => file.truncate(0)));
				this.#sizes = new FrameSizes();
			}
			for (let span = this.#nextSpan; span; span = this.#nextSpan) {
				const read = (track: "aac64" | "opus48") => readSegmentPackets(this.#objects, interviewId, track, span);
				const [aac, opus] = await Promise.all([read("aac64"), read("opus48")]);
				this.#sizes.add(aac.flat());
				await Promise.all([
					files[0].append(Buffer.concat(aac.flat())),
					files[1].append(this.#pages(opus, span.firstPart - (onAirPart ?? 0))),
				]);
				this.#nextPart = span.firstPart + span.partCount;
				if (!this.#isHurried) await this.#pause();
			}
		} finally {
			await Promise.all(files.map((file) => file.close()));
		}
	}

	/** Pages of a segment's packets; its first part is the `before`th of the recording. A segment begins a beat. */
	#pages(parts: readonly (readonly Bytes[])[], before: number): Buffer {
		const { interviewId, onAirPart, endPart } = this.#timeline();
		const serial = oggSerial(interviewId, "opus48");
		const pages: Buffer[] = [];
		for (let at = 0; at < parts.length; at += PARTS_PER_BEAT) {
			const beat = parts.slice(at, at + PARTS_PER_BEAT);
			const done = before + at + beat.length;
			const isLast = endPart !== null && onAirPart !== null && done === endPart - onAirPart;
			const sequence = HEAD_PAGES + (before + at) / PARTS_PER_BEAT;
			pages.push(oggPage(serial, sequence, isLast ? LAST_PAGE : 0, done * PART_SAMPLES, beat.flat()));
		}
		return Buffer.concat(pages);
	}
}

/** The packets of each part of a segment. A part that is not in it, which only foul play could cause, is silence. */
export async function readSegmentPackets(
	objects: Objects,
	interviewId: string,
	track: "opus48" | "aac64",
	span: SegmentSpan,
): Promise<(readonly Bytes[])[]> {
	const bytes = await objects.read(segmentKey(interviewId, track, span.sequence));
	const { fragments } = readFragments(bytes ?? Buffer.alloc(0));
	const byPart = new Map(fragments.map((found) => [found.partIndex, found.packets]));
	return Array.from({ length: span.partCount }, (_, nth) => byPart.get(span.firstPart + nth) ?? SILENT_PART[track]);
}

/** Sizes of AAC frames, two bytes each: 0.34 MB per hour. */
class FrameSizes {
	#sizes = new Uint16Array(AAC_FRAMES_PER_PART * 1024);
	#count = 0;

	add(frames: readonly Bytes[]): void {
		if (this.#count + frames.length > this.#sizes.length) {
			const grown = new Uint16Array(2 * (this.#count + frames.length));
			grown.set(this.#sizes);
			this.#sizes = grown;
		}
		for (const frame of frames) this.#sizes[this.#count++] = frame.length;
	}

	get all(): Uint16Array {
		return this.#sizes.subarray(0, this.#count);
	}
}

/**
 * Everything of an M4A file before its sound: ftyp, moov with iTunes tags, and the head of mdat. Plain MP4
 * (ISO/IEC 14496-12) with the index first, so that a browser can play and seek before it has all of it.
 *
 * @param sizes bytes of each AAC frame; whole parts of them. One chunk per part.
 */
export function m4aHead(sizes: Uint16Array, tags: Tags): Buffer {
	const partCount = sizes.length / AAC_FRAMES_PER_PART;
	const durationSamples = sizes.length * AAC_FRAME_SAMPLES;
	const payloadBytes = sizes.reduce((sum, size) => sum + size, 0);
	const ftyp = box("ftyp", ascii("M4A "), u32(0), ascii("M4A isommp42"));
	const sizeTable = Buffer.allocUnsafe(4 * sizes.length);
	for (let i = 0; i < sizes.length; i += 1) sizeTable.writeUInt32BE(sizes[i] as number, 4 * i);
	const moov = (chunkTable: Bytes) =>
		box(
			"moov",
			movieHeader(durationSamples),
			trackBox("aac", CODEC_BITRATE_BPS.aac64, durationSamples, [
				fullBox("stts", 0, 0, u32(1), u32(sizes.length), u32(AAC_FRAME_SAMPLES)),
				fullBox("stsc", 0, 0, u32(1), u32(1), u32(AAC_FRAMES_PER_PART), u32(1)),
				fullBox("stsz", 0, 0, u32(0), u32(sizes.length), sizeTable),
				fullBox("stco", 0, 0, u32(partCount), chunkTable),
			]),
			box("udta", metadata(tags)),
		);
	const chunkTable = Buffer.alloc(4 * partCount);
	let at = ftyp.length + moov(chunkTable).length + 8;
	for (let part = 0; part < partCount; part += 1) {
		chunkTable.writeUInt32BE(at, 4 * part);
		for (let i = 0; i < AAC_FRAMES_PER_PART; i += 1) at += sizes[part * AAC_FRAMES_PER_PART + i] as number;
	}
	return Buffer.concat([ftyp, moov(chunkTable), u32(8 + payloadBytes), ascii("mdat")]);
}

/** `meta` as iTunes writes it: title, artist, date. */
function metadata(tags: Tags): Buffer {
	const item = (type: string, text: string) => box(type, box("data", u32(1), u32(0), Buffer.from(text, "utf8")));
	return fullBox(
		"meta",
		0,
		0,
		fullBox("hdlr", 0, 0, zeros(4), ascii("mdirappl"), zeros(8), u8(0)),
		box(
			"ilst",
			item("\u00a9nam", tags.title),
			item("\u00a9ART", tags.artists.join(", ")),
			item("\u00a9day", tags.dateIso),
			item("\u00a9too", "Rostra"),
		),
	);
}

function oggRecordingHead(interviewId: string, tags: Tags): Buffer {
	return oggHead(oggSerial(interviewId, "opus48"), [
		`TITLE=${tags.title}`,
		...tags.artists.map((artist) => `ARTIST=${artist}`),
		`DATE=${tags.dateIso}`,
	]);
}
