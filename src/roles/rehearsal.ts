import { everyMs } from "#base/index.ts";
import { bundledVoice, closeWebrtc, createRehearsalEvents, type Speaker, startSpeaker } from "#rehearsal/index.ts";
import {
	type PlatformSettings,
	type ProcessRole,
	type RehearsalReport,
	rehearsalReports,
	VOICE_NAMES,
	type VoiceName,
	writeJson,
} from "#wire/index.ts";
import type { Outside } from "./outside.ts";

const REPORT_EVERY_MS = 1_000;

/** The rehearsal process: the demo's synthetic speakers, all in one process so that one clock keeps their turns. */
export async function startRehearsal(
	settings: PlatformSettings,
	role: Extract<ProcessRole, { role: "rehearsal" }>,
	outside: Outside,
): Promise<AsyncDisposable> {
	const { clock, random, bus, log } = outside;
	const events = createRehearsalEvents(log);
	await using parts = new AsyncDisposableStack();
	parts.defer(closeWebrtc);

	const speakers: Speaker[] = [];
	for (const [nth, { name, voice, whipUrl, token }] of role.speakers.entries()) {
		const known = VOICE_NAMES.find((other) => other === voice);
		const spoken = known ?? (VOICE_NAMES[nth % VOICE_NAMES.length] as VoiceName);
		if (!known) events.voiceUnknown(name, voice, spoken);
		const whip = { url: whipUrl, token, certPath: settings.staffTls?.certPath };
		const speaker = startSpeaker(
			{ name, voice: await bundledVoice(spoken), whip, ...bindTo(settings.host) },
			{ clock, random, events },
		);
		speakers.push(parts.use(speaker));
	}
	parts.use(
		everyMs(clock, REPORT_EVERY_MS, () => {
			const report: RehearsalReport = { speakers: speakers.map((speaker) => speaker.status) };
			bus.publish(rehearsalReports(role.interviewId), writeJson(report));
		}),
	);

	const running = parts.move();
	return { [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/** On a loopback host only loopback is used; otherwise the stage's candidates decide the way. */
function bindTo(host: string): { bindAddress?: string } {
	if (host === "localhost") return { bindAddress: "127.0.0.1" };
	return /^(127\.|::1$)/.test(host) ? { bindAddress: host } : {};
}
