/**
 * Ogg pages (RFC 3533) of Opus (RFC 7845), one page per call. Stateless: a page is a function of its serial
 * number, sequence number, granule position and packets, so a stream can be resumed by another process.
 */
import { SAMPLE_RATE_HZ } from "#wire/index.ts";
import type { Bytes } from "./fmp4.ts";

export const FIRST_PAGE = 2;
export const LAST_PAGE = 4;

/**
 * @param flags 0, FIRST_PAGE or LAST_PAGE (header_type of RFC 3533 §6).
 * @param granule sample index of the end of the last packet; pre-skip is 0.
 * @param packets whole packets, at most 255 lacing values together.
 */
export function oggPage(
	serial: number,
	pageSequence: number,
	flags: number,
	granule: number,
	packets: readonly Bytes[],
): Buffer {
	const lacing: number[] = [];
	let payloadBytes = 0;
	for (const packet of packets) {
		let rest = packet.length;
		payloadBytes += rest;
		for (; rest >= 255; rest -= 255) lacing.push(255);
		lacing.push(rest);
	}
	if (lacing.length > 255) {
		throw new RangeError(`Cannot write an Ogg page as it must have at most 255 lacing values: it has ${lacing.length}`);
	}
	const out = Buffer.allocUnsafe(HEADER_BYTES + lacing.length + payloadBytes);
	out.write("OggS", 0, "latin1");
	out[4] = 0;
	out[5] = flags;
	out.writeBigUInt64LE(BigInt(granule), 6);
	out.writeUInt32LE(serial >>> 0, 14);
	out.writeUInt32LE(pageSequence >>> 0, 18);
	out.writeUInt32LE(0, CRC_AT);
	out[26] = lacing.length;
	let at = HEADER_BYTES;
	for (const value of lacing) out[at++] = value;
	for (const packet of packets) {
		out.set(packet, at);
		at += packet.length;
	}
	out.writeUInt32LE(oggCrc(out), CRC_AT);
	return out;
}

/** Pages before the first page of sound. */
export const HEAD_PAGES = 2;

/** The two header pages every stream begins with (RFC 7845 §3). `comments` are `NAME=value`, together below 64,000 bytes. */
export function oggHead(serial: number, comments: readonly string[]): Buffer {
	return Buffer.concat([
		oggPage(serial, 0, FIRST_PAGE, 0, [opusHead()]),
		oggPage(serial, 1, 0, 0, [opusTags(comments)]),
	]);
}

/** RFC 7845 §5.1: one channel, pre-skip 0, 48 kHz, no gain, mapping family 0. */
function opusHead(): Buffer {
	const out = Buffer.alloc(19);
	out.write("OpusHead", 0, "latin1");
	out[8] = 1;
	out[9] = 1;
	out.writeUInt32LE(SAMPLE_RATE_HZ, 12);
	return out;
}

/** RFC 7845 §5.2. */
function opusTags(comments: readonly string[]): Buffer {
	const pieces = [
		Buffer.from("OpusTags"),
		lengthAndText(VENDOR),
		u32le(comments.length),
		...comments.map(lengthAndText),
	];
	return Buffer.concat(pieces);
}

function lengthAndText(text: string): Buffer {
	const bytes = Buffer.from(text);
	return Buffer.concat([u32le(bytes.length), bytes]);
}

function u32le(value: number): Buffer {
	const out = Buffer.alloc(4);
	out.writeUInt32LE(value);
	return out;
}

export type OggPageRead = {
	readonly serial: number;
	readonly pageSequence: number;
	readonly flags: number;
	readonly granule: number;
	readonly packets: readonly Buffer[];
};

/**
 * Reads pages whose packets do not cross pages, as all of ours.
 *
 * @throws RangeError at the first byte that is no whole page with a right checksum.
 */
export function readOggPages(bytes: Buffer): OggPageRead[] {
	const pages: OggPageRead[] = [];
	for (let at = 0; at < bytes.length; ) {
		if (bytes.length < at + HEADER_BYTES || bytes.toString("latin1", at, at + 4) !== "OggS") {
			throw new RangeError(`Cannot read Ogg as a page must begin at byte ${at}: there is none`);
		}
		const lacingCount = bytes[at + 26] as number;
		const lacing = bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + lacingCount);
		const payloadBytes = lacing.reduce((sum, value) => sum + value, 0);
		const pageBytes = HEADER_BYTES + lacingCount + payloadBytes;
		const page = Buffer.from(bytes.subarray(at, at + pageBytes));
		if (lacing.length < lacingCount || page.length < pageBytes) {
			throw new RangeError(`Cannot read Ogg as the page at byte ${at} is cut short`);
		}
		const crc = page.readUInt32LE(CRC_AT);
		page.writeUInt32LE(0, CRC_AT);
		if (oggCrc(page) !== crc) throw new RangeError(`Cannot read Ogg as the page at byte ${at} has a wrong checksum`);
		if (lacing.at(-1) === 255) throw new RangeError(`Cannot read Ogg as a packet crosses the page at byte ${at}`);
		const packets: Buffer[] = [];
		let from = HEADER_BYTES + lacingCount;
		let packetBytes = 0;
		for (const value of lacing) {
			packetBytes += value;
			if (value === 255) continue;
			packets.push(page.subarray(from, from + packetBytes));
			from += packetBytes;
			packetBytes = 0;
		}
		pages.push({
			serial: page.readUInt32LE(14),
			pageSequence: page.readUInt32LE(18),
			flags: page[5] as number,
			granule: Number(page.readBigUInt64LE(6)),
			packets,
		});
		at += pageBytes;
	}
	return pages;
}

const VENDOR = "rostra";
const HEADER_BYTES = 27;
const CRC_AT = 22;

/** CRC-32 of RFC 3533 §6: polynomial 0x04c11db7, not reflected, initial and final value 0. */
export function oggCrc(bytes: Bytes): number {
	let crc = 0;
	for (let i = 0; i < bytes.length; i += 1) {
		crc = (crc << 8) ^ (CRC_TABLE[(crc >>> 24) ^ (bytes[i] as number)] as number);
	}
	return crc >>> 0;
}

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
	let value = byte << 24;
	for (let bit = 0; bit < 8; bit += 1) value = value < 0 ? (value << 1) ^ 0x04c11db7 : value << 1;
	return value;
});
