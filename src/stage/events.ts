import type { Log } from "#base/index.ts";
import type { LostReason } from "./seats.ts";

export type StageEvents = ReturnType<typeof createStageEvents>;

/** Everything the stage says about itself. Never called per packet. */
export function createStageEvents(log: Log) {
	return {
		opened(interviewId: string) {
			log("info", "stage.opened", { interviewId });
		},
		seated(seatId: string, sessionId: string, returning: boolean) {
			log("info", "stage.seated", { seatId, sessionId, returning });
		},
		refused(seatId: string, code: string) {
			log("info", "stage.refused", { seatId, code });
		},
		connected(seatId: string, sessionId: string, afterMs: number) {
			log("info", "stage.connected", { seatId, sessionId, afterMs: Math.round(afterMs) });
		},
		lost(seatId: string, sessionId: string, reason: LostReason) {
			log("info", "stage.lost", { seatId, sessionId, reason });
		},
		engineFailed(seatId: string, error: unknown) {
			log("error", "stage.engine_failed", { seatId, error });
		},
		removed(seatId: string) {
			log("info", "stage.removed", { seatId });
		},
		/** Once per connection, when it ends. */
		quality(seatId: string, counts: Readonly<Record<string, number>>) {
			log("debug", "stage.quality", { seatId, ...counts });
		},
		/** A speaker sent more packets than Opus can need, and was cut off. */
		flooded(seatId: string, sessionId: string) {
			log("warn", "stage.flooded", { seatId, sessionId });
		},
		returnFec(seatId: string, on: boolean, lossShare: number) {
			log("info", "stage.return_fec", { seatId, on, lossShare });
		},
		/** The process stood still: these ticks were never made. At most once a second. */
		ticksSkipped(ticks: number) {
			log("warn", "stage.ticks_skipped", { ticks });
		},
	};
}
