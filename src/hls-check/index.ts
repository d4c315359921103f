/**
 * Holds HLS, low latency included, against draft-pantos-hls-rfc8216bis-22: the text of playlists, how they change, what
 * they name, and how a server answers blocking requests.
 *
 * It knows HTTP and the draft, nothing of this server: any stream can be checked.
 */
import { internet } from "./net.ts";
import { describe, RULES } from "./rules.ts";
import { checkHls } from "./watch.ts";

/** @returns what to print, and whether no `must` was broken; undefined when nothing could be checked. */
export async function checkHlsAt(url: string, seconds: number): Promise<{ text: string; ok: boolean | undefined }> {
	const { findings, seen, failure } = await checkHls(internet, url, seconds);
	if (failure !== undefined)
		return { text: `Cannot check ${failure}. Is it the address of a playlist?`, ok: undefined };
	const errors = findings.filter(({ rule }) => RULES[rule][0] === "must");
	const order = [...errors, ...findings.filter((finding) => !errors.includes(finding))];
	const verdict = `${errors.length} errors, ${findings.length - errors.length} warnings by ${Object.keys(RULES).length} rules of draft-pantos-hls-rfc8216bis-22`;
	return { text: [...seen, ...order.map(describe), verdict].join("\n"), ok: errors.length === 0 };
}
