import * as z from "zod/mini";

/** A STUN or TURN server as browsers take it (W3C `RTCIceServer`). */
export const iceServer = z.object({
	urls: z.array(z.string()),
	username: z.optional(z.string()),
	credential: z.optional(z.string()),
});
export type IceServer = z.infer<typeof iceServer>;

/** Each is asked by every speaker before he is heard: browsers warn from five on. */
export const ICE_SERVERS_MAX = 8;

/** An address of RFC 7064 or RFC 7065, with the credentials of a TURN server in front of its host. */
const ADDRESS =
	/^(stuns?|turns?):(?:([^:@\s]{1,512}):([^:@\s]{1,512})@)?((?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?(?:\?transport=(?:udp|tcp))?)$/;

/**
 * Reads what an operator wrote: `stun:stun.example.net turn:user:secret@turn.example.net:3478?transport=udp`, with
 * commas or spaces between; what user and secret must not hold literally (`:`, `@`, `,`) is percent-encoded.
 *
 * @returns the servers; or, of the first entry that is wrong, its place counted from 1. It may hold a secret: callers do
 *   not repeat it.
 */
export function parseIceServers(text: string): readonly IceServer[] | { readonly wrong: number } {
	const entries = text.split(/[,\s]+/).filter((entry) => entry !== "");
	const servers: IceServer[] = [];
	for (const [nth, entry] of entries.entries()) {
		const server = nth < ICE_SERVERS_MAX ? parseOne(entry) : undefined;
		if (!server) return { wrong: nth + 1 };
		servers.push(server);
	}
	return servers;
}

function parseOne(entry: string): IceServer | undefined {
	const [, scheme, username, credential, rest] = ADDRESS.exec(entry) ?? [];
	if (scheme === undefined || rest === undefined) return undefined;
	const urls = [`${scheme}:${rest}`];
	const isTurn = scheme.startsWith("turn");
	// STUN takes no credentials and no transport; a browser refuses TURN without credentials.
	if (isTurn !== (username !== undefined) || (!isTurn && rest.includes("?"))) return undefined;
	if (username === undefined || credential === undefined) return { urls };
	try {
		const decoded = { username: decodeURIComponent(username), credential: decodeURIComponent(credential) };
		// They travel in a header: RFC 9110 §5.6.4 has no place for anything else.
		return Object.values(decoded).every((value) => /^[\x20-\x7e]+$/.test(value)) ? { urls, ...decoded } : undefined;
	} catch {
		return undefined;
	}
}
