import { readFile } from "node:fs/promises";
import { Application, createEncoder } from "libopus-wasm";
import { SAMPLE_RATE_HZ, type VoiceName } from "#wire/index.ts";
import { readOggOpus } from "./ogg-opus.ts";

/** What a synthetic speaker says, over and over: Opus packets of `packetMs` each; an empty one is a pause in which nothing is sent. */
export type Voice = { readonly packets: readonly Uint8Array[]; readonly packetMs: 10 | 20 | 40 | 60 };

/** The bundled speech. Both voices have the same length; each is silent while the other speaks. */
export async function bundledVoice(name: VoiceName): Promise<Voice> {
	const file = await readFile(new URL(import.meta.resolve(`#assets/speech/${name}.ogg`)));
	return { packets: readOggOpus(file), packetMs: 20 };
}

/** What is as short as this says that nothing needs to be sent (libopus, `OPUS_SET_DTX`). */
const DTX_BYTES_MAX = 2;

export type EncodeVoiceOptions = {
	/** Samples per channel are interleaved when 2. Default 1. */
	readonly channels?: 1 | 2;
	readonly packetMs?: Voice["packetMs"];
	readonly bitrateBps?: number;
	/** In-band forward error correction, as browsers ask for it. Default false. */
	readonly fec?: boolean;
	/** Discontinuous transmission: in silence only a packet now and then (RFC 7587 §3.1.3). Default false. */
	readonly dtx?: boolean;
};

/** Encodes `samples` (48 kHz, in [-1, 1]) once; a rest shorter than a packet is left out. */
export async function encodeVoice(samples: Float32Array, options: EncodeVoiceOptions = {}): Promise<Voice> {
	const { channels = 1, packetMs = 20, bitrateBps = 48_000, fec = false, dtx = false } = options;
	const frameSize = (SAMPLE_RATE_HZ / 1000) * packetMs;
	using encoder = await createEncoder({
		channels,
		frameSize,
		bitrate: bitrateBps,
		application: fec || dtx ? Application.Voip : Application.Audio,
		fec,
		dtx,
		packetLossPercent: fec ? 10 : 0,
	});
	const packets: Uint8Array[] = [];
	let pausing = false;
	const step = frameSize * channels;
	for (let at = 0; at + step <= samples.length; at += step) {
		const packet = Uint8Array.from(encoder.encodeFloat(samples.subarray(at, at + step)));
		const isPause = dtx && packet.length <= DTX_BYTES_MAX;
		// As browsers do: the first of them goes out, so that the other side knows a pause from a loss.
		packets.push(isPause && pausing ? packet.subarray(0, 0) : packet);
		pausing = isPause;
	}
	return { packets, packetMs };
}

/** A steady sine of `hz`, which must be a multiple of 1 so that a second of it repeats without a seam. */
export function toneSamples(hz: number, peakDbfs: number, seconds = 1): Float32Array {
	const peak = 10 ** (peakDbfs / 20);
	return Float32Array.from(
		{ length: seconds * SAMPLE_RATE_HZ },
		(_, i) => peak * Math.sin((2 * Math.PI * hz * i) / SAMPLE_RATE_HZ),
	);
}
