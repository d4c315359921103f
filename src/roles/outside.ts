import type { Clock, Log, Random } from "#base/index.ts";
import type { Bus } from "#bus/index.ts";

/** What a composition root gets from the world. Tests pass a fake clock and a local bus. */
export type Outside = { readonly clock: Clock; readonly random: Random; readonly bus: Bus; readonly log: Log };
