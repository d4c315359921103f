import type { Clock } from "#base/index.ts";
import { OWNER, type SeatTokens } from "#people/index.ts";
import type { Announce } from "./announce.ts";
import { freeSlug, type Interview } from "./interview.ts";
import { isOver } from "./lifecycle.ts";
import type { Live } from "./live.ts";

const VOICES = [
	{ name: "Anna", role: "co_host", voice: "anna" },
	{ name: "Ben", role: "guest", voice: "ben" },
] as const;
/** Time for the synthetic speakers to connect before the clock says that nobody is there. */
const START_AFTER_MS = 20_000;
const CONNECT_WITHIN_MS = 60_000;

export type DemoOptions = {
	readonly announce: Announce;
	readonly live: Live;
	readonly tokens: SeatTokens;
	readonly clock: Clock;
	/** Where the synthetic speakers find WHIP: an address of this machine. */
	readonly whipBase: string;
	/** Whether a demo that has ended is followed by another; false when control was only started anew. */
	readonly mayOpenAnother: boolean;
};

/**
 * The demo: two synthetic speakers talk to each other through the real WHIP and WebRTC path. One that is still on
 * air goes on; one that has ended stays ended, and the next is called `demo-2`.
 *
 * @returns false when there is no demo to run.
 */
export async function runDemo(options: DemoOptions): Promise<boolean> {
	const { announce, live, tokens, clock, whipBase } = options;
	const interview = findRunning(announce) ?? (options.mayOpenAnother ? await announceDemo(announce, clock) : undefined);
	if (!interview) return false;
	const { interviewId } = interview;
	const entered = await live.until(CONNECT_WITHIN_MS, async () => {
		const answer = await live.enter(interviewId);
		return answer.ok || answer.code === "over" ? answer : undefined;
	});
	if (!entered?.ok) return false;
	const speakers = VOICES.flatMap(({ name, voice }) => {
		const seat = interview.seats.find((other) => other.name === name);
		if (!seat) return [];
		const token = tokens.issue({ interviewId, seatId: seat.seatId, generation: seat.tokenGeneration });
		return [{ name, voice, whipUrl: `${whipBase}/whip/${interviewId}`, token, seatId: seat.seatId }];
	});
	await live.openRehearsal({
		kind: "open_rehearsal",
		interviewId,
		speakers: speakers.map(({ seatId: _, ...speaker }) => speaker),
	});
	const seated = await live.until(CONNECT_WITHIN_MS, () => {
		const report = live.observed.stage(interviewId);
		const connected = (seatId: string) =>
			report?.seats.some((seat) => seat.seatId === seatId && seat.connection === "connected");
		return speakers.every(({ seatId }) => connected(seatId)) || undefined;
	});
	if (seated) await live.goLive(interviewId, "platform");
	return true;
}

function findRunning(announce: Announce): Interview | undefined {
	return announce.kept().findLast((interview) => interview.demo && !isOver(interview.lifecycle.phase));
}

async function announceDemo(announce: Announce, clock: Clock): Promise<Interview | undefined> {
	const demo = await announce.create(
		{
			title: "Two voices, one stage: the Rostra demo",
			description: "Two synthetic speakers talk to each other, through the same path that people use.",
			slug: freeSlug("demo", (slug) => announce.bySlug(slug) !== undefined),
			announcedStartUnixMs: clock.unixMs() + START_AFTER_MS,
			timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
			listed: true,
			expectedMinutes: 60,
			people: [...VOICES.map(({ name, role }) => ({ name, role })), { name: OWNER.name, role: "host" as const }],
		},
		OWNER,
		{ demo: true, seatsGreen: true },
	);
	return demo.ok ? demo.interview : undefined;
}
