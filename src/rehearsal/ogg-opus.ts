import { RehearsalError } from "./errors.ts";

/** Packets one file may hold: ten minutes at 20 ms. A longer file is refused. */
export const OGG_PACKETS_MAX = 30_000;

const PAGE_HEAD_BYTES = 27;
const CONTINUED = 1;

/**
 * The Opus packets of an Ogg file with one logical stream (RFC 3533 §6, RFC 7845 §3), headers left out.
 *
 * Checksums are not verified: the files are ours. Packets share memory with `file`, except those that lie across pages.
 *
 * @throws RehearsalError `speech_unreadable` when `file` is cut, is no Ogg, or its first packet is no OpusHead.
 */
export function readOggOpus(file: Uint8Array): Uint8Array[] {
	const bytes = Buffer.from(file.buffer, file.byteOffset, file.length);
	const packets: Uint8Array[] = [];
	let begun: Uint8Array[] = [];
	for (let at = 0; at < bytes.length; ) {
		if (bytes.length - at < PAGE_HEAD_BYTES || bytes.toString("latin1", at, at + 4) !== "OggS") {
			throw unreadable(`no page begins at byte ${at}`);
		}
		const continued = ((bytes[at + 5] as number) & CONTINUED) !== 0;
		if (continued !== begun.length > 0) throw unreadable(`the page at byte ${at} does not continue what was begun`);
		const lacingCount = bytes[at + 26] as number;
		const lacing = bytes.subarray(at + PAGE_HEAD_BYTES, at + PAGE_HEAD_BYTES + lacingCount);
		const bodyBytes = lacing.reduce((sum, value) => sum + value, 0);
		let from = at + PAGE_HEAD_BYTES + lacingCount;
		if (lacing.length < lacingCount || from + bodyBytes > bytes.length) {
			throw unreadable(`the page at byte ${at} is cut short`);
		}
		at = from + bodyBytes;
		let packetBytes = 0;
		for (const value of lacing) {
			packetBytes += value;
			if (value === 255) continue;
			const piece = bytes.subarray(from, from + packetBytes);
			packets.push(begun.length > 0 ? Buffer.concat([...begun, piece]) : piece);
			if (packets.length > OGG_PACKETS_MAX) throw unreadable(`it has more than ${OGG_PACKETS_MAX} packets`);
			begun = [];
			from += packetBytes;
			packetBytes = 0;
		}
		if (packetBytes > 0) begun.push(bytes.subarray(from, from + packetBytes));
	}
	if (begun.length > 0) throw unreadable("its last packet is cut short");
	const [head, tags, ...sound] = packets;
	if (!startsWith(head, "OpusHead") || !startsWith(tags, "OpusTags"))
		throw unreadable("it does not begin with Opus headers");
	return sound;
}

function startsWith(packet: Uint8Array | undefined, magic: string): boolean {
	return packet !== undefined && Buffer.from(packet.subarray(0, magic.length)).toString("latin1") === magic;
}

function unreadable(found: string): RehearsalError {
	return new RehearsalError("speech_unreadable", `Cannot read the speech as it must be Ogg Opus: ${found}`);
}
