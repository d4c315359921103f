/**
 * The programme: from the stage's frames to parts that anybody can play, and to the recording.
 *
 * Does not know who is speaking, who listens, or what an interview is called beyond the tags of its files. It has
 * no database and no door: it hears the bus and writes to `objects`. SPEC.md has its rules.
 */
export { openBroadcast } from "./broadcast.ts";
export { BroadcastError, type BroadcastErrorCode } from "./errors.ts";
export { makeMp3Recording } from "./mp3-recording.ts";
export type { BroadcastOutside } from "./outside.ts";
