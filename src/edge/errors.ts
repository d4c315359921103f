export type EdgeErrorCode = "port_taken";

/** The outside world did not let the public door work. */
export class EdgeError extends Error {
	override readonly name = "EdgeError";
	readonly code: EdgeErrorCode;

	constructor(code: EdgeErrorCode, message: string, options?: ErrorOptions) {
		super(message, options);
		this.code = code;
	}
}
