import type { StudioSnapshot } from "#wire/staff.ts";

/** What the studio's clock shows. */
export type StudioClock =
	| { readonly kind: "countdown"; readonly ms: number }
	| { readonly kind: "late"; readonly ms: number }
	| { readonly kind: "on_air"; readonly ms: number }
	| { readonly kind: "none" };

type Facts = Pick<StudioSnapshot, "phase" | "announcedStartUnixMs" | "onAirUnixMs" | "endedUnixMs">;

/** @param nowUnixMs by the server's clock. */
export function studioClock(facts: Facts, nowUnixMs: number): StudioClock {
	switch (facts.phase) {
		case "announced":
		case "doors": {
			const ms = facts.announcedStartUnixMs - nowUnixMs;
			return ms >= 0 ? { kind: "countdown", ms } : { kind: "late", ms: -ms };
		}
		case "waiting_for_host":
			return { kind: "late", ms: Math.max(0, nowUnixMs - facts.announcedStartUnixMs) };
		case "on_air":
		case "interrupted":
			return facts.onAirUnixMs === null
				? { kind: "none" }
				: { kind: "on_air", ms: Math.max(0, nowUnixMs - facts.onAirUnixMs) };
		case "ended":
		case "cancelled":
			return { kind: "none" };
	}
}

/** `00:38:12`; a countdown rounds up, so that 0:00 is reached when it begins. Days are hours: `26:00:00`. */
export function clockFace(clock: StudioClock): string {
	if (clock.kind === "none") return "";
	const seconds = clock.kind === "countdown" ? Math.ceil(clock.ms / 1_000) : Math.floor(clock.ms / 1_000);
	const two = (n: number) => String(n).padStart(2, "0");
	return `${two(Math.floor(seconds / 3_600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

/** How many arrivals the offset is taken from: about half a minute. */
const ARRIVALS_MAX = 64;

/**
 * The server's wall clock as seen from here: what matters is when *it* goes on air, not what this computer's clock says.
 *
 * The message that travelled fastest is the one that tells best, so the largest difference of the recent ones counts.
 */
export class ServerClock {
	#offsetsMs: number[] = [];

	/** @param localMs any clock of this page that does not jump; the same for `unixMs`. */
	arrived(serverUnixMs: number, localMs: number): void {
		this.#offsetsMs.push(serverUnixMs - localMs);
		if (this.#offsetsMs.length > ARRIVALS_MAX) this.#offsetsMs.shift();
	}

	/** @returns undefined before the first message. */
	unixMs(localMs: number): number | undefined {
		return this.#offsetsMs.length === 0 ? undefined : localMs + Math.max(...this.#offsetsMs);
	}
}
