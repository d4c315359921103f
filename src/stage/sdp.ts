/**
 * The little of SDP (RFC 8866) and WHIP (RFC 9725) that a microphone needs. Pure.
 *
 * Strangers' SDP never reaches the native engine: it is parsed here into a few checked fields, and the engine
 * gets a description that we wrote. Remote candidates are dropped: whoever wants to be heard reaches us, so the
 * stage sends nothing to an address that has not first shown the ICE password.
 */
import { isIP } from "node:net";
import { SDP_BYTES_MAX, SDP_LINES_MAX, SDP_MEDIA_MAX } from "./config.ts";
import { type Refusal, refusal } from "./errors.ts";

export type Offer = {
	readonly mid: string;
	readonly payloadType: number;
	readonly iceUfrag: string;
	readonly icePwd: string;
	/** `sha-256 AB:CD:…` */
	readonly fingerprint: string;
	/**
	 * Who opens DTLS. We do, unless the offerer insists: its ICE is through before ours, as we reach nobody who has not
	 * reached us, so its first flight would come to a transport that we do not have yet and be sent again, by some
	 * engines only after a second. Ours cannot overtake the answer for the same reason.
	 */
	readonly dtlsClient: "us" | "them";
	/** Whether the offerer also wants to hear. */
	readonly wantsReturn: boolean;
	/** The media descriptions in their order; all but the audio are refused with port 0. */
	readonly media: readonly {
		readonly kind: string;
		readonly proto: string;
		readonly formats: string;
		readonly mid: string | undefined;
	}[];
	readonly audioIndex: number;
};

/** What the engine answered, as far as it goes into our answer. */
export type EngineAnswer = {
	readonly iceUfrag: string;
	readonly icePwd: string;
	readonly fingerprint: string;
	/** Values of `a=candidate:` lines. */
	readonly candidates: readonly string[];
};

type Section = { readonly mediaLine: string | undefined; readonly attributes: Map<string, string[]> };

const ICE_CHARS = /^[A-Za-z0-9+/]+$/;
const FINGERPRINT = /^(sha-256|sha-384|sha-512) ([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){31,63})$/i;
const FINGERPRINT_BYTES: Readonly<Record<string, number>> = { "sha-256": 32, "sha-384": 48, "sha-512": 64 };
const TOKEN = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]{1,64}$/;

/** Reads and checks an offer of RFC 9725 §4.2: one microphone, Opus, ICE, DTLS-SRTP. */
export function parseOffer(sdp: string): Offer | Refusal {
	const sections = splitSections(sdp);
	if ("ok" in sections) return sections;
	const [session, ...media] = sections as [Section, ...Section[]];
	if (media.length === 0) return malformed("it has no m= line");
	if (media.length > SDP_MEDIA_MAX)
		return unsupported(`at most ${SDP_MEDIA_MAX} media are looked at, it has ${media.length}`);
	const described = media.map((section) => {
		const [kind = "", , proto = "", ...formats] = (section.mediaLine as string).split(" ");
		return { kind, proto, formats: formats.join(" "), mid: one(section, "mid"), section };
	});
	if (
		described.some(
			(m) =>
				!/^[a-z]{1,16}$/.test(m.kind) ||
				!/^[A-Z/]{3,32}$/.test(m.proto) ||
				!/^[A-Za-z0-9* .+-]{1,200}$/.test(m.formats),
		)
	) {
		return malformed("an m= line is not of the form of RFC 8866 §5.14");
	}
	if (described.some((m) => m.mid !== undefined && !TOKEN.test(m.mid)))
		return malformed("a mid is no token of at most 64 characters");
	const audioIndex = described.findIndex((m) => m.kind === "audio");
	if (audioIndex < 0) return unsupported("there is no microphone in it: it needs one m=audio line");
	if (described.filter((m) => m.kind === "audio").length > 1)
		return unsupported("one microphone per seat: it has several m=audio lines");
	const audio = described[audioIndex] as (typeof described)[number];
	if (audio.proto !== "UDP/TLS/RTP/SAVPF" && audio.proto !== "UDP/TLS/RTP/SAVP") {
		return unsupported(`audio must be UDP/TLS/RTP/SAVPF, it is ${audio.proto}`);
	}
	if (audio.mid === undefined) return malformed("the audio has no a=mid");
	const direction = directionOf(audio.section) ?? directionOf(session) ?? "sendrecv";
	if (direction !== "sendrecv" && direction !== "sendonly")
		return unsupported(`the audio must be sent, it is ${direction}`);
	const payloadType = opusPayloadType(audio.section, audio.formats);
	if (payloadType === undefined) return unsupported("audio must be Opus at 48 kHz with two channels (RFC 7587)");

	// Transport attributes stand in the audio, for all, or in the first of a bundle (RFC 9143 §9).
	const places = [audio.section, session, media[0] as Section];
	const find = (name: string) => places.map((place) => one(place, name)).find((value) => value !== undefined);
	const iceUfrag = find("ice-ufrag");
	const icePwd = find("ice-pwd");
	if (iceUfrag === undefined || icePwd === undefined) return malformed("it lacks a=ice-ufrag or a=ice-pwd");
	if (!isIceCredential(iceUfrag, 4) || !isIceCredential(icePwd, 22)) {
		return malformed("a=ice-ufrag must have 4-256 and a=ice-pwd 22-256 of the characters of RFC 8839 §5.4");
	}
	const fingerprint = places.flatMap((place) => place.attributes.get("fingerprint") ?? []).find(isFingerprint);
	if (fingerprint === undefined)
		return malformed("it lacks an a=fingerprint of sha-256, sha-384 or sha-512: media must be encrypted");
	const setup = find("setup") ?? "actpass";
	if (setup !== "actpass" && setup !== "active")
		return unsupported(`a=setup must be actpass or active, it is ${quote(setup)}`);
	if (find("ice-lite") !== undefined)
		return unsupported("both ends would wait for each other: the offerer must not be ICE-lite");
	return {
		mid: audio.mid,
		payloadType,
		iceUfrag,
		icePwd,
		fingerprint,
		dtlsClient: setup === "active" ? "them" : "us",
		wantsReturn: direction === "sendrecv",
		media: described.map(({ kind, proto, formats, mid }) => ({ kind, proto, formats, mid })),
		audioIndex,
	};
}

/** The offer that the engine gets. */
export function writeEngineOffer(offer: Offer): string {
	return lines([
		"v=0",
		"o=- 1 1 IN IP4 127.0.0.1",
		"s=-",
		"t=0 0",
		`a=group:BUNDLE ${offer.mid}`,
		"a=ice-options:trickle",
		`a=fingerprint:${offer.fingerprint}`,
		`m=audio 9 UDP/TLS/RTP/SAVPF ${offer.payloadType}`,
		"c=IN IP4 0.0.0.0",
		`a=mid:${offer.mid}`,
		`a=${offer.wantsReturn ? "sendrecv" : "sendonly"}`,
		"a=rtcp-mux",
		`a=rtpmap:${offer.payloadType} opus/48000/2`,
		`a=setup:${offer.dtlsClient === "us" ? "actpass" : "active"}`,
		`a=ice-ufrag:${offer.iceUfrag}`,
		`a=ice-pwd:${offer.icePwd}`,
	]);
}

/** Reads what the engine answered. @throws when it lacks something: that is our bug. */
export function parseEngineAnswer(sdp: string): EngineAnswer {
	const sections = splitSections(sdp);
	if ("ok" in sections) throw new Error(`Cannot read the engine's answer: ${sections.detail}`);
	const find = (name: string) => sections.map((section) => one(section, name)).find((value) => value !== undefined);
	const [iceUfrag, icePwd, fingerprint] = [find("ice-ufrag"), find("ice-pwd"), find("fingerprint")];
	if (!iceUfrag || !icePwd || !fingerprint)
		throw new Error("Cannot read the engine's answer: it lacks ICE or DTLS fields");
	return { iceUfrag, icePwd, fingerprint, candidates: sections.flatMap((s) => s.attributes.get("candidate") ?? []) };
}

/**
 * The answer for the speaker: the offer's media in their order, all but the audio refused, all candidates in it.
 *
 * @param mediaAddress what candidates say instead of the engine's own addresses, or null.
 */
export function writeAnswer(
	offer: Offer,
	engine: EngineAnswer,
	ours: { readonly ssrc: number; readonly mediaAddress: string | null },
): string {
	const candidates = rewriteCandidates(engine.candidates, ours.mediaAddress);
	const body = offer.media.flatMap((media, index) => {
		if (index !== offer.audioIndex) {
			const refused = [`m=${media.kind} 0 ${media.proto} ${media.formats}`, "c=IN IP4 0.0.0.0"];
			return media.mid === undefined ? refused : [...refused, `a=mid:${media.mid}`, "a=inactive"];
		}
		return [
			`m=audio 9 ${media.proto} ${offer.payloadType}`,
			"c=IN IP4 0.0.0.0",
			`a=mid:${offer.mid}`,
			`a=${offer.wantsReturn ? "sendrecv" : "recvonly"}`,
			"a=rtcp-mux",
			// RFC 9725 §4.4.1 has both ends say so.
			"a=rtcp-mux-only",
			`a=rtpmap:${offer.payloadType} opus/48000/2`,
			// Error correction for what we hear; one channel, for it is mixed to one; no pauses, for they cost a network's estimate of itself.
			`a=fmtp:${offer.payloadType} minptime=10;useinbandfec=1;stereo=0;maxaveragebitrate=48000;usedtx=0`,
			"a=ptime:20",
			`a=setup:${offer.dtlsClient === "us" ? "active" : "passive"}`,
			`a=ice-ufrag:${engine.iceUfrag}`,
			`a=ice-pwd:${engine.icePwd}`,
			"a=ice-options:trickle",
			`a=fingerprint:${engine.fingerprint}`,
			...(offer.wantsReturn ? [`a=msid:stage mix`, `a=ssrc:${ours.ssrc} cname:stage`] : []),
			...candidates.map((candidate) => `a=candidate:${candidate}`),
			"a=end-of-candidates",
		];
	});
	return lines([
		"v=0",
		"o=- 1 1 IN IP4 127.0.0.1",
		"s=-",
		"t=0 0",
		`a=group:BUNDLE ${offer.mid}`,
		"a=msid-semantic:WMS *",
		...body,
	]);
}

/** What a trickle fragment (RFC 8840) says, as far as we listen to it. */
export type Fragment = { readonly iceUfrag: string | undefined; readonly icePwd: string | undefined };

/** Reads the body of a WHIP PATCH. Candidates are checked for their form and then left alone. */
export function parseFragment(fragment: string): Fragment | Refusal {
	const sections = splitSections(fragment, "fragment");
	if ("ok" in sections) return sections;
	for (const section of sections) {
		for (const candidate of section.attributes.get("candidate") ?? []) {
			if (!isCandidate(candidate)) return malformed("a candidate is not of the form of RFC 8839 §5.1", "fragment");
		}
	}
	const find = (name: string) => sections.map((section) => one(section, name)).find((value) => value !== undefined);
	const [iceUfrag, icePwd] = [find("ice-ufrag"), find("ice-pwd")];
	if (
		(iceUfrag !== undefined && !isIceCredential(iceUfrag, 4)) ||
		(icePwd !== undefined && !isIceCredential(icePwd, 22))
	) {
		return malformed("its ICE credentials are not of the form of RFC 8839 §5.4", "fragment");
	}
	return { iceUfrag, icePwd };
}

/** Puts `mediaAddress` in the place of each host address, once. */
function rewriteCandidates(candidates: readonly string[], mediaAddress: string | null): string[] {
	const udp = candidates.filter((candidate) => / udp /i.test(candidate));
	if (mediaAddress === null) return udp;
	const rewritten = udp.map((candidate) => {
		const words = candidate.split(" ");
		words[4] = mediaAddress;
		return words.slice(0, 8).join(" ");
	});
	// Several interfaces become one address: the first has the highest priority.
	return rewritten.slice(0, 1);
}

function splitSections(sdp: string, what: "offer" | "fragment" = "offer"): Section[] | Refusal {
	if (sdp.length > SDP_BYTES_MAX) return malformed(`it may have ${SDP_BYTES_MAX} bytes, it has ${sdp.length}`, what);
	if (/[^\x20-\x7e\r\n\t\u0080-\uffff]/.test(sdp)) return malformed("it has control characters", what);
	const rows = sdp.split(/\r?\n/);
	if (rows.length > SDP_LINES_MAX) return malformed(`it may have ${SDP_LINES_MAX} lines, it has ${rows.length}`, what);
	const sections: Section[] = [{ mediaLine: undefined, attributes: new Map() }];
	for (const [index, row] of rows.entries()) {
		if (row === "") continue;
		if (!/^[a-z]=/.test(row)) return malformed(`line ${index + 1} does not begin with a letter and "="`, what);
		if (what === "offer" && index === 0 && row !== "v=0") return malformed('it does not begin with "v=0"', what);
		if (row[0] === "m") sections.push({ mediaLine: row.slice(2), attributes: new Map() });
		if (row[0] !== "a") continue;
		const colon = row.indexOf(":");
		const name = colon < 0 ? row.slice(2) : row.slice(2, colon);
		const value = colon < 0 ? "" : row.slice(colon + 1);
		const { attributes } = sections.at(-1) as Section;
		const values = attributes.get(name);
		if (values) values.push(value);
		else attributes.set(name, [value]);
	}
	return sections;
}

function one(section: Section, name: string): string | undefined {
	return section.attributes.get(name)?.[0];
}

function directionOf(section: Section): string | undefined {
	return ["sendrecv", "sendonly", "recvonly", "inactive"].find((name) => section.attributes.has(name));
}

/** The payload type that stands first in the m= line and is Opus. */
function opusPayloadType(section: Section, formats: string): number | undefined {
	const opus = new Set(
		(section.attributes.get("rtpmap") ?? [])
			.map((value) => /^(\d{1,3}) opus\/48000\/2$/i.exec(value)?.[1])
			.filter((value) => value !== undefined),
	);
	const first = formats.split(" ").find((format) => opus.has(format));
	const payloadType = Number(first);
	// 64-95 would be taken for RTCP on a shared port (RFC 5761 §4).
	return first !== undefined && payloadType <= 127 && (payloadType < 64 || payloadType > 95) ? payloadType : undefined;
}

function isIceCredential(value: string, lengthMin: number): boolean {
	return value.length >= lengthMin && value.length <= 256 && ICE_CHARS.test(value);
}

function isFingerprint(value: string): boolean {
	const match = FINGERPRINT.exec(value);
	return (
		match !== null && (match[2] as string).split(":").length === FINGERPRINT_BYTES[(match[1] as string).toLowerCase()]
	);
}

function isCandidate(value: string): boolean {
	const [foundation, component, transport, priority, address, port, typ, type] = value.split(" ");
	return (
		/^[A-Za-z0-9+/]{1,32}$/.test(foundation ?? "") &&
		/^[12]$/.test(component ?? "") &&
		/^(udp|tcp)$/i.test(transport ?? "") &&
		/^\d{1,10}$/.test(priority ?? "") &&
		(isIP(address ?? "") !== 0 || /^[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,8}$/.test(address ?? "")) &&
		/^\d{1,5}$/.test(port ?? "") &&
		typ === "typ" &&
		/^(host|srflx|prflx|relay)$/.test(type ?? "")
	);
}

function malformed(found: string, what: "offer" | "fragment" = "offer"): Refusal {
	return refusal("malformed_sdp", `Cannot read the SDP ${what}: ${found}.`);
}

function unsupported(found: string): Refusal {
	return refusal("unsupported_media", `Cannot take this offer: ${found}.`);
}

function quote(text: string): string {
	return JSON.stringify(text.slice(0, 40));
}

function lines(rows: readonly string[]): string {
	return `${rows.join("\r\n")}\r\n`;
}
