import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Offer, parseEngineAnswer, parseFragment, parseOffer, writeAnswer, writeEngineOffer } from "./sdp.ts";

const FINGERPRINT = `sha-256 ${Array(32).fill("AB").join(":")}`;
const lines = (rows: readonly string[]) => `${rows.join("\r\n")}\r\n`;
const session = ["v=0", "o=- 42 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0", "a=extmap-allow-mixed"];
const transport = [
	"a=ice-ufrag:uFra",
	"a=ice-pwd:0123456789abcdefghijkl",
	`a=fingerprint:${FINGERPRINT}`,
	"a=setup:actpass",
];
const audio = [
	"m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9",
	"c=IN IP4 0.0.0.0",
	"a=mid:0",
	"a=sendrecv",
	"a=rtcp-mux",
	"a=rtpmap:111 opus/48000/2",
	"a=fmtp:111 minptime=10;useinbandfec=1",
	"a=rtpmap:63 red/48000/2",
	"a=candidate:1 1 udp 2113937151 3d5e.local 51000 typ host",
];
const offerSdp = lines([...session, ...audio, ...transport]);
const engineAnswer = {
	iceUfrag: "srvU",
	icePwd: "abcdefghijklmnopqrstuv",
	fingerprint: FINGERPRINT,
	candidates: ["1 1 UDP 2114977791 127.0.0.1 22000 typ host", "2 1 UDP 2114977000 10.0.0.5 22000 typ host"],
};
const parsed = (sdp: string): Offer => {
	const offer = parseOffer(sdp);
	assert.ok(!("ok" in offer), JSON.stringify(offer));
	return offer;
};
const refused = (sdp: string) => {
	const offer = parseOffer(sdp);
	assert.ok("ok" in offer, "was not refused");
	return offer;
};

test("parseOffer() takes a browser's microphone", () => {
	const offer = parsed(offerSdp);
	assert.equal(offer.mid, "0");
	assert.equal(offer.payloadType, 111);
	assert.equal(offer.iceUfrag, "uFra");
	assert.equal(offer.wantsReturn, true);
});

test("the engine's offer holds nothing but checked fields, and no candidate", () => {
	const sdp = writeEngineOffer(parsed(offerSdp));
	assert.ok(!sdp.includes("candidate") && !sdp.includes("3d5e"));
	assert.match(sdp, /^a=setup:actpass\r$/m);
	assert.equal(parsed(sdp).iceUfrag, "uFra");
});

test("we open DTLS unless the offerer insists on it: its first flight would come to a transport that is not there yet", () => {
	const roles = (sdp: string) => {
		const offer = parsed(sdp);
		const setup = (text: string) => /^a=setup:(\w+)\r$/m.exec(text)?.[1];
		return [setup(writeEngineOffer(offer)), setup(writeAnswer(offer, engineAnswer, { ssrc: 7, mediaAddress: null }))];
	};
	assert.deepEqual(roles(offerSdp), ["actpass", "active"]);
	assert.deepEqual(roles(offerSdp.replace("actpass", "active")), ["active", "passive"]);
});

test("OBS' video and a data channel are refused with port 0, in their places", () => {
	const sdp = lines([
		"v=0",
		"o=rtc 1 0 IN IP4 127.0.0.1",
		"s=-",
		"t=0 0",
		"a=group:BUNDLE v a",
		"m=video 5000 UDP/TLS/RTP/SAVPF 96",
		"a=mid:v",
		"a=sendonly",
		"a=rtpmap:96 H264/90000",
		...transport,
		"m=audio 5000 UDP/TLS/RTP/SAVPF 111",
		"a=mid:a",
		"a=sendonly",
		"a=rtpmap:111 OPUS/48000/2",
		"m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
		"a=mid:d",
	]);
	const offer = parsed(sdp);
	assert.equal(offer.wantsReturn, false);
	const answer = writeAnswer(offer, engineAnswer, { ssrc: 7, mediaAddress: null });
	assert.deepEqual(
		[...answer.matchAll(/^m=(\S+) (\d+)/gm)].map((m) => [m[1], m[2]]),
		[
			["video", "0"],
			["audio", "9"],
			["application", "0"],
		],
	);
	assert.match(answer, /^a=group:BUNDLE a\r$/m);
	assert.match(answer, /^a=recvonly\r$/m);
	assert.ok(!answer.includes("a=ssrc"));
});

test("the answer carries every candidate, or the media address in the place of the first", () => {
	const offer = parsed(offerSdp);
	const own = parseEngineAnswer(writeAnswer(offer, engineAnswer, { ssrc: 7, mediaAddress: null }));
	assert.equal(own.candidates.length, 2);
	const mapped = parseEngineAnswer(writeAnswer(offer, engineAnswer, { ssrc: 7, mediaAddress: "203.0.113.9" }));
	assert.deepEqual(mapped.candidates, ["1 1 UDP 2114977791 203.0.113.9 22000 typ host"]);
});

test("what cannot work is refused with a sentence that says what", () => {
	const without = (line: string) => lines([...session, ...audio, ...transport].filter((row) => !row.startsWith(line)));
	const swap = (from: string | RegExp, to: string) => offerSdp.replace(from, to);
	for (const [sdp, code, words] of [
		["", "malformed_sdp", /m= line/],
		["hello", "malformed_sdp", /line 1/],
		[offerSdp.replace("v=0", "v=1"), "malformed_sdp", /v=0/],
		[offerSdp.repeat(40), "malformed_sdp", /bytes/],
		[swap("s=-", "s=\u0000"), "malformed_sdp", /control/],
		[without("a=ice-ufrag"), "malformed_sdp", /ice-ufrag/],
		[swap("a=ice-pwd:0123456789abcdefghijkl", "a=ice-pwd:short"), "malformed_sdp", /ice-pwd/],
		[swap("uFra", "uF a"), "malformed_sdp", /ice-ufrag/],
		[without("a=fingerprint"), "malformed_sdp", /fingerprint/],
		[swap("AB:AB", "AB"), "malformed_sdp", /fingerprint/],
		[without("a=mid"), "malformed_sdp", /mid/],
		[swap("a=mid:0", "a=mid:0 evil"), "malformed_sdp", /mid/],
		[swap("m=audio", "m=video"), "unsupported_media", /m=audio/],
		[offerSdp + lines(audio), "unsupported_media", /several/],
		[swap("SAVPF", "AVP"), "unsupported_media", /SAVPF/],
		[swap("opus/48000/2", "PCMU/8000"), "unsupported_media", /Opus/],
		[swap("a=sendrecv", "a=recvonly"), "unsupported_media", /must be sent/],
		[swap("actpass", "passive"), "unsupported_media", /setup/],
		[`${offerSdp}a=ice-lite\r\n`, "unsupported_media", /ICE-lite/],
	] as const) {
		const refusal = refused(sdp);
		assert.equal(refusal.code, code, refusal.detail);
		assert.match(refusal.detail, words);
		assert.ok(refusal.detail.length < 200);
	}
});

test("parseOffer() takes any text; what it accepts becomes well-formed lines", () => {
	const row = fc.oneof(
		fc.constantFrom(
			...session,
			...audio,
			...transport,
			"a=sendonly",
			"a=inactive",
			"m=video 9 UDP/TLS/RTP/SAVPF 96",
			"a=ice-ufrag:",
			"a=mid:",
		),
		fc.string({ maxLength: 40 }),
		fc.string({ maxLength: 30 }).map((text) => `a=${text}`),
	);
	const shaken = fc
		.tuple(fc.array(row, { maxLength: 6 }), fc.array(fc.nat(30), { maxLength: 4 }))
		.map(([extra, drop]) => {
			const rows = [...session, ...audio, ...transport];
			for (const index of drop) rows.splice(index, 1);
			for (const [i, one] of extra.entries()) rows.splice(2 + 3 * i, 0, one);
			return lines(rows);
		});
	fc.assert(
		fc.property(fc.oneof(shaken, fc.string({ maxLength: 300 })), (sdp) => {
			const offer = parseOffer(sdp);
			if ("ok" in offer) return;
			for (const written of [
				writeEngineOffer(offer),
				writeAnswer(offer, engineAnswer, { ssrc: 1, mediaAddress: null }),
			]) {
				assert.ok(/^[\x20-\x7e\r\n]*$/.test(written));
				assert.equal(written.split("\r\n").filter((text) => text !== "" && !/^[a-z]=/.test(text)).length, 0);
			}
		}),
		{ numRuns: 1_000 },
	);
});

test("parseFragment() reads RFC 8840's example and refuses what is no candidate", () => {
	const fragment = lines([
		"a=group:BUNDLE 0",
		"m=audio 9 UDP/TLS/RTP/SAVPF 0",
		"a=mid:0",
		"a=ice-ufrag:EsAw",
		"a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1",
		"a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1",
		"a=candidate:3471623853 1 tcp 1518280447 198.51.100.1 9 typ srflx raddr 192.0.2.1 rport 61764 tcptype active",
		"a=end-of-candidates",
	]);
	assert.deepEqual(parseFragment(fragment), { iceUfrag: "EsAw", icePwd: "P2uYro0UCOQ4zxjKXaWCBui1" });
	assert.deepEqual(parseFragment(""), { iceUfrag: undefined, icePwd: undefined });
	assert.ok("ok" in parseFragment("a=candidate:rm -rf\r\n"));
	assert.ok("ok" in parseFragment("{}"));
	fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => void parseFragment(text)));
});
