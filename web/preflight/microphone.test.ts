import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import test from "node:test";
import fc from "fast-check";
import { MicrophoneCheck, type MicrophoneProblem } from "./microphone.ts";
import { seededNoise, syntheticVoice } from "./synthetic-voice.ts";

const RATE_HZ = 48_000;

function judge(samples: Float32Array, sampleRateHz = RATE_HZ): MicrophoneCheck {
	const check = new MicrophoneCheck(sampleRateHz);
	for (let at = 0; at < samples.length; at += 128) check.push(samples.subarray(at, at + 128));
	return check;
}
const problems = (samples: Float32Array, sampleRateHz?: number) => judge(samples, sampleRateHz).problems;
const times = (samples: Float32Array, gainDb: number) =>
	samples.map((x) => Math.max(-1, Math.min(1, x * 10 ** (gainDb / 20))));
const noise = (length: number, rmsDbfs: number) => {
	const random = seededNoise(7);
	const peak = 10 ** (rmsDbfs / 20) * Math.sqrt(3);
	return Float32Array.from({ length }, () => random() * peak);
};
const plus = (a: Float32Array, b: Float32Array) => a.map((x, i) => x + (b[i] ?? 0));
/** What a codec that samples at `narrowHz` leaves of a sound: a windowed-sinc low-pass at 0.94 of its half. */
function narrow(samples: Float32Array, narrowHz: number): Float32Array {
	const cut = (0.47 * narrowHz) / RATE_HZ;
	const half = 160;
	const kernel = Float64Array.from({ length: 2 * half + 1 }, (_, i) => {
		const n = i - half;
		const sinc = n === 0 ? 2 * cut : Math.sin(2 * Math.PI * cut * n) / (Math.PI * n);
		const at = (Math.PI * i) / half;
		return sinc * (0.42 - 0.5 * Math.cos(at) + 0.08 * Math.cos(2 * at));
	});
	return samples.map((_, i) => {
		let sum = 0;
		for (let k = -half; k <= half; k += 1) sum += (samples[i + k] ?? 0) * (kernel[k + half] as number);
		return sum;
	});
}

const voice = syntheticVoice(RATE_HZ, 6);

test("MicrophoneCheck says nothing about a clean voice", () => {
	const { reading, problems: found } = judge(voice);
	assert.deepEqual(found, []);
	assert.equal(reading.heardMs, 6_000);
	assert.ok(reading.speechDbfs !== null && Math.abs(reading.speechDbfs + 26) < 3, `${reading.speechDbfs}`);
});

test("MicrophoneCheck says nothing about a clean voice in a quiet room, at any ordinary level and sample rate", () => {
	for (const gainDb of [-12, -6, 6]) {
		assert.deepEqual(problems(plus(times(voice, gainDb), noise(voice.length, -68))), [], `${gainDb} dB`);
	}
	for (const rateHz of [44_100, 96_000]) {
		assert.deepEqual(problems(syntheticVoice(rateHz, 6, 3), rateHz), [], `${rateHz} Hz`);
	}
});

test("MicrophoneCheck says nothing before enough was said", () => {
	assert.deepEqual(problems(times(voice, -20).subarray(0, RATE_HZ)), []);
});

const provoked: [MicrophoneProblem, string, () => Float32Array][] = [
	["mic_silent", "digital zero", () => new Float32Array(4 * RATE_HZ)],
	["mic_not_heard", "only the hiss of an unplugged input", () => noise(7 * RATE_HZ, -78)],
	["clipping", "a gain far too high", () => times(voice, 24)],
	["level_high", "loud, not yet cut", () => voice.map((x) => Math.max(-0.9, Math.min(0.9, 24 * x)))],
	["level_low", "a mouth far from the microphone", () => times(voice, -22)],
	["noise", "a fan close by", () => plus(voice, noise(voice.length, -40))],
	["noise", "so much noise that no voice stands out", () => noise(7 * RATE_HZ, -30)],
	["telephone_quality", "Bluetooth hands-free, CVSD", () => narrow(voice, 8_000)],
	["telephone_quality", "Bluetooth hands-free, mSBC", () => narrow(voice, 16_000)],
];
for (const [problem, cause, samples] of provoked) {
	test(`MicrophoneCheck finds ${problem}: ${cause}`, () => assert.deepEqual(problems(samples()), [problem]));
}

test("MicrophoneCheck forgives a microphone that was silent and is heard again", () => {
	const check = judge(new Float32Array(4 * RATE_HZ));
	assert.deepEqual(check.problems, ["mic_silent"]);
	for (let at = 0; at < voice.length; at += 960) check.push(voice.subarray(at, at + 960));
	assert.deepEqual(check.problems, []);
});

test("MicrophoneCheck waits for a headset that is silent for two seconds while it changes its profile", () => {
	const check = judge(new Float32Array(2 * RATE_HZ));
	assert.deepEqual(check.problems, []);
});

test("MicrophoneCheck does not take the zeros of a device that is being opened for a quiet room", () => {
	const check = judge(new Float32Array(RATE_HZ));
	check.push(plus(voice, noise(voice.length, -40)));
	assert.deepEqual(check.problems, ["noise"]);
});

test("MicrophoneCheck leaves to the browser what the browser will repair", () => {
	const judged = (samples: Float32Array, processedLater: boolean) => {
		const check = new MicrophoneCheck(RATE_HZ, processedLater);
		check.push(samples);
		return check.problems;
	};
	const soft = times(voice, -18);
	assert.deepEqual([judged(soft, false), judged(soft, true)], [["level_low"], []]);
	const fan = plus(voice, noise(voice.length, -46));
	assert.deepEqual([judged(fan, false), judged(fan, true)], [["noise"], []]);
});

test("MicrophoneCheck reads the same from blocks of any length", () => {
	const samples = voice.subarray(0, RATE_HZ);
	const whole = new MicrophoneCheck(RATE_HZ);
	whole.push(samples);
	const lengths = fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 20 });
	fc.assert(
		fc.property(lengths, (cuts) => {
			const check = new MicrophoneCheck(RATE_HZ);
			for (let at = 0, i = 0; at < samples.length; i += 1) {
				const length = cuts[i % cuts.length] as number;
				check.push(samples.subarray(at, at + length));
				at += length;
			}
			assert.deepEqual(check.reading, whole.reading);
			assert.equal(check.levelDbfs, whole.levelDbfs);
		}),
		{ numRuns: 15 },
	);
});

/** The verdicts on a synthesised human voice, each provoked by a WAV of its own. */
function tool(name: string, args: string[], input?: Buffer): Buffer | undefined {
	try {
		return execFileSync(name, args, { input, maxBuffer: 1 << 26, stdio: ["pipe", "pipe", "ignore"] });
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
		throw error;
	}
}
const SENTENCE =
	"Good evening. My name is Anna Krause. The first question is this: who pays for the houses on Mill Street? " +
	"Since the flood, six months have passed.";

test("MicrophoneCheck judges WAV files of espeak-ng and sox as the cases they stand for", (t) => {
	const wav = tool("espeak-ng", ["-v", "en-us", "-s", "150", "--stdout", SENTENCE]);
	const sox = (effects: string[]) => {
		const raw = tool("sox", ["-t", "wav", "-", "-t", "f32", "-r", "48000", "-c", "1", "-", ...effects], wav);
		return raw && new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));
	};
	if (!wav || !sox([])) {
		t.diagnostic("espeak-ng or sox is not installed: synthesised speech is not judged here");
		return;
	}
	const cases: [MicrophoneProblem[], string[]][] = [
		[[], []],
		[[], ["gain", "-15"]],
		[["level_low"], ["gain", "-30"]],
		[["clipping"], ["gain", "20"]],
		[["telephone_quality"], ["rate", "8000", "rate", "48000"]],
		[["telephone_quality"], ["rate", "16000", "rate", "48000"]],
	];
	for (const [expected, effects] of cases) {
		assert.deepEqual(problems(sox(effects) as Float32Array), expected, effects.join(" "));
	}
	const speech = sox([]) as Float32Array;
	assert.deepEqual(problems(plus(speech, noise(speech.length, -35))), ["noise"]);
});
