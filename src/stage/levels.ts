import { FRAME_MS } from "#wire/index.ts";
import {
	LEVEL_DBFS_MIN,
	LEVEL_TICKS,
	VOICE_ATTACK_MS,
	VOICE_DBFS_MIN,
	VOICE_HOLD_MS,
	VOICE_OFF_DB,
	VOICE_ON_DB,
} from "./config.ts";

/** How fast the noise floor is believed to rise when nothing softer is heard, dB per second. */
const FLOOR_RISE_DB_PER_S = 2;
/** A floor louder than this is a voice that does not pause. */
const FLOOR_DBFS_MAX = -40;

/**
 * How loud a seat is, and whether somebody speaks there. Pure: one call per tick.
 *
 * Voice is what stands out of the room's own noise for a moment; it ends when it has been gone for a while, so
 * that the pauses between words do not flicker.
 */
export class Level {
	readonly #power = new Float64Array(LEVEL_TICKS);
	#tick = 0;
	#floorDbfs = -70;
	#loudMs = 0;
	#quietMs = VOICE_HOLD_MS;
	#speaking = false;

	/** RMS of the last 200 ms, dBFS; LEVEL_DBFS_MIN for silence. A full-scale sine has −3. */
	get levelDbfs(): number {
		let sum = 0;
		for (const power of this.#power) sum += power;
		return toDbfs(sum / LEVEL_TICKS);
	}

	get speaking(): boolean {
		return this.#speaking;
	}

	/** @param samples the frame after gain. */
	take(samples: Float32Array): void {
		let sum = 0;
		for (let i = 0; i < samples.length; i += 1) sum += (samples[i] as number) ** 2;
		const power = sum / samples.length;
		this.#power[this.#tick % LEVEL_TICKS] = power;
		this.#tick += 1;

		const dbfs = toDbfs(power);
		const risenDbfs = this.#floorDbfs + FLOOR_RISE_DB_PER_S * (FRAME_MS / 1000);
		this.#floorDbfs = Math.min(FLOOR_DBFS_MAX, Math.max(dbfs, -90) < risenDbfs ? Math.max(dbfs, -90) : risenDbfs);
		const threshold = Math.max(VOICE_DBFS_MIN, this.#floorDbfs + (this.#speaking ? VOICE_OFF_DB : VOICE_ON_DB));
		if (dbfs > threshold) {
			this.#loudMs += FRAME_MS;
			this.#quietMs = 0;
		} else {
			this.#quietMs += FRAME_MS;
			this.#loudMs = 0;
		}
		if (this.#loudMs >= VOICE_ATTACK_MS) this.#speaking = true;
		else if (this.#quietMs >= VOICE_HOLD_MS) this.#speaking = false;
	}
}

function toDbfs(power: number): number {
	return Math.max(LEVEL_DBFS_MIN, 10 * Math.log10(power + 1e-12));
}
