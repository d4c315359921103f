/** RTP packets, RFC 3550 §5.1. Pure: bytes in, fields out. */

/** One RTP packet. `payload` shares memory with the bytes it was read from. */
export type RtpPacket = {
	readonly marker: boolean;
	/** 0-127. */
	readonly payloadType: number;
	/** 16 bits. */
	readonly sequence: number;
	/** 32 bits, 1/48,000 s for Opus. */
	readonly timestamp: number;
	readonly ssrc: number;
	/** Never empty. */
	readonly payload: Buffer;
};

const HEAD_BYTES = 12;

/** Whether bytes that share a port with RTP are RTCP (RFC 5761 §4): packet types 192-223. */
export function isRtcp(bytes: Buffer): boolean {
	const type = bytes[1] ?? 0;
	return type >= 192 && type <= 223;
}

/**
 * Reads one packet, skipping contributing sources, header extension and padding.
 *
 * @returns undefined when it is malformed or carries nothing (an empty payload keeps a path open and holds no sound).
 */
export function parseRtp(bytes: Buffer): RtpPacket | undefined {
	if (bytes.length < HEAD_BYTES) return undefined;
	const first = bytes[0] as number;
	if (first >> 6 !== 2) return undefined;
	let from = HEAD_BYTES + 4 * (first & 15);
	if (first & 0x10) {
		if (from + 4 > bytes.length) return undefined;
		from += 4 + 4 * bytes.readUInt16BE(from + 2);
	}
	let to = bytes.length;
	if (first & 0x20) {
		const paddingBytes = bytes[to - 1] as number;
		if (paddingBytes === 0) return undefined;
		to -= paddingBytes;
	}
	if (from >= to) return undefined;
	const second = bytes[1] as number;
	return {
		marker: (second & 0x80) !== 0,
		payloadType: second & 0x7f,
		sequence: bytes.readUInt16BE(2),
		timestamp: bytes.readUInt32BE(4),
		ssrc: bytes.readUInt32BE(8),
		payload: bytes.subarray(from, to),
	};
}

/** Writes a packet without extension or padding. `sequence` and `timestamp` are taken modulo 2^16 and 2^32. */
export function writeRtp(packet: Omit<RtpPacket, "payload"> & { readonly payload: Uint8Array }): Buffer {
	const out = Buffer.allocUnsafe(HEAD_BYTES + packet.payload.length);
	out[0] = 0x80;
	out[1] = (packet.marker ? 0x80 : 0) | packet.payloadType;
	out.writeUInt16BE(packet.sequence & 0xffff, 2);
	out.writeUInt32BE(packet.timestamp >>> 0, 4);
	out.writeUInt32BE(packet.ssrc >>> 0, 8);
	out.set(packet.payload, HEAD_BYTES);
	return out;
}

/** The value congruent to `value` modulo 2^bits that lies nearest to `near`: undoes wrap-around. */
export function unwrap(value: number, near: number, bits: 16 | 32): number {
	const span = 2 ** bits;
	const offset = (((value - near) % span) + span) % span;
	return offset < span / 2 ? near + offset : near + offset - span;
}
