import type { StageAnswer } from "#wire/index.ts";

export type StageErrorCode = "udp_port_taken" | "engine_failed";

/** The outside world failed the stage: it cannot start, or the WebRTC engine gave no answer. */
export class StageError extends Error {
	override readonly name = "StageError";
	readonly code: StageErrorCode;

	constructor(code: StageErrorCode, message: string, options?: ErrorOptions) {
		super(message, options);
		this.code = code;
	}
}

/** The stage's no, as control gets it. */
export type Refusal = Extract<StageAnswer, { ok: false }>;

/** @param detail a sentence a person can act on; no bytes of the refused input beyond a short quotation. */
export function refusal(code: Refusal["code"], detail: string): Refusal {
	return { ok: false, code, detail };
}
