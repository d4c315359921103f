import type { Log } from "#base/index.ts";
import type { LadderStep } from "./ladder.ts";

/** What the shield tells the operator. Refusals are counted where they happen. */
export function createShieldEvents(log: Log) {
	return {
		levelChanged({ from, to, cause, reason }: LadderStep) {
			log(to === "normal" ? "info" : "warn", "shield.level_changed", { from, to, cause, reason });
		},
		/** A restart of house would let everybody in. */
		notSaved(error: unknown) {
			log("warn", "shield.not_saved", { error });
		},
	};
}
