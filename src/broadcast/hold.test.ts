import assert from "node:assert/strict";
import { test } from "node:test";
import { FRAME_SAMPLES } from "#wire/index.ts";
import { NOTICE_PERIOD_S } from "./config.ts";
import { HoldSound } from "./hold.ts";
import { LoudnessMeter } from "./loudness.ts";

const slotOf = (hold: HoldSound, slot: number, from = 1, to = 1) => {
	const out = new Float32Array(FRAME_SAMPLES);
	hold.addTo(out, slot, from, to);
	return out;
};

test("hold sound is calm: about −30 LUFS, never loud, never a step, at any time of an interview", () => {
	const hold = new HoldSound();
	for (const start of [0, 123_456, 12 * 3_600 * 50 - 3_000]) {
		const meter = new LoudnessMeter();
		let last: number | undefined;
		for (let slot = start; slot < start + 3_000; slot += 1) {
			const out = slotOf(hold, slot);
			for (const sample of out) {
				assert.ok(Math.abs(sample) < 0.2);
				if (last !== undefined) assert.ok(Math.abs(sample - last) < 0.01);
				last = sample;
			}
			meter.push(out);
		}
		const lufs = meter.integratedLufs as number;
		assert.ok(-33 < lufs && lufs < -26, `${lufs} LUFS`);
	}
});

test("hold sound depends on the slot alone, so a restarted process goes on where it was", () => {
	assert.deepEqual(slotOf(new HoldSound(), 4_711), slotOf(new HoldSound(), 4_711));
	const faded = slotOf(new HoldSound(), 4_711, 0, 0);
	assert.ok(faded.every((sample) => sample === 0));
});

test("notices are spoken in turn, one every period", () => {
	const hold = new HoldSound();
	hold.notices = [new Float32Array(2 * FRAME_SAMPLES).fill(0.25), new Float32Array(FRAME_SAMPLES).fill(-0.25)];
	const bare = new HoldSound();
	const spoken = (slot: number) => (slotOf(hold, slot)[100] as number) - (slotOf(bare, slot)[100] as number);
	const period = NOTICE_PERIOD_S * 50;
	const heard = [0, 1, 2, period, period + 1, 2 * period, -period].map((slot) => Math.round(spoken(slot) * 100));
	assert.deepEqual(heard, [25, 25, 0, -25, 0, 25, -25]);
});
