/** Payload type of Opus in our offers. */
export const OPUS_PAYLOAD_TYPE = 111;
const SAMPLES_PER_MS = 48;
const HEAD_BYTES = 12;

/** Numbers and stamps the packets of one RTP source (RFC 3550 §5.1, RFC 7587: 48 kHz whatever the sound's own rate). */
export class RtpSource {
	readonly ssrc: number;
	#sequence: number;
	readonly #stampOffset: number;

	/** @param unit a source of floats in [0, 1) for the random starts that RFC 3550 asks for. */
	constructor(unit: () => number) {
		this.ssrc = 1 + Math.floor(unit() * 0xffff_fffe);
		this.#sequence = Math.floor(unit() * 0x1_0000);
		this.#stampOffset = Math.floor(unit() * 0x1_0000_0000);
	}

	/** @param atMs when the payload's first sample was "recorded", on the speaker's own clock; a jump is a silence. */
	packet(payload: Uint8Array, atMs: number): Buffer {
		const out = Buffer.allocUnsafe(HEAD_BYTES + payload.length);
		out[0] = 0x80;
		out[1] = OPUS_PAYLOAD_TYPE;
		out.writeUInt16BE(this.#sequence, 2);
		out.writeUInt32BE((this.#stampOffset + Math.round(atMs) * SAMPLES_PER_MS) % 0x1_0000_0000, 4);
		out.writeUInt32BE(this.ssrc, 8);
		out.set(payload, HEAD_BYTES);
		this.#sequence = (this.#sequence + 1) & 0xffff;
		return out;
	}

	/** Counts a packet that is lost on the way: the receiver sees a hole in the numbering. */
	lose(): void {
		this.#sequence = (this.#sequence + 1) & 0xffff;
	}
}

/** One received RTP packet's Opus, or undefined when `packet` is RTCP, of another payload type, or malformed. Shares memory. */
export function opusOf(packet: Buffer): { readonly sequence: number; readonly payload: Buffer } | undefined {
	if (packet.length < HEAD_BYTES || (packet[0] as number) >> 6 !== 2) return undefined;
	if (((packet[1] as number) & 0x7f) !== OPUS_PAYLOAD_TYPE) return undefined;
	const flags = packet[0] as number;
	let from = HEAD_BYTES + 4 * (flags & 0x0f);
	if (flags & 0x10) {
		if (packet.length < from + 4) return undefined;
		from += 4 + 4 * packet.readUInt16BE(from + 2);
	}
	const to = flags & 0x20 ? packet.length - (packet[packet.length - 1] as number) : packet.length;
	if (from >= to) return undefined;
	return { sequence: packet.readUInt16BE(2), payload: packet.subarray(from, to) };
}
