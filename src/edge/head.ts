/**
 * Request heads of HTTP/1.1, strictly (RFC 9112). Whatever two readers might understand differently is refused,
 * so nothing that stands before or behind us can be made to see another request than we do.
 *
 * Where this is stricter than the RFC (all noted in `docs/protocol.md`): no empty line before the request line
 * (§2.2 "SHOULD ignore at least one"), no absolute-form (§3.2.2 "MUST accept"), no bare LF (§2.2 "MAY
 * recognize"), no obs-fold (§5.2 lets a server refuse), no list in `Content-Length` even of equal values.
 */

/** Request line and header fields together. Beyond it: 431. */
export const HEAD_BYTES_MAX = 8_192;
/** The request line without its CRLF. Beyond it: 414. */
export const REQUEST_LINE_BYTES_MAX = 2_048;
/** One header field without its CRLF. Beyond it: 431. */
export const FIELD_BYTES_MAX = 4_096;
/** Header fields. Beyond it: 431. */
export const FIELDS_MAX = 64;
const METHOD_BYTES_MAX = 32;

/** Why a head was refused: the counter's label, the status and the sentence it is answered with. The connection closes. */
export const HEAD_REFUSALS = {
	bare_line_feed: [400, "A line of the request head ends in LF without CR."],
	bare_carriage_return: [400, "The request head holds a CR without LF."],
	control_character: [400, "The request head holds a control character."],
	empty_line_first: [400, "The request begins with an empty line."],
	folded_line: [400, "A header field is continued on a second line (obs-fold)."],
	malformed_request_line: [400, "The request line is not METHOD SP TARGET SP HTTP/1.1."],
	malformed_target: [400, "The request target is not a path of valid characters (RFC 9112 §3.2.1)."],
	malformed_field: [400, "A header field is not NAME: VALUE."],
	malformed_host: [400, "The Host header field is missing, repeated or malformed."],
	malformed_length: [400, "Content-Length is not one plain number."],
	repeated_field: [400, "A header field that may occur once is repeated."],
	ambiguous_body: [400, "Content-Length and Transfer-Encoding contradict each other."],
	unknown_transfer_encoding: [501, "The only transfer encoding understood is chunked."],
	unexpected_body: [400, "A request of this method carries no body here."],
	version: [505, "Only HTTP/1.1 and HTTP/1.0 are spoken here."],
	request_line_too_long: [414, `The request line is longer than ${REQUEST_LINE_BYTES_MAX} bytes.`],
	field_too_long: [431, `A header field is longer than ${FIELD_BYTES_MAX} bytes.`],
	head_too_long: [431, `The request head is longer than ${HEAD_BYTES_MAX} bytes.`],
	too_many_fields: [431, `The request has more than ${FIELDS_MAX} header fields.`],
} as const satisfies Record<string, readonly [number, string]>;
export type HeadRefusal = keyof typeof HEAD_REFUSALS;

/** Header fields this server reads; lists that came in several lines are joined with commas. Bytes above 127 are latin1. */
export type RequestHead = {
	readonly method: string;
	/** As sent: begins with `/`, every `%` is followed by two hex digits, nothing is decoded. */
	readonly target: string;
	readonly minorVersion: 0 | 1;
	/** The client lets us keep the connection: HTTP/1.1 without `Connection: close`. */
	readonly keepAlive: boolean;
	/** Bytes of the body that follows, or `chunked`. */
	readonly body: number | "chunked";
	readonly accept: string;
	readonly acceptEncoding: string;
	readonly acceptLanguage: string;
	readonly ifNoneMatch: string;
	readonly ifRange: string;
	readonly range: string;
	readonly authorization: string;
	/** What proxies say; anybody can send them (`clientOf`). */
	readonly forwarded: string;
	readonly xForwardedFor: string;
	/** `Icy-MetaData: 1`: a radio client that wants titles between the sound. */
	readonly icyMetadata: boolean;
};

export type HeadResult =
	| { readonly kind: "incomplete" }
	| { readonly kind: "refused"; readonly refusal: HeadRefusal }
	/** `bytes` belong to the head; `take` them before reading on. */
	| { readonly kind: "head"; readonly head: RequestHead; readonly bytes: number };

const INCOMPLETE: HeadResult = { kind: "incomplete" };
const NOTHING = Buffer.alloc(0);
const CR = 13;
const LF = 10;

/**
 * Collects one connection's bytes and reads heads off their front.
 *
 * Pure core. A fault is reported with the first byte that proves it, however the bytes are cut; every byte is
 * looked at once. Holds at most what was pushed: whoever owns the socket stops pushing while a request is
 * being answered.
 */
export class HeadReader {
	#held: Buffer = NOTHING;
	/** Bytes of `#held` already looked at. Invariant: none of them ends a head or breaks a rule of `#scan`. */
	#scannedBytes = 0;
	#lineStart = 0;
	#lines = 0;

	push(chunk: Buffer): void {
		this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
	}

	get heldBytes(): number {
		return this.#held.length;
	}

	/** Removes and returns the first `count` bytes; the next head begins behind them. */
	take(count: number): Buffer {
		const taken = this.#held.subarray(0, count);
		this.#held = count === this.#held.length ? NOTHING : this.#held.subarray(count);
		this.#scannedBytes = 0;
		this.#lineStart = 0;
		this.#lines = 0;
		return taken;
	}

	read(): HeadResult {
		const end = this.#scan();
		if (end === 0) return INCOMPLETE;
		if (typeof end === "string") return { kind: "refused", refusal: end };
		const head = parseHead(this.#held.toString("latin1", 0, end - 4));
		if (typeof head === "string") return { kind: "refused", refusal: head };
		return { kind: "head", head, bytes: end };
	}

	/** @returns the length of the whole head, 0 while it is incomplete, or what is wrong with it. */
	#scan(): number | HeadRefusal {
		const bytes = this.#held;
		let lineStart = this.#lineStart;
		for (let at = this.#scannedBytes; at < bytes.length; at += 1) {
			const byte = bytes[at] as number;
			const column = at - lineStart;
			if (at >= HEAD_BYTES_MAX) return "head_too_long";
			if (byte === LF) {
				if (at === 0 || bytes[at - 1] !== CR) return "bare_line_feed";
				if (column === 1) return this.#lines === 0 ? "empty_line_first" : at + 1;
				this.#lines += 1;
				if (this.#lines > FIELDS_MAX + 1) return "too_many_fields";
				lineStart = at + 1;
				continue;
			}
			if (column > 0 && bytes[at - 1] === CR) return "bare_carriage_return";
			if (byte === CR) continue;
			if (this.#lines === 0) {
				if (column >= REQUEST_LINE_BYTES_MAX) return "request_line_too_long";
				if (byte < 0x20 || byte > 0x7e) return "control_character";
				// A TLS hello or a binary protocol is told apart by its first bytes, not after a deadline.
				if (column === 0 && (byte < 0x41 || byte > 0x5a)) return "malformed_request_line";
			} else {
				if (column >= FIELD_BYTES_MAX) return "field_too_long";
				if ((byte < 0x20 && byte !== 0x09) || byte === 0x7f) return "control_character";
				if (column === 0 && (byte === 0x20 || byte === 0x09)) return "folded_line";
			}
		}
		this.#scannedBytes = bytes.length;
		this.#lineStart = lineStart;
		return 0;
	}
}

const REQUEST_LINE = /^([A-Z][A-Z0-9!#$%&'*+.^_`|~-]*) ([^ ]+) HTTP\/(\d)\.(\d)$/;
/** origin-form of RFC 9112 §3.2.1 with the characters of RFC 3986 §3.3 and §3.4. */
const TARGET =
	/^\/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*(?:\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?$/;
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
/** uri-host [ ":" port ] of RFC 9110 §7.2; may be empty. */
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::[0-9]{0,5})?$/;
const LENGTH = /^(?:0|[1-9][0-9]{0,14})$/;

/** Reads a head whose bytes `HeadReader` has passed. @param text the head without the empty line, CRLF between lines. */
function parseHead(text: string): RequestHead | HeadRefusal {
	const lines = text.split("\r\n");
	const first = lines[0] as string;
	const match = REQUEST_LINE.exec(first);
	if (!match) return "malformed_request_line";
	const method = match[1] as string;
	const target = match[2] as string;
	if (method.length > METHOD_BYTES_MAX) return "malformed_request_line";
	if (match[3] !== "1" || (match[4] !== "1" && match[4] !== "0")) return "version";
	if (!TARGET.test(target)) return "malformed_target";
	const minorVersion = match[4] === "1" ? 1 : 0;

	let host: string | undefined;
	let length: string | undefined;
	let coding: string | undefined;
	let range: string | undefined;
	let ifRange: string | undefined;
	let authorization: string | undefined;
	let connection = "";
	let accept = "";
	let acceptEncoding = "";
	let acceptLanguage = "";
	let ifNoneMatch = "";
	let forwarded = "";
	let xForwardedFor = "";
	let icyMetadata = false;
	for (let i = 1; i < lines.length; i += 1) {
		const line = lines[i] as string;
		const colon = line.indexOf(":");
		if (colon < 1) return "malformed_field";
		const name = line.slice(0, colon);
		if (!TOKEN.test(name)) return "malformed_field";
		const value = trimSpace(line, colon + 1);
		switch (name.toLowerCase()) {
			case "host":
				if (host !== undefined) return "malformed_host";
				host = value;
				break;
			case "content-length":
				if (length !== undefined) return "repeated_field";
				length = value;
				break;
			case "transfer-encoding":
				if (coding !== undefined) return "repeated_field";
				coding = value;
				break;
			case "range":
				if (range !== undefined) return "repeated_field";
				range = value;
				break;
			case "authorization":
				if (authorization !== undefined) return "repeated_field";
				authorization = value;
				break;
			case "if-range":
				if (ifRange !== undefined) return "repeated_field";
				ifRange = value;
				break;
			case "connection":
				connection = joined(connection, value);
				break;
			case "accept":
				accept = joined(accept, value);
				break;
			case "accept-encoding":
				acceptEncoding = joined(acceptEncoding, value);
				break;
			case "accept-language":
				acceptLanguage = joined(acceptLanguage, value);
				break;
			case "if-none-match":
				ifNoneMatch = joined(ifNoneMatch, value);
				break;
			case "forwarded":
				forwarded = joined(forwarded, value);
				break;
			case "x-forwarded-for":
				xForwardedFor = joined(xForwardedFor, value);
				break;
			case "icy-metadata":
				icyMetadata = value === "1";
				break;
		}
	}

	if (host === undefined ? minorVersion === 1 : !HOST.test(host)) return "malformed_host";
	if (length !== undefined && coding !== undefined) return "ambiguous_body";
	if (length !== undefined && !LENGTH.test(length)) return "malformed_length";
	if (coding !== undefined && coding.toLowerCase() !== "chunked") return "unknown_transfer_encoding";
	// RFC 9112 §6.1: a Transfer-Encoding in HTTP/1.0 makes the framing doubtful.
	if (coding !== undefined && minorVersion === 0) return "ambiguous_body";
	const body = coding === undefined ? Number(length ?? 0) : "chunked";
	if (body !== 0 && (method === "GET" || method === "HEAD" || method === "OPTIONS")) return "unexpected_body";
	return {
		method,
		target,
		minorVersion,
		keepAlive: minorVersion === 1 && !hasToken(connection, "close"),
		body,
		accept,
		acceptEncoding,
		acceptLanguage,
		ifNoneMatch,
		ifRange: ifRange ?? "",
		range: range ?? "",
		authorization: authorization ?? "",
		forwarded,
		xForwardedFor,
		icyMetadata,
	};
}

/** `text` from `start` on without the spaces and tabs around it (OWS, RFC 9110 §5.6.3). */
function trimSpace(text: string, start: number): string {
	let from = start;
	let to = text.length;
	while (from < to && isSpace(text.charCodeAt(from))) from += 1;
	while (to > from && isSpace(text.charCodeAt(to - 1))) to -= 1;
	return text.slice(from, to);
}

function isSpace(code: number): boolean {
	return code === 0x20 || code === 0x09;
}

function joined(before: string, value: string): string {
	return before === "" ? value : `${before}, ${value}`;
}

function hasToken(list: string, token: string): boolean {
	return list !== "" && list.split(",").some((member) => member.trim().toLowerCase() === token);
}
