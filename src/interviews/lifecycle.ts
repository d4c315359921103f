import * as z from "zod/mini";
import type { UnixMs } from "#base/index.ts";
import { INTERVIEW_MS_MAX, type Phase } from "#wire/index.ts";

/** Doors open this long before the announced start: children running, hold sound audible. */
export const DOORS_BEFORE_START_MS = 15 * 60_000;

const doorsUnixMs = z.number();
const onAirUnixMs = z.number();

/**
 * What an interview is doing; a field exists only in the phases that have it. Times are Unix milliseconds.
 * `onAirUnixMs` is the real start; the announced one belongs to the announcement.
 */
export const lifecycle = z.discriminatedUnion("phase", [
	z.object({ phase: z.literal("announced") }),
	z.object({ phase: z.literal("doors"), doorsUnixMs }),
	z.object({ phase: z.literal("waiting_for_host"), doorsUnixMs }),
	z.object({ phase: z.literal("on_air"), doorsUnixMs, onAirUnixMs }),
	/** On air, but no sound is being made: the programme's process or the whole platform is away. */
	z.object({ phase: z.literal("interrupted"), doorsUnixMs, onAirUnixMs }),
	/** `onAirUnixMs` is null when it never was on air: there is no recording then. */
	z.object({ phase: z.literal("ended"), onAirUnixMs: z.nullable(z.number()), endedUnixMs: z.number() }),
	z.object({ phase: z.literal("cancelled"), cancelledUnixMs: z.number() }),
]);
export type Lifecycle = z.infer<typeof lifecycle>;

export const CAUSES = [
	/** Doors: the announced start is near. */
	"start_is_near",
	/** Doors, on air: somebody with the right to do so pressed *Go live*. */
	"went_live",
	/** On air: the announced start came and a speaker was seated. */
	"start_reached",
	/** Waiting for host: the announced start came and nobody was seated. */
	"nobody_seated",
	/** Doors again: the announced start was moved to a later time. */
	"rescheduled",
	/** Interrupted: the programme's process stopped reporting. */
	"programme_lost",
	/** Interrupted: control found itself started anew without the programme's process. */
	"platform_stopped",
	/** On air again. */
	"programme_returned",
	/** On air or ended: it was found in the programme's timeline, and who did it was not written down in time. */
	"found_in_timeline",
	/** Ended by somebody with the right to do so. */
	"ended",
	/** Ended: `INTERVIEW_MS_MAX` after the doors opened. */
	"length_bound",
	/** Ended: announced, and the platform was away for `INTERVIEW_MS_MAX` after the start. */
	"never_held",
	"cancelled",
] as const;
export type Cause = (typeof CAUSES)[number];

export const transition = z.object({
	/** From 0, without a hole. */
	sequence: z.number(),
	atUnixMs: z.number(),
	from: z.string(),
	to: z.string(),
	/** `person:<id>`, `seat:<id>`, `clock`, `platform` or `command_line`. */
	actor: z.string(),
	cause: z.enum(CAUSES),
});
/** The record of one change of phase. */
export type Transition = z.infer<typeof transition> & { readonly from: Phase; readonly to: Phase };

export type LifecycleEvent =
	| { readonly kind: "doors_opened" }
	| { readonly kind: "nobody_seated" }
	| { readonly kind: "rescheduled" }
	| { readonly kind: "went_on_air" }
	| { readonly kind: "interrupted" }
	| { readonly kind: "resumed" }
	| { readonly kind: "ended" }
	| { readonly kind: "cancelled" };

/** `undefined` when the event changes nothing, because what it says is so already; a refusal says why it may not be. */
export type Outcome =
	| { readonly kind: "moved"; readonly next: Lifecycle }
	| { readonly kind: "unchanged" }
	| { readonly kind: "refused"; readonly code: "not_open" | "over" | "on_air"; readonly detail: string };

const UNCHANGED: Outcome = { kind: "unchanged" };

/**
 * Where `event` at `atUnixMs` leads from `now`. Pure; an event that repeats what is so already is `unchanged`,
 * so every command can be repeated without harm.
 */
export function advance(now: Lifecycle, event: LifecycleEvent, atUnixMs: UnixMs): Outcome {
	const moved = (next: Lifecycle): Outcome => ({ kind: "moved", next });
	switch (now.phase) {
		case "announced":
			switch (event.kind) {
				case "doors_opened":
					return moved({ phase: "doors", doorsUnixMs: atUnixMs });
				case "cancelled":
					return moved({ phase: "cancelled", cancelledUnixMs: atUnixMs });
				case "ended":
					return moved({ phase: "ended", onAirUnixMs: null, endedUnixMs: atUnixMs });
				case "rescheduled":
					return UNCHANGED;
				default:
					return refuse("not_open", "its doors are not open yet");
			}
		case "doors":
		case "waiting_for_host":
			switch (event.kind) {
				case "doors_opened":
					return UNCHANGED;
				case "nobody_seated":
					return now.phase === "doors" ? moved({ ...now, phase: "waiting_for_host" }) : UNCHANGED;
				case "rescheduled":
					return now.phase === "waiting_for_host" ? moved({ ...now, phase: "doors" }) : UNCHANGED;
				case "went_on_air":
					return moved({ phase: "on_air", doorsUnixMs: now.doorsUnixMs, onAirUnixMs: atUnixMs });
				case "ended":
					return moved({ phase: "ended", onAirUnixMs: null, endedUnixMs: atUnixMs });
				case "cancelled":
					return moved({ phase: "cancelled", cancelledUnixMs: atUnixMs });
				default:
					return refuse("not_open", "it is not on air");
			}
		case "on_air":
		case "interrupted":
			switch (event.kind) {
				case "doors_opened":
				case "went_on_air":
					return UNCHANGED;
				case "interrupted":
					return now.phase === "on_air" ? moved({ ...now, phase: "interrupted" }) : UNCHANGED;
				case "resumed":
					return now.phase === "interrupted" ? moved({ ...now, phase: "on_air" }) : UNCHANGED;
				case "ended":
					return moved({ phase: "ended", onAirUnixMs: now.onAirUnixMs, endedUnixMs: atUnixMs });
				default:
					return refuse("on_air", "it is on air; end it first");
			}
		case "ended":
			return event.kind === "ended" ? UNCHANGED : refuse("over", "it has ended");
		case "cancelled":
			return event.kind === "cancelled" ? UNCHANGED : refuse("over", "it was cancelled");
	}
}

/** What the clock asks for. The owner of the processes does it, and tells `advance` once it is done. */
export type Due =
	| { readonly do: "open_doors" }
	| { readonly do: "go_on_air" }
	| { readonly do: "wait_for_host" }
	| { readonly do: "end"; readonly cause: "length_bound" | "never_held" };

/**
 * What is due at `nowUnixMs`, or undefined. Pure; asking again is right until `advance` was told.
 *
 * @param seatedCount authorised speakers connected in the green room or on air.
 */
export function dueNow(
	now: Lifecycle,
	announcedStartUnixMs: number,
	seatedCount: number,
	nowUnixMs: UnixMs,
): Due | undefined {
	switch (now.phase) {
		case "announced":
			if (nowUnixMs >= announcedStartUnixMs + INTERVIEW_MS_MAX) return { do: "end", cause: "never_held" };
			return nowUnixMs >= announcedStartUnixMs - DOORS_BEFORE_START_MS ? { do: "open_doors" } : undefined;
		case "doors":
			if (nowUnixMs >= now.doorsUnixMs + INTERVIEW_MS_MAX) return { do: "end", cause: "length_bound" };
			if (nowUnixMs < announcedStartUnixMs) return undefined;
			return seatedCount > 0 ? { do: "go_on_air" } : { do: "wait_for_host" };
		case "waiting_for_host":
		case "on_air":
		case "interrupted":
			return nowUnixMs >= now.doorsUnixMs + INTERVIEW_MS_MAX ? { do: "end", cause: "length_bound" } : undefined;
		case "ended":
		case "cancelled":
			return undefined;
	}
}

/** Whether its stage and programme run, or should. */
export function isOpen(phase: Phase): boolean {
	return phase === "doors" || phase === "waiting_for_host" || phase === "on_air" || phase === "interrupted";
}

export function isOver(phase: Phase): boolean {
	return phase === "ended" || phase === "cancelled";
}

function refuse(code: "not_open" | "over" | "on_air", detail: string): Outcome {
	return { kind: "refused", code, detail };
}
