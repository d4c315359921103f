import { join } from "node:path";
import * as z from "zod/mini";
import { type Clock, everyMs, systemRandom, unpackPieces } from "#base/index.ts";
import { BusError } from "#bus/index.ts";
import { Counters, createInterviewEvents, loadPages, Mp3Recordings, PublicSite } from "#interviews/index.ts";
import { openDisk } from "#objects/index.ts";
import { createShieldEvents, type LadderStep, Steward, savedSteward } from "#shield/index.ts";
import {
	ALL_BROADCAST_REPORTS,
	ALL_EDGE_REPORTS,
	ALL_INTERVIEW_CHANGES,
	ALL_STAGE_REPORTS,
	ALL_TIMELINES,
	broadcastReport,
	edgeReport,
	HOUSE_SYNC,
	INTERVIEWS_REQUEST,
	type InterviewFacts,
	interviewFacts,
	LEVEL_CHANGES,
	LEVEL_COMMANDS,
	type LevelCommand,
	levelCommand,
	MP3_RECORDING_WISHES,
	type PlatformSettings,
	type ProgrammeTimeline,
	programmeTail,
	programmeTimeline,
	readJson,
	SITE_REQUEST,
	stageReport,
	timelineKey,
	writeJson,
} from "#wire/index.ts";
import { makeMp3InThread } from "./mp3-maker.ts";
import type { Outside } from "./outside.ts";

const STEWARD_EVERY_MS = 250;
/** Where the level, its records and the lines are kept, and how often while there is a crowd. */
const STEWARD_KEY = "platform/steward.json";
const SAVE_EVERY_MS = 1_000;
/** Edges wait for us, and we for control: each waits at most this longer than it must when the platform starts. */
const ASK_EVERY_MS = 100;
const ASK_TIMEOUT_MS = 2_000;

/** The house process: what the public is told. Disposed in the opposite order. */
export async function startHouse(settings: PlatformSettings, outside: Outside): Promise<AsyncDisposable> {
	const { clock, bus, log } = outside;
	const events = createInterviewEvents(log, new Counters());
	const objects = openDisk(settings.objectsDir);
	await using parts = new AsyncDisposableStack();

	const pages = await loadPages(
		join(settings.webDir, "..", "server", "pages.js"),
		{ publicUrl: settings.publicUrl },
		events,
	);
	const saved = await objects
		.read(STEWARD_KEY)
		.then((bytes) => bytes && readJson(savedSteward, bytes))
		.catch(() => undefined);
	const steward = new Steward(systemRandom, saved, clock.unixMs());
	const shieldEvents = createShieldEvents(log);
	const site = parts.use(
		new PublicSite({
			clock,
			bus,
			pages,
			admissionOf: (interviewId) => ({ level: steward.level, line: steward.standOf(interviewId) }),
		}),
	);
	parts.use(
		everyMs(clock, STEWARD_EVERY_MS, () => {
			const step = steward.tick([...site.withSound()], clock.monoMs(), clock.unixMs());
			if (step) changed(step);
		}),
	);
	const tellLevel = () => bus.publish(LEVEL_CHANGES, writeJson(steward.view));
	const changed = (step: LadderStep) => {
		shieldEvents.levelChanged(step);
		tellLevel();
	};
	parts.use(
		bus.respond(LEVEL_COMMANDS, (payload) => {
			const command = readJson(levelCommand, payload);
			const step = carryOut(command, steward, clock);
			if (step) changed(step);
			return writeJson({ done: step !== undefined, view: steward.view });
		}),
	);
	parts.use(bus.onConnect(tellLevel));
	tellLevel();
	parts.use(
		everyMs(clock, SAVE_EVERY_MS, () => {
			const now = steward.save(clock.unixMs());
			if (now) objects.write(STEWARD_KEY, writeJson(now)).then(() => steward.confirmSaved(now), shieldEvents.notSaved);
		}),
	);
	const lastWord = (subject: string) => subject.slice(subject.lastIndexOf(".") + 1);
	parts.use(
		bus.subscribe(ALL_INTERVIEW_CHANGES, (payload) => {
			site.takeFacts(readJson(interviewFacts, payload));
			findTimelines();
		}),
	);
	parts.use(bus.subscribe(ALL_TIMELINES, (payload) => site.takeTimeline(readJson(programmeTimeline, payload))));
	parts.use(
		bus.subscribe(ALL_STAGE_REPORTS, (p, subject) => site.takeStage(lastWord(subject), readJson(stageReport, p))),
	);
	parts.use(
		bus.subscribe(ALL_BROADCAST_REPORTS, (p, subject) =>
			site.takeBroadcast(lastWord(subject), readJson(broadcastReport, p)),
		),
	);
	parts.use(
		bus.subscribe(ALL_EDGE_REPORTS, (payload) => {
			const report = readJson(edgeReport, payload);
			site.takeEdge(report);
			const admittedShare = report.admitted / report.connectionsMax;
			steward.takeReport(report.worker, { ...report, admittedShare }, clock.monoMs());
		}),
	);

	// Asked until control answers, and again after each connection: what was said meanwhile was missed.
	let known = false;
	let asking = false;
	const knownOnce = Promise.withResolvers<void>();
	const askFacts = async () => {
		if (asking) return;
		asking = true;
		try {
			const answer = await bus.request(INTERVIEWS_REQUEST, new Uint8Array(0), { timeoutMs: ASK_TIMEOUT_MS });
			for (const facts of readJson(z.array(interviewFacts), answer)) site.takeFacts(facts);
			known = true;
			knownOnce.resolve();
			findTimelines();
		} catch (error) {
			if (!(error instanceof BusError)) throw error;
		} finally {
			asking = false;
		}
	};
	parts.use(
		bus.onConnect(() => {
			known = false;
			void askFacts();
		}),
	);
	parts.use(
		everyMs(clock, ASK_EVERY_MS, () => {
			if (!known) void askFacts();
			findTimelines();
		}),
	);

	/** A running broadcast tells its timeline; of one that is over it is on the disk. */
	const asked = new Map<string, number>();
	const findTimelines = () => {
		const nowMs = clock.monoMs();
		for (const facts of site.withoutTimeline()) {
			if (nowMs - (asked.get(facts.interviewId) ?? Number.NEGATIVE_INFINITY) < ASK_TIMEOUT_MS) continue;
			asked.set(facts.interviewId, nowMs);
			readTimeline(facts).then(
				(timeline) => {
					if (timeline) site.takeTimeline(timeline);
				},
				(error: unknown) => events.timelineUnreadable(facts.slug, error),
			);
		}
	};
	const readTimeline = async ({ interviewId, phase }: InterviewFacts): Promise<ProgrammeTimeline | undefined> => {
		if (phase !== "ended" && phase !== "cancelled") {
			try {
				const payload = writeJson({ partsMax: 0 });
				const answer = await bus.request(programmeTail(interviewId), payload, { timeoutMs: ASK_TIMEOUT_MS });
				return programmeTimeline.parse(unpackPieces(answer).json);
			} catch (error) {
				if (!(error instanceof BusError)) throw error;
			}
		}
		const stored = await objects.read(timelineKey(interviewId));
		return stored && readJson(programmeTimeline, stored);
	};

	const mp3 = new Mp3Recordings({
		clock,
		objects,
		events,
		make: (interviewId, onProgress) => makeMp3InThread({ objectsDir: settings.objectsDir, interviewId }, onProgress),
	});
	parts.use(bus.respond(MP3_RECORDING_WISHES, (payload) => mp3.answer(payload)));

	// An edge that asks before we know anything would take it for a site without interviews, and say 404 to the first visitors.
	parts.use(
		bus.respond(SITE_REQUEST, async () => {
			await knownOnce.promise;
			return writeJson(site.site());
		}),
	);
	parts.use(
		bus.respond(HOUSE_SYNC, () => {
			site.flush();
			return new Uint8Array(0);
		}),
	);

	const running = parts.move();
	return { [Symbol.asyncDispose]: () => running.disposeAsync() };
}

function carryOut(command: LevelCommand, steward: Steward, clock: Clock): LadderStep | undefined {
	const [nowMs, nowUnixMs] = [clock.monoMs(), clock.unixMs()];
	switch (command.kind) {
		case "look":
			return undefined;
		case "pin":
			return steward.pin(command.level, command.reason, nowMs, nowUnixMs);
		case "release":
			return steward.release(command.reason, nowMs, nowUnixMs);
	}
}
