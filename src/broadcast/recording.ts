import type { Objects } from "#objects/index.ts";
import {
	AAC_FRAME_SAMPLES,
	AAC_FRAMES_PER_PART,
	PART_MS,
	PART_SAMPLES,
	PARTS_PER_BEAT,
	type ProgrammeTimeline,
	recordingKey,
	segmentKey,
	segmentsBetween,
	type TrackName,
} from "#wire/index.ts";
import { CODEC_BITRATE_BPS } from "./encoders.ts";
import { ascii, type Bytes, box, fullBox, movieHeader, readFragments, trackBox, u8, u32, zeros } from "./fmp4.ts";
import { HEAD_PAGES, LAST_PAGE, oggHead, oggPage } from "./ogg.ts";
import { oggSerial } from "./packager.ts";
import { SILENT_PACKETS } from "./silence.ts";

export type Tags = { readonly title: string; readonly artists: readonly string[]; readonly dateIso: string };
export type RecordingFacts = NonNullable<ProgrammeTimeline["recording"]>;

/** Segments read at once while the files are made. */
const SEGMENTS_AT_ONCE = 16;

/**
 * Sizes of the AAC frames on air, gathered part by part in any order, so that the finished file's index is at hand
 * at *End*. Two bytes a frame: 0.34 MB per hour.
 */
export class FrameSizes {
	readonly #fromPart: number;
	/** 0 where nothing is known: no AAC frame is empty. */
	#sizes = new Uint16Array(AAC_FRAMES_PER_PART * 1024);

	constructor(fromPart: number) {
		this.#fromPart = fromPart;
	}

	/** Takes the frames of one part; a part before the first is ignored. */
	add(part: number, frames: readonly Bytes[]): void {
		const at = (part - this.#fromPart) * AAC_FRAMES_PER_PART;
		if (at < 0) return;
		if (at + frames.length > this.#sizes.length) {
			const grown = new Uint16Array(Math.max(2 * this.#sizes.length, at + frames.length));
			grown.set(this.#sizes);
			this.#sizes = grown;
		}
		for (const [nth, frame] of frames.entries()) this.#sizes[at + nth] = frame.length;
	}

	/** Sizes of the parts up to `toPart` (exclusive), or undefined when not all are known. */
	upTo(toPart: number): Uint16Array | undefined {
		const count = (toPart - this.#fromPart) * AAC_FRAMES_PER_PART;
		const sizes = this.#sizes.subarray(0, count);
		return sizes.length < count || sizes.includes(0) ? undefined : sizes;
	}
}

/** Gathers into `sizes` what is in the segments already, from *on air* up to `toPart` (exclusive). */
export async function gatherSizes(
	objects: Objects,
	timeline: ProgrammeTimeline,
	toPart: number,
	sizes: FrameSizes,
): Promise<void> {
	let part = timeline.onAirPart ?? toPart;
	for await (const parts of segmentPackets(objects, { ...timeline, endPart: toPart }, "aac64")) {
		for (const frames of parts) sizes.add(part++, frames);
	}
}

/**
 * Makes `recording.m4a` and `recording.ogg` from the published segments: the same packets, from *on air* to *End*,
 * counted from 0. A function of segments, timeline and tags alone: made again after a crash, the bytes are the same.
 *
 * @param timeline with `onAirPart` and `endPart`.
 * @param sizes what is known of the AAC frames between the two; the rest is read from the segments.
 */
export async function makeRecording(
	objects: Objects,
	timeline: ProgrammeTimeline,
	tags: Tags,
	sizes: FrameSizes,
): Promise<RecordingFacts> {
	const { interviewId, onAirPart, endPart } = timeline;
	if (onAirPart === null || endPart === null) throw new RangeError("Cannot make a recording before the interview ends");
	const partCount = endPart - onAirPart;
	const m4aKey = recordingKey(interviewId, "m4a");
	const oggKey = recordingKey(interviewId, "ogg");
	const writeM4a = async () => {
		if (!sizes.upTo(endPart)) await gatherSizes(objects, timeline, endPart, sizes);
		const known = sizes.upTo(endPart);
		if (!known) throw new RangeError("Cannot index a recording as a segment has parts without sound");
		await objects.write(m4aKey, m4aPieces(objects, timeline, tags, known));
	};
	await Promise.all([writeM4a(), objects.write(oggKey, oggPieces(objects, timeline, tags))]);
	const [m4aBytes, oggBytes] = await Promise.all([objects.sizeBytes(m4aKey), objects.sizeBytes(oggKey)]);
	return { m4aBytes: m4aBytes ?? 0, oggBytes: oggBytes ?? 0, durationMs: partCount * PART_MS };
}

async function* m4aPieces(
	objects: Objects,
	timeline: ProgrammeTimeline,
	tags: Tags,
	sizes: Uint16Array,
): AsyncGenerator<Buffer> {
	yield m4aHead(sizes, tags);
	for await (const parts of segmentPackets(objects, timeline, "aac64")) yield Buffer.concat(parts.flat());
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
			item("\u00a9ART", artistsOf(tags)),
			item("\u00a9day", tags.dateIso),
			item("\u00a9too", "Rostra"),
		),
	);
}

const artistsOf = (tags: Tags) => tags.artists.join(", ");

/** Pages of a beat each, from granule 0, the last one marked as such. */
async function* oggPieces(objects: Objects, timeline: ProgrammeTimeline, tags: Tags): AsyncGenerator<Buffer> {
	const serial = oggSerial(timeline.interviewId, "opus48");
	const partCount = (timeline.endPart ?? 0) - (timeline.onAirPart ?? 0);
	yield oggHead(serial, [
		`TITLE=${tags.title}`,
		...tags.artists.map((artist) => `ARTIST=${artist}`),
		`DATE=${tags.dateIso}`,
	]);
	let done = 0;
	let pageSequence = HEAD_PAGES;
	for await (const parts of segmentPackets(objects, timeline, "opus48")) {
		const pages: Buffer[] = [];
		for (let at = 0; at < parts.length; at += PARTS_PER_BEAT) {
			const beat = parts.slice(at, at + PARTS_PER_BEAT);
			done += beat.length;
			const flags = done === partCount ? LAST_PAGE : 0;
			pages.push(oggPage(serial, pageSequence, flags, done * PART_SAMPLES, beat.flat()));
			pageSequence += 1;
		}
		yield Buffer.concat(pages);
	}
}

/** The packets of each part on air, a segment at a time. A part that is not in its segment, which only foul play could cause, is silence. */
async function* segmentPackets(
	objects: Objects,
	timeline: ProgrammeTimeline,
	track: TrackName,
): AsyncGenerator<(readonly Bytes[])[]> {
	const spans = segmentsBetween(timeline, timeline.onAirPart ?? 0, timeline.endPart ?? 0);
	const silent = track === "aac64" ? SILENT_PACKETS.aac : SILENT_PACKETS.opus;
	for (let at = 0; at < spans.length; at += SEGMENTS_AT_ONCE) {
		const batch = spans.slice(at, at + SEGMENTS_AT_ONCE);
		const segments = await Promise.all(
			batch.map((span) => objects.read(segmentKey(timeline.interviewId, track, span.sequence))),
		);
		for (const [nth, span] of batch.entries()) {
			const { fragments } = readFragments(segments[nth] ?? Buffer.alloc(0));
			const byPart = new Map(fragments.map((found) => [found.partIndex, found.packets]));
			yield Array.from({ length: span.partCount }, (_, i) => byPart.get(span.firstPart + i) ?? silent);
		}
	}
}
