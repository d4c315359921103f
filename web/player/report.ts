import { type HeardReport, writeHeardReport } from "#wire/heard.ts";

/**
 * Tells the server what was heard, once and in vain if need be: nothing waits for it and nobody tries again.
 *
 * @param base `/i/<slug>`.
 * @param token charges the report to this listener instead of to everybody behind his address.
 */
export function tellHeard(base: string, report: HeardReport, token?: string): void {
	fetch(`${base}/heard?${writeHeardReport(report)}`, {
		credentials: "omit",
		cache: "no-store",
		keepalive: true,
		...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
	}).catch(() => {});
}
