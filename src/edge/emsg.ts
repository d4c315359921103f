import { SAMPLE_RATE_HZ } from "#wire/index.ts";

/** Names our state messages among the event messages of a stream (ISO/IEC 23009-1 §5.10.3.3.3). */
export const STATE_SCHEME = "urn:rostra:state";
const DURATION_UNKNOWN = 0xffffffff;
/** Size, type, version and flags, timescale, time, duration, id. */
const HEAD_BYTES = 4 + 4 + 4 + 4 + 8 + 4 + 4;

/**
 * An event message box, version 1 (ISO/IEC 23009-1 §5.10.3.3), carrying the public state in an fMP4 stream.
 *
 * @param id equal ids are the same event: the state's revision, modulo 2³².
 * @param sampleIndex the sample at which it becomes true; 0 means at once.
 */
export function stateBox(id: number, sampleIndex: number, json: Uint8Array): Buffer {
	const scheme = Buffer.from(`${STATE_SCHEME}\0\0`, "latin1");
	const out = Buffer.alloc(HEAD_BYTES + scheme.length + json.length);
	let at = out.writeUInt32BE(out.length, 0);
	at += out.write("emsg", at, "latin1");
	at = out.writeUInt32BE(1 << 24, at);
	at = out.writeUInt32BE(SAMPLE_RATE_HZ, at);
	at = out.writeBigUInt64BE(BigInt(sampleIndex), at);
	at = out.writeUInt32BE(DURATION_UNKNOWN, at);
	at = out.writeUInt32BE(id >>> 0, at);
	at += scheme.copy(out, at);
	out.set(json, at);
	return out;
}
