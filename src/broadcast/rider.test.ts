import assert from "node:assert/strict";
import { before, test } from "node:test";
import { seededRandom } from "#base/index.ts";
import { CEILING_DBTP, TARGET_LUFS } from "./config.ts";
import { measureWithFfmpeg, needsFfmpeg } from "./ffmpeg.testing.ts";
import { Limiter } from "./limiter.ts";
import { Rider } from "./rider.ts";
import { atLufs, framesOf, integratedLufs, joined, readVoice } from "./speech.testing.ts";

let anna: Float32Array;
let ben: Float32Array;
before(async () => {
	[anna, ben] = await Promise.all([readVoice("anna"), readVoice("ben")]);
});

/** The programme's level chain. @returns what comes out, and the gain after each frame. */
function ride(samples: Float32Array, gainDb = 0) {
	const rider = new Rider({ targetLufs: TARGET_LUFS, gainDb });
	const limiter = new Limiter(CEILING_DBTP);
	const gainsDb: number[] = [];
	const frames = [...framesOf(samples)].map((frame) => {
		rider.push(frame);
		gainsDb.push(rider.gainDb);
		const out = frame.map((sample) => sample * 10 ** (rider.gainDb / 20));
		limiter.process(out);
		return out;
	});
	return { out: joined(frames), gainsDb };
}

const seconds = (count: number) => new Float32Array(count * 48_000);
function withRoom(samples: Float32Array, lufs: number): Float32Array {
	const random = seededRandom(1);
	const noise = atLufs(
		samples.map(() => random.unit() - 0.5),
		lufs,
	);
	return samples.map((sample, i) => sample + (noise[i] as number));
}
const onTarget = (lufs: number) => assert.ok(Math.abs(lufs - TARGET_LUFS) <= 1, `${lufs} LUFS`);

for (const lufs of [-37, -28, -19, -10]) {
	test(`speech at ${lufs} LUFS comes out at −19 ± 1, its beginning included [BR9]`, () => {
		onTarget(integratedLufs(ride(atLufs(anna, lufs)).out));
		onTarget(integratedLufs(ride(atLufs(ben, lufs)).out));
	});
}

test("a whisper is within 4 dB of its place two seconds after it begins [BR9]", () => {
	const { gainsDb } = ride(atLufs(anna, -37));
	const settled = gainsDb[500] as number;
	assert.ok(Math.abs((gainsDb[100] as number) - settled) < 4, `${gainsDb[100]} of ${settled}`);
});

test("two people 16 dB apart who take turns are both at the target [BR9]", () => {
	const turn = (voice: Float32Array, nth: number) => voice.subarray(nth * 336_000, (nth + 1) * 336_000);
	const quiet = atLufs(anna, -30);
	const loud = atLufs(ben, -14);
	const turns = [0, 1, 2].flatMap((nth) => [turn(quiet, nth), seconds(0.5), turn(loud, nth), seconds(0.5)]);
	onTarget(integratedLufs(ride(joined(turns)).out));
});

test("the gain rests in a pause, so the room does not swell [BR9]", () => {
	const talk = withRoom(joined([atLufs(anna.subarray(0, 480_000), -28), seconds(15), atLufs(anna, -28)]), -58);
	const { gainsDb } = ride(talk);
	const pause = gainsDb.slice(10.6 * 50, 25 * 50);
	assert.ok(Math.max(...pause) - Math.min(...pause) < 0.5, `${Math.min(...pause)} to ${Math.max(...pause)} dB`);
});

test("a microphone that opens on a noisy room is not turned up before somebody speaks [BR9]", () => {
	const { gainsDb } = ride(joined([seconds(5), withRoom(seconds(5), -46), withRoom(atLufs(anna, -25), -46)]));
	assert.ok(gainsDb.slice(0, 500).every((gainDb) => Math.abs(gainDb) < 0.5));
});

test("the gain stays within its range for any sound", () => {
	for (const gainDb of [-100, 0, 100]) {
		const { gainsDb } = ride(
			Float32Array.from({ length: 96_000 }, (_, i) => 10 * Math.sin(i * i)),
			gainDb,
		);
		assert.ok(gainsDb.every((found) => -15 <= found && found <= 26));
	}
});

test("ffmpeg agrees: −19 ± 1 LUFS, true peak at most −1 dBTP [BR9 BR10]", needsFfmpeg, () => {
	for (const lufs of [-37, -10]) {
		const { integratedLufs, peakDbtp } = measureWithFfmpeg(ride(atLufs(ben, lufs)).out);
		onTarget(integratedLufs);
		assert.ok(peakDbtp <= -1, `${peakDbtp} dBTP`);
	}
});
