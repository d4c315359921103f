import { endianness } from "node:os";

/** Bytes of /proc/net/tcp read at once: a multiple of what the kernel gives per read. */
export const PIECE_BYTES = 65_536;
/** A line has 150 characters, of IPv6 200. A longer one is none of ours. */
const LINE_BYTES_MAX = 512;

const [NEWLINE, COLON, SPACE] = [10, 58, 32];
const ESTABLISHED = 0x01;

/**
 * Reads the text of /proc/net/tcp or /proc/net/tcp6, in pieces of any size, for the connections of one local port whose
 * peer has left bytes unacknowledged: `tx_queue`, what we wrote and the other side's kernel has not taken.
 *
 * Pure, streaming; allocates nothing for connections whose queue is short.
 */
export class QueueReader {
	readonly #portHex: Uint8Array;
	readonly #bytesMin: number;
	readonly #found: (peer: string, bytes: number) => void;
	/** A line that the last piece cut. */
	#rest = Buffer.alloc(0);

	/** @param found gets the peer as `peerOf` writes it and the queue's length, for queues of at least `bytesMin`. */
	constructor(port: number, bytesMin: number, found: (peer: string, bytes: number) => void) {
		this.#portHex = Buffer.from(port.toString(16).toUpperCase().padStart(4, "0"), "latin1");
		this.#bytesMin = bytesMin;
		this.#found = found;
	}

	push(piece: Buffer): void {
		const text = this.#rest.length > 0 ? Buffer.concat([this.#rest, piece]) : piece;
		let from = 0;
		for (;;) {
			const to = text.indexOf(NEWLINE, from);
			if (to < 0) break;
			this.#line(text, from, to);
			from = to + 1;
		}
		// What has no end after this much is not the kernel's text: it is forgotten, and so are the lines it spoils.
		this.#rest = text.length - from > LINE_BYTES_MAX ? Buffer.alloc(0) : Buffer.from(text.subarray(from));
	}

	/** `  sl: local:port peer:port st tx_queue:rx_queue …`, all in hexadecimal digits of fixed width. */
	#line(text: Buffer, from: number, to: number): void {
		const number = text.indexOf(COLON, from);
		if (number < 0 || number + 2 >= to) return;
		const local = number + 2;
		const localColon = text.indexOf(COLON, local);
		const digits = localColon - local;
		if ((digits !== 8 && digits !== 32) || localColon + 2 * digits > to) return;
		for (let at = 0; at < 4; at += 1) if (text[localColon + 1 + at] !== this.#portHex[at]) return;
		const peer = localColon + 6;
		const state = peer + digits + 6;
		const queue = state + 3;
		if (queue + 8 > to || text[state - 1] !== SPACE || text[peer + digits] !== COLON) return;
		if (hex(text, state, 2) !== ESTABLISHED) return;
		const bytes = hex(text, queue, 8);
		if (!(bytes >= this.#bytesMin)) return;
		this.#found(text.toString("latin1", peer, peer + digits + 5), bytes);
	}
}

/** NaN when a character is no digit. */
function hex(text: Buffer, from: number, digits: number): number {
	let value = 0;
	for (let at = from; at < from + digits; at += 1) {
		const code = text[at] as number;
		const digit = code >= 48 && code <= 57 ? code - 48 : code >= 65 && code <= 70 ? code - 55 : Number.NaN;
		value = value * 16 + digit;
	}
	return value;
}

/** An address and a port as the kernel writes them: words of four bytes in the order of the machine. */
export function peerOf(bytes: Uint8Array, port: number, order: "LE" | "BE" = endianness()): string {
	let text = "";
	for (let word = 0; word < bytes.length; word += 4) {
		for (let at = 0; at < 4; at += 1) {
			text += (bytes[word + (order === "LE" ? 3 - at : at)] as number).toString(16).padStart(2, "0");
		}
	}
	return `${text}:${port.toString(16).padStart(4, "0")}`.toUpperCase();
}

/** The same from what `socket.remoteAddress` says; undefined when that is no address. */
export function peerOfSocket(address: string, port: number): string | undefined {
	const bytes = address.includes(":") ? bytesOfV6(address) : bytesOfV4(address);
	return bytes && peerOf(Uint8Array.from(bytes), port);
}

function bytesOfV4(text: string): number[] | undefined {
	const bytes = text.split(".").map(Number);
	return bytes.length === 4 && bytes.every((byte) => byte >= 0 && byte <= 255) ? bytes : undefined;
}

function bytesOfV6(text: string): number[] | undefined {
	const [head = "", tail] = (text.split("%", 1)[0] as string).split("::");
	const bytes = (part: string) =>
		part === ""
			? []
			: part.split(":").flatMap((group) => {
					if (group.includes(".")) return bytesOfV4(group) ?? [];
					const value = Number.parseInt(group, 16);
					return [value >> 8, value & 0xff];
				});
	const [front, back] = [bytes(head), bytes(tail ?? "")];
	const zeros = 16 - front.length - back.length;
	const whole = [...front, ...Array<number>(Math.max(zeros, 0)).fill(0), ...back];
	return whole.length === 16 ? whole : undefined;
}
