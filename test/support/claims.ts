import assert from "node:assert/strict";
import { VOICE_NAMES, type VoiceName } from "#wire/index.ts";
import { dbOf, envelopeTrace, lagTrace, locate, rmsOf } from "./sound.ts";
import { loadDialogue } from "./voices.ts";

const BLOCK_MS = 100;
const BLOCK_SAMPLES = 48 * BLOCK_MS;
/** A block whose waveform agrees this well with what was said there is that speech. Other speech reaches 0.5. */
const SAME_BLOCK_MIN = 0.7;
/**
 * A voice is there when this share of its blocks is; of a voice that is not there, none is. The rest are onsets, and where
 * a jitter buffer or, behind a browser, a player at 0.97 of the speed stretches time.
 */
const SHARE_MIN = { waveform: 0.85, envelope: 0.65 };
/** Blocks a voice must have to be judged: 1.5 s of speech. */
const BLOCKS_MIN = 15;
/** What a speaker hears of himself, against what he hears of the other. */
const OWN_VOICE_DB_MAX = -40;

type Found = {
	/** Blocks in which this voice, and no other, speaks. */
	readonly blocks: number;
	/** Share of them whose waveform is what was said there. */
	readonly share: number;
	/** Level of the sound in these blocks, whatever it is, dBFS. */
	readonly levelDb: number;
};

/** How far sound may move at once before the trace is lost: what nobody stretches moves by a codec's delay … */
const TRACE_RANGE_MS = 80;
/** … and a browser that stood still for a moment is so far behind, until its jitter buffer has caught up. */
const BROWSER_RANGE_MS = 500;
/**
 * Two who speak from browsers of their own are this far apart at most from how the dialogue has them: where one speaks
 * this near to the other, both may be heard at once.
 */
const APART_MS_MAX = 600;

/** How sound is compared: by waveform where nothing may have touched it, by envelope behind a browser or a player, which stretch time. */
export type Comparison = "waveform" | "envelope";

/**
 * How much of each voice is in `heard`, which is taken to be the dialogue as `guide` holds it, from some place on.
 *
 * @param options.clearMs a block counts when nobody else speaks for so long before and after it.
 */
export async function voicesIn(
	heard: Float32Array,
	guide: VoiceName | "both",
	by: Comparison = "waveform",
	{ rangeMs = TRACE_RANGE_MS, clearMs = 0 }: { readonly rangeMs?: number; readonly clearMs?: number } = {},
): Promise<Record<VoiceName, Found>> {
	const dialogue = await loadDialogue();
	const { offsetMs, points: trace } =
		by === "envelope" ? envelopeTrace(dialogue[guide], heard) : waveformTrace(dialogue[guide], heard, rangeMs);
	const found = VOICE_NAMES.map((name) => {
		const other = name === "anna" ? dialogue.ben : dialogue.anna;
		const loud = 0.25 * rmsOf(dialogue[name]);
		const own = { blocks: 0, same: 0, energy: 0 };
		let nth = 0;
		for (let at = 0; at + BLOCK_SAMPLES <= heard.length; at += BLOCK_SAMPLES) {
			const atMs = at / 48;
			while (nth + 1 < trace.length && (trace[nth]?.atMs ?? 0) < atMs) nth += 1;
			const point = trace[nth];
			const from = Math.round((offsetMs + atMs - (point?.lagMs ?? 0)) * 48);
			if (levelAt(dialogue[name], from) < loud || !isClear(other, from, clearMs)) continue;
			own.blocks += 1;
			if (point?.atMs === atMs && point.correlation >= SAME_BLOCK_MIN) own.same += 1;
			own.energy += rmsOf(heard.subarray(at, at + BLOCK_SAMPLES)) ** 2;
		}
		const blocks = Math.max(1, own.blocks);
		return [name, { blocks: own.blocks, share: own.same / blocks, levelDb: dbOf(Math.sqrt(own.energy / blocks)) }];
	});
	return Object.fromEntries(found) as Record<VoiceName, Found>;
}

function isClear(other: Float32Array, from: number, clearMs: number): boolean {
	for (let ms = -clearMs; ms <= clearMs; ms += BLOCK_MS) if (levelAt(other, from + 48 * ms) > 1e-3) return false;
	return true;
}

function waveformTrace(said: Float32Array, heard: Float32Array, rangeMs = TRACE_RANGE_MS) {
	const { offsetMs } = locate(said, heard);
	return { offsetMs, points: lagTrace(said, heard, offsetMs, { blockMs: BLOCK_MS, rangeMs }) };
}

function levelAt(voice: Float32Array, from: number): number {
	const start = ((from % voice.length) + voice.length) % voice.length;
	return rmsOf(voice.subarray(start, start + BLOCK_SAMPLES));
}

/** Asserts that `heard` is the dialogue, in place, with both voices at a sound level. */
export async function assertBothVoices(what: string, heard: Float32Array, by: Comparison = "waveform"): Promise<void> {
	assert.ok(heard.length >= 8 * 48_000, `${what}: only ${(heard.length / 48_000).toFixed(1)} s were heard`);
	const voices = await voicesIn(heard, "both", by);
	for (const name of VOICE_NAMES) {
		const { blocks, share, levelDb } = voices[name];
		assert.ok(blocks >= BLOCKS_MIN, `${what}: ${name} has ${blocks} blocks in ${(heard.length / 48_000).toFixed(1)} s`);
		assert.ok(share >= SHARE_MIN[by], `${what}: ${describe(voices)}`);
		assert.ok(levelDb > -40, `${what}: ${describe(voices)}`);
	}
}

/** Share of a door's blocks that are the programme's: a codec keeps the waveform; a player may drop and stretch while it settles. */
const STRETCH_SHARE_MIN = { waveform: 0.95, envelope: 0.65 };

/** Asserts that `heard` is a stretch of `programme`, nothing missing and nothing else in it. */
export function assertStretchOf(programme: Float32Array, what: string, heard: Float32Array, by: Comparison): void {
	const { points } = by === "envelope" ? envelopeTrace(programme, heard) : waveformTrace(programme, heard);
	const same = points.filter((point) => point.correlation >= SAME_BLOCK_MIN).length;
	const seconds = (heard.length / 48_000).toFixed(1);
	assert.ok(points.length >= 2 * BLOCKS_MIN, `${what}: only ${points.length} blocks in ${seconds} s`);
	const share = same / points.length;
	assert.ok(
		share >= STRETCH_SHARE_MIN[by],
		`${what}: ${(100 * share).toFixed(0)} % of ${points.length} blocks are the programme's`,
	);
}

/** Asserts that `heard` holds both voices, each in its own time: what two browsers said at their own pace. */
export async function assertEachVoice(what: string, heard: Float32Array): Promise<void> {
	for (const name of VOICE_NAMES) {
		const options = { rangeMs: BROWSER_RANGE_MS, clearMs: APART_MS_MAX };
		const { blocks, share, levelDb } = (await voicesIn(heard, name, "waveform", options))[name];
		const found = `${what}: ${name} in ${(100 * share).toFixed(0)} % of ${blocks} blocks at ${levelDb.toFixed(1)} dB`;
		assert.ok(blocks >= BLOCKS_MIN && share >= SHARE_MIN.waveform && levelDb > -40, found);
	}
}

/** Asserts that `heard`, in a browser, holds `voice` and nothing of the other one, who listens: what a speaker's return feed holds. */
export async function assertOnly(what: string, heard: Float32Array, voice: VoiceName): Promise<void> {
	const voices = await voicesIn(heard, voice, "waveform", { rangeMs: BROWSER_RANGE_MS });
	const own = voices[voice === "anna" ? "ben" : "anna"];
	const { blocks, share, levelDb } = voices[voice];
	assert.ok(Math.min(blocks, own.blocks) >= BLOCKS_MIN, `${what}: ${describe(voices)}`);
	assert.ok(share >= SHARE_MIN.waveform, `${what}: ${describe(voices)}`);
	assert.ok(own.levelDb - levelDb <= OWN_VOICE_DB_MAX, `${what} hears himself: ${describe(voices)}`);
}

function describe(voices: Record<VoiceName, Found>): string {
	return VOICE_NAMES.map((name) => {
		const { blocks, share, levelDb } = voices[name];
		return `${name} in ${(100 * share).toFixed(0)} % of ${blocks} blocks at ${levelDb.toFixed(1)} dB`;
	}).join(", ");
}
