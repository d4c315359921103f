/** One real stage process, its bus, and a second process full of speakers. */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { seededRandom, silentLog, systemClock } from "#base/index.ts";
import { type Bus, connectBus, openHub } from "#bus/index.ts";
import { isRtcp } from "#stage/rtp.ts";
import {
	PROCESS_READY,
	type ProcessStart,
	readJson,
	type StageReport,
	stageReport,
	stageReports,
} from "#wire/index.ts";
import type { Ask, Told } from "./stage-speakers.ts";

const ROOT = join(import.meta.dirname, "..");
export const INTERVIEW = "bench";
/** CPU times of /proc are in hundredths of a second on every Linux that Node runs on. */
const TICKS_PER_S = 100;

export class StageRig implements AsyncDisposable {
	readonly port: number;
	readonly stage: ChildProcess;
	readonly bus: Bus;
	/** What the stage counted of each connection that ended. */
	readonly quality: Record<string, number>[] = [];
	/** Seats whose return feed has error correction now. */
	readonly withFec = new Set<string>();
	report: StageReport | undefined;
	readonly #speakers: ChildProcess;
	readonly #scope: AsyncDisposableStack;

	static async open(): Promise<StageRig> {
		const scope = new AsyncDisposableStack();
		const directory = await mkdtemp(join(tmpdir(), "rostra-bench-"));
		scope.defer(() => rm(directory, { recursive: true, force: true }));
		const busPath = join(directory, "bus");
		scope.use(await openHub(busPath, { log: silentLog }));
		const bus = scope.use(await connectBus(busPath, { clock: systemClock, log: silentLog, connectWithinMs: 1_000 }));
		const port = await freeUdpPort();
		const ready = new Promise<void>((resolve) => void bus.subscribe(PROCESS_READY, () => resolve()));
		const stage = startStage(busPath, directory, port);
		scope.defer(() => end(stage));
		await Promise.race([
			ready,
			once(stage, "exit").then(([code]) => Promise.reject(new Error(`Cannot measure as the stage ended with ${code}`))),
		]);
		const speakers = fork(join(import.meta.dirname, "stage-speakers.ts"), [busPath, INTERVIEW], {
			stdio: ["ignore", "inherit", "inherit", "ipc"],
		});
		scope.defer(() => end(speakers));
		await once(speakers, "message");
		return new StageRig(bus, stage, speakers, port, scope);
	}

	private constructor(
		bus: Bus,
		stage: ChildProcess,
		speakers: ChildProcess,
		port: number,
		scope: AsyncDisposableStack,
	) {
		this.bus = bus;
		this.stage = stage;
		this.#speakers = speakers;
		this.port = port;
		this.#scope = scope;
		bus.subscribe(stageReports(INTERVIEW), (bytes) => {
			this.report = readJson(stageReport, bytes);
		});
		createInterface({ input: stage.stderr as NodeJS.ReadableStream }).on("line", (line) => {
			const entry = JSON.parse(line) as { level: string; event: string; seatId: string } & Record<string, number>;
			if (entry.event === "stage.quality") this.quality.push(entry);
			else if (entry.event === "stage.return_fec") {
				if (entry["on"]) this.withFec.add(entry.seatId);
				else this.withFec.delete(entry.seatId);
			} else if (entry.level === "warn" || entry.level === "error") console.error(line);
		});
	}

	/** Lets the speakers' process do something, and waits for what it tells. */
	async speakers<A extends Ask>(ask: A): Promise<Told[A["kind"]]> {
		const told = once(this.#speakers, "message");
		this.#speakers.send(ask);
		const [{ error, ...answer }] = (await told) as [{ error?: string } & Told[A["kind"]]];
		if (error) throw new Error(error);
		return answer as Told[A["kind"]];
	}

	/** Cores the stage used while `during` ran. */
	async cores(during: () => Promise<void>): Promise<number> {
		const before = cpuSeconds(this.stage.pid as number);
		const startedMs = performance.now();
		await during();
		return ((cpuSeconds(this.stage.pid as number) - before) * 1_000) / (performance.now() - startedMs);
	}

	/** Proportional set size of the stage: its own pages, and its share of those it shares. */
	pssMb(): number {
		return procMb(this.stage.pid as number, "smaps_rollup", /^Pss:\s+(\d+) kB/m);
	}

	rssMb(): number {
		return procMb(this.stage.pid as number, "status", /^VmRSS:\s+(\d+) kB/m);
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.#scope[Symbol.asyncDispose]();
	}
}

/**
 * A relay of one UDP port that loses media, not handshakes: of each twenty packets of a flow and direction one,
 * which one is drawn. So the share is exact and the places are random.
 */
export class LossyRelay implements AsyncDisposable {
	readonly port: number;
	readonly #listening: Socket;
	readonly #targets = new Map<string, Socket>();
	isLossy = false;
	lost = 0;
	passed = 0;

	static async open(targetPort: number, seed: number): Promise<LossyRelay> {
		const socket = createSocket("udp4");
		socket.bind(0, "127.0.0.1");
		await once(socket, "listening");
		return new LossyRelay(socket, targetPort, seed);
	}

	private constructor(listening: Socket, targetPort: number, seed: number) {
		this.#listening = listening;
		this.port = listening.address().port;
		const random = seededRandom(seed);
		const draw = () => {
			let place = 0;
			let lossAt = 0;
			return () => {
				if (place === 0) lossAt = Math.floor(20 * random.unit());
				const isLost = place === lossAt;
				place = (place + 1) % 20;
				return isLost;
			};
		};
		const dice = () => {
			// Reports are lost as sound is, but are not counted among it.
			const [sound, reports] = [draw(), draw()];
			return (bytes: Buffer) => {
				const first = bytes[0] as number;
				if (!this.isLossy || first < 128 || first > 191) return false;
				if (isRtcp(bytes)) return reports();
				const isLost = sound();
				if (isLost) this.lost += 1;
				else this.passed += 1;
				return isLost;
			};
		};
		const upward = new Map<string, (bytes: Buffer) => boolean>();
		listening.on("message", (bytes, from) => {
			const key = `${from.address}:${from.port}`;
			let target = this.#targets.get(key);
			if (!target) {
				const downward = dice();
				target = createSocket("udp4");
				target.bind(0, "127.0.0.1");
				target.on("message", (back) => downward(back) || listening.send(back, from.port, from.address));
				this.#targets.set(key, target);
				upward.set(key, dice());
			}
			if (!upward.get(key)?.(bytes)) target.send(bytes, targetPort, "127.0.0.1");
		});
	}

	async [Symbol.asyncDispose]() {
		this.#listening.close();
		for (const target of this.#targets.values()) target.close();
	}
}

export async function freeUdpPort(): Promise<number> {
	const socket = createSocket("udp4");
	socket.bind(0, "127.0.0.1");
	await once(socket, "listening");
	const { port } = socket.address();
	socket.close();
	await once(socket, "close");
	return port;
}

function startStage(busPath: string, directory: string, mediaPort: number): ChildProcess {
	const start: ProcessStart = {
		name: "stage-bench",
		role: { role: "stage", interviewId: INTERVIEW, mediaPort },
		settings: {
			dataDir: directory,
			objectsDir: directory,
			webDir: directory,
			busPath,
			host: "127.0.0.1",
			publicPort: 0,
			staffPort: 0,
			mediaPort,
			liveInterviewsMax: 1,
			mediaAddress: null,
			iceServers: [],
			publicUrl: "",
			staffUrl: "",
			databaseUrl: "",
			publicDoor: { tls: null, proxy: { mode: "direct", trustedNetworks: [] }, redirectPort: null },
			staffTls: null,
			acme: null,
			edgeWorkers: 0,
			demo: false,
			logLevel: "debug",
		},
	};
	return spawn(process.execPath, [join(ROOT, "src/roles/process.ts")], {
		env: { ...process.env, ROSTRA_PROCESS: JSON.stringify(start) },
		stdio: ["pipe", "ignore", "pipe"],
	});
}

async function end(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null) return;
	const exited = once(child, "exit");
	child.kill("SIGTERM");
	await exited;
}

function cpuSeconds(pid: number): number {
	const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
	return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}

function procMb(pid: number, file: string, pattern: RegExp): number {
	return Number(pattern.exec(readFileSync(`/proc/${pid}/${file}`, "utf8"))?.[1]) / 1024;
}
