import type * as z from "zod/mini";

/** Reads a JSON message that another process of ours sent. @throws when it does not fit `schema`: that is our bug. */
export function readJson<S extends z.ZodMiniType>(schema: S, bytes: Uint8Array): z.output<S> {
	return schema.parse(JSON.parse(new TextDecoder().decode(bytes))) as z.output<S>;
}

export function writeJson(value: unknown): Uint8Array {
	return new TextEncoder().encode(JSON.stringify(value));
}
