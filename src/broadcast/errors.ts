export type BroadcastErrorCode = "encoder_unexpected" | "encoder_failed" | "timeline_unreadable" | "notice_unreadable";

/** The programme cannot go on as it is; the process ends and its successor tries anew. */
export class BroadcastError extends Error {
	override readonly name = "BroadcastError";
	readonly code: BroadcastErrorCode;

	constructor(code: BroadcastErrorCode, message: string, options?: ErrorOptions) {
		super(message, options);
		this.code = code;
	}
}
