/** RTCP, RFC 3550 §6: sender reports, receiver reports, SDES CNAME, BYE. Pure: bytes in, fields out. */

const SENDER_REPORT = 200;
const RECEIVER_REPORT = 201;
const SOURCE_DESCRIPTION = 202;
const BYE = 203;
/** Packets in one compound. Browsers send two to five. */
const PACKETS_MAX = 16;

export type ReportBlock = {
	/** The source this is about. */
	readonly ssrc: number;
	/** Since the previous report, 0-1 in steps of 1/256. */
	readonly lossShare: number;
	/** Since the beginning; negative when duplicates outnumber losses. */
	readonly lostPackets: number;
	readonly highestSequence: number;
	/** In timestamp units. */
	readonly jitter: number;
	/** Middle 32 bits of the NTP time of the last sender report, 0 when there was none. */
	readonly lastSenderReport: number;
	/** 1/65,536 s. */
	readonly delaySinceLastSenderReport: number;
};

export type RtcpPacket =
	| {
			readonly kind: "sender_report";
			readonly ssrc: number;
			/** Middle 32 bits of its NTP time. */
			readonly ntpMiddle: number;
			readonly rtpTimestamp: number;
			readonly packets: number;
			readonly bytes: number;
			readonly blocks: readonly ReportBlock[];
	  }
	| { readonly kind: "receiver_report"; readonly ssrc: number; readonly blocks: readonly ReportBlock[] }
	| { readonly kind: "bye"; readonly ssrcs: readonly number[] };

/**
 * Reads a compound packet; kinds that are not ours (feedback, extended reports, descriptions) are skipped.
 *
 * @returns undefined when any part of it is malformed.
 */
export function parseRtcp(bytes: Buffer): RtcpPacket[] | undefined {
	if (bytes.length < 8) return undefined;
	const packets: RtcpPacket[] = [];
	let at = 0;
	for (let count = 0; at < bytes.length; count += 1) {
		if (count === PACKETS_MAX || at + 4 > bytes.length) return undefined;
		const first = bytes[at] as number;
		const end = at + 4 + 4 * bytes.readUInt16BE(at + 2);
		if (first >> 6 !== 2 || end > bytes.length) return undefined;
		const body = bytes.subarray(at + 4, end);
		const itemCount = first & 31;
		switch (bytes[at + 1]) {
			case SENDER_REPORT: {
				if (body.length < 24 + 24 * itemCount) return undefined;
				packets.push({
					kind: "sender_report",
					ssrc: body.readUInt32BE(0),
					ntpMiddle: body.readUInt32BE(6),
					rtpTimestamp: body.readUInt32BE(12),
					packets: body.readUInt32BE(16),
					bytes: body.readUInt32BE(20),
					blocks: readBlocks(body.subarray(24), itemCount),
				});
				break;
			}
			case RECEIVER_REPORT: {
				if (body.length < 4 + 24 * itemCount) return undefined;
				packets.push({
					kind: "receiver_report",
					ssrc: body.readUInt32BE(0),
					blocks: readBlocks(body.subarray(4), itemCount),
				});
				break;
			}
			case BYE: {
				if (body.length < 4 * itemCount) return undefined;
				packets.push({ kind: "bye", ssrcs: Array.from({ length: itemCount }, (_, i) => body.readUInt32BE(4 * i)) });
				break;
			}
			default:
		}
		at = end;
	}
	return packets;
}

/** What `writeReport` says about ourselves as a sender; left out while nothing is sent. */
export type SenderInfo = {
	readonly ntp: NtpTime;
	readonly rtpTimestamp: number;
	readonly packets: number;
	readonly bytes: number;
};
/** Seconds since 1900 and 1/2^32 s. */
export type NtpTime = { readonly seconds: number; readonly fraction: number };

export function ntpTime(unixMs: number): NtpTime {
	const seconds = Math.floor(unixMs / 1000);
	return {
		seconds: (seconds + 2_208_988_800) % 2 ** 32,
		fraction: Math.floor(((unixMs - 1000 * seconds) / 1000) * 2 ** 32),
	};
}

/** The 32 bits of it that travel in report blocks. */
export function ntpMiddle(time: NtpTime): number {
	return ((time.seconds % 65_536) * 65_536 + Math.floor(time.fraction / 65_536)) >>> 0;
}

/** A compound of sender or receiver report and a CNAME, as RFC 3550 §6.1 demands. @param blocks at most 31. */
export function writeReport(report: {
	readonly ssrc: number;
	readonly cname: string;
	readonly sender?: SenderInfo;
	readonly blocks: readonly ReportBlock[];
}): Buffer {
	const { sender, blocks } = report;
	const headBytes = sender ? 28 : 8;
	const cname = Buffer.from(report.cname, "ascii").subarray(0, 255);
	// Items end with at least one zero byte and are filled up to 32 bits.
	const chunkBytes = 4 * Math.ceil((4 + 2 + cname.length + 1) / 4);
	const out = Buffer.alloc(headBytes + 24 * blocks.length + 4 + chunkBytes);
	out[0] = 0x80 | blocks.length;
	out[1] = sender ? SENDER_REPORT : RECEIVER_REPORT;
	out.writeUInt16BE((headBytes + 24 * blocks.length) / 4 - 1, 2);
	out.writeUInt32BE(report.ssrc, 4);
	if (sender) {
		out.writeUInt32BE(sender.ntp.seconds, 8);
		out.writeUInt32BE(sender.ntp.fraction, 12);
		out.writeUInt32BE(sender.rtpTimestamp >>> 0, 16);
		out.writeUInt32BE(sender.packets % 2 ** 32, 20);
		out.writeUInt32BE(sender.bytes % 2 ** 32, 24);
	}
	let at = headBytes;
	for (const block of blocks) {
		out.writeUInt32BE(block.ssrc, at);
		out[at + 4] = Math.min(255, Math.max(0, Math.round(block.lossShare * 256)));
		out.writeIntBE(Math.min(0x7fffff, Math.max(-0x800000, block.lostPackets)), at + 5, 3);
		out.writeUInt32BE(block.highestSequence >>> 0, at + 8);
		out.writeUInt32BE(Math.round(block.jitter) >>> 0, at + 12);
		out.writeUInt32BE(block.lastSenderReport, at + 16);
		out.writeUInt32BE(block.delaySinceLastSenderReport >>> 0, at + 20);
		at += 24;
	}
	out[at] = 0x81;
	out[at + 1] = SOURCE_DESCRIPTION;
	out.writeUInt16BE(chunkBytes / 4, at + 2);
	out.writeUInt32BE(report.ssrc, at + 4);
	out[at + 8] = 1;
	out[at + 9] = cname.length;
	out.set(cname, at + 10);
	return out;
}

function readBlocks(bytes: Buffer, count: number): ReportBlock[] {
	return Array.from({ length: count }, (_, i) => {
		const at = 24 * i;
		return {
			ssrc: bytes.readUInt32BE(at),
			lossShare: (bytes[at + 4] as number) / 256,
			lostPackets: bytes.readIntBE(at + 5, 3),
			highestSequence: bytes.readUInt32BE(at + 8),
			jitter: bytes.readUInt32BE(at + 12),
			lastSenderReport: bytes.readUInt32BE(at + 16),
			delaySinceLastSenderReport: bytes.readUInt32BE(at + 20),
		};
	});
}
