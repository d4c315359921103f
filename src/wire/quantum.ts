/**
 * The one quantum of time. A part is the smallest count of samples that whole Opus frames (960) and whole
 * AAC frames (1024) share; everything published starts on a part boundary of the programme's epoch.
 */
export const SAMPLE_RATE_HZ = 48_000;
export const FRAME_SAMPLES = 960;
export const FRAME_MS = 20;
export const PART_SAMPLES = 15_360;
export const PART_MS = 320;
export const FRAMES_PER_PART = 16;
export const OPUS_FRAMES_PER_PART = 16;
export const AAC_FRAME_SAMPLES = 1024;
export const AAC_FRAMES_PER_PART = 15;
export const PARTS_PER_BEAT = 3;
export const PARTS_PER_SEGMENT = 12;
export const BEAT_MS = PART_MS * PARTS_PER_BEAT;
export const SEGMENT_MS = PART_MS * PARTS_PER_SEGMENT;
/** An interview lasts at most this long, hold sound before it included. */
export const INTERVIEW_MS_MAX = 12 * 3_600_000;
/** Speakers seated at once in one interview. */
export const SEATS_MAX = 13;
