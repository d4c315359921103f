import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FakeClock, seededRandom, silentLog, unpackPieces } from "#base/index.ts";
import { type Bus, LocalHub } from "#bus/index.ts";
import { type Objects, openDisk } from "#objects/index.ts";
import {
	type BroadcastCommand,
	broadcastCommands,
	decodePart,
	encodePcmFrame,
	endAnswer,
	FRAME_SAMPLES,
	onAirAnswer,
	type Part,
	type ProgrammeTimeline,
	parts as partsSubject,
	pcmFrames,
	pcmRecent,
	programmeTail,
	programmeTimeline,
	readJson,
	recordingKey,
	tickAt,
	timelines,
	writeJson,
} from "#wire/index.ts";
import { openBroadcast } from "./broadcast.ts";

const ID = "interview-1";

/** A stage with one voice, which can be killed. */
class FakeStage {
	readonly #clock: FakeClock;
	readonly #bus: Bus;
	readonly #recent: Buffer[] = [];
	speaking = true;

	constructor(clock: FakeClock, bus: Bus) {
		this.#clock = clock;
		this.#bus = bus;
		bus.respond(pcmRecent(ID), () => Buffer.concat(this.#recent));
	}

	mix(): void {
		const tick = tickAt(this.#clock.monoMs());
		const samples = Float32Array.from({ length: FRAME_SAMPLES }, (_, i) => voiceAt(tick * FRAME_SAMPLES + i));
		const bytes = encodePcmFrame({ tick, speakerCount: 1, samples });
		this.#recent.push(bytes);
		if (this.#recent.length > 250) this.#recent.shift();
		if (this.speaking) this.#bus.publish(pcmFrames(ID), bytes);
	}
}

const voiceAt = (n: number) => 0.1 * Math.sin(n * 0.03) * (1 + Math.sin(n * 0.0002));

/** One interview's programme with everything around it, in fake time. */
class Hall {
	readonly clock = new FakeClock();
	readonly hub = new LocalHub(this.clock);
	readonly edge = this.hub.connect();
	readonly stage = new FakeStage(this.clock, this.hub.connect());
	readonly parts: Part[] = [];
	readonly timelines: ProgrammeTimeline[] = [];
	readonly directory: string;
	readonly objects: Objects;
	#broadcast: AsyncDisposable | undefined;

	constructor(directory: string) {
		this.directory = directory;
		this.objects = openDisk(directory);
		this.edge.subscribe(partsSubject(ID), (payload) => this.parts.push(decodePart(payload)));
		this.edge.subscribe(timelines(ID), (payload) => this.timelines.push(readJson(programmeTimeline, payload)));
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

	async command(command: BroadcastCommand): Promise<Buffer> {
		let answer: Buffer | undefined;
		void this.edge.request(broadcastCommands(ID), writeJson(command), { timeoutMs: 60_000 }).then((bytes) => {
			answer = bytes;
		});
		await this.until(() => answer !== undefined);
		return answer as Buffer;
	}
}

async function hall<T>(run: (hall: Hall) => Promise<T>): Promise<T> {
	const directory = await mkdtemp(join(tmpdir(), "rostra-broadcast-"));
	const open = new Hall(directory);
	try {
		return await run(open);
	} finally {
		await open.stop();
		await rm(directory, { recursive: true, force: true });
	}
}

test("from doors to recording: parts are dense, on air cuts a segment, End makes the files [BR1 BR5 BR12]", async () => {
	await hall(async (hall) => {
		await hall.start();
		await hall.until(() => hall.parts.length >= 4);
		assert.deepEqual(
			hall.parts.map((part) => part.partIndex),
			hall.parts.map((_, nth) => nth),
		);
		assert.ok(hall.parts.every((part) => part.kind === "hold"));

		const { onAirPart } = readJson(onAirAnswer, await hall.command({ kind: "on_air" }));
		assert.deepEqual(readJson(onAirAnswer, await hall.command({ kind: "on_air" })).onAirPart, onAirPart);
		await hall.until(() => (hall.parts.at(-1)?.partIndex ?? 0) >= onAirPart + 8);
		const first = hall.parts.find((part) => part.partIndex === onAirPart);
		assert.deepEqual([first?.beginsSegment, first?.kind], [true, "sound"]);

		const tail = unpackPieces(
			await hall.edge.request(programmeTail(ID), writeJson({ partsMax: 5 }), { timeoutMs: 1_000 }),
		);
		assert.equal(tail.pieces.length, 5);
		assert.equal(programmeTimeline.parse(tail.json).onAirPart, onAirPart);

		await hall.command({ kind: "tags", title: "A talk", artists: ["Ada", "Bob"], dateIso: "2026-01-01" });
		const ended = readJson(endAnswer, await hall.command({ kind: "end" }));
		const endPart = ended.endPart as number;
		assert.equal(ended.durationMs, (endPart - onAirPart) * 320);
		assert.deepEqual(
			hall.parts.map((part) => part.partIndex),
			Array.from({ length: endPart }, (_, nth) => nth),
		);
		const timeline = hall.timelines.at(-1);
		assert.deepEqual(timeline?.cuts, [0, onAirPart]);
		const m4a = (await hall.objects.read(recordingKey(ID, "m4a"))) as Buffer;
		assert.equal(m4a.length, timeline?.recording?.m4aBytes);
		assert.equal(timeline?.recording?.durationMs, ended.durationMs);
	});
});
