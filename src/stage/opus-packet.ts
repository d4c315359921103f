/** What an Opus packet says about itself, RFC 6716 §3. Pure; decodes nothing. */

/** Samples at 48 kHz of one frame, by the configuration number's low bits. */
const SILK_SAMPLES = [480, 960, 1920, 2880] as const;
const CELT_SAMPLES = [120, 240, 480, 960] as const;
/** 120 ms, RFC 6716 §3.4 R5. */
const PACKET_SAMPLES_MAX = 5_760;
/** Larger packets hold several frames of 510 kb/s: nobody's voice. RFC 6716 §3.4 R2 bounds a frame. */
const FRAME_BYTES_MAX = 1_275;

/** Twenty milliseconds of silence that every decoder reads the same: CELT, mono, full band. */
export const SILENCE_PACKET: Uint8Array = Uint8Array.of(0xf8, 0xff, 0xfe);

/** Samples per channel at 48 kHz of a whole packet. @returns undefined when its first bytes are no Opus packet's. */
export function opusSamples(packet: Uint8Array): number | undefined {
	const toc = packet[0];
	if (toc === undefined) return undefined;
	let frames: number;
	switch (toc & 3) {
		case 0:
			if (packet.length - 1 > FRAME_BYTES_MAX) return undefined;
			frames = 1;
			break;
		case 1:
			if (packet.length % 2 === 0 || packet.length - 1 > 2 * FRAME_BYTES_MAX) return undefined;
			frames = 2;
			break;
		case 2:
			if (packet.length < 2) return undefined;
			frames = 2;
			break;
		default:
			frames = (packet[1] ?? 0) & 63;
	}
	const samples = frames * frameSamples(toc);
	return samples > 0 && samples <= PACKET_SAMPLES_MAX ? samples : undefined;
}

/** Whether the sender stopped sending for a silence (discontinuous transmission): nothing follows the first two bytes. */
export function opusIsDtx(packet: Uint8Array): boolean {
	return packet.length <= 2;
}

/**
 * Whether a packet carries a spare copy of the one before it (in-band FEC, RFC 6716 §4.2.4).
 *
 * The flag is a plain bit behind the voice flags of its SILK frames, one per 20 ms; CELT has none.
 */
export function opusHasFec(packet: Uint8Array): boolean {
	const toc = packet[0] ?? 0xff;
	if (toc & 0x80) return false;
	const silkFrames = Math.max(1, frameSamples(toc) / 960);
	const body = firstFrameAt(packet);
	if (body === undefined) return false;
	const flags = packet[body];
	if (flags === undefined) return false;
	const mid = (flags >> (7 - silkFrames)) & 1;
	const side = toc & 4 ? (flags >> (6 - 2 * silkFrames)) & 1 : 0;
	return mid === 1 || side === 1;
}

function frameSamples(toc: number): number {
	const config = toc >> 3;
	if (config < 12) return SILK_SAMPLES[config & 3] as number;
	if (config < 16) return config & 1 ? 960 : 480;
	return CELT_SAMPLES[config & 3] as number;
}

function firstFrameAt(packet: Uint8Array): number | undefined {
	switch ((packet[0] as number) & 3) {
		case 0:
		case 1:
			return 1;
		case 2:
			return 1 + lengthBytes(packet, 1);
		default: {
			// RFC 6716 §3.2.5: a count byte, the length of the padding, the lengths of all frames but the last.
			const count = packet[1];
			if (count === undefined) return undefined;
			let at = 2;
			if (count & 0x40) {
				while (packet[at] === 255) at += 1;
				at += 1;
			}
			if (count & 0x80) for (let frame = 1; frame < (count & 63); frame += 1) at += lengthBytes(packet, at);
			return at;
		}
	}
}

function lengthBytes(packet: Uint8Array, at: number): number {
	return (packet[at] ?? 0) < 252 ? 1 : 2;
}
