import { KWeighting, lufsOf } from "./loudness.ts";

/** Gain reaches from a shout at −4 LUFS to a whisper at −45 LUFS. */
const GAIN_DB_MIN = -15;
const GAIN_DB_MAX = 26;
/** How fast the gain may move while somebody speaks. A shout is turned down sooner than a whisper up. */
const UP_DB_PER_S = 9;
const DOWN_DB_PER_S = 24;
/** Somebody who begins is levelled within a second or two, once per beginning. */
const UP_FIRST_DB_PER_S = 20;
const STEP_S = 0.1;
const MOMENTARY_STEPS = 4;
/** The loudness followed is that of about this much speech. */
const MEMORY_STEPS = 50;
/** After a pause of TURN_STEPS another may speak, so less of what was heard before it counts. */
const TURN_STEPS = 6;
const TURN_MEMORY_STEPS = 10;
/** Speech stands out of the room by at least this. */
const OVER_FLOOR_LU = 9;
/** Bounds on where speech may begin, whatever the room: digital silence has no floor, and nobody whispers above this. */
const GATE_LUFS_MIN = -56;
const GATE_LUFS_MAX = -38;
/** The floor is the quietest of the last FLOOR_STEPS that hold any sound; speech pauses that often. */
const FLOOR_STEPS = 80;
/** Below this is a muted microphone, which says nothing about the room that comes with it when it opens. */
const MUTED_LUFS = -80;
/** Blocks this far below the voice are its pauses … */
const PAUSE_LU = 9;
/** … unless there is nothing louder for this long: then it is a quieter voice. */
const QUIETER_STEPS = 9;
/** A voice is also quieter when its last RECENT_STEPS blocks are, on the whole, this far below what is remembered. */
const RECENT_STEPS = 18;
const RECENT_QUIETER_LU = 4;
/** A block this far above the voice is a louder one. */
const LOUDER_LU = 7;

/**
 * Rides the gain so that speech of any level comes out at the target, as a person at a fader would: quick
 * when somebody begins, slow afterwards, and hands off in pauses.
 *
 * Pure core. It listens before the gain, so nothing can oscillate. Momentary loudness counts when it stands out
 * of the room's noise floor and is not a pause of the voice followed; when nothing counts, the gain rests.
 */
export class Rider {
	readonly #targetLufs: number;
	readonly #weighting = new KWeighting((meanSquare) => this.#step(meanSquare));
	readonly #steps = new Float64Array(MOMENTARY_STEPS);
	readonly #floorSteps = new Float64Array(FLOOR_STEPS).fill(Number.POSITIVE_INFINITY);
	#stepCount = 0;
	#floorCount = 0;
	#restingSteps = 0;
	/** Mean square of the voice followed; counts for `#voiceSteps` blocks, at most MEMORY_STEPS. */
	#voice = 0;
	#voiceSteps = 0;
	/** Energy and count of the blocks since the last that counted, were they a quieter voice. */
	#quieter = 0;
	#quieterSteps = 0;
	/** The newest blocks that counted. */
	readonly #recent = new Float64Array(RECENT_STEPS);
	#recentCount = 0;
	#gainDb: number;

	/** @param options.gainDb where to begin; a restarted process passes its predecessor's. */
	constructor(options: { readonly targetLufs: number; readonly gainDb: number }) {
		this.#targetLufs = options.targetLufs;
		this.#gainDb = Math.min(GAIN_DB_MAX, Math.max(GAIN_DB_MIN, options.gainDb));
	}

	get gainDb(): number {
		return this.#gainDb;
	}

	/** Listens to the next voice samples; the gain may have moved afterwards. */
	push(samples: Float32Array): void {
		this.#weighting.push(samples);
	}

	#step(meanSquare: number): void {
		this.#steps[this.#stepCount % MOMENTARY_STEPS] = meanSquare;
		this.#stepCount += 1;
		if (lufsOf(meanSquare) > MUTED_LUFS) {
			this.#floorSteps[this.#floorCount % FLOOR_STEPS] = meanSquare;
			this.#floorCount += 1;
		}
		const block = this.#steps.reduce((sum, value) => sum + value, 0) / MOMENTARY_STEPS;
		const blockLufs = lufsOf(block);
		const floor = this.#floorSteps.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
		const gateLufs = Math.min(GATE_LUFS_MAX, Math.max(GATE_LUFS_MIN, lufsOf(floor) + OVER_FLOOR_LU));
		// The 100 ms itself must be speech too: the 400 ms window rings on into a pause.
		const isSpeech = blockLufs >= gateLufs && lufsOf(meanSquare) >= gateLufs;
		if (isSpeech && this.#restingSteps >= TURN_STEPS) this.#voiceSteps = Math.min(this.#voiceSteps, TURN_MEMORY_STEPS);
		this.#restingSteps = isSpeech ? 0 : this.#restingSteps + 1;
		if (!isSpeech || !this.#follow(block, blockLufs)) return;
		const wantedDb = Math.min(GAIN_DB_MAX, Math.max(GAIN_DB_MIN, this.#targetLufs - lufsOf(this.#voice)));
		const upDbPerS = this.#voiceSteps < 20 ? UP_FIRST_DB_PER_S : UP_DB_PER_S;
		const stepDb = Math.min(upDbPerS * STEP_S, Math.max(-DOWN_DB_PER_S * STEP_S, wantedDb - this.#gainDb));
		this.#gainDb += stepDb;
	}

	/** @returns whether the block was speech of the voice followed. */
	#follow(block: number, blockLufs: number): boolean {
		const voiceLufs = lufsOf(this.#voice);
		if (this.#voiceSteps > 0 && blockLufs < voiceLufs - PAUSE_LU) {
			this.#quieter += block;
			this.#quieterSteps += 1;
			if (this.#quieterSteps < QUIETER_STEPS) return false;
			this.#voice = this.#quieter / this.#quieterSteps;
			this.#voiceSteps = QUIETER_STEPS;
			this.#recentCount = 0;
		} else {
			if (blockLufs > voiceLufs + LOUDER_LU) this.#voiceSteps = Math.min(this.#voiceSteps, 3);
			this.#voiceSteps = Math.min(MEMORY_STEPS, this.#voiceSteps + 1);
			this.#voice += (block - this.#voice) / this.#voiceSteps;
			this.#recent[this.#recentCount % RECENT_STEPS] = block;
			this.#recentCount += 1;
			const recent = this.#recent.reduce((sum, value) => sum + value, 0) / RECENT_STEPS;
			if (this.#recentCount >= RECENT_STEPS && lufsOf(recent) < lufsOf(this.#voice) - RECENT_QUIETER_LU) {
				this.#voice = recent;
				this.#voiceSteps = RECENT_STEPS;
			}
		}
		this.#quieter = 0;
		this.#quieterSteps = 0;
		return true;
	}
}
