import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FRAME_MS, FRAME_SAMPLES, FRAMES_PER_PART } from "#wire/index.ts";
import { EMPTY_SLOTS_MAX, FRAMES_AHEAD_MAX, MISSING_SLOTS_MAX, PCM_LAG_MS } from "./config.ts";
import { Programme, type ProgrammeSlot, resumeClock, slotDueAt, slotDueMs } from "./programme.ts";

const TONE = Float32Array.from({ length: 500 * FRAME_SAMPLES }, (_, i) => 0.5 * Math.sin(i * 0.05));
const tone = (slot: number) => TONE.subarray((slot % 500) * FRAME_SAMPLES, ((slot % 500) + 1) * FRAME_SAMPLES);

/** A programme with a stage: each step gives the frames of some slots and plays as many. */
class Run {
	readonly programme: Programme;
	#slot: number;

	constructor(options: { readonly nextSlot?: number; readonly onAirSlot?: number } = {}) {
		this.#slot = options.nextSlot ?? 0;
		this.programme = new Programme({ nextSlot: this.#slot, onAirSlot: options.onAirSlot ?? Number.POSITIVE_INFINITY });
	}

	play(slots: number, speakerCount: number | "no frames"): ProgrammeSlot[] {
		return Array.from({ length: slots }, () => {
			if (speakerCount !== "no frames") this.programme.push(this.#slot, { speakerCount, samples: tone(this.#slot) });
			this.#slot += 1;
			return this.programme.play();
		});
	}
}

const kinds = (slots: readonly ProgrammeSlot[]) => slots.map((slot) => slot.kind);

test("before on air there is hold sound, whoever speaks [BR3]", () => {
	const slots = new Run().play(400, 2);
	assert.ok(slots.every((slot) => slot.kind === "hold" && slot.voice === undefined && slot.holdTo === 1));
});

test("on air begins a part, with hold sound gone and the voice faded in [BR4]", () => {
	const run = new Run();
	run.play(30, 1);
	const part = run.programme.goOnAir();
	assert.equal(part, 2);
	const [before, first] = [run.play(2, 1).at(-1), run.play(1, 1)[0]];
	assert.equal(before?.holdTo, 0);
	assert.deepEqual([first?.slot, first?.kind, first?.holdFrom], [part * FRAMES_PER_PART, "sound", 0]);
	assert.ok(Math.abs(first?.voice?.[0] ?? 1) < 0.01);
	assert.deepEqual(first?.voice?.subarray(240), tone(32).subarray(240));
});

test("on air is always decided far enough ahead for hold sound to fade out", () => {
	for (let slots = 0; slots < 40; slots += 1) {
		const run = new Run();
		run.play(slots, 1);
		const onAirSlot = run.programme.goOnAir() * FRAMES_PER_PART;
		assert.ok(onAirSlot - slots >= 2 && onAirSlot - slots < 2 + FRAMES_PER_PART);
		const played = run.play(onAirSlot - slots, 1);
		assert.equal(played.at(-1)?.holdTo, 0);
	}
});

test("a frame is waited for while the stage lives and sent nothing beyond it [BR2]", () => {
	const run = new Run({ onAirSlot: 16 });
	assert.equal(run.programme.awaitsFrame, false, "before on air nothing is waited for");
	run.play(20, 1);
	assert.equal(run.programme.awaitsFrame, true);
	run.programme.push(21, { speakerCount: 1, samples: tone(21) });
	assert.equal(run.programme.awaitsFrame, false, "frames come in order: 20 never will");
	run.play(2 + MISSING_SLOTS_MAX, "no frames");
	assert.equal(run.programme.awaitsFrame, true, "one short of dead");
	run.play(1, "no frames");
	assert.equal(run.programme.awaitsFrame, false, "a dead stage is not waited for");
});

test("a missing frame is silence with faded edges, and is counted [BR2]", () => {
	const run = new Run({ onAirSlot: 0 });
	run.play(10, 1);
	const [lost] = run.play(1, "no frames");
	const [back] = run.play(1, 1);
	assert.equal(run.programme.missedCount, 1);
	assert.equal(lost?.kind, "sound");
	const edge = tone(9).at(-1) as number;
	assert.ok(Math.abs((lost?.voice?.[0] as number) - edge) < 0.03, "goes on from where the voice was");
	assert.ok(lost?.voice?.subarray(240).every((sample) => sample === 0));
	assert.ok(Math.abs(back?.voice?.[0] as number) < 0.01);
});

test("whatever frames are missing, the voice never steps by more than a loud voice would [BR2]", () => {
	fc.assert(
		fc.property(fc.array(fc.boolean(), { minLength: 5, maxLength: 80 }), (present) => {
			const run = new Run({ onAirSlot: 0 });
			let last = 0;
			for (const isThere of present) {
				const [slot] = run.play(1, isThere ? 1 : "no frames");
				for (const sample of slot?.voice ?? new Float32Array(1)) {
					assert.ok(Math.abs(sample - last) < 0.06, `a step of ${Math.abs(sample - last)}`);
					last = sample;
				}
			}
		}),
		{ numRuns: 50 },
	);
});

test("a stage that sends nothing for a second is dead: hold sound, until a voice is back [BR3]", () => {
	const run = new Run({ onAirSlot: 0 });
	run.play(10, 1);
	const silent = run.play(MISSING_SLOTS_MAX, "no frames");
	assert.ok(kinds(silent).every((kind) => kind === "sound"));
	const held = run.play(30, "no frames");
	assert.ok(kinds(held).every((kind) => kind === "hold"));
	assert.equal(held.at(-1)?.holdTo, 1);
	assert.equal(run.programme.missedCount, MISSING_SLOTS_MAX, "what is missing in hold sound is not missed");
	assert.deepEqual(kinds(run.play(5, 0)), Array(5).fill("hold"), "an empty stage is no reason to stop it");
	const back = run.play(3, 1);
	assert.deepEqual(kinds(back), ["sound", "sound", "sound"]);
	assert.equal(back.at(-1)?.holdTo, 0);
});

test("an empty stage gets hold sound after four seconds [BR3]", () => {
	const run = new Run({ onAirSlot: 0 });
	run.play(10, 1);
	assert.ok(kinds(run.play(EMPTY_SLOTS_MAX, 0)).every((kind) => kind === "sound"));
	assert.deepEqual(kinds(run.play(2, 0)), ["hold", "hold"]);
	assert.equal(run.programme.holding, true);
});

test("a frame too late or too far ahead is refused; a repeated one does no harm", () => {
	const run = new Run({ nextSlot: 100, onAirSlot: 0 });
	const frame = { speakerCount: 1, samples: tone(0) };
	assert.equal(run.programme.push(99, frame), false);
	assert.equal(run.programme.push(100 + FRAMES_AHEAD_MAX, frame), false);
	assert.equal(run.programme.push(100, frame), true);
	assert.equal(run.programme.push(100, frame), true);
	run.programme.play();
	assert.equal(run.programme.push(100, frame), false);
});

test("the end fades out and is the end of a part [BR5]", () => {
	const run = new Run({ onAirSlot: 0 });
	run.play(20, 1);
	const endPart = run.programme.end(0);
	assert.equal(endPart, 2);
	const last = run.play(endPart * FRAMES_PER_PART - 20, 1).at(-1);
	assert.ok(Math.abs(last?.voice?.at(-1) as number) < 0.01);
	assert.equal(run.programme.nextSlot, endPart * FRAMES_PER_PART);
	assert.equal(new Run().programme.end(7), 7);
});

test("slots are dense whatever happens on the stage [BR1]", () => {
	const happenings = fc.array(
		fc.record({
			slots: fc.integer({ min: 1, max: 90 }),
			speakers: fc.constantFrom<(number | "no frames")[]>("no frames", 0, 1, 5),
			goOnAir: fc.boolean(),
		}),
		{ maxLength: 12 },
	);
	fc.assert(
		fc.property(happenings, (steps) => {
			const run = new Run();
			let expected = 0;
			let isOnAir = false;
			for (const step of steps) {
				if (step.goOnAir && !isOnAir) {
					run.programme.goOnAir();
					isOnAir = true;
				}
				for (const slot of run.play(step.slots, step.speakers)) {
					assert.equal(slot.slot, expected);
					assert.ok(0 <= slot.holdFrom && slot.holdFrom <= 1 && 0 <= slot.holdTo && slot.holdTo <= 1);
					if (!isOnAir) assert.equal(slot.kind, "hold");
					expected += 1;
				}
			}
		}),
		{ numRuns: 40 },
	);
});

test("slot n is due PCM_LAG_MS after tick epoch + n, for ever", () => {
	const clock = { epochTick: 1_234 };
	assert.equal(slotDueMs(clock, 0), 1_234 * FRAME_MS + PCM_LAG_MS);
	for (const slot of [0, 1, 50 * 3_600 * 12]) {
		assert.equal(slotDueAt(clock, slotDueMs(clock, slot)), slot);
		assert.equal(slotDueAt(clock, slotDueMs(clock, slot) - 0.01), slot - 1);
	}
});

test("resumeClock() on the same boot keeps the written tick, even when the wall clock was corrected [BR7]", () => {
	const record = { epochTick: 500, unixMinusMonoMs: 1_700_000_000_000 };
	const now = { monoMs: 70_000, unixMs: 1_700_000_070_000 + 3_000 };
	assert.deepEqual(resumeClock(record, 1_700_000_010_000, 10, now), record);
});

test("resumeClock() after a reboot follows the wall clock, and never points before the next part [BR7]", () => {
	const epochUnixMs = 1_700_000_000_000;
	const record = { epochTick: 9_000_000, unixMinusMonoMs: epochUnixMs - 180_000_000 };
	const now = { monoMs: 1_000, unixMs: epochUnixMs + 60_000 };
	const found = resumeClock(record, epochUnixMs, 100, now);
	assert.equal(slotDueAt(found, now.monoMs + PCM_LAG_MS), 3_000);
	const wentBack = resumeClock(record, epochUnixMs, 1_000, now);
	assert.ok(slotDueAt(wentBack, now.monoMs + PCM_LAG_MS) >= 1_000 * FRAMES_PER_PART);
	assert.ok(resumeClock(undefined, epochUnixMs, 0, now).epochTick < 0);
});
