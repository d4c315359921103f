import type { MonoMs } from "#base/index.ts";
import { SAMPLE_RATE_HZ } from "#wire/index.ts";
import { DROPOUT_PACKETS_MAX, MISORDER_PACKETS_MAX, PACKETS_PER_S_MAX, PROBATION_PACKETS } from "./config.ts";
import type { ReportBlock, RtcpPacket } from "./rtcp.ts";
import { ntpMiddle, ntpTime } from "./rtcp.ts";
import type { RtpPacket } from "./rtp.ts";

/** Loss is reported over this long. */
const LOSS_SLOTS = 5;
const LOSS_SLOT_MS = 1_000;

/** What `ReceivedRtp.take` makes of a packet. */
export type Taken =
	/** Packets for the jitter buffer, oldest first. */
	| { readonly kind: "packets"; readonly packets: readonly ArrivedPacket[]; readonly newStream: boolean }
	| { readonly kind: "ignored" }
	/** More packets per second than any sender of Opus needs. */
	| { readonly kind: "flood" };

export type ArrivedPacket = RtpPacket & { readonly arrivedMs: MonoMs };

const IGNORED: Taken = { kind: "ignored" };

/**
 * One connection's incoming RTP: which SSRC is believed, what is lost, how evenly it comes, and how long the
 * way there and back takes (RFC 3550 §6.4, §A.1, §A.3, §A.8). Pure.
 */
export class ReceivedRtp {
	readonly #payloadType: number;
	#ssrc: number | undefined;
	/** Candidate for a new stream: in sequence, at most PROBATION_PACKETS. */
	#probation: ArrivedPacket[] = [];
	/** Extended highest sequence number, and where counting began. */
	#highest = 0;
	#base = 0;
	#received = 0;
	#badSequence: number | undefined;
	#jitter = 0;
	#transit: number | undefined;
	#expectedAtReport = 0;
	#receivedAtReport = 0;
	/** Expected and received packets at the start of each of the last seconds. */
	#slots: { expected: number; received: number }[] = [];
	#slotMs = 0;
	#slotPackets = 0;
	#lastSenderReport = 0;
	#lastSenderReportMs = 0;
	/** All packets, whatever their stream. */
	packets = 0;
	malformed = 0;
	/** Share of packets that never came over the last 5 s, 0-1. */
	lossShare = 0;
	/** Null until a report block answered one of our sender reports. */
	roundTripMs: number | null = null;

	/** @param payloadType what the answer agreed on; packets of another one are counted as malformed. */
	constructor(payloadType: number) {
		this.#payloadType = payloadType;
	}

	/** The stream that is believed; undefined before the first. */
	get ssrc(): number | undefined {
		return this.#ssrc;
	}

	/** RFC 3550 §6.4.1, in milliseconds. */
	get jitterMs(): number {
		return (1000 * this.#jitter) / SAMPLE_RATE_HZ;
	}

	take(packet: RtpPacket, nowMs: MonoMs): Taken {
		this.packets += 1;
		if (this.#startSlots(nowMs)) return { kind: "flood" };
		if (packet.payloadType !== this.#payloadType) {
			this.malformed += 1;
			return IGNORED;
		}
		if (packet.ssrc !== this.#ssrc) return this.#probe(packet, nowMs);
		this.#probation = [];
		const ahead = (packet.sequence - this.#highest) & 0xffff;
		if (ahead >= DROPOUT_PACKETS_MAX && ahead <= 65_536 - MISORDER_PACKETS_MAX) {
			// A jump of the sequence: believed once the next packet continues it.
			if (packet.sequence !== this.#badSequence) {
				this.#badSequence = (packet.sequence + 1) & 0xffff;
				return IGNORED;
			}
			this.#begin(packet);
			this.#count(packet, nowMs);
			return { kind: "packets", packets: [{ ...packet, arrivedMs: nowMs }], newStream: true };
		}
		if (ahead < DROPOUT_PACKETS_MAX) this.#highest += ahead;
		this.#badSequence = undefined;
		this.#count(packet, nowMs);
		return { kind: "packets", packets: [{ ...packet, arrivedMs: nowMs }], newStream: false };
	}

	/** @param ours the SSRC that we send with: report blocks about others are not for us. */
	takeReport(report: RtcpPacket, ours: number, nowMs: MonoMs, unixMs: number): ReportBlock | undefined {
		if (report.kind === "bye") return undefined;
		if (report.kind === "sender_report" && report.ssrc === this.#ssrc) {
			this.#lastSenderReport = report.ntpMiddle;
			this.#lastSenderReportMs = nowMs;
		}
		const block = report.blocks.find((b) => b.ssrc === ours);
		if (block && block.lastSenderReport !== 0) {
			const units = (ntpMiddle(ntpTime(unixMs)) - block.lastSenderReport - block.delaySinceLastSenderReport) >>> 0;
			// A minute and more is no round trip but a confused or lying peer.
			if (units < 60 * 65_536) this.roundTripMs = (1000 * units) / 65_536;
		}
		return block;
	}

	/** What to report about the stream, or undefined before there is one. Each call begins a new interval. */
	reportBlock(nowMs: MonoMs): ReportBlock | undefined {
		if (this.#ssrc === undefined) return undefined;
		const expected = this.#expected();
		const expectedNow = expected - this.#expectedAtReport;
		const lostNow = expectedNow - (this.#received - this.#receivedAtReport);
		this.#expectedAtReport = expected;
		this.#receivedAtReport = this.#received;
		return {
			ssrc: this.#ssrc,
			lossShare: expectedNow > 0 ? Math.max(0, lostNow) / expectedNow : 0,
			lostPackets: expected - this.#received,
			highestSequence: this.#highest,
			jitter: this.#jitter,
			lastSenderReport: this.#lastSenderReport,
			delaySinceLastSenderReport:
				this.#lastSenderReport === 0 ? 0 : Math.round(((nowMs - this.#lastSenderReportMs) / 1000) * 65_536),
		};
	}

	/** Another SSRC: believed when PROBATION_PACKETS of it came in sequence while the old one was silent. */
	#probe(packet: RtpPacket, nowMs: MonoMs): Taken {
		const last = this.#probation.at(-1);
		const continues = last?.ssrc === packet.ssrc && ((last.sequence + 1) & 0xffff) === packet.sequence;
		const arrived = { ...packet, arrivedMs: nowMs };
		if (continues) this.#probation.push(arrived);
		else this.#probation = [arrived];
		// The first stream of a connection has nothing to be confused with.
		if (this.#ssrc !== undefined && this.#probation.length < PROBATION_PACKETS) return IGNORED;
		const packets = this.#probation;
		this.#probation = [];
		this.#begin(packets[0] as RtpPacket);
		this.#highest += packets.length - 1;
		for (const believed of packets) this.#count(believed, believed.arrivedMs);
		return { kind: "packets", packets, newStream: true };
	}

	#begin(packet: RtpPacket): void {
		this.#ssrc = packet.ssrc;
		this.#base = packet.sequence;
		this.#highest = packet.sequence;
		this.#received = 0;
		this.#badSequence = undefined;
		this.#transit = undefined;
		this.#expectedAtReport = 0;
		this.#receivedAtReport = 0;
		this.#slots = [];
		this.#lastSenderReport = 0;
	}

	#count(packet: RtpPacket, nowMs: MonoMs): void {
		this.#received += 1;
		const transit = (nowMs * SAMPLE_RATE_HZ) / 1000 - packet.timestamp;
		if (this.#transit !== undefined) {
			const difference = Math.abs(transit - this.#transit);
			// A timestamp that wrapped around or jumped says nothing about the network.
			if (difference < SAMPLE_RATE_HZ) this.#jitter += (difference - this.#jitter) / 16;
		}
		this.#transit = transit;
	}

	#expected(): number {
		return this.#highest - this.#base + 1;
	}

	/** @returns true when too many packets came within a second. */
	#startSlots(nowMs: MonoMs): boolean {
		this.#slotPackets += 1;
		if (nowMs - this.#slotMs < LOSS_SLOT_MS) return this.#slotPackets > PACKETS_PER_S_MAX;
		this.#slotMs = nowMs;
		this.#slotPackets = 1;
		if (this.#ssrc === undefined) return false;
		const now = { expected: this.#expected(), received: this.#received };
		this.#slots.push(now);
		if (this.#slots.length > LOSS_SLOTS + 1) this.#slots.shift();
		const from = this.#slots[0] as { expected: number; received: number };
		const expected = now.expected - from.expected;
		const lost = expected - (now.received - from.received);
		this.lossShare = expected > 0 ? Math.min(1, Math.max(0, lost / expected)) : 0;
		return false;
	}
}
