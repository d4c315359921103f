/** Packets that decode to silence, of which the parts are made that stand for lost sound. */
import { AAC_FRAMES_PER_PART, OPUS_FRAMES_PER_PART } from "#wire/index.ts";
import type { Bytes } from "./fmp4.ts";

/** RFC 6716 §3.1: CELT, full band, 20 ms, mono, one frame; its payload is the silence flag (§4.3). */
const OPUS_SILENCE: Bytes = Uint8Array.of(0xf8, 0xff, 0xfe);

/**
 * raw_data_block (ISO/IEC 14496-3 §4.4.2.1) of one channel without spectral data: SCE, global_gain 0, one
 * long window, max_sfb 0, no pulse, TNS or gain control, END. 32 bits.
 */
const AAC_SILENCE: Bytes = Uint8Array.of(0x00, 0x00, 0x00, 0x07);

export const SILENT_PACKETS = {
	opus: Array.from({ length: OPUS_FRAMES_PER_PART }, () => OPUS_SILENCE),
	aac: Array.from({ length: AAC_FRAMES_PER_PART }, () => AAC_SILENCE),
} as const;
