export type BusErrorCode = "no_responder" | "timed_out" | "refused" | "disconnected";

/** A request over the bus that got no answer. `refused` carries the responder's own message. */
export class BusError extends Error {
	override readonly name = "BusError";
	readonly code: BusErrorCode;

	constructor(code: BusErrorCode, message: string, options?: ErrorOptions) {
		super(message, options);
		this.code = code;
	}
}
