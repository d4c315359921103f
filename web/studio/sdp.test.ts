import assert from "node:assert/strict";
import test from "node:test";
import { iceFragment, tuneAnswer, tuneOffer } from "./sdp.ts";

const SDP = [
	"v=0",
	"o=- 1 2 IN IP4 127.0.0.1",
	"s=-",
	"t=0 0",
	"a=group:BUNDLE 0",
	"m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9",
	"a=ice-ufrag:abcd",
	"a=ice-pwd:efghijklmnopqrstuvwxyz12",
	"a=mid:0",
	"a=rtpmap:111 opus/48000/2",
	"a=rtcp-fb:111 transport-cc",
	"a=fmtp:111 minptime=20;useinbandfec=0;maxplaybackrate=48000",
	"a=rtpmap:63 red/48000/2",
	"a=fmtp:63 111/111",
	"a=rtpmap:9 G722/8000",
	"",
].join("\r\n");

const fmtp = (sdp: string, payload: number) =>
	sdp.split("\r\n").filter((line) => line.startsWith(`a=fmtp:${payload} `));

test("tuneOffer asks for mono without DTX and with FEC, keeps the rest and touches only Opus", () => {
	const sdp = tuneOffer(SDP);
	assert.deepEqual(fmtp(sdp, 111), [
		"a=fmtp:111 minptime=10;useinbandfec=1;maxplaybackrate=48000;usedtx=0;stereo=0;sprop-stereo=0",
	]);
	assert.deepEqual(fmtp(sdp, 63), ["a=fmtp:63 111/111"]);
	const rest = (text: string) => text.split("\r\n").filter((line) => !line.startsWith("a=fmtp:111"));
	assert.deepEqual(rest(sdp), rest(SDP));
});

test("tuneAnswer says at which rate the microphone is sent, also where the answer has no fmtp line", () => {
	const bare = SDP.replace(/a=fmtp:111 .*\r\n/, "");
	assert.match(fmtp(tuneAnswer(bare), 111)[0] as string, /useinbandfec=1;.*maxaveragebitrate=64000$/);
	assert.equal(fmtp(tuneAnswer(SDP), 111).length, 1);
});

test("tuneOffer reads bare line feeds and changes nothing where there is no Opus", () => {
	assert.equal(fmtp(tuneOffer(SDP.replaceAll("\r\n", "\n")), 111).length, 1);
	const none = SDP.replaceAll("opus", "L16");
	assert.equal(tuneOffer(none), none);
});

test("iceFragment is an SDP fragment with credentials, section and candidates (RFC 8840)", () => {
	const candidate = "candidate:1 1 udp 2113937151 192.0.2.7 50000 typ host";
	assert.equal(
		iceFragment(SDP, [{ candidate, sdpMid: "0" }], true),
		[
			"a=ice-ufrag:abcd",
			"a=ice-pwd:efghijklmnopqrstuvwxyz12",
			"m=audio 9 UDP/TLS/RTP/SAVPF 0",
			"a=mid:0",
			`a=${candidate}`,
			"a=end-of-candidates",
			"",
		].join("\r\n"),
	);
	assert.match(iceFragment(SDP, [], false), /a=mid:0\r\n$/);
});
