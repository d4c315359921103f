import assert from "node:assert/strict";
import { test } from "node:test";
import { createDecoder } from "libopus-wasm";
import { FakeClock, silentLog, unpackPieces } from "#base/index.ts";
import {
	decodeMp3Beat,
	FRAME_SAMPLES,
	FRAMES_PER_PART,
	MP3_BEAT_BYTES,
	MP3_BEAT_SAMPLES,
	MP3_FRAME_BYTES,
	MP3_FRAME_SAMPLES,
	MP3_WANTED_MS,
	type Mp3Beat,
} from "#wire/index.ts";
import { FLUSH_FRAMES, openEncoders } from "./encoders.ts";
import { createBroadcastEvents } from "./events.ts";
import { decodeWithFfmpeg, needsFfmpeg } from "./ffmpeg.testing.ts";
import { beginsFrame } from "./mp3.ts";
import { MP3_BURST_BEATS, Mp3Track } from "./mp3-track.ts";
import { framesOf, joined, lagOf, readVoice } from "./speech.testing.ts";

const SLOTS_PER_BEAT = MP3_BEAT_SAMPLES / FRAME_SAMPLES;

/** One programme's MP3, in fake time, fed with `speech` from its beginning on. */
class Booth implements Disposable {
	readonly clock = new FakeClock();
	readonly published: Mp3Beat[] = [];
	readonly track: Mp3Track;
	readonly #speech: readonly Float32Array[];
	#slot: number;

	constructor(speech: Float32Array, fromSlot = 0) {
		this.#speech = [...framesOf(speech)];
		this.#slot = fromSlot;
		this.track = new Mp3Track({
			interviewId: "i",
			clock: this.clock,
			events: createBroadcastEvents(silentLog),
			publish: (beat) => this.published.push(beat),
		});
	}

	/** Lets slots pass. */
	play(slots: number): void {
		for (let nth = 0; nth < slots; nth += 1) {
			this.track.push(this.#slot, this.#speech[this.#slot % this.#speech.length] as Float32Array);
			this.#slot += 1;
			this.clock.advance(20);
		}
	}

	end(): void {
		this.track.end(this.#slot * FRAME_SAMPLES);
	}

	async wish(fromBeat: number | null = null): Promise<Mp3Beat[]> {
		const answer = this.track.wish({ fromBeat });
		let settled = false;
		const done = answer.then(
			() => (settled = true),
			() => (settled = true),
		);
		while (!settled) {
			this.clock.advance(0);
			await new Promise((resolve) => setImmediate(resolve));
		}
		await done;
		return unpackPieces(await answer).pieces.map(decodeMp3Beat);
	}

	[Symbol.dispose](): void {
		this.track[Symbol.dispose]();
	}
}

const beatsOf = (beats: readonly Mp3Beat[]) => beats.map(({ beat }) => beat);
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, nth) => from + nth);

test("nothing is encoded unwanted; a wish brings 40 KB of what was just heard at once, then every beat [BR14]", async () => {
	using booth = new Booth(await readVoice("ben"));
	booth.play(20 * SLOTS_PER_BEAT + 10);
	assert.equal(booth.published.length, 0);
	const burst = await booth.wish();
	assert.deepEqual(beatsOf(burst), range(20 - MP3_BURST_BEATS, 20));
	assert.ok(burst.reduce((sum, { bytes }) => sum + bytes.length, 0) >= 40 * 1_024);
	assert.deepEqual(booth.published, burst, "whoever listens elsewhere gets them too");
	booth.play(3 * SLOTS_PER_BEAT);
	assert.deepEqual(beatsOf(booth.published), range(14, 23));
	for (const { bytes } of booth.published) {
		assert.equal(bytes.length, MP3_BEAT_BYTES);
		for (let at = 0; at < bytes.length; at += MP3_FRAME_BYTES) assert.ok(beginsFrame(bytes.subarray(at)));
	}
});

test("wishes keep it going; without one it stops after MP3_WANTED_MS, and starts again with the next [BR14]", async () => {
	using booth = new Booth(await readVoice("ben"));
	booth.play(8 * SLOTS_PER_BEAT);
	await booth.wish();
	const wantedSlots = MP3_WANTED_MS / 20;
	booth.play(wantedSlots - 10);
	await booth.wish(booth.published.length);
	booth.play(wantedSlots - 10);
	const last = booth.published.at(-1)?.beat as number;
	assert.ok(last >= 8 + (2 * MP3_WANTED_MS) / 960 - 3, `only up to beat ${last}`);
	booth.play(60);
	const { length } = booth.published;
	booth.play(10 * SLOTS_PER_BEAT);
	assert.equal(booth.published.length, length, "it has stopped");
	const again = await booth.wish();
	assert.equal(again.length, MP3_BURST_BEATS);
	assert.ok((again[0]?.beat as number) > last, "what was made before is not given to newcomers");
	booth.play(2 * SLOTS_PER_BEAT);
	assert.equal(booth.published.at(-1)?.beat, (again.at(-1)?.beat as number) + 2);
});

test("a wish that asks for what is there already gets only what is new [BR14]", async () => {
	using booth = new Booth(await readVoice("anna"));
	booth.play(10 * SLOTS_PER_BEAT + 10);
	await booth.wish();
	booth.play(2 * SLOTS_PER_BEAT);
	assert.deepEqual(beatsOf(await booth.wish(11)), [11]);
	assert.deepEqual(await booth.wish(12), []);
});

test("after a restart of the process the sound it does not have is silence, so that listeners have no hole [BR14]", async () => {
	// Beats before the 23rd were made by a predecessor; this one heard from slot 25 × 48 on.
	using booth = new Booth(await readVoice("anna"), 25 * SLOTS_PER_BEAT);
	booth.play(SLOTS_PER_BEAT + 10);
	const made = await booth.wish(23);
	assert.deepEqual(beatsOf(made), [23, 24, 25]);
});

test("the last beat ends with the programme, though that is no whole number of frames [BR14]", async () => {
	using booth = new Booth(await readVoice("anna"));
	booth.play(4 * SLOTS_PER_BEAT);
	await booth.wish();
	booth.play(FRAMES_PER_PART);
	booth.end();
	assert.deepEqual(beatsOf(booth.published), [0, 1, 2, 3, 4]);
	const frames = Math.ceil((FRAMES_PER_PART * FRAME_SAMPLES) / MP3_FRAME_SAMPLES);
	assert.equal(booth.published.at(-1)?.bytes.length, frames * MP3_FRAME_BYTES);
	assert.equal((await booth.wish()).length, 5, "and can be asked for still");
});

test(
	"frame n decodes to the samples from n × 1,152 on, as Opus does, whenever it was started [BR6]",
	needsFfmpeg,
	async () => {
		const speech = (await readVoice("ben")).subarray(0, 30 * MP3_BEAT_SAMPLES);
		using encoders = await openEncoders();
		const opusPackets: Uint8Array[] = [];
		encoders.begin(0, ({ track, bytes }) => void (track === "opus48" && opusPackets.push(bytes)));
		for (let frame = 0; frame < FRAMES_PER_PART; frame += 1) encoders.push(new Float32Array(FRAME_SAMPLES));
		for (const frame of framesOf(speech)) encoders.push(frame);
		for (let frame = 0; frame < FLUSH_FRAMES; frame += 1) encoders.push(new Float32Array(FRAME_SAMPLES));
		using decoder = await createDecoder({ channels: 1, sampleRate: 48_000 });
		const opus = joined(opusPackets.map((packet) => decoder.decodeFloat(packet)));

		for (const startBeat of [0, 3, 11]) {
			using booth = new Booth(speech);
			booth.play(startBeat * SLOTS_PER_BEAT + 7);
			await booth.wish();
			booth.play(9 * SLOTS_PER_BEAT);
			const first = booth.published[0]?.beat as number;
			const decoded = decodeWithFfmpeg(Buffer.concat(booth.published.map(({ bytes }) => bytes)), "mp3");
			assert.equal(decoded.length, booth.published.length * MP3_BEAT_SAMPLES);
			const said = speech.subarray(first * MP3_BEAT_SAMPLES);
			for (const at of [30_000, 100_000, 250_000, 380_000]) {
				const lag = lagOf(said, decoded, at, 48_000, 40);
				const behindOpus = lagOf(opus.subarray(first * MP3_BEAT_SAMPLES), decoded, at, 48_000, 40);
				assert.ok(Math.abs(lag) <= 1 && Math.abs(behindOpus) <= 1, `${lag}, ${behindOpus} to Opus, at ${at}`);
			}
		}
	},
);
