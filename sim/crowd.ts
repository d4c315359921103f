import { createHash } from "node:crypto";
import { type Clock, type MonoMs, type Random, seededRandom, type UnixMs } from "#base/index.ts";
import {
	type ClientAddress,
	ConnectionBudget,
	Gate,
	Neighbours,
	RevokedTokens,
	Steward,
	strainOf,
	TokenMint,
} from "#shield/index.ts";
import { LEVELS } from "#wire/index.ts";
import { retryAfterS } from "../src/edge/serve-push.ts";
import { Dial, SLOW_RATE, WRITE_MS } from "../web/player/dial.ts";
import { PushLink } from "../web/player/push-link.ts";
import { backOffMs } from "../web/player/retry.ts";
import { Timeline } from "./timeline.ts";

/** Costs on one core, as docs/measurements.md has them. */
export const MEASURED = {
	/** *TLS handshakes per core, P-256, as browsers ask*. */
	handshakesFullPerS: 2_155,
	/** The same, resumed. */
	handshakesResumedPerS: 2_369,
	/** *TLS: push by beats, 1,000 listeners*. */
	listenerUsPerS: 27,
	/** *gaps of settled listeners while the same core refuses*: 0.32 core at 23,700 requests/s. */
	requestUs: 13.5,
} as const;
export type Costs = { readonly [K in keyof typeof MEASURED]: number };

export type CrowdOptions = {
	/** All who come, hostile ones included. */
	readonly players: number;
	/** 0 to below 1. */
	readonly hostileShare: number;
	/** Workers of one core each. */
	readonly edges: number;
	readonly seed: number;
	/** Of each worker. */
	readonly connectionsMax: number;
	/** Share of the edges that is killed, for good, `lossAtS` after the announced start. */
	readonly lostShare: number;
	readonly lossAtS: number;
	/** How long people stay once they hear, on average. */
	readonly stayMeanS: number;
	readonly costs: Costs;
};
export const CROWD: CrowdOptions = {
	players: 1_000_000,
	hostileShare: 0.3,
	edges: 50,
	seed: 7,
	connectionsMax: 20_000,
	lostShare: 0.1,
	lossAtS: 240,
	stayMeanS: 2_400,
	costs: MEASURED,
};

/** Simulated time: from the opening of the doors, before the announced start, to this long after it. */
export const BEFORE_S = 600;
export const AFTER_S = 900;
/** Accepting a connection, or resetting one; far below a handshake. */
const ACCEPT_MS = 0.015;
/** A page and what it loads, as so many requests. */
const PAGE_REQUESTS = 6;
/** As in `src/roles`: looks at strain, at the level; reports. */
const LOOK_MS = 250;
const REPORT_MS = 1_000;
/** A listener asks for the state this often (`web/player/poll-plan.ts`), somebody who waits more often. */
const POLL_LISTENING_S = 30;
const POLL_WAITING_S = 5;
/** Beyond this a player has given up waiting for an answer (`CONNECT_MS_MAX` of its link). */
const SILENT_MS = 8_000;
/** Times a hostile one comes, and how far apart. */
const ATTACKS = 12;
const ATTACK_EVERY_MS = 5_000;
const ATTACK_FROM_S = -60;
const ATTACK_OVER_S = 420;
/** Listeners of mobile networks, and how many of them one address stands for. */
const SHARED_SHARE = 0.3;
const PEOPLE_PER_ADDRESS = 1_000;
/** Prefixes (/24) from which the flood from few comes. */
const FEW_PREFIXES = 20;
const INTERVIEW = "evening";
const T_UNIX_MS = Date.UTC(2026, 0, 1, 20);

/** What hostile ones do, and which share of them: come and go without end from few or many prefixes, show tokens nobody made, never finish a head, or listen, as nobody can tell from people. */
const ATTACKERS = [
	["flood_few", 0.3],
	["flood_many", 0.2],
	["forged", 0.2],
	["slow_head", 0.2],
	["sitter", 0.1],
] as const;
type Attack = (typeof ATTACKERS)[number][0];

/** What happened in one second. */
export type CrowdSecond = {
	/** After the announced start; negative before it. */
	readonly atS: number;
	/** Index into LEVELS. */
	level: number;
	/** Honest people who came, in this second. */
	came: number;
	/** Honest people who heard for the first time. */
	heard: number;
	/** At the end of the second. */
	inside: number;
	insideHostile: number;
	/** Honest people who wanted to hear and did not. */
	waiting: number;
	/** Connections that fit on the edges alive. */
	capacity: number;
	/** All that reached the doors, polls of the state included. */
	requests: number;
	/** The worst lateness of any edge. */
	lateMs: number;
	readonly refused: Record<string, number>;
};

export type CrowdResult = {
	readonly options: CrowdOptions;
	readonly seconds: readonly CrowdSecond[];
	/** Of honest people in the order in which they came: when, and how long until they first heard (Infinity: never). */
	readonly cameMs: Float64Array;
	readonly waitedMs: Float64Array;
	/** Who lost sound with an edge: how long he heard nothing, and whether his reserve had been full. */
	readonly gaps: readonly { readonly audibleMs: number; readonly full: boolean; readonly awayMs: number }[];
	/** Who lost sound with an edge and did not get back in. */
	readonly notBack: number;
	/** Admitted connections that ended otherwise than by leaving or with their edge. */
	readonly pushedOut: number;
	/** The most connections one edge ever held. */
	readonly connectionsMost: number;
	/** Level changes, in order. */
	readonly steps: readonly { readonly atS: number; readonly to: string; readonly cause: string }[];
	/** Bytes in buffers: after everything was made, and how many more at the end. */
	readonly shieldBytes: number;
	readonly shieldGrowthBytes: number;
	/** Of everything that happened, for comparing two runs. */
	readonly digest: string;
};

type Connection = {
	readonly edge: Edge;
	readonly address: ClientAddress;
	unfinished: boolean;
	gone: boolean;
	readonly lost: () => void;
};

class Edge {
	readonly budget: ConnectionBudget<Connection>;
	readonly neighbours: Neighbours;
	readonly gate: Gate;
	alive = true;
	/** Share of the core that goes to listeners and polls. */
	load = 0;
	/** When all that it has to do is done. */
	#freeMs = Number.NEGATIVE_INFINITY;
	#lateMs = 0;
	#worked = 0;

	constructor(connectionsMax: number, outside: { clock: Clock; random: Random; mint: TokenMint }) {
		this.budget = new ConnectionBudget(connectionsMax);
		this.neighbours = new Neighbours(outside.random);
		this.gate = new Gate({ ...outside, revoked: new RevokedTokens(outside.random) });
	}

	/** Takes work on, behind what there is. @returns when it is done. */
	work(costMs: number, nowMs: number): number {
		this.#freeMs = Math.max(this.#freeMs, nowMs) + costMs / (1 - Math.min(0.95, this.load));
		this.#lateMs = Math.max(this.#lateMs, this.#freeMs - nowMs);
		this.#worked += costMs;
		return this.#freeMs;
	}

	/** How late its loop was, and which share of its core it used, since the last look. */
	look(nowMs: number): { loopDelayP99Ms: number; cpuShare: number } {
		const behindMs = Math.max(0, this.#freeMs - nowMs);
		const loopDelayP99Ms = Math.max(this.#lateMs, behindMs);
		const cpuShare = behindMs > 0 ? 1 : Math.min(1, this.load + this.#worked / LOOK_MS);
		this.#lateMs = 0;
		this.#worked = 0;
		return { loopDelayP99Ms, cpuShare };
	}
}

/** Somebody honest: the real link of the player, and what a browser keeps. */
class Person {
	readonly link: PushLink;
	readonly nth: number;
	readonly address: ClientAddress;
	readonly rttMs: number;
	token: string | undefined;
	asking = false;
	page: Connection | undefined;
	push: Connection | undefined;
	heard = false;
	left = false;
	/** Since when it has been hearing without a break, and with how much in reserve then. */
	sinceMs = 0;
	startMs = WRITE_MS.beat + 500;
	lostMs: number | undefined;
	aheadMs = 0;
	pageFailures = 0;

	constructor(nth: number, address: ClientAddress, rttMs: number, random: () => number) {
		this.nth = nth;
		this.address = address;
		this.rttMs = rttMs;
		this.link = new PushLink(random);
	}
}

/**
 * An evening in simulated time: everybody comes around the announced start, some of them to do harm, and a tenth of the
 * edges dies in the middle.
 *
 * The real code decides: of the player the link that brings sound with its back-off and its spread over the reserve;
 * of the shield, for each edge, connection budget, neighbours, gate with tokens and limits, and for all of them ladder
 * and line. Everybody is simulated, none by sample. Not simulated: packets, page loads in detail, segments instead of
 * the push. An edge is one core that does its work in the order in which it came, at measured costs; polls of the state
 * are only counted as work, by their mean.
 */
export function simulateCrowd(options: CrowdOptions): CrowdResult {
	return new Crowd(options).run();
}

class Crowd {
	readonly #options: CrowdOptions;
	readonly #random: Random;
	readonly #unit: () => number;
	readonly #time = new Timeline(1_000 * BEFORE_S, 1_000 * AFTER_S);
	readonly #edges: Edge[];
	/** Where a newcomer is sent. */
	#living: Edge[];
	readonly #steward: Steward;
	readonly #target = new Dial().targetMs({ write: "beat", reserveMs: 6_000 }, false);
	readonly #seconds: CrowdSecond[] = [];
	readonly #cameMs: Float64Array;
	readonly #waitedMs: Float64Array;
	readonly #gaps: { audibleMs: number; full: boolean; awayMs: number }[] = [];
	readonly #steps: { atS: number; to: string; cause: string }[] = [];
	readonly #forgedMint: TokenMint;
	#honestIn = 0;
	#hostileIn = 0;
	#waiting = 0;
	#pushedOut = 0;
	#connectionsMost = 0;
	#notBack = 0;
	#connectionId = 0;
	/** Admitted connections of hostile ones. */
	readonly #sitters = new Set<Connection>();

	constructor(options: CrowdOptions) {
		this.#options = options;
		this.#random = seededRandom(options.seed);
		this.#unit = this.#random.unit;
		const clock: Clock = {
			monoMs: () => (this.#time.nowMs + 1_000 * BEFORE_S + 1_000) as MonoMs,
			unixMs: () => this.#unixMs(),
			wakeAt: () => {
				throw new Error("Cannot wake anybody as the shield has no timers of its own");
			},
		};
		const mint = new TokenMint(this.#random.bytes(32));
		this.#forgedMint = new TokenMint(this.#random.bytes(32));
		const make = () => new Edge(options.connectionsMax, { clock, random: this.#random, mint });
		this.#edges = Array.from({ length: options.edges }, make);
		this.#living = this.#edges;
		this.#steward = new Steward(this.#random);
		const honest = options.players - Math.round(options.players * options.hostileShare);
		this.#cameMs = Float64Array.from({ length: honest }, () => this.#arrivalMs()).sort();
		this.#waitedMs = new Float64Array(honest).fill(Number.POSITIVE_INFINITY);
		for (let atS = -BEFORE_S; atS < AFTER_S; atS += 1) {
			this.#seconds.push({
				...{ atS, level: 0, came: 0, heard: 0, inside: 0, insideHostile: 0, waiting: 0, capacity: 0, requests: 0 },
				...{ lateMs: 0, refused: {} },
			});
		}
	}

	run(): CrowdResult {
		const bytesBefore = buffersBytes();
		const time = this.#time;
		for (let nth = 0; nth < this.#cameMs.length; nth += 1) this.#cameMs[nth] = time.round(this.#cameMs[nth] as number);
		this.#comeFrom(0);
		this.#attack();
		for (const edge of this.#edges) this.#report(edge);
		time.every(LOOK_MS, () => this.#look());
		time.at(1_000 * this.#options.lossAtS, () => this.#loseEdges());
		time.run();
		const growth = buffersBytes() - bytesBefore;
		const digest = createHash("sha256").update(JSON.stringify(this.#seconds)).update(this.#waitedMs).digest("hex");
		return {
			options: this.#options,
			seconds: this.#seconds,
			cameMs: this.#cameMs,
			waitedMs: this.#waitedMs,
			gaps: this.#gaps,
			notBack: this.#notBack,
			pushedOut: this.#pushedOut,
			connectionsMost: this.#connectionsMost,
			steps: this.#steps,
			shieldBytes: bytesBefore,
			shieldGrowthBytes: growth,
			digest,
		};
	}

	#unixMs(): UnixMs {
		return (T_UNIX_MS + this.#time.nowMs) as UnixMs;
	}

	get #second(): CrowdSecond {
		return this.#seconds[Math.floor(this.#time.nowMs / 1_000) + BEFORE_S] as CrowdSecond;
	}

	/** A third comes before the start, later ones more; most in the first minutes after it, as after a post to many; then a long tail. */
	#arrivalMs(): number {
		const kind = this.#unit();
		const exponential = (meanS: number) => -meanS * Math.log(1 - this.#unit());
		const atS =
			kind < 0.35
				? -(exponential(120) % BEFORE_S)
				: kind < 0.8
					? exponential(60)
					: 20 * ((1 - this.#unit()) ** (-1 / 1.1) - 1);
		return 1_000 * Math.min(atS, 0.6 * AFTER_S * (0.9 + 0.1 * this.#unit()));
	}

	/** One after the other, so that who is to come takes no memory. */
	#comeFrom(nth: number): void {
		const cameMs = this.#cameMs[nth];
		if (cameMs === undefined) return;
		this.#time.at(cameMs, () => {
			let next = nth;
			for (; this.#cameMs[next] === cameMs; next += 1) this.#come(next);
			this.#comeFrom(next);
		});
	}

	#come(nth: number): void {
		const rttMs = 15 + 100 * this.#unit() ** 3 + (this.#unit() < 0.05 ? 250 : 0);
		const person = new Person(nth, this.#honestAddress(nth), rttMs, this.#unit);
		this.#second.came += 1;
		this.#waiting += 1;
		this.#openPage(person);
	}

	// What people do

	#openPage(person: Person): void {
		const { costs } = this.#options;
		const again = () => {
			// People reload; a browser's own pace is no slower than the player's.
			const delayMs = 1_000 + backOffMs(person.pageFailures, this.#unit());
			person.pageFailures += 1;
			this.#after(delayMs, () => this.#openPage(person));
		};
		let loaded = false;
		const lost = () => {
			if (!loaded) again();
		};
		this.#connect(person, 1_000 / costs.handshakesFullPerS, lost, (connection) => {
			const { edge } = connection;
			this.#complete(connection);
			edge.budget.move(connection, "idle", this.#mono());
			this.#second.requests += PAGE_REQUESTS;
			const doneMs = edge.work((PAGE_REQUESTS * costs.requestUs) / 1_000, this.#time.nowMs);
			loaded = true;
			person.page = connection;
			this.#time.at(doneMs + 2 * person.rttMs, () => this.#openPush(person));
		});
	}

	#openPush(person: Person): void {
		const { link } = person;
		if (person.left || link.isOpen) return;
		if (!link.mayOpen(this.#time.nowMs)) return this.#againLater(person);
		this.#connectionId += 1;
		const id = this.#connectionId;
		link.open(id, this.#time.nowMs);
		const lost = () => {
			if (link.is(id)) this.#lost(person, 0);
		};
		const costMs = 1_000 / this.#options.costs.handshakesResumedPerS;
		const connection = this.#connect(person, costMs, lost, (open) => this.#askForSound(person, open));
		this.#ask(person);
		if (!connection) return;
		person.push = connection;
		if (this.#answeredMs - this.#time.nowMs < SILENT_MS) return;
		this.#after(SILENT_MS + 20, () => {
			if (!link.is(id) || !link.isSilent(this.#time.nowMs, WRITE_MS.beat)) return;
			this.#lost(person, 0);
			this.#drop(connection, false);
		});
	}

	#askForSound(person: Person, connection: Connection): void {
		const { edge } = connection;
		this.#complete(connection);
		this.#second.requests += 1;
		const passage = edge.gate.pass(INTERVIEW, person.token);
		const doneMs = edge.work(this.#options.costs.requestUs / 1_000, this.#time.nowMs) + person.rttMs / 2;
		if (passage.kind === "in") {
			edge.budget.move(connection, "admitted", this.#mono());
			edge.neighbours.trust(connection.address);
			if (passage.token !== undefined) person.token = passage.token;
			this.#honestIn += 1;
			this.#time.at(doneMs, () => this.#hears(person, connection));
			return;
		}
		edge.budget.move(connection, "closing", this.#mono());
		this.#time.at(doneMs, () => this.#drop(connection, false));
		const isBad = !["no_token", "not_yet", "shed", "too_often"].includes(passage.reason);
		this.#refused(isBad ? `honest_${passage.reason}` : passage.reason);
		if (isBad) person.token = undefined;
		if (passage.reason !== "too_often") this.#ask(person);
		this.#lost(person, 1_000 * retryAfterS(passage.waitMs));
	}

	#hears(person: Person, connection: Connection): void {
		if (connection.gone) return;
		const nowMs = this.#time.nowMs;
		person.link.answered(nowMs);
		person.link.brought(1, nowMs);
		if (!person.heard) {
			person.heard = true;
			this.#waiting -= 1;
			this.#second.heard += 1;
			this.#waitedMs[person.nth] = nowMs - (this.#cameMs[person.nth] as number);
			this.#after(-1_000 * this.#options.stayMeanS * Math.log(1 - this.#unit()), () => this.#leave(person));
		}
		if (person.lostMs !== undefined) {
			const awayMs = nowMs - person.lostMs;
			const full = person.aheadMs >= this.#target - 1;
			this.#gaps.push({ audibleMs: Math.max(0, awayMs - person.aheadMs), full, awayMs });
			this.#notBack -= 1;
			person.lostMs = undefined;
			person.startMs = person.aheadMs;
		}
		person.sinceMs = nowMs;
	}

	#leave(person: Person): void {
		person.left = true;
		if (person.lostMs !== undefined) this.#notBack -= 1;
		const wasIn = this.#isIn(person.push);
		person.link.drop();
		if (person.push) this.#drop(person.push, false);
		if (wasIn) this.#honestIn -= 1;
	}

	/** A push that ended or was refused: the link says when it is asked for again. */
	#lost(person: Person, retryAfterMs: number): void {
		const nowMs = this.#time.nowMs;
		const wasHearing = person.link.toSample !== undefined;
		if (wasHearing) {
			// Played a little slower until the reserve is full.
			const grownMs = (1 - SLOW_RATE) * (nowMs - person.sinceMs);
			person.aheadMs = Math.min(this.#target, person.startMs + grownMs);
			person.lostMs = nowMs;
			this.#notBack += 1;
		}
		const leftMs = person.lostMs === undefined ? 0 : Math.max(0, person.aheadMs - (nowMs - person.lostMs));
		person.link.lost(nowMs, leftMs, retryAfterMs);
		this.#againLater(person);
	}

	#againLater(person: Person): void {
		const againMs = person.link.againMs;
		if (againMs !== undefined) this.#time.at(againMs, () => this.#openPush(person));
	}

	/** As `web/player/ticket.ts`: one token, asked for again when there is none. */
	#ask(person: Person): void {
		if (person.token !== undefined || person.asking || !this.#living.length) return;
		person.asking = true;
		const edge = person.page && !person.page.gone ? person.page.edge : this.#anyEdge();
		this.#second.requests += 1;
		const doneMs = edge.work(this.#options.costs.requestUs / 1_000, this.#time.nowMs) + person.rttMs;
		this.#time.at(doneMs, () => {
			person.asking = false;
			if (!edge.alive) return;
			const id = hexOf(person.nth, this.#options.seed);
			const minted = edge.gate.mintFor(person.address, INTERVIEW, id);
			if (minted.kind === "minted") person.token ??= minted.token;
			else this.#refused("token_later");
		});
	}

	// What attackers do

	#attack(): void {
		const count = Math.round(this.#options.players * this.#options.hostileShare);
		for (let nth = 0; nth < count; nth += 1) {
			let share = this.#unit();
			const attack = ATTACKERS.find(([, part]) => (share -= part) < 0)?.[0] ?? "flood_many";
			const fromMs = 1_000 * (ATTACK_FROM_S + (ATTACK_OVER_S - ATTACK_FROM_S - 60) * this.#unit());
			const address = this.#hostileAddress(nth, attack);
			this.#time.at(fromMs, () => this.#strike({ address, rttMs: 30 }, attack, 0));
		}
	}

	#strike(actor: { readonly address: ClientAddress; readonly rttMs: number }, attack: Attack, nth: number): void {
		const { costs } = this.#options;
		if (nth >= ATTACKS && attack !== "sitter") return;
		const again = () => {
			const next = ATTACK_EVERY_MS * (0.5 + this.#unit());
			this.#after(next, () => this.#strike(actor, attack, nth + 1));
		};
		// Who never finishes a head is dropped in the end, and comes again; one that sits comes back, too.
		const lost = attack === "slow_head" || attack === "sitter" ? again : () => {};
		if (attack !== "slow_head" && attack !== "sitter") again();
		// Tools resume nothing.
		const costMs = 1_000 / costs.handshakesFullPerS;
		this.#connect(actor, costMs, lost, (connection) => {
			if (attack === "slow_head") return;
			const { edge } = connection;
			this.#complete(connection);
			this.#second.requests += 1;
			const passage = edge.gate.pass(INTERVIEW, attack === "forged" ? this.#forged() : undefined);
			edge.work(costs.requestUs / 1_000, this.#time.nowMs);
			if (passage.kind === "in" && attack === "sitter") {
				edge.budget.move(connection, "admitted", this.#mono());
				this.#sitters.add(connection);
				this.#hostileIn += 1;
				return;
			}
			if (passage.kind === "out") this.#refused(`hostile_${passage.reason}`);
			edge.budget.move(connection, "closing", this.#mono());
			this.#after(actor.rttMs, () => this.#drop(connection, attack === "sitter"));
		});
	}

	#forged(): string {
		const id = hexOf(Math.floor(this.#unit() * 2 ** 32), 1);
		const token = { interviewId: INTERVIEW, tokenClass: "returning", lifeMs: 3_600_000, id } as const;
		return this.#forgedMint.issue(token, this.#unixMs(), this.#random);
	}

	// What the doors do, as `src/edge/door.ts`

	/** When the last one that connected has its handshake behind it. */
	#answeredMs = 0;

	/** @param lost it was refused, dropped, or its edge died. @param request its handshake is done. */
	#connect(
		actor: { readonly address: ClientAddress; readonly rttMs: number },
		costMs: number,
		lost: () => void,
		request: (connection: Connection) => void,
	): Connection | undefined {
		const { address, rttMs } = actor;
		const refuse = (reason: string | undefined) => {
			if (reason !== undefined) this.#refused(reason);
			this.#after(rttMs, lost);
			return undefined;
		};
		if (!this.#living.length) return refuse(undefined);
		const edge = this.#anyEdge();
		const nowMs = this.#time.nowMs;
		edge.work(ACCEPT_MS, nowMs);
		const refusal = edge.neighbours.admit(address, this.#mono());
		if (refusal) return refuse(refusal);
		const connection: Connection = { edge, address, unfinished: true, gone: false, lost };
		const dropped = edge.budget.admit(connection, this.#mono());
		if (dropped === connection) {
			edge.neighbours.finished(address);
			return refuse("full");
		}
		if (dropped) {
			if (dropped.unfinished) edge.neighbours.suspect(dropped.address, this.#mono());
			this.#refused("evicted");
			this.#drop(dropped, true);
		}
		if (edge.neighbours.isSuspect(address, this.#mono())) edge.budget.suspect(connection);
		this.#connectionsMost = Math.max(this.#connectionsMost, edge.budget.count);
		this.#answeredMs = edge.work(costMs, nowMs) + 2 * rttMs;
		this.#time.at(this.#answeredMs, () => {
			if (!connection.gone) request(connection);
		});
		return connection;
	}

	#complete(connection: Connection): void {
		connection.unfinished = false;
		connection.edge.neighbours.finished(connection.address);
	}

	#isIn(connection: Connection | undefined): boolean {
		return connection !== undefined && connection.edge.budget.stateOf(connection) === "admitted";
	}

	/** @param tell the client sees it end. */
	#drop(connection: Connection, tell: boolean): void {
		if (connection.gone) return;
		connection.gone = true;
		if (this.#isIn(connection) && tell && connection.edge.alive) this.#pushedOut += 1;
		connection.edge.budget.remove(connection);
		if (connection.unfinished) connection.edge.neighbours.finished(connection.address);
		if (tell) connection.lost();
	}

	#loseEdges(): void {
		const count = Math.round(this.#edges.length * this.#options.lostShare);
		const dead = this.#edges.slice(0, count);
		this.#living = this.#edges.slice(count);
		for (const edge of dead) {
			edge.alive = false;
			for (const connection of [...edge.budget.all()]) {
				// Seen by everybody on the edge within a round trip; the kernel of a killed process closes what it had open.
				if (this.#isIn(connection)) this.#countOut(connection);
				this.#drop(connection, true);
			}
		}
	}

	#countOut(connection: Connection): void {
		if (this.#sitters.has(connection)) this.#hostileIn -= 1;
		else this.#honestIn -= 1;
	}
	// What house does

	#report(edge: Edge): void {
		let [loopDelayP99Ms, cpuShare, looks] = [0, 0, 0];
		const worker = this.#edges.indexOf(edge);
		const look = () => {
			if (!edge.alive) return;
			const { costs, connectionsMax } = this.#options;
			const nowMs = this.#time.nowMs;
			const seen = edge.look(nowMs);
			loopDelayP99Ms = Math.max(loopDelayP99Ms, seen.loopDelayP99Ms);
			cpuShare += seen.cpuShare;
			looks += 1;
			const admitted = edge.budget.admittedCount;
			const admittedShare = admitted / connectionsMax;
			edge.gate.takeStrain(strainOf(seen));
			for (const [connection, state] of [...edge.budget.expired(this.#mono())]) {
				if (state === "head") edge.neighbours.suspect(connection.address, this.#mono());
				this.#drop(connection, state === "head");
			}
			// A poll comes after more than the 15 s an idle connection is kept, so with a handshake of its own.
			const pollsPerS = admitted / POLL_LISTENING_S;
			const waitingPolls = this.#waiting / Math.max(1, this.#living.length) / POLL_WAITING_S;
			this.#second.requests += ((pollsPerS + waitingPolls) * LOOK_MS) / 1_000;
			edge.load =
				(admitted * costs.listenerUsPerS + (pollsPerS + waitingPolls) * costs.requestUs) / 1e6 +
				pollsPerS / costs.handshakesResumedPerS;
			this.#second.lateMs = Math.max(this.#second.lateMs, seen.loopDelayP99Ms);
			// Timers are as late as the loop.
			this.#time.at(nowMs + Math.max(LOOK_MS, seen.loopDelayP99Ms), look);
			if (looks < REPORT_MS / LOOK_MS) return;
			const report = { loopDelayP99Ms, cpuShare: cpuShare / looks, admittedShare, admitted, connectionsMax };
			this.#steward.takeReport(worker, { ...report, minted: edge.gate.minted }, this.#mono());
			[loopDelayP99Ms, cpuShare, looks] = [0, 0, 0];
		};
		this.#time.at(-1_000 * BEFORE_S + LOOK_MS * (1 + (worker % 4) / 4), look);
	}

	#look(): void {
		const step = this.#steward.tick([INTERVIEW], this.#mono(), this.#unixMs());
		const { level } = this.#steward;
		if (step) this.#steps.push({ atS: this.#time.nowMs / 1_000, to: step.to, cause: step.cause });
		const stand = this.#steward.standOf(INTERVIEW);
		for (const edge of this.#living) edge.gate.takeStand(INTERVIEW, level, stand);
		const second = this.#second;
		second.level = Math.max(second.level, LEVELS.indexOf(level));
		second.inside = this.#honestIn;
		second.insideHostile = this.#hostileIn;
		second.waiting = this.#waiting;
		second.capacity = this.#living.length * this.#options.connectionsMax;
	}

	// Small things

	#mono(): MonoMs {
		return (this.#time.nowMs + 1_000 * BEFORE_S + 1_000) as MonoMs;
	}

	#after(delayMs: number, then: () => void): void {
		this.#time.at(this.#time.nowMs + delayMs, then);
	}

	/** The kernel, or the name service, deals newcomers out evenly. */
	#anyEdge(): Edge {
		return this.#living[Math.floor(this.#unit() * this.#living.length)] as Edge;
	}

	#refused(reason: string): void {
		const { refused } = this.#second;
		refused[reason] = (refused[reason] ?? 0) + 1;
	}

	#honestAddress(nth: number): ClientAddress {
		const isShared = this.#unit() < SHARED_SHARE;
		const shared = Math.floor(nth / PEOPLE_PER_ADDRESS) * 256;
		if (isShared) return { family: 4, words: [0, 0, 0, (0x64000000 + shared) >>> 0] };
		if (nth % 2 === 0) return { family: 6, words: [0x2a000000 + (nth >>> 8), (nth << 24) >>> 0, 0, 1] };
		return { family: 4, words: [0, 0, 0, (0x50000000 + nth * 7) >>> 0] };
	}

	#hostileAddress(nth: number, attack: Attack): ClientAddress {
		const few = ((nth % FEW_PREFIXES) << 8) + ((nth * 31) & 0xff);
		const word = attack === "flood_few" ? 0xc6000000 + few : 0x90000000 + nth * 61;
		return { family: 4, words: [0, 0, 0, word >>> 0] };
	}
}

function buffersBytes(): number {
	return process.memoryUsage().arrayBuffers;
}

/** 24 digits that tell a person from others. */
function hexOf(nth: number, seed: number): string {
	return (nth.toString(16).padStart(12, "0") + (seed >>> 0).toString(16).padStart(12, "0")).slice(-24);
}
