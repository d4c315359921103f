import { createHash } from "node:crypto";
import { brotliCompressSync, gzipSync, constants as zlib } from "node:zlib";
import { noneMatchNames, selectCoding } from "./preconditions.ts";

/** Bodies up to this size are kept together with their head, so that an answer is one buffer. */
const WHOLE_BYTES_MAX = 16_384;
/** Bodies below this are not compressed: the head outweighs the gain. */
const COMPRESS_BYTES_MIN = 512;

const REASONS: Record<number, string> = {
	200: "OK",
	204: "No Content",
	206: "Partial Content",
	304: "Not Modified",
	308: "Permanent Redirect",
	400: "Bad Request",
	401: "Unauthorized",
	404: "Not Found",
	405: "Method Not Allowed",
	408: "Request Timeout",
	410: "Gone",
	414: "URI Too Long",
	416: "Range Not Satisfiable",
	429: "Too Many Requests",
	431: "Request Header Fields Too Large",
	500: "Internal Server Error",
	501: "Not Implemented",
	503: "Service Unavailable",
	505: "HTTP Version Not Supported",
};

/** Header fields as they go out; names and values are ours, never a stranger's. */
export type Fields = readonly (readonly [name: string, value: string])[];

/** Whoever may read it may read it from any page: it is public and the same for all. */
export const CORS: Fields = [
	["Access-Control-Allow-Origin", "*"],
	["Access-Control-Expose-Headers", "Content-Length, Content-Range, Date, ETag, Retry-After, Rostra-Token"],
	["Cross-Origin-Resource-Policy", "cross-origin"],
];

let dateSecond = -1;
let dateText = "";
/** `Date` in the form of RFC 9110 §5.6.7, made once per second. */
export function httpDate(unixMs: number): string {
	const second = Math.floor(unixMs / 1000);
	if (second !== dateSecond) {
		dateSecond = second;
		dateText = new Date(second * 1000).toUTCString();
	}
	return dateText;
}

/** A response head up to and including the empty line. Every response says nosniff, so nothing of ours is ever taken for a script. */
export function responseHead(
	status: number,
	fields: Fields,
	options: { readonly unixMs: number; readonly close: boolean },
): string {
	let text = `HTTP/1.1 ${status} ${REASONS[status] ?? "Unknown"}\r\nDate: ${httpDate(options.unixMs)}\r\n`;
	for (const [name, value] of fields) text += `${name}: ${value}\r\n`;
	text += "X-Content-Type-Options: nosniff\r\n";
	if (options.close) text += "Connection: close\r\n";
	return `${text}\r\n`;
}

/** How one request wants its answer. */
export type Wish = {
	readonly headOnly: boolean;
	readonly close: boolean;
	readonly unixMs: number;
	readonly ifNoneMatch: string;
	readonly acceptEncoding: string;
};

export type RepresentationOptions = {
	readonly status?: number;
	readonly type: string;
	readonly cacheControl: string;
	readonly fields?: Fields;
	/** Values for `Vary` besides Accept-Encoding. */
	readonly vary?: readonly string[];
	/** Text that is worth compressing. */
	readonly compress?: boolean;
	/** Strong entity tag with its quotes; a hash of the body when absent. */
	readonly etag?: string;
};

type Coding = "identity" | "gzip" | "br";
type Variant = {
	readonly body: Buffer;
	readonly etag: string | undefined;
	readonly fields: Fields;
	/** The newest whole answer with and without `Connection: close`, and the second of its Date. */
	readonly built: ({ readonly second: number; readonly bytes: Buffer } | undefined)[];
};

/** One body and everything that is said with it: made once, sent to all who ask. */
export class Representation {
	readonly #body: Buffer;
	readonly #options: RepresentationOptions;
	readonly #variants = new Map<Coding, Variant>();
	readonly #compress: boolean;

	constructor(body: Buffer, options: RepresentationOptions) {
		this.#body = body;
		this.#options = options;
		this.#compress = (options.compress ?? false) && body.length >= COMPRESS_BYTES_MIN;
	}

	/** The buffers of the answer, to be written in order; the same ones for everybody within a second. */
	answer(wish: Wish): Buffer[] {
		const variant = this.#variant(this.#compress ? selectCoding(wish.acceptEncoding) : "identity");
		const { status = 200 } = this.#options;
		if (variant.etag && status === 200 && noneMatchNames(wish.ifNoneMatch, variant.etag)) {
			// §15.4.5: what a 200 would have said, without what describes the body.
			const fields = variant.fields.filter(([name]) => !name.startsWith("Content-"));
			return [Buffer.from(responseHead(304, fields, wish), "latin1")];
		}
		if (wish.headOnly || variant.body.length > WHOLE_BYTES_MAX) {
			const head = Buffer.from(responseHead(status, variant.fields, wish), "latin1");
			return wish.headOnly ? [head] : [head, variant.body];
		}
		const second = Math.floor(wish.unixMs / 1000);
		const slot = wish.close ? 1 : 0;
		let built = variant.built[slot];
		if (built?.second !== second) {
			const head = Buffer.from(responseHead(status, variant.fields, wish), "latin1");
			built = { second, bytes: Buffer.concat([head, variant.body]) };
			variant.built[slot] = built;
		}
		return [built.bytes];
	}

	/** Compresses now what would otherwise be compressed for the first who asks. */
	prepare(coding: Coding): void {
		if (this.#compress) this.#variant(coding);
	}

	#variant(coding: Coding): Variant {
		let variant = this.#variants.get(coding);
		if (!variant) {
			variant = this.#make(coding);
			this.#variants.set(coding, variant);
		}
		return variant;
	}

	#make(coding: Coding): Variant {
		const { type, cacheControl, fields = [], vary = [], status = 200 } = this.#options;
		const body = coding === "identity" ? this.#body : compress(coding, this.#body);
		const varied = this.#compress ? [...vary, "Accept-Encoding"] : vary;
		const out: (readonly [string, string])[] = [
			["Content-Type", type],
			["Content-Length", String(body.length)],
			["Cache-Control", cacheControl],
		];
		if (coding !== "identity") out.push(["Content-Encoding", coding]);
		let etag: string | undefined;
		if (status === 200) {
			const plain = this.#options.etag ?? entityTag(this.#body);
			etag = coding === "identity" ? plain : `${plain.slice(0, -1)}-${coding}"`;
			out.push(["ETag", etag]);
		}
		if (varied.length > 0) out.push(["Vary", varied.join(", ")]);
		out.push(...fields);
		return { body, etag, fields: out, built: [undefined, undefined] };
	}
}

/** A strong entity tag of these bytes (RFC 9110 §8.8.3). */
export function entityTag(bytes: Uint8Array): string {
	return `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 20)}"`;
}

function compress(coding: "gzip" | "br", body: Buffer): Buffer {
	// At these levels 30 KB take about half a millisecond: they are made while a listener waits.
	if (coding === "gzip") return gzipSync(body, { level: 6 });
	return brotliCompressSync(body, {
		params: { [zlib.BROTLI_PARAM_QUALITY]: 5, [zlib.BROTLI_PARAM_SIZE_HINT]: body.length },
	});
}
