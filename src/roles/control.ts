import { join } from "node:path";
import { everyMs } from "#base/index.ts";
import { Mirror, type MirrorEvents, openDatabase, standbyAt } from "#database/index.ts";
import {
	Counters,
	createAnnounce,
	createApi,
	createInterviewEvents,
	createSessionCookie,
	createStaffPages,
	createWhip,
	freeBytesIn,
	type Interview,
	interviewStore,
	isOver,
	Levels,
	Live,
	openDoor,
	parseInterview,
	runDemo,
} from "#interviews/index.ts";
import { openDisk } from "#objects/index.ts";
import { keepKey, People, SeatTokens } from "#people/index.ts";
import {
	CONTROL_COMMAND,
	type ControlAnswer,
	type ControlCommand,
	controlCommand,
	INTERVIEWS_REQUEST,
	interviewPrefix,
	type PlatformSettings,
	readJson,
	writeJson,
} from "#wire/index.ts";
import type { Outside } from "./outside.ts";

const FREE_SPACE_EVERY_MS = 5_000;
/** The studio is warned of an outage even while nothing is written. */
const DATABASE_EVERY_MS = 3_000;
/** Words are acknowledged or refused within a few seconds; what happens live does not wait at all. */
const QUERY_WITHIN_MS = 2_000;

/** The control process: people and their words come in here, and interviews happen. Disposed in the opposite order. */
export async function startControl(settings: PlatformSettings, outside: Outside): Promise<AsyncDisposable> {
	const { clock, random, bus, log } = outside;
	const counters = new Counters();
	const events = createInterviewEvents(log, counters);
	const directory = join(settings.dataDir, "control");
	await using parts = new AsyncDisposableStack();

	const tokens = new SeatTokens(await keepKey(join(directory, "seat-tokens.key"), random));
	const database = parts.use(openDatabase(settings.databaseUrl, { log, queryWithinMs: QUERY_WITHIN_MS }));
	const mirrorEvents = (what: string): MirrorEvents => ({
		storeLost: (waitingCount, error) => events.storeLost(what, waitingCount, error),
		storeReturned: () => events.storeReturned(what),
		standbyFailed: (error) => events.standbyFailed(what, error),
	});
	const [people, interviews] = await Promise.all([
		People.open({
			db: database.db,
			standby: standbyAt(join(directory, "sessions.json")),
			clock,
			random,
			events: mirrorEvents("sessions"),
		}),
		Mirror.open<Interview>({
			standby: standbyAt(join(directory, "interviews.json")),
			keyOf: (interview) => interview.interviewId,
			parse: parseInterview,
			keepInStandby: (interview) => !isOver(interview.lifecycle.phase),
			store: interviewStore(database.db),
			clock,
			events: mirrorEvents("interviews"),
		}),
	]);
	parts.use(people);
	parts.use(interviews);
	const { staffUrl, publicUrl, liveInterviewsMax } = settings;
	const announce = createAnnounce({ interviews, clock, random, staffUrl });
	const live = parts.use(
		new Live({ clock, random, bus, interviews, liveInterviewsMax, edgeWorkers: settings.edgeWorkers, events }),
	);

	const levels = parts.use(new Levels({ bus, clock }));

	const objects = openDisk(settings.objectsDir);
	let freeBytes = await freeBytesIn(settings.dataDir);
	parts.use(
		everyMs(clock, FREE_SPACE_EVERY_MS, () => {
			freeBytesIn(settings.dataDir).then(
				(bytes) => {
					freeBytes = bytes;
				},
				(error: unknown) => events.freeSpaceUnknown(error),
			);
		}),
	);
	let databaseAnswers = true;
	parts.use(
		everyMs(clock, DATABASE_EVERY_MS, () => {
			void database.isAvailable().then((answers) => {
				databaseAnswers = answers;
			});
		}),
	);
	const find = (key: string) => {
		const found = interviews.get(key) ?? announce.bySlug(key);
		return found?.removedUnixMs === null ? found : undefined;
	};
	const { iceServers } = settings;
	const api = createApi({
		clock,
		interviews,
		announce,
		live,
		levels,
		people,
		tokens,
		events,
		counters,
		iceServers,
		publicUrl,
		staffUrl,
		staffPort: settings.staffPort,
		liveInterviewsMax,
		databaseAnswers: () => databaseAnswers,
		freeBytes: () => freeBytes,
		removeRecording: (interviewId) => objects.remove(interviewPrefix(interviewId)),
	});

	parts.use(bus.respond(INTERVIEWS_REQUEST, () => writeJson(live.allFacts())));
	await live.start();
	parts.use(
		bus.respond(CONTROL_COMMAND, async (payload) => writeJson(await answer(readJson(controlCommand, payload)))),
	);
	const cookie = createSessionCookie({ people, staffPort: settings.staffPort });
	parts.use(
		await openDoor({
			host: settings.host,
			port: settings.staffPort,
			tls: settings.staffTls,
			clock,
			random,
			hasRight: (c) => cookie.sessionOf(c) !== undefined,
			apps: [
				["/whip", createWhip({ live, tokens, find, iceServers, events })],
				["/", api],
				["/", createStaffPages({ webDir: settings.webDir, publicUrl, events })],
			],
			events,
		}),
	);
	if (settings.demo) {
		const whipBase = `${settings.staffTls ? "https" : "http"}://${loopbackOf(settings.host)}:${settings.staffPort}`;
		const mayOpenAnother = (live.observed.process("control")?.restarts ?? 0) === 0;
		runDemo({ announce, live, tokens, clock, whipBase, mayOpenAnother }).catch((error: unknown) =>
			events.demoFailed(error),
		);
	}

	async function answer(command: ControlCommand): Promise<ControlAnswer> {
		switch (command.kind) {
			case "end": {
				const interview = find(command.slug);
				if (!interview)
					return { ok: false, text: `There is no interview "${command.slug}". Try: npm run -s rostra -- list` };
				const ended = await live.end(interview.interviewId, "command_line");
				if (!ended.ok) return { ok: false, text: ended.detail };
				return {
					ok: true,
					text: `Ended after ${(ended.durationMs / 1_000).toFixed(1)} s: ${publicUrl}/i/${interview.slug}`,
				};
			}
			case "sign_in_link":
				return { ok: true, text: `${staffUrl}/sign-in#${await people.makeSignInSecret()}` };
			case "list": {
				const lines = announce
					.kept()
					.map(({ slug, title, lifecycle }) => `${lifecycle.phase.padEnd(17)} ${slug.padEnd(24)} ${title}`);
				return { ok: true, text: lines.join("\n") || "No interview has been announced yet." };
			}
		}
	}

	const running = parts.move();
	return { [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/** Where a process of this machine reaches a door that listens on `host`. */
function loopbackOf(host: string): string {
	if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
	return host.includes(":") ? `[${host}]` : host;
}
