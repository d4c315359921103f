import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type MonoMs, type Random, seededRandom } from "#base/index.ts";
import { FRAME_MS, FRAME_SAMPLES } from "#wire/index.ts";
import { DELAY_MS_MAX, LAG_MS_MAX, PACKETS_MAX } from "./config.ts";
import { JitterBuffer } from "./jitter-buffer.ts";
import type { OpusDecoder } from "./opus.ts";
import type { resample } from "./resampler.ts";

/** 227.5 Hz. The period is no divisor of any frame, so a frame left out or repeated shows. */
const TONE_PERIOD = 211;
const TONE_RAD = (2 * Math.PI) / TONE_PERIOD;
const TONE = Float32Array.from({ length: TONE_PERIOD + 5_760 }, (_, i) => 0.5 * Math.sin(TONE_RAD * i));
/** First byte of an Opus packet holding one frame, by its length: CELT, but SILK where CELT is too short. */
const TOC_BY_MS: Readonly<Record<number, number>> = { 2.5: 0xe0, 5: 0xe8, 10: 0xf0, 20: 0xf8, 40: 0x50, 60: 0x58 };
const SILK_20_MS = 0x48;

/**
 * Packets that say which samples they hold, of a tone that never ends; concealment is silence. So every sample
 * that comes out wrong is seen.
 */
function tonePacket(firstSample: number, packetMs: number, fec: boolean): Buffer {
	const out = Buffer.alloc(16);
	out[0] = fec ? SILK_20_MS : (TOC_BY_MS[packetMs] as number);
	out[1] = fec ? 0x40 : 0;
	out.writeDoubleLE(firstSample, 2);
	out.writeUInt16LE(packetMs * 48, 10);
	return out;
}

class ToneDecoder implements OpusDecoder {
	concealed = 0;
	restored = 0;

	decode(packet: Uint8Array): Float32Array {
		const bytes = Buffer.from(packet.buffer, packet.byteOffset, packet.length);
		if (bytes.length <= 2) return new Float32Array(FRAME_SAMPLES);
		return tone(bytes.readDoubleLE(2), bytes.readUInt16LE(10));
	}

	decodeFec(packet: Uint8Array, samples: number): Float32Array {
		this.restored += 1;
		return tone(Buffer.from(packet).readDoubleLE(2) - samples, samples);
	}

	conceal(samples: number): Float32Array {
		this.concealed += samples;
		return new Float32Array(samples);
	}

	[Symbol.dispose](): void {}
}

function tone(first: number, samples: number): Float32Array {
	const from = ((first % TONE_PERIOD) + TONE_PERIOD) % TONE_PERIOD;
	return TONE.slice(from, from + samples);
}

type Sent = {
	readonly sequence: number;
	readonly timestamp: number;
	readonly payload: Buffer;
	readonly arrivesMs: number;
};

/** A sender whose clock runs `driftPpm` fast, and a network described by `delayMs`: undefined loses the packet. */
function* sender(options: {
	readonly seconds: number;
	readonly packetMs?: number;
	readonly driftPpm?: number;
	readonly fec?: boolean;
	readonly firstSequence?: number;
	readonly firstTimestamp?: number;
	readonly delayMs?: (index: number, sentMs: number) => number | undefined;
}): Generator<Sent> {
	const {
		packetMs = 20,
		driftPpm = 0,
		fec = false,
		firstSequence = 7,
		firstTimestamp = 9,
		delayMs = () => 0,
	} = options;
	const count = (options.seconds * 1_000) / packetMs;
	for (let i = 0; i < count; i += 1) {
		const sentMs = 1_003 + (i + 1) * packetMs * (1 - driftPpm / 1e6);
		const delay = delayMs(i, sentMs);
		if (delay === undefined) continue;
		const firstSample = i * packetMs * 48;
		yield {
			sequence: (firstSequence + i) & 0xffff,
			timestamp: (firstTimestamp + firstSample) % 2 ** 32,
			payload: tonePacket(firstSample, packetMs, fec),
			arrivesMs: sentMs + delay,
		};
	}
}

type Heard = {
	readonly buffer: JitterBuffer;
	readonly decoder: ToneDecoder;
	/** Ticks in which a sample was not the tone's continuation. */
	readonly roughTicks: number[];
	readonly bufferMsMax: number;
};

/** Plays what `packets` bring; keeps `ahead` packets sorted by arrival, so delays may reorder that many. */
function play(packets: Iterable<Sent>, resampler?: typeof resample): Heard {
	const decoder = new ToneDecoder();
	const buffer = new JitterBuffer(decoder, resampler);
	const heard = { buffer, decoder, roughTicks: [] as number[], bufferMsMax: 0 };
	const waiting: Sent[] = [];
	const source = packets[Symbol.iterator]();
	let exhausted = false;
	const out = new Float32Array(FRAME_SAMPLES);
	const past = [0, 0];
	for (let tick = 50; ; tick += 1) {
		const nowMs = tick * FRAME_MS;
		while (!exhausted && (waiting.length < 64 || (waiting.at(-1) as Sent).arrivesMs <= nowMs)) {
			const next = source.next();
			if (next.done) exhausted = true;
			else waiting.splice(waiting.findLastIndex((w) => w.arrivesMs <= next.value.arrivesMs) + 1, 0, next.value);
		}
		if (exhausted && waiting.length === 0) return heard;
		while (waiting[0] && waiting[0].arrivesMs <= nowMs) {
			const packet = waiting.shift() as Sent;
			buffer.push(packet, packet.arrivesMs as MonoMs);
		}
		buffer.pull(out, nowMs as MonoMs);
		heard.bufferMsMax = Math.max(heard.bufferMsMax, buffer.bufferMs);
		// A tone obeys x[n+1] = 2·cos(w)·x[n] − x[n−1]; whatever does not was cut, repeated or made up.
		const [before, last] = [past[0] as number, past[1] as number];
		let rough = Math.abs((out[0] as number) - 2 * Math.cos(TONE_RAD) * last + before) > 2e-4;
		for (let i = 1; i < out.length && !rough; i += 1) {
			const older = i === 1 ? last : (out[i - 2] as number);
			rough = Math.abs((out[i] as number) - 2 * Math.cos(TONE_RAD) * (out[i - 1] as number) + older) > 2e-4;
		}
		if (rough) heard.roughTicks.push(tick - 50);
		past[0] = out[FRAME_SAMPLES - 2] as number;
		past[1] = out[FRAME_SAMPLES - 1] as number;
	}
}

/** Linear interpolation: good enough to see whether positions are right, and fast. */
const linear: typeof resample = (input, from, step, out) => {
	let at = from;
	for (let i = 0; i < out.length; i += 1) {
		const index = Math.floor(at);
		const fraction = at - index;
		out[i] = (1 - fraction) * (input[index] as number) + fraction * (input[index + 1] as number);
		at += step;
	}
	return at;
};

const exponential = (random: Random, meanMs: number) => -meanMs * Math.log(1 - random.unit());

test("an even stream comes out unchanged after a start, and nothing is invented [J1]", () => {
	const { buffer, roughTicks, decoder } = play(sender({ seconds: 10 }));
	assert.ok(
		roughTicks.every((tick) => tick < 6),
		`rough at ${roughTicks}`,
	);
	assert.equal(decoder.concealed, 0);
	assert.ok(buffer.bufferMs < 60);
});

test("every frame duration comes out unchanged [J2]", () => {
	for (const packetMs of [2.5, 5, 10, 20, 40, 60]) {
		const { roughTicks, decoder } = play(sender({ seconds: 6, packetMs }));
		assert.ok(
			roughTicks.every((tick) => tick < 10),
			`${packetMs} ms: rough at ${roughTicks}`,
		);
		assert.equal(decoder.concealed, 0, `${packetMs} ms`);
	}
});

test("reordered and doubled packets are put right [J3]", () => {
	const random = seededRandom(3);
	const packets = [...sender({ seconds: 15, delayMs: () => 12 * random.unit() + (random.unit() < 0.1 ? 25 : 0) })];
	const doubled = packets.flatMap((p) => (random.unit() < 0.1 ? [p, { ...p, arrivesMs: p.arrivesMs + 9 }] : [p]));
	const { buffer, decoder, roughTicks } = play(doubled);
	assert.ok(buffer.counts.duplicatePackets > 50);
	const late = roughTicks.filter((tick) => tick > 100);
	assert.ok(
		decoder.concealed <= 2 * FRAME_SAMPLES && late.length <= 4,
		`${decoder.concealed} concealed, rough at ${late}`,
	);
});

test("sequence numbers and timestamps wrap around unnoticed [J4]", () => {
	const { roughTicks, decoder } = play(
		sender({ seconds: 10, firstSequence: 65_400, firstTimestamp: 2 ** 32 - 48_000 * 3 }),
	);
	assert.ok(
		roughTicks.every((tick) => tick < 6),
		`rough at ${roughTicks}`,
	);
	assert.equal(decoder.concealed, 0);
});

test("each lost packet is restored from its successor's copy or concealed, once [J5]", () => {
	const random = seededRandom(5);
	const lost = new Set<number>();
	const stream = sender({
		seconds: 30,
		fec: true,
		delayMs: (index) => {
			if (index > 100 && random.unit() < 0.05 && !lost.has(index - 1)) {
				lost.add(index);
				return undefined;
			}
			return 3 * random.unit();
		},
	});
	const heard = play(stream);
	assert.equal(heard.buffer.counts.recoveredSamples, heard.decoder.restored * FRAME_SAMPLES);
	const filled = heard.decoder.restored + heard.decoder.concealed / FRAME_SAMPLES;
	assert.ok(Math.abs(filled - lost.size) <= 2, `${filled} filled of ${lost.size} lost`);
});

test("a buffer told of loss waits for the copy: nothing is concealed any more [J5]", () => {
	const random = seededRandom(6);
	let previousLost = false;
	const packets = sender({
		seconds: 30,
		fec: true,
		delayMs: (index) => {
			previousLost = index > 100 && !previousLost && random.unit() < 0.05;
			return previousLost ? undefined : 3 * random.unit();
		},
	});
	const decoder = new ToneDecoder();
	const buffer = new JitterBuffer(decoder);
	buffer.setLossShare(0.05);
	const out = new Float32Array(FRAME_SAMPLES);
	const all = [...packets];
	let at = 0;
	for (let tick = 50; at < all.length; tick += 1) {
		while (at < all.length && (all[at] as Sent).arrivesMs <= tick * FRAME_MS) {
			const packet = all[at++] as Sent;
			buffer.push(packet, packet.arrivesMs as MonoMs);
		}
		buffer.pull(out, (tick * FRAME_MS) as MonoMs);
	}
	assert.ok(decoder.restored > 40);
	assert.ok(decoder.concealed <= FRAME_SAMPLES, `${decoder.concealed} concealed`);
});

test("without a copy exactly the lost samples are concealed, and the lag stays [J6]", () => {
	const random = seededRandom(7);
	let losses = 0;
	const { buffer, decoder } = play(
		sender({
			seconds: 30,
			delayMs: (index) => {
				if (index < 100 || random.unit() >= 0.03) return 2 * random.unit();
				losses += 1;
				return undefined;
			},
		}),
	);
	assert.ok(
		Math.abs(decoder.concealed / FRAME_SAMPLES - losses) <= 3,
		`${decoder.concealed / FRAME_SAMPLES} for ${losses}`,
	);
	assert.ok(buffer.bufferMs < 60);
});

for (const driftPpm of [200, -200]) {
	test(`a sound card ${driftPpm} ppm off is followed for an hour without a gap or growth [J7]`, () => {
		const random = seededRandom(8);
		// An hour would move the buffer by 720 ms. Only positions matter here, so the sound is silence.
		const silence = new Float32Array(FRAME_SAMPLES);
		const decoder = Object.assign(new ToneDecoder(), { decode: () => silence });
		const buffer = new JitterBuffer(decoder, (_input, from, step, out) => from + out.length * step);
		const out = new Float32Array(FRAME_SAMPLES);
		let bufferMsMax = 0;
		let tick = 50;
		for (const packet of sender({ seconds: 3_600, driftPpm, delayMs: () => 5 * random.unit() })) {
			for (; tick * FRAME_MS < packet.arrivesMs; tick += 1) {
				buffer.pull(out, (tick * FRAME_MS) as MonoMs);
				bufferMsMax = Math.max(bufferMsMax, buffer.bufferMs);
			}
			buffer.push(packet, packet.arrivesMs as MonoMs);
		}
		assert.equal(decoder.concealed, 0);
		assert.equal(buffer.counts.jumps, 0);
		assert.equal(buffer.counts.stretches <= 2, true, `${buffer.counts.stretches} stretches`);
		assert.ok(bufferMsMax < 60, `buffer ${bufferMsMax} ms`);
		assert.ok(Math.abs((buffer.driftPpm as number) - driftPpm) < 10, `measured ${buffer.driftPpm} ppm`);
	});
}

test("drift is followed by resampling: a tone stays smooth [J7]", () => {
	const { roughTicks } = play(sender({ seconds: 30, driftPpm: 200 }));
	assert.ok(roughTicks.filter((tick) => tick > 20).length === 0, `rough at ${roughTicks}`);
});

test("a jittery network raises the lag only as far as it must, and it falls again afterwards [J8]", () => {
	const random = seededRandom(9);
	const stream = sender({
		seconds: 45,
		delayMs: (_, sentMs) => (sentMs < 21_000 ? Math.min(70, exponential(random, 12)) : 0),
	});
	const { buffer, decoder } = play(stream);
	// 20 s of packets with a mean delay of 12 ms: about 1 % may come too late.
	assert.ok(
		decoder.concealed / (20 * 48_000) < 0.03,
		`${((100 * decoder.concealed) / (20 * 48_000)).toFixed(2)} % concealed`,
	);
	assert.ok(buffer.wantedMs <= 43, `wants ${buffer.wantedMs} ms`);
	assert.ok(buffer.bufferMs < 60, `holds ${buffer.bufferMs} ms`);
});

test("a stall of half a second costs its sound, never more than the bound of latency, and that returns in 10 s [J9]", () => {
	const { buffer, bufferMsMax } = play(
		sender({
			seconds: 25,
			delayMs: (_, sentMs) => (sentMs > 11_000 && sentMs < 11_500 ? 11_500 - sentMs : 0),
		}),
	);
	assert.ok(bufferMsMax <= LAG_MS_MAX, `held ${bufferMsMax} ms`);
	assert.ok(buffer.counts.jumps >= 1);
	assert.ok(buffer.bufferMs < 60, `holds ${buffer.bufferMs} ms`);
});

test("a stall of our own, after which packets are found late, costs nothing [J8]", () => {
	const decoder = new ToneDecoder();
	const buffer = new JitterBuffer(decoder, linear);
	const out = new Float32Array(FRAME_SAMPLES);
	const packets = [...sender({ seconds: 20 })];
	let wantedMs = 0;
	for (let tick = 50, at = 0; at < packets.length; tick += 1) {
		// From 11.0 to 11.4 s the process stands still; then it pushes all it finds, and makes the ticks up.
		const stalledMs = tick * FRAME_MS >= 11_000 && tick * FRAME_MS < 11_400 ? 11_400 - tick * FRAME_MS : 0;
		for (; at < packets.length && (packets[at] as Sent).arrivesMs <= tick * FRAME_MS + stalledMs; at += 1) {
			const foundMs = Math.max((packets[at] as Sent).arrivesMs, stalledMs > 0 ? 11_400 : 0);
			buffer.push(packets[at] as Sent, foundMs as MonoMs, stalledMs > 0 ? 400 : 0);
		}
		buffer.pull(out, (tick * FRAME_MS) as MonoMs);
		if (tick * FRAME_MS === 10_980) wantedMs = buffer.wantedMs;
		if (tick * FRAME_MS === 11_500) assert.equal(buffer.wantedMs, wantedMs);
	}
	assert.equal(decoder.concealed, 0);
	assert.equal(buffer.counts.jumps, 0);
});

test("a path that gets 80 ms longer and shorter again is followed [J9]", () => {
	const { buffer, decoder } = play(
		sender({ seconds: 30, delayMs: (_, sentMs) => (sentMs > 15_000 && sentMs < 35_000 ? 80 : 0) }),
	);
	assert.ok(decoder.concealed < 0.2 * 48_000, `${decoder.concealed} concealed`);
	assert.ok(buffer.bufferMs < 60, `holds ${buffer.bufferMs} ms`);
});

test("a sender's own pause is no loss, and speech after it keeps its place [J10]", () => {
	const packets = [...sender({ seconds: 10 })].flatMap((packet, i) => {
		// From packet 100 to 200 only every twentieth is sent, holding two bytes.
		if (i < 100 || i >= 200) return [packet];
		return i % 20 === 0 ? [{ ...packet, payload: Buffer.from([0xf8, 0xff]) }] : [];
	});
	let sequence = 0;
	for (const packet of packets) Object.assign(packet, { sequence: sequence++ });
	const { buffer } = play(packets);
	assert.equal(buffer.counts.concealedSamples, 0);
	assert.equal(buffer.counts.latePackets, 0);
	assert.ok(buffer.bufferMs < 60);
});

test("a sender that starts its clock anew is followed after one packet [J11]", () => {
	const first = [...sender({ seconds: 5 })];
	const second = [...sender({ seconds: 5, firstSequence: 7 + 250, firstTimestamp: 3_000_000_000 })].map((p) => ({
		...p,
		arrivesMs: p.arrivesMs + 5_000,
	}));
	const { buffer, roughTicks } = play([...first, ...second]);
	assert.equal(buffer.counts.jumps, 1);
	assert.equal(buffer.counts.droppedPackets, 1);
	assert.ok(
		roughTicks.every((tick) => tick < 270),
		`rough at ${roughTicks}`,
	);
});

test("silence after the last packet is reached by fading, and costs nothing [J12]", () => {
	const decoder = new ToneDecoder();
	const buffer = new JitterBuffer(decoder);
	for (const packet of sender({ seconds: 1 })) buffer.push(packet, packet.arrivesMs as MonoMs);
	const out = new Float32Array(FRAME_SAMPLES);
	for (let tick = 100; tick < 300; tick += 1) buffer.pull(out, (tick * FRAME_MS) as MonoMs);
	assert.ok(out.every((sample) => sample === 0));
	const { concealed } = decoder;
	buffer.pull(out, 6_000 as MonoMs);
	assert.equal(decoder.concealed, concealed);
	assert.equal(buffer.bufferMs, 0);
});

test("another stream of the same sender begins without a click, and the old one fades [J14]", () => {
	const buffer = new JitterBuffer(new ToneDecoder());
	const out = new Float32Array(FRAME_SAMPLES);
	let [last, steepest] = [0, 0];
	const at = (ms: number) => ms as MonoMs;
	for (let k = 0; k < 100; k += 1) {
		// Half a period on, so that what is cut is the steepest place.
		const isNew = k >= 48;
		const payload = tonePacket(k * FRAME_SAMPLES + (isNew ? TONE_PERIOD / 2 : 0), 20, false);
		const stream = { sequence: isNew ? 9_000 : 0, timestamp: isNew ? 1e6 : 0 };
		if (k === 48) buffer.restart();
		buffer.push(
			{ sequence: stream.sequence + k, timestamp: stream.timestamp + k * FRAME_SAMPLES, payload },
			at(1_003 + k * 20),
		);
		buffer.pull(out, at(1_010 + k * 20));
		for (const sample of out) {
			steepest = Math.max(steepest, Math.abs(sample - last));
			last = sample;
		}
	}
	assert.equal(buffer.counts.jumps, 1);
	assert.equal(buffer.counts.droppedPackets, 0);
	assert.ok(Math.abs(last) > 0, "the new stream is heard");
	assert.ok(steepest < 0.5 * TONE_RAD * 1.5, `the steepest step is the tone's own: ${steepest}`);
});

test("whatever comes in whatever order, nothing is thrown and nothing grows", () => {
	const packet = fc.record({
		sequence: fc.nat(65_535),
		timestamp: fc.nat(2 ** 32 - 1),
		payload: fc.oneof(
			fc.uint8Array({ minLength: 0, maxLength: 40 }),
			fc.constantFrom(20, 60).map((ms) => new Uint8Array(tonePacket(0, ms, false))),
		),
		waitMs: fc.nat(200),
	});
	const near = packet.map((p) => ({ ...p, sequence: p.sequence % 50, timestamp: (p.timestamp % 50) * 960 }));
	fc.assert(
		fc.property(fc.array(fc.oneof(packet, near), { maxLength: 300 }), (packets) => {
			const decoder = new ToneDecoder();
			const buffer = new JitterBuffer(
				Object.assign(decoder, { decode: () => new Float32Array(FRAME_SAMPLES) }) as OpusDecoder,
				linear,
			);
			const out = new Float32Array(FRAME_SAMPLES);
			let nowMs = 1_000;
			for (const { waitMs, ...one } of packets) {
				nowMs += waitMs;
				buffer.push(one, nowMs as MonoMs);
				buffer.pull(out, nowMs as MonoMs);
				assert.ok(out.every(Number.isFinite));
				assert.ok(buffer.wantedMs <= DELAY_MS_MAX);
				assert.ok(buffer.bufferMs <= PACKETS_MAX * 120 + LAG_MS_MAX);
			}
		}),
		{ numRuns: 60, seed: 1 },
	);
});
