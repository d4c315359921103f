import type { Clock } from "#base/index.ts";
import { type Gate, parseAddress } from "#shield/index.ts";
import type { RequestHead } from "./head.ts";
import type { HeardTotals } from "./heard.ts";
import { type Answer, NEVER, type Replies } from "./replies.ts";
import { CORS, type Fields, responseHead } from "./response.ts";
import type { Route } from "./routes.ts";
import { bearerOf, SOUNDING } from "./serve-push.ts";
import type { SitePlace } from "./site.ts";

type HeardRoute = Extract<Route, { kind: "heard" }>;

const FIELDS: Fields = [["Cache-Control", NEVER], ...CORS];
/** Players say it once a minute: what is refused now is not told again. */
const LATER: Fields = [["Retry-After", "60"]];

/** What players say they heard: added up or dropped, never kept one by one. */
export function createServeHeard(options: {
	readonly clock: Clock;
	readonly gate: Gate;
	readonly heard: HeardTotals;
	readonly replies: Replies;
}) {
	const { clock, gate, heard, replies } = options;
	const { say, refuse } = replies;
	/** The answer that nearly all get, the same buffer within a second, without and with `Connection: close`. */
	const taken: ({ readonly second: number; readonly bytes: readonly Buffer[] } | undefined)[] = [];

	const thanks = (close: boolean): Answer => {
		const unixMs = clock.unixMs();
		const second = Math.floor(unixMs / 1_000);
		const slot = close ? 1 : 0;
		let built = taken[slot];
		if (built?.second !== second) {
			built = { second, bytes: [Buffer.from(responseHead(204, FIELDS, { unixMs, close }), "latin1")] };
			taken[slot] = built;
		}
		return { kind: "bytes", bytes: built.bytes, close };
	};

	return (head: RequestHead, route: HeardRoute, place: SitePlace, client: string): Answer => {
		const { interviewId, phase } = place.entry;
		// A player may not have heard yet that it is over.
		if (head.method !== "GET" || !SOUNDING.includes(phase)) return thanks(!head.keepAlive);
		const address = parseAddress(client);
		if (!address || !gate.takesReport(address, interviewId, bearerOf(head.authorization)))
			return refuse("report_limit", say(head, route, 429, "report_later", { fields: LATER }));
		heard.add(interviewId, route.report);
		return thanks(!head.keepAlive);
	};
}
