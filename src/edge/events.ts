import type { Log, LogFields } from "#base/index.ts";

const FAILURES_TOLD = 20;
const FAILURES_TOLD_EVERY = 1_000;

/** Why a connection or a request was turned away: the labels of `edgeReport.refusedSinceStart`. Few and ours, so that nothing a stranger sends can add one. */
export type RefusalReason =
	| "full"
	| "evicted"
	| "prefix_rate"
	| "prefix_full"
	| "slow_handshake"
	| "slow_head"
	| "slow_body"
	| "slow_reader"
	| "talkative_listener"
	| "proxy_untrusted"
	| "proxy_header"
	| "hole"
	| "malformed_head"
	| "malformed_query"
	| "method"
	| "not_found"
	| "not_yet"
	| "objects_busy"
	| "in_line"
	| "bad_token"
	| "token_limit"
	| "report_limit"
	| "shed"
	| "accept"
	| "failed";

export type EdgeEvents = ReturnType<typeof createEdgeEvents>;

/** Everything the edge has to say, in one place. Refusals are counted, and told once per second in the report, never one by one. */
export function createEdgeEvents(log: Log) {
	const refused: Partial<Record<RefusalReason, number>> = {};
	let failures = 0;
	/** Strangers can provoke the same failure as often as they like: it is told at first, then now and then. */
	const failed = (event: string, fields: LogFields) => {
		failures += 1;
		if (failures <= FAILURES_TOLD || failures % FAILURES_TOLD_EVERY === 0) log("error", event, { ...fields, failures });
	};
	return {
		refusedSinceStart: refused as Readonly<Record<string, number>>,
		refused(reason: RefusalReason) {
			refused[reason] = (refused[reason] ?? 0) + 1;
		},
		listening(fields: { host: string; port: number; connectionsMax: number; shared: boolean }) {
			log("info", "edge.listening", fields);
		},
		/** What a listener leaves unread in the kernel cannot be seen: those who hear nothing are found late. */
		socketQueuesUnknown(error: unknown) {
			log("warn", "edge.socket_queues_unknown", {
				error,
				next: "listeners who hear nothing are found only when they leave 256 KB unread; the count may be too high until then",
			});
		},
		/** The kernel may hold megabytes for each listener who does not read. */
		sendBuffersLarge(bytesMax: number, adviceBytes: number) {
			log("info", "edge.send_buffers_large", {
				bytesMax,
				next: `sysctl -w net.ipv4.tcp_wmem="4096 16384 ${adviceBytes}" bounds what a listener who does not read costs`,
			});
		},
		/** Another worker has the port, and this system cannot share one: this worker has nothing to do. */
		portNotShared(port: number) {
			log("warn", "edge.port_not_shared", { port });
		},
		certificate(certPath: string, expiresUnixMs: number, expiresSoon: boolean) {
			const fields = { certPath, expires: new Date(expiresUnixMs).toISOString() };
			if (expiresSoon)
				log("warn", "edge.certificate_expires_soon", { ...fields, next: "renew it: the files are followed" });
			else log("info", "edge.certificate", fields);
		},
		/** The files changed and cannot be used: the certificate from before goes on. */
		certificateUnusable(error: Error) {
			log("error", "edge.certificate_unusable", { error });
		},
		ticketKeysMissing(error: unknown) {
			log("warn", "edge.ticket_keys_missing", { error });
		},
		assetsLoaded(fields: { count: number; bytes: number }) {
			log("info", "edge.assets_loaded", fields);
		},
		assetsMissing(directory: string) {
			log("warn", "edge.assets_missing", {
				directory,
				next: "npm run build makes the pages; npm start does it by itself",
			});
		},
		assetsLeftOut(path: string) {
			log("warn", "edge.asset_left_out", { path });
		},
		siteMissing(error: unknown) {
			log("debug", "edge.site_missing", { error });
		},
		stateMalformed(slug: string, error: unknown) {
			log("error", "edge.state_malformed", { slug, error });
		},
		programmesFull(interviewId: string) {
			log("error", "edge.programmes_full", { interviewId });
		},
		holeFound(interviewId: string, nextPart: number | undefined) {
			log("info", "edge.hole_found", { interviewId, nextPart });
		},
		holeSkipped(interviewId: string, nextPart: number | undefined) {
			log("warn", "edge.hole_skipped", { interviewId, nextPart });
		},
		programmeEnded(interviewId: string) {
			log("info", "edge.programme_ended", { interviewId });
		},
		/** Our bug: an answer that could not be made. It costs one connection, not the worker. */
		failed(error: unknown) {
			refused.failed = (refused.failed ?? 0) + 1;
			failed("edge.answer_failed", { error });
		},
		objectFailed(key: string, error: unknown) {
			failed("edge.object_failed", { key, error });
		},
		/** The system gave us no descriptor for a new connection. */
		acceptFailed(error: unknown) {
			refused.accept = (refused.accept ?? 0) + 1;
			failed("edge.accept_failed", { error });
		},
	};
}
