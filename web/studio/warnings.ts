import type { studioWords } from "../words/staff-studio.ts";
import type { Say } from "../words/words.ts";

/** The sentence of a warning that the server names by its key; a key without one is shown as it is. */
export function warningSentence(say: Say<typeof studioWords>, key: string): string {
	switch (key) {
		case "disk_full":
		case "disk_short":
		case "database_down":
		case "house_down":
		case "live_max":
			return say(`warning_${key}`);
		default:
			return say("warning_unknown", { key });
	}
}
