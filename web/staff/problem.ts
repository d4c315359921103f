import type { Problem } from "#wire/staff.ts";
import type { staffWords } from "../words/staff.ts";
import type { Say } from "../words/words.ts";

/**
 * A sentence with a next step, in the reader's language. The server's own detail is shown where we have no words
 * for its code: it names the field and what was wrong with it.
 */
export function problemSentence(say: Say<typeof staffWords>, status: number, problem: Partial<Problem>): string {
	switch (problem.code) {
		case "slug_taken":
			return say("problem_slug_taken");
		case "studio_full":
			return say("problem_studio_full");
		case "live_max":
		case "people_full":
		case "interviews_full":
		case "database_down":
		case "on_air":
		case "over":
		case "last_host":
		case "too_many_attempts":
		case "streams_full":
		case "house_unreachable":
		case "level_not_pinned":
			return say(`problem_${problem.code}`);
		case "not_open":
			return say(problem.pointer ? "problem_not_open_move" : "problem_not_open");
		case "stage_unreachable":
		case "programme_unreachable":
			return say("problem_process");
	}
	if (status === 0) return say("problem_unanswered");
	if (status === 401) return say("signed_out");
	if (status === 403) return say("problem_not_allowed");
	if (status === 404 || status === 410) return say("problem_gone");
	if (status >= 500) return say("problem_server", { status });
	return say("problem_refused", { detail: problem.detail ?? problem.title ?? String(status) });
}
