import type { Log } from "#base/index.ts";
import type { Interview } from "./interview.ts";
import type { Transition } from "./lifecycle.ts";

/** Counts of things worth knowing, by name and one few-valued attribute; shown on /metrics. */
export class Counters {
	readonly #counts = new Map<string, number>();

	count(name: string, attribute = ""): void {
		const key = attribute ? `${name}{${attribute}}` : name;
		this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
	}

	/** Prometheus text format, one line per counter. */
	lines(): string[] {
		return [...this.#counts].sort().map(([key, value]) => `${key} ${value}`);
	}
}

/** What control tells the operator. Nothing else in `interviews` touches log or counters. */
export function createInterviewEvents(log: Log, counters: Counters) {
	return {
		moved(interview: Interview, { sequence, from, to, actor, cause }: Transition) {
			counters.count("rostra_transitions_total", `to="${to}"`);
			log("info", "interview.moved", { interview: interview.slug, sequence, from, to, actor, cause });
		},
		seatAccepted(interviewId: string, seatId: string) {
			counters.count("rostra_whip_sessions_total");
			log("info", "whip.accepted", { interviewId, seatId });
		},
		/** One per refused request: a count, and no log line a stranger could fill the disk with. */
		refused(code: string) {
			counters.count("rostra_refused_total", `code="${code}"`);
		},
		/** Told once until it works again. */
		cannotOpen(interviewId: string, what: string, detail: string) {
			counters.count("rostra_open_failed_total", `what="${what}"`);
			log("warn", "interview.cannot_open", { interviewId, what, detail });
		},
		programmeUnreachable(interviewId: string, command: string) {
			log("warn", "interview.programme_unreachable", { interviewId, command });
		},
		/** It was not waited for; it takes what it missed when it is back. */
		doorBehind(process: string) {
			log("warn", "interview.door_behind", { process });
		},
		mp3Made(fields: { readonly interviewId: string; readonly bytes: number; readonly tookMs: number }) {
			log("info", "recording.mp3_made", fields);
		},
		mp3NotMade(interviewId: string, error: unknown) {
			log("error", "recording.mp3_not_made", { interviewId, error: textOf(error) });
		},
		processFailed(subject: string, error: unknown) {
			log("error", "interview.process_failed", { subject, error: textOf(error) });
		},
		storeLost(what: string, waitingCount: number, error: unknown) {
			counters.count("rostra_database_lost_total");
			log("error", "database.lost", { what, waitingCount, error: textOf(error) });
		},
		storeReturned(what: string) {
			log("info", "database.returned", { what });
		},
		standbyFailed(what: string, error: unknown) {
			log("error", "standby.failed", { what, error: textOf(error) });
		},
		/** The files changed and cannot be used: the staff door goes on with the certificate from before. */
		certificateUnusable(error: Error) {
			log("error", "staff.certificate_unusable", { error: textOf(error) });
		},
		pagesMissing(path: string, error: unknown) {
			log("error", "pages.missing", { path, error: textOf(error), next: "run: npm run -s rostra -- build" });
		},
		pageFailed(slug: string, error: unknown) {
			log("error", "pages.failed", { slug, error });
		},
		timelineUnreadable(slug: string, error: unknown) {
			log("error", "house.timeline_unreadable", { interview: slug, error: textOf(error) });
		},
		freeSpaceUnknown(error: unknown) {
			log("warn", "disk.free_space_unknown", { error: textOf(error) });
		},
		/** It was deleted, and its recording is still there: a person must remove it. */
		recordingNotRemoved(interviewId: string, error: unknown) {
			log("error", "interview.recording_not_removed", { interviewId, error: textOf(error) });
		},
		demoFailed(error: unknown) {
			log("error", "demo.failed", { error });
		},
		/** Our bug: a request that should have been answered otherwise. */
		requestFailed(path: string, error: unknown) {
			counters.count("rostra_request_failed_total");
			log("error", "http.failed", { path, error });
		},
	};
}
export type InterviewEvents = ReturnType<typeof createInterviewEvents>;

function textOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
