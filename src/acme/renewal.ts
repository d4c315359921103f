import type { Random } from "#base/index.ts";

const FIRST_RETRY_MS = 60_000;
/** Let's Encrypt gives a name five failed validations per hour. */
const RETRY_MS_MAX = 6 * 3_600_000;

/** When a certificate is to be renewed: at two thirds of its life, whether that is 90 days or six. */
export function renewAtUnixMs(life: { readonly fromUnixMs: number; readonly toUnixMs: number }): number {
	return life.toUnixMs - (life.toUnixMs - life.fromUnixMs) / 3;
}

/** How long to wait after the nth failure in a row: twice as long each time, ± a quarter so that nodes do not come together. */
export function retryInMs(failures: number, random: Random): number {
	return Math.min(RETRY_MS_MAX, FIRST_RETRY_MS * 2 ** (failures - 1)) * (0.75 + 0.5 * random.unit());
}
