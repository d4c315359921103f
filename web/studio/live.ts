import type { StudioSnapshot } from "#wire/staff.ts";

/** While somebody is connected, levels and counters change several times a second: this long without is no chance. */
const STALE_AFTER_MS = 4_000;
const RETRY_MS = 1_000;

export type LiveOptions = {
	/** `/api/v1/interviews/<id>/events`, with what else it needs. */
	readonly url: string;
	readonly onSnapshot: (snapshot: StudioSnapshot) => void;
	/** False while nothing comes: the page shows what it last knew and says so. */
	readonly onFresh: (fresh: boolean) => void;
	/** The stream was refused for good: signed out, removed, deleted. Asked by a plain request, as EventSource does not tell. */
	readonly onRefused: (status: number) => void;
};

/** Follows the studio's event stream and comes back by itself. */
export class Live implements Disposable {
	readonly #options: LiveOptions;
	#source: EventSource | undefined;
	#retryTimer: number | undefined;
	#staleTimer: number | undefined;
	#closed = false;

	constructor(options: LiveOptions) {
		this.#options = options;
		this.#open();
	}

	[Symbol.dispose](): void {
		this.#closed = true;
		this.#source?.close();
		window.clearTimeout(this.#retryTimer);
		window.clearTimeout(this.#staleTimer);
	}

	#open(): void {
		const source = new EventSource(this.#options.url);
		this.#source = source;
		source.addEventListener("studio", (event) => {
			const snapshot = JSON.parse(event.data) as StudioSnapshot;
			this.#options.onFresh(true);
			this.#watch(snapshot.seats.some((seat) => seat.connection === "connected"));
			this.#options.onSnapshot(snapshot);
		});
		source.addEventListener("error", () => {
			if (this.#closed) return;
			// A refused stream closes for good; a broken one tries again by itself, but slowly in some browsers.
			source.close();
			this.#watch(true);
			window.clearTimeout(this.#retryTimer);
			this.#retryTimer = window.setTimeout(() => void this.#retry(), RETRY_MS * (0.5 + Math.random()));
		});
	}

	async #retry(): Promise<void> {
		const status = await this.#statusNow();
		if (this.#closed) return;
		if (status === 401 || status === 403 || status === 404 || status === 410) this.#options.onRefused(status);
		else this.#open();
	}

	async #statusNow(): Promise<number> {
		const abort = new AbortController();
		try {
			const response = await fetch(this.#options.url, {
				headers: { accept: "text/event-stream" },
				signal: abort.signal,
			});
			return response.status;
		} catch {
			return 0;
		} finally {
			abort.abort();
		}
	}

	/** @param expected something must come soon. */
	#watch(expected: boolean): void {
		window.clearTimeout(this.#staleTimer);
		this.#staleTimer = undefined;
		if (!expected) return;
		this.#staleTimer = window.setTimeout(() => this.#options.onFresh(false), STALE_AFTER_MS);
	}
}
