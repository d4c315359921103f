import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FRAME_SAMPLES, type Place } from "#wire/index.ts";
import { RETURN_KNEE } from "./config.ts";
import { bend, Mixer, MixSeat } from "./mixer.ts";

const constant = (value: number) => new Float32Array(FRAME_SAMPLES).fill(value);
const seat = (value: number, place: Place, more: { muted?: boolean; gainDb?: number } = {}) => ({
	mix: new MixSeat(),
	value,
	place,
	muted: more.muted ?? false,
	gainDb: more.gainDb ?? 0,
});
type TestSeat = ReturnType<typeof seat>;

/** Mixes as many frames; ramps are over after the first. */
function mixFrames(mixer: Mixer, seats: readonly TestSeat[], frames = 2): void {
	for (let i = 0; i < frames; i += 1) {
		mixer.mix(
			seats.map(({ mix, value, place, muted, gainDb }) => ({
				mix,
				input: { samples: constant(value), place, muted, gainDb },
			})),
		);
	}
}
const last = (samples: Float32Array) => samples[FRAME_SAMPLES - 1] as number;
const near = (actual: number, expected: number) =>
	assert.ok(Math.abs(actual - expected) < 1e-6, `${actual}, not ${expected}`);

test("each seat hears the others of its place, never itself [S5]", () => {
	const mixer = new Mixer();
	const [a, b, green1, green2, check] = [
		seat(0.1, "air"),
		seat(0.02, "air"),
		seat(0.003, "green"),
		seat(0.0004, "green"),
		seat(0.5, "check"),
	] as const;
	mixFrames(mixer, [a, b, green1, green2, check]);
	near(last(mixer.air), 0.12);
	near(last(a.mix.heard), 0.02);
	near(last(b.mix.heard), 0.1);
	near(last(green1.mix.heard), 0.1204);
	near(last(green2.mix.heard), 0.123);
	assert.ok(check.mix.heard.every((sample) => sample === 0));
});

test("the programme's sum is plain addition, also beyond full scale, while return feeds stay within it", () => {
	const mixer = new Mixer();
	const seats = Array.from({ length: 4 }, () => seat(0.9, "air"));
	mixFrames(mixer, seats);
	near(last(mixer.air), 3.6);
	for (const { mix } of seats) assert.ok(mix.heard.every((sample) => Math.abs(sample) <= 1));
});

test("gain and mute move along a line within a frame: no step larger than two such lines make", () => {
	const mixer = new Mixer();
	const loud = seat(0.5, "air");
	const listener = seat(0, "air");
	const all: number[] = [];
	for (const change of [
		{},
		{ muted: true },
		{},
		{ gainDb: 6 },
		{ place: "green" as const },
		{ place: "air" as const },
	]) {
		mixFrames(mixer, [{ ...loud, ...change }, listener], 1);
		all.push(...mixer.air);
	}
	for (let i = 1; i < all.length; i += 1) {
		assert.ok(Math.abs((all[i] as number) - (all[i - 1] as number)) < 2 / FRAME_SAMPLES, `sample ${i}`);
	}
});

test("a new seat begins silent and is there in full one frame later", () => {
	const mixer = new Mixer();
	const only = seat(0.5, "air");
	mixFrames(mixer, [only], 1);
	assert.ok(Math.abs(mixer.air[0] as number) < 0.001);
	mixFrames(mixer, [only], 1);
	near(mixer.air[0] as number, 0.5);
});

test("bend() keeps what is below the knee, order, sign and ±1", () => {
	fc.assert(
		fc.property(
			fc.float({ noNaN: true, min: -100, max: 100 }),
			fc.float({ noNaN: true, min: -100, max: 100 }),
			(a, b) => {
				const out = Float32Array.of(a, b);
				bend(out);
				const [bentA, bentB] = out as unknown as [number, number];
				if (Math.abs(a) <= RETURN_KNEE) assert.equal(bentA, a);
				assert.ok(Math.abs(bentA) <= 1);
				if (a <= b) assert.ok(bentA <= bentB);
			},
		),
	);
});

test("whatever the seats, nobody hears itself: silence everywhere else is silence for it", () => {
	const places = fc.constantFrom<Place>("check", "green", "air");
	fc.assert(
		fc.property(fc.array(places, { minLength: 1, maxLength: 13 }), fc.nat(12), (all, pick) => {
			const speaking = pick % all.length;
			const seats = all.map((place, i) => seat(i === speaking ? 0.7 : 0, place));
			mixFrames(new Mixer(), seats);
			assert.ok((seats[speaking] as TestSeat).mix.heard.every((sample) => Math.abs(sample) < 1e-6));
		}),
	);
});
