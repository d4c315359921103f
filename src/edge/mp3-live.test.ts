import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { MonoMs } from "#base/index.ts";
import { MP3_BEAT_BYTES } from "#wire/index.ts";
import { fakeMp3Beat, fakeState, fakeTimeline } from "./fakes.ts";
import { IcyReader } from "./icy.testing.ts";
import { ICY_METAINT } from "./icy.ts";
import { BURST_BYTES_MIN, type Sink, type WriteMode } from "./listeners.ts";
import { SILENT_AFTER_MS, WISH_AGAIN_MS, WISH_EVERY_MS } from "./mp3-live.ts";
import { Programme } from "./programme.ts";

const BEAT_MS = 960;

class FakeSink implements Sink {
	readonly unreadBytes = 0;
	readonly writes: Buffer[] = [];
	ended = false;
	cutFor: string | undefined;
	write(bytes: Buffer): void {
		this.writes.push(bytes);
	}
	end(): void {
		this.ended = true;
	}
	cut(reason: "slow" | "hole"): void {
		this.cutFor = reason;
	}
	get bytes(): Buffer {
		return Buffer.concat(this.writes);
	}
}

const beatsIn = (sound: Buffer) =>
	[...sound.toString("latin1").matchAll(/\[mp3 (\d+)\]/g)].map(([, nth]) => Number(nth));

class Room {
	readonly programme = new Programme("iv1");
	nextBeat = 0;
	nowMs = 1_000;
	#revision = 0;
	constructor() {
		this.programme.takeTimeline(fakeTimeline(), this.now);
	}
	get now(): MonoMs {
		return this.nowMs as MonoMs;
	}
	say(title: string, write: WriteMode = "beat"): void {
		this.#revision += 1;
		const state = fakeState({ revision: this.#revision, title, delivery: { write, reserveMs: 1_000 } });
		this.programme.takeState(state, Buffer.from("{}"), this.now);
	}
	beats(count: number, lost: readonly number[] = []): void {
		for (let nth = 0; nth < count; nth += 1) {
			this.nowMs += BEAT_MS;
			if (!lost.includes(this.nextBeat)) this.programme.takeMp3(fakeMp3Beat("iv1", this.nextBeat), this.now);
			this.nextBeat += 1;
			this.settle();
		}
	}
	settle(): void {
		while (this.programme.pending) this.programme.step(() => false);
	}
	join(form: "mp3_64" | "mp3_64_icy"): FakeSink {
		const opening = this.programme.opening(form, "plain", false);
		assert.ok(opening);
		const sink = new FakeSink();
		sink.write(opening.after(""));
		this.programme.streams[form].join(sink, { chunked: false, nextPart: opening.nextPart, nowMs: this.now });
		return sink;
	}
}

test("whatever is joined, said and written when: with metadata or without it is the same sound, and the titles are in their places", () => {
	const step = fc.oneof(
		fc.record({ do: fc.constant("beats" as const), count: fc.integer({ min: 1, max: 9 }) }),
		fc.record({ do: fc.constant("say" as const), title: fc.string({ unit: "grapheme", maxLength: 300 }) }),
		fc.record({ do: fc.constant("write" as const), mode: fc.constantFrom<WriteMode>("part", "beat", "two_beats") }),
		fc.record({ do: fc.constant("join" as const), count: fc.integer({ min: 1, max: 3 }) }),
	);
	fc.assert(
		fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
			const room = new Room();
			room.beats(2);
			let [title, mode]: [string, WriteMode] = ["first", "beat"];
			room.say(title, mode);
			const joined: { icy: FakeSink; plain: FakeSink }[] = [];
			for (const now of steps) {
				if (now.do === "beats") room.beats(now.count);
				if (now.do === "say") title = now.title;
				if (now.do === "write") mode = now.mode;
				if (now.do === "say" || now.do === "write") room.say(title, mode);
				if (now.do === "join") {
					for (let nth = 0; nth < now.count; nth += 1)
						joined.push({ icy: room.join("mp3_64_icy"), plain: room.join("mp3_64") });
				}
			}
			room.say("last", mode);
			room.beats(2);
			for (const { icy, plain } of joined) {
				const reader = new IcyReader(ICY_METAINT);
				reader.push(icy.bytes);
				assert.ok(reader.sound.equals(plain.bytes));
				const beats = beatsIn(reader.sound);
				assert.deepEqual(
					beats,
					beats.map((_, nth) => (beats[0] as number) + nth),
					"each beat once, in order",
				);
				assert.ok(room.nextBeat - 1 - (beats.at(-1) as number) <= 1);
				assert.equal(reader.blockCount, beats.length);
				assert.equal(reader.titles[0]?.atByte, MP3_BEAT_BYTES, "the first block tells the title");
				for (const [nth, { title: told }] of reader.titles.entries()) {
					assert.notEqual(told, reader.titles[nth - 1]?.title, "a title is told when it changes");
				}
			}
			const [first] = joined;
			for (const { icy, plain } of joined) {
				if (icy.writes[1] !== undefined && icy.writes.at(-1)?.equals(first?.icy.writes.at(-1) as Buffer)) {
					assert.equal(icy.writes.at(-1), first?.icy.writes.at(-1), "one buffer for all");
					assert.equal(plain.writes.at(-1), first?.plain.writes.at(-1));
				}
			}
		}),
		{ numRuns: 60 },
	);
});

test("a joiner gets at least 40 KB, and a change of the title with the beat that follows it", () => {
	const room = new Room();
	room.say("one");
	room.beats(20);
	const icy = room.join("mp3_64_icy");
	room.say("two");
	room.beats(1);
	const reader = new IcyReader(ICY_METAINT);
	reader.push(icy.bytes);
	assert.ok((icy.writes[0] as Buffer).length >= BURST_BYTES_MIN);
	assert.deepEqual(beatsIn(reader.sound), [14, 15, 16, 17, 18, 19, 20]);
	assert.deepEqual(reader.titles, [
		{ atByte: MP3_BEAT_BYTES, title: "one" },
		{ atByte: 7 * MP3_BEAT_BYTES, title: "two" },
	]);
});

test("MP3 is wished for while somebody listens, and more often while nothing comes", () => {
	const room = new Room();
	const { mp3 } = room.programme;
	assert.equal(mp3.isFlowing(room.now), false);
	assert.deepEqual(mp3.wish(room.now), { fromBeat: null });
	room.beats(3);
	assert.ok(mp3.isFlowing(room.now));
	assert.equal(mp3.wishDue((room.nowMs + 60_000) as MonoMs), undefined, "nobody listens");
	const sink = room.join("mp3_64");
	assert.deepEqual(mp3.wish(room.now), { fromBeat: 3 });
	const wishes: number[] = [];
	for (let ms = 0; ms < 12_000; ms += 240) {
		if (ms % BEAT_MS === 0) room.beats(1);
		else room.nowMs += 240;
		if (mp3.wishDue(room.now)) wishes.push(room.nowMs);
	}
	for (const [nth, at] of wishes.entries()) {
		if (nth > 0) assert.ok(at - (wishes[nth - 1] as number) >= WISH_EVERY_MS);
	}
	assert.ok(wishes.length >= 2);
	room.nowMs += SILENT_AFTER_MS;
	mp3.wish(room.now);
	assert.equal(mp3.wishDue((room.nowMs + WISH_AGAIN_MS - 1) as MonoMs), undefined);
	assert.deepEqual(mp3.wishDue((room.nowMs + WISH_AGAIN_MS) as MonoMs), { fromBeat: room.nextBeat });
	assert.equal(sink.cutFor, undefined);
});

test("a beat lost on the way is in the answer to the next wish; if nobody has it, listeners are cut and return", () => {
	const room = new Room();
	room.beats(8);
	const sink = room.join("mp3_64");
	room.beats(3, [9]);
	const { mp3 } = room.programme;
	assert.deepEqual(beatsIn(sink.bytes).slice(-1), [8]);
	assert.deepEqual(mp3.wishDue(room.now), { fromBeat: 9 });
	room.programme.takeMp3Answer([fakeMp3Beat("iv1", 9), fakeMp3Beat("iv1", 10)], room.now);
	room.settle();
	assert.deepEqual(beatsIn(sink.bytes).slice(-3), [8, 9, 10]);
	room.beats(2, [11]);
	room.programme.takeMp3Answer([], room.now);
	assert.equal(sink.cutFor, "hole");
	const again = room.join("mp3_64");
	room.beats(1);
	assert.deepEqual(beatsIn(again.bytes), [12, 13]);
});

test("what was left of MP3 that nobody wanted any more is not given to newcomers", () => {
	const room = new Room();
	room.beats(8);
	room.nowMs += 60_000;
	room.nextBeat += 60;
	assert.equal(room.programme.mp3.isFlowing(room.now), false);
	room.beats(6);
	assert.deepEqual(beatsIn(room.join("mp3_64").bytes), [68, 69, 70, 71, 72, 73]);
});

test("End waits for the last beat, then ends everybody", () => {
	const room = new Room();
	room.say("x");
	room.beats(4);
	const sinks = [room.join("mp3_64"), room.join("mp3_64_icy")];
	room.programme.takeTimeline(fakeTimeline({ onAirPart: 0, endPart: 13 }), room.now);
	room.programme.takeState(fakeState({ revision: 99, phase: "ended" }), Buffer.from("{}"), room.now);
	room.settle();
	assert.deepEqual(
		sinks.map(({ ended }) => ended),
		[false, false],
	);
	const last = { ...fakeMp3Beat("iv1", 4), bytes: Buffer.from("[mp3 4] short") };
	room.programme.takeMp3(last, room.now);
	room.programme.tick((room.nowMs + 5_000) as MonoMs);
	room.settle();
	for (const sink of sinks) {
		assert.ok(sink.ended);
		assert.match(sink.bytes.toString("latin1"), /\[mp3 4\] short$/);
	}
});
