export type SupervisorErrorCode =
	| "data_in_use"
	| "data_newer"
	| "data_not_writable"
	| "port_taken"
	| "no_socket_dir"
	| "tls_unreadable"
	| "pages_missing"
	| "process_fails"
	| "not_running";

/** The platform cannot start, or does not run, for a reason its operator can do something about. */
export class SupervisorError extends Error {
	override readonly name = "SupervisorError";
	readonly code: SupervisorErrorCode;

	constructor(code: SupervisorErrorCode, message: string, options?: ErrorOptions) {
		super(message, options);
		this.code = code;
	}
}
