/** `npm run bench -- platform`: how long `npm start` takes, what nobody costs, how everything leaves and comes back; what browsers take from sound. `--part processes|studio|click|ear`. */
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { silentLog, systemClock } from "#base/index.ts";
import { connectBus } from "#bus/index.ts";
import { PROCESS_READY, readJson, SUPERVISOR_COMMAND, supervisorReport, writeJson } from "#wire/index.ts";
import { BROWSER_PARTS, browserRows } from "./platform-browsers.ts";
import { atMost, type BenchOptions, type Row } from "./rows.ts";

const SETTLE_S = 20;
const WATCH_S = 60;
const READY_WITHIN_MS = 300_000;
const GONE_POLL_MS = 2;
const KILLS = 10;
const SETTLED_AFTER_MS = 1_200;
const PERMANENT = ["control", "house", "edge-0", "postgres"];
/** Clock ticks per second in proc_pid_stat(5): `getconf CLK_TCK`, 100 on every Linux. */
const TICKS_PER_S = 100;

export async function* rows(options: BenchOptions): AsyncGenerator<Row> {
	const { isShort, say, part } = options;
	if (part === undefined || part === "processes") yield* processRows(isShort, say);
	if (part === undefined || (BROWSER_PARTS as readonly string[]).includes(part)) yield* browserRows(options);
}

async function* processRows(isShort: boolean, say: (text: string) => void): AsyncGenerator<Row> {
	await using scope = new AsyncDisposableStack();
	const directory = await mkdtemp(join(tmpdir(), "rostra-bench-"));
	// PostgreSQL's own user must get in, if we are root.
	await chmod(directory, 0o755);
	scope.defer(() => rm(directory, { recursive: true, force: true }));
	const tree = fileURLToPath(new URL("..", import.meta.url));
	const project = isShort ? tree : join(directory, "rostra");
	const dataDir = join(directory, "data");
	const begin = async () => scope.use(await startPlatform(project, dataDir));

	if (!isShort) {
		say("npm start in a bare clone of what is committed");
		await run("git", ["clone", "-q", tree, project]);
		const first = await begin();
		yield atMost("platform-start-first", first.readyS, 120, "s");
		yield atMost("platform-stop", await first.stop("SIGTERM"), 3, "s");
	}
	say("npm start");
	const again = await begin();
	yield isShort
		? { id: "platform-start-first-in-this-tree", value: again.readyS, unit: "s" }
		: atMost("platform-start-again", again.readyS, 3, "s");
	yield* idle(again, isShort, say);
	say("kill -9 of the supervisor");
	yield atMost("platform-leaves-after-kill-9", await again.stop("SIGKILL"), 1, "s");
	const third = await begin();
	yield { id: "platform-start-after-kill-9", value: third.readyS, unit: "s" };
	say("kill -9 of each process in turn");
	for (const name of PERMANENT) {
		const times: number[] = [];
		for (let nth = 0; nth < (isShort ? 1 : KILLS); nth += 1) times.push(await third.killAndWait(name));
		yield {
			id: `platform-back-after-kill-9-${name}`,
			value: Math.max(...times),
			unit: "s",
			peer: `of ${times.length}`,
		};
	}
	yield atMost("platform-stop-again", await third.stop("SIGTERM"), 3, "s");
}

/** Memory and processor time of the supervisor and everything below it, while nobody is there. */
async function* idle(platform: Platform, isShort: boolean, say: (text: string) => void): AsyncGenerator<Row> {
	if (process.platform !== "linux") return say("figures of memory and processor need Linux: left out");
	const [settleS, watchS] = isShort ? [1, 2] : [SETTLE_S, WATCH_S];
	say(`letting it settle for ${settleS} s, then watching it for ${watchS} s`);
	await pause(settleS * 1_000);
	const before = new Map(platform.pids().map((pid) => [pid, cpuS(pid)]));
	const begunMs = performance.now();
	await pause(watchS * 1_000);
	const elapsedS = (performance.now() - begunMs) / 1_000;
	const used = [...before]
		.filter(([pid]) => isAlive(pid))
		.map(([pid, fromS]) => ({ name: nameOf(pid), mb: pssMb(pid), s: cpuS(pid) - fromS }));
	const total = (pick: (each: (typeof used)[number]) => number) => used.reduce((sum, each) => sum + pick(each), 0);
	const percent = (s: number) => (100 * s) / elapsedS;
	yield atMost(
		"platform-idle-pss",
		total((each) => each.mb),
		400,
		"MB",
	);
	yield atMost("platform-idle-cpu", percent(total((each) => each.s)), 2, "%");
	for (const [name, each] of Object.entries(Object.groupBy(used, ({ name }) => name))) {
		const mb = (each ?? []).reduce((sum, one) => sum + one.mb, 0);
		const s = (each ?? []).reduce((sum, one) => sum + one.s, 0);
		yield { id: `platform-idle-pss-${name}`, value: mb, unit: "MB", peer: `${percent(s).toFixed(2)} % of a core` };
	}
}

type Platform = AsyncDisposable & {
	/** From the start of `npm start` to the line `ready`. */
	readonly readyS: number;
	/** The supervisor and everything below it. */
	pids(): number[];
	/** Signals the supervisor. @returns seconds until none of its processes exists. */
	stop(signal: "SIGTERM" | "SIGKILL"): Promise<number>;
	/** @returns seconds from kill -9 of a process until its successor can do its work. */
	killAndWait(name: string): Promise<number>;
};

async function startPlatform(project: string, dataDir: string): Promise<Platform> {
	const [publicPort, staffPort, mediaPort] = await freePorts();
	const ports = ["--public-port", publicPort, "--staff-port", staffPort, "--media-port", mediaPort].map(String);
	const begunMs = performance.now();
	const npm = spawn("npm", ["start", "--", "--data", dataDir, "--host", "127.0.0.1", ...ports], {
		cwd: project,
		env: withoutThisTree(),
		stdio: ["ignore", "pipe", "pipe"],
	});
	await saysReady(npm);
	const readyS = (performance.now() - begunMs) / 1_000;
	const { pid, busPath } = JSON.parse(await readFile(join(dataDir, "run.json"), "utf8")) as Record<string, string>;
	const supervisorPid = Number(pid);
	const pids = () => [supervisorPid, ...descendants(supervisorPid)];
	const stop = async (signal: "SIGTERM" | "SIGKILL") => {
		const all = pids();
		const fromMs = performance.now();
		if (isAlive(supervisorPid)) process.kill(supervisorPid, signal);
		while (all.some(isAlive)) await pause(GONE_POLL_MS);
		return (performance.now() - fromMs) / 1_000;
	};
	return {
		readyS,
		pids,
		stop,
		async killAndWait(name) {
			await using bus = await connectBus(String(busPath), {
				clock: systemClock,
				log: silentLog,
				connectWithinMs: 1_000,
			});
			const report = async () =>
				readJson(
					supervisorReport,
					await bus.request(SUPERVISOR_COMMAND, writeJson({ kind: "status" }), { timeoutMs: 5_000 }),
				).processes.find((each) => each.name === name);
			const victim = (await report())?.pid;
			if (!victim) throw new Error(`Cannot kill ${name} as it does not run`);
			// PostgreSQL says nothing on the bus: it is looked at instead.
			const isBack = Promise.withResolvers<void>();
			using _ = bus.subscribe(PROCESS_READY, (payload) => {
				if ((JSON.parse(payload.toString("utf8")) as { name: string }).name === name) isBack.resolve();
			});
			const fromMs = performance.now();
			process.kill(victim, "SIGKILL");
			if (name === "postgres") {
				for (let now = await report(); now?.state !== "running" || now.pid === victim; now = await report()) {
					await pause(GONE_POLL_MS);
				}
			} else await isBack.promise;
			const backS = (performance.now() - fromMs) / 1_000;
			// Ready for less than a second counts as not getting going, and then the next start is delayed on purpose.
			await pause(SETTLED_AFTER_MS);
			return backS;
		},
		async [Symbol.asyncDispose]() {
			await stop("SIGTERM");
		},
	};
}

/** As a person's shell has it: no Node of this tree on the PATH, nothing that npm told the benchmark. */
function withoutThisTree(): NodeJS.ProcessEnv {
	const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|NODE|INIT_CWD)/.test(name)));
	return {
		...env,
		PATH: (env["PATH"] ?? "")
			.split(":")
			.filter((path) => !path.includes("node_modules"))
			.join(":"),
	};
}

function saysReady(npm: ChildProcess): Promise<void> {
	return new Promise((resolve, reject) => {
		let said = "";
		const timer = setTimeout(
			() => reject(new Error(`Cannot wait longer for the line ready:\n${said}`)),
			READY_WITHIN_MS,
		);
		for (const stream of [npm.stdout, npm.stderr]) {
			stream?.on("data", (chunk: Buffer) => {
				said += chunk.toString("utf8");
				if (!/^ready /m.test(said)) return;
				clearTimeout(timer);
				resolve();
			});
		}
		npm.once("exit", () => {
			clearTimeout(timer);
			reject(new Error(`Cannot start the platform:\n${said}`));
		});
	});
}

async function freePorts(): Promise<number[]> {
	const servers = await Promise.all(
		Array.from({ length: 3 }, async () => {
			const server = createServer();
			await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
			return server;
		}),
	);
	const ports = servers.map((server) => (server.address() as AddressInfo).port);
	await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
	return ports;
}

async function run(command: string, args: readonly string[]): Promise<void> {
	const child = spawn(command, args, { stdio: ["ignore", "ignore", "inherit"] });
	const code = await new Promise((resolve) => child.once("exit", resolve));
	if (code !== 0) throw new Error(`Cannot go on as ${command} ended with ${code}`);
}

/** A process that ended stays in the table until its parent looks, and where that is init it may take a while. */
function isAlive(pid: number): boolean {
	if (process.platform === "linux") return !/^[ZX]?$/.test(stat(pid)[0] ?? "");
	try {
		process.kill(pid, 0);
		return true;
	} catch {
		return false;
	}
}

/** Of all processes of this machine, those below `pid`. */
function descendants(pid: number): number[] {
	const parents = new Map<number, number>();
	for (const name of readdirSync("/proc")) {
		if (/^\d+$/.test(name)) parents.set(Number(name), Number(stat(Number(name))[1] ?? 0));
	}
	const below = (parent: number): number[] =>
		[...parents].filter(([, each]) => each === parent).flatMap(([child]) => [child, ...below(child)]);
	return below(pid);
}

/** proc_pid_stat(5) from its third field on, which is [0]: the second holds spaces. */
function stat(pid: number): string[] {
	return read(`/proc/${pid}/stat`)
		.replace(/^.*\) /s, "")
		.split(" ");
}

/** User and system time: fields 14 and 15. */
function cpuS(pid: number): number {
	const fields = stat(pid);
	return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_PER_S;
}

/** Proportional set size: what is shared counts in shares. */
function pssMb(pid: number): number {
	return Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) / 1_024;
}

function nameOf(pid: number): string {
	const title = read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
	return /postgres|^cat$|^\/bin\/sh/.test(title) ? "postgres" : title.replace(/^rostra /, "");
}

function read(path: string): string {
	try {
		return readFileSync(path, "utf8");
	} catch {
		return "";
	}
}
