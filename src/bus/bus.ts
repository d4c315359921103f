/**
 * Messages between processes: a subset of NATS' semantics.
 *
 * Subjects are words joined by dots (`part.01J…`). A subscription's last word may be `>`, which stands for
 * any rest. Delivery is at most once; messages of one publisher arrive in the order they were sent, and a
 * reply arrives after everything its responder published before it.
 */
export type Bus = {
	/** Sends to whoever listens now. While the connection is down the message is dropped and counted in `droppedCount`. */
	publish(subject: string, payload: Uint8Array): void;
	/** `on` must not keep `payload` beyond the call unless it copies it. */
	subscribe(subject: string, on: (payload: Buffer, subject: string) => void): Disposable;
	/** @throws BusError when nobody answers `subject`, the answer takes longer than `timeoutMs`, or the responder threw. */
	request(subject: string, payload: Uint8Array, options: { readonly timeoutMs: number }): Promise<Buffer>;
	/** Answers requests to exactly `subject`. The newest responder gets the requests. */
	respond(subject: string, answer: (payload: Buffer) => Uint8Array | Promise<Uint8Array>): Disposable;
	/** Calls `on` each time the connection is made, the first time included. Ask for missed state there. */
	onConnect(on: () => void): Disposable;
	readonly droppedCount: number;
	[Symbol.asyncDispose](): Promise<void>;
};

/** Whether `subject` is one a subscription to `pattern` gets. */
export function subjectMatches(pattern: string, subject: string): boolean {
	if (!pattern.endsWith(".>")) return pattern === subject;
	return subject.startsWith(pattern.slice(0, -1)) && subject.length > pattern.length - 1;
}
