/** Milliseconds on this machine's monotonic clock: never jumps, the same in every process of one boot. */
export type MonoMs = number & { readonly unit: "mono-ms" };
/** Milliseconds since 1970-01-01T00:00:00Z. Jumps when the host corrects its clock. */
export type UnixMs = number & { readonly unit: "unix-ms" };
/** Samples per channel at 48 kHz since the programme's epoch: the programme's own time. */
export type SampleIndex = number & { readonly unit: "sample@48k" };

/** The only source of time in the server. Composition roots pass `systemClock`, tests a `FakeClock`. */
export type Clock = {
	monoMs(): MonoMs;
	unixMs(): UnixMs;
	/** Calls `wake` once, at or after `deadlineMs`. Dispose to cancel. */
	wakeAt(deadlineMs: MonoMs, wake: () => void): Disposable;
};

/**
 * The host's clocks. `monoMs` is CLOCK_MONOTONIC, which all processes of a machine share, so two
 * processes may compare their readings; `performance.now()` starts anew in each and may not be compared.
 */
export const systemClock: Clock = {
	monoMs: () => (Number(process.hrtime.bigint()) / 1e6) as MonoMs,
	unixMs: () => Date.now() as UnixMs,
	wakeAt(deadlineMs, wake) {
		const timer = setTimeout(wake, Math.max(0, deadlineMs - this.monoMs()));
		return { [Symbol.dispose]: () => clearTimeout(timer) };
	},
};

/** A clock that stands still until `advance` is called; due wakes run in the order of their deadlines. */
export class FakeClock implements Clock {
	#nowMs: number;
	#unixOffsetMs: number;
	#waiting: { deadlineMs: number; wake: () => void }[] = [];

	constructor(startMs = 1_000, unixMs = Date.UTC(2026, 0, 1, 20, 0, 0)) {
		this.#nowMs = startMs;
		this.#unixOffsetMs = unixMs - startMs;
	}

	monoMs(): MonoMs {
		return this.#nowMs as MonoMs;
	}

	unixMs(): UnixMs {
		return (this.#nowMs + this.#unixOffsetMs) as UnixMs;
	}

	wakeAt(deadlineMs: MonoMs, wake: () => void): Disposable {
		const entry = { deadlineMs, wake };
		this.#waiting.push(entry);
		return {
			[Symbol.dispose]: () => {
				this.#waiting = this.#waiting.filter((other) => other !== entry);
			},
		};
	}

	/** Moves both clocks by `ms`, stopping at each deadline on the way. */
	advance(ms: number): void {
		const endMs = this.#nowMs + ms;
		for (;;) {
			const next = this.#waiting.filter((w) => w.deadlineMs <= endMs).sort((a, b) => a.deadlineMs - b.deadlineMs)[0];
			if (!next) break;
			this.#waiting = this.#waiting.filter((other) => other !== next);
			this.#nowMs = Math.max(this.#nowMs, next.deadlineMs);
			next.wake();
		}
		this.#nowMs = endMs;
	}

	/** Moves the wall clock only, as a host does when it corrects its time. */
	jumpUnix(ms: number): void {
		this.#unixOffsetMs += ms;
	}
}

/** Ticks of whole multiples of this come at the same moments in a process, so that they wake it together: a wake costs an idle process some 200 microseconds, whatever it is for. */
const GRID_MS = 250;

/**
 * Calls `tick` every `everyMs` on `clock` until disposed; a late tick does not make the next one late. The first may come
 * earlier than a whole period.
 */
export function everyMs(clock: Clock, periodMs: number, tick: () => void): Disposable {
	let deadlineMs = clock.monoMs() + periodMs;
	if (periodMs % GRID_MS === 0) deadlineMs -= deadlineMs % GRID_MS;
	let pending: Disposable | undefined;
	const arm = () => {
		pending = clock.wakeAt(deadlineMs as MonoMs, () => {
			deadlineMs = Math.max(deadlineMs + periodMs, clock.monoMs());
			arm();
			tick();
		});
	};
	arm();
	return { [Symbol.dispose]: () => pending?.[Symbol.dispose]() };
}

/** Resolves after `ms` on `clock`. */
export function pauseMs(clock: Clock, ms: number): Promise<void> {
	return new Promise((resolve) => clock.wakeAt((clock.monoMs() + ms) as MonoMs, resolve));
}
