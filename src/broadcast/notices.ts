import { readFile } from "node:fs/promises";
import { createDecoder } from "libopus-wasm";
import { SAMPLE_RATE_HZ } from "#wire/index.ts";
import { BroadcastError } from "./errors.ts";
import { HEAD_PAGES, readOggPages } from "./ogg.ts";

/** Spoken notices, made by `assets/notices/make.sh`; heard one after another. */
export const WAITING_FOR_HOST = ["waiting-for-host.en.ogg", "waiting-for-host.de.ogg"] as const;

/** @returns 48 kHz mono sound of bundled Ogg Opus files. @throws BroadcastError when one is missing or malformed. */
export async function readNotices(names: readonly string[]): Promise<Float32Array[]> {
	try {
		return await Promise.all(
			names.map(async (name) => {
				const url = new URL(import.meta.resolve(`#assets/notices/${name}`));
				return decodeOggOpus(await readFile(url));
			}),
		);
	} catch (cause) {
		throw new BroadcastError(
			"notice_unreadable",
			"Cannot read the spoken notices in assets/notices: run assets/notices/make.sh, or install again",
			{ cause },
		);
	}
}

/** Decodes a whole Ogg Opus file with one channel; its pre-skip (RFC 7845 §4.2) is left out. */
export async function decodeOggOpus(bytes: Buffer): Promise<Float32Array> {
	const pages = readOggPages(bytes);
	const head = pages[0]?.packets[0];
	if (!head || head.toString("latin1", 0, 8) !== "OpusHead" || head[9] !== 1) {
		throw new RangeError("Cannot decode Ogg as it must begin with OpusHead of one channel");
	}
	const preSkip = head.readUInt16LE(10);
	using decoder = await createDecoder({ channels: 1, sampleRate: SAMPLE_RATE_HZ });
	const frames = pages.slice(HEAD_PAGES).flatMap((page) => page.packets.map((packet) => decoder.decodeFloat(packet)));
	const samples = new Float32Array(frames.reduce((sum, frame) => sum + frame.length, 0));
	let at = 0;
	for (const frame of frames) {
		samples.set(frame, at);
		at += frame.length;
	}
	return samples.subarray(preSkip);
}
