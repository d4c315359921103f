import { HEARD_GAPS_MAX, HEARD_SPAN_MS_MAX, type HeardReport, type HeardWay } from "#wire/heard.ts";

/** Silence up to this is how browsers tell their playhead, in steps of up to a quarter of a second; beyond it is a gap. */
const GAP_MS = 350;
/** Over a longer step nobody looked, the machine may have slept: only what moved counts. */
const STEP_MS_MAX = 10_000;
/** A report follows the one before after this, give or take a tenth. */
const EVERY_MS = 60_000;

/**
 * Measures what a listener hears, and sums it up once a minute. Pure.
 *
 * - OFF: he asked for no sound.
 * - AWAITED: he asked for sound, or for other sound than before; until it comes nothing is due.
 * - DUE: sound moves, or should.
 */
export class HeardMeter {
	readonly #random: () => number;
	#state: "off" | "awaited" | "due" = "off";
	#askedMs = 0;
	#toldMs = 0;
	#joinMs: number | undefined;
	#joined = false;
	#dueMs = 0;
	#gapMs = 0;
	#gapCount = 0;
	/** Due and not heard since the playhead last kept up. */
	#lagMs = 0;
	/** A gap goes on of which an earlier report told. */
	#isTold = false;
	/** When the next report is due. */
	#nextMs: number | undefined;

	/** @param random uniform in [0, 1). */
	constructor(random: () => number) {
		this.#random = random;
	}

	/** The listener asked for sound, now to begin here. */
	asked(nowMs: number): void {
		this.#settle();
		this.#state = "awaited";
		this.#askedMs = nowMs;
	}

	/** He asked for none, or there is no more. */
	stopped(): void {
		this.#settle();
		this.#state = "off";
	}

	/** @param soundMs what the playhead moved by since it was last told, in the time that takes at the rate it plays at. */
	moved(soundMs: number, nowMs: number): void {
		const stepMs = nowMs - this.#toldMs;
		this.#toldMs = nowMs;
		if (this.#state === "awaited" && soundMs > 0) {
			this.#state = "due";
			if (!this.#joined) this.#joinMs = Math.round(nowMs - this.#askedMs);
			this.#joined = true;
			// A crowd that begins together does not report together.
			this.#nextMs ??= nowMs + EVERY_MS * (0.5 + this.#random());
			return;
		}
		if (this.#state !== "due") return;
		if (stepMs > STEP_MS_MAX) {
			this.#dueMs += Math.min(Math.max(0, soundMs), stepMs);
			return;
		}
		this.#dueMs += stepMs;
		this.#lagMs = Math.max(0, this.#lagMs + stepMs - Math.max(0, soundMs));
		if (soundMs > 0) this.#settle();
	}

	/** Sound was left out that nobody asked to leave out: a gap as long as that, or as its silence, whichever is longer. */
	leftOut(lostMs: number): void {
		if (this.#state !== "due") return;
		this.#lagMs = Math.max(this.#lagMs, lostMs);
	}

	/** The report that is due, at most once a minute; undefined when none is, or nothing was heard. */
	poll(nowMs: number, now: { readonly way: HeardWay; readonly distanceMs: number | null }): HeardReport | undefined {
		if (this.#nextMs === undefined || nowMs < this.#nextMs) return undefined;
		this.#nextMs = nowMs + EVERY_MS * (0.9 + 0.2 * this.#random());
		this.#isTold = this.#countGap();
		// A sound card that is slower than the clock is no gap, however long it is listened to.
		this.#lagMs = 0;
		const gapMs = Math.min(Math.round(this.#gapMs), Math.round(this.#dueMs));
		const report: HeardReport = {
			way: now.way,
			heardMs: Math.round(this.#dueMs) - gapMs,
			gapMs,
			gapCount: gapMs > 0 ? Math.min(this.#gapCount, HEARD_GAPS_MAX) : 0,
			distanceMs: now.distanceMs === null ? undefined : Math.round(now.distanceMs),
			joinMs: this.#joinMs,
		};
		this.#dueMs = 0;
		this.#gapMs = 0;
		this.#gapCount = 0;
		this.#joinMs = undefined;
		return report.heardMs > 0 && report.heardMs + gapMs <= HEARD_SPAN_MS_MAX ? report : undefined;
	}

	/** Sound goes on. */
	#settle(): void {
		if (this.#countGap()) this.#isTold = false;
	}

	/** @returns whether there was one. */
	#countGap(): boolean {
		if (!this.#isTold && this.#lagMs <= GAP_MS) return false;
		if (!this.#isTold) this.#gapCount += 1;
		this.#gapMs += this.#lagMs;
		this.#lagMs = 0;
		return true;
	}
}
