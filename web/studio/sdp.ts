/** Opus of one voice for the air: mono, packets in silence too (a meter and a jitter buffer need them), with forward error correction. */
const VOICE = { minptime: "10", useinbandfec: "1", usedtx: "0", stereo: "0", "sprop-stereo": "0" };
/** What the microphone is sent with; RFC 7587 §3.1.1 gives 28-40 kb/s for full-band speech, and FEC takes a part of it. */
const VOICE_BITRATE_BPS = "64000";

/** An offer whose Opus says what we can take: the answering stage then sends that. */
export function tuneOffer(sdp: string): string {
	return withOpus(sdp, VOICE);
}

/** An answer whose Opus says what the browser shall send (RFC 7587 §6.1: parameters are the receiver's wishes). */
export function tuneAnswer(sdp: string): string {
	return withOpus(sdp, { ...VOICE, maxaveragebitrate: VOICE_BITRATE_BPS });
}

/** Sets parameters of every Opus payload, keeping the others; adds the `a=fmtp` line where there is none. */
function withOpus(sdp: string, wanted: Readonly<Record<string, string>>): string {
	const lines = sdp.split(/\r?\n/);
	const payloads = lines.flatMap((line) => /^a=rtpmap:(\d+) opus\/48000/i.exec(line)?.[1] ?? []);
	const out: string[] = [];
	for (const line of lines) {
		const fmtp = /^a=fmtp:(\d+) (.*)$/.exec(line);
		if (fmtp && payloads.includes(fmtp[1] as string)) continue;
		out.push(line);
		const payload = /^a=rtpmap:(\d+) opus\/48000/i.exec(line)?.[1];
		if (payload) out.push(`a=fmtp:${payload} ${merge(parametersOf(lines, payload), wanted)}`);
	}
	return out.join("\r\n");
}

function parametersOf(lines: readonly string[], payload: string): Map<string, string> {
	const line = lines.find((each) => each.startsWith(`a=fmtp:${payload} `));
	const pairs = (line?.slice(line.indexOf(" ") + 1).split(";") ?? []).map((pair) => pair.trim()).filter(Boolean);
	return new Map(pairs.map((pair) => [pair.split("=")[0] as string, pair.split("=").slice(1).join("=")]));
}

function merge(has: Map<string, string>, wanted: Readonly<Record<string, string>>): string {
	for (const [name, value] of Object.entries(wanted)) has.set(name, value);
	return [...has].map(([name, value]) => (value === "" ? name : `${name}=${value}`)).join(";");
}

/**
 * The body of a trickle PATCH (RFC 9725 §4.3.1, RFC 8840 §4.4).
 *
 * @param candidates as `RTCIceCandidate.candidate`, of one media section.
 * @param complete no more will follow.
 */
export function iceFragment(
	localSdp: string,
	candidates: readonly { readonly candidate: string; readonly sdpMid: string | null }[],
	complete: boolean,
): string {
	const value = (name: string) => new RegExp(`^a=${name}:(.*)$`, "m").exec(localSdp)?.[1]?.trim() ?? "";
	const mid = candidates[0]?.sdpMid ?? value("mid");
	const lines = [
		`a=ice-ufrag:${value("ice-ufrag")}`,
		`a=ice-pwd:${value("ice-pwd")}`,
		"m=audio 9 UDP/TLS/RTP/SAVPF 0",
		`a=mid:${mid}`,
		...candidates.map((each) => `a=${each.candidate}`),
	];
	if (complete) lines.push("a=end-of-candidates");
	return `${lines.join("\r\n")}\r\n`;
}
