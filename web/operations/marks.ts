import type { LevelRecord } from "#wire/levels.ts";

/** Steps of the last hours. */
export const STEPS_SHOWN_MS = 6 * 3_600_000;

/** A change of the level with the sign it has in the plots. */
export type MarkedRecord = { readonly sign: string; readonly record: LevelRecord };

/** A, B … Z, AA …: the same record keeps its sign while the page is open, whatever comes after it. */
export function signsOf(records: readonly LevelRecord[], firstUnixMs: number): MarkedRecord[] {
	return records.filter(({ unixMs }) => unixMs >= firstUnixMs).map((record, nth) => ({ sign: letters(nth), record }));
}

function letters(nth: number): string {
	const last = String.fromCharCode(65 + (nth % 26));
	return nth < 26 ? last : letters(Math.floor(nth / 26) - 1) + last;
}
