import assert from "node:assert/strict";
import { test } from "node:test";
import { createDecoder } from "libopus-wasm";
import { AAC_FRAME_SAMPLES, FRAME_SAMPLES, FRAMES_PER_PART, PART_SAMPLES, TRACK_NAMES } from "#wire/index.ts";
import { adtsFrames } from "./adts.ts";
import { OPUS_PACKET_BYTES_MAX } from "./config.ts";
import { FLUSH_FRAMES, openEncoders, type Packet } from "./encoders.ts";
import { decodeWithFfmpeg, needsFfmpeg } from "./ffmpeg.testing.ts";
import { framesPerPart } from "./packager.ts";
import { framesOf, joined, lagOf, readVoice } from "./speech.testing.ts";

/** Parts of speech encoded from part `fromPart` on, as the programme does: one part of warm-up, then the flush. */
async function encode(speech: Float32Array, fromPart: number, partCount: number): Promise<Packet[]> {
	const packets: Packet[] = [];
	using encoders = await openEncoders();
	encoders.begin(fromPart, (packet) => {
		if (packet.frameIndex < (fromPart + partCount) * framesPerPart(packet.track)) packets.push(packet);
	});
	for (let frame = 0; frame < FRAMES_PER_PART; frame += 1) encoders.push(new Float32Array(FRAME_SAMPLES));
	for (const frame of framesOf(speech.subarray(0, partCount * PART_SAMPLES))) encoders.push(frame);
	for (let frame = 0; frame < FLUSH_FRAMES; frame += 1) encoders.push(new Float32Array(FRAME_SAMPLES));
	return packets;
}

test("each track's packets are numbered from its part on, without a hole, and are all out after the flush [BR6]", async () => {
	const packets = await encode((await readVoice("anna")).subarray(48_000), 7, 4);
	for (const track of TRACK_NAMES) {
		const found = packets.filter((packet) => packet.track === track).map((packet) => packet.frameIndex);
		const first = 7 * framesPerPart(track);
		assert.deepEqual(
			found,
			Array.from({ length: 4 * framesPerPart(track) }, (_, nth) => first + nth),
		);
	}
	const largest = Math.max(...packets.map((packet) => packet.bytes.length));
	assert.ok(largest <= OPUS_PACKET_BYTES_MAX, `${largest} bytes`);
});

test(
	"frame n of a track decodes to the samples from n × its length on: Opus and AAC within one [BR6]",
	needsFfmpeg,
	async () => {
		const speech = (await readVoice("ben")).subarray(24_000);
		const packets = await encode(speech, 0, 12);
		const of = (track: string) => packets.filter((packet) => packet.track === track).map((packet) => packet.bytes);
		using decoder = await createDecoder({ channels: 1, sampleRate: 48_000 });
		const opus = joined(of("opus48").map((packet) => decoder.decodeFloat(packet)));
		const aac = decodeWithFfmpeg(adtsFrames(of("aac64")), "aac");
		assert.deepEqual([opus.length, aac.length], [12 * PART_SAMPLES, 12 * 15 * AAC_FRAME_SAMPLES]);
		for (const at of [24_000, 72_000, 120_000]) {
			const opusLag = lagOf(speech, opus, at, 24_000, 40);
			const aacLag = lagOf(speech, aac, at, 24_000, 40);
			assert.ok(Math.abs(opusLag) <= 1, `Opus ${opusLag} at ${at}`);
			assert.ok(Math.abs(aacLag) <= 1, `AAC ${aacLag} at ${at}`);
			assert.ok(Math.abs(opusLag - aacLag) <= 1);
		}
	},
);
