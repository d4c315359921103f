/** Speech for tests: the demo's dialogue, with a level of one's choice. */
import { readFile } from "node:fs/promises";
import { FRAME_SAMPLES } from "#wire/index.ts";
import { LoudnessMeter } from "./loudness.ts";
import { decodeOggOpus } from "./notices.ts";

/** One voice of the dialogue, its long silences left out: 48 kHz mono, some 25 s. */
export async function readVoice(name: "anna" | "ben"): Promise<Float32Array> {
	const url = new URL(import.meta.resolve(`#assets/speech/${name}.ogg`));
	const samples = await decodeOggOpus(await readFile(url));
	const kept: Float32Array[] = [];
	let silentFrames = 0;
	for (const frame of framesOf(samples)) {
		silentFrames = frame.every((sample) => Math.abs(sample) < 0.002) ? silentFrames + 1 : 0;
		if (silentFrames < 40) kept.push(frame);
	}
	return joined(kept);
}

export function* framesOf(samples: Float32Array): Generator<Float32Array> {
	for (let at = 0; at + FRAME_SAMPLES <= samples.length; at += FRAME_SAMPLES) {
		yield samples.subarray(at, at + FRAME_SAMPLES);
	}
}

export function joined(pieces: readonly Float32Array[]): Float32Array {
	const out = new Float32Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
	let at = 0;
	for (const piece of pieces) {
		out.set(piece, at);
		at += piece.length;
	}
	return out;
}

export function integratedLufs(samples: Float32Array): number {
	const meter = new LoudnessMeter();
	for (const frame of framesOf(samples)) meter.push(frame);
	return meter.integratedLufs ?? Number.NEGATIVE_INFINITY;
}

/** The same sound at another integrated loudness. */
export function atLufs(samples: Float32Array, lufs: number): Float32Array {
	const gain = 10 ** ((lufs - integratedLufs(samples)) / 20);
	return samples.map((sample) => sample * gain);
}

/** What one sample differs from another's by: > 0 when `found` is later than `source`. Searched within ± `range` around `at`. */
export function lagOf(source: Float32Array, found: Float32Array, at: number, count: number, range: number): number {
	let best = { lag: 0, product: Number.NEGATIVE_INFINITY };
	for (let lag = -range; lag <= range; lag += 1) {
		let product = 0;
		for (let i = at; i < at + count; i += 1) product += (source[i] as number) * (found[i + lag] ?? 0);
		if (product > best.product) best = { lag, product };
	}
	return best.lag;
}
