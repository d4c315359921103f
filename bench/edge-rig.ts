/** House, broadcast and bus around one real edge process, and listeners on it. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { everyMs, silentLog, systemClock } from "#base/index.ts";
import { type Bus, connectBus, openHub } from "#bus/index.ts";
import { FakeBroadcast, fakeState, fakeTimeline, REAL_BYTES } from "#edge/fakes.ts";
import {
	PART_MS,
	PROCESS_READY,
	type ProcessStart,
	SITE_REQUEST,
	type SiteEntry,
	siteEntries,
	writeJson,
} from "#wire/index.ts";

const ROOT = join(import.meta.dirname, "..");
export const SLUG = "bench";

export class EdgeRig implements AsyncDisposable {
	readonly port: number;
	readonly child: ChildProcess;
	readonly #bus: Bus;
	readonly #scope: AsyncDisposableStack;
	#revision = 1;

	static async open(): Promise<EdgeRig> {
		const scope = new AsyncDisposableStack();
		const directory = await mkdtemp(join(tmpdir(), "rostra-bench-"));
		scope.defer(() => rm(directory, { recursive: true, force: true }));
		const busPath = join(directory, "bus");
		scope.use(await openHub(busPath, { log: silentLog }));
		const bus = scope.use(await connectBus(busPath, { clock: systemClock, log: silentLog, connectWithinMs: 1_000 }));
		const broadcast = new FakeBroadcast(bus, fakeTimeline(), REAL_BYTES);
		broadcast.speak(100);
		scope.use(everyMs(systemClock, PART_MS, () => broadcast.speak(1)));
		const port = await freePort();
		const start: ProcessStart = {
			name: "edge-0",
			role: { role: "edge", worker: 0 },
			settings: {
				dataDir: directory,
				objectsDir: join(directory, "objects"),
				webDir: join(directory, "web"),
				busPath,
				host: "127.0.0.1",
				publicPort: port,
				staffPort: 0,
				mediaPort: 0,
				liveInterviewsMax: 1,
				mediaAddress: null,
				iceServers: [],
				publicUrl: "",
				staffUrl: "",
				databaseUrl: "",
				publicDoor: { tls: null, proxy: { mode: "direct", trustedNetworks: [] }, redirectPort: null },
				staffTls: null,
				edgeWorkers: 1,
				demo: false,
				logLevel: "error",
			},
		};
		const rig: { entry?: SiteEntry } = {};
		bus.respond(SITE_REQUEST, () => writeJson({ front: { en: "", de: "" }, entries: rig.entry ? [rig.entry] : [] }));
		const ready = Promise.withResolvers<void>();
		scope.use(bus.subscribe(PROCESS_READY, () => ready.resolve()));
		rig.entry = entryOf("beat", 1);
		const child = spawn(process.execPath, [join(ROOT, "src/roles/process.ts")], {
			env: { ...process.env, ROSTRA_PROCESS: JSON.stringify(start) },
			stdio: ["pipe", "ignore", "inherit"],
		});
		scope.defer(async () => {
			child.kill("SIGKILL");
			if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
		});
		await ready.promise;
		return new EdgeRig(bus, child, port, scope);
	}

	private constructor(bus: Bus, child: ChildProcess, port: number, scope: AsyncDisposableStack) {
		this.#bus = bus;
		this.child = child;
		this.port = port;
		this.#scope = scope;
	}

	/** Changes how sound is written, as house would. */
	write(mode: "part" | "beat" | "two_beats"): void {
		this.#revision += 1;
		this.#bus.publish(siteEntries(SLUG), writeJson(entryOf(mode, this.#revision)));
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#scope.disposeAsync();
	}
}

function entryOf(write: "part" | "beat" | "two_beats", revision: number): SiteEntry {
	const state = fakeState({ slug: SLUG, revision, delivery: { write, reserveMs: 1_000 } });
	const pages = { en: "page", de: "Seite" };
	return { slug: SLUG, interviewId: "iv1", phase: "on_air", stateJson: JSON.stringify(state), pages, removed: false };
}

async function freePort(): Promise<number> {
	const server = createServer().listen(0, "127.0.0.1");
	await once(server, "listening");
	const address = server.address();
	server.close();
	await once(server, "close");
	return address && typeof address === "object" ? address.port : 0;
}

/** What a listener generator saw. Names are those of the C generator's JSON line. */
export type Heard = {
	/** Listeners at the end of the window. */
	readonly active: number;
	/** CPU of the named process per listener and second, microseconds. */
	readonly us_per_ls: number;
	readonly Bps_per_l: number;
	/** Gaps longer than twice the interval. */
	readonly stalls: number;
	readonly max_gap_ms: number;
	/** Time to the first byte: median, 99th percentile, maximum. */
	readonly ttfb_ms: readonly [number, number, number];
	readonly failed: number;
};

export type Listeners = {
	readonly port: number;
	readonly path: string;
	readonly count: number;
	/** Seconds in which they connect, then settle, then are measured. */
	readonly rampS: number;
	readonly warmS: number;
	readonly windowS: number;
	/** Time between two writes, milliseconds. */
	readonly intervalMs: number;
	/** Process whose CPU is read. */
	readonly pid: number;
};

/** The yardsticks in C, compiled, when ROSTRA_BENCH_TOOLS names the folder that holds `fanout/gen.c` and `fanout/pushc.c`. */
export type Tools = { readonly generator: string; readonly reference: string };

/** @returns undefined, and says why, when they are not there or cannot be compiled. */
export function compileTools(directory: string, say: (text: string) => void): Tools | undefined {
	const source = process.env["ROSTRA_BENCH_TOOLS"];
	if (!source || !existsSync(join(source, "fanout/gen.c"))) {
		say("no comparison with C: ROSTRA_BENCH_TOOLS does not name the folder that holds fanout/gen.c and fanout/pushc.c");
		return undefined;
	}
	try {
		const tools = { generator: join(directory, "gen"), reference: join(directory, "pushc") };
		execFileSync("gcc", ["-O2", "-w", "-o", tools.generator, join(source, "fanout/gen.c")]);
		execFileSync("gcc", ["-O2", "-w", "-o", tools.reference, join(source, "fanout/pushc.c")]);
		return tools;
	} catch (error) {
		say(`no comparison with C: it cannot be compiled here (${error instanceof Error ? error.message : error})`);
		return undefined;
	}
}

/** Runs listeners in a process of their own, so that they share no event loop with what they measure. */
export async function listen(tools: Tools | undefined, options: Listeners): Promise<Heard> {
	const { port, path, count, rampS, warmS, windowS, intervalMs, pid } = options;
	const flags = { port, path, n: count, ramp: rampS, warm: warmS, dur: windowS, interval: intervalMs, pid };
	const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
	const child = tools
		? spawn(tools.generator, ["--mode", "push", ...args], { stdio: ["ignore", "pipe", "inherit"] })
		: spawn(process.execPath, [join(import.meta.dirname, "edge-listeners.ts"), ...args], {
				stdio: ["ignore", "pipe", "inherit"],
			});
	let text = "";
	for await (const piece of child.stdout) text += piece;
	return JSON.parse(text) as Heard;
}
