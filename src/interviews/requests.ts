import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import * as z from "zod/mini";
import { type Refusal, refusal } from "./errors.ts";

export type Bindings = { Bindings: HttpBindings };
export type Ctx = Context<Bindings>;

/** zod/mini brings no sentences of its own. */
const { localeError } = z.locales.en();

/** The largest JSON a request may bring. A draft with the longest description has 30 KB. */
export const JSON_BYTES_MAX = 65_536;

/**
 * The body as text of at most `bytesMax` bytes of UTF-8. More is refused without being read: the connection then
 * closes with the answer.
 */
export async function readText(c: Ctx, bytesMax: number): Promise<Refusal | { ok: true; text: string }> {
	const tooLarge = refusal("too_large", `The body may have ${bytesMax} bytes at most. Send less.`);
	const declared = c.req.header("content-length");
	if (declared !== undefined && Number(declared) > bytesMax) return tooLarge;
	const chunks: Uint8Array[] = [];
	let bytes = 0;
	for await (const chunk of c.req.raw.body ?? []) {
		bytes += chunk.length;
		if (bytes > bytesMax) return tooLarge;
		chunks.push(chunk);
	}
	try {
		return { ok: true, text: new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks)) };
	} catch {
		return refusal("malformed", "The body must be UTF-8. Encode it so.");
	}
}

/** The media type of the body, in lower case and without parameters. */
export function contentType(c: Ctx): string {
	return (c.req.header("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

/** A JSON body that fits `schema`; what does not fit is named. An absent body is `{}`. */
export async function readBody<S extends z.ZodMiniType>(
	c: Ctx,
	schema: S,
): Promise<Refusal | { ok: true; body: z.output<S> }> {
	const read = await readText(c, JSON_BYTES_MAX);
	if (!read.ok) return read;
	if (read.text !== "" && contentType(c) !== "application/json") {
		return refusal("unsupported_media_type", "The body must be JSON. Send it as application/json.");
	}
	let json: unknown;
	try {
		json = read.text === "" ? {} : JSON.parse(read.text);
	} catch {
		return refusal("malformed", "The body is not JSON. Check its brackets and quotes.");
	}
	const parsed = schema.safeParse(json, localeError ? { error: localeError } : {});
	if (parsed.success) return { ok: true, body: parsed.data as z.output<S> };
	const issue = parsed.error.issues[0];
	const unknown = issue?.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
	const path = [...(issue?.path ?? []), ...unknown].map((key) =>
		String(key).replaceAll("~", "~0").replaceAll("/", "~1"),
	);
	const where = path.length > 0 ? `“${path.join(".")}”` : "The body";
	const detail = `${where} does not fit: ${issue?.message ?? "it is of another shape"}.`;
	return refusal("malformed", detail, path.length > 0 ? { pointer: `/${path.join("/")}` } : {});
}

/** Whose request this is, for limits: the address of the connection. */
export function addressOf(c: Ctx): string {
	return c.env?.incoming?.socket?.remoteAddress ?? "unknown";
}

/** Whether the connection is encrypted. */
export function isSecure(c: Ctx): boolean {
	return new URL(c.req.url).protocol === "https:";
}

/**
 * Whether a request that changes something comes from our own pages or from no page at all. Browsers send
 * `Origin` with every such request; its host must be the one the request went to.
 */
export function isOwnOrigin(c: Ctx): boolean {
	const origin = c.req.header("origin");
	if (origin === undefined) {
		const site = c.req.header("sec-fetch-site");
		return site === undefined || site === "same-origin" || site === "none";
	}
	const parsed = URL.parse(origin);
	return parsed !== null && parsed.host === (c.req.header("host") ?? "").toLowerCase();
}
