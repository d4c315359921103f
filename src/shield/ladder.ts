import type { MonoMs } from "#base/index.ts";
import { LEVELS, type Level, type LevelRecord } from "#wire/index.ts";

/** What a worker is short of. */
export type Strain = {
	/** Lateness of the event loop, 99th percentile over the last 250 ms. */
	readonly loopDelayP99Ms: number;
	/** Share of a core in use, 0 to 1. */
	readonly cpuShare: number;
	/**
	 * Share of the connections it may have that are admitted, 0 to 1. Those that are unfinished do not count: a newcomer
	 * pushes them out, and a flood of them must not close the door to him.
	 */
	readonly admittedShare: number;
};

/**
 * From which on a step is taken. Pages and words go before sound does: 20 ms of lateness nobody hears. A busy processor
 * alone closes no door: it may be busy with turning strangers away.
 */
const STEPS: readonly { readonly level: Level; readonly from: Strain }[] = [
	{ level: "quiet", from: { loopDelayP99Ms: 20, cpuShare: 0.8, admittedShare: 0.85 } },
	{ level: "lean", from: { loopDelayP99Ms: 50, cpuShare: 0.9, admittedShare: 0.92 } },
	{ level: "door", from: { loopDelayP99Ms: 100, cpuShare: Number.POSITIVE_INFINITY, admittedShare: 0.96 } },
];
/** A step down needs more room than the step up left, or it would be taken back at once. */
const DOWN_BELOW = 0.85;
export const UP_AFTER_MS = 2_000;
export const DOWN_AFTER_MS = 30_000;

/** What asked for it is the signal that was nearest to its limit, relief, or an operator. */
export type LadderStep = Readonly<Omit<LevelRecord, "unixMs">>;

/**
 * Which level holds now. Goes up when a strain has lasted for UP_AFTER_MS, to the level that all of that time asked
 * for; comes down one level when less has been asked for throughout DOWN_AFTER_MS. An operator may pin a level.
 *
 * Pure core. Each worker reports its strain; the ladder goes by the worst of those heard lately.
 */
export class Ladder {
	#level: Level;
	#pinned: boolean;
	/** Since when each level above `normal` has been asked for without a break. */
	readonly #askedSinceMs: (MonoMs | undefined)[] = STEPS.map(() => undefined);
	/** When the present level was last needed. */
	#neededMs: MonoMs | undefined;

	/**
	 * @param level the one that held before a restart.
	 * @param pinned whether an operator holds it there.
	 */
	constructor(level: Level = "normal", pinned = false) {
		this.#level = level;
		this.#pinned = pinned;
	}

	get pinned(): boolean {
		return this.#pinned;
	}

	get level(): Level {
		return this.#level;
	}

	/** Takes the worst strain of all workers, several times a second. @returns the step that it leads to, if any. */
	observe(strain: Strain, nowMs: MonoMs): LadderStep | undefined {
		let wanted = 0;
		for (const [nth, { from }] of STEPS.entries()) {
			if (reaches(strain, from, 1)) this.#askedSinceMs[nth] ??= nowMs;
			else this.#askedSinceMs[nth] = undefined;
			const sinceMs = this.#askedSinceMs[nth];
			if (sinceMs !== undefined && nowMs - sinceMs >= UP_AFTER_MS) wanted = nth + 1;
		}
		const now = LEVELS.indexOf(this.#level);
		const holding = STEPS[now - 1];
		if (!holding || reaches(strain, holding.from, DOWN_BELOW)) this.#neededMs = nowMs;
		if (this.#pinned) return undefined;
		if (wanted > now) return this.#go(LEVELS[wanted] as Level, nearest(strain, wanted), "", nowMs);
		if (now > 0 && nowMs - (this.#neededMs ?? nowMs) >= DOWN_AFTER_MS) {
			return this.#go(LEVELS[now - 1] as Level, "relief", "", nowMs);
		}
		return undefined;
	}

	/** Holds a level whatever the strain, until it is released. @param reason goes into the record; not empty. */
	pin(level: Level, reason: string, nowMs: MonoMs): LadderStep {
		this.#pinned = true;
		return this.#go(level, "pinned", reason, nowMs);
	}

	/** Lets the strain decide again, from the level that holds now. */
	release(reason: string, nowMs: MonoMs): LadderStep | undefined {
		if (!this.#pinned) return undefined;
		this.#pinned = false;
		this.#neededMs = nowMs;
		return { from: this.#level, to: this.#level, cause: "released", reason };
	}

	#go(to: Level, cause: LadderStep["cause"], reason: string, nowMs: MonoMs): LadderStep {
		const from = this.#level;
		this.#level = to;
		this.#neededMs = nowMs;
		return { from, to, cause, reason };
	}
}

function reaches(strain: Strain, from: Strain, share: number): boolean {
	return (Object.keys(from) as (keyof Strain)[]).some((signal) => strain[signal] >= share * from[signal]);
}

function nearest(strain: Strain, wanted: number): keyof Strain {
	const { from } = STEPS[wanted - 1] as (typeof STEPS)[number];
	const byExcess = (Object.keys(from) as (keyof Strain)[]).sort((a, b) => strain[b] / from[b] - strain[a] / from[a]);
	return byExcess[0] as keyof Strain;
}

/**
 * How far a worker's lateness has come from where shedding begins (0) to where everything that can go has gone (1).
 *
 * Connections do not count: shedding would keep newcomers out at less than what opens the line, so that it never opened,
 * and the same people would be turned away all evening with no place in it.
 */
export function strainOf({ loopDelayP99Ms }: Pick<Strain, "loopDelayP99Ms">): number {
	const [first, last] = [STEPS[0]?.from as Strain, STEPS.at(-1)?.from as Strain];
	return Math.min(
		1,
		Math.max(0, (loopDelayP99Ms - first.loopDelayP99Ms) / (last.loopDelayP99Ms - first.loopDelayP99Ms)),
	);
}
