import { segmentOf } from "#wire/programme.ts";
import { PART_MS, PART_SAMPLES, SAMPLE_RATE_HZ, SEGMENT_MS } from "#wire/quantum.ts";
import type { PublicState } from "#wire/state.ts";
import { LiveClock } from "./live-clock.ts";
import { Ranges } from "./ranges.ts";

const SAMPLES_PER_MS = SAMPLE_RATE_HZ / 1000;
const samples = (ms: number) => Math.round(ms * SAMPLES_PER_MS);
const msOf = (count: number) => count / SAMPLES_PER_MS;

/** Sound in one write, by the state's `delivery.write`: a player needs as much to bridge the time to the next. */
const WRITE_MS = { part: PART_MS, beat: 3 * PART_MS, two_beats: 6 * PART_MS } as const;
/** Beyond one write, what a player begins with: it starts close and builds the rest by playing slowly. */
const START_MARGIN_MS = 160;
/** The reserve never aims below one write and this. */
const RESERVE_MARGIN_MS = 500;
/** Each time the reserve was not enough it grows by this, up to the maximum. */
const RESERVE_STEP_MS = 500;
const RESERVE_EXTRA_MS_MAX = 8_000;
export const SLOW_RATE = 0.97;
export const FAST_RATE = 1.05;
/** How far the distance may stray from the reserve before the rate changes. */
const NEAR_MS = 100;
const FAR_MS = 800;
/** Further behind than this, someone who follows is taken to live instead of catching up by playing fast. */
export const JUMP_MS = 25_000;
/** Someone who hears the past hears the stream again once he is this close. */
const REJOIN_MS = 20_000;
/** Sound fetched ahead of the playhead in the past. */
const AHEAD_MS_MAX = 24_000;
/** A segment is asked for this long after its last sample was made. */
const SEGMENT_READY_MS = 300;
const SEGMENT_FAILURES_MAX = 4;
/** How long a hole before sound that is there is waited for. */
const HOLE_PATIENCE_MS = 8_000;
/** A push without its first sound for this long, or without more for two writes and this, is given up. */
const SILENT_MS_MAX = 4_000;
const CONNECT_MS_MAX = 8_000;
/** After this many pushes that were withheld on the way (one, where none ever worked), segments are fetched instead, for so long. */
const WITHHELD_MAX = 2;
const PULL_ONLY_MS = 120_000;
const RETRY_FIRST_MS = 300;
const RETRY_MS_MAX = 10_000;
const RETRY_GROWTH = 1.7;
const SOON_MS = 1_000;
/** A push that lasted this long was good: its loss is answered at once, spread over the reserve. */
const GOOD_MS = 5_000;
const SPREAD_MS_MAX = 5_000;
/** A pause longer than this lets the push go; shorter ones keep filling. */
const PAUSED_KEEP_MS = 30_000;
/** Kept behind the playhead, so that a short way back costs nothing; trimmed in steps. */
const BEHIND_MS = 120_000;
const TRIM_STEP_MS = 60_000;
const POLL_MS = 5_000;
const POLL_SLOW_MS = 30_000;
/** States that wait for the playhead. Beyond it the oldest is shown early. */
const STATES_MAX = 256;
/** Timers stood still for this long: the machine slept. */
const SLEPT_MS = 10_000;
/** How often what only time can tell is looked at while there is something to look at. */
const TICK_MS = 250;
/** This close to the end is the end: media elements stop a little short. */
const END_SLACK_SAMPLES = 960;

export type CoreOutput =
	/** Open the push. `fromPart` null: begin as close to live as the edge says. */
	| { readonly kind: "connect"; readonly id: number; readonly fromPart: number | null; readonly saver: boolean }
	/** Get one segment. */
	| {
			readonly kind: "fetch";
			readonly id: number;
			readonly pathKey: string;
			readonly sequence: number;
			readonly saver: boolean;
	  }
	/** Let a connection or fetch go: nothing it brings counts any more. */
	| { readonly kind: "abort"; readonly id: number }
	| { readonly kind: "seek"; readonly toSample: number }
	| { readonly kind: "rate"; readonly rate: number }
	| { readonly kind: "start" }
	| { readonly kind: "stop" }
	| { readonly kind: "remove"; readonly fromSample: number; readonly toSample: number }
	/** All sound up to the end has been handed over. */
	| { readonly kind: "finish" }
	/** Another programme: what was buffered belongs to the old one. */
	| { readonly kind: "discard" }
	/** Get state.json and answer with `state` or `pollFailed`. */
	| { readonly kind: "poll" };

export type PlayerView = {
	/** What the listener asked for. */
	readonly intent: "idle" | "play" | "pause";
	/**
	 * - `silent`: not asked to play. `armed`: plays by itself once there is sound.
	 * - `connecting`: asked, nothing heard yet. `playing`. `restoring`: the buffer ran dry, sound is being brought back.
	 * - `finished`: a recording was heard to its end.
	 */
	readonly sound: "silent" | "armed" | "connecting" | "playing" | "restoring" | "finished";
	/** False while sound plays from the reserve and the connection is being restored. */
	readonly connected: boolean;
	/** Goes with the live programme, as against hearing its past. */
	readonly following: boolean;
	/** Samples since the programme's epoch; null before anything was placed. */
	readonly positionSample: number | null;
	readonly liveSample: number | null;
	/** Milliseconds between what is heard and what is being said; null when it is not known. */
	readonly behindMs: number | null;
	readonly rate: number;
	readonly userRate: number;
	readonly saver: boolean;
	readonly heardMs: number;
	readonly missedMs: number;
	/** The newest passage that was missed, to be heard again. */
	readonly missed: { readonly fromSample: number; readonly toSample: number } | null;
	/** What the page shows: true at the playhead while following, else the newest known. */
	readonly shown: PublicState;
};

type Push =
	| { readonly at: "off" }
	/** `told`: the server said when. */
	| { readonly at: "waiting"; readonly untilMs: number; readonly told: boolean }
	| {
			readonly at: "open";
			readonly id: number;
			readonly openedMs: number;
			answered: boolean;
			lastMs: number;
			/** One past the newest sample it brought; undefined before the first. */
			toSample: number | undefined;
	  };

type Pull =
	| { readonly at: "off" }
	| { readonly at: "waiting"; readonly untilMs: number }
	| { readonly at: "open"; readonly id: number; readonly openedMs: number; readonly sequence: number };

/**
 * What a player does, without a network, a media element or a clock.
 *
 * Whoever owns those tells it what happened (`state`, `answered`, `fragment`, `closed`, `playhead`, …), calls `tick` at
 * `deadlineMs`, and carries out what `poll` returns until it returns undefined. All positions are samples
 * since the programme's epoch, so live sound, the past and the finished recording are one axis, and *End* changes
 * nothing that is playing.
 *
 * Two ways bring sound: the *push* (one long response) near live, and the *pull* (segment after segment) in the past,
 * over holes, and where pushes are withheld. Both land in `ranges`: what is there is never appended twice,
 * and what is missing before the playhead is fetched before it is given up.
 */
export class PlayerCore {
	readonly #random: () => number;
	readonly #outputs: CoreOutput[] = [];
	#newest: PublicState;
	#shown: PublicState;
	#waitingStates: { state: PublicState; atSample: number }[] = [];

	#intent: PlayerView["intent"] = "idle";
	#pausedMs = 0;
	#following = true;
	/** Where live is has still to be found: the next sound of the push decides. */
	#landing = true;
	#position: number | undefined;
	/** A seek was ordered and the playhead has not been heard from since. */
	#flowing = false;
	#everFlowed = false;
	#starvedMs: number | undefined;
	#finished = false;
	#finishSent = false;

	#ranges = new Ranges();
	readonly #live = new LiveClock();
	#push: Push = { at: "off" };
	#pushFailures = 0;
	#withheld = 0;
	#pushWorked = false;
	#pullOnlyUntilMs = 0;
	#pull: Pull = { at: "off" };
	#pullFailures = { sequence: -1, count: 0 };
	#nextId = 1;
	#online = true;
	#hidden = false;

	#rate = 1;
	#userRate = 1;
	#saver = false;
	#reserveExtraMs = 0;
	#heardSamples = 0;
	#missedSamples = 0;
	#missed: { fromSample: number; toSample: number } | null = null;
	/** The jump to live that is under way leaves out sound nobody asked to leave out. */
	#leavesOut = false;

	#pollMs: number;
	#polling = false;
	#pollFailures = 0;
	#nowMs: number;
	#tickedMs: number;

	/** @param random uniform in [0, 1). */
	constructor(
		state: PublicState,
		options: {
			readonly random: () => number;
			readonly nowMs: number;
			/** This machine's wall clock, a first guess at the server's. */
			readonly unixMs?: number;
		},
	) {
		this.#newest = state;
		this.#shown = state;
		this.#random = options.random;
		this.#nowMs = options.nowMs;
		this.#tickedMs = options.nowMs;
		this.#pollMs = options.nowMs + POLL_MS * (0.2 + 0.8 * this.#random());
		this.#estimate(options.unixMs, options.nowMs);
	}

	poll(): CoreOutput | undefined {
		return this.#outputs.shift();
	}

	/** When `tick` is due. Earlier calls do no harm. */
	get deadlineMs(): number {
		return this.#intent === "play" || this.#push.at === "open" ? this.#tickedMs + TICK_MS : this.#pollMs;
	}

	view(nowMs: number): PlayerView {
		const live = this.#edge(nowMs);
		const position = this.#landing ? undefined : this.#position;
		const behind = this.#following && this.#landing ? undefined : position;
		return {
			intent: this.#intent,
			sound: this.#sound(),
			connected:
				this.#intent !== "play" ||
				this.#endSample !== undefined ||
				!this.#following ||
				this.#push.at === "open" ||
				this.#pull.at === "open" ||
				nowMs < this.#pullOnlyUntilMs,
			following: this.#following,
			positionSample: position ?? null,
			liveSample: live === undefined ? null : Math.round(live),
			behindMs: live === undefined || behind === undefined ? null : Math.max(0, msOf(live - behind)),
			rate: this.#rate,
			userRate: this.#userRate,
			saver: this.#saver,
			heardMs: msOf(this.#heardSamples),
			missedMs: msOf(this.#missedSamples),
			missed: this.#missed,
			shown: this.#shown,
		};
	}

	// What the listener does

	play(nowMs: number): void {
		this.#nowMs = nowMs;
		if (this.#intent === "play" && !this.#finished) return;
		const pausedLong = this.#intent === "pause" && nowMs - this.#pausedMs > 2_000;
		this.#intent = "play";
		if (this.#finished) this.#place(this.#startSample, nowMs);
		else if (pausedLong && this.#position !== undefined && !this.#landing) this.#following = false;
		if (this.#endSample !== undefined && this.#landing) this.#place(this.#startSample, nowMs);
		this.#outputs.push({ kind: "start" });
		this.#steer(nowMs);
	}

	/** Also what a headset or the system did to the element. */
	pause(nowMs: number): void {
		this.#nowMs = nowMs;
		if (this.#intent !== "play") return;
		this.#intent = "pause";
		this.#pausedMs = nowMs;
		this.#starvedMs = undefined;
		this.#outputs.push({ kind: "stop" });
		this.#steer(nowMs);
	}

	/** Hears the past, or live when `sample` is that close to it. */
	seekTo(sample: number, nowMs: number): void {
		this.#nowMs = nowMs;
		const live = this.#edge(nowMs);
		const end = this.#endSample;
		if (end === undefined && live !== undefined && live - sample < samples(this.#targetMs() + 1_000)) {
			this.goLive(nowMs);
			return;
		}
		this.#following = false;
		const last = end ?? live ?? sample;
		this.#place(Math.max(this.#startSample, Math.min(sample, last)), nowMs);
		this.#steer(nowMs);
	}

	goLive(nowMs: number): void {
		this.#nowMs = nowMs;
		if (this.#endSample !== undefined) return;
		this.#userRate = 1;
		this.#land(nowMs);
		this.#steer(nowMs);
	}

	/** @param rate what the listener wants in the past and in a recording; following live has its own. */
	setRate(rate: number, nowMs: number): void {
		this.#nowMs = nowMs;
		this.#userRate = rate;
		this.#steerRate(nowMs);
	}

	setSaver(saver: boolean, nowMs: number): void {
		this.#nowMs = nowMs;
		if (this.#saver === saver) return;
		this.#saver = saver;
		this.#dropPush();
		this.#dropPull();
		this.#steer(nowMs);
	}

	// What the world does

	/** A state that came with the push, or as the answer to a poll. @param serverUnixMs the server's clock, when it was told. */
	state(state: PublicState, nowMs: number, serverUnixMs?: number): void {
		this.#nowMs = nowMs;
		if (this.#polling) {
			this.#polling = false;
			this.#pollFailures = 0;
			// The server can be reached: no reason to wait out the back-off, but not everybody at once.
			const soonMs = nowMs + SOON_MS * this.#random();
			if (this.#push.at === "waiting" && !this.#push.told && this.#push.untilMs > soonMs) {
				this.#push = { ...this.#push, untilMs: soonMs };
			}
		}
		this.#schedulePoll(nowMs);
		const before = this.#newest.programme;
		const newer = state.revision > this.#newest.revision;
		if (newer) this.#newest = state;
		this.#estimate(serverUnixMs, nowMs);
		if (!newer) return;
		if (before && state.programme && before.pathKey !== state.programme.pathKey) this.#discard();
		this.#waitingStates.push({ state, atSample: state.atPart * PART_SAMPLES });
		this.#showStates();
		this.#steer(nowMs);
	}

	pollFailed(nowMs: number): void {
		this.#nowMs = nowMs;
		this.#polling = false;
		this.#pollFailures += 1;
		this.#schedulePoll(nowMs);
	}

	/** The server accepted: a body follows. */
	answered(id: number, nowMs: number): void {
		this.#nowMs = nowMs;
		if (this.#push.at === "open" && this.#push.id === id) {
			this.#push.answered = true;
			this.#push.lastMs = nowMs;
		}
	}

	/**
	 * The server said no.
	 *
	 * @param retryAfterMs from `Retry-After`, 0 when it said nothing.
	 */
	refused(id: number, status: number, retryAfterMs: number, nowMs: number): void {
		this.#nowMs = nowMs;
		if (this.#push.at === "open" && this.#push.id === id) {
			if (status === 404 || status === 410) this.#pollMs = nowMs;
			this.#retryPush(nowMs, retryAfterMs);
		} else if (this.#pull.at === "open" && this.#pull.id === id) {
			this.#pullFailed(nowMs, retryAfterMs, status > 0);
		}
		this.#steer(nowMs);
	}

	/**
	 * Sound arrived.
	 *
	 * @returns whether to append it; false when it is there already, or nobody waits for it.
	 */
	fragment(id: number, fromSample: number, sampleCount: number, nowMs: number): boolean {
		this.#nowMs = nowMs;
		const toSample = fromSample + sampleCount;
		if (this.#push.at === "open" && this.#push.id === id) {
			this.#push.lastMs = nowMs;
			this.#push.toSample = toSample;
			this.#live.arrived(toSample, nowMs);
			this.#withheld = 0;
			this.#pushWorked = true;
		} else if (!(this.#pull.at === "open" && this.#pull.id === id)) return false;
		if (this.#ranges.has(fromSample, toSample)) return false;
		this.#ranges.add(fromSample, toSample);
		return true;
	}

	/** Everything that one piece of network data held has been told. */
	arrived(nowMs: number): void {
		this.#nowMs = nowMs;
		this.#steer(nowMs);
	}

	/** A body ended. @param clean as the server meant it to, as against a lost connection. */
	closed(id: number, clean: boolean, nowMs: number): void {
		this.#nowMs = nowMs;
		if (this.#push.at === "open" && this.#push.id === id) {
			// A push that ends in order is the end of the programme, which the state will tell.
			if (clean) this.#pollMs = nowMs;
			this.#retryPush(nowMs, 0);
		} else if (this.#pull.at === "open" && this.#pull.id === id) {
			const { sequence } = this.#pull;
			this.#pull = { at: "off" };
			const needed = this.#neededSequence();
			if (!clean) this.#pullFailed(nowMs, 0, false);
			else if (needed === sequence && !this.#landing) this.#pullFailed(nowMs, 0, true);
		}
		this.#steer(nowMs);
	}

	/**
	 * Where the media element is.
	 *
	 * @param flowing it moves: not paused, not seeking, not waiting for data.
	 */
	playhead(sample: number, flowing: boolean, nowMs: number): void {
		this.#nowMs = nowMs;
		if (this.#position === undefined) return;
		const moved = sample - this.#position;
		if (flowing && moved > 0 && moved < SAMPLE_RATE_HZ * 3) this.#heardSamples += moved;
		this.#position = sample;
		if (flowing) {
			this.#starvedMs = undefined;
			this.#everFlowed = true;
		} else if (this.#flowing && this.#intent === "play" && this.#following) {
			// It ran dry: what was held was too little for this network.
			const dry = this.#ranges.endFrom(sample) - sample < samples(200);
			if (dry && this.#endSample === undefined) {
				this.#reserveExtraMs = Math.min(RESERVE_EXTRA_MS_MAX, this.#reserveExtraMs + RESERVE_STEP_MS);
			}
		}
		this.#flowing = flowing;
		const end = this.#endSample;
		if (end !== undefined && sample >= end - END_SLACK_SAMPLES) this.#finish();
		this.#showStates();
		this.#steer(nowMs);
	}

	/** The element says that it played to the end of what there will be. */
	ended(nowMs: number): void {
		this.#nowMs = nowMs;
		if (this.#endSample !== undefined) this.#finish();
	}

	/** The browser forgot what it had before `sample`, by its own decision. */
	evicted(beforeSample: number): void {
		this.#ranges.trimBefore(beforeSample);
	}

	/** The browser has no room for more. */
	full(nowMs: number): void {
		this.#nowMs = nowMs;
		const position = this.#position ?? 0;
		this.#removeBefore(position - samples(5_000));
		const ahead = this.#ranges.endFrom(position);
		for (const span of [...this.#ranges.spans]) {
			if (span.from > ahead) this.#remove(span.from, span.to);
		}
	}

	/** The media element was built anew and holds nothing. */
	emptied(nowMs: number): void {
		this.#nowMs = nowMs;
		this.#ranges.clear();
		this.#finishSent = false;
		this.#dropPush();
		this.#dropPull();
		if (this.#landing) this.#position = undefined;
		if (this.#position !== undefined) this.#outputs.push({ kind: "seek", toSample: this.#position });
		this.#steer(nowMs);
	}

	online(online: boolean, nowMs: number): void {
		this.#nowMs = nowMs;
		const back = online && !this.#online;
		this.#online = online;
		if (back) this.#hurry(nowMs);
		this.#steer(nowMs);
	}

	hidden(hidden: boolean, nowMs: number): void {
		this.#nowMs = nowMs;
		this.#hidden = hidden;
		if (!hidden) {
			this.#hurry(nowMs);
			this.#pollMs = Math.min(this.#pollMs, nowMs + 100 + 900 * this.#random());
		}
		this.#steer(nowMs);
	}

	/** The machine slept, or its clock was put elsewhere: connections may be dead without a word. */
	woke(nowMs: number): void {
		this.#live.reset();
		this.#dropPush();
		this.#dropPull();
		this.#pollMs = nowMs;
		this.#hurry(nowMs);
	}

	tick(nowMs: number): void {
		if (nowMs - this.#tickedMs > SLEPT_MS && this.#intent === "play") this.woke(nowMs);
		this.#nowMs = nowMs;
		this.#tickedMs = nowMs;
		this.#steer(nowMs);
		if (!this.#polling && nowMs >= this.#pollMs) {
			this.#polling = true;
			this.#pollMs = nowMs + POLL_SLOW_MS;
			this.#outputs.push({ kind: "poll" });
		}
	}

	// Facts

	get #startSample(): number {
		return (this.#newest.programme?.onAirPart ?? 0) * PART_SAMPLES;
	}

	get #endSample(): number | undefined {
		const part = this.#newest.programme?.endPart;
		return part === null || part === undefined ? undefined : part * PART_SAMPLES;
	}

	/** Sample being made now; the end, once there is one. */
	#edge(nowMs: number): number | undefined {
		const live = this.#live.at(nowMs);
		const end = this.#endSample;
		if (end !== undefined) return end;
		const held = this.#ranges.last?.to;
		return live === undefined ? held : Math.max(live, held ?? 0);
	}

	/** Distance to live that someone who follows aims at. */
	#targetMs(): number {
		const { write, reserveMs } = this.#newest.delivery;
		const least = this.#nowMs < this.#pullOnlyUntilMs ? 2 * SEGMENT_MS + 1_500 : WRITE_MS[write] + RESERVE_MARGIN_MS;
		return Math.max(reserveMs, least) + this.#reserveExtraMs;
	}

	#sound(): PlayerView["sound"] {
		if (this.#intent !== "play") return this.#finished ? "finished" : "silent";
		if (this.#finished) return "finished";
		if (!this.#newest.programme) return "armed";
		if (this.#flowing) return "playing";
		return this.#everFlowed && !this.#landing ? "restoring" : "connecting";
	}

	/** The segment that holds the next sample needed. */
	#neededSequence(): number | undefined {
		if (this.#position === undefined) return undefined;
		return this.#segmentAt(this.#ranges.endFrom(this.#position))?.sequence;
	}

	#segmentAt(sample: number) {
		const programme = this.#newest.programme;
		if (!programme) return undefined;
		const { onAirPart, endPart } = programme;
		const cuts = onAirPart ? [0, onAirPart] : [0];
		const part = Math.floor(sample / PART_SAMPLES);
		if (part < 0 || (endPart !== null && part >= endPart)) return undefined;
		return segmentOf({ cuts, endPart }, part);
	}

	#estimate(unixMs: number | undefined, nowMs: number): void {
		const programme = this.#newest.programme;
		if (programme && unixMs !== undefined) this.#live.estimated(samples(unixMs - programme.epochUnixMs), nowMs);
	}

	// Decisions

	#steer(nowMs: number): void {
		if (!this.#newest.programme) {
			this.#dropPush();
			this.#dropPull();
			return;
		}
		if (this.#endSample !== undefined && this.#landing && this.#intent === "play")
			this.#place(this.#startSample, nowMs);
		this.#touchDown(nowMs);
		this.#watchPush(nowMs);
		this.#steerPush(nowMs);
		this.#steerPull(nowMs);
		this.#steerHole(nowMs);
		this.#steerRate(nowMs);
		this.#tidy();
	}

	/** Gives up a push that says nothing. */
	#watchPush(nowMs: number): void {
		const push = this.#push;
		if (push.at !== "open") return;
		const silentMs = nowMs - push.lastMs;
		if (!push.answered) {
			if (silentMs > CONNECT_MS_MAX) this.#giveUpPush(nowMs);
		} else if (push.toSample === undefined) {
			if (silentMs > SILENT_MS_MAX) {
				this.#withheld += 1;
				if (this.#withheld >= (this.#pushWorked ? WITHHELD_MAX : 1)) this.#pullOnlyUntilMs = nowMs + PULL_ONLY_MS;
				this.#giveUpPush(nowMs);
			}
		} else if (silentMs > 2 * WRITE_MS[this.#newest.delivery.write] + SILENT_MS_MAX / 2) this.#giveUpPush(nowMs);
	}

	#giveUpPush(nowMs: number): void {
		if (this.#push.at === "open") this.#outputs.push({ kind: "abort", id: this.#push.id });
		this.#retryPush(nowMs, 0);
	}

	#pushWanted(nowMs: number): boolean {
		const end = this.#endSample;
		const need = this.#position === undefined || this.#landing ? undefined : this.#ranges.endFrom(this.#position);
		// The last of a programme comes as it was coming; afterwards it is segments.
		if (end !== undefined) return this.#push.at === "open" && need !== undefined && need < end;
		if (nowMs < this.#pullOnlyUntilMs) return false;
		if (this.#intent === "idle") return false;
		if (this.#intent === "pause") return this.#push.at === "open" && nowMs - this.#pausedMs < PAUSED_KEEP_MS;
		if (this.#following) return true;
		const live = this.#edge(nowMs);
		return need !== undefined && live !== undefined && live - need < samples(REJOIN_MS);
	}

	#steerPush(nowMs: number): void {
		if (!this.#pushWanted(nowMs)) {
			this.#dropPush();
			return;
		}
		if (this.#push.at === "open" || (this.#push.at === "waiting" && nowMs < this.#push.untilMs)) return;
		let need = this.#position === undefined || this.#landing ? undefined : this.#ranges.endFrom(this.#position);
		const live = this.#edge(nowMs);
		if (need !== undefined && this.#following && live !== undefined && live - need > samples(JUMP_MS)) {
			this.#land(nowMs);
			need = undefined;
		}
		const id = this.#nextId++;
		this.#push = { at: "open", id, openedMs: nowMs, answered: false, lastMs: nowMs, toSample: undefined };
		const fromPart = need === undefined ? null : Math.floor(need / PART_SAMPLES);
		this.#outputs.push({ kind: "connect", id, fromPart, saver: this.#saver });
	}

	#steerPull(nowMs: number): void {
		if (this.#landing && nowMs < this.#pullOnlyUntilMs && this.#intent === "play") this.#landBySegments(nowMs);
		const want = this.#pullWanted(nowMs);
		if (this.#pull.at === "open") {
			if (want?.sequence !== this.#pull.sequence) {
				// What is on its way may still be of use when the listener only moved within it.
				const span = want === undefined ? undefined : this.#pull;
				if (!span || this.#intent !== "play") this.#dropPull();
				else if (want) this.#dropPull();
			} else if (nowMs - this.#pull.openedMs > 2 * CONNECT_MS_MAX) {
				this.#outputs.push({ kind: "abort", id: this.#pull.id });
				this.#pullFailed(nowMs, 0, false);
			}
		}
		if (!want || this.#pull.at === "open") return;
		if (this.#pull.at === "waiting" && nowMs < this.#pull.untilMs) return;
		if (nowMs < want.readyMs) return;
		const pathKey = this.#newest.programme?.pathKey;
		if (pathKey === undefined) return;
		const id = this.#nextId++;
		this.#pull = { at: "open", id, openedMs: nowMs, sequence: want.sequence };
		this.#outputs.push({ kind: "fetch", id, pathKey, sequence: want.sequence, saver: this.#saver });
	}

	/** The segment to fetch now, and when it can be there. */
	#pullWanted(nowMs: number): { sequence: number; readyMs: number } | undefined {
		if (this.#intent !== "play" || this.#landing || this.#position === undefined || this.#finished) return undefined;
		const need = this.#ranges.endFrom(this.#position);
		const end = this.#endSample;
		if (end !== undefined && need >= end) return undefined;
		if (need - this.#position > samples(AHEAD_MS_MAX)) return undefined;
		if (!this.#ranges.next(need + 1) && this.#pushBrings(need, nowMs)) return undefined;
		const span = this.#segmentAt(need);
		if (!span) return undefined;
		const lastSample = (span.firstPart + span.partCount) * PART_SAMPLES;
		const live = this.#edge(nowMs);
		const readyMs =
			end !== undefined || live === undefined ? nowMs : nowMs + msOf(lastSample - live) + SEGMENT_READY_MS;
		return { sequence: span.sequence, readyMs };
	}

	/** Whether the push goes on at `need`, or is likely to in a moment. */
	#pushBrings(need: number, nowMs: number): boolean {
		const push = this.#push;
		if (push.at === "open") return push.toSample === undefined || push.toSample >= need;
		return this.#following && this.#endSample === undefined && nowMs >= this.#pullOnlyUntilMs;
	}

	/** Passes over a hole that cannot be filled, once sound beyond it is there. */
	#steerHole(nowMs: number): void {
		if (this.#intent !== "play" || this.#landing || this.#position === undefined || this.#finished) return;
		const need = this.#ranges.endFrom(this.#position);
		const dry = need - this.#position < samples(100) && !this.#flowing;
		if (!dry) {
			this.#starvedMs = undefined;
			return;
		}
		this.#starvedMs ??= nowMs;
		const next = this.#ranges.next(need + 1);
		if (!next) return;
		const tooLarge = this.#following && next.from - need > samples(JUMP_MS);
		if (tooLarge || nowMs - this.#starvedMs > HOLE_PATIENCE_MS) this.#passOver(need, next.from, nowMs);
	}

	#passOver(from: number, to: number, nowMs: number): void {
		this.#noteMissed(from, to);
		this.#place(to, nowMs);
	}

	/** The dial: slower until the reserve is held, faster when too far behind, to live when much too far. */
	#steerRate(nowMs: number): void {
		let rate = this.#userRate;
		const end = this.#endSample;
		const live = this.#live.at(nowMs) ?? this.#edge(nowMs);
		if (end === undefined && live !== undefined && this.#position !== undefined && !this.#landing) {
			const behindMs = msOf(live - this.#position);
			const targetMs = this.#targetMs();
			if (!this.#following && this.#push.at === "open" && behindMs <= targetMs + NEAR_MS && this.#intent === "play") {
				this.#following = true;
				this.#userRate = 1;
			}
			rate = this.#userRate;
			if (this.#following) {
				if (behindMs > JUMP_MS + targetMs && this.#push.at === "open") this.#land(nowMs);
				const wasSlow = this.#rate < 1;
				const wasFast = this.#rate > 1;
				if (behindMs < targetMs - (wasSlow ? 0 : NEAR_MS)) rate = SLOW_RATE;
				else if (behindMs > targetMs + (wasFast ? NEAR_MS : FAR_MS)) rate = FAST_RATE;
				else rate = 1;
			}
		} else if (this.#following && end === undefined) rate = 1;
		if (rate === this.#rate) return;
		this.#rate = rate;
		this.#outputs.push({ kind: "rate", rate });
	}

	/** Goes to live: at once when its sound is there, else as soon as the push brings it. */
	#land(nowMs: number): void {
		// Only someone who followed misses what he is taken past.
		if (!this.#landing) this.#leavesOut = this.#following && this.#position !== undefined;
		this.#following = true;
		this.#landing = true;
		this.#starvedMs = undefined;
		this.#dropPull();
		const last = this.#ranges.last;
		const live = this.#live.at(nowMs);
		const brings = this.#push.at === "open" && this.#push.toSample !== undefined && this.#push.toSample === last?.to;
		if (brings && last && live !== undefined && live - last.to < samples(3_000)) this.#touchDown(nowMs);
		else if (this.#push.at === "open" && this.#push.toSample === undefined) {
			// It was asked for another place.
			this.#dropPush();
		}
	}

	/** Finds the place in what the push brought. */
	#touchDown(nowMs: number): void {
		if (!this.#landing || this.#push.at !== "open" || this.#push.toSample === undefined) return;
		if (this.#intent === "idle") return;
		const last = this.#ranges.spans.find((span) => span.to === (this.#push as { toSample?: number }).toSample);
		if (!last) return;
		const startMs = WRITE_MS[this.#newest.delivery.write] + START_MARGIN_MS;
		const to = Math.max(last.from, last.to - samples(startMs));
		this.#placeLive(to, nowMs);
	}

	/** Where pushes are withheld live is the newest whole segment. */
	#landBySegments(nowMs: number): void {
		const live = this.#edge(nowMs);
		if (live === undefined) return;
		const span = this.#segmentAt(Math.max(0, live - samples(SEGMENT_MS + SEGMENT_READY_MS)));
		if (!span) return;
		const to = span.firstPart * PART_SAMPLES;
		this.#placeLive(to, nowMs);
	}

	#placeLive(to: number, nowMs: number): void {
		const from = this.#position;
		if (this.#leavesOut && from !== undefined && to > from) this.#noteMissed(from, to);
		this.#leavesOut = false;
		this.#place(to, nowMs);
	}

	#place(sample: number, nowMs: number): void {
		this.#landing = false;
		this.#position = sample;
		this.#flowing = false;
		this.#finished = false;
		this.#starvedMs = undefined;
		this.#pullFailures = { sequence: -1, count: 0 };
		if (this.#pull.at === "waiting") this.#pull = { at: "off" };
		const push = this.#push;
		// A push that was asked to begin elsewhere and has brought nothing yet would leave a hole.
		if (push.at === "open" && push.toSample === undefined) this.#dropPush();
		this.#outputs.push({ kind: "seek", toSample: sample });
		this.#showStates();
		this.#steerRate(nowMs);
	}

	#finish(): void {
		if (this.#finished) return;
		this.#finished = true;
		this.#flowing = false;
		this.#following = false;
		this.#intent = "pause";
		this.#outputs.push({ kind: "stop" });
	}

	#noteMissed(fromSample: number, toSample: number): void {
		// Before the first sound there is nothing to have gone on from.
		if (!this.#everFlowed) return;
		this.#missedSamples += toSample - fromSample;
		this.#missed = { fromSample, toSample };
	}

	#retryPush(nowMs: number, retryAfterMs: number): void {
		const push = this.#push;
		const good = push.at === "open" && push.toSample !== undefined && nowMs - push.openedMs > GOOD_MS;
		if (good) this.#pushFailures = 0;
		let delayMs: number;
		if (good) {
			const position = this.#position ?? 0;
			const aheadMs = msOf(this.#ranges.endFrom(position) - position);
			delayMs = this.#random() * Math.max(0, Math.min(SPREAD_MS_MAX, aheadMs - 400));
		} else delayMs = backOffMs(this.#pushFailures, this.#random());
		this.#pushFailures += 1;
		if (retryAfterMs > 0) delayMs = Math.max(delayMs, retryAfterMs + 2_000 * this.#random());
		this.#push = { at: "waiting", untilMs: nowMs + delayMs, told: retryAfterMs > 0 };
	}

	#pullFailed(nowMs: number, retryAfterMs: number, said: boolean): void {
		const sequence = this.#pull.at === "open" ? this.#pull.sequence : (this.#neededSequence() ?? -1);
		if (this.#pullFailures.sequence !== sequence) this.#pullFailures = { sequence, count: 0 };
		if (said) this.#pullFailures.count += 1;
		const { count } = this.#pullFailures;
		this.#pull = {
			at: "waiting",
			untilMs: nowMs + Math.max(retryAfterMs, backOffMs(said ? count : 3, this.#random())),
		};
		if (count < SEGMENT_FAILURES_MAX || this.#position === undefined) return;
		// It is not to be had: go on with what comes after it.
		const need = this.#ranges.endFrom(this.#position);
		const span = this.#segmentAt(need);
		const next = this.#ranges.next(need + 1);
		const to = Math.min(
			next?.from ?? Number.POSITIVE_INFINITY,
			span ? (span.firstPart + span.partCount) * PART_SAMPLES : Number.POSITIVE_INFINITY,
		);
		const end = this.#endSample;
		if (end !== undefined && to >= end) this.#finish();
		else if (Number.isFinite(to) && need - this.#position < samples(100)) this.#passOver(need, to, nowMs);
	}

	#hurry(nowMs: number): void {
		this.#pushFailures = 0;
		if (this.#push.at === "waiting" && !this.#push.told) this.#push = { ...this.#push, untilMs: nowMs };
		if (this.#pull.at === "waiting") this.#pull = { at: "waiting", untilMs: nowMs };
	}

	#dropPush(): void {
		if (this.#push.at === "open") this.#outputs.push({ kind: "abort", id: this.#push.id });
		this.#push = { at: "off" };
	}

	#dropPull(): void {
		if (this.#pull.at === "open") this.#outputs.push({ kind: "abort", id: this.#pull.id });
		this.#pull = { at: "off" };
	}

	#discard(): void {
		this.#dropPush();
		this.#dropPull();
		this.#ranges.clear();
		this.#live.reset();
		this.#position = undefined;
		this.#landing = true;
		this.#following = true;
		this.#finished = false;
		this.#finishSent = false;
		this.#waitingStates = [];
		this.#missed = null;
		this.#leavesOut = false;
		this.#outputs.push({ kind: "discard" });
	}

	#tidy(): void {
		const position = this.#position;
		const end = this.#endSample;
		if (position === undefined || this.#landing) return;
		const oldest = this.#ranges.spans[0]?.from;
		if (oldest !== undefined && oldest < position - samples(BEHIND_MS + TRIM_STEP_MS)) {
			this.#removeBefore(position - samples(BEHIND_MS));
		}
		if (end !== undefined && !this.#finishSent && this.#ranges.endFrom(position) >= end) {
			this.#finishSent = true;
			this.#outputs.push({ kind: "finish" });
		}
	}

	#removeBefore(sample: number): void {
		// Whole parts, so that what is left is still whole parts.
		const from = Math.floor(sample / PART_SAMPLES) * PART_SAMPLES;
		if (from <= 0) return;
		this.#ranges.trimBefore(from);
		this.#outputs.push({ kind: "remove", fromSample: 0, toSample: from });
	}

	#remove(fromSample: number, toSample: number): void {
		const kept = this.#ranges.spans.filter((span) => span.from !== fromSample);
		this.#ranges.clear();
		for (const span of kept) this.#ranges.add(span.from, span.to);
		this.#outputs.push({ kind: "remove", fromSample, toSample });
	}

	/** States wait for the playhead of someone who follows; for everybody else the newest holds. */
	#showStates(): void {
		const waits = this.#intent === "play" && this.#following && !this.#landing && this.#position !== undefined;
		while (this.#waitingStates.length > 0) {
			const first = this.#waitingStates[0] as { state: PublicState; atSample: number };
			const due = !waits || first.atSample <= (this.#position as number) || this.#waitingStates.length > STATES_MAX;
			if (!due) return;
			this.#waitingStates.shift();
			this.#shown = first.state;
		}
	}

	#schedulePoll(nowMs: number): void {
		const pushed = this.#push.at === "open" && this.#push.toSample !== undefined;
		const over =
			this.#newest.phase === "cancelled" || (this.#newest.phase === "ended" && this.#newest.programme?.recording);
		const slow = pushed || over || (this.#hidden && this.#intent !== "play");
		const everyMs = Math.min(slow ? POLL_SLOW_MS : POLL_MS, Number.POSITIVE_INFINITY);
		const failedMs = this.#pollFailures > 0 ? backOffMs(this.#pollFailures + 2, this.#random()) : 0;
		this.#pollMs = nowMs + everyMs * (0.8 + 0.4 * this.#random()) + failedMs;
	}
}

/** Exponential, jittered over its upper half. @param failures 0 for the first. */
function backOffMs(failures: number, random: number): number {
	return Math.min(RETRY_MS_MAX, RETRY_FIRST_MS * RETRY_GROWTH ** Math.min(failures, 10)) * (0.5 + 0.5 * random);
}
