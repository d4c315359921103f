import { createDecoder } from "libopus-wasm";
import type { Objects } from "#objects/index.ts";
import {
	MP3_BITRATE_BPS,
	MP3_FRAME_BYTES,
	MP3_FRAME_SAMPLES,
	PART_SAMPLES,
	type ProgrammeTimeline,
	SAMPLE_RATE_HZ,
	segmentsBetween,
} from "#wire/index.ts";
import { ascii, type Bytes, u8, u16, u32, zeros } from "./fmp4.ts";
import { FRAME_HEAD, MP3_ENCODER_DELAY_SAMPLES, Mp3Encoder } from "./mp3.ts";
import { readSegmentPackets, type Tags } from "./recording.ts";

/** Side information of a frame of one channel (ISO/IEC 11172-3 §2.4.1.7). */
const SIDE_BYTES = 17;

/**
 * `recording.mp3`: ID3v2 tags, an Info frame, and the recording's Opus packets encoded again. A function of segments,
 * timeline and tags alone.
 *
 * @param timeline of an interview that has ended after it was on air.
 * @param onProgress gets the share that is done, 0 to 1, after each segment.
 * @throws BroadcastError when it cannot be encoded; the disk's errors.
 */
export async function* mp3File(
	objects: Objects,
	timeline: ProgrammeTimeline,
	tags: Tags,
	onProgress: (share: number) => void,
): AsyncGenerator<Buffer> {
	const { interviewId, onAirPart, endPart } = timeline;
	if (onAirPart === null || endPart === null)
		throw new RangeError("Cannot make MP3 of an interview without a recording");
	const { frameCount, paddingSamples } = framesFor((endPart - onAirPart) * PART_SAMPLES);
	yield id3v2(tags);
	yield infoFrame(frameCount, paddingSamples);
	using decoder = await createDecoder({ channels: 1, sampleRate: SAMPLE_RATE_HZ });
	using encoder = await Mp3Encoder.open();
	let made = 0;
	for (const span of segmentsBetween(timeline, onAirPart, endPart)) {
		const frames: Buffer[] = [];
		for (const packet of (await readSegmentPackets(objects, interviewId, "opus48", span)).flat()) {
			frames.push(...encoder.encode(pcm16(decoder.decodeFloat(packet))));
		}
		made += frames.length;
		yield Buffer.concat(frames);
		onProgress((span.firstPart + span.partCount - onAirPart) / (endPart - onAirPart));
	}
	const last = encoder.flush();
	if (made + last.length !== frameCount) {
		throw new RangeError(
			`Cannot finish MP3 as its Info frame tells of ${frameCount} frames: ${made + last.length} were made`,
		);
	}
	yield Buffer.concat(last);
}

export function pcm16(samples: Float32Array): Int16Array {
	return Int16Array.from(samples, (sample) => Math.max(-32_768, Math.min(32_767, Math.round(sample * 32_767))));
}

/** Frames that LAME makes of so many samples, the flush included, and the samples of silence it puts behind them. */
function framesFor(samples: number): { frameCount: number; paddingSamples: number } {
	const behindDelay = samples + MP3_ENCODER_DELAY_SAMPLES;
	let paddingSamples = MP3_FRAME_SAMPLES - (behindDelay % MP3_FRAME_SAMPLES);
	// The decoder's delay must find room in it.
	if (paddingSamples < MP3_ENCODER_DELAY_SAMPLES) paddingSamples += MP3_FRAME_SAMPLES;
	return { frameCount: (behindDelay + paddingSamples) / MP3_FRAME_SAMPLES, paddingSamples };
}

/** ID3v2.3, which old players read too: title, artists, date. */
function id3v2({ title, artists, dateIso }: Tags): Buffer {
	const frame = (id: string, body: Bytes) => Buffer.concat([ascii(id), u32(body.length), u16(0), body]);
	// §3.3: text is ISO 8859-1 (0) or UTF-16 with a byte order mark (1).
	const utf16 = (text: string) => Buffer.concat([u8(1, 0xff, 0xfe), Buffer.from(text, "utf16le")]);
	const digits = (text: string) => Buffer.concat([u8(0), ascii(text)]);
	const date = /^(\d{4})-(\d\d)-(\d\d)/.exec(dateIso);
	const frames = Buffer.concat([
		frame("TIT2", utf16(title)),
		frame("TPE1", utf16(artists.join(", "))),
		...(date ? [frame("TYER", digits(date[1] as string)), frame("TDAT", digits(`${date[3]}${date[2]}`))] : []),
		frame("TENC", digits("Rostra")),
	]);
	// §3.1: seven bits of each byte.
	const size = u8(
		(frames.length >> 21) & 127,
		(frames.length >> 14) & 127,
		(frames.length >> 7) & 127,
		frames.length & 127,
	);
	return Buffer.concat([ascii("ID3"), u8(3, 0, 0), size, frames]);
}

/**
 * The frame of silence before the sound by which players know the length, where to seek, and what to leave out at both
 * ends, so that sample 0 is the recording's first. No standard has it: what Xing began and LAME's "mp3 info tag" adds.
 */
function infoFrame(frameCount: number, paddingSamples: number): Buffer {
	const bytes = (1 + frameCount) * MP3_FRAME_BYTES;
	const places = Buffer.from(Array.from({ length: 100 }, (_, percent) => Math.floor((256 * percent) / 100)));
	const told = Buffer.concat([
		FRAME_HEAD,
		zeros(SIDE_BYTES),
		ascii("Info"),
		u32(15), // all four of: frames, bytes, places, quality
		u32(frameCount),
		u32(bytes),
		places,
		u32(0),
		ascii("LAME3.100"),
		u8(1, 0), // constant bit rate; low pass not told
		zeros(9), // no peak, no gains, no flags
		u8(MP3_BITRATE_BPS / 1_000),
		u32((MP3_ENCODER_DELAY_SAMPLES << 12) | paddingSamples).subarray(1),
		zeros(4),
		u32(bytes),
		u16(0),
	]);
	return Buffer.concat([told, u16(crc16(told))], MP3_FRAME_BYTES);
}

/** CRC-16/ARC, of which the info tag has one. */
function crc16(bytes: Uint8Array): number {
	let crc = 0;
	for (const byte of bytes) {
		crc ^= byte;
		for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
	}
	return crc;
}
