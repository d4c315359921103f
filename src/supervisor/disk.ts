import { statfs } from "node:fs/promises";
import type { SupervisorReport } from "#wire/index.ts";

const SHORT_BYTES = 2 * 2 ** 30;
/** Less than two minutes of everything that one interview writes. */
const FULL_BYTES = 16 * 2 ** 20;

/** Zeros when nobody can tell, because the directory is gone or its disk is. */
export async function diskOf(directory: string): Promise<SupervisorReport["disk"]> {
	try {
		const { bavail, blocks, bsize } = await statfs(directory);
		return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
	} catch {
		return { freeBytes: 0, totalBytes: 0 };
	}
}

/** Keys of the pages' catalogue. */
export function warningsOf(disk: SupervisorReport["disk"]): string[] {
	if (disk.freeBytes < FULL_BYTES) return ["disk_full"];
	return disk.freeBytes < SHORT_BYTES ? ["disk_short"] : [];
}
