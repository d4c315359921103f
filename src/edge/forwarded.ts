import { BlockList, isIP } from "node:net";

/**
 * Who is at the other end, when a proxy that we trust says so in the request head: `Forwarded` (RFC 7239) or
 * `X-Forwarded-For`. Anybody can send either, so a door listens to exactly one of them, and only from peers it was
 * told to trust; a proxy adds its line at the end, so they are read from there.
 */

/** More proxies in a row are not believed. */
const HOPS_MAX = 16;

export type ForwardedField = "forwarded" | "x_forwarded_for";

/**
 * Whom a door believes about who is there: nobody; a proxy that begins each connection with a header of the PROXY
 * protocol, and nobody else may connect; a proxy that says it in each request, while others speak for themselves.
 */
export type ProxyTrust =
	| { readonly mode: "direct" }
	| { readonly mode: "proxy_v2" | ForwardedField; readonly trusted: TrustedProxies };

/** Addresses that may speak for others: single ones and prefixes. */
export class TrustedProxies {
	readonly #list = new BlockList();

	/** @param networks addresses or CIDR prefixes that `isNetwork` accepts. */
	constructor(networks: readonly string[]) {
		for (const network of networks) {
			const [address = "", bits] = network.split("/");
			const family = isIP(address) === 6 ? "ipv6" : "ipv4";
			if (bits === undefined) this.#list.addAddress(address, family);
			else this.#list.addSubnet(address, Number(bits), family);
		}
	}

	/** @param address as `plainAddress` writes it. */
	has(address: string): boolean {
		const family = isIP(address);
		return family !== 0 && this.#list.check(address, family === 6 ? "ipv6" : "ipv4");
	}
}

/** An IP address, or one with a prefix length. */
export function isNetwork(text: string): boolean {
	const [address = "", bits, more] = text.split("/");
	const family = isIP(address);
	if (family === 0 || more !== undefined || address.includes("%")) return false;
	return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 6 ? 128 : 32));
}

/** A peer's address as a socket tells it; IPv4 that came through an IPv6 socket (::ffff:192.0.2.1) as IPv4. */
export function plainAddress(address: string): string {
	return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice(7) : address;
}

/**
 * The first address from the end that is not a trusted proxy; the first one of all when they all are.
 *
 * @param value the field, lines joined by commas; at most a request head's length.
 * @returns undefined when that place holds no address (`unknown`, `_hidden`, nonsense): then nothing is known but the peer.
 */
export function clientOf(field: ForwardedField, value: string, trusted: TrustedProxies): string | undefined {
	const hops = field === "forwarded" ? readForwarded(value) : value.split(",");
	if (!hops || hops.length === 0) return undefined;
	let client: string | undefined;
	for (let at = hops.length - 1; at >= 0 && hops.length - at <= HOPS_MAX; at -= 1) {
		client = addressIn(hops[at] as string);
		if (client === undefined || !trusted.has(client)) return client;
	}
	return hops.length <= HOPS_MAX ? client : undefined;
}

/** `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`. */
function addressIn(node: string): string | undefined {
	const text = node.trim();
	const bracketed = /^\[([0-9a-f:.]+)\](?::\d{1,5})?$/i.exec(text)?.[1];
	if (bracketed !== undefined) return isIP(bracketed) === 6 ? plainAddress(bracketed) : undefined;
	const bare = text.replace(/^(\d+\.\d+\.\d+\.\d+):\d{1,5}$/, "$1");
	return isIP(bare) && !bare.includes("%") ? plainAddress(bare) : undefined;
}

/** token "=" ( token / quoted-string ) of RFC 7239 §4, at a place in the text. */
const PAIR = /[ \t]*(?:([!#$%&'*+.^_`|~\w-]+)=(?:([!#$%&'*+.^_`|~\w-]+)|"((?:[^"\\]|\\.)*)")[ \t]*)?([;,]|$)/y;

/**
 * The `for` of each element of `Forwarded`, "" where an element has none; undefined when the whole cannot be read: one
 * open quotation mark of a stranger would swallow what the proxy added.
 */
function readForwarded(value: string): string[] | undefined {
	const nodes: string[] = [];
	let node: string | undefined;
	PAIR.lastIndex = 0;
	for (;;) {
		const pair = PAIR.exec(value);
		if (!pair) return undefined;
		const [, name, token, quoted, end] = pair;
		if (name?.toLowerCase() === "for") {
			if (node !== undefined) return undefined;
			node = token ?? (quoted as string).replace(/\\(.)/g, "$1");
		}
		if (end === ";") continue;
		nodes.push(node ?? "");
		node = undefined;
		if (end === "") return nodes;
	}
}
