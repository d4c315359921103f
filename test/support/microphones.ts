import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { seededRandom } from "#base/index.ts";
import { SAMPLE_RATE_HZ } from "#wire/index.ts";
import { rmsOf } from "./sound.ts";
import { spokenOnly } from "./voices.ts";

/**
 * What a microphone delivers while somebody speaks into it, good or bad in one way each: the name of the microphone,
 * and what the pre-flight check must say of it.
 */
export const MICROPHONES = {
	clean: [],
	silent: ["mic_silent"],
	distant: ["mic_not_heard"],
	quiet: ["level_low"],
	loud: ["level_high"],
	clipped: ["clipping"],
	noisy: ["noise"],
	bluetooth: ["telephone_quality"],
} as const satisfies Readonly<Record<string, readonly string[]>>;
export type MicrophoneName = keyof typeof MICROPHONES;

/** Writes the WAV of each microphone into `folder`. @returns their paths. */
export async function microphoneFiles(folder: string): Promise<Record<MicrophoneName, string>> {
	const anna = await spokenOnly("anna");
	const random = seededRandom(5);
	const hiss = (rmsDbfs: number) => {
		const peak = Math.sqrt(3) * 10 ** (rmsDbfs / 20);
		return Float32Array.from(anna, () => peak * (2 * random.unit() - 1));
	};
	const sum = (a: Float32Array, b: Float32Array) => a.map((value, i) => value + (b[i] as number));
	// A room is never quite still; a microphone that delivers nothing at all is off.
	const room = hiss(-80);
	const voice = (rmsDbfs: number) => atLevel(anna, rmsDbfs);
	const samples: Record<MicrophoneName, Float32Array> = {
		clean: sum(voice(-24), room),
		silent: new Float32Array(anna.length),
		distant: sum(voice(-74), room),
		quiet: sum(voice(-54), room),
		// Squeezed, as by a headset's own limiter: loud, and no top is flat.
		loud: atLevel(anna, 10).map((value) => 0.9 * Math.tanh(value)),
		clipped: voice(-8).map((value) => Math.max(-1, Math.min(1, value))),
		noisy: sum(voice(-24), hiss(-38)),
		bluetooth: sum(narrowed(voice(-24), 3_600), room),
	};
	const paths = Object.entries(samples).map(async ([name, each]) => {
		const path = join(folder, `${name}.wav`);
		await writeWav(path, each);
		return [name, path] as const;
	});
	return Object.fromEntries(await Promise.all(paths)) as Record<MicrophoneName, string>;
}

/** Mono at 48 kHz in 16 bits; what is over full scale is cut. */
export async function writeWav(path: string, samples: Float32Array): Promise<void> {
	const bytes = Buffer.alloc(44 + 2 * samples.length);
	bytes.write("RIFF", 0, "latin1");
	bytes.writeUInt32LE(bytes.length - 8, 4);
	bytes.write("WAVEfmt ", 8, "latin1");
	bytes.writeUInt32LE(16, 16);
	bytes.writeUInt16LE(1, 20);
	bytes.writeUInt16LE(1, 22);
	bytes.writeUInt32LE(SAMPLE_RATE_HZ, 24);
	bytes.writeUInt32LE(2 * SAMPLE_RATE_HZ, 28);
	bytes.writeUInt16LE(2, 32);
	bytes.writeUInt16LE(16, 34);
	bytes.write("data", 36, "latin1");
	bytes.writeUInt32LE(2 * samples.length, 40);
	for (const [i, value] of samples.entries()) {
		bytes.writeInt16LE(Math.round(32_767 * Math.max(-1, Math.min(1, value))), 44 + 2 * i);
	}
	await writeFile(path, bytes);
}

/** @param rmsDbfs level of the whole, pauses included. */
function atLevel(samples: Float32Array, rmsDbfs: number): Float32Array {
	const scale = 10 ** (rmsDbfs / 20) / rmsOf(samples);
	return samples.map((value) => value * scale);
}

/** Nothing above `topHz`: windowed sinc, 70 dB down within 400 Hz. */
function narrowed(samples: Float32Array, topHz: number): Float32Array {
	const half = 300;
	const step = (2 * Math.PI * topHz) / SAMPLE_RATE_HZ;
	const kernel = Float64Array.from({ length: 2 * half + 1 }, (_, i) => {
		const x = i - half;
		const sinc = x === 0 ? step / Math.PI : Math.sin(step * x) / (Math.PI * x);
		const turn = (Math.PI * x) / half;
		return sinc * (0.42 + 0.5 * Math.cos(turn) + 0.08 * Math.cos(2 * turn));
	});
	return samples.map((_, i) => {
		let sum = 0;
		for (let k = 0; k <= 2 * half; k += 1) sum += (kernel[k] as number) * (samples[i + k - half] ?? 0);
		return sum;
	});
}
