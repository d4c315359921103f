export type RehearsalErrorCode = "speech_unreadable" | "door_unreachable" | "answer_unusable";

/** A synthetic speaker that cannot speak. `door_unreachable` and `answer_unusable` are tried again, `speech_unreadable` is not. */
export class RehearsalError extends Error {
	override readonly name = "RehearsalError";
	readonly code: RehearsalErrorCode;

	constructor(code: RehearsalErrorCode, message: string, options?: ErrorOptions) {
		super(message, options);
		this.code = code;
	}
}
