/**
 * A client's address as the shield counts it: 128 bits in four words, most significant first. IPv4 is held in the last
 * word. An IPv6 address that carries an IPv4 one is that one, as the client chooses freely how it writes it: mapped
 * (RFC 4291 §2.5.5.2), NAT64 (RFC 6052), 6to4 (RFC 3056) and Teredo (RFC 4380).
 */
export type ClientAddress = { readonly family: 4 | 6; readonly words: readonly [number, number, number, number] };

/** The longest text of an address, with an IPv4 tail: 45 characters; a zone may follow and is left out. */
const TEXT_CHARS_MAX = 64;

/** Reads what `socket.remoteAddress` or a proxy gives; undefined when it is no address. A zone (`%eth0`) counts for nothing. */
export function parseAddress(text: string): ClientAddress | undefined {
	if (text.length > TEXT_CHARS_MAX) return undefined;
	if (!text.includes(":")) {
		const word = parseIpv4(text, 0, text.length);
		return word < 0 ? undefined : ipv4(word);
	}
	const zone = text.indexOf("%");
	const groups = parseIpv6(zone < 0 ? text : text.slice(0, zone));
	if (!groups) return undefined;
	const word = (at: number) => (((groups[2 * at] as number) << 16) | (groups[2 * at + 1] as number)) >>> 0;
	return embedded([word(0), word(1), word(2), word(3)]);
}

const ipv4 = (word: number): ClientAddress => ({ family: 4, words: [0, 0, 0, word] });

function embedded(words: ClientAddress["words"]): ClientAddress {
	const [first, second, third, fourth] = words;
	const isMapped = first === 0 && second === 0 && third === 0xffff;
	const isNat64 = first === 0x0064ff9b && second === 0 && third === 0;
	if (isMapped || isNat64) return ipv4(fourth);
	if (first >>> 16 === 0x2002) return ipv4(((first << 16) | (second >>> 16)) >>> 0);
	// Teredo writes the client's address inverted.
	if (first === 0x20010000) return ipv4(~fourth >>> 0);
	return { family: 6, words };
}

/** @returns the address as an unsigned number, or −1. */
function parseIpv4(text: string, from: number, to: number): number {
	let word = 0;
	let octet = -1;
	let digits = 0;
	let dots = 0;
	for (let at = from; at <= to; at += 1) {
		const code = at < to ? text.charCodeAt(at) : 46;
		if (code === 46) {
			if (octet < 0 || octet > 255) return -1;
			word = word * 256 + octet;
			octet = -1;
			digits = 0;
			if (at < to) dots += 1;
		} else if (code >= 48 && code <= 57) {
			// A leading zero would be octal to some readers.
			if (octet === 0 || digits === 3) return -1;
			octet = Math.max(0, octet) * 10 + code - 48;
			digits += 1;
		} else return -1;
	}
	return dots === 3 ? word : -1;
}

function parseIpv6(text: string): number[] | undefined {
	const halves = text.split("::");
	if (halves.length > 2) return undefined;
	const head = groupsOf(halves[0] as string, halves.length === 1);
	const tail = halves.length === 2 ? groupsOf(halves[1] as string, true) : [];
	if (!head || !tail) return undefined;
	const missing = 8 - head.length - tail.length;
	if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
	return [...head, ...new Array<number>(missing).fill(0), ...tail];
}

/** @param isEnd whether the last piece may be an IPv4 address. */
function groupsOf(text: string, isEnd: boolean): number[] | undefined {
	if (text === "") return [];
	const groups: number[] = [];
	const pieces = text.split(":");
	for (const [nth, piece] of pieces.entries()) {
		if (isEnd && nth === pieces.length - 1 && piece.includes(".")) {
			const word = parseIpv4(piece, 0, piece.length);
			if (word < 0) return undefined;
			groups.push(word >>> 16, word & 0xffff);
		} else {
			if (!/^[0-9a-f]{1,4}$/i.test(piece)) return undefined;
			groups.push(Number.parseInt(piece, 16));
		}
	}
	return groups;
}
