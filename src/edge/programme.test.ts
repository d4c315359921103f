import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { MonoMs } from "#base/index.ts";
import type { Part, ProgrammeTimeline, PublicState } from "#wire/index.ts";
import { fakePart, fakeState, fakeTimeline, REAL_BYTES } from "./fakes.ts";
import type { Form } from "./forms.ts";
import {
	BURST_BYTES_MIN,
	type Listener,
	type Sink,
	UNREAD_BYTES_MAX,
	WRITE_PARTS,
	type WriteMode,
} from "./listeners.ts";
import { END_PARTS_WAIT_MS, END_STATE_WAIT_MS, HOLE_MS_MAX, Programme } from "./programme.ts";
import { TAIL_PARTS_MAX } from "./tail.ts";

const at = (ms: number) => ms as MonoMs;
const NEVER = () => false;

/** A connection that keeps what it is given. */
class FakeSink implements Sink {
	text = "";
	writes = 0;
	unreadBytes = 0;
	ended = false;
	cutFor: string | undefined;
	write(bytes: Buffer): void {
		assert.ok(!this.ended && !this.cutFor, "written to after its end");
		this.text += bytes.toString("latin1");
		this.writes += 1;
	}
	end(last: Buffer | undefined): void {
		if (last) this.text += last.toString("latin1");
		this.ended = true;
	}
	cut(reason: "slow" | "hole"): void {
		this.cutFor = reason;
	}
	/** Indexes of the parts heard, in the order they came. */
	get parts(): number[] {
		return [...this.text.matchAll(/\[(?:opus|aac|adts|ogg)\d* ?(\d+)\]/g)].map(([, index]) => Number(index));
	}
}

class Room {
	readonly programme = new Programme("iv1");
	timeline: ProgrammeTimeline;
	nextPart = 0;
	nowMs = 0;
	#revision = 0;
	constructor(timeline: Partial<ProgrammeTimeline> = {}) {
		this.timeline = fakeTimeline(timeline);
		this.programme.takeTimeline(this.timeline, at(0));
	}
	state(changes: Partial<PublicState> = {}): void {
		this.#revision += 1;
		const state = fakeState({ revision: this.#revision, ...changes });
		this.programme.takeState(
			state,
			Buffer.from(JSON.stringify({ r: state.revision, phase: state.phase })),
			at(this.nowMs),
		);
	}
	write(mode: WriteMode): void {
		this.state({ delivery: { write: mode, reserveMs: 1_000 } });
	}
	speak(count: number, lost: readonly number[] = []): void {
		for (let i = 0; i < count; i += 1) {
			this.nowMs += 320;
			const part = fakePart(this.timeline, this.nextPart);
			this.nextPart += 1;
			if (!lost.includes(part.partIndex)) this.programme.takePart(part, at(this.nowMs));
			this.settle();
		}
	}
	settle(): void {
		while (this.programme.pending) this.programme.step(NEVER);
	}
	join(
		form: Form,
		burst: Parameters<Programme["opening"]>[1] = "player",
		chunked = false,
	): FakeSink & { listener: Listener } {
		const opening = this.programme.opening(form, burst, chunked);
		assert.ok(opening);
		const sink = new FakeSink();
		sink.write(opening.after(""));
		sink.writes = 0;
		const { nextPart } = opening;
		const listener = this.programme.streams[form].join(sink, { chunked, nextPart, nowMs: at(this.nowMs) });
		return Object.assign(sink, { listener });
	}
}

test("sound is written once per beat, or per part, or per two beats, as the state says", () => {
	const room = new Room();
	room.speak(12);
	for (const [mode, writes] of [
		["beat", 4],
		["part", 12],
		["two_beats", 2],
	] as const) {
		room.write(mode);
		room.speak(12);
		const listener = room.join("aac_64");
		room.speak(12);
		assert.equal(listener.writes, writes, mode);
	}
});

test("a beat cut short by *on air* is written at its end, and the next one is not late", () => {
	const room = new Room();
	room.speak(6);
	const listener = room.join("ogg_48");
	room.timeline = { ...room.timeline, cuts: [0, 7], onAirPart: 7 };
	room.programme.takeTimeline(room.timeline, at(room.nowMs));
	room.speak(4);
	assert.deepEqual(listener.parts.slice(-2), [6, 9]);
	assert.equal(listener.writes, 2);
});

test("a joiner gets what it needs to bridge the time to the next write, a plain player 40 KB", () => {
	const room = new Room();
	for (let part = 0; part < 100; part += 1)
		room.programme.takePart(fakePart(room.timeline, part, REAL_BYTES), at(part * 320));
	for (const mode of ["part", "beat", "two_beats"] as const) {
		room.write(mode);
		assert.equal(room.join("mp4_48").parts.length, WRITE_PARTS[mode] + 1, mode);
		assert.ok(room.join("ogg_48").parts.length > 0, `a page in ${mode} mode`);
	}
	for (const form of ["mp4_48", "mp4_24", "ogg_48", "ogg_24", "aac_64"] as const) {
		const bytes = room.join(form, "plain").text.length;
		assert.ok(bytes >= BURST_BYTES_MIN && bytes < BURST_BYTES_MIN + 9_000, `${form} ${bytes}`);
	}
});

test("an Ogg stream that begins within a beat has that beat whole", () => {
	const room = new Room();
	room.speak(10);
	const listener = room.join("ogg_48", { fromPart: 7 });
	room.speak(2);
	assert.deepEqual(listener.parts, [8, 11]);
});

test("who joins together shares one buffer with head, init, state and burst", () => {
	const room = new Room();
	room.state();
	room.speak(9);
	const open = () => room.programme.opening("mp4_48", "player", true)?.after("HTTP/1.1 200 OK\r\n\r\n");
	assert.equal(open(), open());
	assert.match(
		open()?.toString("latin1") ?? "",
		/^HTTP\/1\.1 200 OK\r\n\r\n[0-9a-f]+\r\n<init opus48>.*emsg.*"r":1.*\[opus48 8\]\r\n$/s,
	);
});

test("one who leaves within a round delays nobody: whoever takes his place in the list is not passed over", () => {
	const room = new Room();
	room.speak(3);
	const all = Array.from({ length: 100 }, () => room.join("aac_64"));
	for (const part of [3, 4, 5]) room.programme.takePart(fakePart(room.timeline, part), at(0));
	let looks = 0;
	room.programme.step(() => ++looks === 2);
	assert.equal(all.filter(({ writes }) => writes > 0).length, 64, "in the middle of the round");
	for (const { listener } of all.slice(0, 30)) room.programme.streams.aac_64.leave(listener);
	room.settle();
	assert.deepEqual(
		all.filter(({ writes }) => writes !== 1),
		[],
	);
});

test("a state goes out before the next part, once, and only where there are boxes for it", () => {
	const room = new Room();
	room.speak(3);
	const mp4 = room.join("mp4_48");
	const ogg = room.join("ogg_48");
	room.state();
	room.state();
	room.speak(6);
	assert.deepEqual(
		[...mp4.text.matchAll(/"r":(\d)/g)].map(([, r]) => r),
		["2"],
		"the newest only: a state is whole",
	);
	assert.ok(mp4.text.indexOf('"r":2') < mp4.text.indexOf("[opus48 3]"));
	assert.ok(!ogg.text.includes("emsg"));
});

test("a listener that reads nothing is cut at the bound, the others hear on", () => {
	const room = new Room();
	room.speak(3);
	const slow = room.join("aac_64");
	const good = room.join("aac_64");
	slow.unreadBytes = UNREAD_BYTES_MAX;
	room.speak(3);
	assert.equal(slow.cutFor, undefined);
	slow.unreadBytes += 1;
	room.speak(3);
	assert.equal(slow.cutFor, "slow");
	assert.equal(good.parts.at(-1), 8);
	assert.deepEqual(room.programme.counts(at(room.nowMs)), { settled: 0, open: 1, stalled: 0 });
});

test("a connection counts once its sound has been flowing for 30 s, and not while it is stuck", () => {
	const room = new Room();
	room.speak(3);
	const first = room.join("aac_64");
	room.speak(93);
	room.join("ogg_48");
	assert.deepEqual(room.programme.counts(at(room.nowMs)), { settled: 0, open: 2, stalled: 0 }, "29.76 s");
	room.speak(1);
	assert.deepEqual(room.programme.counts(at(room.nowMs)), { settled: 1, open: 2, stalled: 0 }, "30.08 s");
	first.unreadBytes = 1;
	assert.deepEqual(room.programme.counts(at(room.nowMs)), { settled: 0, open: 2, stalled: 0 });
	room.programme.streams.aac_64.leave(first.listener);
	assert.deepEqual(room.programme.counts(at(room.nowMs)), { settled: 0, open: 1, stalled: 0 });
});

test("a hole is closed from the tail, and what came behind it follows at once", () => {
	const room = new Room();
	room.speak(6);
	const listener = room.join("mp4_48", { fromPart: 6 });
	room.speak(6, [7, 8]);
	assert.ok(room.programme.missing);
	assert.deepEqual(listener.parts, [], "part 6 waits for its beat");
	room.programme.takeTail(
		room.timeline,
		[5, 6, 7, 8, 9].map((part) => fakePart(room.timeline, part)),
		at(room.nowMs),
	);
	room.settle();
	assert.ok(!room.programme.missing);
	assert.deepEqual(listener.parts, [6, 7, 8, 9, 10, 11]);
});

test("a hole that cannot be closed cuts the listeners, who begin behind it", () => {
	const room = new Room();
	room.speak(6);
	const listener = room.join("mp4_48");
	room.speak(6, [6, 7]);
	room.programme.tick(at(room.nowMs + HOLE_MS_MAX));
	room.settle();
	assert.equal(listener.cutFor, "hole");
	assert.ok(!room.programme.missing);
	assert.deepEqual(room.join("mp4_48", "plain").parts, [8, 9, 10, 11]);
});

test("End: the last part, then the state that says so, then an orderly end; nobody joins after it", () => {
	const room = new Room();
	room.speak(6);
	const mp4 = room.join("mp4_48", "player", true);
	const ogg = room.join("ogg_48");
	room.timeline = { ...room.timeline, endPart: 8 };
	room.programme.takeTimeline(room.timeline, at(room.nowMs));
	room.speak(2);
	assert.ok(!mp4.ended, "it waits for the state");
	room.state({ phase: "ended" });
	room.settle();
	assert.match(mp4.text, /\[opus48 7\]\r\n.*"phase":"ended".*\r\n0\r\n\r\n$/s);
	assert.equal(ogg.parts.at(-1), 7);
	assert.ok(mp4.ended && ogg.ended);
	assert.equal(room.programme.opening("mp4_48", "player", true), undefined);
	assert.deepEqual(room.programme.counts(at(room.nowMs)), { settled: 0, open: 0, stalled: 0 });
});

test("End without the state, or without the last part, comes all the same", () => {
	const complete = new Room();
	complete.speak(6);
	const first = complete.join("ogg_48");
	complete.programme.takeTimeline({ ...complete.timeline, endPart: 6 }, at(0));
	complete.programme.tick(at(END_STATE_WAIT_MS - 1));
	assert.ok(!first.ended && !complete.programme.pending);
	complete.programme.tick(at(END_STATE_WAIT_MS));
	complete.settle();
	assert.ok(first.ended);

	const lacking = new Room();
	lacking.speak(6);
	const second = lacking.join("ogg_48");
	lacking.programme.takeTimeline({ ...lacking.timeline, endPart: 9 }, at(0));
	lacking.programme.tick(at(END_PARTS_WAIT_MS));
	lacking.settle();
	assert.ok(second.ended);
});

test("a worker that hears a part before it is told of the last minute has that minute all the same", () => {
	const timeline = fakeTimeline();
	const programme = new Programme("iv1");
	const parts = Array.from({ length: 300 }, (_, i) => fakePart(timeline, i));
	programme.takePart(parts[250] as Part, at(0));
	programme.takeTail(timeline, parts.slice(70, 250), at(0));
	assert.equal(programme.tail.firstPart, 70);
	programme.takeTail(timeline, parts.slice(60, 252), at(0));
	assert.deepEqual([programme.tail.firstPart, programme.tail.nextPart], [251 - TAIL_PARTS_MAX + 1, 252]);
	const odd = new Programme("iv1");
	odd.takePart(parts[250] as Part, at(0));
	odd.takeTail(timeline, parts.slice(70, 200), at(0));
	assert.equal(odd.tail.firstPart, 250, "what does not reach it would leave a hole");
	assert.equal(odd.part("aac64", 250)?.toString(), "[aac64 250]");
	assert.equal(odd.part("aac64", 251), undefined);
});

test("requests for parts are answered when these are there, and at the end when they never will be", () => {
	const room = new Room();
	room.speak(5);
	const woken: string[] = [];
	const hold = (part: number) =>
		room.programme.held.hold({
			part,
			sinceMs: at(room.nowMs),
			wake: (late) => woken.push(`${part}${late ? " late" : ""}`),
		});
	for (const part of [5, 6, 7, 8]) hold(part);
	room.speak(1);
	assert.deepEqual(woken, ["5"]);
	room.programme.takeTimeline({ ...room.timeline, endPart: 7 }, at(room.nowMs));
	room.settle();
	assert.deepEqual(woken, ["5", "7", "8"], "they ask again, and are told that the end is there");
	room.programme.tick(at(room.nowMs + END_PARTS_WAIT_MS));
	room.settle();
	assert.equal(room.programme.ended, true);
	assert.equal(woken.at(-1), "6", "the programme ends without its last part");
});

test("the tail holds a minute and gives whole segments out of it", () => {
	const room = new Room();
	room.speak(TAIL_PARTS_MAX + 50);
	assert.equal(room.programme.tail.firstPart, 50);
	assert.equal(room.programme.segment("opus48", 4), undefined, "parts 48 to 59: the first two are gone");
	assert.match(room.programme.segment("opus48", 5)?.toString() ?? "", /^\[opus48 60\].*\[opus48 71\]$/);
	assert.equal(room.programme.segment("opus48", Math.floor(room.nextPart / 12)), undefined, "the open one");
});

test("whatever happens around them, no listener gets a part twice or misses one", () => {
	const event = fc.oneof(
		{ weight: 5, arbitrary: fc.record({ kind: fc.constant("speak" as const), count: fc.integer({ min: 1, max: 7 }) }) },
		{ weight: 3, arbitrary: fc.record({ kind: fc.constant("join" as const), back: fc.nat(20) }) },
		{ weight: 2, arbitrary: fc.record({ kind: fc.constant("leave" as const), which: fc.nat(50) }) },
		{
			weight: 1,
			arbitrary: fc.record({
				kind: fc.constant("mode" as const),
				mode: fc.constantFrom<WriteMode>("part", "beat", "two_beats"),
			}),
		},
		{ weight: 1, arbitrary: fc.record({ kind: fc.constant("lose" as const), back: fc.integer({ min: 1, max: 5 }) }) },
		{ weight: 3, arbitrary: fc.record({ kind: fc.constant("step" as const), visits: fc.nat(3) }) },
	);
	fc.assert(
		fc.property(fc.array(event, { maxLength: 60 }), (events) => {
			const room = new Room();
			room.speak(12);
			const all: { sink: FakeSink; listener: Listener; from: number }[] = [];
			const take = (index: number) => room.programme.takePart(fakePart(room.timeline, index), at(0));
			for (const event of events) {
				switch (event.kind) {
					case "speak":
						for (let i = 0; i < event.count; i += 1) take(room.nextPart++);
						break;
					case "join": {
						// Many listeners, so that a round takes several steps.
						for (let i = 0; i < 40; i += 1) {
							const from = Math.max(0, (room.programme.tail.nextPart ?? 0) - event.back);
							const joined = room.join("mp4_48", { fromPart: from });
							all.push({ sink: joined, listener: joined.listener, from });
						}
						break;
					}
					case "leave":
						for (const { listener } of all.slice(event.which, event.which + 15))
							room.programme.streams.mp4_48.leave(listener);
						break;
					case "mode":
						room.write(event.mode);
						break;
					case "lose": {
						const from = room.nextPart;
						for (let i = 0; i < event.back; i += 1) room.nextPart += 1;
						take(room.nextPart++);
						const tail = Array.from({ length: event.back }, (_, i) => fakePart(room.timeline, from + i));
						room.programme.takeTail(room.timeline, tail, at(0));
						break;
					}
					case "step": {
						let looks = 0;
						room.programme.step(() => ++looks > event.visits);
					}
				}
			}
			room.write("part");
			take(room.nextPart++);
			room.settle();
			const last = room.nextPart - 1;
			for (const { sink, listener, from } of all) {
				const heard = sink.parts;
				assert.deepEqual(
					heard,
					heard.map((_, i) => from + i),
				);
				if (listener.slot >= 0) assert.equal(heard.at(-1), last);
			}
		}),
		{ numRuns: 60 },
	);
});
