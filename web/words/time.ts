/** Times as a reader writes and hears them. Pure: the zone and the language are arguments. */
import type { Language } from "./words.ts";

/** Formatters kept: they are dear to make, and every zone asks for its own. Beyond it all are made anew. */
const FORMATTERS_MAX = 100;
const formatters = new Map<string, Intl.DateTimeFormat>();

function dates(language: Language, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
	const key = language + JSON.stringify(options);
	let formatter = formatters.get(key);
	if (!formatter) {
		if (formatters.size >= FORMATTERS_MAX) formatters.clear();
		formatter = new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, options);
		formatters.set(key, formatter);
	}
	return formatter;
}

/**
 * `20:04`, or `20:04 CET` where `timeZone` (IANA) is given because it need not be the reader's.
 *
 * @param zone `unsaid` for the first of two times that share one.
 */
export function clockTime(unixMs: number, language: Language, timeZone?: string, zone?: "unsaid"): string {
	return dates(language, {
		hour: "2-digit",
		minute: "2-digit",
		hourCycle: "h23",
		...(timeZone ? { timeZone } : {}),
		...(timeZone && zone !== "unsaid" ? { timeZoneName: "short" } : {}),
	}).format(unixMs);
}

/** `Monday 23 November, 20:00 CET`: day, time and the zone's short name. */
export function dayAndTime(unixMs: number, language: Language, timeZone?: string): string {
	return dates(language, {
		weekday: "long",
		day: "numeric",
		month: "long",
		hour: "2-digit",
		minute: "2-digit",
		hourCycle: "h23",
		timeZoneName: "short",
		...(timeZone ? { timeZone } : {}),
	}).format(unixMs);
}

/** `23 November 2026`. */
export function dayOnly(unixMs: number, language: Language, timeZone?: string): string {
	return dates(language, {
		dateStyle: "long",
		...(timeZone ? { timeZone } : {}),
	}).format(unixMs);
}

/** Position on a bar: `38:12`, `1:02:03`. @param ms negative counts as 0. */
export function position(ms: number): string {
	const seconds = Math.max(0, Math.floor(ms / 1000));
	const two = (n: number) => String(n).padStart(2, "0");
	const minutes = Math.floor(seconds / 60) % 60;
	const hours = Math.floor(seconds / 3600);
	return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** Symbols of the units (SI brochure, 9th edition, tables 2 and 8): the same in every language. */
const SYMBOLS = { second: "s", minute: "min", hour: "h" } as const;
type Unit = keyof typeof SYMBOLS | "day";

/**
 * A length of time in the largest units that matter: `12 s`, `38 min`, `2 h 5 min`.
 *
 * @param style `long` for ears: `38 minutes`.
 */
export function duration(ms: number, language: Language, style: "short" | "long" = "short"): string {
	const seconds = Math.max(0, Math.round(ms / 1000));
	const unit = (value: number, name: Unit) =>
		style === "short" && name !== "day" ? `${value}\u00a0${SYMBOLS[name]}` : spoken(value, name, language);
	const pair = (large: string, rest: number, small: Unit) => (rest === 0 ? large : `${large} ${unit(rest, small)}`);
	if (seconds < 60) return unit(seconds, "second");
	const minutes = Math.floor(seconds / 60);
	if (minutes < 60) return unit(minutes, "minute");
	const hours = Math.floor(minutes / 60);
	if (hours < 24) return pair(unit(hours, "hour"), minutes % 60, "minute");
	return pair(unit(Math.floor(hours / 24), "day"), hours % 24, "hour");
}

function spoken(value: number, name: Unit, language: Language): string {
	return new Intl.NumberFormat(language, { style: "unit", unit: name, unitDisplay: "long" }).format(value);
}

/** Position for ears: `38 minutes 12 seconds`. */
export function spokenPosition(ms: number, language: Language): string {
	const seconds = Math.max(0, Math.floor(ms / 1000));
	const unit = (value: number, name: Unit) => spoken(value, name, language);
	const said: string[] = [];
	if (seconds >= 3600) said.push(unit(Math.floor(seconds / 3600), "hour"));
	if (seconds >= 60) said.push(unit(Math.floor(seconds / 60) % 60, "minute"));
	said.push(unit(seconds % 60, "second"));
	return said.join(" ");
}
