import { fileURLToPath } from "node:url";
import { VOICE_NAMES, type VoiceName } from "#wire/index.ts";
import { decode } from "./listeners.ts";

/** The bundled speech as samples: what a listener's sound is compared with. */
export type Dialogue = {
	readonly anna: Float32Array;
	readonly ben: Float32Array;
	/** Both at once: the dialogue as a listener hears it. */
	readonly both: Float32Array;
};

export const speechFile = (voice: VoiceName) => fileURLToPath(import.meta.resolve(`#assets/speech/${voice}.ogg`));

let dialogue: Promise<Dialogue> | undefined;

/** Decoded once per process; the length is that of the packets which a speaker repeats, whatever the file's last page trims. */
export function loadDialogue(): Promise<Dialogue> {
	dialogue ??= (async () => {
		const [anna, ben] = await Promise.all(VOICE_NAMES.map((voice) => decode(speechFile(voice))));
		if (!anna || !ben) throw new Error("Cannot load the dialogue");
		const frames = Math.ceil((anna.length + 312) / 960);
		const [a, b] = [anna, ben].map((samples) => {
			const whole = new Float32Array(frames * 960);
			// The decoder has cut the encoder's look-ahead (RFC 7845 §4.2), which a speaker does send.
			whole.set(samples.subarray(0, whole.length - 312), 312);
			return whole;
		}) as [Float32Array, Float32Array];
		return { anna: a, ben: b, both: a.map((value, i) => value + (b[i] as number)) };
	})();
	return dialogue;
}

/** One voice without the stretches in which it listens: somebody who was asked to speak and does. */
export async function spokenOnly(voice: VoiceName): Promise<Float32Array> {
	const samples = (await loadDialogue())[voice];
	const block = 4_800;
	const loudAt = (from: number) =>
		samples.subarray(Math.max(0, from), from + block).some((value) => Math.abs(value) > 0.02);
	const kept: Float32Array[] = [];
	for (let from = 0; from + block <= samples.length; from += block) {
		// Pauses between words stay; those for the other do not.
		if ([-3, -2, -1, 0, 1, 2, 3].some((by) => loudAt(from + by * block)))
			kept.push(samples.subarray(from, from + block));
	}
	const out = new Float32Array(kept.length * block);
	for (const [nth, piece] of kept.entries()) out.set(piece, nth * block);
	return out;
}
