import type { Counters } from "./events.ts";
import type { Interview } from "./interview.ts";
import type { Live } from "./live.ts";
import type { StudioStreams } from "./studio-streams.ts";
import type { Views } from "./views.ts";

export type MetricsOptions = {
	readonly counters: Counters;
	/** Interviews that were not deleted. */
	readonly kept: () => readonly Interview[];
	readonly live: Live;
	readonly views: Views;
	readonly streams: StudioStreams;
};

/** `/metrics` in Prometheus' text format: counters, and what is so now. One line per interview that is open, none per guest. */
export function metricsText({ counters, kept, live, views, streams }: MetricsOptions): string {
	const lines = [...counters.lines()];
	const phases = new Map<string, number>();
	for (const { lifecycle } of kept()) phases.set(lifecycle.phase, (phases.get(lifecycle.phase) ?? 0) + 1);
	for (const [phase, count] of phases) lines.push(`rostra_interviews{phase="${phase}"} ${count}`);
	const openIds = new Set(live.openIds());
	for (const { interviewId, slug } of kept()) {
		if (!openIds.has(interviewId)) continue;
		const label = `{interview="${slug}"}`;
		const { settled, open } = live.observed.listeners(slug);
		lines.push(`rostra_listeners_settled${label} ${settled}`, `rostra_listeners_open${label} ${open}`);
		lines.push(`rostra_seats_connected${label} ${views.connectedCount(interviewId)}`);
		const programme = live.observed.broadcast(interviewId);
		if (!programme) continue;
		lines.push(`rostra_programme_missed_frames_total${label} ${programme.missedFrames}`);
		lines.push(`rostra_programme_tick_late_p99_ms${label} ${programme.tickLateP99Ms}`);
		lines.push(`rostra_programme_disk_full${label} ${programme.disk === "full" ? 1 : 0}`);
	}
	lines.push(`rostra_event_streams ${streams.count}`);
	lines.push(`rostra_records_waiting ${views.recordsWaiting}`);
	lines.push(`rostra_database_available ${views.databaseAvailable ? 1 : 0}`);
	for (const process of live.observed.supervisor?.processes ?? []) {
		lines.push(`rostra_process_restarts_total{process="${process.name}"} ${process.restarts}`);
		if (process.rssBytes !== null)
			lines.push(`rostra_process_rss_bytes{process="${process.name}"} ${process.rssBytes}`);
	}
	return `${lines.join("\n")}\n`;
}
