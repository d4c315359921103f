import { PART_SAMPLES } from "#wire/quantum.ts";
import type { PublicState } from "#wire/state.ts";

/** States that wait for the playhead. Beyond it the oldest is shown early. */
const STATES_MAX = 256;

/** What is known and what is shown: a state is shown when the playhead gets to the part from which it is true. Pure. */
export class StateQueue {
	/** The newest known: decisions rest on it. */
	newest: PublicState;
	/** What the page shows. */
	shown: PublicState;
	#waiting: PublicState[] = [];

	constructor(first: PublicState) {
		this.newest = first;
		this.shown = first;
	}

	/** @returns whether `state` is newer than what was known; otherwise it is ignored. */
	take(state: PublicState): boolean {
		if (state.revision <= this.newest.revision) return false;
		this.newest = state;
		this.#waiting.push(state);
		return true;
	}

	/** @param positionSample the playhead of someone who follows; undefined for everybody else, for whom the newest holds. */
	show(positionSample: number | undefined): void {
		for (;;) {
			const first = this.#waiting[0];
			if (!first) return;
			const due = positionSample === undefined || first.atPart * PART_SAMPLES <= positionSample;
			if (!due && this.#waiting.length <= STATES_MAX) return;
			this.#waiting.shift();
			this.shown = first;
		}
	}
}
