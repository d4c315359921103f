import type { HeardReport } from "#wire/heard.ts";
import { segmentOf } from "#wire/programme.ts";
import { PART_SAMPLES, SAMPLE_RATE_HZ, SEGMENT_MS } from "#wire/quantum.ts";
import type { PublicState } from "#wire/state.ts";
import { Dial, WRITE_MS } from "./dial.ts";
import { HeardMeter } from "./heard-meter.ts";
import { LiveClock } from "./live-clock.ts";
import { PollPlan } from "./poll-plan.ts";
import { PullLink } from "./pull-link.ts";
import { PushLink } from "./push-link.ts";
import { Ranges } from "./ranges.ts";
import { StateQueue } from "./state-queue.ts";
import { Tally } from "./tally.ts";

const SAMPLES_PER_MS = SAMPLE_RATE_HZ / 1000;
const samples = (ms: number) => Math.round(ms * SAMPLES_PER_MS);
const msOf = (count: number) => count / SAMPLES_PER_MS;

/** Beyond one write, what a player begins with: it starts close and builds the rest by playing slowly. */
const START_MARGIN_MS = 160;
/** Further behind than this, someone who follows is taken to live instead of catching up by playing fast. */
export const JUMP_MS = 25_000;
/** Someone who hears the past hears the stream again once he is this close. */
const REJOIN_MS = 20_000;
/** Sound fetched ahead of the playhead in the past. */
const AHEAD_MS_MAX = 24_000;
/** A segment is asked for this long after its last sample was made. */
const SEGMENT_READY_MS = 300;
/** How long a hole before sound that is there is waited for. */
const HOLE_PATIENCE_MS = 8_000;
/** A pause longer than this lets the push go; shorter ones keep filling. */
const PAUSED_KEEP_MS = 30_000;
/** Kept behind the playhead, so that a short way back costs nothing; trimmed in steps. */
const BEHIND_MS = 120_000;
const TRIM_STEP_MS = 60_000;
/** A page that is looked at again asks for the state within this. */
const LOOK_MS = 1_000;
/** A pause longer than this is a wish to go on from there; a shorter one loses nothing of live. */
const SHORT_PAUSE_MS = 2_000;
/** The push's newest sound is live when it is this young. */
const FRESH_MS = 3_000;
/** Sound ahead below which the playhead has run dry. */
const DRY_MS = 150;
/** Timers stood still for this long: the machine slept. */
const SLEPT_MS = 10_000;
/** How often what only time can tell is looked at while there is something to look at. */
const TICK_MS = 250;
/** A page that knows where sound ends, and not yet that it has ended, asks for the state within this. */
const END_LOOK_MS = 3_000;
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
	| { readonly kind: "poll" }
	/** Tell the server what was heard in about a minute; nothing depends on its arrival. */
	| { readonly kind: "report"; readonly report: HeardReport };

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
	/** There is no room for newcomers: how long until this one may ask again, as the server says; null when he is not waiting. */
	readonly inLineMs: number | null;
	/** What the page shows: true at the playhead while following, else the newest known. */
	readonly shown: PublicState;
};

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
	readonly #outputs: CoreOutput[] = [];
	readonly #states: StateQueue;

	#intent: PlayerView["intent"] = "idle";
	#pausedMs = 0;
	#following = true;
	/** Where live is has still to be found: the next sound of the push decides. */
	#landing = true;
	#position: number | undefined;
	/** The playhead moves. */
	#flowing = false;
	#everFlowed = false;
	#starvedMs: number | undefined;
	#finished = false;
	#finishSent = false;

	#ranges = new Ranges();
	readonly #live = new LiveClock();
	readonly #push: PushLink;
	readonly #pull: PullLink;
	/** When a newcomer who was turned away may ask again. */
	#turnMs: number | undefined;
	#nextId = 1;
	#online = true;
	#hidden = false;

	#rate = 1;
	#userRate = 1;
	#saver = false;
	readonly #dial = new Dial();
	readonly #tally = new Tally();
	readonly #meter: HeardMeter;
	/** The jump to live that is under way leaves out sound nobody asked to leave out. */
	#leavesOut = false;

	readonly #polls: PollPlan;
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
		this.#states = new StateQueue(state);
		this.#push = new PushLink(options.random);
		this.#pull = new PullLink(options.random);
		this.#meter = new HeardMeter(options.random);
		this.#nowMs = options.nowMs;
		this.#tickedMs = options.nowMs;
		this.#polls = new PollPlan(options.random, options.nowMs);
		this.#estimate(options.unixMs, options.nowMs);
	}

	poll(): CoreOutput | undefined {
		return this.#outputs.shift();
	}

	/** When `tick` is due. Earlier calls do no harm. */
	get deadlineMs(): number {
		return this.#intent === "play" || this.#push.isOpen ? this.#tickedMs + TICK_MS : this.#polls.atMs;
	}

	/** Sound ahead of the playhead that was handed over, without a break. */
	get aheadMs(): number {
		const position = this.#position ?? 0;
		return msOf(this.#ranges.endFrom(position) - position);
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
				this.#push.isOpen ||
				this.#pull.isOpen ||
				this.#push.segmentsInstead(nowMs),
			following: this.#following,
			positionSample: position ?? null,
			liveSample: live === undefined ? null : Math.round(live),
			behindMs: live === undefined || behind === undefined ? null : Math.max(0, msOf(live - behind)),
			rate: this.#rate,
			userRate: this.#userRate,
			saver: this.#saver,
			heardMs: msOf(this.#tally.heardSamples),
			missedMs: msOf(this.#tally.missedSamples),
			missed: this.#tally.missed,
			inLineMs: this.#turnMs === undefined ? null : Math.max(0, this.#turnMs - nowMs),
			shown: this.#states.shown,
		};
	}

	// What the listener does

	play(nowMs: number): void {
		this.#nowMs = nowMs;
		if (this.#intent === "play" && !this.#finished) return;
		const pausedLong = this.#intent === "pause" && nowMs - this.#pausedMs > SHORT_PAUSE_MS;
		this.#intent = "play";
		this.#meter.asked(nowMs);
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
		this.#meter.stopped();
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
		this.#asked(nowMs);
		const last = end ?? live ?? sample;
		this.#place(Math.max(this.#startSample, Math.min(sample, last)), nowMs);
		this.#steer(nowMs);
	}

	goLive(nowMs: number): void {
		this.#nowMs = nowMs;
		if (this.#endSample !== undefined) return;
		this.#userRate = 1;
		this.#pausedMs = nowMs;
		this.#asked(nowMs);
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
		const slow = this.#push.toSample !== undefined || this.#settled || (this.#hidden && this.#intent !== "play");
		if (this.#polls.answered(nowMs, slow)) this.#push.comeBack(nowMs);
		const before = this.#states.newest.programme;
		const newer = this.#states.take(state);
		this.#estimate(serverUnixMs, nowMs);
		// The end of the sound is known a moment before the end of the interview, and the push may be over by then.
		if (this.#endSample !== undefined && this.#states.newest.phase !== "ended") this.#polls.soon(nowMs, END_LOOK_MS);
		if (!newer) return;
		// Who waited for the doors has waited for sound only since they opened.
		if (!before && state.programme) this.#asked(nowMs);
		if (before && state.programme && before.pathKey !== state.programme.pathKey) this.#discard();
		this.#showStates();
		this.#steer(nowMs);
	}

	pollFailed(nowMs: number): void {
		this.#nowMs = nowMs;
		this.#polls.failed(nowMs);
	}

	/** The server accepted: a body follows. */
	answered(id: number, nowMs: number): void {
		this.#nowMs = nowMs;
		if (!this.#push.is(id)) return;
		this.#push.answered(nowMs);
		// Time in the line is no time of joining.
		if (this.#turnMs !== undefined) this.#asked(nowMs);
		this.#turnMs = undefined;
	}

	/**
	 * The server said no.
	 *
	 * @param retryAfterMs from `Retry-After`, 0 when it said nothing.
	 */
	refused(id: number, status: number, retryAfterMs: number, nowMs: number): void {
		this.#nowMs = nowMs;
		if (this.#push.is(id)) {
			if (status === 404 || status === 410) this.#polls.soon(nowMs, 0);
			const isFull = status === 503 && this.#states.newest.admission.level === "door";
			this.#turnMs = isFull ? nowMs + retryAfterMs : undefined;
			this.#push.lost(nowMs, this.aheadMs, retryAfterMs);
		} else if (this.#pull.is(id)) this.#pullRefused(nowMs, retryAfterMs);
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
		if (this.#push.is(id)) {
			this.#push.brought(toSample, nowMs);
			this.#live.arrived(toSample, nowMs);
		} else if (!this.#pull.is(id)) return false;
		if (this.#ranges.has(fromSample, toSample)) return false;
		this.#ranges.add(fromSample, toSample);
		// An append takes back that all had been handed over.
		this.#finishSent = false;
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
		if (this.#push.is(id)) {
			// A push that ends in order is the end of the programme, which the state will tell.
			if (clean) this.#polls.soon(nowMs, 0);
			this.#push.lost(nowMs, this.aheadMs, 0);
		} else if (this.#pull.is(id)) {
			const whole = this.#landing || this.#neededSequence() !== this.#pull.sequence;
			if (!clean) this.#pull.lost(nowMs);
			else if (whole) this.#pull.done();
			else this.#pullRefused(nowMs, 0);
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
		if (flowing) this.#tally.moved(sample - this.#position);
		this.#meter.moved(flowing ? msOf(sample - this.#position) / this.#rate : 0, nowMs);
		this.#position = sample;
		if (flowing) {
			this.#starvedMs = undefined;
			this.#everFlowed = true;
		} else if (this.#flowing && this.#intent === "play" && this.#following) {
			// It ran dry: what was held was too little for this network.
			if (this.#endSample === undefined && this.aheadMs < DRY_MS) this.#dial.ranDry();
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
			this.#polls.soon(nowMs, LOOK_MS);
		}
		this.#steer(nowMs);
	}

	/** The machine slept, or its clock was put elsewhere: connections may be dead without a word. */
	woke(nowMs: number): void {
		this.#live.reset();
		this.#dropPush();
		this.#dropPull();
		this.#polls.soon(nowMs, 0);
		this.#hurry(nowMs);
	}

	tick(nowMs: number): void {
		if (nowMs - this.#tickedMs > SLEPT_MS && this.#intent === "play") this.woke(nowMs);
		this.#nowMs = nowMs;
		this.#tickedMs = nowMs;
		this.#steer(nowMs);
		if (this.#polls.due(nowMs)) this.#outputs.push({ kind: "poll" });
		this.#report(nowMs);
	}

	/** Sound is to begin, here or elsewhere. */
	#asked(nowMs: number): void {
		if (this.#intent === "play") this.#meter.asked(nowMs);
	}

	/** Says what was heard, if that is due; of a recording nothing. */
	#report(nowMs: number): void {
		const distanceMs = this.#following ? this.view(nowMs).behindMs : null;
		const way = this.#following && !this.#push.segmentsInstead(nowMs) ? "push" : "segments";
		const report = this.#meter.poll(nowMs, { way, distanceMs });
		if (report && this.#endSample === undefined) this.#outputs.push({ kind: "report", report });
	}

	// Facts

	get #startSample(): number {
		return (this.#states.newest.programme?.onAirPart ?? 0) * PART_SAMPLES;
	}

	get #endSample(): number | undefined {
		const part = this.#states.newest.programme?.endPart;
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

	/** Nothing will change any more. */
	get #settled(): boolean {
		const { phase, programme } = this.#states.newest;
		return phase === "cancelled" || (phase === "ended" && programme?.recording === true);
	}

	/** Distance to live that someone who follows aims at. */
	#targetMs(): number {
		return this.#dial.targetMs(this.#states.newest.delivery, this.#push.segmentsInstead(this.#nowMs));
	}

	#sound(): PlayerView["sound"] {
		if (this.#intent !== "play") return this.#finished ? "finished" : "silent";
		if (this.#finished) return "finished";
		if (!this.#states.newest.programme) return "armed";
		if (this.#flowing) return "playing";
		return this.#everFlowed && !this.#landing ? "restoring" : "connecting";
	}

	/** The segment that holds the next sample needed. */
	#neededSequence(): number | undefined {
		if (this.#position === undefined) return undefined;
		return this.#segmentAt(this.#ranges.endFrom(this.#position))?.sequence;
	}

	#segmentAt(sample: number) {
		const programme = this.#states.newest.programme;
		if (!programme) return undefined;
		const { onAirPart, endPart } = programme;
		const cuts = onAirPart ? [0, onAirPart] : [0];
		const part = Math.floor(sample / PART_SAMPLES);
		if (part < 0 || (endPart !== null && part >= endPart)) return undefined;
		return segmentOf({ cuts, endPart }, part);
	}

	#estimate(unixMs: number | undefined, nowMs: number): void {
		const programme = this.#states.newest.programme;
		if (programme && unixMs !== undefined) this.#live.estimated(samples(unixMs - programme.epochUnixMs), nowMs);
	}

	// Decisions

	#steer(nowMs: number): void {
		if (!this.#states.newest.programme) {
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
		if (!this.#push.isSilent(nowMs, WRITE_MS[this.#states.newest.delivery.write])) return;
		const id = this.#push.lost(nowMs, this.aheadMs, 0);
		if (id !== undefined) this.#outputs.push({ kind: "abort", id });
	}

	#pushWanted(nowMs: number): boolean {
		const end = this.#endSample;
		const need = this.#position === undefined || this.#landing ? undefined : this.#ranges.endFrom(this.#position);
		// The last of a programme comes as it was coming; afterwards it is segments.
		if (end !== undefined) return this.#push.isOpen && need !== undefined && need < end;
		if (this.#push.segmentsInstead(nowMs)) return false;
		if (this.#intent === "idle") return false;
		if (this.#intent === "pause") return this.#push.isOpen && nowMs - this.#pausedMs < PAUSED_KEEP_MS;
		if (this.#following) return true;
		const live = this.#edge(nowMs);
		return need !== undefined && live !== undefined && live - need < samples(REJOIN_MS);
	}

	#steerPush(nowMs: number): void {
		if (!this.#pushWanted(nowMs)) {
			this.#dropPush();
			return;
		}
		if (!this.#push.mayOpen(nowMs)) return;
		let need = this.#position === undefined || this.#landing ? undefined : this.#ranges.endFrom(this.#position);
		const live = this.#edge(nowMs);
		if (need !== undefined && this.#following && live !== undefined && live - need > samples(JUMP_MS)) {
			this.#land(nowMs);
			need = undefined;
		}
		const id = this.#nextId++;
		this.#push.open(id, nowMs);
		const fromPart = need === undefined ? null : Math.floor(need / PART_SAMPLES);
		this.#outputs.push({ kind: "connect", id, fromPart, saver: this.#saver });
	}

	#steerPull(nowMs: number): void {
		if (this.#landing && this.#push.segmentsInstead(nowMs) && this.#intent === "play") this.#landBySegments(nowMs);
		const want = this.#pullWanted(nowMs);
		if (this.#pull.isOpen) {
			// What is on its way is of use even when enough is there; only another place makes it useless.
			if (want && want.sequence !== this.#pull.sequence) this.#dropPull();
			else if (this.#pull.isOverdue(nowMs)) {
				this.#dropPull();
				this.#pull.lost(nowMs);
			}
		}
		const pathKey = this.#states.newest.programme?.pathKey;
		if (!want || pathKey === undefined || nowMs < want.readyMs || !this.#pull.mayOpen(nowMs)) return;
		const id = this.#nextId++;
		this.#pull.open(id, want.sequence, nowMs);
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
		const { isOpen, toSample } = this.#push;
		if (isOpen) return toSample === undefined || toSample >= need;
		return this.#following && this.#endSample === undefined && !this.#push.segmentsInstead(nowMs);
	}

	/** Passes over a hole that cannot be filled, once sound beyond it is there. */
	#steerHole(nowMs: number): void {
		if (this.#intent !== "play" || this.#landing || this.#position === undefined || this.#finished) return;
		const need = this.#ranges.endFrom(this.#position);
		if (this.#flowing || this.aheadMs >= DRY_MS) {
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
		this.#passedOver(from, to);
		this.#place(to, nowMs);
	}

	#passedOver(from: number, to: number): void {
		this.#tally.passedOver(from, to);
		this.#meter.leftOut(msOf(to - from));
	}

	/** Someone who follows is on the dial, or taken to live when much too far behind; everybody else has his own rate. */
	#steerRate(nowMs: number): void {
		let rate = this.#userRate;
		const end = this.#endSample;
		const live = this.#live.at(nowMs) ?? this.#edge(nowMs);
		if (end === undefined && live !== undefined && this.#position !== undefined && !this.#landing) {
			const behindMs = msOf(live - this.#position);
			const targetMs = this.#targetMs();
			const here = this.#push.isOpen && this.#intent === "play";
			if (!this.#following && here && this.#dial.caughtUp(behindMs, targetMs)) {
				this.#following = true;
				this.#userRate = 1;
			}
			rate = this.#following ? this.#dial.rate(behindMs, targetMs) : this.#userRate;
			if (this.#following && here && behindMs > JUMP_MS + targetMs) this.#land(nowMs);
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
		const { isOpen, toSample } = this.#push;
		if (toSample !== undefined && toSample === last?.to) {
			if (live !== undefined && live - toSample < samples(FRESH_MS)) this.#touchDown(nowMs);
		} else if (isOpen && toSample === undefined) {
			// It was asked for another place.
			this.#dropPush();
		}
	}

	/** Finds the place in what the push brought. */
	#touchDown(nowMs: number): void {
		const { toSample } = this.#push;
		if (!this.#landing || toSample === undefined || this.#intent === "idle") return;
		const last = this.#ranges.spans.find((span) => span.to === toSample);
		if (!last) return;
		const startMs = WRITE_MS[this.#states.newest.delivery.write] + START_MARGIN_MS;
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
		if (this.#leavesOut && from !== undefined) this.#passedOver(from, to);
		this.#leavesOut = false;
		this.#place(to, nowMs);
	}

	#place(sample: number, nowMs: number): void {
		this.#landing = false;
		this.#position = sample;
		this.#flowing = false;
		this.#finished = false;
		this.#starvedMs = undefined;
		this.#pull.moved();
		// A push that was asked to begin elsewhere and has brought nothing yet would leave a hole.
		if (this.#push.isOpen && this.#push.toSample === undefined) this.#dropPush();
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
		this.#meter.stopped();
		this.#outputs.push({ kind: "stop" });
		// An element stops a little short of the sample from which the end is true.
		this.#showStates();
	}

	#pullRefused(nowMs: number, retryAfterMs: number): void {
		const sequence = this.#pull.sequence ?? -1;
		if (!this.#pull.refused(sequence, nowMs, retryAfterMs) || this.#position === undefined) return;
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
		else if (Number.isFinite(to) && this.aheadMs < DRY_MS) this.#passOver(need, to, nowMs);
	}

	#hurry(nowMs: number): void {
		this.#push.hurry(nowMs);
		this.#pull.hurry();
	}

	#dropPush(): void {
		const id = this.#push.drop();
		if (id !== undefined) this.#outputs.push({ kind: "abort", id });
	}

	#dropPull(): void {
		const id = this.#pull.drop();
		if (id !== undefined) this.#outputs.push({ kind: "abort", id });
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
		this.#tally.missed = null;
		this.#asked(this.#nowMs);
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

	#showStates(): void {
		const follows = this.#intent === "play" && this.#following && !this.#landing;
		this.#states.show(follows ? this.#position : undefined);
	}
}
