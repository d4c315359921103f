/**
 * A programme, an edge, a network and a media element for tests of `PlayerCore`: exact, seeded by its inputs, with a
 * clock that only `advance` moves. It keeps a log of every sample played, so that tests can say what was heard.
 */
import assert from "node:assert/strict";
import type { HeardReport } from "#wire/heard.ts";
import { segmentOf } from "#wire/programme.ts";
import { PART_SAMPLES } from "#wire/quantum.ts";
import type { PublicState } from "#wire/state.ts";
import { type CoreOutput, PlayerCore } from "./core.ts";
import { Ranges } from "./ranges.ts";

const STEP_MS = 20;
const SAMPLES_PER_MS = 48;
/** Parts an edge keeps in memory. */
const TAIL_PARTS = 188;
const WRITE_PARTS = { part: 1, beat: 3, two_beats: 6 } as const;
/** Sound a browser wants ahead before it moves. */
const START_AHEAD_SAMPLES = 60 * SAMPLES_PER_MS;

export type Fault =
	/** Every connection is lost. */
	| { readonly kind: "cut" }
	/** Every connection is lost and new ones fail, for so long. */
	| { readonly kind: "down"; readonly forMs: number }
	/** Connections stay open and bring nothing. */
	| { readonly kind: "stall"; readonly forMs: number }
	/** New connections are answered and bring nothing. */
	| { readonly kind: "withhold"; readonly forMs: number }
	/** Everything is refused. */
	| { readonly kind: "refuse"; readonly forMs: number; readonly status: number; readonly retryAfterMs: number }
	/** Nothing runs here: the machine sleeps. */
	| { readonly kind: "sleep"; readonly forMs: number }
	/** Segments cannot be had. */
	| { readonly kind: "no_segments"; readonly forMs: number };

export type Wish =
	| { readonly kind: "play" }
	| { readonly kind: "pause" }
	| { readonly kind: "live" }
	| { readonly kind: "seek"; readonly share: number }
	| { readonly kind: "rate"; readonly rate: number }
	| { readonly kind: "saver"; readonly on: boolean };

type Connection = {
	readonly id: number;
	readonly kind: "push" | "segment";
	/** Next part it is to be sent. */
	nextPart: number;
	readonly toPart: number | undefined;
	/** The answer arrives then. */
	readonly answerMs: number;
	answered: boolean;
	readonly withheld: boolean;
};

export class FakeWorld {
	nowMs = 1_000_000;
	/** World time of sample 0. */
	readonly epochMs: number;
	readonly core: PlayerCore;
	state: PublicState;
	readonly #random: () => number;
	#connections: Connection[] = [];
	#pollAnswerMs: number | undefined;
	#latencyMs: number;
	#downUntilMs = 0;
	#stallUntilMs = 0;
	#withholdUntilMs = 0;
	#refuse = { untilMs: 0, status: 503, retryAfterMs: 0 };
	#noSegmentsUntilMs = 0;
	#asleepUntilMs = 0;

	// The media element
	readonly #held = new Ranges();
	position = 0;
	paused = true;
	rate = 1;
	/** Every stretch that was heard, joined where it went on without a break. */
	readonly heard: { from: number; to: number }[] = [];
	/** Jumps of the playhead that the core ordered without being asked. */
	readonly jumps: { from: number; to: number }[] = [];
	#userAsked = true;
	ended = false;
	readonly requests: CoreOutput[] = [];

	constructor(options: {
		readonly random: () => number;
		readonly agoMs: number;
		readonly onAirPart: number | null;
		readonly latencyMs?: number;
		readonly write?: PublicState["delivery"]["write"];
		readonly reserveMs?: number;
	}) {
		this.#random = options.random;
		this.#latencyMs = options.latencyMs ?? 30;
		this.epochMs = this.nowMs - options.agoMs;
		this.state = stateOf(options.onAirPart, this.epochMs, options.write ?? "part", options.reserveMs ?? 1_000);
		this.core = new PlayerCore(this.state, { random: options.random, nowMs: this.nowMs });
	}

	get newestPart(): number {
		const made = Math.floor((this.nowMs - this.epochMs) / 320);
		return Math.min(made, this.state.programme?.endPart ?? made);
	}

	get flowing(): boolean {
		return !this.paused && this.#held.endFrom(this.position) - this.position > 0 && this.#moved;
	}
	#moved = false;

	change(change: Partial<PublicState>): void {
		this.state = { ...this.state, ...change, revision: this.state.revision + 1 };
	}

	end(): void {
		const programme = this.state.programme;
		assert(programme);
		this.change({ phase: "ended", programme: { ...programme, endPart: this.newestPart + 1 } });
	}

	strike(fault: Fault): void {
		const lose = () => {
			for (const connection of this.#connections.splice(0)) this.core.closed(connection.id, false, this.nowMs);
		};
		switch (fault.kind) {
			case "cut":
				lose();
				break;
			case "down":
				this.#downUntilMs = this.nowMs + fault.forMs;
				lose();
				break;
			case "stall":
				this.#stallUntilMs = this.nowMs + fault.forMs;
				break;
			case "withhold":
				this.#withholdUntilMs = this.nowMs + fault.forMs;
				break;
			case "refuse":
				this.#refuse = { ...fault, untilMs: this.nowMs + fault.forMs };
				lose();
				break;
			case "sleep":
				this.#asleepUntilMs = this.nowMs + fault.forMs;
				break;
			case "no_segments":
				this.#noSegmentsUntilMs = this.nowMs + fault.forMs;
		}
		this.#carryOut();
	}

	wish(wish: Wish): void {
		this.#userAsked = true;
		const { core, nowMs } = this;
		switch (wish.kind) {
			case "play":
				core.play(nowMs);
				break;
			case "pause":
				core.pause(nowMs);
				break;
			case "live":
				core.goLive(nowMs);
				break;
			case "seek": {
				const from = (this.state.programme?.onAirPart ?? 0) * PART_SAMPLES;
				core.seekTo(Math.round(from + wish.share * (this.newestPart * PART_SAMPLES - from)), nowMs);
				break;
			}
			case "rate":
				core.setRate(wish.rate, nowMs);
				break;
			case "saver":
				core.setSaver(wish.on, nowMs);
		}
		this.#carryOut();
	}

	advance(ms: number): void {
		for (const untilMs = this.nowMs + ms; this.nowMs < untilMs; ) {
			this.nowMs += STEP_MS;
			if (this.nowMs < this.#asleepUntilMs) continue;
			if (this.#asleepUntilMs > 0) {
				// Connections do not survive a long sleep.
				this.#asleepUntilMs = 0;
				for (const connection of this.#connections.splice(0)) this.core.closed(connection.id, false, this.nowMs);
			}
			this.#play();
			this.#network();
			this.#carryOut();
			if (this.nowMs % 100 < STEP_MS) this.core.playhead(Math.round(this.position), this.#moved, this.nowMs);
			if (this.nowMs >= this.core.deadlineMs) this.core.tick(this.nowMs);
			this.#carryOut();
		}
	}

	/** Milliseconds between the playhead and the sample being made. */
	get behindMs(): number {
		return this.nowMs - this.epochMs - this.position / SAMPLES_PER_MS;
	}

	#play(): void {
		this.#moved = false;
		const ahead = this.#held.endFrom(this.position) - this.position;
		if (this.paused || ahead <= 0) return;
		const resumed = this.heard.at(-1)?.to === this.position;
		const end = (this.state.programme?.endPart ?? Number.POSITIVE_INFINITY) * PART_SAMPLES;
		if (!resumed && ahead < START_AHEAD_SAMPLES && this.position + ahead < end) return;
		const step = Math.min(ahead, Math.round(STEP_MS * SAMPLES_PER_MS * this.rate));
		const from = this.position;
		this.position += step;
		this.#moved = true;
		this.#userAsked = false;
		const last = this.heard.at(-1);
		if (last && last.to === from) last.to = this.position;
		else this.heard.push({ from, to: this.position });
	}

	#network(): void {
		const { core, nowMs } = this;
		const down = nowMs < this.#downUntilMs;
		if (this.#pollAnswerMs !== undefined && nowMs >= this.#pollAnswerMs) {
			this.#pollAnswerMs = undefined;
			if (down || nowMs < this.#refuse.untilMs) core.pollFailed(nowMs);
			else core.state(this.state, nowMs, Math.floor(nowMs / 1000) * 1000 + 500);
		}
		for (const connection of [...this.#connections]) this.#serve(connection, down);
	}

	#serve(connection: Connection, down: boolean): void {
		const { core, nowMs } = this;
		if (nowMs < connection.answerMs) return;
		const leave = () => {
			this.#connections = this.#connections.filter((other) => other !== connection);
		};
		if (!connection.answered) {
			if (down) {
				leave();
				core.closed(connection.id, false, nowMs);
				return;
			}
			if (nowMs < this.#refuse.untilMs) {
				leave();
				core.refused(connection.id, this.#refuse.status, this.#refuse.retryAfterMs, nowMs);
				return;
			}
			const absent = connection.toPart !== undefined && connection.toPart > this.newestPart;
			const lost = connection.kind === "segment" && nowMs < this.#noSegmentsUntilMs;
			if (absent || lost) {
				leave();
				core.refused(connection.id, 404, 0, nowMs);
				return;
			}
			connection.answered = true;
			core.answered(connection.id, nowMs);
		}
		if (connection.withheld || nowMs < this.#stallUntilMs) return;
		const sent = Math.floor((nowMs - this.#latencyMs - this.epochMs) / 320);
		const end = this.state.programme?.endPart ?? Number.POSITIVE_INFINITY;
		const write = WRITE_PARTS[this.state.delivery.write];
		const first = connection.nextPart;
		let toPart = connection.toPart ?? Math.min(sent, end);
		if (connection.kind === "push" && toPart < end && this.#begun.has(connection.id)) toPart -= toPart % write;
		if (toPart > first) core.playhead(Math.round(this.position), this.#moved, nowMs);
		this.#carryOut();
		for (let part = first; part < toPart; part += 1) {
			const from = part * PART_SAMPLES;
			if (core.fragment(connection.id, from, PART_SAMPLES, nowMs)) {
				assert(!this.#held.has(from, from + PART_SAMPLES), `part ${part} was appended twice`);
				this.#held.add(from, from + PART_SAMPLES);
			}
		}
		connection.nextPart = Math.max(first, toPart);
		if (toPart > first) {
			this.#begun.add(connection.id);
			core.arrived(nowMs);
		}
		if (connection.nextPart >= (connection.toPart ?? end)) {
			leave();
			core.closed(connection.id, true, nowMs);
		}
	}
	/** What the player told the server. */
	readonly reports: HeardReport[] = [];
	readonly #begun = new Set<number>();

	#carryOut(): void {
		for (let output = this.core.poll(); output; output = this.core.poll()) this.#order(output);
	}

	#order(output: CoreOutput): void {
		const { nowMs } = this;
		if (output.kind === "connect" || output.kind === "fetch") this.requests.push(output);
		switch (output.kind) {
			case "connect": {
				const newest = this.newestPart;
				const wanted = output.fromPart ?? newest - WRITE_PARTS[this.state.delivery.write] - 1;
				this.#connections.push({
					id: output.id,
					kind: "push",
					nextPart: Math.min(Math.max(wanted, newest - TAIL_PARTS, 0), newest),
					toPart: undefined,
					answerMs: nowMs + this.#latencyMs * (0.5 + this.#random()),
					answered: false,
					withheld: nowMs < this.#withholdUntilMs,
				});
				return;
			}
			case "fetch": {
				const programme = this.state.programme;
				assert(programme);
				const cuts = programme.onAirPart ? [0, programme.onAirPart] : [0];
				const span = segmentWith(cuts, programme.endPart, output.sequence);
				// A segment that will never be: refused as one that is not there yet.
				const { firstPart, partCount } = span ?? { firstPart: Number.POSITIVE_INFINITY, partCount: 0 };
				this.#connections.push({
					id: output.id,
					kind: "segment",
					nextPart: firstPart,
					toPart: firstPart + partCount,
					answerMs: nowMs + this.#latencyMs * (0.5 + this.#random()),
					answered: false,
					withheld: false,
				});
				return;
			}
			case "abort":
				this.#connections = this.#connections.filter((connection) => connection.id !== output.id);
				return;
			case "seek":
				if (!this.#userAsked) this.jumps.push({ from: this.position, to: output.toSample });
				this.position = output.toSample;
				this.ended = false;
				return;
			case "rate":
				this.rate = output.rate;
				return;
			case "start":
				this.paused = false;
				return;
			case "stop":
				this.paused = true;
				return;
			case "remove": {
				const kept = this.#held.spans.flatMap((span) => [
					{ from: span.from, to: Math.min(span.to, output.fromSample) },
					{ from: Math.max(span.from, output.toSample), to: span.to },
				]);
				this.#held.clear();
				for (const span of kept) if (span.to > span.from) this.#held.add(span.from, span.to);
				return;
			}
			case "finish":
				this.ended = true;
				return;
			case "discard":
				this.#held.clear();
				return;
			case "poll":
				this.#pollAnswerMs = nowMs + this.#latencyMs;
				return;
			case "report":
				this.reports.push(output.report);
		}
	}

	/** What the browser holds. */
	get held(): readonly { readonly from: number; readonly to: number }[] {
		return this.#held.spans;
	}
}

function segmentWith(cuts: number[], endPart: number | null, sequence: number) {
	for (let part = 0; part < (endPart ?? Number.POSITIVE_INFINITY); ) {
		const span = segmentOf({ cuts, endPart }, part);
		if (span.sequence === sequence) return span;
		part = span.firstPart + span.partCount;
	}
	return undefined;
}

export function stateOf(
	onAirPart: number | null,
	epochUnixMs: number,
	write: PublicState["delivery"]["write"] = "part",
	reserveMs = 1_000,
): PublicState {
	return {
		version: 1,
		revision: 1,
		slug: "demo",
		title: "A talk",
		description: "",
		phase: onAirPart === null ? "doors" : "on_air",
		announcedStartUnixMs: epochUnixMs,
		timeZone: "Europe/Berlin",
		onAirUnixMs: onAirPart === null ? null : epochUnixMs + onAirPart * 320,
		endedUnixMs: null,
		lateReason: "",
		people: [],
		listeners: { drainingConnections: 1, audible: null },
		programme: { epochUnixMs, pathKey: "k", onAirPart, endPart: null, gaps: [], recording: false },
		admission: { level: "normal", line: null },
		delivery: { write, reserveMs },
		atPart: 0,
	};
}
