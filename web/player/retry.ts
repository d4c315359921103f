const RETRY_FIRST_MS = 300;
const RETRY_MS_MAX = 10_000;
const RETRY_GROWTH = 1.7;

/**
 * Exponential, jittered over its upper half.
 *
 * @param failures in a row, 0 for the first.
 * @param random uniform in [0, 1).
 */
export function backOffMs(failures: number, random: number): number {
	return Math.min(RETRY_MS_MAX, RETRY_FIRST_MS * RETRY_GROWTH ** Math.min(failures, 10)) * (0.5 + 0.5 * random);
}
