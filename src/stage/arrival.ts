import { FRAME_MS } from "#wire/index.ts";
import {
	DELAY_HALF_LIFE_MS,
	DELAY_MS_MAX,
	DISCONTINUITY_MS,
	EXCESS_MS_START,
	FLOOR_WINDOW_MS,
	IN_TIME_SHARE,
} from "./config.ts";

const BUCKET_MS = 4;
/** What comes even later no permitted lag could have waited for: it is no reason to wait. */
const BUCKETS = (DELAY_MS_MAX - FRAME_MS) / BUCKET_MS;
const SLOTS = 10;
const SLOT_MS = FLOOR_WINDOW_MS / SLOTS;
/** What EXCESS_MS_START weighs against packets seen: it is forgotten within some 15 s. */
const START_WEIGHT_MS = 1_000;

/**
 * How packets arrive, compared with the sender's own clock. Pure.
 *
 * A packet's *transit* is its arrival minus its timestamp, on two clocks that have no common zero; only
 * differences mean anything. The *floor* is the least transit of the last 2 s, that is, the path when
 * nothing delays it; what a packet took longer is its *excess*.
 */
export class Arrival {
	/** Least transit in each slot of FLOOR_WINDOW_MS / SLOTS; the newest is at `#slot % SLOTS`. */
	readonly #floors = new Float64Array(SLOTS).fill(Number.POSITIVE_INFINITY);
	/** Weights of the excesses seen, by BUCKET_MS; they sum to `#weight`. */
	readonly #excess = new Float64Array(BUCKETS);
	#weight = 0;
	#slot = 0;
	#floorMs = Number.POSITIVE_INFINITY;
	/** Transit of the previous packet when that was far off. */
	#outlier: number | undefined;

	constructor() {
		this.reset();
	}

	/** Milliseconds; infinite before the first packet. */
	get floorMs(): number {
		return this.#floorMs;
	}

	/**
	 * Takes one packet's transit.
	 *
	 * @param unsureMs how much sooner it may have come, because this process was not looking. It is then believed to have
	 *   been as fast as the fastest, so far as that can be: our own stalls are no reason to distrust a network.
	 * @returns "new_timeline" when it and the packet before it agree that the sender's clock was set anew: everything
	 *   known is forgotten; "outlier" when it is alone in that, so that the packet should be left out.
	 */
	take(measuredMs: number, durationMs: number, nowMs: number, unsureMs: number): "normal" | "outlier" | "new_timeline" {
		this.#advance(nowMs);
		const transitMs = Math.min(measuredMs, Math.max(measuredMs - unsureMs, this.#floorMs));
		if (this.#floorMs !== Number.POSITIVE_INFINITY && Math.abs(transitMs - this.#floorMs) > DISCONTINUITY_MS) {
			const confirmed = this.#outlier !== undefined && Math.abs(transitMs - this.#outlier) < DISCONTINUITY_MS;
			this.#outlier = transitMs;
			if (!confirmed) return "outlier";
			this.reset();
			this.take(transitMs, durationMs, nowMs, 0);
			return "new_timeline";
		}
		this.#outlier = undefined;
		const slot = this.#slot % SLOTS;
		this.#floors[slot] = Math.min(this.#floors[slot] as number, transitMs);
		this.#floorMs = Math.min(this.#floorMs, transitMs);

		const keep = 0.5 ** (durationMs / DELAY_HALF_LIFE_MS);
		const bucket = Math.floor((transitMs - this.#floorMs) / BUCKET_MS);
		for (let i = 0; i < BUCKETS; i += 1) this.#excess[i] = (this.#excess[i] as number) * keep;
		this.#weight *= keep;
		if (bucket < BUCKETS) {
			this.#excess[bucket] = (this.#excess[bucket] as number) + durationMs;
			this.#weight += durationMs;
		}
		return "normal";
	}

	/** The excess that IN_TIME_SHARE of the packets stay below, to the next BUCKET_MS. */
	excessMs(): number {
		let left = this.#weight * (1 - IN_TIME_SHARE);
		for (let i = BUCKETS - 1; i >= 0; i -= 1) {
			left -= this.#excess[i] as number;
			if (left < 0) return (i + 1) * BUCKET_MS;
		}
		return 0;
	}

	reset(): void {
		this.#floors.fill(Number.POSITIVE_INFINITY);
		this.#excess.fill(0);
		this.#excess[Math.floor(EXCESS_MS_START / BUCKET_MS)] = START_WEIGHT_MS;
		this.#weight = START_WEIGHT_MS;
		this.#floorMs = Number.POSITIVE_INFINITY;
		this.#outlier = undefined;
	}

	#advance(nowMs: number): void {
		const slot = Math.floor(nowMs / SLOT_MS);
		if (slot <= this.#slot) return;
		// While nothing arrives the last floor is still the best guess: at least one slot keeps it.
		const last = this.#floorMs;
		for (let s = Math.max(this.#slot + 1, slot - SLOTS + 1); s <= slot; s += 1) {
			this.#floors[s % SLOTS] = Number.POSITIVE_INFINITY;
		}
		this.#slot = slot;
		this.#floorMs = Math.min(...this.#floors);
		if (this.#floorMs === Number.POSITIVE_INFINITY) {
			this.#floorMs = last;
			this.#floors[slot % SLOTS] = last;
		}
		this.#lowerExcess(Math.floor((this.#floorMs - last) / BUCKET_MS));
	}

	/** The path became longer: what was counted as excess lately is now its floor. */
	#lowerExcess(buckets: number): void {
		if (!(buckets > 0)) return;
		for (let i = Math.min(buckets, BUCKETS); i < BUCKETS; i += 1) {
			this.#excess[i - buckets] = (this.#excess[i - buckets] as number) + (this.#excess[i] as number);
			this.#excess[i] = 0;
		}
	}
}
