import * as z from "zod/mini";
import { packPieces } from "#base/index.ts";
import {
	type EndAnswer,
	encodePart,
	type OnAirAnswer,
	PART_MS,
	type Part,
	type ProgrammeTimeline,
	partUnixMs,
	readJson,
} from "#wire/index.ts";
import { TAIL_PARTS_MAX } from "./config.ts";

export function onAirAnswerOf(timeline: ProgrammeTimeline): OnAirAnswer {
	const { onAirPart } = timeline;
	if (onAirPart === null) throw new Error("Cannot go on air as this interview has ended: announce a new one");
	return { onAirPart, onAirUnixMs: partUnixMs(timeline, onAirPart) };
}

export function endAnswerOf({ onAirPart, endPart }: ProgrammeTimeline): EndAnswer {
	if (onAirPart === null || endPart === null) return { endPart: null, durationMs: 0 };
	return { endPart, durationMs: (endPart - onAirPart) * PART_MS };
}

const tailRequest = z.object({ partsMax: z.number() });

/** The answer to `programmeTail`. @param published the newest parts, oldest first. */
export function answerTail(timeline: ProgrammeTimeline, published: readonly Part[], payload: Buffer): Uint8Array {
	const { partsMax } = readJson(tailRequest, payload);
	const count = Math.min(TAIL_PARTS_MAX, Math.max(0, Math.floor(partsMax)));
	return packPieces(timeline, count === 0 ? [] : published.slice(-count).map(encodePart));
}
