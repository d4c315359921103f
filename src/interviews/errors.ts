/** Why a request was not done: an expected answer, turned into problem+json in one place (problems.ts). */
export type RefusalCode =
	| "malformed"
	| "sign_in_required"
	| "sign_in_link_unknown"
	| "sign_in_link_used"
	| "sign_in_link_expired"
	| "too_many_attempts"
	| "not_yours"
	| "foreign_origin"
	| "not_found"
	| "gone"
	| "method_not_allowed"
	| "not_acceptable"
	| "too_large"
	| "head_too_large"
	| "too_slow"
	| "unsupported_media_type"
	| "unprocessable"
	| "precondition_required"
	| "precondition_failed"
	| "slug_taken"
	| "interviews_full"
	| "people_full"
	| "studio_full"
	| "live_max"
	| "streams_full"
	| "not_open"
	| "on_air"
	| "over"
	| "last_host"
	| "consent_missing"
	| "recording_not_removed"
	| "invitation_expired"
	| "invitation_used"
	| "invitation_foreign"
	| "database_down"
	| "stage_unreachable"
	| "programme_unreachable"
	| "house_unreachable"
	| "level_not_pinned";

export type Refusal = {
	readonly ok: false;
	readonly code: RefusalCode;
	/** A sentence with a next step. */
	readonly detail: string;
	/** The field at fault, a JSON pointer. */
	readonly pointer?: string;
	readonly retryAfterS?: number;
	/** Whom to ask, by name. */
	readonly ask?: string;
};

export function refusal(
	code: RefusalCode,
	detail: string,
	more?: { pointer?: string; retryAfterS?: number; ask?: string },
): Refusal {
	return { ok: false, code, detail, ...more };
}

/** It was done, and there is nothing to say about it. */
export type Done = { readonly ok: true };
export const DONE: Done = { ok: true };
