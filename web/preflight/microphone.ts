import { dbOfPower, fft, LevelHistogram, powerOfTwo } from "./spectrum.ts";

/** What may be wrong with a microphone, worst first: the order in which a person should repair it. */
export const MICROPHONE_PROBLEMS = [
	"mic_silent",
	"mic_not_heard",
	"clipping",
	"level_high",
	"level_low",
	"noise",
	"telephone_quality",
] as const;
export type MicrophoneProblem = (typeof MICROPHONE_PROBLEMS)[number];

export type MicrophoneReading = {
	/** Time for which blocks came, counted in samples. */
	readonly heardMs: number;
	/** How much of it was speech. */
	readonly speechMs: number;
	/** RMS while speaking, dBFS; null before `SPEECH_MIN_MS` of speech. */
	readonly speechDbfs: number | null;
	/** RMS between the words, dBFS. */
	readonly noiseDbfs: number;
	/** Highest frequency that the voice reaches, Hz; null before `SPEECH_MIN_MS` of speech. */
	readonly bandwidthHz: number | null;
	/** Share of the spoken frames whose peaks are cut flat. */
	readonly clippedShare: number;
};

/** Speech wanted before a verdict on level, noise or bandwidth. */
export const SPEECH_MIN_MS = 2_000;
/** How long nothing at all may come before the microphone is called silent. A system’s mute sends zeros, and so does a Bluetooth headset for two seconds while it changes its profile. */
const ZERO_MAX_MS = 3_000;
/** How long a sound below `HEARD_DBFS` may last before we say that nobody is heard. */
const UNHEARD_MAX_MS = 6_000;
/** Quieter than any voice that reaches a microphone on purpose. */
const HEARD_DBFS = -62;
/** The stage lifts a voice from here without lifting the room with it; the browser's gain control lifts a softer one. */
const LEVEL_LOW_DBFS = -42;
const LEVEL_LOW_LIFTED_DBFS = -48;
const LEVEL_HIGH_DBFS = -8;
/** Noise under this is not heard in the programme, however soft the voice. */
const NOISE_AUDIBLE_DBFS = -58;
/** Voice over noise; below it the room is audible between words. The browser's noise suppression takes some of it away. */
const NOISE_DISTANCE_DB = 22;
const NOISE_DISTANCE_SUPPRESSED_DB = 20;
/**
 * A sample this close to full scale is cut when its neighbours are as well: six in a row are a flat top, while the
 * limiter behind a browser's gain control leaves up to four.
 */
const CLIP_LEVEL = 0.985;
const CLIP_RUN_SAMPLES = 6;
const CLIP_SHARE_MAX = 0.02;
/** Hands-free profile of Bluetooth: 3.4-4 kHz with CVSD, 7-8 kHz with mSBC. A wired microphone reaches 10 kHz and more. */
const TELEPHONE_BANDWIDTH_HZ = 8_300;
/** A band this far under the strongest is empty. */
const BAND_RANGE_DB = 55;
const BAND_HZ = 250;
const BANDS_TOP_HZ = 12_000;
const FRAME_MS = 20;

/**
 * Judges a microphone from what it delivers while somebody speaks.
 *
 * Pure core: blocks in, `reading` and `problems` out; no audio device, no timer. Memory is fixed.
 * A frame is speech when it stands 10 dB over the noise, and the noise is the level under which an eighth
 * of all frames lie: people pause between words.
 */
export class MicrophoneCheck {
	readonly #frame: Float32Array;
	/** Invariant: < #frame.length. */
	#filled = 0;
	#frames = 0;
	/** Something was delivered. The zeros of a device that is still being opened are not the quiet of a room: they would pass for a noise floor. */
	#begun = false;
	readonly #levels = new LevelHistogram();
	/** Frames by whole decibel of level: how many were clipped. */
	#clippedFrames = 0;
	#zeroRunFrames = 0;
	#unheardRunFrames = 0;
	#recent: number[] = [];
	readonly #bands: LevelHistogram[];
	readonly #re: Float64Array;
	readonly #im: Float64Array;
	readonly #binHz: number;
	/** Power and count of the frames by whole decibel, so that "speech" can be decided after the noise is known. */
	readonly #powerByDb = new Float64Array(121);
	readonly #countByDb = new Uint32Array(121);

	readonly #processedLater: boolean;

	/**
	 * @param sampleRateHz of the blocks, 8,000-192,000.
	 * @param processedLater the blocks are as the device delivers them, and the browser's gain control and noise suppression are still to come.
	 */
	constructor(sampleRateHz: number, processedLater = false) {
		this.#processedLater = processedLater;
		const frameSamples = Math.round((sampleRateHz * FRAME_MS) / 1_000);
		this.#frame = new Float32Array(frameSamples);
		const size = powerOfTwo(frameSamples);
		this.#re = new Float64Array(size);
		this.#im = new Float64Array(size);
		this.#binHz = sampleRateHz / size;
		const topHz = Math.min(BANDS_TOP_HZ, sampleRateHz / 2);
		this.#bands = Array.from({ length: Math.floor(topHz / BAND_HZ) }, () => new LevelHistogram());
	}

	/** @param block mono, nominally within [-1, 1], of any length. */
	push(block: Float32Array): void {
		for (let at = 0; at < block.length; ) {
			const take = Math.min(block.length - at, this.#frame.length - this.#filled);
			this.#frame.set(block.subarray(at, at + take), this.#filled);
			this.#filled += take;
			at += take;
			if (this.#filled === this.#frame.length) {
				this.#filled = 0;
				this.#endFrame();
			}
		}
	}

	/** RMS of the last 200 ms, dBFS, -120 for silence: for a meter. */
	get levelDbfs(): number {
		if (this.#recent.length === 0) return -120;
		return dbOfPower(this.#recent.reduce((sum, power) => sum + power, 0) / this.#recent.length);
	}

	get reading(): MicrophoneReading {
		const noiseDbfs = this.#levels.percentile(0.125);
		const fromDb = Math.max(noiseDbfs + 10, HEARD_DBFS);
		let power = 0;
		let count = 0;
		for (let i = Math.ceil(fromDb + 120); i <= 120; i += 1) {
			power += this.#powerByDb[i] as number;
			count += this.#countByDb[i] as number;
		}
		const speechMs = count * FRAME_MS;
		const enough = speechMs >= SPEECH_MIN_MS;
		return {
			heardMs: this.#frames * FRAME_MS,
			speechMs,
			speechDbfs: enough ? dbOfPower(power / count) : null,
			noiseDbfs,
			bandwidthHz: enough ? this.#bandwidthHz() : null,
			clippedShare: count === 0 ? 0 : this.#clippedFrames / count,
		};
	}

	/** What is wrong, worst first; empty for a voice that can be broadcast as it is, and while too little was heard to say. */
	get problems(): MicrophoneProblem[] {
		const r = this.reading;
		if (this.#zeroRunFrames * FRAME_MS >= ZERO_MAX_MS) return ["mic_silent"];
		if (this.#unheardRunFrames * FRAME_MS >= UNHEARD_MAX_MS) return ["mic_not_heard"];
		const found: MicrophoneProblem[] = [];
		if (r.speechMs >= SPEECH_MIN_MS / 2 && r.clippedShare > CLIP_SHARE_MAX) found.push("clipping");
		if (r.speechDbfs === null) {
			// Noise so steady that nothing stands out of it is a problem of its own: the voice drowns.
			if (r.heardMs >= UNHEARD_MAX_MS && r.noiseDbfs > NOISE_AUDIBLE_DBFS + 8) found.push("noise");
			return found;
		}
		if (found.length === 0 && r.speechDbfs > LEVEL_HIGH_DBFS) found.push("level_high");
		if (r.speechDbfs < (this.#processedLater ? LEVEL_LOW_LIFTED_DBFS : LEVEL_LOW_DBFS)) found.push("level_low");
		const distanceDb = this.#processedLater ? NOISE_DISTANCE_SUPPRESSED_DB : NOISE_DISTANCE_DB;
		if (r.noiseDbfs > NOISE_AUDIBLE_DBFS && r.speechDbfs - r.noiseDbfs < distanceDb) found.push("noise");
		if (r.bandwidthHz !== null && r.bandwidthHz <= TELEPHONE_BANDWIDTH_HZ) found.push("telephone_quality");
		return found;
	}

	#endFrame(): void {
		const frame = this.#frame;
		let power = 0;
		let run = 0;
		let clipped = false;
		for (let i = 0; i < frame.length; i += 1) {
			const x = frame[i] as number;
			power += x * x;
			run = Math.abs(x) >= CLIP_LEVEL ? run + 1 : 0;
			if (run >= CLIP_RUN_SAMPLES) clipped = true;
		}
		power /= frame.length;
		const levelDb = dbOfPower(power);
		this.#zeroRunFrames = power === 0 ? this.#zeroRunFrames + 1 : 0;
		this.#recent.push(power);
		if (this.#recent.length > 10) this.#recent.shift();
		this.#begun ||= power > 0;
		if (!this.#begun) return;
		this.#frames += 1;
		this.#unheardRunFrames = levelDb < HEARD_DBFS ? this.#unheardRunFrames + 1 : 0;
		this.#levels.add(levelDb);
		const bin = Math.min(120, Math.max(0, Math.round(levelDb + 120)));
		this.#powerByDb[bin]! += power;
		this.#countByDb[bin]! += 1;
		if (clipped) this.#clippedFrames += 1;
		if (levelDb > Math.max(HEARD_DBFS, this.#levels.percentile(0.125) + 10)) this.#addSpectrum();
	}

	#addSpectrum(): void {
		const { length } = this.#frame;
		this.#re.fill(0);
		this.#im.fill(0);
		for (let i = 0; i < length; i += 1) {
			const hann = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / (length - 1));
			this.#re[i] = (this.#frame[i] as number) * hann;
		}
		fft(this.#re, this.#im);
		const scale = 2 / (length * length);
		for (let band = 0; band < this.#bands.length; band += 1) {
			const from = Math.ceil((band * BAND_HZ) / this.#binHz);
			const to = Math.ceil(((band + 1) * BAND_HZ) / this.#binHz);
			let power = 0;
			for (let k = from; k < to; k += 1) power += (this.#re[k] as number) ** 2 + (this.#im[k] as number) ** 2;
			this.#bands[band]?.add(dbOfPower(power * scale));
		}
	}

	/** The top of the highest band that the loudest twentieth of the spoken frames reaches: sibilants are rare and count. */
	#bandwidthHz(): number {
		const levels = this.#bands.map((band) => band.percentile(0.95));
		const floorDb = Math.max(-115, Math.max(...levels) - BAND_RANGE_DB);
		const top = levels.findLastIndex((level) => level > floorDb);
		return (top + 1) * BAND_HZ;
	}
}
