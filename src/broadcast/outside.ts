import type { Clock, Log, Random } from "#base/index.ts";
import type { Bus } from "#bus/index.ts";
import type { Objects } from "#objects/index.ts";

/** What a programme needs of the world. */
export type BroadcastOutside = {
	readonly clock: Clock;
	readonly random: Random;
	readonly bus: Bus;
	readonly objects: Objects;
	readonly log: Log;
};
