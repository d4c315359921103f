/** What the page says about an interview and its sound, as data: pure, so that every state can be tested. */
import { PART_SAMPLES, SAMPLE_RATE_HZ } from "#wire/quantum.ts";
import type { PublicState } from "#wire/state.ts";
import type { PlayerView } from "../player/index.ts";
import { listenWords } from "../words/listen.ts";
import { clockTime, dayAndTime, dayOnly, duration, position } from "../words/time.ts";
import { type Language, type Say, sayIn } from "../words/words.ts";

/** A start this much after the announced one is told as late. */
const LATE_MS = 60_000;

export type Reader = {
	readonly language: Language;
	/** IANA name of the reader's zone; undefined for the browser's own. On the server: the interview's. */
	readonly timeZone: string | undefined;
	/** The server's time now, or null where a page is made for everybody and for any moment. */
	readonly nowUnixMs: number | null;
	readonly online: boolean;
};

export type StateLine = {
	readonly tone: "air" | "wait" | "ready" | "off";
	readonly word: string;
	readonly facts: readonly string[];
};

export function stateLine(state: PublicState, reader: Reader): StateLine {
	const { language, timeZone, nowUnixMs } = reader;
	const say = sayIn(listenWords, language);
	const announced = dayAndTime(state.announcedStartUnixMs, language, timeZone);
	switch (state.phase) {
		case "announced":
			return { tone: "ready", word: say("announced"), facts: [say("begins_at", { time: announced })] };
		case "doors":
			return { tone: "ready", word: say("doors"), facts: [say("begins_at", { time: announced })] };
		case "waiting_for_host":
			return { tone: "wait", word: say("waiting_for_host"), facts: [say("announced_for", { time: announced })] };
		case "interrupted":
		case "on_air": {
			const word = say(state.phase);
			const facts: string[] = [];
			if (state.onAirUnixMs !== null) {
				facts.push(say("since", { time: clockTime(state.onAirUnixMs, language, timeZone) }));
				if (nowUnixMs !== null) facts.push(duration(Math.max(60_000, nowUnixMs - state.onAirUnixMs), language));
			}
			return { tone: state.phase === "on_air" ? "air" : "wait", word, facts };
		}
		case "ended": {
			const { onAirUnixMs, endedUnixMs } = state;
			if (onAirUnixMs === null || endedUnixMs === null) return { tone: "off", word: say("ended"), facts: [] };
			const day = dayOnly(onAirUnixMs, language, timeZone);
			const from = clockTime(onAirUnixMs, language, timeZone, "unsaid");
			const to = clockTime(endedUnixMs, language, timeZone);
			return {
				tone: "off",
				word: say("ended"),
				facts: [say("was_on_air", { day, from, to }), length(lengthMs(state) ?? endedUnixMs - onAirUnixMs, language)],
			};
		}
		case "cancelled":
			return { tone: "off", word: say("cancelled"), facts: [say("announced_for", { time: announced })] };
	}
}

/** A length that stands for itself is rounded; one that grows counts what is full. */
function length(ms: number, language: Language): string {
	return duration(ms < 60_000 ? ms : ms + 30_000, language);
}

/** Length of the finished recording. */
export function lengthMs(state: PublicState): number | undefined {
	const { onAirPart, endPart } = state.programme ?? {};
	if (onAirPart == null || endPart == null) return undefined;
	return ((endPart - onAirPart) * PART_SAMPLES * 1000) / SAMPLE_RATE_HZ;
}

/** The sentence on a state that is not as announced, or undefined when all is well. */
export function explanation(state: PublicState, reader: Reader): { tone: "wait" | "info"; text: string } | undefined {
	const { language, nowUnixMs } = reader;
	const say = sayIn(listenWords, language);
	const reason = state.lateReason.trim();
	switch (state.phase) {
		case "announced":
		case "doors":
		case "waiting_for_host": {
			const lateMs = nowUnixMs === null ? 0 : nowUnixMs - state.announcedStartUnixMs;
			const parts: string[] = [];
			if (lateMs >= LATE_MS) {
				const time = duration(lateMs, language);
				parts.push(reason ? say("late_by_reason", { time, reason }) : say("late_by", { time }));
			} else if (reason) parts.push(reason);
			if (state.phase === "waiting_for_host") parts.push(say("waiting_text"));
			return parts.length > 0 ? { tone: "wait", text: parts.join(" ") } : undefined;
		}
		case "interrupted":
			return { tone: "wait", text: say("interrupted_text") };
		case "on_air":
		case "ended": {
			if (state.phase === "ended" && state.onAirUnixMs === null) return { tone: "info", text: say("no_recording") };
			const lateMs = (state.onAirUnixMs ?? 0) - state.announcedStartUnixMs;
			if (lateMs < LATE_MS) return undefined;
			const time = duration(lateMs, language);
			return {
				tone: state.phase === "ended" ? "info" : "wait",
				text: reason ? say("began_late_reason", { time, reason }) : say("began_late", { time }),
			};
		}
		case "cancelled":
			return { tone: "info", text: say("cancelled_text") };
	}
}

/** A fully fledged countdown below an hour, the largest units above. */
function until(ms: number, language: Language): string {
	return ms < 3_600_000 ? position(ms) : duration(ms, language);
}

export type SoundLines = { readonly headline: string; readonly detail: string; readonly tone: "calm" | "wait" };

/** The two lines beside the play button. @param view null before the player exists. */
export function soundLines(state: PublicState, view: PlayerView | null, reader: Reader): SoundLines {
	const say = sayIn(listenWords, reader.language);
	const calm = (headline: string, detail: string): SoundLines => ({ headline, detail, tone: "calm" });
	const wait = (headline: string, detail: string): SoundLines => ({ headline, detail, tone: "wait" });
	const restoring = reader.online ? say("restoring_text") : say("offline_text");
	const begins = beginning(state, say, reader);
	const sound = view?.sound ?? "silent";
	switch (sound) {
		case "silent":
			if (view && view.intent === "pause" && view.positionSample !== null && bar(state, view)) {
				return calm(
					say("paused_at", { position: position(bar(state, view)?.atMs ?? 0) }),
					aboutPast(state, view, say, reader),
				);
			}
			return idle(state, say, reader, begins);
		case "armed":
			return calm(begins ?? say("armed"), say("armed_text"));
		case "connecting":
			if (view?.inLineMs != null) {
				const time = duration(Math.max(10_000, view.inLineMs), reader.language);
				return wait(say("in_line"), say("in_line_text", { time }));
			}
			return view && !reader.online
				? wait(say("connecting"), restoring)
				: calm(say("connecting"), idle(state, say, reader, begins).detail);
		case "restoring":
			return wait(say("restoring"), restoring);
		case "finished":
			return calm(say("finished"), aboutPast(state, view as PlayerView, say, reader));
		case "playing":
			return playing(state, view as PlayerView, say, reader, begins, restoring);
	}
}

function beginning(state: PublicState, say: Say<typeof listenWords>, reader: Reader): string | undefined {
	if (state.phase !== "announced" && state.phase !== "doors") return undefined;
	if (reader.nowUnixMs === null) return undefined;
	const leftMs = state.announcedStartUnixMs - reader.nowUnixMs;
	return leftMs > 0 ? say("begins_in", { time: until(leftMs, reader.language) }) : say("begins_any_moment");
}

function idle(
	state: PublicState,
	say: Say<typeof listenWords>,
	reader: Reader,
	begins: string | undefined,
): SoundLines {
	switch (state.phase) {
		case "announced":
			return { headline: begins ?? say("announced"), detail: say("press_announced"), tone: "calm" };
		case "doors":
			return { headline: begins ?? say("press_doors"), detail: say("hold_sound"), tone: "calm" };
		case "waiting_for_host":
			return { headline: say("press_doors"), detail: say("hold_sound"), tone: "calm" };
		case "on_air":
			return { headline: say("press_to_listen"), detail: say("press_to_listen_text"), tone: "calm" };
		case "interrupted":
			return { headline: say("press_to_listen"), detail: say("press_interrupted"), tone: "calm" };
		case "ended": {
			const ms = lengthMs(state);
			if (ms === undefined) return { headline: say("ended"), detail: say("no_recording"), tone: "calm" };
			const time = length(ms, reader.language);
			return { headline: say("press_to_hear"), detail: say("lasted", { time }), tone: "calm" };
		}
		case "cancelled":
			return { headline: say("cancelled"), detail: "", tone: "calm" };
	}
}

function playing(
	state: PublicState,
	view: PlayerView,
	say: Say<typeof listenWords>,
	reader: Reader,
	begins: string | undefined,
	restoring: string,
): SoundLines {
	const { language } = reader;
	const at = bar(state, view);
	if (state.phase === "ended" && at) {
		return {
			headline: say("position_of", { position: position(at.atMs), length: position(at.lengthMs) }),
			detail: completeness(view, say, language),
			tone: "calm",
		};
	}
	const waiting = !view.connected || !reader.online;
	const tone = waiting ? "wait" : "calm";
	const detail = waiting ? restoring : completeness(view, say, language);
	if (!at) {
		// Hold sound, before the programme proper.
		return { headline: begins ?? say("press_doors"), detail: waiting ? restoring : say("hold_sound"), tone };
	}
	const headline =
		view.behindMs === null ? say("live") : say("behind", { time: duration(Math.max(1_000, view.behindMs), language) });
	return { headline, detail, tone };
}

function completeness(view: PlayerView, say: Say<typeof listenWords>, language: Language): string {
	if (view.missedMs >= 100) return say("missed", { time: duration(Math.max(1_000, view.missedMs), language) });
	if (view.heardMs < 10_000) return say("complete_so_far");
	return say("complete", { time: duration(view.heardMs, language) });
}

function aboutPast(state: PublicState, view: PlayerView, say: Say<typeof listenWords>, reader: Reader): string {
	const at = bar(state, view);
	if (state.phase === "ended" && at) return say("lasted", { time: length(at.lengthMs, reader.language) });
	if (view.behindMs === null) return "";
	return say("behind", { time: duration(view.behindMs, reader.language) });
}

export type Bar = {
	/** Milliseconds since on air. */
	readonly atMs: number;
	readonly lengthMs: number;
	/** The newest end of the bar moves. */
	readonly live: boolean;
};

/** Where the playhead stands between *on air* and now, or the end; undefined before anything was on air. */
export function bar(state: PublicState, view: PlayerView | null): Bar | undefined {
	const { onAirPart, endPart } = state.programme ?? {};
	if (onAirPart == null) return undefined;
	const from = onAirPart * PART_SAMPLES;
	const end = endPart == null ? view?.liveSample : endPart * PART_SAMPLES;
	const to = Math.max(from, end ?? from);
	const live = endPart == null;
	const at = view?.positionSample ?? (live ? to : from);
	const toMs = (samples: number) => (samples * 1000) / SAMPLE_RATE_HZ;
	return { atMs: toMs(Math.min(Math.max(at, from), to) - from), lengthMs: toMs(to - from), live };
}

/** What players say they heard, or undefined when the server has not enough to go by. The share is never rounded up: 100 % is all. */
export function audibleOf(state: PublicState, { language }: Reader): { share: string; count: number } | undefined {
	const { audible } = state.listeners;
	if (!audible) return undefined;
	const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
	return { share: percent.format(Math.floor(audible.share * 1_000) / 1_000), count: audible.reports };
}

/** Silence that stands for lost sound, between *on air* and the end. */
export function gapsOf(state: PublicState): { readonly count: number; readonly ms: number } {
	const { onAirPart, gaps = [] } = state.programme ?? {};
	const heard = gaps.filter((gap) => onAirPart != null && gap.toPart > onAirPart);
	const parts = heard.reduce((sum, gap) => sum + gap.toPart - Math.max(gap.fromPart, onAirPart ?? 0), 0);
	return { count: heard.length, ms: (parts * PART_SAMPLES * 1000) / SAMPLE_RATE_HZ };
}
