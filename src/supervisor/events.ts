import type { Log } from "#base/index.ts";
import type { ChildEvents } from "./child.ts";

export function createSupervisorEvents(log: Log): ChildEvents {
	return {
		ended(name, how, restartAfterMs) {
			log("warn", "supervisor.process_ended", { name, how, restartAfterMs });
		},
		tooSlow(name) {
			log("error", "supervisor.process_not_ready", { name });
		},
	};
}
