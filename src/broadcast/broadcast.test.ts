import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, seededRandom, silentLog, unpackPieces } from "#base/index.ts";
import { type Bus, LocalHub } from "#bus/index.ts";
import { MemoryObjects } from "#objects/index.ts";
import {
	type BroadcastCommand,
	type BroadcastReport,
	broadcastCommands,
	broadcastReport,
	broadcastReports,
	decodeMp3Beat,
	decodePart,
	encodePart,
	encodePcmFrame,
	endAnswer,
	FRAME_SAMPLES,
	MP3_BEAT_BYTES,
	MP3_BEAT_SAMPLES,
	MP3_FRAME_BYTES,
	MP3_FRAME_SAMPLES,
	MP3_PARTS_PER_BEAT,
	type Mp3Beat,
	mp3Beats,
	mp3Wishes,
	onAirAnswer,
	PART_MS,
	PART_SAMPLES,
	type Part,
	type ProgrammeTimeline,
	parts as partsSubject,
	pcmFrames,
	pcmRecent,
	programmeTail,
	programmeTimeline,
	readJson,
	recordingKey,
	segmentKey,
	segmentsBetween,
	TRACK_NAMES,
	tickAt,
	timelineKey,
	timelines,
	writeJson,
} from "#wire/index.ts";
import { openBroadcast } from "./broadcast.ts";
import type { BroadcastError } from "./errors.ts";

const ID = "interview-1";

/** A stage with one voice, which can be killed. */
class FakeStage {
	readonly #clock: FakeClock;
	readonly #bus: Bus;
	#recent: Buffer[] = [];
	#isAlive = true;
	#unsent: Buffer[] | undefined;

	constructor(clock: FakeClock, bus: Bus) {
		this.#clock = clock;
		this.#bus = bus;
		bus.respond(pcmRecent(ID), () => Buffer.concat(this.#recent));
	}

	mix(): void {
		if (!this.#isAlive) return;
		const tick = tickAt(this.#clock.monoMs());
		const samples = Float32Array.from({ length: FRAME_SAMPLES }, (_, i) => voiceAt(tick * FRAME_SAMPLES + i));
		const bytes = encodePcmFrame({ tick, speakerCount: 1, samples });
		this.#recent.push(bytes);
		if (this.#recent.length > 250) this.#recent.shift();
		if (this.#unsent) this.#unsent.push(bytes);
		else this.#bus.publish(pcmFrames(ID), bytes);
	}

	standStill(): void {
		this.#unsent = [];
	}

	makeUp(): void {
		for (const bytes of this.#unsent ?? []) this.#bus.publish(pcmFrames(ID), bytes);
		this.#unsent = undefined;
	}

	die(): void {
		this.#isAlive = false;
		this.#recent = [];
	}

	liveAgain(): void {
		this.#isAlive = true;
	}
}

const voiceAt = (n: number) => 0.1 * Math.sin(n * 0.03) * (1 + Math.sin(n * 0.0002));

/** One interview's programme with everything around it, in fake time. */
class Hall {
	readonly clock = new FakeClock();
	readonly hub = new LocalHub(this.clock);
	readonly edge = this.hub.connect();
	readonly stage = new FakeStage(this.clock, this.hub.connect());
	/** Every part message, repeated ones included. */
	readonly parts: Part[] = [];
	readonly timelines: ProgrammeTimeline[] = [];
	readonly objects = new MemoryObjects();
	report: BroadcastReport | undefined;
	#broadcast: AsyncDisposable | undefined;

	constructor() {
		this.edge.subscribe(partsSubject(ID), (payload) => void this.parts.push(decodePart(payload)));
		this.edge.subscribe(timelines(ID), (payload) => void this.timelines.push(readJson(programmeTimeline, payload)));
		this.edge.subscribe(broadcastReports(ID), (payload) => {
			this.report = readJson(broadcastReport, payload);
		});
	}

	get timeline(): ProgrammeTimeline {
		return this.timelines.at(-1) as ProgrammeTimeline;
	}

	get newestPart(): number {
		return this.parts.at(-1)?.partIndex ?? -1;
	}

	async start(): Promise<void> {
		this.#broadcast = await openBroadcast(ID, {
			clock: this.clock,
			random: seededRandom(1),
			bus: this.hub.connect(),
			objects: this.objects,
			log: silentLog,
		});
	}

	async stop(): Promise<void> {
		await this.#broadcast?.[Symbol.asyncDispose]();
		this.#broadcast = undefined;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.stop();
	}

	/** Lets `ms` pass in steps of a tick, and whatever follows from it happen. */
	async pass(ms: number): Promise<void> {
		for (let passed = 0; passed < ms; passed += 20) {
			this.stage.mix();
			this.clock.advance(20);
			await new Promise((resolve) => setImmediate(resolve));
		}
	}

	/** Lets time pass until `done`. */
	async until(done: () => boolean): Promise<void> {
		for (let ticks = 0; !done(); ticks += 1) {
			assert.ok(ticks < 5_000, "nothing happened for 100 s");
			await this.pass(20);
		}
	}

	async hear(partIndex: number): Promise<void> {
		await this.until(() => this.newestPart >= partIndex);
	}

	/** Gives a command and lets time pass until it is answered. */
	command(command: BroadcastCommand): Promise<Buffer> {
		return this.request(broadcastCommands(ID), command);
	}

	/** Asks, and lets time pass until it is answered. */
	async request(subject: string, json: unknown): Promise<Buffer> {
		let settled = false;
		const request = this.edge.request(subject, writeJson(json), { timeoutMs: 60_000 });
		request
			.catch(() => {})
			.finally(() => {
				settled = true;
			});
		await this.until(() => settled);
		return request;
	}

	async goOnAir(): Promise<number> {
		return readJson(onAirAnswer, await this.command({ kind: "on_air" })).onAirPart;
	}

	async end(): Promise<number | null> {
		return readJson(endAnswer, await this.command({ kind: "end" })).endPart;
	}

	/** Parts as a listener gets them: indexes dense, a repeated one the same bytes. */
	heard(): Part[] {
		const byIndex: Part[] = [];
		for (const part of this.parts) {
			const known = byIndex[part.partIndex];
			if (known) {
				const bytes = [part, known].map((same) => encodePart({ ...same, kind: "sound" }));
				assert.ok(bytes[0]?.equals(bytes[1] as Buffer), `part ${part.partIndex} was made twice`);
			} else {
				assert.equal(part.partIndex, byIndex.length, "a hole");
				byIndex.push(part);
			}
		}
		return byIndex;
	}

	/** Every segment on disk, against what was published. */
	async assertSegmentsAreWhatWasHeard(): Promise<void> {
		const heard = this.heard();
		for (const span of segmentsBetween(this.timeline, 0, heard.length)) {
			for (const track of TRACK_NAMES) {
				const published = Buffer.concat(
					heard.slice(span.firstPart, span.firstPart + span.partCount).map((part) => part[track]),
				);
				const onDisk = await this.objects.read(segmentKey(ID, track, span.sequence));
				assert.ok(onDisk?.equals(published), `segment ${span.sequence} of ${track}`);
			}
		}
	}
}

test("from doors to recording: parts are dense, on air cuts a segment, End makes the files [BR1 BR5 BR12]", async () => {
	await using hall = new Hall();
	await hall.start();
	await hall.hear(3);
	assert.ok(hall.parts.every((part) => part.kind === "hold"));

	const onAirPart = await hall.goOnAir();
	assert.equal(await hall.goOnAir(), onAirPart, "asked twice, answered the same");
	await hall.hear(onAirPart + 8);
	const first = hall.parts.find((part) => part.partIndex === onAirPart);
	assert.deepEqual([first?.beginsSegment, first?.kind], [true, "sound"]);
	assert.deepEqual([hall.report?.onAir, hall.report?.holding, hall.report?.disk], [true, false, "ok"]);

	const tail = unpackPieces(
		await hall.edge.request(programmeTail(ID), writeJson({ partsMax: 5 }), { timeoutMs: 1_000 }),
	);
	assert.equal(tail.pieces.length, 5);
	assert.equal(programmeTimeline.parse(tail.json).onAirPart, onAirPart);

	await hall.command({ kind: "tags", title: "A talk", artists: ["Ada", "Bob"], dateIso: "2026-01-01" });
	const endPart = await hall.end();
	assert.equal(await hall.end(), endPart);
	assert.equal(hall.heard().length, endPart);
	assert.deepEqual(hall.timeline.cuts, [0, onAirPart]);
	await hall.assertSegmentsAreWhatWasHeard();
	const m4a = (await hall.objects.read(recordingKey(ID, "m4a"))) as Buffer;
	assert.equal(m4a.length, hall.timeline.recording?.m4aBytes);
	assert.equal(hall.timeline.recording?.durationMs, ((endPart as number) - onAirPart) * PART_MS);
	await hall.pass(2_000);
	assert.equal(hall.newestPart, (endPart as number) - 1, "nothing follows the end");
});

test("MP3 is made when an edge wishes for it, and up to the last part [BR14]", async () => {
	await using hall = new Hall();
	await hall.start();
	await hall.goOnAir();
	await hall.hear(27);
	const beats: Mp3Beat[] = [];
	hall.edge.subscribe(mp3Beats(ID), (payload) => void beats.push(decodeMp3Beat(payload)));
	const answer = unpackPieces(await hall.request(mp3Wishes(ID), { fromBeat: null })).pieces.map(decodeMp3Beat);
	assert.deepEqual(beats, answer);
	assert.ok(answer.length * MP3_BEAT_BYTES >= 40 * 1_024);
	const endPart = (await hall.end()) as number;
	const made = beats.map(({ beat }) => beat);
	const lastBeat = Math.ceil(endPart / MP3_PARTS_PER_BEAT) - 1;
	assert.deepEqual(
		made,
		made.map((_, nth) => lastBeat - made.length + 1 + nth),
		"dense, up to the last",
	);
	const samples = (beats.reduce((sum, { bytes }) => sum + bytes.length, 0) / MP3_FRAME_BYTES) * MP3_FRAME_SAMPLES;
	const from = (made[0] as number) * MP3_BEAT_SAMPLES;
	const over = from + samples - endPart * PART_SAMPLES;
	assert.ok(over >= 0 && over < MP3_FRAME_SAMPLES, `${over} samples after the end`);
});

test("an interview that ends without having been on air has no recording", async () => {
	await using hall = new Hall();
	await hall.start();
	await hall.hear(1);
	assert.equal(await hall.end(), null);
	assert.equal(hall.timeline.recording, null);
	assert.notEqual(hall.timeline.endPart, null);
	await assert.rejects(hall.command({ kind: "on_air" }), /has ended/);
});

test("the stage dies and comes back: silence, hold sound, voices; the programme never stops [BR1 BR2 BR3]", async () => {
	await using hall = new Hall();
	await hall.start();
	const onAirPart = await hall.goOnAir();
	await hall.hear(onAirPart + 3);
	hall.stage.die();
	await hall.until(() => hall.parts.at(-1)?.kind === "hold");
	await hall.until(() => (hall.report?.missedFrames ?? 0) > 40);
	hall.stage.liveAgain();
	await hall.until(() => hall.parts.at(-1)?.kind === "sound");
	hall.heard();
});

test("a stage that stands still for a quarter of a second and makes it up is not missed [BR2]", async () => {
	await using hall = new Hall();
	await hall.start();
	const onAirPart = await hall.goOnAir();
	await hall.hear(onAirPart + 3);
	hall.stage.standStill();
	await hall.pass(240);
	hall.stage.makeUp();
	await hall.hear(onAirPart + 8);
	await hall.pass(1_000);
	assert.equal(hall.report?.missedFrames, 0);
	hall.heard();
});

test("killed and back within the stage's memory: not a sample is lost, and no index is made twice [BR7]", async () => {
	await using hall = new Hall();
	await hall.start();
	const onAirPart = await hall.goOnAir();
	await hall.hear(onAirPart + 10);
	for (const downMs of [20, 500, 3_000]) {
		await hall.stop();
		const before = hall.newestPart;
		await hall.pass(downMs);
		await hall.start();
		await hall.hear(before + 8 + Math.floor(downMs / PART_MS));
	}
	const heard = hall.heard();
	assert.ok(heard.slice(onAirPart).every((part) => part.kind === "sound"));
	assert.deepEqual(hall.timeline.gaps, []);
	await hall.end();
	await hall.assertSegmentsAreWhatWasHeard();
});

test("killed while everything was: the hole is silence, declared, and hold sound until the speakers are back [BR7]", async () => {
	await using hall = new Hall();
	await hall.start();
	const onAirPart = await hall.goOnAir();
	await hall.hear(onAirPart + 5);
	await hall.stop();
	const before = hall.newestPart;
	hall.stage.die();
	await hall.pass(10_000);
	await hall.start();
	await hall.until(() => hall.parts.at(-1)?.kind === "hold");
	hall.stage.liveAgain();
	await hall.until(() => hall.parts.at(-1)?.kind === "sound");
	const [gap] = hall.timeline.gaps;
	assert.equal(gap?.cause, "platform_stopped");
	assert.ok(gap.fromPart <= before + 2 && gap.toPart - gap.fromPart >= 29 && gap.toPart - gap.fromPart <= 33);
	const heard = hall.heard();
	for (const part of heard) {
		assert.equal(part.kind === "fill", gap.fromPart <= part.partIndex && part.partIndex < gap.toPart);
	}
	await hall.end();
	await hall.assertSegmentsAreWhatWasHeard();
	assert.equal(hall.timeline.recording?.durationMs, (heard.length - onAirPart) * PART_MS + lastOf(hall, heard.length));
});

/** What was still made between counting and the end. */
const lastOf = (hall: Hall, counted: number) => (hall.heard().length - counted) * PART_MS;

test("killed between End and the finished files: the successor finishes them [BR12]", async () => {
	await using hall = new Hall();
	await hall.start();
	const onAirPart = await hall.goOnAir();
	await hall.hear(onAirPart + 7);
	// End is decided and on disk, and then nothing more happens.
	await hall.stop();
	const endPart = hall.newestPart + 3;
	const timeline = { ...hall.timeline, endPart };
	await hall.objects.write(timelineKey(ID), writeJson(timeline));
	await hall.start();
	await hall.until(() => hall.timeline.recording !== null);
	assert.equal(await hall.end(), endPart);
	assert.equal(hall.timeline.recording?.durationMs, (endPart - onAirPart) * PART_MS);
	assert.deepEqual(hall.timeline.gaps, [{ fromPart: endPart - 2, toPart: endPart, cause: "broadcast_restarted" }]);
	await hall.assertSegmentsAreWhatWasHeard();

	const files = await hall.objects.read(recordingKey(ID, "m4a"));
	await hall.stop();
	await hall.start();
	await hall.pass(1_000);
	assert.deepEqual(await hall.objects.read(recordingKey(ID, "m4a")), files, "it never changes again");
});

test("a full disk: the programme goes on and says so; with room again the recording has what the minute before had [BR11]", async () => {
	await using hall = new Hall();
	await hall.start();
	const onAirPart = await hall.goOnAir();
	await hall.hear(onAirPart + 3);
	hall.objects.bytesMax = 0;
	await hall.until(() => hall.report?.disk === "full");
	await hall.hear(hall.newestPart + 10);
	hall.objects.bytesMax = Number.POSITIVE_INFINITY;
	await hall.until(() => hall.report?.disk === "ok");
	assert.deepEqual(hall.timeline.gaps, []);
	await hall.end();
	await hall.assertSegmentsAreWhatWasHeard();
});

test("End with a full disk says what to do, and the recording is there once there is room [BR11 BR12]", async () => {
	await using hall = new Hall();
	await hall.start();
	const onAirPart = await hall.goOnAir();
	await hall.hear(onAirPart + 3);
	hall.objects.failWrites = (key) => key.includes("recording");
	await assert.rejects(hall.command({ kind: "end" }), /make room/);
	await assert.rejects(hall.command({ kind: "end" }), /make room/);
	hall.objects.failWrites = () => false;
	await hall.until(() => hall.timeline.recording !== null);
	assert.notEqual(await hall.end(), null);
});

test("End while the disk is full and the last parts are in memory only: the same [BR11 BR12]", async () => {
	await using hall = new Hall();
	await hall.start();
	const onAirPart = await hall.goOnAir();
	await hall.hear(onAirPart + 3);
	hall.objects.bytesMax = 0;
	await hall.hear(onAirPart + 9);
	await assert.rejects(hall.command({ kind: "end" }), /the disk is full: make room/);
	hall.objects.bytesMax = Number.POSITIVE_INFINITY;
	await hall.until(() => hall.timeline.recording !== null);
	assert.deepEqual(hall.timeline.gaps, []);
	await hall.assertSegmentsAreWhatWasHeard();
});

test("spoken notices are heard in hold sound when control asks for them, also after a restart", async () => {
	await using hall = new Hall();
	await hall.start();
	await hall.command({ kind: "hold", notice: "waiting_for_host" });
	await hall.stop();
	await hall.start();
	await hall.hear(2);
	assert.match(String(await hall.objects.read(`interviews/${ID}/resume.json`)), /waiting_for_host/);
	await hall.command({ kind: "hold", notice: "none" });
});

test("a timeline that cannot be read stops the start with a sentence that says what to do", async () => {
	await using hall = new Hall();
	await hall.objects.write(timelineKey(ID), Buffer.from("{ not json"));
	await assert.rejects(hall.start(), (error: BroadcastError) => {
		assert.equal(error.code, "timeline_unreadable");
		assert.match(error.message, /restore the file from a backup/);
		return true;
	});
});

test("a programme ends by itself after twelve hours, also when nobody was there [BR13]", async () => {
	await using hall = new Hall();
	await hall.start();
	const onAirPart = await hall.goOnAir();
	await hall.hear(onAirPart + 3);
	await hall.stop();
	hall.clock.advance(13 * 3_600_000);
	await hall.start();
	await hall.until(() => hall.timeline.recording !== null);
	assert.equal(hall.timeline.endPart, hall.newestPart + 1);
});
