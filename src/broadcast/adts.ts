import type { Bytes } from "./fmp4.ts";

const HEADER_BYTES = 7;

/**
 * AAC frames with ADTS headers (ISO/IEC 14496-3 §1.A.2.2): AAC-LC, 48 kHz, one channel, no CRC. Stateless.
 *
 * @param frames raw_data_blocks, each of at most 8,184 bytes.
 */
export function adtsFrames(frames: readonly Bytes[]): Buffer {
	const out = Buffer.allocUnsafe(frames.reduce((sum, frame) => sum + HEADER_BYTES + frame.length, 0));
	let at = 0;
	for (const frame of frames) {
		const frameBytes = HEADER_BYTES + frame.length;
		out[at] = 0xff;
		out[at + 1] = 0xf1; // MPEG-4, layer 0, no CRC
		out[at + 2] = 0x4c; // profile LC, sampling_frequency_index 3
		out[at + 3] = 0x40 | (frameBytes >> 11); // channel_configuration 1
		out[at + 4] = (frameBytes >> 3) & 0xff;
		out[at + 5] = ((frameBytes & 7) << 5) | 0x1f; // buffer fullness 0x7ff: variable bit rate
		out[at + 6] = 0xfc;
		out.set(frame, at + HEADER_BYTES);
		at += frameBytes;
	}
	return out;
}

/** The raw frames of a stream written by `adtsFrames`. @throws RangeError where a header is missing. */
export function readAdtsFrames(bytes: Buffer): Buffer[] {
	const frames: Buffer[] = [];
	for (let at = 0; at < bytes.length; ) {
		if (bytes.length < at + HEADER_BYTES || bytes.readUInt16BE(at) !== 0xfff1) {
			throw new RangeError(`Cannot read ADTS as a header must be at byte ${at}: there is none`);
		}
		const frameBytes =
			(((bytes[at + 3] as number) & 3) << 11) | ((bytes[at + 4] as number) << 3) | ((bytes[at + 5] as number) >> 5);
		if (frameBytes < HEADER_BYTES || at + frameBytes > bytes.length) {
			throw new RangeError(`Cannot read ADTS as the frame at byte ${at} is cut short`);
		}
		frames.push(bytes.subarray(at + HEADER_BYTES, at + frameBytes));
		at += frameBytes;
	}
	return frames;
}
