import { FRAME_SAMPLES } from "#wire/index.ts";

const FRAME_MS = 20;

/**
 * The programme's delay: frames wait here between levelling and encoding, so that what must not go out can
 * be cut before anybody hears it.
 *
 * Pure core. One frame in, one frame out, always; the delay grows by putting silence in front of what waits and
 * shrinks by taking out what is oldest.
 */
export class DelayRing {
	readonly #framesMax: number;
	/** Invariant: at most #framesMax frames, oldest first. */
	#waiting: Float32Array[] = [];

	/** @param delayMsMax whole frames of 20 ms. */
	constructor(delayMsMax: number) {
		this.#framesMax = Math.floor(delayMsMax / FRAME_MS);
	}

	get delayMs(): number {
		return this.#waiting.length * FRAME_MS;
	}

	/** Sets the delay at once. Longer: silence is heard meanwhile; shorter: the oldest sound is left out. Bounded by `delayMsMax`. */
	setDelay(delayMs: number): void {
		const frames = Math.min(this.#framesMax, Math.max(0, Math.round(delayMs / FRAME_MS)));
		while (this.#waiting.length > frames) this.#waiting.shift();
		while (this.#waiting.length < frames) this.#waiting.unshift(new Float32Array(FRAME_SAMPLES));
	}

	/** Takes out the newest `cutMs` for good: nobody hears them. The delay is shorter by what was cut. @returns the milliseconds cut. */
	cutNewest(cutMs: number): number {
		const frames = Math.min(this.#waiting.length, Math.max(0, Math.round(cutMs / FRAME_MS)));
		this.#waiting.length -= frames;
		return frames * FRAME_MS;
	}

	/** @returns the frame to encode now; the very same when there is no delay. */
	pass(frame: Float32Array): Float32Array {
		this.#waiting.push(frame);
		return this.#waiting.shift() as Float32Array;
	}
}
