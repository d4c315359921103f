import type { BroadcastReport, Role, StageReport, StudioSnapshot } from "#wire/index.ts";
import { endedUnixMsOf, type Interview, mayDirect, onAirUnixMsOf } from "./interview.ts";

export type SnapshotInputs = {
	readonly interview: Interview;
	readonly you: { readonly seatId: string; readonly role: Role };
	readonly publicUrl: string;
	readonly serverUnixMs: number;
	readonly stage: StageReport | undefined;
	readonly stageReady: boolean;
	readonly stageEpoch: number;
	readonly programme: BroadcastReport | undefined;
	readonly listeners: { readonly settled: number; readonly open: number };
	readonly warnings: readonly string[];
};

/** Everything one studio shows. Pure. */
export function studioSnapshotOf(inputs: SnapshotInputs): StudioSnapshot {
	const { interview, you, stage } = inputs;
	const connections = new Map((stage?.seats ?? []).map((seat) => [seat.seatId, seat]));
	return {
		interviewId: interview.interviewId,
		slug: interview.slug,
		title: interview.title,
		publicUrl: `${inputs.publicUrl}/i/${interview.slug}`,
		phase: interview.lifecycle.phase,
		announcedStartUnixMs: interview.announcedStartUnixMs,
		timeZone: interview.timeZone,
		onAirUnixMs: onAirUnixMsOf(interview),
		endedUnixMs: endedUnixMsOf(interview),
		lateReason: interview.lateReason,
		serverUnixMs: inputs.serverUnixMs,
		you: { ...you, mayDirect: mayDirect(you.role) },
		seats: interview.seats.map((seat) => {
			const now = connections.get(seat.seatId);
			return {
				seatId: seat.seatId,
				name: seat.name,
				role: seat.role,
				place: seat.place,
				connection: now?.connection ?? "absent",
				muted: seat.muted,
				gainDb: seat.gainDb,
				levelDbfs: now?.levelDbfs ?? -100,
				speaking: now?.speaking ?? false,
				lossShare: now?.lossShare ?? 0,
				jitterMs: now?.jitterMs ?? 0,
				bufferMs: now?.bufferMs ?? 0,
				roundTripMs: now?.roundTripMs ?? null,
				packets: now?.packets ?? 0,
			};
		}),
		stageReady: inputs.stageReady,
		stageEpoch: inputs.stageEpoch,
		listeners: { ...inputs.listeners },
		programme: inputs.programme ?? null,
		warnings: [...inputs.warnings],
	};
}
