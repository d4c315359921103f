import * as z from "zod/mini";
import { packPieces, unpackPieces } from "#base/bytes.ts";

const head = z.object({
	interviewId: z.string(),
	partIndex: z.number(),
	/** Media sequence number of the segment it belongs to. */
	sequence: z.number(),
	/** Whether it begins that segment. */
	beginsSegment: z.boolean(),
	/** `fill` stands for sound that was lost; `hold` is hold sound or a notice. */
	kind: z.enum(["sound", "hold", "fill"]),
	/** Parts in the beat this part completes, or 0 when it completes none; a beat cut short by *on air* or *End* has fewer than 3. */
	beatParts: z.number(),
});

/**
 * One part in every form a listener can get, made once by broadcast. The samples are those from
 * `partIndex × 15,360` on, the same in each codec.
 */
export type Part = z.infer<typeof head> & {
	/** moof + mdat, 16 Opus packets. */
	readonly opus48: Buffer;
	readonly opus24: Buffer;
	/** moof + mdat, 15 AAC frames. */
	readonly aac64: Buffer;
	/** The same 15 frames with ADTS headers. */
	readonly adts: Buffer;
	/** One Ogg page holding the beat this part completes; empty when it completes none. */
	readonly ogg48: Buffer;
	readonly ogg24: Buffer;
};

export function encodePart(part: Part): Buffer {
	const { opus48, opus24, aac64, adts, ogg48, ogg24, ...rest } = part;
	return packPieces(rest, [opus48, opus24, aac64, adts, ogg48, ogg24]);
}

/** Copies out of `message`, so the result may be kept. @throws when it is no part: that is our bug. */
export function decodePart(message: Uint8Array): Part {
	const { json, pieces } = unpackPieces(new Uint8Array(message));
	const [opus48, opus24, aac64, adts, ogg48, ogg24] = pieces;
	if (!opus48 || !opus24 || !aac64 || !adts || !ogg48 || !ogg24)
		throw new RangeError("Cannot read a part: a form is missing");
	return { ...head.parse(json), opus48, opus24, aac64, adts, ogg48, ogg24 };
}
