export type AcmeErrorCode =
	| "unreachable"
	| "refused"
	| "rate_limited"
	| "not_validated"
	| "too_slow"
	| "unusable_answer";

/** The authority did not give a certificate. The message says what it said. */
export class AcmeError extends Error {
	override readonly name = "AcmeError";
	readonly code: AcmeErrorCode;
	/** What the authority asked us to wait before we ask again; 0 when it did not. */
	readonly retryAfterMs: number;

	constructor(code: AcmeErrorCode, message: string, options: ErrorOptions & { readonly retryAfterMs?: number } = {}) {
		super(message, options);
		this.code = code;
		this.retryAfterMs = options.retryAfterMs ?? 0;
	}
}
