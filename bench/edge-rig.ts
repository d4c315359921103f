/** House, broadcast and bus around one real edge process, and listeners on it. */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { everyMs, silentLog, systemClock } from "#base/index.ts";
import { type Bus, connectBus, openHub } from "#bus/index.ts";
import { FakeBroadcast, fakeState, fakeTimeline, REAL_BYTES } from "#edge/fakes.ts";
import { openDisk } from "#objects/index.ts";
import {
	ALL_EDGE_REPORTS,
	type EdgeReport,
	edgeReport,
	PART_MS,
	PROCESS_READY,
	type ProcessStart,
	readJson,
	recordingKey,
	SITE_REQUEST,
	type SiteEntry,
	siteEntries,
	timelineKey,
	writeJson,
} from "#wire/index.ts";
import { ended, freePort } from "./edge-peers.ts";

const ROOT = join(import.meta.dirname, "..");
export const SLUG = "bench";
export const RECORDED_SLUG = "old";

export type RigOptions = {
	/** The core the worker stays on. */
	readonly core?: number;
	/** Its certificate and key; absent: plain HTTP. */
	readonly tls?: { readonly certPath: string; readonly keyPath: string };
	/** How many descriptors it may have. */
	readonly descriptors?: number;
	/** The size of the recording of the interview RECORDED_SLUG, which is over; absent when there is none. */
	readonly recordingBytes?: number;
};

export class EdgeRig implements AsyncDisposable {
	readonly port: number;
	readonly pid: number;
	/** The newest report of the worker. */
	report: EdgeReport | undefined;
	readonly #bus: Bus;
	readonly #scope: AsyncDisposableStack;
	#revision = 1;

	static async open(options: RigOptions = {}): Promise<EdgeRig> {
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
			role: { role: "edge", worker: 0, tokenKey: Buffer.alloc(32, 1).toString("base64") },
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
				publicDoor: { tls: options.tls ?? null, proxy: { mode: "direct", trustedNetworks: [] }, redirectPort: null },
				staffTls: null,
				acme: null,
				edgeWorkers: 1,
				demo: false,
				logLevel: "error",
			},
		};
		const entries = [entryOf("beat", 1)];
		if (options.recordingBytes !== undefined) entries.push(await recorded(directory, options.recordingBytes));
		bus.respond(SITE_REQUEST, () => writeJson({ front: { en: "", de: "" }, entries }));
		const ready = Promise.withResolvers<void>();
		scope.use(bus.subscribe(PROCESS_READY, () => ready.resolve()));
		const command = [process.execPath, join(ROOT, "src/roles/process.ts")];
		if (options.core !== undefined) command.unshift("taskset", "-c", String(options.core));
		// Each of these becomes the next, so that the process keeps its number.
		if (options.descriptors !== undefined)
			command.unshift("sh", "-c", `ulimit -n ${options.descriptors}; exec "$@"`, "sh");
		const child = spawn(command[0] as string, command.slice(1), {
			env: { ...process.env, ROSTRA_PROCESS: JSON.stringify(start) },
			stdio: ["pipe", "ignore", "inherit"],
		});
		scope.defer(() => ended(child));
		await ready.promise;
		return new EdgeRig(bus, child.pid as number, port, scope);
	}

	private constructor(bus: Bus, pid: number, port: number, scope: AsyncDisposableStack) {
		this.#bus = bus;
		this.pid = pid;
		this.port = port;
		this.#scope = scope;
		scope.use(
			bus.subscribe(ALL_EDGE_REPORTS, (payload) => {
				this.report = readJson(edgeReport, payload);
			}),
		);
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

/** An interview that is over, and its recording in objects. */
async function recorded(directory: string, bytes: number): Promise<SiteEntry> {
	const objects = openDisk(join(directory, "objects"));
	const ended = { interviewId: "iv0", pathKey: "k0y", cuts: [0, 12], onAirPart: 12, endPart: 120 };
	const recording = { m4aBytes: bytes, oggBytes: bytes, durationMs: 34_560 };
	await objects.write(timelineKey("iv0"), writeJson(fakeTimeline({ ...ended, recording })));
	await objects.write(recordingKey("iv0", "ogg"), Buffer.alloc(bytes, "x"));
	const state = fakeState({ slug: RECORDED_SLUG, phase: "ended" });
	const pages = { en: "page", de: "Seite" };
	const entry = { slug: RECORDED_SLUG, interviewId: "iv0", phase: "ended" as const, pages, removed: false };
	return { ...entry, stateJson: JSON.stringify(state) };
}
