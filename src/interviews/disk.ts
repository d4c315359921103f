import { statfs } from "node:fs/promises";

/**
 * What one interview needs at the moment it ends: Opus at 48 and 24 kb/s and AAC at 64 kb/s with their containers, and
 * the AAC and the larger Opus twice more, in the recording's draft and in the finished m4a and ogg made from it. 360 kb/s
 * in all, and 5 % for boxes and pages. The draft goes when the files are made, which leaves 248 kb/s and
 * room for the mp3 that is made when somebody asks for it.
 */
export const DISK_BYTES_PER_MINUTE = Math.ceil((((48 + 24 + 64 + 2 * (48 + 64)) * 1_000) / 8) * 60 * 1.05);
/** What must stay free whatever is planned, for the database and everything else. */
export const DISK_RESERVE_BYTES = 512 * 2 ** 20;

export type DiskEstimate = { readonly neededBytes: number; readonly freeBytes: number; readonly short: boolean };

/** Pure. @param minutes expected length, or what is left of it. */
export function estimateDisk(minutes: number, freeBytes: number): DiskEstimate {
	const neededBytes = Math.max(0, Math.round(minutes)) * DISK_BYTES_PER_MINUTE;
	return { neededBytes, freeBytes, short: freeBytes < neededBytes + DISK_RESERVE_BYTES };
}

/** Bytes an ordinary user can still write below `directory`. */
export async function freeBytesIn(directory: string): Promise<number> {
	const { bavail, bsize } = await statfs(directory);
	return bavail * bsize;
}
