/** The supervisor with real processes and a real PostgreSQL; stand-ins play the roles. The tests follow one another. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { silentLog, systemClock } from "#base/index.ts";
import { type Bus, connectBus } from "#bus/index.ts";
import {
	CONTROL_COMMAND,
	PROCESS_READY,
	type ProcessStatus,
	readJson,
	SUPERVISOR_COMMAND,
	SUPERVISOR_REPORT,
	type SupervisorAnswer,
	type SupervisorCommand,
	type SupervisorReport,
	supervisorAnswer,
	supervisorReport,
	writeJson,
} from "#wire/index.ts";
import type { StartSettings } from "./settings.ts";
import { type Run, readRun } from "./supervisor/data-folder.ts";
import { askPlatform } from "./supervisor.ts";

/** Long enough for a machine with much else to do: a test that waits this long has failed. */
const WITHIN_MS = 30_000;

/** `main.ts` without its terminal, and with stand-ins for the roles. */
const SCRIPT = `
	const { startPlatform } = await import(${JSON.stringify(new URL("./supervisor.ts", import.meta.url).href)});
	const { systemClock } = await import(${JSON.stringify(new URL("./base/index.ts", import.meta.url).href)});
	const stop = new AbortController();
	const outside = {
		clock: systemClock,
		say: (text) => console.log(text),
		showLog: (name, line) => console.log(name, line),
		entryPath: ${JSON.stringify(join(import.meta.dirname, "supervisor", "stand-in.ts"))},
	};
	const started = startPlatform(JSON.parse(process.argv[1]), outside, stop.signal);
	process.on("SIGTERM", async () => {
		stop.abort();
		await (await started.catch(() => undefined))?.[Symbol.asyncDispose]();
		process.exit(0);
	});
	try {
		await started;
		console.log("ready");
	} catch (error) {
		if (!stop.signal.aborted) console.log("refused", error.code, error.message);
		process.exit(stop.signal.aborted ? 0 : 1);
	}`;

type Started = {
	readonly process: ChildProcess;
	readonly ended: Promise<number | string | null>;
	/** Settles when a line that begins like this was printed; rejects when the process ends before. */
	said(beginning: string): Promise<string>;
};

function start(settings: StartSettings): Started {
	const child = spawn(process.execPath, ["--input-type=module", "-e", SCRIPT, JSON.stringify(settings)], {
		stdio: ["ignore", "pipe", "inherit"],
	});
	let text = "";
	const waiting: { beginning: string; resolve: (line: string) => void }[] = [];
	const look = () => {
		for (const each of waiting) {
			const line = text.split("\n").find((one) => one.startsWith(each.beginning));
			if (line !== undefined) each.resolve(line);
		}
	};
	child.stdout.on("data", (chunk: Buffer) => {
		text += chunk.toString("utf8");
		look();
	});
	const ended = new Promise<number | string | null>((resolve) =>
		child.once("exit", (code, signal) => resolve(signal ?? code)),
	);
	return {
		process: child,
		ended,
		said: (beginning) =>
			new Promise((resolve, reject) => {
				waiting.push({ beginning, resolve });
				look();
				void ended.then(() =>
					setImmediate(() => reject(new Error(`it ended without saying "${beginning}":\n${text}`))),
				);
			}),
	};
}

async function freePorts(count: number): Promise<number[]> {
	const servers = await Promise.all(
		Array.from({ length: count }, async () => {
			const server = createServer();
			await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
			return server;
		}),
	);
	const ports = servers.map((server) => (server.address() as AddressInfo).port);
	await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
	return ports;
}

function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch {
		return false;
	}
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
	const giveUpMs = performance.now() + WITHIN_MS;
	while (!(await isSo())) {
		if (performance.now() > giveUpMs) throw new Error(`Cannot wait longer until ${what}`);
		await new Promise((resolve) => setImmediate(resolve));
	}
}

describe("a platform of stand-ins", () => {
	let settings: StartSettings;
	let platform: Started;
	let run: Run;
	let bus: Bus;

	const begin = async () => {
		platform = start(settings);
		await platform.said("ready");
		run = (await readRun(settings.dataDir)) as Run;
		bus = await connectBus(run.busPath, { clock: systemClock, log: silentLog, connectWithinMs: 2_000 });
	};
	const status = async (): Promise<SupervisorReport> => {
		const answer = await bus.request(SUPERVISOR_COMMAND, writeJson({ kind: "status" }), { timeoutMs: 5_000 });
		return readJson(supervisorReport, answer);
	};
	const find = async (name: string): Promise<ProcessStatus | undefined> =>
		(await status()).processes.find((each) => each.name === name);
	const pidOf = async (name: string): Promise<number> => (await find(name))?.pid as number;
	const ask = async (command: SupervisorCommand): Promise<SupervisorAnswer> =>
		readJson(supervisorAnswer, await bus.request(SUPERVISOR_COMMAND, writeJson(command), { timeoutMs: 10_000 }));
	const isRunning = (name: string) =>
		until(`${name} runs`, async () => (await find(name))?.state === "running").then(() => find(name));

	before(async () => {
		// In a folder others may enter, as PostgreSQL's own user must if we are root.
		const dataDir = join(await mkdtemp(join(tmpdir(), "rostra-supervisor-")), "data");
		const [publicPort = 0, staffPort = 0, mediaPort = 0] = await freePorts(3);
		settings = {
			dataDir,
			objectsDir: join(dataDir, "objects"),
			webDir: import.meta.dirname,
			host: "127.0.0.1",
			publicPort,
			staffPort,
			mediaPort: Math.min(mediaPort, 65_000),
			liveInterviewsMax: 2,
			mediaAddress: null,
			iceServers: [],
			publicUrl: `http://127.0.0.1:${publicPort}`,
			staffUrl: `http://127.0.0.1:${staffPort}`,
			databaseUrl: null,
			publicDoor: { tls: null, proxy: { mode: "direct", trustedNetworks: [] }, redirectPort: null },
			staffTls: null,
			acme: null,
			edgeWorkers: 2,
			demo: false,
			logLevel: "info",
		};
		await begin();
	});
	after(async () => {
		await bus?.[Symbol.asyncDispose]();
		platform?.process.kill("SIGKILL");
		await rm(join(settings.dataDir, ".."), { recursive: true, force: true });
	});

	test("all of its processes run, each with a pid, memory and a log", async () => {
		const { processes, disk, warnings } = await status();
		assert.deepEqual(
			processes.map(({ name, state, restarts }) => ({ name, state, restarts })),
			["postgres", "control", "house", "edge-0", "edge-1"].map((name) => ({ name, state: "running", restarts: 0 })),
		);
		for (const { name, pid, rssBytes } of processes) {
			assert.ok(isAlive(pid ?? 0), name);
			assert.ok(process.platform !== "linux" || (rssBytes ?? 0) > 1_000_000, name);
			assert.ok(existsSync(join(settings.dataDir, "logs", `${name}.log`)), name);
		}
		assert.ok(disk.freeBytes > 0 && disk.freeBytes <= disk.totalBytes);
		assert.ok(Array.isArray(warnings));
	});

	test("a second start on the folder is refused, naming this one", async () => {
		const second = start(settings);
		assert.match(await second.said("refused"), new RegExp(`data_in_use .*process ${platform.process.pid}`));
		assert.equal(await second.ended, 1);
	});

	test("a start on a port that is taken is refused before anything is started", async () => {
		const taken = createServer();
		await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
		const { port } = taken.address() as AddressInfo;
		const second = start({ ...settings, dataDir: `${settings.dataDir}-2`, staffPort: port });
		assert.match(await second.said("refused"), new RegExp(`port_taken .*staff door .*port ${port}: .*--staff-port`));
		await new Promise((resolve) => taken.close(resolve));
	});

	test("the command line asks control through the folder", async () => {
		const answer = await askPlatform(settings.dataDir, { kind: "list" }, { clock: systemClock, log: silentLog });
		assert.deepEqual(answer, { ok: true, text: 'answer to {"kind":"list"}' });
		const elsewhere = askPlatform(tmpdir(), { kind: "list" }, { clock: systemClock, log: silentLog });
		await assert.rejects(elsewhere, { code: "not_running", message: /none runs on .*npm start/ });
	});

	test("each process that is killed is back, and it is counted", async () => {
		for (const name of ["control", "house", "edge-0", "postgres"]) {
			const pid = await pidOf(name);
			process.kill(pid, "SIGKILL");
			await until(`${name} is another`, async () => {
				const now = await find(name);
				return now?.state === "running" && now.pid !== null && now.pid !== pid;
			});
			const now = await find(name);
			assert.equal(now?.restarts, 1, name);
			// PostgreSQL's guard reports that its child was killed as a shell does.
			assert.equal(now?.lastExit, name === "postgres" ? "exit code 137" : "killed by SIGKILL");
		}
		await bus.request(CONTROL_COMMAND, writeJson({ kind: "list" }), { timeoutMs: 5_000 });
	});

	test("processes that meet strangers are not told where the database is", async () => {
		const told = new Map<string, string>();
		using _ = bus.subscribe(PROCESS_READY, (payload) => {
			const { name, databaseUrl } = JSON.parse(payload.toString("utf8")) as { name: string; databaseUrl: string };
			told.set(name, databaseUrl);
		});
		await ask({ kind: "open_stage", interviewId: "told" });
		await ask({ kind: "open_broadcast", interviewId: "told" });
		for (const name of ["edge-1", "control"]) process.kill(await pidOf(name), "SIGKILL");
		await until("all are back", () => told.size === 4);
		assert.deepEqual([told.get("edge-1"), told.get("stage-told"), told.get("broadcast-told")], ["", "", ""]);
		assert.match(told.get("control") ?? "", /^postgresql:/);
		await ask({ kind: "close", interviewId: "told" });
	});

	test("an interview gets a stage, a broadcast and a media port, once however often asked", async () => {
		const { mediaPort } = settings;
		for (const _ of "twice")
			assert.deepEqual(await ask({ kind: "open_stage", interviewId: "a" }), { ok: true, mediaPort });
		assert.deepEqual(await ask({ kind: "open_broadcast", interviewId: "a" }), { ok: true });
		const stage = await isRunning("stage-a");
		await isRunning("broadcast-a");
		await ask({ kind: "open_stage", interviewId: "a" });
		assert.equal(await pidOf("stage-a"), stage?.pid);
	});

	test("more interviews than may be open are refused with the bound, until one is let go", async () => {
		assert.deepEqual(await ask({ kind: "open_stage", interviewId: "b" }), {
			ok: true,
			mediaPort: settings.mediaPort + 1,
		});
		const refused = await ask({ kind: "open_stage", interviewId: "c" });
		assert.ok(!refused.ok);
		assert.match(refused.detail, /at most 2 .*--live-interviews-max.*end one first/);
		const pid = await pidOf("stage-b");
		await ask({ kind: "close", interviewId: "b" });
		assert.ok(!isAlive(pid));
		assert.deepEqual(await ask({ kind: "open_stage", interviewId: "c" }), {
			ok: true,
			mediaPort: settings.mediaPort + 1,
		});
		await ask({ kind: "close", interviewId: "c" });
	});

	test("a process that keeps ending is said to be restarting, with how it ended; the others do not notice", async () => {
		const reports: ProcessStatus[] = [];
		using _ = bus.subscribe(SUPERVISOR_REPORT, (payload) => {
			reports.push(...readJson(supervisorReport, payload).processes.filter(({ name }) => name === "broadcast-failing"));
		});
		const control = await pidOf("control");
		await ask({ kind: "open_broadcast", interviewId: "failing" });
		await until("it has ended thrice", () => reports.some(({ restarts }) => restarts >= 3));
		assert.ok(reports.some(({ state, lastExit }) => state === "restarting" && lastExit === "exit code 3"));
		assert.ok(reports.every(({ state }) => state !== "running"));
		assert.equal(await pidOf("control"), control);
		await ask({ kind: "close", interviewId: "failing" });
		assert.equal(await find("broadcast-failing"), undefined);
	});

	test("a process that does not leave when asked is killed", async () => {
		await ask({ kind: "open_stage", interviewId: "stubborn" });
		const stage = await isRunning("stage-stubborn");
		assert.deepEqual(await ask({ kind: "close", interviewId: "stubborn" }), { ok: true });
		assert.ok(!isAlive(stage?.pid ?? 0));
	});

	test("an interview's id that could not be a file's name is refused", async () => {
		for (const interviewId of ["../x", "", "a".repeat(65), "a b"]) {
			assert.equal((await ask({ kind: "open_stage", interviewId })).ok, false);
		}
	});

	test("when the supervisor is killed, everything leaves by itself", async () => {
		const pids = (await status()).processes.map(({ pid }) => pid as number);
		assert.equal(pids.length, 7);
		await bus[Symbol.asyncDispose]();
		platform.process.kill("SIGKILL");
		await platform.ended;
		await until("all have left", () => !pids.some(isAlive));
	});

	test("after that it starts again, and clears away what the killed one left", async () => {
		const left = run.temporaryDirs;
		assert.ok(left.length === 2 && left.every((path) => existsSync(path)));
		await begin();
		assert.ok(!left.some((path) => existsSync(path)));
		assert.equal((await status()).processes.length, 5);
	});

	test("a start right after kill -9 waits for what is leaving", async () => {
		await bus[Symbol.asyncDispose]();
		platform.process.kill("SIGKILL");
		await begin();
		assert.ok((await status()).processes.every(({ state }) => state === "running"));
	});

	test("on SIGTERM everything is stopped and cleared away", async () => {
		const pids = (await status()).processes.map(({ pid }) => pid as number);
		await bus[Symbol.asyncDispose]();
		platform.process.kill("SIGTERM");
		assert.equal(await platform.ended, 0);
		assert.ok(!pids.some(isAlive));
		assert.equal(await readRun(settings.dataDir), undefined);
		assert.ok(!run.temporaryDirs.some((path) => existsSync(path)));
	});

	test("SIGTERM during a start stops what was started", async () => {
		const starting = start(settings);
		await starting.said("Starting the processes");
		const left = (await readRun(settings.dataDir)) as Run;
		starting.process.kill("SIGTERM");
		assert.equal(await starting.ended, 0);
		assert.ok(!left.temporaryDirs.some((path) => existsSync(path)));
	});
});
