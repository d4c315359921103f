import type { Log } from "#base/index.ts";

/** What a rehearsal finds worth knowing. */
export type RehearsalEvents = ReturnType<typeof createRehearsalEvents>;

export function createRehearsalEvents(log: Log) {
	return {
		joined: (name: string, joins: number) => log("info", "rehearsal.joined", { name, joins }),
		/** A speaker lost its connection, or could not make one, for a reason other than the one before. */
		trouble: (name: string, trouble: string) => log("warn", "rehearsal.trouble", { name, trouble }),
		voiceUnknown: (name: string, voice: string, instead: string) =>
			log("warn", "rehearsal.voice_unknown", { name, voice, instead }),
		library: (message: string) => log("debug", "rehearsal.webrtc", { message }),
	};
}
