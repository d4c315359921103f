/** A stage, a bus and an edge around one real broadcast process. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { everyMs, silentLog, systemClock } from "#base/index.ts";
import { decodeOggOpus } from "#broadcast/notices.ts";
import { type Bus, connectBus, openHub } from "#bus/index.ts";
import {
	type BroadcastCommand,
	type BroadcastReport,
	broadcastCommands,
	broadcastReport,
	broadcastReports,
	decodePart,
	encodePcmFrame,
	FRAME_SAMPLES,
	type Part,
	PROCESS_READY,
	type ProcessStart,
	type ProgrammeTimeline,
	parts as partsSubject,
	pcmFrames,
	pcmRecent,
	programmeTimeline,
	readJson,
	tickAt,
	timelines,
	writeJson,
} from "#wire/index.ts";

const ROOT = join(import.meta.dirname, "..");
export const INTERVIEW_ID = "bench";
/** Frames a stage keeps. */
const RECENT_FRAMES = 250;

/** Both voices of the demo in one, 48 kHz mono, 65 s. */
export async function readDialogue(): Promise<Float32Array> {
	const [anna, ben] = await Promise.all(
		["anna", "ben"].map(async (name) => decodeOggOpus(await readFile(join(ROOT, `assets/speech/${name}.ogg`)))),
	);
	return (anna as Float32Array).map((sample, i) => sample + (ben?.[i] ?? 0));
}

/** What the stage says in tick `tick`: `sound` over and over. */
export function frameAt(sound: Float32Array, tick: number): Float32Array {
	const frames = Math.floor(sound.length / FRAME_SAMPLES);
	const at = (tick % frames) * FRAME_SAMPLES;
	return sound.subarray(at, at + FRAME_SAMPLES);
}

export class BroadcastRig implements AsyncDisposable {
	readonly directory: string;
	readonly bus: Bus;
	/** Every part message as it came, repeated ones included. */
	readonly heard: Part[] = [];
	readonly atMs: number[] = [];
	timeline: ProgrammeTimeline | undefined;
	report: BroadcastReport | undefined;
	child: ChildProcess | undefined;
	readonly #stack: AsyncDisposableStack;
	readonly #busPath: string;

	static async open(sound: Float32Array): Promise<BroadcastRig> {
		const stack = new AsyncDisposableStack();
		const directory = await mkdtemp(join(tmpdir(), "rostra-bench-"));
		stack.defer(() => rm(directory, { recursive: true, force: true }));
		const busPath = join(directory, "bus");
		stack.use(await openHub(busPath, { log: silentLog }));
		const bus = stack.use(await connectBus(busPath, { clock: systemClock, log: silentLog, connectWithinMs: 1_000 }));
		const rig = new BroadcastRig(directory, busPath, bus, stack);
		const recent: Buffer[] = [];
		let mixedTick = tickAt(systemClock.monoMs());
		bus.respond(pcmRecent(INTERVIEW_ID), () => Buffer.concat(recent));
		stack.use(
			everyMs(systemClock, 10, () => {
				for (const now = tickAt(systemClock.monoMs()); mixedTick < now; ) {
					mixedTick += 1;
					const bytes = encodePcmFrame({ tick: mixedTick, speakerCount: 1, samples: frameAt(sound, mixedTick) });
					recent.push(bytes);
					if (recent.length > RECENT_FRAMES) recent.shift();
					bus.publish(pcmFrames(INTERVIEW_ID), bytes);
				}
			}),
		);
		return rig;
	}

	private constructor(directory: string, busPath: string, bus: Bus, stack: AsyncDisposableStack) {
		this.directory = directory;
		this.#busPath = busPath;
		this.bus = bus;
		this.#stack = stack;
		bus.subscribe(partsSubject(INTERVIEW_ID), (payload) => {
			this.heard.push(decodePart(payload));
			this.atMs.push(systemClock.monoMs());
		});
		bus.subscribe(timelines(INTERVIEW_ID), (payload) => {
			this.timeline = readJson(programmeTimeline, payload);
		});
		bus.subscribe(broadcastReports(INTERVIEW_ID), (payload) => {
			this.report = readJson(broadcastReport, payload);
		});
	}

	get objectsDir(): string {
		return join(this.directory, "objects");
	}

	/** Starts the process as the supervisor would. @returns milliseconds until it says that it is ready. */
	async start(): Promise<number> {
		const startedMs = performance.now();
		const start: ProcessStart = {
			name: `broadcast-${INTERVIEW_ID}`,
			role: { role: "broadcast", interviewId: INTERVIEW_ID },
			settings: {
				dataDir: this.directory,
				objectsDir: this.objectsDir,
				webDir: this.directory,
				busPath: this.#busPath,
				host: "127.0.0.1",
				publicPort: 0,
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
				acme: null,
				edgeWorkers: 0,
				demo: false,
				logLevel: "warn",
			},
		};
		const ready = Promise.withResolvers<void>();
		using _ready = this.bus.subscribe(PROCESS_READY, () => ready.resolve());
		this.child = spawn(process.execPath, [join(ROOT, "src/roles/process.ts")], {
			env: { ...process.env, ROSTRA_PROCESS: JSON.stringify(start) },
			stdio: ["pipe", "ignore", "inherit"],
		});
		await ready.promise;
		return performance.now() - startedMs;
	}

	async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
		const child = this.child;
		if (!child || child.exitCode !== null || child.signalCode !== null) return;
		child.kill(signal);
		await once(child, "exit");
	}

	command(command: BroadcastCommand): Promise<Buffer> {
		return this.bus.request(broadcastCommands(INTERVIEW_ID), writeJson(command), { timeoutMs: 30_000 });
	}

	/** Waits until part `partIndex` was heard. */
	async hear(partIndex: number): Promise<void> {
		while ((this.heard.at(-1)?.partIndex ?? -1) < partIndex) {
			await new Promise((resolve) => setTimeout(resolve, 5));
		}
	}

	get newestPart(): number {
		return this.heard.at(-1)?.partIndex ?? -1;
	}

	/** User and system time the process has used, seconds. */
	async cpuS(): Promise<number> {
		const stat = await readFile(`/proc/${this.child?.pid}/stat`, "utf8");
		const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
		return (Number(fields[11]) + Number(fields[12])) / 100;
	}

	/** Proportional set size of the process, MB. */
	async pssMb(): Promise<number> {
		const rollup = await readFile(`/proc/${this.child?.pid}/smaps_rollup`, "utf8");
		return Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1]) / 1_024;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.kill();
		await this.#stack.disposeAsync();
	}
}
