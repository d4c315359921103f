/** Starts and restarts the processes of the platform and carries their bus. Holds no state that matters. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Clock, createLog, everyMs, type Log, openOutput, pauseMs, systemRandom } from "#base/index.ts";
import { type Bus, connectBus, openHub } from "#bus/index.ts";
import {
	type CommandAs,
	liveInterviews,
	migrate,
	migrations,
	openDatabase,
	prepareEmbedded,
	waitForServer,
} from "#database/index.ts";
import {
	CONTROL_COMMAND,
	type ControlAnswer,
	type ControlCommand,
	controlAnswer,
	type PlatformSettings,
	PROCESS_READY,
	type ProcessRole,
	type ProcessStart,
	readJson,
	SITE_REQUEST,
	SUPERVISOR_COMMAND,
	SUPERVISOR_REPORT,
	type SupervisorReport,
	site,
	supervisorCommand,
	writeJson,
} from "#wire/index.ts";
import type { StartSettings } from "./settings.ts";
import { Child, type ChildOptions } from "./supervisor/child.ts";
import { openDataFolder, type Run, readRun } from "./supervisor/data-folder.ts";
import { diskOf, warningsOf } from "./supervisor/disk.ts";
import { checkPort } from "./supervisor/doors.ts";
import { SupervisorError } from "./supervisor/errors.ts";
import { createSupervisorEvents } from "./supervisor/events.ts";
import { LiveInterviews } from "./supervisor/live-interviews.ts";
import { openLogFiles } from "./supervisor/log-files.ts";
import { isUdpPortFree, MediaPorts } from "./supervisor/media-ports.ts";
import { askOwnDoor } from "./supervisor/own-door.ts";
import { makePrivateDir, removePrivateDir } from "./supervisor/private-dir.ts";
import { checkCertificate, ensurePlaceholder, staffCertificate } from "./supervisor/self-signed.ts";
import { handOutTicketKeys } from "./supervisor/ticket-keys.ts";

const REPORT_EVERY_MS = 2_000;
const TOKEN_KEY_BYTES = 32;
/** On an orderly stop processes leave within the first, PostgreSQL within the second: under 3 s together. */
const STOP_WITHIN_MS = 1_500;
const POSTGRES_STOP_WITHIN_MS = 900;
const DATABASE_WITHIN_MS = 30_000;
/** A process that ended this often before it was ready makes the start fail. */
const FAILED_STARTS_MAX = 4;
const DEMO_WITHIN_MS = 45_000;
/** HLS players begin three target durations, 12 s, before the end of the list (RFC 8216 §6.3.3): four segments of 3.84 s, all of them on air, so that the first thing heard is voices. */
const HLS_START_SEGMENTS = 4;
const POLL_MS = 50;
const ASK_WITHIN_MS = 5_000;
/** Ending an interview waits until its recording can be read. */
const COMMAND_WITHIN_MS = 30_000;

export type Platform = {
	readonly settings: PlatformSettings;
	/** Where the embedded database's files are; undefined with `databaseUrl`. */
	readonly clusterDir: string | undefined;
	/** A link that signs in whoever opens it first. */
	readonly signInLink: string;
	report(): Promise<SupervisorReport>;
	/** Stops everything, in under 3 s. Ends no interview: the next start goes on with it. */
	[Symbol.asyncDispose](): Promise<void>;
};

export type SupervisorOutside = {
	readonly clock: Clock;
	/** Tells a person who watches what is going on. */
	readonly say: (text: string) => void;
	/** Called with a line of a process' log, ours included, that is a warning or worse. */
	readonly showLog: (process: string, line: string) => void;
	/** What each process runs: `roles/process.ts`, or a stand-in in tests. */
	readonly entryPath: string;
};

/**
 * Starts the platform; settles when it can serve.
 *
 * @param signal stops a start that is under way; the promise is rejected with its reason once everything is stopped.
 * @throws SupervisorError, DatabaseError for what an operator can do something about.
 */
export async function startPlatform(
	wanted: StartSettings,
	outside: SupervisorOutside,
	signal: AbortSignal,
): Promise<Platform> {
	const { clock, say } = outside;
	await using parts = new AsyncDisposableStack();
	if (!existsSync(wanted.webDir)) {
		throw new SupervisorError(
			"pages_missing",
			`Cannot start as the pages must be in ${wanted.webDir}: use npm start, which builds them`,
		);
	}
	const folder = parts.use(await openDataFolder(wanted.dataDir));
	for (const path of folder.leftBehind?.temporaryDirs ?? []) await removePrivateDir(path);
	await checkPort("the listeners' door", "--public-port", wanted.host, wanted.publicPort, clock);
	await checkPort("the staff door", "--staff-port", wanted.host, wanted.staffPort, clock);
	const { tls, redirectPort } = wanted.publicDoor;
	if (redirectPort !== null)
		await checkPort("the port for plain HTTP", "--http-redirect-port", wanted.host, redirectPort, clock);
	if (tls && wanted.acme) await ensurePlaceholder(tls, wanted.acme.domain, clock);
	if (tls) await checkCertificate("the listeners' door", "--public-tls-cert and --public-tls-key", tls);
	const staffTls = await staffCertificate(wanted, clock);

	const busDir = await makePrivateDir();
	parts.defer(() => removePrivateDir(busDir));
	const { publicUrl, staffUrl } = wanted;
	const busPath = join(busDir, "bus");
	const run: Run = { pid: process.pid, busPath, publicUrl, staffUrl, temporaryDirs: [busDir] };
	await folder.note(run);
	const logsDir = join(wanted.dataDir, "logs");
	const logs = parts.use(await openLogFiles(logsDir, { clock, show: outside.showLog }));
	const output = openOutput(logs.open("supervisor"));
	parts.defer(() => output.flushed());
	const log = createLog({ clock, process: "supervisor", levelMin: wanted.logLevel, write: output.write });
	parts.use(await openHub(busPath, { log }));
	const bus = parts.use(await connectBus(busPath, { clock, log, connectWithinMs: ASK_WITHIN_MS }));

	const permanent = new Map<string, Child>();
	const allChildren = () => [...permanent.values(), ...interviews.children];
	const report = async (): Promise<SupervisorReport> => {
		const disk = await diskOf(wanted.dataDir);
		return { processes: allChildren().map((child) => child.status()), disk, warnings: warningsOf(disk) };
	};
	let isReporting = false;
	const tellReport = () => {
		if (isReporting) return;
		isReporting = true;
		setImmediate(async () => {
			isReporting = false;
			bus.publish(SUPERVISOR_REPORT, writeJson(await report()));
		});
	};
	const events = createSupervisorEvents(log);
	const startChild = (name: string, command: CommandAs, more: Partial<ChildOptions> = {}) =>
		new Child({ name, command, stopBy: "signal", clock, logs, events, onChange: tellReport, ...more });
	const startRole = (name: string, role: ProcessRole) =>
		startChild(name, commandOf({ name, role, settings: settingsFor(role, settings) }, outside.entryPath));
	const interviews = new LiveInterviews({
		ports: new MediaPorts(wanted.mediaPort, wanted.liveInterviewsMax, (port) => isUdpPortFree(wanted.host, port)),
		countMax: wanted.liveInterviewsMax,
		startChild: startRole,
	});
	const stopAll = (children: readonly Child[], withinMs: number) =>
		Promise.all(children.map((child) => child.stop(withinMs))).then(() => {});

	let databaseUrl = wanted.databaseUrl;
	let clusterDir: string | undefined;
	if (databaseUrl === null) {
		const embedded = await prepareEmbedded(wanted.dataDir, { clock, say });
		parts.defer(() => removePrivateDir(embedded.socketDir));
		run.temporaryDirs.push(embedded.socketDir);
		await folder.note(run);
		databaseUrl = embedded.url;
		clusterDir = embedded.clusterDir;
		const postgres = startChild("postgres", embedded.command, {
			stopBy: "stdin",
			pidOf: embedded.serverPid,
			becomesReady: () => waitForServer(embedded.url, { clock, withinMs: DATABASE_WITHIN_MS, signal }),
		});
		permanent.set(postgres.name, postgres);
		parts.defer(() => stopAll([postgres], POSTGRES_STOP_WITHIN_MS));
		await untilReady([postgres], clock, logsDir, signal);
	} else {
		say(`Connecting to the database, for up to ${DATABASE_WITHIN_MS / 1_000} s …`);
		await waitForServer(databaseUrl, { clock, withinMs: DATABASE_WITHIN_MS, signal });
	}
	{
		await using database = openDatabase(databaseUrl, { log, queryWithinMs: 0 });
		await migrate(database, migrations, { log, liveInterviews });
	}

	const settings: PlatformSettings = { ...wanted, busPath, databaseUrl, staffTls };
	parts.use(
		bus.subscribe(PROCESS_READY, (payload) => {
			const { name } = JSON.parse(payload.toString("utf8")) as { name: string };
			allChildren()
				.find((child) => child.name === name)
				?.markReady();
		}),
	);
	parts.defer(() =>
		stopAll(
			allChildren().filter((child) => child.name !== "postgres"),
			STOP_WITHIN_MS,
		),
	);
	parts.use(
		bus.respond(SUPERVISOR_COMMAND, async (payload) => {
			const command = readJson(supervisorCommand, payload);
			return writeJson(command.kind === "status" ? await report() : await interviews.answer(command));
		}),
	);
	parts.use(everyMs(clock, REPORT_EVERY_MS, tellReport));
	if (tls) parts.use(handOutTicketKeys({ bus, clock, random: systemRandom }));
	say("Starting the processes …");
	const roles: [string, ProcessRole][] = [
		["control", { role: "control" }],
		["house", { role: "house" }],
	];
	const tokenKey = Buffer.from(systemRandom.bytes(TOKEN_KEY_BYTES)).toString("base64");
	for (let worker = 0; worker < wanted.edgeWorkers; worker += 1)
		roles.push([`edge-${worker}`, { role: "edge", worker, tokenKey }]);
	for (const [name, role] of roles) permanent.set(name, startRole(name, role));
	await untilReady([...permanent.values()], clock, logsDir, signal);
	// The authority looks at once: the edge workers must be there to answer.
	if (wanted.acme) permanent.set("certificate", startRole("certificate", { role: "certificate" }));
	if (wanted.demo) say("Waiting until the demo has sound for every kind of player …");
	if (wanted.demo && !(await demoIsOnAir(settings, bus, clock, signal))) {
		say("The demo is not on air yet: look at the logs if it stays so.");
	}
	const signIn = await askControl(bus, { kind: "sign_in_link" }, ASK_WITHIN_MS);

	const running = parts.move();
	return { settings, clusterDir, signInLink: signIn.text, report, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/**
 * Asks the platform that runs on a data folder, as the command line does.
 *
 * @throws SupervisorError `not_running`.
 */
export async function askPlatform(
	dataDir: string,
	command: ControlCommand,
	{ clock, log }: { clock: Clock; log: Log },
): Promise<ControlAnswer> {
	const notRunning = (cause?: unknown) =>
		new SupervisorError(
			"not_running",
			`Cannot ask the platform as none runs on ${dataDir}: start it with npm start, or name its folder with --data`,
			{ cause },
		);
	const run = await readRun(dataDir);
	if (!run) throw notRunning();
	await using bus = await connectBus(run.busPath, { clock, log, connectWithinMs: 0 }).catch((cause) => {
		throw notRunning(cause);
	});
	return await askControl(bus, command, COMMAND_WITHIN_MS);
}

async function askControl(bus: Bus, command: ControlCommand, withinMs: number): Promise<ControlAnswer> {
	return readJson(controlAnswer, await bus.request(CONTROL_COMMAND, writeJson(command), { timeoutMs: withinMs }));
}

/** @throws SupervisorError `process_fails` when one of them keeps ending instead. */
async function untilReady(
	children: readonly Child[],
	clock: Clock,
	logsDir: string,
	signal: AbortSignal,
): Promise<void> {
	const all = Promise.all(children.map((child) => child.ready())).then(() => "ready" as const);
	for (;;) {
		if ((await Promise.race([all, pauseMs(clock, POLL_MS)])) === "ready") return;
		signal.throwIfAborted();
		const failing = children.find((child) => !child.isReady && child.restartCount >= FAILED_STARTS_MAX);
		if (!failing) continue;
		throw new SupervisorError(
			"process_fails",
			`Cannot start as ${failing.name} does not come up (${failing.lastExit}): ` +
				`its last words are in ${join(logsDir, `${failing.name}.log`)}`,
		);
	}
}

/** What a process is told: those that meet strangers know neither the database nor the staff door's key, and only the edge the public door's. */
function settingsFor({ role }: ProcessRole, settings: PlatformSettings): PlatformSettings {
	const publicDoor = role === "edge" ? settings.publicDoor : { ...settings.publicDoor, tls: null };
	if (role === "control" || role === "house") return { ...settings, publicDoor };
	const staffTls = role === "rehearsal" ? settings.staffTls : null;
	return { ...settings, publicDoor, databaseUrl: "", staffTls };
}

function commandOf(start: ProcessStart, entryPath: string): CommandAs {
	const env: NodeJS.ProcessEnv = { ...process.env, ROSTRA_PROCESS: JSON.stringify(start) };
	for (const name of ["DATABASE_URL", "ROSTRA_DATABASE_URL"]) delete env[name];
	return { file: process.execPath, args: [entryPath], cwd: process.cwd(), env };
}

/** Waits until the demo's page and its sound are served to every kind of player; false when that takes too long. */
async function demoIsOnAir(settings: PlatformSettings, bus: Bus, clock: Clock, signal: AbortSignal): Promise<boolean> {
	const serves = async (path: string) => (await askOwnDoor(settings, "HEAD", path))?.status === 200;
	/** Segments on air so far. */
	const segments = async (slug: string) => {
		const playlist = await askOwnDoor(settings, "GET", `/i/${slug}/hls/opus48/whole.m3u8`);
		return (playlist?.body ?? "").split("#EXTINF").length - 1;
	};
	const giveUpMs = clock.monoMs() + DEMO_WITHIN_MS;
	while (clock.monoMs() < giveUpMs) {
		signal.throwIfAborted();
		const { entries } = readJson(
			site,
			await bus.request(SITE_REQUEST, new Uint8Array(0), { timeoutMs: ASK_WITHIN_MS }),
		);
		const demo = entries.find(({ slug, phase }) => phase === "on_air" && /^demo(-\d+)?$/.test(slug));
		const page = demo && `/i/${demo.slug}`;
		if (page && (await serves(page)) && (await serves(`${page}/live.ogg`))) {
			if ((await segments(demo.slug)) >= HLS_START_SEGMENTS) return true;
		}
		await pauseMs(clock, POLL_MS);
	}
	return false;
}
