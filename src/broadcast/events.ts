import type { Log } from "#base/index.ts";

export type BroadcastEvents = ReturnType<typeof createBroadcastEvents>;

export function createBroadcastEvents(log: Log) {
	return {
		opened(fields: { readonly interviewId: string; readonly nextPart: number; readonly resumed: boolean }) {
			log("info", "broadcast.opened", fields);
		},
		caughtUp(fields: { readonly parts: number; readonly filledParts: number; readonly tookMs: number }) {
			log("info", "broadcast.caught_up", fields);
		},
		onAir(part: number) {
			log("info", "broadcast.on_air", { part });
		},
		ended(part: number, reason: "asked" | "longest") {
			log("info", "broadcast.ended", { part, reason });
		},
		/** Once when a write fails, not per part. */
		diskFull(part: number, error: unknown) {
			log("error", "broadcast.disk_full", { part, error });
		},
		diskOk(part: number) {
			log("info", "broadcast.disk_ok", { part });
		},
		segmentNotSynced(sequence: number, error: unknown) {
			log("error", "broadcast.segment_not_synced", { sequence, error });
		},
		timelineNotWritten(error: unknown) {
			log("error", "broadcast.timeline_not_written", { error });
		},
		resumeNotWritten(error: unknown) {
			log("warn", "broadcast.resume_not_written", { error });
		},
		recordingMade(fields: { readonly durationMs: number; readonly bytes: number; readonly tookMs: number }) {
			log("info", "broadcast.recording_made", fields);
		},
		recordingFailed(error: unknown) {
			log("error", "broadcast.recording_failed", { error });
		},
		mp3Started(fields: { readonly fromBeat: number; readonly tookMs: number }) {
			log("info", "broadcast.mp3_started", fields);
		},
		/** Nobody has wanted it for a while. */
		mp3Stopped(nextBeat: number) {
			log("info", "broadcast.mp3_stopped", { nextBeat });
		},
		/** The next wish tries again. */
		mp3Failed(error: unknown) {
			log("error", "broadcast.mp3_failed", { error });
		},
		/** Once per process: hold sound plays without them. */
		noticesUnreadable(error: unknown) {
			log("warn", "broadcast.notices_unreadable", { error });
		},
		/** Once per tail that could not be read back: edges read the segments instead. */
		tailUnreadable(error: unknown) {
			log("warn", "broadcast.tail_unreadable", { error });
		},
	};
}
