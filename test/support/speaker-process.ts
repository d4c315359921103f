/** One synthetic speaker in a process of its own, so that a test that is busy does not make him stutter. See guests.ts. */
import { seededRandom, silentLog, systemClock } from "#base/index.ts";
import { createRehearsalEvents, type SpeakerOptions, startSpeaker } from "#rehearsal/index.ts";

const STATUS_EVERY_MS = 100;

process.once("message", (options: SpeakerOptions) => {
	const outside = { clock: systemClock, random: seededRandom(1), events: createRehearsalEvents(silentLog) };
	const speaker = startSpeaker(options, outside);
	setInterval(() => process.connected && process.send?.(speaker.status), STATUS_EVERY_MS);
});
process.once("disconnect", () => process.kill(process.pid, "SIGKILL"));
