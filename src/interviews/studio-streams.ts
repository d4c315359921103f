import { type Clock, everyMs } from "#base/index.ts";
import type { Session } from "#people/index.ts";
import type { StudioSnapshot } from "#wire/index.ts";
import { type Refusal, refusal } from "./errors.ts";

/** Snapshots per second a studio gets at most; fewer when nothing changes or the reader is slow. */
const SNAPSHOT_EVERY_MS = 200;
/** A comment line this often keeps proxies from closing a silent stream. */
const KEEP_ALIVE_MS = 15_000;
/** Event streams open at once: over all, and per browser. One more is refused. */
const STREAMS_MAX = 500;
const STREAMS_PER_SESSION_MAX = 12;

/** Server-sent events `studio` (HTML, 9.2): to each open studio what it shows, whenever that has changed. */
export class StudioStreams {
	readonly #clock: Clock;
	readonly #countOf = new Map<string, number>();
	#count = 0;

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/** Streams that are open. */
	get count(): number {
		return this.#count;
	}

	/**
	 * Opens a stream.
	 *
	 * @param look what the studio shows now; undefined when who looks has no part in it any more, which ends the stream.
	 * @param gone aborts when the reader has left.
	 */
	open(session: Session, look: () => StudioSnapshot | undefined, gone: AbortSignal): Refusal | Response {
		const mine = this.#countOf.get(session.sessionHash) ?? 0;
		if (this.#count >= STREAMS_MAX || mine >= STREAMS_PER_SESSION_MAX) {
			return refusal("streams_full", "Too many studios are open. Close one in this browser, then try again.");
		}
		this.#count += 1;
		this.#countOf.set(session.sessionHash, mine + 1);
		const encoder = new TextEncoder();
		let sent = "";
		let sentMs = this.#clock.monoMs();
		let ticking: Disposable | undefined;
		let closed = false;
		const close = () => {
			if (closed) return;
			closed = true;
			ticking?.[Symbol.dispose]();
			this.#leave(session);
		};
		const body = new ReadableStream<Uint8Array>(
			{
				start: (controller) => {
					const send = () => {
						// A reader that has not taken the last snapshot gets a newer one instead of a queue.
						if ((controller.desiredSize ?? 0) <= 0) return;
						const snapshot = look();
						if (!snapshot) {
							close();
							controller.close();
							return;
						}
						const { serverUnixMs, ...rest } = snapshot;
						const text = JSON.stringify(rest);
						const nowMs = this.#clock.monoMs();
						if (text !== sent) {
							const data = JSON.stringify({ ...rest, serverUnixMs });
							controller.enqueue(encoder.encode(`event: studio\ndata: ${data}\n\n`));
							sent = text;
							sentMs = nowMs;
						} else if (nowMs - sentMs >= KEEP_ALIVE_MS) {
							controller.enqueue(encoder.encode(":\n\n"));
							sentMs = nowMs;
						}
					};
					ticking = everyMs(this.#clock, SNAPSHOT_EVERY_MS, send);
					send();
				},
				cancel: close,
			},
			{ highWaterMark: 1 },
		);
		gone.addEventListener("abort", close);
		return new Response(body, {
			headers: {
				"content-type": "text/event-stream; charset=utf-8",
				"cache-control": "no-store",
				"x-accel-buffering": "no",
			},
		});
	}

	#leave({ sessionHash }: Session): void {
		this.#count -= 1;
		const left = (this.#countOf.get(sessionHash) ?? 1) - 1;
		if (left > 0) this.#countOf.set(sessionHash, left);
		else this.#countOf.delete(sessionHash);
	}
}
