export type DatabaseErrorCode =
	/** PostgreSQL cannot be reached or is going down; the same query may succeed later. */
	| "unavailable"
	/** It answers, and does not let us in: password, name, rights. */
	| "refused"
	/** Older than `POSTGRES_VERSION_MIN`. */
	| "too_old"
	/** The schema was written by a newer Rostra. */
	| "schema_newer"
	/** Migrations wait, and an interview is live. */
	| "interview_live"
	/** The embedded PostgreSQL could not be set up or started. */
	| "embedded_failed";

/** The database could not do what was asked for a reason that lies outside of this process. */
export class DatabaseError extends Error {
	override readonly name = "DatabaseError";
	readonly code: DatabaseErrorCode;

	constructor(code: DatabaseErrorCode, message: string, options?: ErrorOptions) {
		super(message, options);
		this.code = code;
	}
}

/** Connection exceptions (class 08), operator intervention (class 57), too many connections. PostgreSQL, appendix A. */
const UNAVAILABLE_STATES = /^(08|57P|53300)/;
const UNAVAILABLE_SYSTEM_CODES = new Set([
	"ECONNREFUSED",
	"ECONNRESET",
	"ENOENT",
	"EPIPE",
	"ETIMEDOUT",
	"EHOSTUNREACH",
	"ENETUNREACH",
	"ENOTFOUND",
	"EAI_AGAIN",
]);
/** What `pg` says without a code when a connection breaks or none comes in time. */
const UNAVAILABLE_MESSAGES =
	/connection terminated|connection timeout|timeout exceeded when trying to connect|not queryable|query read timeout/i;

/** `error` as a `DatabaseError` when it means that PostgreSQL is away; as it is otherwise. */
export function asDatabaseError(error: unknown): unknown {
	if (!(error instanceof Error) || error instanceof DatabaseError) return error;
	const code = String((error as { code?: unknown }).code ?? "");
	const isUnavailable =
		UNAVAILABLE_STATES.test(code) || UNAVAILABLE_SYSTEM_CODES.has(code) || UNAVAILABLE_MESSAGES.test(error.message);
	if (!isUnavailable) return error;
	return new DatabaseError("unavailable", `Cannot reach the database: ${error.message}`, { cause: error });
}
