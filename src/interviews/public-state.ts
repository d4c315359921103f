import {
	type InterviewFacts,
	LEVELS,
	type Level,
	type ProgrammeTimeline,
	type PublicPerson,
	type PublicState,
	type StageReport,
} from "#wire/index.ts";

/** From this many listeners on a room is a mass room: sound in beats, players keep a longer reserve. */
const MASS_FROM_LISTENERS = 200;
/** Below this it is a small room again. The distance between the two keeps the dial still. */
const SMALL_BELOW_LISTENERS = 150;
const RESERVE_SMALL_MS = 1_000;
const RESERVE_MASS_MS = 6_000;
/** A new state of an ended interview waits for the playheads that are still before the end this long. */
const END_HEARD_WITHIN_MS = 60_000;

export type Delivery = PublicState["delivery"];
export const SMALL_ROOM: Delivery = { write: "part", reserveMs: RESERVE_SMALL_MS };
const MASS_ROOM: Delivery = { write: "beat", reserveMs: RESERVE_MASS_MS };
/** At *lean* and above: half as many writes. */
const LEAN_ROOM: Delivery = { write: "two_beats", reserveMs: RESERVE_MASS_MS };

/** How sound is written for `openCount` listeners at a level, given how it was written before. */
export function deliveryFor(before: Delivery, openCount: number, level: Level): Delivery {
	if (LEVELS.indexOf(level) >= LEVELS.indexOf("lean")) return LEAN_ROOM;
	const limit = before.write === "part" ? MASS_FROM_LISTENERS : SMALL_BELOW_LISTENERS;
	return openCount >= limit ? MASS_ROOM : SMALL_ROOM;
}

export type StateInputs = {
	readonly facts: InterviewFacts;
	/** What the stage said within the last seconds. */
	readonly stage: StageReport | undefined;
	readonly timeline: ProgrammeTimeline | undefined;
	readonly settledCount: number;
	readonly audible: PublicState["listeners"]["audible"];
	readonly delivery: Delivery;
	readonly admission: PublicState["admission"];
	/** The part that is being made. */
	readonly partNow: number;
	readonly nowUnixMs: number;
};

/** The public state, without the revision it gets when it is published. Pure. */
export function publicStateOf(inputs: StateInputs): Omit<PublicState, "revision"> {
	const { facts, timeline } = inputs;
	return {
		version: 1,
		slug: facts.slug,
		title: facts.title,
		description: facts.description,
		phase: facts.phase,
		announcedStartUnixMs: facts.announcedStartUnixMs,
		timeZone: facts.timeZone,
		onAirUnixMs: facts.onAirUnixMs,
		endedUnixMs: facts.endedUnixMs,
		lateReason: facts.lateReason,
		people: facts.people.map((person) => personOf(person, inputs)),
		listeners: { drainingConnections: inputs.settledCount, audible: inputs.audible },
		programme: timeline
			? {
					epochUnixMs: timeline.epochUnixMs,
					pathKey: timeline.pathKey,
					onAirPart: timeline.onAirPart,
					endPart: timeline.endPart,
					gaps: timeline.gaps.map(({ fromPart, toPart }) => ({ fromPart, toPart })),
					recording: timeline.recording !== null,
				}
			: null,
		delivery: inputs.delivery,
		admission: inputs.admission,
		atPart: atPartOf(inputs),
	};
}

/** What a page is made from again when it changes: all but what changes with every breath. */
export function slowPartOf(state: Omit<PublicState, "revision">): string {
	const { atPart: _, listeners: __, delivery: ___, admission, ...rest } = state;
	return JSON.stringify({
		...rest,
		level: admission.level,
		people: rest.people.map((person) => ({ ...person, speaking: false })),
	});
}

function personOf(
	{ seatId, name, role }: InterviewFacts["people"][number],
	{ facts, stage }: StateInputs,
): PublicPerson {
	const seat = stage?.seats.find((other) => other.seatId === seatId);
	const onAir = seat?.place === "air" && (facts.phase === "on_air" || facts.phase === "interrupted");
	const presence =
		!seat || seat.connection === "connecting" || seat.place === "check" || facts.phase === "ended"
			? "absent"
			: seat.connection === "lost"
				? "lost"
				: onAir
					? "on_air"
					: "seated";
	return { id: seatId, name, role, presence, speaking: presence === "on_air" && seat?.speaking === true };
}

function atPartOf({ facts, timeline, partNow, nowUnixMs }: StateInputs): number {
	if (!timeline) return 0;
	if (facts.phase === "ended") {
		const fresh = facts.endedUnixMs !== null && nowUnixMs - facts.endedUnixMs < END_HEARD_WITHIN_MS;
		return fresh ? (timeline.endPart ?? 0) : 0;
	}
	return facts.phase === "on_air" ? Math.max(partNow, timeline.onAirPart ?? 0) : partNow;
}
