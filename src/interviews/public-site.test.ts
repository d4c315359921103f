import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { FakeClock } from "#base/index.ts";
import { LocalHub } from "#bus/index.ts";
import {
	ALL_SITE_ENTRIES,
	type EdgeReport,
	type InterviewFacts,
	PART_MS,
	type ProgrammeTimeline,
	type PublicState,
	publicState,
	readJson,
	type SiteEntry,
	type StageReport,
	siteEntry,
} from "#wire/index.ts";
import { Counters, createInterviewEvents } from "./events.ts";
import { loadPages } from "./page-module.ts";
import { type Pages, PublicSite } from "./public-site.ts";
import { deliveryFor, SMALL_ROOM } from "./public-state.ts";

const FACTS: InterviewFacts = {
	interviewId: "i1",
	slug: "talk",
	title: "A <talk>",
	description: "",
	listed: true,
	phase: "announced",
	announcedStartUnixMs: 1_000,
	timeZone: "Europe/Berlin",
	onAirUnixMs: null,
	endedUnixMs: null,
	lateReason: "",
	people: [
		{ seatId: "a", name: "Anna", role: "host" },
		{ seatId: "b", name: "Ben", role: "guest" },
	],
	removed: false,
};

const TRACK = { codecs: "opus", bitrateBps: 48_000, init: "" };
const TIMELINE: ProgrammeTimeline = {
	version: 1,
	interviewId: "i1",
	pathKey: "key",
	epochUnixMs: 0,
	tracks: { opus48: TRACK, opus24: TRACK, aac64: TRACK },
	cuts: [0],
	onAirPart: null,
	endPart: null,
	gaps: [],
	recording: null,
};

function stageOf(seats: Partial<StageReport["seats"][number]>[]): StageReport {
	const seat = {
		seatId: "a",
		sessionId: "s",
		place: "air",
		connection: "connected",
		muted: false,
		gainDb: 0,
		levelDbfs: -20,
		speaking: false,
		packets: 1,
		lossShare: 0,
		jitterMs: 0,
		bufferMs: 0,
		roundTripMs: null,
		driftPpm: null,
	} as const;
	return { seats: seats.map((more) => ({ ...seat, ...more })), tickLateP99Ms: 0, ticksLost: 0 };
}

function edgeOf(worker: number, settled: number, open: number): EdgeReport {
	const listeners = { talk: { settled, open, stalled: 0 } };
	const load = { connections: open, admitted: open, connectionsMax: 1_000, cpuShare: 0, loopDelayP99Ms: 0 };
	return { worker, pid: 1, listeners, heard: {}, ...load, minted: {}, refusedSinceStart: {} };
}

/** House without its process: what goes in, and what an edge hears. */
class World {
	readonly clock = new FakeClock();
	readonly hub = new LocalHub(this.clock);
	readonly heard: SiteEntry[] = [];
	renderedCount = 0;
	readonly site: PublicSite;
	admission: PublicState["admission"] = { level: "normal", line: null };

	constructor(pageBytes = 10, problem: Pages["problem"] = () => undefined) {
		this.hub.connect().subscribe(ALL_SITE_ENTRIES, (payload) => this.heard.push(readJson(siteEntry, payload)));
		const listen = (state: PublicState) => {
			this.renderedCount += 1;
			return `${state.title} ${"x".repeat(pageBytes)}`;
		};
		const pages = { listen, front: () => "front", problem };
		const admissionOf = () => this.admission;
		this.site = new PublicSite({ clock: this.clock, bus: this.hub.connect(), pages, admissionOf });
	}

	async pass(ms: number): Promise<PublicState[]> {
		const before = this.heard.length;
		this.clock.advance(ms);
		await new Promise((resolve) => setImmediate(resolve));
		return this.heard
			.slice(before)
			.filter((entry) => !entry.removed)
			.map((entry) => publicState.parse(JSON.parse(entry.stateJson)));
	}
}

test("one state per change, at most four a second, each with a higher revision", async () => {
	const world = new World();
	world.site.takeFacts({ ...FACTS, phase: "on_air", onAirUnixMs: 5 });
	world.site.takeTimeline({ ...TIMELINE, onAirPart: 15 });
	const states = await world.pass(0);
	for (let nth = 0; nth < 50; nth += 1) {
		world.site.takeStage("i1", stageOf([{ speaking: nth % 2 === 0 }, { seatId: "b", place: "green" }]));
		states.push(...(await world.pass(20)));
	}
	assert.ok(states.length >= 3 && states.length <= 7, `${states.length} states in a second`);
	for (const [nth, state] of states.entries()) {
		if (nth > 0) assert.ok(state.revision > (states[nth - 1]?.revision ?? 0));
	}
	assert.deepEqual(
		states.at(-1)?.people.map((person) => person.presence),
		["on_air", "seated"],
	);
	assert.deepEqual(await world.pass(1_000), [], "what does not change is not said again");
});

test("from level quiet on a state every 5 s; a step up and a change of phase do not wait", async () => {
	const world = new World();
	world.site.takeFacts({ ...FACTS, phase: "on_air", onAirUnixMs: 5 });
	world.site.takeTimeline({ ...TIMELINE, onAirPart: 15 });
	await world.pass(1_000);
	world.admission = { level: "lean", line: null };
	const [risen] = await world.pass(250);
	assert.deepEqual([risen?.admission.level, risen?.delivery.write], ["lean", "two_beats"]);
	const states: PublicState[] = [];
	for (let nth = 0; nth < 110; nth += 1) {
		world.site.takeStage("i1", stageOf([{ speaking: nth % 2 === 0 }]));
		states.push(...(await world.pass(100)));
	}
	assert.equal(states.length, 2);
	world.site.takeFacts({ ...FACTS, phase: "ended", onAirUnixMs: 5, endedUnixMs: world.clock.unixMs() });
	assert.equal((await world.pass(0)).at(-1)?.phase, "ended");
});

test("a change of phase does not wait, and neither does the recording", async () => {
	const world = new World();
	world.site.takeFacts(FACTS);
	world.site.takeFacts({ ...FACTS, phase: "doors" });
	world.site.takeTimeline(TIMELINE);
	world.site.takeFacts({ ...FACTS, phase: "on_air", onAirUnixMs: 5 });
	world.site.takeTimeline({
		...TIMELINE,
		onAirPart: 3,
		endPart: 9,
		recording: { m4aBytes: 1, oggBytes: 1, durationMs: 1 },
	});
	const states = await world.pass(0);
	assert.deepEqual(
		states.map((state) => [state.phase, state.programme?.onAirPart, state.programme?.recording]),
		[
			["announced", undefined, undefined],
			["doors", undefined, undefined],
			["doors", null, false],
			["on_air", null, false],
			["on_air", 3, true],
		],
	);
});

test("a state holds from the part that is being made; the end from the end; a stage that fell silent is nobody's presence", async () => {
	const world = new World();
	world.site.takeFacts({ ...FACTS, phase: "on_air", onAirUnixMs: 5 });
	world.site.takeTimeline({ ...TIMELINE, onAirPart: 3 });
	world.site.takeBroadcast("i1", {
		partIndex: 100,
		onAir: true,
		shortTermLufs: null,
		integratedLufs: null,
		truePeakDbtp: null,
		missedFrames: 0,
		tickLateP99Ms: 0,
		disk: "ok",
		holding: false,
	});
	await world.pass(2 * PART_MS);
	world.site.takeStage("i1", stageOf([{ speaking: true }]));
	const [spoken] = await world.pass(250);
	assert.equal(spoken?.people[0]?.speaking, true);
	assert.ok(spoken && spoken.atPart >= 103 && spoken.atPart <= 104);
	const silent = await world.pass(3_000);
	assert.deepEqual(
		silent.at(-1)?.people.map((person) => person.presence),
		["absent", "absent"],
	);
	world.site.takeTimeline({ ...TIMELINE, onAirPart: 3, endPart: 120 });
	world.site.takeFacts({ ...FACTS, phase: "ended", onAirUnixMs: 5, endedUnixMs: world.clock.unixMs() });
	const ended = await world.pass(0);
	assert.equal(ended.at(-1)?.atPart, 120);
});

test("listeners: summed over the workers, told every 5 s; a worker that is silent counts no more", async () => {
	const world = new World();
	world.site.takeFacts({ ...FACTS, phase: "on_air", onAirUnixMs: 5 });
	const told: number[] = [];
	for (let second = 0; second < 12; second += 1) {
		world.site.takeEdge(edgeOf(0, second, second));
		if (second < 3) world.site.takeEdge(edgeOf(1, 100, 100));
		told.push(...(await world.pass(1_000)).map((state) => state.listeners.drainingConnections));
	}
	assert.ok(told.length <= 5, `${told}`);
	assert.ok(told.includes(100) || told.some((count) => count > 100));
	assert.ok((told.at(-1) ?? 100) < 100);
});

test("what players heard: the last whole minute over all workers, from ten reports on, beside the count and never in it", async () => {
	const world = new World();
	world.site.takeFacts({ ...FACTS, phase: "on_air", onAirUnixMs: 5 });
	const nothing = { gapCount: 0, joinMs: [], distanceMs: [] };
	const say = (worker: number, players: number, gapMs: number) => {
		const reports = { push: players - 1, segments: 1, native: 0 };
		const sums = { ...nothing, reports, heardMs: players * 60_000 - gapMs, gapMs };
		world.site.takeEdge({ ...edgeOf(worker, 3, 3), heard: { i1: sums, elsewhere: sums } });
	};
	const told: PublicState["listeners"][] = [];
	const pass = async (ms: number) => told.push(...(await world.pass(ms)).map((state) => state.listeners));
	say(0, 9, 0);
	await pass(60_000);
	assert.ok(
		told.every(({ audible }) => audible === null),
		"nine say nothing about a room",
	);
	say(0, 8, 1_199);
	say(1, 4, 1);
	await pass(30_000);
	assert.equal(told.at(-1)?.audible, null, "the minute is not over");
	await pass(30_000);
	assert.deepEqual(told.at(-1)?.audible, { share: 0.9983, reports: 12 });
	assert.ok((told.at(-1)?.drainingConnections ?? 99) <= 6);
	await pass(60_000);
	assert.equal(told.at(-1)?.audible, null, "a minute in which nobody says anything");
});

test("deliveryFor(): parts in a small room, beats and a longer reserve in a mass room, and no flapping between", () => {
	const mass = deliveryFor(SMALL_ROOM, 200, "normal");
	assert.deepEqual(mass, { write: "beat", reserveMs: 6_000 });
	assert.equal(deliveryFor(SMALL_ROOM, 199, "quiet"), SMALL_ROOM);
	assert.equal(deliveryFor(mass, 151, "normal"), mass);
	assert.equal(deliveryFor(mass, 149, "normal"), SMALL_ROOM);
	assert.equal(deliveryFor(SMALL_ROOM, 1, "lean").write, "two_beats", "half the writes from lean on, in any room");
});

test("pages are made again when what they show changes, not with every breath", async () => {
	const world = new World();
	world.site.takeFacts({ ...FACTS, phase: "on_air", onAirUnixMs: 5 });
	world.site.takeStage("i1", stageOf([{}]));
	await world.pass(500);
	const before = world.renderedCount;
	for (let nth = 0; nth < 8; nth += 1) {
		world.site.takeStage("i1", stageOf([{ speaking: nth % 2 === 0 }]));
		await world.pass(250);
	}
	assert.equal(world.renderedCount, before);
	world.site.takeFacts({ ...FACTS, phase: "on_air", onAirUnixMs: 5, lateReason: "the train" });
	await world.pass(250);
	assert.equal(world.renderedCount, before + 2, "once per language");
});

test("a moved address leaves the old one; a removed interview answers 410 until its slug is given anew", async () => {
	const world = new World();
	world.site.takeFacts(FACTS);
	world.site.takeFacts({ ...FACTS, slug: "other" });
	await world.pass(250);
	world.site.takeFacts({ ...FACTS, slug: "other", removed: true });
	await world.pass(250);
	assert.deepEqual(
		world.heard.map((entry) => [entry.slug, entry.removed]),
		[
			["talk", false],
			["talk", true],
			["other", false],
			["other", true],
		],
	);
	world.site.takeFacts({ ...FACTS, interviewId: "i2", slug: "other" });
	await world.pass(250);
	assert.deepEqual(
		world.site.site().entries.map((entry) => [entry.slug, entry.interviewId, entry.removed]),
		[["other", "i2", false]],
	);
});

test("site(): what does not fit into one answer is published before it", async () => {
	const world = new World(200_000);
	for (let nth = 0; nth < 40; nth += 1) world.site.takeFacts({ ...FACTS, interviewId: `i${nth}`, slug: `s${nth}` });
	await world.pass(250);
	world.heard.length = 0;
	const { entries } = world.site.site();
	await world.pass(0);
	assert.ok(entries.length > 10 && entries.length < 40);
	assert.equal(new Set([...entries, ...world.heard].map((entry) => entry.slug)).size, 40);
});

test("site(): pages for what is not there, in each language, all of them or none", () => {
	const all = new World(10, (kind, language) => `${kind} ${language}`);
	assert.deepEqual(all.site.site().problems, {
		not_found: { en: "not_found en", de: "not_found de" },
		removed: { en: "removed en", de: "removed de" },
		unavailable: { en: "unavailable en", de: "unavailable de" },
	});
	const some = new World(10, (kind, language) => (kind === "removed" ? undefined : `${kind} ${language}`));
	assert.equal("problems" in some.site.site(), false);
});

test("without the build, or where it fails, a page without script still plays and says what is", async () => {
	const log: string[] = [];
	const events = createInterviewEvents((_, event) => log.push(event), new Counters());
	const pages = await loadPages("/nowhere/pages.js", { publicUrl: "http://rostra.test" }, events);
	const world = new World();
	world.site.takeFacts({ ...FACTS, phase: "on_air", onAirUnixMs: 5 });
	world.site.takeTimeline({ ...TIMELINE, onAirPart: 3 });
	const [state] = (await world.pass(250)).slice(-1);
	assert.ok(state);
	const page = pages.listen(state, "de");
	assert.match(page, /<audio controls preload="none"><source src="\/i\/talk\/hls\/index.m3u8">/);
	assert.match(page, /A &lt;talk&gt;/);
	assert.match(page, /Auf Sendung/);
	assert.match(pages.front([state], "en"), /href="\/i\/talk"/);
	assert.equal(pages.problem("not_found", "en"), undefined);
	assert.deepEqual(log, ["pages.missing"]);

	const path = join(await mkdtemp(join(tmpdir(), "rostra-pages-")), "pages.mjs");
	const failing = ["renderListenPage", "renderFrontPage", "renderErrorPage"];
	await writeFile(path, failing.map((name) => `export const ${name} = () => null.x;`).join("\n"));
	const broken = await loadPages(path, { publicUrl: "http://rostra.test" }, events);
	assert.equal(broken.listen(state, "de"), page);
	assert.match(broken.front([state], "en"), /href="\/i\/talk"/);
	assert.equal(broken.problem("removed", "de"), undefined);
	assert.deepEqual(log, ["pages.missing", "pages.failed", "pages.failed", "pages.failed"]);
	await rm(dirname(path), { recursive: true });
});
