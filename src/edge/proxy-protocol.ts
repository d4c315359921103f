/**
 * Version 2 of the PROXY protocol (proxy-protocol.txt of HAProxy, §2.2): what a proxy in front of us says about a
 * connection, once, before its first byte.
 *
 * Stricter than the text where that loses nobody: a version, command or length that is not known is refused, and so
 * are datagrams and Unix sockets, which cannot be a listener's.
 */

/** Begins every header. The first byte that differs ends the reading: nobody is guessed to be a proxy. */
const SIGNATURE = Buffer.from("0d0a0d0a000d0a515549540a", "hex");
const FIXED_BYTES = 16;
/** The whole header. HAProxy's own are below 300 bytes with all it can be told to add. */
export const PROXY_HEADER_BYTES_MAX = 536;

const LOCAL = 0x20;
const PROXY = 0x21;
const UNSPECIFIED = 0x00;
const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;
const IPV4_BYTES = 12;
const IPV6_BYTES = 36;
const TYPE_CRC32C = 0x03;

export type ProxyRefusal = "signature" | "version" | "family" | "length" | "checksum";

export type ProxyResult =
	| { readonly kind: "incomplete" }
	| { readonly kind: "refused"; readonly refusal: ProxyRefusal }
	/** `client` is undefined when the proxy speaks for itself (LOCAL: its health check) or does not know. `rest` follows the header. */
	| { readonly kind: "header"; readonly client: string | undefined; readonly rest: Buffer };

const INCOMPLETE: ProxyResult = { kind: "incomplete" };

/**
 * Reads one header off the front of a connection, however its bytes are cut. Pure core; holds at most
 * PROXY_HEADER_BYTES_MAX and the last chunk pushed.
 */
export class ProxyHeaderReader {
	#held: Buffer = Buffer.alloc(0);

	push(chunk: Buffer): void {
		this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
	}

	read(): ProxyResult {
		const held = this.#held;
		const signed = Math.min(held.length, SIGNATURE.length);
		if (held.compare(SIGNATURE, 0, signed, 0, signed) !== 0) return refused("signature");
		const command = held[12];
		if (command === undefined) return INCOMPLETE;
		if (command !== LOCAL && command !== PROXY) return refused("version");
		if (held.length < FIXED_BYTES) return INCOMPLETE;
		const length = held.readUInt16BE(14);
		if (FIXED_BYTES + length > PROXY_HEADER_BYTES_MAX) return refused("length");
		if (held.length < FIXED_BYTES + length) return INCOMPLETE;

		const header = held.subarray(0, FIXED_BYTES + length);
		const rest = held.subarray(header.length);
		// What LOCAL carries has no meaning (§2.2), whatever it is.
		if (command === LOCAL) return { kind: "header", client: undefined, rest };
		const addressBytes = ADDRESS_BYTES[held[13] as number];
		if (addressBytes === undefined) return refused("family");
		if (length < addressBytes) return refused("length");
		const wrong = checkExtensions(header, FIXED_BYTES + addressBytes);
		return wrong ? refused(wrong) : { kind: "header", client: sourceOf(header), rest };
	}
}

const ADDRESS_BYTES: Readonly<Record<number, number>> = {
	[UNSPECIFIED]: 0,
	[TCP_OVER_IPV4]: IPV4_BYTES,
	[TCP_OVER_IPV6]: IPV6_BYTES,
};

/** What goes in front of a connection that we make to our own door: it speaks for itself (LOCAL). */
export const LOCAL_HEADER: Buffer = Buffer.concat([SIGNATURE, Buffer.from([LOCAL, UNSPECIFIED, 0, 0])]);

/** A header as a proxy writes it, for tests. @param source of the same family as the connection. */
export function proxyHeader(source: { readonly address: Buffer; readonly port: number }): Buffer {
	const family = source.address.length === 4 ? TCP_OVER_IPV4 : TCP_OVER_IPV6;
	const ports = Buffer.alloc(4);
	ports.writeUInt16BE(source.port, 0);
	const body = Buffer.concat([source.address, Buffer.alloc(source.address.length), ports]);
	return Buffer.concat([SIGNATURE, Buffer.from([PROXY, family, 0, body.length]), body]);
}

function refused(refusal: ProxyRefusal): ProxyResult {
	return { kind: "refused", refusal };
}

function sourceOf(header: Buffer): string | undefined {
	switch (header[13]) {
		case TCP_OVER_IPV4:
			return header.subarray(16, 20).join(".");
		case TCP_OVER_IPV6:
			return ipv6Text(header.subarray(16, 32));
		default:
			return undefined;
	}
}

/** Type-length-value triples (§2.2.7) must fill the header exactly; none of them means anything to us but the checksum. */
function checkExtensions(header: Buffer, from: number): "length" | "checksum" | undefined {
	for (let at = from; at < header.length; ) {
		if (at + 3 > header.length) return "length";
		const valueBytes = header.readUInt16BE(at + 1);
		const next = at + 3 + valueBytes;
		if (next > header.length) return "length";
		if (header[at] === TYPE_CRC32C) {
			if (valueBytes !== 4) return "length";
			const zeroed = Buffer.from(header);
			zeroed.fill(0, at + 3, next);
			if (crc32c(zeroed) !== header.readUInt32BE(at + 3)) return "checksum";
		}
		at = next;
	}
	return undefined;
}

/** CRC-32C (Castagnoli), reflected, as in RFC 9260 Appendix A. */
export function crc32c(bytes: Uint8Array): number {
	let crc = 0xffffffff;
	for (const byte of bytes) {
		crc ^= byte;
		for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return (crc ^ 0xffffffff) >>> 0;
}

/** 16 bytes as RFC 5952 §4 writes them; an IPv4 address that is mapped (::ffff:0:0/96) as IPv4. */
export function ipv6Text(bytes: Buffer): string {
	const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(2 * at));
	if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) return bytes.subarray(12).join(".");
	let longest = { from: 0, count: 0 };
	for (let from = 0; from < 8; from += 1) {
		let count = 0;
		while (groups[from + count] === 0) count += 1;
		if (count > longest.count) longest = { from, count };
	}
	const hex = groups.map((group) => group.toString(16));
	if (longest.count < 2) return hex.join(":");
	return `${hex.slice(0, longest.from).join(":")}::${hex.slice(longest.from + longest.count).join(":")}`;
}
