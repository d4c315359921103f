import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { createDecoder } from "libopus-wasm";
import { seededRandom, silentLog, systemClock } from "#base/index.ts";
import { createRehearsalEvents, type Speaker, type SpeakerOptions, startSpeaker } from "#rehearsal/index.ts";
import type { Platform } from "./platform.ts";
import { exitOf, until } from "./run.ts";
import { type Interview, StaffClient } from "./staff.ts";

export type Guest = Omit<SpeakerOptions, "name" | "whip" | "bindAddress" | "onReturn"> & {
	/** Keep what the guest hears. */
	readonly listens?: boolean;
	/** Speaks from a process of his own: for tests that measure every millisecond and are busy themselves. */
	readonly apart?: boolean;
};

/** An interview of its own whose guests are synthetic speakers, each with its own seat and invitation. */
export type Stage = {
	readonly interview: Interview;
	readonly host: StaffClient;
	readonly speakers: readonly Speaker[];
	door(path: string): string;
	goLive(): Promise<void>;
	end(): Promise<void>;
	/** What guest `nth` has heard so far, mono at 48 kHz. */
	heardBy(nth: number): Float32Array;
	[Symbol.asyncDispose](): Promise<void>;
};

/** Seats `guests` in the green room, all of them heard by the stage. */
export async function seat(platform: Platform, guests: readonly Guest[]): Promise<Stage> {
	const host = new StaffClient(platform);
	await host.signIn(platform);
	const interview = await host.announce();
	const outside = { clock: systemClock, random: seededRandom(1), events: createRehearsalEvents(silentLog) };
	const speakers: Speaker[] = [];
	const heard: Float32Array[][] = guests.map(() => []);
	for (const [nth, { listens, apart, ...guest }] of guests.entries()) {
		const name = `Guest ${nth + 1}`;
		const client = new StaffClient(platform);
		const grant = await client.takeSeat(interview.interviewId, await host.invite(interview.interviewId, name));
		if (apart) {
			speakers.push(startApart({ ...guest, name, whip: { url: grant.whipUrl, token: grant.whipToken } }));
			continue;
		}
		const decoder = listens ? await createDecoder({ channels: 1 }) : undefined;
		const whip = { url: grant.whipUrl, token: grant.whipToken };
		const onReturn = (payload: Buffer) => {
			if (decoder) heard[nth]?.push(Float32Array.from(decoder.decodeFloat(payload)));
		};
		speakers.push(startSpeaker({ ...guest, name, whip, bindAddress: "127.0.0.1", onReturn }, outside));
	}
	await until("everybody to be heard", 20_000, () => speakers.every((speaker) => speaker.status.returned > 0));
	const end = async () => {
		await host.ask("POST", `/interviews/${interview.interviewId}/end`, {});
	};
	return {
		interview,
		host,
		speakers,
		door: (path) => `${platform.publicUrl}/i/${interview.slug}/${path}`,
		async goLive() {
			await host.ask("POST", `/interviews/${interview.interviewId}/go-live`, {});
		},
		end,
		heardBy: (nth) => {
			const frames = heard[nth] ?? [];
			const whole = new Float32Array(frames.reduce((sum, frame) => sum + frame.length, 0));
			let at = 0;
			for (const frame of frames) {
				whole.set(frame, at);
				at += frame.length;
			}
			return whole;
		},
		async [Symbol.asyncDispose]() {
			for (const speaker of speakers) await speaker[Symbol.asyncDispose]();
			await end().catch(() => {});
		},
	};
}

function startApart(options: SpeakerOptions): Speaker {
	const child = fork(fileURLToPath(import.meta.resolve("./speaker-process.ts")), { serialization: "advanced" });
	let status: Speaker["status"] = {
		name: options.name,
		state: "resting",
		sent: 0,
		returned: 0,
		joins: 0,
		lastTrouble: "",
	};
	child.on("message", (newest: Speaker["status"]) => {
		status = newest;
	});
	child.send({ ...options, bindAddress: "127.0.0.1" });
	return {
		get status() {
			return status;
		},
		get lateSends(): never {
			throw new Error("Cannot tell when a speaker in another process was late");
		},
		changeSource() {
			throw new Error("Cannot change the source of a speaker in another process");
		},
		async [Symbol.asyncDispose]() {
			child.kill("SIGKILL");
			await exitOf(child);
		},
	};
}
