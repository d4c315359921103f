import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type PlatformSettings, type ProcessStart, processStart } from "#wire/index.ts";
import { exitOf, run, until } from "./run.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
/** The first start on a machine initialises PostgreSQL and may build the pages. */
const READY_WITHIN_MS = 180_000;
const STOP_WITHIN_MS = 5_000;
/** Sooner than any process can do anything after its start. */
const KEEP_DEAD_EVERY_MS = 50;
/** What tells the suites what to do is nothing to the platform, which names variables it does not know. */
const SUITES_OWN = /^ROSTRA_(KILLS|SEED|STRICT|TOOLS|TEST_PORTS|KEEP_LOGS|\w+_S)$/;
/** First of the 100 ports, TCP and UDP, that are tried for a platform under test. ROSTRA_TEST_PORTS moves them. */
const PORTS_FROM = Number(process.env["ROSTRA_TEST_PORTS"] ?? 26_000);

const ENVIRONMENT = {
	...Object.fromEntries(Object.entries(process.env).filter(([name]) => !SUITES_OWN.test(name))),
	NODE_TEST_CONTEXT: "",
};

export type PlatformProcess = { readonly pid: number; readonly name: string };

export type PlatformOptions = {
	/** Two synthetic speakers talk in the interview `demo`. Default true. */
	readonly demo?: boolean;
	/** Further arguments of `npm start`. */
	readonly args?: readonly string[];
	/** Default: a new temporary folder, removed at the end. */
	readonly dataDir?: string;
	readonly env?: Readonly<Record<string, string>>;
	/** Default: free ones. */
	readonly ports?: Ports;
};
export type Ports = { readonly public: number; readonly staff: number; readonly media: number };

/** The whole platform, started from the working tree as `npm start` does it, with its own data folder and ports. */
export type Platform = {
	readonly publicUrl: string;
	readonly staffUrl: string;
	readonly dataDir: string;
	readonly ports: Ports;
	/** The supervisor's. */
	readonly pid: number;
	/** How long it took until the line `ready`. */
	readonly readyMs: number;
	/** What it has printed so far. */
	output(): string;
	/** Every process of it that lives, the supervisor and PostgreSQL's postmaster included. */
	processes(): PlatformProcess[];
	/** Where its processes talk to each other, and where they keep their records. */
	settings(): PlatformSettings;
	/** Everything of it that lives, the database's backends and processes that have lost their parent included. */
	remains(): number[];
	/** kill -9 of one process by its name (`stage-…` by the beginning of it). @returns its pid. */
	kill(name: string): number;
	/** Kills a process again and again, as soon as it is back, until disposed. */
	keepDead(name: string): Disposable;
	/** `npm run -s rostra -- …` on this data folder; gives what it printed. */
	rostra(...args: readonly string[]): Promise<string>;
	/** SIGTERM, and waits until nothing of it is left. @returns how long that took, ms. */
	stop(): Promise<number>;
	[Symbol.asyncDispose](): Promise<void>;
};

/** A supervisor's command line, as `npm start` has it. */
function commandLine(dataDir: string, ports: Ports, more: readonly string[]): string[] {
	return [
		...["scripts/bootstrap.mjs", "start", "--data", dataDir, "--host", "127.0.0.1"],
		...["--public-port", `${ports.public}`, "--staff-port", `${ports.staff}`, "--media-port", `${ports.media}`],
		...more,
	];
}

/** kill -9 of a supervisor `afterMs` after its start. */
export async function killWhileStarting(dataDir: string, afterMs: number): Promise<void> {
	const command = commandLine(dataDir, await freePorts(), []);
	const child = spawn(process.execPath, command, { cwd: ROOT, stdio: "ignore", env: ENVIRONMENT });
	await new Promise((resolve) => setTimeout(resolve, afterMs));
	child.kill("SIGKILL");
	await exitOf(child);
}

export async function startPlatform(options: PlatformOptions = {}): Promise<Platform> {
	const { demo = true, args = [] } = options;
	const dataDir = options.dataDir ?? (await makeDataDir());
	const ports = options.ports ?? (await freePorts());
	const begunMs = performance.now();
	const child = spawn(process.execPath, commandLine(dataDir, ports, [...(demo ? ["--demo"] : []), ...args]), {
		cwd: ROOT,
		stdio: ["ignore", "pipe", "pipe"],
		env: { ...ENVIRONMENT, ...options.env },
	});
	let output = "";
	for (const stream of [child.stdout, child.stderr]) {
		stream.setEncoding("utf8").on("data", (chunk: string) => {
			output = (output + chunk).slice(-1_000_000);
		});
	}
	let gone = false;
	// Not `close`: whatever outlives the supervisor holds its pipes, and a failed test would never end.
	child.once("error", () => (gone = true)).once("exit", () => (gone = true));
	const pid = child.pid as number;
	const family = () => (gone ? [] : familyOf(pid));
	const find = (name: string) => family().find((each) => each.name === name || each.name.startsWith(`${name}-`));

	const stop = async () => {
		const stopMs = performance.now();
		const pids = family();
		if (!gone) child.kill("SIGTERM");
		await until(
			"the platform to leave after SIGTERM",
			STOP_WITHIN_MS,
			() => gone && pids.every((each) => !lives(each)),
		);
		return performance.now() - stopMs;
	};
	const dispose = async () => {
		const pids = family();
		await stop().catch(() => {});
		for (const each of [...pids.filter(lives).map((kin) => kin.pid), ...workingIn(dataDir)]) killIfAlive(each);
		child.stdout.destroy();
		child.stderr.destroy();
		if (process.env["ROSTRA_KEEP_LOGS"]) await writeFile(`/tmp/rostra-test-${pid}.log`, output);
		if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
	};

	try {
		await until("the line `ready`", READY_WITHIN_MS, () => {
			if (gone) throw new Error("Cannot start the platform: it left before it was ready");
			return /^ready /m.test(output);
		});
	} catch (error) {
		await dispose();
		throw new Error(`${(error as Error).message}\n${output.slice(-8_000)}`);
	}
	return {
		publicUrl: `http://127.0.0.1:${ports.public}`,
		staffUrl: `http://127.0.0.1:${ports.staff}`,
		dataDir,
		ports,
		pid,
		readyMs: performance.now() - begunMs,
		output: () => output,
		processes: () => family().map(({ pid, name }) => ({ pid, name })),
		settings() {
			const settings = family().flatMap((each) => startOf(each.pid)?.settings ?? []);
			const knowing = settings.find((each) => each.databaseUrl !== "");
			if (!knowing) throw new Error("Cannot find the bus and the database as no process of the platform runs");
			return knowing;
		},
		remains: () => workingIn(dataDir),
		kill(name) {
			const found = find(name);
			if (!found) throw new Error(`Cannot kill ${name} as it does not run: ${family().map((each) => each.name)}`);
			process.kill(found.pid, "SIGKILL");
			return found.pid;
		},
		keepDead(name) {
			const again = () => {
				const found = find(name);
				if (found) killIfAlive(found.pid);
			};
			again();
			const timer = setInterval(again, KEEP_DEAD_EVERY_MS);
			return { [Symbol.dispose]: () => clearInterval(timer) };
		},
		async rostra(...words) {
			const command = ["scripts/bootstrap.mjs", ...words, "--data", dataDir];
			return (await run(process.execPath, command, { cwd: ROOT, env: ENVIRONMENT })).stdout.toString();
		},
		stop,
		[Symbol.asyncDispose]: dispose,
	};
}

/** A folder that PostgreSQL, which runs as another user when we are root, can reach. */
export async function makeDataDir(): Promise<string> {
	const dataDir = await mkdtemp(join(tmpdir(), "rostra-test-"));
	await chmod(dataDir, 0o755);
	return dataDir;
}

export async function freePorts(): Promise<Ports> {
	const wanted: number[] = [];
	const first = PORTS_FROM + (process.pid % 40) * 2;
	for (let port = first; wanted.length < 2 && port < first + 200; port += 1)
		if (await isFreeTcp(port)) wanted.push(port);
	let media = PORTS_FROM + 100 + (process.pid % 40) * 2;
	while (!(await isFreeUdp(media))) media += 1;
	return { public: wanted[0] as number, staff: wanted[1] as number, media };
}

function isFreeTcp(port: number): Promise<boolean> {
	const server = createServer();
	return new Promise((resolve) => {
		server.once("error", () => resolve(false)).listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
	});
}

function isFreeUdp(port: number): Promise<boolean> {
	const socket = createSocket("udp4");
	return new Promise((resolve) => {
		socket.once("error", () => resolve(false)).bind(port, "127.0.0.1", () => socket.close(() => resolve(true)));
	});
}

type Kin = PlatformProcess & { readonly startedTicks: string };

/** `pid` and its living descendants, by /proc. A child of PostgreSQL's postmaster is listed only `withBackends`: it leaves with it. */
function familyOf(pid: number, withBackends = false): Kin[] {
	const all = readdirSync("/proc")
		.filter((entry) => /^\d+$/.test(entry))
		.flatMap((entry) => statOf(Number(entry)) ?? []);
	const kin: Kin[] = [];
	const visit = (parent: (typeof all)[number], name: string) => {
		kin.push({ pid: parent.pid, name, startedTicks: parent.startedTicks });
		if (name === "postgres" && !withBackends) return;
		for (const child of all) if (child.parentPid === parent.pid) visit(child, nameOf(child.pid));
	};
	const first = all.find((each) => each.pid === pid);
	if (first) visit(first, "supervisor");
	return kin;
}

/** Processes that a data folder is the matter of: by command line, environment or working directory, whoever their parent is. */
export function workingIn(dataDir: string): number[] {
	return readdirSync("/proc").flatMap((entry) => {
		const pid = Number(entry);
		if (!/^\d+$/.test(entry) || pid === process.pid || statOf(pid) === undefined) return [];
		const names = (read: () => string) => {
			try {
				return read().includes(dataDir);
			} catch {
				return false;
			}
		};
		const isOf =
			names(() => readFileSync(`/proc/${pid}/cmdline`, "utf8")) ||
			names(() => readFileSync(`/proc/${pid}/environ`, "utf8")) ||
			names(() => readlinkSync(`/proc/${pid}/cwd`));
		return isOf ? [pid] : [];
	});
}

function nameOf(pid: number): string {
	try {
		const start = startOf(pid);
		if (start) return start.name;
		const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")[0] ?? "";
		return /postgres$/.test(command) ? "postgres" : (command.split("/").at(-1) ?? "unknown");
	} catch {
		return "unknown";
	}
}

/** What the supervisor told a process when it started it, or undefined when it is none of those. */
function startOf(pid: number): ProcessStart | undefined {
	const environment = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
	const start = environment.find((each) => each.startsWith("ROSTRA_PROCESS="));
	return start === undefined ? undefined : processStart.parse(JSON.parse(start.slice("ROSTRA_PROCESS=".length)));
}

function statOf(pid: number): { pid: number; parentPid: number; startedTicks: string } | undefined {
	try {
		const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
		const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
		if (fields[0] === "Z") return undefined;
		return { pid, parentPid: Number(fields[1]), startedTicks: fields[19] as string };
	} catch {
		return undefined;
	}
}

/** Proportional share of memory of these processes and all their descendants, MB (2^20 bytes). Those that have just left count nothing. */
export function pssMb(processes: readonly PlatformProcess[]): number {
	const pids = new Set(processes.flatMap(({ pid }) => familyOf(pid, true).map((each) => each.pid)));
	let kb = 0;
	for (const pid of pids) {
		try {
			kb += Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0);
		} catch {}
	}
	return kb / 1_024;
}

/** Whether the very process lives, not another that got its number. */
export function lives(process: PlatformProcess & { readonly startedTicks?: string }): boolean {
	const now = statOf(process.pid);
	return now !== undefined && (process.startedTicks === undefined || now.startedTicks === process.startedTicks);
}

function killIfAlive(pid: number): void {
	try {
		process.kill(pid, "SIGKILL");
	} catch {}
}
