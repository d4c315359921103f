import type { StudioSnapshot } from "#wire/staff.ts";
import type { studioWords } from "../words/staff-studio.ts";

export type Seat = StudioSnapshot["seats"][number];

type AdviceKey = Extract<keyof typeof studioWords, `advice_${string}`>;
export type Advice = {
	readonly key: AdviceKey;
	/** `good` is quiet, `wait` comes back by itself, `repair` wants somebody to do something. */
	readonly tone: "good" | "wait" | "repair";
	readonly values: { readonly ms: number; readonly s: number; readonly percent: number };
	/** What a director can do about it with one press: change the gain by so much. */
	readonly gainDb?: number;
};

/** Loss that error correction does not hide any more. */
const LOSS_SHARE = 0.04;
const ROUND_TRIP_MS = 350;
const JITTER_MS = 60;
/** Speech outside this range is more than the programme's level control evens out without being noticed. */
const LEVEL_LOW_DBFS = -40;
const LEVEL_HIGH_DBFS = -9;
const GAIN_STEP_DB = 6;
const GAIN_MAX_DB = 24;
/** Digital silence for this long is no pause for thought. */
const SILENT_MS = 12_000;
const SILENT_DBFS = -90;
/** After this long, "coming back" is no longer likely without help. */
const LOST_LONG_MS = 20_000;
/** Spoken snapshots before a level is judged: two seconds at five a second. */
const SPOKEN_MIN = 10;
/** Weight of one spoken snapshot: the level follows within some three seconds of speech. */
const LEVEL_WEIGHT = 0.08;

type Memory = { lostMs: number | undefined; heardMs: number; levelDbfs: number; spoken: number; gainDb: number };

/**
 * One sentence about each seat, from what the stage reports of it.
 *
 * Pure core: `observe` each snapshot with the time, then ask `of`. Remembers the seats of the newest snapshot only.
 */
export class Advisor {
	#memory = new Map<string, Memory>();

	observe(seats: readonly Seat[], nowMs: number): void {
		const kept = new Map<string, Memory>();
		for (const seat of seats) {
			const before = this.#memory.get(seat.seatId);
			const m = before ?? { lostMs: undefined, heardMs: nowMs, levelDbfs: 0, spoken: 0, gainDb: seat.gainDb };
			kept.set(seat.seatId, m);
			m.lostMs = seat.connection === "lost" ? (m.lostMs ?? nowMs) : undefined;
			if (seat.muted || seat.connection !== "connected" || seat.levelDbfs > SILENT_DBFS) m.heardMs = nowMs;
			// A level heard with another gain says nothing about this one.
			if (m.gainDb !== seat.gainDb) Object.assign(m, { gainDb: seat.gainDb, spoken: 0 });
			if (!seat.speaking || seat.muted) continue;
			m.levelDbfs = m.spoken === 0 ? seat.levelDbfs : m.levelDbfs + LEVEL_WEIGHT * (seat.levelDbfs - m.levelDbfs);
			m.spoken += 1;
		}
		this.#memory = kept;
	}

	of(seat: Seat, nowMs: number): Advice {
		const m = this.#memory.get(seat.seatId);
		const values = {
			ms: Math.round(seat.roundTripMs ?? 0),
			s: m?.lostMs === undefined ? 0 : Math.max(0, Math.round((nowMs - m.lostMs) / 1_000)),
			percent: Math.max(1, Math.round(seat.lossShare * 100)),
		};
		const good = (key: AdviceKey): Advice => ({ key, tone: "good", values });
		const repair = (key: AdviceKey): Advice => ({ key, tone: "repair", values });
		if (seat.connection === "absent") return good("advice_absent");
		if (seat.connection === "connecting") return { key: "advice_connecting", tone: "wait", values };
		if (seat.connection === "lost") {
			if (values.s * 1_000 > LOST_LONG_MS) return repair("advice_lost_long");
			return { key: "advice_lost", tone: "wait", values };
		}
		if (seat.place === "check") return good("advice_checking");
		if (seat.muted) return good("advice_muted");
		if (seat.lossShare > LOSS_SHARE) return repair("advice_loss");
		if (m && nowMs - m.heardMs > SILENT_MS) return repair("advice_silent");
		if (m && m.spoken >= SPOKEN_MIN) {
			const canRaise = seat.gainDb + GAIN_STEP_DB <= GAIN_MAX_DB;
			const canLower = seat.gainDb - GAIN_STEP_DB >= -GAIN_MAX_DB;
			if (m.levelDbfs < LEVEL_LOW_DBFS) {
				return { ...repair("advice_low"), ...(canRaise ? { gainDb: GAIN_STEP_DB } : {}) };
			}
			if (m.levelDbfs > LEVEL_HIGH_DBFS) {
				return { ...repair("advice_high"), ...(canLower ? { gainDb: -GAIN_STEP_DB } : {}) };
			}
		}
		if (seat.jitterMs > JITTER_MS) return repair("advice_unsteady");
		if (values.ms > ROUND_TRIP_MS) return repair("advice_slow");
		return good(seat.roundTripMs === null ? "advice_good_plain" : "advice_good");
	}
}
