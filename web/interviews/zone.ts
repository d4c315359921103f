/** Wall time in a zone and back, by what the browser knows of zones. Pure. */

/** `2026-11-23` and `20:00`, as `<input type="date">` and `type="time"` have them. */
export type WallTime = { readonly date: string; readonly time: string };

/** @returns undefined for a zone that the browser does not know. */
export function wallTime(unixMs: number, timeZone: string): WallTime | undefined {
	const parts = partsOf(unixMs, timeZone);
	if (!parts) return undefined;
	return { date: `${parts.year}-${parts.month}-${parts.day}`, time: `${parts.hour}:${parts.minute}` };
}

/**
 * The moment at which clocks in `timeZone` show `wall`. Of two, when clocks are set back, the earlier; a time that
 * clocks skip when they are set forward becomes as much later as they skip.
 *
 * @returns undefined when the date, the time or the zone cannot be read.
 */
export function unixMsOf(wall: WallTime, timeZone: string): number | undefined {
	const asUtcMs = Date.parse(`${wall.date}T${wall.time}:00Z`);
	if (!/^\d{4}-\d\d-\d\d$/.test(wall.date) || !/^\d\d:\d\d$/.test(wall.time) || Number.isNaN(asUtcMs)) return undefined;
	// Offsets half a day before and after bracket any change of clocks.
	const before = offsetMs(asUtcMs - 43_200_000, timeZone);
	const after = offsetMs(asUtcMs + 43_200_000, timeZone);
	if (before === undefined || after === undefined) return undefined;
	const candidates = [asUtcMs - before, asUtcMs - after].sort((a, b) => a - b);
	const shows = (unixMs: number) => unixMs + (offsetMs(unixMs, timeZone) ?? 0) === asUtcMs;
	return candidates.find(shows) ?? asUtcMs - before;
}

/** What clocks in the zone are ahead of UTC. */
function offsetMs(unixMs: number, timeZone: string): number | undefined {
	const parts = partsOf(unixMs, timeZone);
	if (!parts) return undefined;
	const { year, month, day, hour, minute, second } = parts;
	return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) - Math.floor(unixMs / 1_000) * 1_000;
}

function partsOf(unixMs: number, timeZone: string): Record<string, string> | undefined {
	try {
		const format = new Intl.DateTimeFormat("en-CA", {
			timeZone,
			hourCycle: "h23",
			year: "numeric",
			month: "2-digit",
			day: "2-digit",
			hour: "2-digit",
			minute: "2-digit",
			second: "2-digit",
		});
		return Object.fromEntries(format.formatToParts(unixMs).map(({ type, value }) => [type, value]));
	} catch {
		return undefined;
	}
}

export function ownTimeZone(): string {
	return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

/** All zones the browser knows, the given ones first. */
export function timeZones(first: readonly string[]): string[] {
	const all = typeof Intl.supportedValuesOf === "function" ? Intl.supportedValuesOf("timeZone") : ["UTC"];
	return [...new Set([...first, ...all, "UTC"])];
}
