/** `npm run bench -- broadcast`: what the programme costs, how it sounds, and what it survives. */
import { spawnSync } from "node:child_process";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createDecoder } from "libopus-wasm";
import { everyMs, seededRandom, systemClock } from "#base/index.ts";
import { adtsFrames } from "#broadcast/adts.ts";
import { CEILING_DBTP, TARGET_LUFS } from "#broadcast/config.ts";
import { openEncoders } from "#broadcast/encoders.ts";
import { fragment, readFragments } from "#broadcast/fmp4.ts";
import { LIMITER_DELAY_SAMPLES, Limiter } from "#broadcast/limiter.ts";
import { LoudnessMeter } from "#broadcast/loudness.ts";
import { SILENT_PART } from "#broadcast/packager.ts";
import { Rider } from "#broadcast/rider.ts";
import { newTimeline } from "#broadcast/timeline.ts";
import {
	encodePart,
	endAnswer,
	FRAME_MS,
	FRAME_SAMPLES,
	FRAMES_PER_PART,
	MP3_WANTED_MS,
	mp3Wishes,
	PART_MS,
	PART_SAMPLES,
	type Part,
	partUnixMs,
	readJson,
	recordingKey,
	segmentKey,
	segmentOf,
	segmentsBetween,
	TRACK_NAMES,
	type TrackName,
	tickAt,
	timelineKey,
	writeJson,
} from "#wire/index.ts";
import { BroadcastRig, frameAt, INTERVIEW_ID, readDialogue } from "./broadcast-rig.ts";
import { atMost, type Bench, quantile, type Row } from "./rows.ts";

export const rows: Bench = async function* ({ isShort, say }) {
	const dialogue = await readDialogue();
	yield* levels(dialogue, isShort);
	say("one programme for a while: cost, lateness, alignment");
	yield* running(dialogue, isShort ? 6 : 60);
	say("End after an hour");
	yield* ending(dialogue, isShort ? 60 : 3_600);
	say("kill -9 at random moments");
	yield* kills(dialogue, isShort ? 3 : 24);
};

// --- level ---

async function* levels(dialogue: Float32Array, isShort: boolean): AsyncGenerator<Row> {
	const speech = isShort ? dialogue.subarray(0, 20 * 48_000) : dialogue;
	const inputsLufs = [-37, -31, -25, -19, -13, -10];
	const decodedDbtp: Record<string, number> = {};
	for (const inLufs of inputsLufs) {
		const programme = levelled(atLufs(speech, inLufs));
		const { lufs, peakDbtp, witness } = programme;
		const away = Math.abs(lufs - TARGET_LUFS);
		yield {
			id: `broadcast-level-of-${-inLufs}-lufs-below`,
			value: lufs,
			unit: "LUFS",
			target: "-19 +- 1",
			pass: away <= 1,
			...(witness && { peer: `ffmpeg ebur128 ${witness}` }),
		};
		yield atMost(`broadcast-true-peak-of-${-inLufs}-lufs-below`, peakDbtp, -1, "dBTP");
		// The encoders cost much more than the level: a short run takes the two ends.
		if (isShort && inLufs !== -37 && inLufs !== -10) continue;
		for (const [track, samples] of Object.entries(await heardAs(programme.frames))) {
			const peak = witnessed(samples).peakDbtp;
			if (peak !== undefined) decodedDbtp[track] = Math.max(decodedDbtp[track] ?? Number.NEGATIVE_INFINITY, peak);
		}
	}
	// The promise is kept before the encoders; this is what listeners get.
	for (const [track, peak] of Object.entries(decodedDbtp)) {
		yield atMost(`broadcast-true-peak-decoded-${track}`, peak, -1, "dBTP", "the highest of all levels");
	}
}

const frames = (samples: Float32Array) =>
	Array.from({ length: Math.floor(samples.length / FRAME_SAMPLES) }, (_, nth) =>
		samples.slice(nth * FRAME_SAMPLES, (nth + 1) * FRAME_SAMPLES),
	);

function lufsOf(samples: Float32Array): number {
	const meter = new LoudnessMeter();
	for (const frame of frames(samples)) meter.push(frame);
	return meter.integratedLufs ?? Number.NaN;
}

function atLufs(samples: Float32Array, lufs: number): Float32Array {
	const gain = 10 ** ((lufs - lufsOf(samples)) / 20);
	return samples.map((sample) => sample * gain);
}

/** What the programme makes of a level, before its encoders. */
function levelled(samples: Float32Array) {
	const rider = new Rider({ targetLufs: TARGET_LUFS, gainDb: 0 });
	const limiter = new Limiter(CEILING_DBTP);
	const meter = new LoudnessMeter();
	const out = frames(samples).map((frame) => {
		rider.push(frame);
		const gain = 10 ** (rider.gainDb / 20);
		const louder = frame.map((sample) => sample * gain);
		limiter.process(louder);
		meter.push(louder);
		return louder;
	});
	const { lufs: witness, peakDbtp } = witnessed(joined(out));
	return {
		frames: out,
		lufs: meter.integratedLufs ?? Number.NaN,
		peakDbtp: peakDbtp ?? limiter.takePeakDbtp() ?? Number.NaN,
		witness,
	};
}

/** Integrated loudness and true peak as ffmpeg measures them; undefined without ffmpeg. */
function witnessed(samples: Float32Array): { lufs: string | undefined; peakDbtp: number | undefined } {
	const args =
		"-hide_banner -nostats -f f32le -ar 48000 -ac 1 -i pipe:0 -af ebur128=peak=true:framelog=verbose -f null -";
	const input = Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
	const { stderr } = spawnSync("ffmpeg", args.split(" "), { input, maxBuffer: 2 ** 26 });
	const summary = stderr?.toString().split("Summary:")[1] ?? "";
	const peak = /Peak:\s+(-?[\d.]+) dBFS/.exec(summary)?.[1];
	return { lufs: /I:\s+(-?[\d.]+) LUFS/.exec(summary)?.[1], peakDbtp: peak === undefined ? undefined : Number(peak) };
}

/** What listeners of each track hear of a programme: encoded, and decoded again (AAC by ffmpeg; left out without it). */
async function heardAs(programme: readonly Float32Array[]): Promise<Partial<Record<TrackName, Float32Array>>> {
	using encoders = await openEncoders();
	const packets: Record<TrackName, Uint8Array[]> = { opus48: [], opus24: [], aac64: [] };
	encoders.begin(0, ({ track, bytes }) => packets[track].push(bytes));
	for (const frame of programme) encoders.push(frame);
	const aac = decodeAdts(adtsFrames(packets.aac64));
	return {
		opus48: await decodeOpusPackets(packets.opus48),
		opus24: await decodeOpusPackets(packets.opus24),
		...(aac && { aac64: aac }),
	};
}

function joined(pieces: readonly Float32Array[]): Float32Array {
	const out = new Float32Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
	let at = 0;
	for (const piece of pieces) {
		out.set(piece, at);
		at += piece.length;
	}
	return out;
}

/** Undefined without ffmpeg. */
function decodeAdts(adts: Uint8Array): Float32Array | undefined {
	return decodeWithFfmpeg("-f aac", adts);
}

function decodeWithFfmpeg(format: string, input: Uint8Array): Float32Array | undefined {
	const args = `-v error ${format} -i pipe:0 -f f32le -ac 1 -ar 48000 pipe:1`.split(" ").filter(Boolean);
	const { stdout, status } = spawnSync("ffmpeg", args, { input, maxBuffer: 2 ** 29 });
	if (status !== 0) return undefined;
	return new Float32Array(stdout.buffer.slice(stdout.byteOffset, stdout.byteOffset + stdout.length));
}

async function decodeOpusPackets(packets: readonly Uint8Array[]): Promise<Float32Array> {
	using decoder = await createDecoder({ channels: 1, sampleRate: 48_000 });
	return joined(packets.map((packet) => decoder.decodeFloat(packet)));
}

// --- cost, lateness, alignment ---

async function* running(dialogue: Float32Array, seconds: number): AsyncGenerator<Row> {
	await using rig = await BroadcastRig.open(dialogue);
	yield { id: "broadcast-first-start", value: await rig.start(), unit: "ms" };
	await rig.command({ kind: "on_air" });
	await rig.hear(rig.newestPart + 20);
	const [cpuS, fromMs, fromPart] = [await rig.cpuS(), performance.now(), rig.newestPart + 1];
	await rig.hear(fromPart + Math.ceil((seconds * 1_000) / PART_MS));
	const share = ((await rig.cpuS()) - cpuS) / ((performance.now() - fromMs) / 1_000);
	yield atMost("broadcast-cpu-3-renditions", share, 0.11, "core");
	yield atMost("broadcast-pss", await rig.pssMb(), 150, "MB");
	yield* mp3(rig, share, seconds);

	const timeline = rig.timeline;
	if (!timeline) return;
	const unixMinusMonoMs = systemClock.unixMs() - systemClock.monoMs();
	const agesMs = rig.heard.map(
		(part, nth) => (rig.atMs[nth] as number) + unixMinusMonoMs - partUnixMs(timeline, part.partIndex + 1),
	);
	yield { id: "broadcast-sound-to-part-p50", value: quantile(agesMs.slice(20), 0.5), unit: "ms" };
	yield { id: "broadcast-sound-to-part-p95", value: quantile(agesMs.slice(20), 0.95), unit: "ms" };
	yield { id: "broadcast-tick-late-p99", value: rig.report?.tickLateP99Ms ?? Number.NaN, unit: "ms" };
	yield { id: "broadcast-missed-frames", value: rig.report?.missedFrames ?? Number.NaN, unit: "frames" };
	for (const track of TRACK_NAMES) {
		const bytes = rig.heard.slice(fromPart).reduce((sum, part) => sum + part[track].length, 0);
		const rate = (bytes * 8) / ((rig.heard.length - fromPart) * PART_MS);
		yield { id: `broadcast-rate-${track}`, value: rate, unit: "kb/s" };
	}
	const lag = await worstLag(rig.heard.slice(fromPart));
	if (lag !== undefined) yield atMost("broadcast-lag-aac-behind-opus", lag, 1, "samples");
}

/** What MP3 costs on top of `without`, once an edge wishes for it. */
async function* mp3(rig: BroadcastRig, without: number, seconds: number): AsyncGenerator<Row> {
	const wish = () => rig.bus.request(mp3Wishes(INTERVIEW_ID), writeJson({ fromBeat: null }), { timeoutMs: 5_000 });
	const wishedMs = performance.now();
	await wish();
	yield { id: "broadcast-mp3-first-burst", value: performance.now() - wishedMs, unit: "ms" };
	using _wishes = everyMs(systemClock, MP3_WANTED_MS / 3, () => void wish());
	const [cpuS, fromMs] = [await rig.cpuS(), performance.now()];
	await rig.hear(rig.newestPart + Math.ceil((seconds * 1_000) / PART_MS));
	const share = ((await rig.cpuS()) - cpuS) / ((performance.now() - fromMs) / 1_000);
	yield { id: "broadcast-cpu-mp3-more", value: share - without, unit: "core" };
	yield { id: "broadcast-pss-with-mp3", value: await rig.pssMb(), unit: "MB" };
}

/** Most samples by which AAC and Opus of the same parts differ in place; undefined without ffmpeg. */
async function worstLag(parts: readonly Part[]): Promise<number | undefined> {
	const aac = decodeAdts(Buffer.concat(parts.map((part) => part.adts)));
	if (!aac) return undefined;
	const opus = await decodeOpus(parts);
	let worst = 0;
	for (let at = PART_SAMPLES; at + 2 * PART_SAMPLES < opus.length; at += PART_SAMPLES) {
		const loud = opus.subarray(at, at + PART_SAMPLES).some((sample) => Math.abs(sample) > 0.1);
		if (loud) worst = Math.max(worst, Math.abs(lagAt(opus, aac, at)));
	}
	return worst;
}

function lagAt(a: Float32Array, b: Float32Array, at: number): number {
	let best = { lag: 0, product: Number.NEGATIVE_INFINITY };
	for (let lag = -8; lag <= 8; lag += 1) {
		let product = 0;
		for (let i = at; i < at + PART_SAMPLES; i += 1) product += (a[i] as number) * (b[i + lag] as number);
		if (product > best.product) best = { lag, product };
	}
	return best.lag;
}

function decodeOpus(parts: readonly Part[]): Promise<Float32Array> {
	return decodeOpusPackets(parts.flatMap((part) => readFragments(part.opus48).fragments[0]?.packets ?? []));
}

// --- End ---

async function* ending(dialogue: Float32Array, seconds: number): AsyncGenerator<Row> {
	const id = `broadcast-recording-of-${seconds}-s`;
	{
		await using rig = await BroadcastRig.open(dialogue);
		await runningFor(rig, seconds);
		await rig.start();
		await rig.hear(rig.newestPart + 20);
		// As it is after an hour without a restart: the draft has followed.
		await drafted(rig);
		const { tookS, bytes } = await end(rig);
		yield atMost(`${id}-after-end`, tookS, 0.5, "s");
		yield { id: `${id}-size`, value: bytes / 1e6, unit: "MB" };
	}
	await using rig = await BroadcastRig.open(dialogue);
	await runningFor(rig, seconds);
	await rig.start();
	await rig.hear(rig.newestPart + 1);
	const { tookS } = await end(rig);
	yield { id: `${id}-after-end-right-after-a-restart`, value: tookS, unit: "s" };
}

/** Puts on disk what a process leaves that is killed after `seconds` on air. */
async function runningFor(rig: BroadcastRig, seconds: number): Promise<void> {
	const partCount = Math.floor((seconds * 1_000) / PART_MS);
	const epochTick = tickAt(systemClock.monoMs()) - partCount * FRAMES_PER_PART;
	const unixMinusMonoMs = systemClock.unixMs() - systemClock.monoMs();
	const timeline = {
		...newTimeline({
			interviewId: INTERVIEW_ID,
			pathKey: "bench",
			epochUnixMs: Math.round(epochTick * FRAME_MS + unixMinusMonoMs),
		}),
		cuts: [0, 3],
		onAirPart: 3,
	};
	const put = async (key: string, bytes: Uint8Array) => {
		const path = join(rig.objectsDir, key);
		await mkdir(dirname(path), { recursive: true });
		await writeFile(path, bytes);
	};
	// Packets of the size real ones have; what they hold does not matter here.
	const sized = { opus48: 120, opus24: 60, aac64: 175 };
	for (const span of segmentsBetween(timeline, 0, partCount)) {
		for (const track of TRACK_NAMES) {
			const packets = SILENT_PART[track].map((packet) => Buffer.concat([packet, Buffer.alloc(sized[track])]));
			const inSegment = Array.from({ length: Math.min(span.partCount, partCount - span.firstPart) }, (_, nth) =>
				fragment(span.firstPart + nth, packets),
			);
			await put(segmentKey(INTERVIEW_ID, track, span.sequence), Buffer.concat(inSegment));
		}
	}
	await put(timelineKey(INTERVIEW_ID), writeJson(timeline));
	const tags = { title: "An hour", artists: ["Ada", "Ben"], dateIso: "2026-11-23" };
	const resume = { clock: { epochTick, unixMinusMonoMs }, gainDb: 0, notice: "none", tags };
	await put(`interviews/${INTERVIEW_ID}/resume.json`, writeJson(resume));
}

/** Waits until the draft grows only as the programme does: a segment in 3.84 s. */
async function drafted(rig: BroadcastRig): Promise<void> {
	const bytes = async () => (await stat(join(rig.objectsDir, `interviews/${INTERVIEW_ID}/draft.aac`))).size;
	const segmentBytesMax = 60_000;
	for (let before = 0, now = await bytes(); now - before > segmentBytesMax; ) {
		await new Promise((resolve) => setTimeout(resolve, 2_000));
		[before, now] = [now, await bytes()];
	}
}

/** Ends it. The answer comes once the recording can be read; it is looked for on the disk all the same. */
async function end(rig: BroadcastRig): Promise<{ tookS: number; bytes: number }> {
	const endedMs = performance.now();
	const { durationMs } = readJson(endAnswer, await rig.command({ kind: "end" }));
	const tookS = (performance.now() - endedMs) / 1_000;
	const { recording } = rig.timeline ?? {};
	if (!recording || recording.durationMs !== durationMs) throw new Error("The recording is not what End said");
	const [m4a, ogg] = await Promise.all(
		(["m4a", "ogg"] as const).map(async (name) => stat(join(rig.objectsDir, recordingKey(INTERVIEW_ID, name)))),
	);
	if (m4a?.size !== recording.m4aBytes || ogg?.size !== recording.oggBytes) {
		throw new Error("The recording on the disk is not what the timeline says");
	}
	return { tookS, bytes: recording.m4aBytes + recording.oggBytes };
}

// --- kill -9 ---

async function* kills(dialogue: Float32Array, count: number): AsyncGenerator<Row> {
	// A tone under the speech: silence in what is decoded is then never the speech's own.
	const sound = dialogue.map((sample, i) => sample * 0.7 + 0.05 * Math.sin((2 * Math.PI * i) / 100));
	await using rig = await BroadcastRig.open(sound);
	const random = seededRandom(Date.now() % 2 ** 32);
	await rig.start();
	await rig.command({ kind: "on_air" });
	await rig.hear(rig.newestPart + 10);
	const outagesMs: number[] = [];
	const left = { torn: 0, unwritten: 0 };
	for (let nth = 0; nth < count; nth += 1) {
		await new Promise((resolve) => setTimeout(resolve, random.unit() * 2_000));
		await rig.kill();
		const found = await leftBehind(rig);
		left.torn += found.torn;
		left.unwritten += found.unwritten;
		const [killedMs, newest] = [performance.now(), rig.newestPart];
		await rig.start();
		await rig.hear(newest + 1);
		outagesMs.push(performance.now() - killedMs);
	}
	await rig.hear(rig.newestPart + 10);

	const byIndex = new Map<number, Part>();
	let changed = 0;
	for (const part of rig.heard) {
		const known = byIndex.get(part.partIndex);
		const bytesOf = (one: Part) => encodePart({ ...one, kind: "sound" });
		if (known && !bytesOf(known).equals(bytesOf(part))) changed += 1;
		byIndex.set(part.partIndex, known ?? part);
	}
	const last = Math.max(...byIndex.keys());
	const holes = last + 1 - byIndex.size;
	const onAirPart = rig.timeline?.onAirPart ?? 0;
	const heard = [...byIndex.values()].filter((part) => part.partIndex > onAirPart);
	const gapSamples = await longestGap(heard, sound, rig);
	yield atMost(`broadcast-kills-${count}-decoded-gap`, gapSamples / PART_SAMPLES, 2, "parts");
	yield atMost(`broadcast-kills-${count}-index-made-twice`, changed, 0, "parts");
	yield atMost(`broadcast-kills-${count}-index-missing`, holes, 0, "parts");
	const declared = (rig.timeline?.gaps ?? []).reduce((sum, gap) => sum + gap.toPart - gap.fromPart, 0);
	yield { id: `broadcast-kills-${count}-declared`, value: declared, unit: "parts" };
	yield atMost(`broadcast-kills-${count}-segments-unreadable`, left.torn, 0, "files");
	yield atMost(`broadcast-kills-${count}-heard-and-not-on-disk`, left.unwritten, 0, "parts");
	yield { id: `broadcast-kills-${count}-outage-p50`, value: quantile(outagesMs, 0.5), unit: "ms" };
	yield { id: `broadcast-kills-${count}-outage-worst`, value: Math.max(...outagesMs), unit: "ms" };
	const { durationMs } = readJson(endAnswer, await rig.command({ kind: "end" }));
	for (const name of ["m4a", "ogg"] as const) {
		const file = join(rig.objectsDir, recordingKey(INTERVIEW_ID, name));
		const decoded = decodeWithFfmpeg("", await readFile(file));
		if (!decoded) continue;
		const away = Math.abs(decoded.length - durationMs * 48);
		yield atMost(`broadcast-kills-${count}-recording-${name}-decoded-away-from-time-on-air`, away, 0, "samples");
	}
}

/**
 * What a killed process left: segments that cannot be read as whole parts, but for a last part cut short in the newest
 * (SPEC BR8), and parts that were published and are in no segment.
 */
async function leftBehind(rig: BroadcastRig): Promise<{ torn: number; unwritten: number }> {
	let torn = 0;
	let unwritten = 0;
	for (const track of TRACK_NAMES) {
		const onDisk = new Set<number>();
		const { timeline } = rig;
		if (!timeline) throw new Error("The programme has not told its timeline");
		const newest = segmentOf(timeline, rig.newestPart).sequence;
		for (let sequence = 0; sequence <= newest + 1; sequence += 1) {
			const bytes = await readFile(join(rig.objectsDir, segmentKey(INTERVIEW_ID, track, sequence))).catch(
				() => undefined,
			);
			if (!bytes) continue;
			const { fragments, wholeBytes } = readFragments(bytes);
			if (wholeBytes < bytes.length && sequence < newest) torn += 1;
			for (const { partIndex } of fragments) onDisk.add(partIndex);
		}
		for (let part = 0; part <= rig.newestPart; part += 1) if (!onDisk.has(part)) unwritten += 1;
	}
	return { torn, unwritten };
}

/** The longest run of 20 ms in which what is decoded is not what the stage sent then. */
async function longestGap(parts: readonly Part[], sound: Float32Array, rig: BroadcastRig): Promise<number> {
	const decoded = await decodeOpus(parts);
	const first = parts[0];
	const { timeline } = rig;
	if (!first || !timeline) return Number.NaN;
	const unixMinusMonoMs = systemClock.unixMs() - systemClock.monoMs();
	const epochTick = Math.round((timeline.epochUnixMs - unixMinusMonoMs) / FRAME_MS);
	const firstTick = epochTick + first.partIndex * FRAMES_PER_PART;
	// The wall clock is read to the millisecond, and may be slewed: the first frames tell the tick itself.
	const offset = [-2, -1, 0, 1, 2].reduce((best, by) =>
		likeness(decoded, sound, firstTick + by, 0, 40) > likeness(decoded, sound, firstTick + best, 0, 40) ? by : best,
	);
	let longest = 0;
	let run = 0;
	for (let frame = 1; frame + 1 < decoded.length / FRAME_SAMPLES; frame += 1) {
		run = likeness(decoded, sound, firstTick + offset, frame, 1) < 0.6 ? run + 1 : 0;
		longest = Math.max(longest, run);
	}
	return longest * FRAME_SAMPLES;
}

/** Correlation, −1 to 1, of `count` decoded frames with what the stage sent in their ticks. */
function likeness(decoded: Float32Array, sound: Float32Array, firstTick: number, frame: number, count: number): number {
	let [ab, aa, bb] = [0, 1e-9, 1e-9];
	for (let nth = frame; nth < frame + count; nth += 1) {
		const source = frameAt(sound, firstTick + nth);
		for (let i = 0; i < FRAME_SAMPLES - LIMITER_DELAY_SAMPLES; i += 1) {
			const a = source[i] as number;
			const b = decoded[nth * FRAME_SAMPLES + i + LIMITER_DELAY_SAMPLES] as number;
			ab += a * b;
			aa += a * a;
			bb += b * b;
		}
	}
	return ab / Math.sqrt(aa * bb);
}
