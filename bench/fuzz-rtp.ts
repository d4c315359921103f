/**
 * `node bench/fuzz-rtp.ts [SECONDS] [SEED]`: throws mutated RTP, RTCP, Opus and SDP at the stage's parsers, its
 * receiver and its jitter buffer with a real decoder. Ends with 1 and the seed at the first exception, at a buffer
 * beyond its bound, at a sample that is no number, or when memory grows.
 */
import { type MonoMs, seededRandom } from "#base/index.ts";
import { PACKETS_MAX } from "#stage/config.ts";
import { JitterBuffer } from "#stage/jitter-buffer.ts";
import { createOpusDecoder, createReturnEncoder } from "#stage/opus.ts";
import { opusHasFec, opusSamples } from "#stage/opus-packet.ts";
import { parseRtcp, writeReport } from "#stage/rtcp.ts";
import { parseRtp, writeRtp } from "#stage/rtp.ts";
import { ReceivedRtp } from "#stage/rtp-receiver.ts";
import { parseFragment, parseOffer, writeAnswer, writeEngineOffer } from "#stage/sdp.ts";
import { FRAME_SAMPLES } from "#wire/index.ts";

const seconds = Number(process.argv[2] ?? 20);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
const HEAP_GROWTH_MB_MAX = 40;
const BUFFER_MS_MAX = PACKETS_MAX * 120 + 600;
/** A connection's life, after which it begins anew. */
const PACKETS_PER_LIFE = 5_000;

const random = seededRandom(seed);
const below = (count: number) => Math.floor(random.unit() * count);
using decoder = await createOpusDecoder();
using encoder = await createReturnEncoder(true);
const sounds = Array.from({ length: 50 }, (_, n) =>
	encoder.encode(
		Float32Array.from({ length: FRAME_SAMPLES }, (_, i) => 0.3 * Math.sin((n * FRAME_SAMPLES + i) * 0.02)),
		false,
	),
);
const OFFER = [
	"v=0",
	"o=- 1 1 IN IP4 127.0.0.1",
	"s=-",
	"t=0 0",
	"a=group:BUNDLE 0",
	"m=audio 9 UDP/TLS/RTP/SAVPF 111 63",
	"c=IN IP4 0.0.0.0",
	"a=mid:0",
	"a=sendrecv",
	"a=rtcp-mux",
	"a=rtpmap:111 opus/48000/2",
	"a=ice-ufrag:uFra",
	"a=ice-pwd:0123456789abcdefghijkl",
	`a=fingerprint:sha-256 ${Array(32).fill("AB").join(":")}`,
	"a=setup:actpass",
	"a=candidate:1 1 udp 2113937151 192.0.2.1 51000 typ host",
	"",
].join("\r\n");
const ANSWER = { iceUfrag: "srvU", icePwd: "abcdefghijklmnopqrstuv", fingerprint: "sha-256 AB", candidates: [] };

let jitter = new JitterBuffer(decoder);
let received = new ReceivedRtp(111);
const out = new Float32Array(FRAME_SAMPLES);
let nowMs = 1_000;
let sequence = 0;
let timestamp = 0;
let ssrc = 1;
const counts = { packets: 0, played: 0, reports: 0, offers: 0, accepted: 0, concealed: 0, malformed: 0 };
const endMs = performance.now() + seconds * 1_000;
let heapMb = 0;

try {
	while (performance.now() < endMs) {
		for (let i = 0; i < PACKETS_PER_LIFE; i += 1) one();
		counts.concealed += jitter.counts.concealedSamples;
		counts.malformed += jitter.counts.malformedPackets + received.malformed;
		jitter = new JitterBuffer(decoder);
		received = new ReceivedRtp(111);
		const usedMb = process.memoryUsage().heapUsed / 2 ** 20;
		if (heapMb === 0) heapMb = usedMb;
		if (usedMb - heapMb > HEAP_GROWTH_MB_MAX)
			throw new Error(`the heap grew from ${heapMb.toFixed(0)} to ${usedMb.toFixed(0)} MB`);
	}
} catch (error) {
	console.error(
		`Failed with seed ${seed} after ${counts.packets} packets; the same again: node bench/fuzz-rtp.ts ${seconds} ${seed}`,
	);
	throw error;
}
console.log(`seed ${seed}: ${JSON.stringify(counts)}, nothing thrown, nothing grown`);
process.exit(0);

function one(): void {
	counts.packets += 1;
	nowMs += below(3) === 0 ? below(120) : below(25);
	// Now and then the sender jumps, stalls or becomes another.
	if (below(200) === 0) timestamp = below(2 ** 31);
	if (below(200) === 0) sequence = below(65_536);
	if (below(500) === 0) ssrc = below(5);
	if (below(300) === 0) nowMs += below(5_000);
	sequence = (sequence + (below(20) === 0 ? below(5) : 1)) & 0xffff;
	timestamp = (timestamp + (below(30) === 0 ? below(10_000) : FRAME_SAMPLES)) >>> 0;
	const payload = below(4) === 0 ? mutate(sounds[below(50)] as Uint8Array) : (sounds[below(50)] as Uint8Array);
	const bytes = writeRtp({ marker: false, payloadType: 111, sequence, timestamp, ssrc, payload });
	const packet = parseRtp(below(5) === 0 ? Buffer.from(mutate(bytes)) : bytes);
	if (packet) {
		opusSamples(packet.payload);
		opusHasFec(packet.payload);
		const taken = received.take(packet, nowMs as MonoMs);
		if (taken.kind === "packets") {
			if (taken.newStream) jitter.restart();
			jitter.setLossShare(received.lossShare);
			for (const good of taken.packets) jitter.push(good, good.arrivedMs);
		}
	}
	if (below(2) === 0) {
		jitter.pull(out, nowMs as MonoMs);
		counts.played += 1;
		for (const sample of out) if (!Number.isFinite(sample)) throw new Error("a sample is no number");
		if (!(jitter.bufferMs <= BUFFER_MS_MAX)) throw new Error(`the buffer holds ${jitter.bufferMs} ms`);
	}
	if (below(10) === 0) {
		counts.reports += 1;
		const block = received.reportBlock(nowMs as MonoMs);
		const report = writeReport({ ssrc: 1, cname: "x", blocks: block ? [block] : [] });
		for (const parsed of parseRtcp(Buffer.from(mutate(report))) ?? []) {
			received.takeReport(parsed, 1, nowMs as MonoMs, nowMs);
		}
	}
	if (below(10) === 0) {
		counts.offers += 1;
		const text = Buffer.from(mutate(Buffer.from(OFFER))).toString("latin1");
		parseFragment(text);
		const offer = parseOffer(text);
		if (!("ok" in offer)) {
			counts.accepted += 1;
			writeEngineOffer(offer);
			writeAnswer(offer, ANSWER, { ssrc: 1, mediaAddress: null });
		}
	}
}

/** Some bits turned, bytes replaced, a stretch cut out, doubled or appended. */
function mutate(bytes: Uint8Array): Uint8Array {
	let copy = Uint8Array.from(bytes);
	for (let n = below(4); n >= 0; n -= 1) {
		const at = below(copy.length + 1);
		switch (below(5)) {
			case 0:
				if (at < copy.length) copy[at] = (copy[at] as number) ^ (1 << below(8));
				break;
			case 1:
				if (at < copy.length) copy[at] = below(256);
				break;
			case 2:
				copy = copy.slice(0, at);
				break;
			case 3:
				copy = Uint8Array.from([...copy.slice(0, at), ...copy.slice(at + below(8))]);
				break;
			default:
				copy = Uint8Array.from([
					...copy.slice(0, at),
					...copy.slice(below(copy.length + 1), at),
					...random.bytes(below(20)),
					...copy.slice(at),
				]);
		}
	}
	return copy;
}
