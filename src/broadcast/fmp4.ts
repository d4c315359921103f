/**
 * Fragmented MP4 for one mono track of constant frame length at 48 kHz: CMAF (ISO/IEC 23000-19) headers and
 * chunks over ISO/IEC 14496-12 boxes, Opus after "Encapsulation of Opus in ISO Base Media File Format" 0.6.8,
 * AAC after ISO/IEC 14496-14. Stateless: a fragment is a function of its part index and packets.
 *
 * Left out on purpose: the `roll` sample groups which the Opus encapsulation asks for (§4.3.6.2 "shall"). No
 * player we know reads them in fragments, and our joins need no pre-roll (research: 16 dB after 20 ms).
 * Pre-skip is 0, as the encoder is fed ahead by its own delay; so nobody cuts anything at a late join.
 */
import { AAC_FRAME_SAMPLES, FRAME_SAMPLES, PART_SAMPLES, SAMPLE_RATE_HZ } from "#wire/index.ts";

export type Codec = "opus" | "aac";
export type Bytes = Uint8Array;

/** RFC 6381 §3.3 `codecs` parameter. */
export const CODECS: Record<Codec, string> = { opus: "opus", aac: "mp4a.40.2" };

/**
 * AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1): AAC-LC, 48 kHz, one channel, and the explicit "no SBR" of
 * §1.6.5.2, without which a decoder may guess that there is some.
 */
export const AAC_CONFIG: Bytes = Uint8Array.of(0x11, 0x88, 0x56, 0xe5, 0x00);

export const frameSamples = (codec: Codec) => (codec === "opus" ? FRAME_SAMPLES : AAC_FRAME_SAMPLES);

/** ftyp + moov: the init segment. Every fragment after it can be decoded alone. */
export function initSegment(codec: Codec, bitrateBps: number): Buffer {
	const brands = ascii("iso6cmfcmp41");
	return Buffer.concat([
		box("ftyp", ascii("iso6"), u32(0), brands),
		box(
			"moov",
			movieHeader(0),
			trackBox(codec, bitrateBps, 0, emptyTables()),
			box("mvex", fullBox("trex", 0, 0, u32(TRACK_ID), u32(1), u32(frameSamples(codec)), u32(0), u32(0))),
		),
	]);
}

/** moof + mdat of one part. `packets` are its 16 Opus or 15 AAC packets in order. */
export function fragment(partIndex: number, packets: readonly Bytes[]): Buffer {
	const moofBytes = MOOF_FIXED_BYTES + 4 * packets.length;
	const payloadBytes = packets.reduce((sum, packet) => sum + packet.length, 0);
	const out = Buffer.allocUnsafe(moofBytes + 8 + payloadBytes);
	let at = 0;
	const put32 = (value: number) => {
		at = out.writeUInt32BE(value, at);
	};
	const tag = (type: string) => {
		at += out.write(type, at, "latin1");
	};
	put32(moofBytes);
	tag("moof");
	put32(16);
	tag("mfhd");
	put32(0);
	put32(partIndex + 1);
	put32(moofBytes - 24);
	tag("traf");
	put32(16);
	tag("tfhd");
	put32(0x020000); // default-base-is-moof
	put32(TRACK_ID);
	put32(20);
	tag("tfdt");
	put32(0x01000000); // version 1: 64-bit time
	at = out.writeBigUInt64BE(BigInt(partIndex) * BigInt(PART_SAMPLES), at);
	put32(20 + 4 * packets.length);
	tag("trun");
	put32(0x000201); // data offset and a size per sample; duration comes from trex
	put32(packets.length);
	put32(moofBytes + 8);
	for (const packet of packets) put32(packet.length);
	put32(8 + payloadBytes);
	tag("mdat");
	for (const packet of packets) {
		out.set(packet, at);
		at += packet.length;
	}
	return out;
}

/** One fragment of ours, found in a segment. `packets` share memory with what was read. */
export type FragmentRead = { readonly partIndex: number; readonly bytes: Buffer; readonly packets: readonly Buffer[] };

/**
 * Reads the whole fragments at the beginning of a segment written by `fragment`, and where they end; what
 * follows is a fragment cut short by a crash or a full disk, or not ours.
 */
export function readFragments(segment: Buffer): { readonly fragments: FragmentRead[]; readonly wholeBytes: number } {
	const fragments: FragmentRead[] = [];
	let at = 0;
	for (;;) {
		const found = readFragment(segment, at);
		if (!found) return { fragments, wholeBytes: at };
		fragments.push(found);
		at += found.bytes.length;
	}
}

function readFragment(segment: Buffer, at: number): FragmentRead | undefined {
	if (segment.length < at + MOOF_FIXED_BYTES + 8) return undefined;
	const moofBytes = segment.readUInt32BE(at);
	if (segment.toString("latin1", at + 4, at + 8) !== "moof") return undefined;
	const count = segment.readUInt32BE(at + 80);
	if (count > PACKETS_MAX || moofBytes !== MOOF_FIXED_BYTES + 4 * count) return undefined;
	if (segment.length < at + moofBytes + 8) return undefined;
	const mdatBytes = segment.readUInt32BE(at + moofBytes);
	if (segment.toString("latin1", at + moofBytes + 4, at + moofBytes + 8) !== "mdat") return undefined;
	const end = at + moofBytes + mdatBytes;
	if (segment.length < end) return undefined;
	const time = Number(segment.readBigUInt64BE(at + 60));
	if (time % PART_SAMPLES !== 0) return undefined;
	const packets: Buffer[] = [];
	let packetAt = at + moofBytes + 8;
	for (let i = 0; i < count; i += 1) {
		const packetBytes = segment.readUInt32BE(at + MOOF_FIXED_BYTES + 4 * i);
		packets.push(segment.subarray(packetAt, packetAt + packetBytes));
		packetAt += packetBytes;
	}
	if (packetAt !== end) return undefined;
	return { partIndex: time / PART_SAMPLES, bytes: segment.subarray(at, end), packets };
}

/** More packets than any part of ours has; a reader refuses them. */
const PACKETS_MAX = 64;
/** moof header, mfhd, traf header, tfhd, tfdt and trun without its sizes. */
const MOOF_FIXED_BYTES = 88;
export const TRACK_ID = 1;

/** `mvhd`; `durationSamples` is 0 in an init segment, where fragments tell. */
export function movieHeader(durationSamples: number): Buffer {
	return fullBox(
		"mvhd",
		0,
		0,
		zeros(8),
		u32(SAMPLE_RATE_HZ),
		u32(durationSamples),
		u32(0x10000),
		u16(0x100),
		zeros(10),
		MATRIX,
		zeros(24),
		u32(TRACK_ID + 1),
	);
}

/** `trak` with its sample description; `tables` are the boxes that follow `stsd` in `stbl`. */
export function trackBox(codec: Codec, bitrateBps: number, durationSamples: number, tables: readonly Bytes[]): Buffer {
	const header = fullBox(
		"tkhd",
		0,
		3, // enabled, in movie
		zeros(8),
		u32(TRACK_ID),
		zeros(4),
		u32(durationSamples),
		zeros(8),
		u16(0),
		u16(1),
		u16(0x100),
		u16(0),
		MATRIX,
		zeros(8),
	);
	const sampleTable = box("stbl", fullBox("stsd", 0, 0, u32(1), sampleEntry(codec, bitrateBps)), ...tables);
	const mediaInformation = box(
		"minf",
		fullBox("smhd", 0, 0, zeros(4)),
		box("dinf", fullBox("dref", 0, 0, u32(1), fullBox("url ", 0, 1))),
		sampleTable,
	);
	const media = box(
		"mdia",
		fullBox("mdhd", 0, 0, zeros(8), u32(SAMPLE_RATE_HZ), u32(durationSamples), u16(UNDETERMINED), u16(0)),
		fullBox("hdlr", 0, 0, zeros(4), ascii("soun"), zeros(12), ascii("\0")),
		mediaInformation,
	);
	return box("trak", header, media);
}

function sampleEntry(codec: Codec, bitrateBps: number): Buffer {
	const sound = Buffer.concat([zeros(6), u16(1), zeros(8), u16(1), u16(16), zeros(4), u32(SAMPLE_RATE_HZ * 0x10000)]);
	if (codec === "opus") {
		// OpusSpecificBox: version 0, one channel, pre-skip 0, input rate, no gain, mapping family 0.
		return box("Opus", sound, box("dOps", u8(0, 1), u16(0), u32(SAMPLE_RATE_HZ), u16(0), u8(0)));
	}
	const decoder = descriptor(
		4,
		u8(0x40, 0x15), // MPEG-4 audio, audio stream
		zeros(3),
		u32(bitrateBps),
		u32(bitrateBps),
		descriptor(5, AAC_CONFIG),
	);
	return box("mp4a", sound, fullBox("esds", 0, 0, descriptor(3, u16(TRACK_ID), u8(0), decoder, descriptor(6, u8(2)))));
}

function emptyTables(): Buffer[] {
	return [
		fullBox("stts", 0, 0, u32(0)),
		fullBox("stsc", 0, 0, u32(0)),
		fullBox("stsz", 0, 0, u32(0), u32(0)),
		fullBox("stco", 0, 0, u32(0)),
	];
}

/** ISO/IEC 14496-12 §4.2: size, type, body. */
export function box(type: string, ...body: readonly Bytes[]): Buffer {
	const bytes = body.reduce((sum, piece) => sum + piece.length, 8);
	return Buffer.concat([u32(bytes), ascii(type), ...body], bytes);
}

export function fullBox(type: string, version: number, flags: number, ...body: readonly Bytes[]): Buffer {
	return box(type, u32(version * 2 ** 24 + flags), ...body);
}

/** ISO/IEC 14496-1 §8.3.3, in the one-byte form: the body has fewer than 128 bytes. */
function descriptor(tag: number, ...body: readonly Bytes[]): Buffer {
	const bytes = body.reduce((sum, piece) => sum + piece.length, 0);
	return Buffer.concat([u8(tag, bytes), ...body]);
}

export const u8 = (...values: readonly number[]) => Buffer.from(values);
export const ascii = (text: string) => Buffer.from(text, "latin1");
export const zeros = (count: number) => Buffer.alloc(count);

export function u16(value: number): Buffer {
	const out = Buffer.alloc(2);
	out.writeUInt16BE(value);
	return out;
}

export function u32(value: number): Buffer {
	const out = Buffer.alloc(4);
	out.writeUInt32BE(value >>> 0);
	return out;
}

/** The identity of ISO/IEC 14496-12 §8.2.2. */
const MATRIX = Buffer.concat([u32(0x10000), zeros(12), u32(0x10000), zeros(12), u32(0x40000000)]);
/** "und" as ISO 639-2/T in three times five bits. */
const UNDETERMINED = 0x55c4;
