import type { StudioSnapshot } from "#wire/staff.ts";
import type { Seat } from "./advice.ts";

/** A seat that was here is expected back for this long after the stage is ready again. */
const RETURN_WITHIN_MS = 8_000;

/**
 * Keeps people where they are on the screen while the stage is replaced: it reports nobody then, and everybody
 * who was here is on the way back. Somebody who leaves while the stage runs is gone at once.
 *
 * Pure core: snapshots and the time in, seats out.
 */
export class Presence {
	/** Seats that were connected in the last snapshot of a stage that runs. */
	#here = new Set<string>();
	/** Until when those are called lost and not absent; undefined while nothing is amiss. */
	#expectedUntilMs: number | undefined;
	#epoch: number | undefined;

	seats(snapshot: Pick<StudioSnapshot, "seats" | "stageReady" | "stageEpoch">, nowMs: number): readonly Seat[] {
		const { seats, stageReady, stageEpoch } = snapshot;
		const replaced = this.#epoch !== undefined && this.#epoch !== stageEpoch;
		if (!stageReady) this.#expectedUntilMs = Number.POSITIVE_INFINITY;
		else {
			if (replaced || this.#expectedUntilMs === Number.POSITIVE_INFINITY) {
				this.#expectedUntilMs = nowMs + RETURN_WITHIN_MS;
			}
			this.#epoch = stageEpoch;
		}
		const expected = this.#expectedUntilMs !== undefined && nowMs < this.#expectedUntilMs;
		if (!expected) {
			this.#expectedUntilMs = undefined;
			this.#here = new Set(seats.filter((seat) => seat.connection !== "absent").map((seat) => seat.seatId));
			return seats;
		}
		return seats.map((seat) =>
			seat.connection === "absent" && this.#here.has(seat.seatId) ? { ...seat, connection: "lost" as const } : seat,
		);
	}
}
