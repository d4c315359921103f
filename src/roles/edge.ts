import { totalmem } from "node:os";
import { descriptorsMax, everyMs, type MonoMs } from "#base/index.ts";
import {
	compressAssets,
	createChallenges,
	createCold,
	createEdgeEvents,
	createObjectCache,
	createProgrammes,
	createRedirect,
	createServe,
	createSite,
	createUnreadWatch,
	type Door,
	HeardTotals,
	type Load,
	loadAssets,
	openDoor,
	openLoadMeter,
	openTlsFront,
	type ProxyTrust,
	SOUNDING,
	TrustedProxies,
} from "#edge/index.ts";
import { openDisk } from "#objects/index.ts";
import { Gate, RevokedTokens, strainOf, TokenMint } from "#shield/index.ts";
import { type EdgeReport, edgeReports, edgeSync, type Phase, type PlatformSettings, writeJson } from "#wire/index.ts";
import type { Outside } from "./outside.ts";

const REPORT_EVERY_MS = 1_000;
const STRAIN_EVERY_MS = 250;
/**
 * A worker opens its share of the port, and is ready, when it has something to serve, but not later than this: without
 * house it says that the server is starting. Long enough for a slow machine's first start, in which house waits for
 * control and control for the database.
 */
const PREPARE_MS_MAX = 5_000;
/** Files and sockets that are no listeners: bus, database of nobody, pages, a reserve. */
const DESCRIPTORS_HELD_BACK = 300;
/** A worker's connections where the system does not tell its limit, and the most in any case: what a core can write to. */
const CONNECTIONS_DEFAULT = 4_000;
const CONNECTIONS_MAX = 60_000;
/** Whoever is only sent elsewhere stays for a moment. */
const REDIRECTED_MAX = 1_000;
/** What all connections may hold of the machine's memory, and one of them with TLS and its queues in the kernel; without TLS it is an eighth. */
const MEMORY_SHARE = 0.5;
const CONNECTION_BYTES = 64 * 1024;
const SILENT: readonly Phase[] = ["ended", "cancelled"];

/** One worker of the public door, in the order a listener's request travels through it. */
export async function startEdge(
	settings: PlatformSettings,
	role: { readonly worker: number; readonly tokenKey: string },
	outside: Outside,
): Promise<AsyncDisposable & Pick<Door, "port">> {
	const { clock, random, bus, log } = outside;
	await using parts = new AsyncDisposableStack();
	const later = (turn: () => void) => void setImmediate(turn);
	const events = createEdgeEvents(log);
	const objects = openDisk(settings.objectsDir);
	const mint = new TokenMint(Buffer.from(role.tokenKey, "base64"));
	const gate = new Gate({ clock, random, mint, revoked: new RevokedTokens(random) });
	const programmes = parts.use(createProgrammes({ clock, bus, objects, events, later }));
	const site = parts.use(
		createSite({
			clock,
			bus,
			events,
			onlyTls: settings.publicDoor.tls !== null,
			onEntry({ interviewId, phase, removed, stateJson }, state) {
				if (state) gate.takeStand(interviewId, state.admission.level, state.admission.line);
				if (removed || SILENT.includes(phase)) gate.forget(interviewId);
				if (removed) {
					programmes.close(interviewId);
					programmes.forget(interviewId);
					return;
				}
				if (SOUNDING.includes(phase)) void programmes.follow(interviewId);
				if (state) programmes.takeState(interviewId, state, Buffer.from(stateJson));
				if (SILENT.includes(phase)) programmes.close(interviewId);
			},
		}),
	);
	parts.use(bus.onConnect(() => programmes.refresh()));
	parts.use(
		bus.respond(edgeSync(role.worker), async () => {
			await programmes.settled();
			return new Uint8Array(0);
		}),
	);

	const heard = new HeardTotals();
	const assets = await loadAssets(settings.webDir, events);
	const serve = createServe({
		clock,
		site,
		programmes,
		objects: createObjectCache(objects),
		assets,
		gate,
		heard,
		events,
	});
	await Promise.race([
		site.knownOnce.then(() => programmes.settled()),
		new Promise<void>((resolve) => parts.use(clock.wakeAt((clock.monoMs() + PREPARE_MS_MAX) as MonoMs, resolve))),
	]);
	const { tls: certificate, redirectPort } = settings.publicDoor;
	const cold = createCold();
	const connectionsMax = await connectionsAllowed(settings.edgeWorkers, redirectPort === null ? 0 : REDIRECTED_MAX);
	const watchUnread = createUnreadWatch({ clock, events, connectionsMax });
	const common = { watchUnread, host: settings.host, worker: role.worker, clock, random, objects, cold, events };
	const tls = certificate ? parts.use(await openTlsFront({ paths: certificate, clock, bus, events })) : undefined;
	const door = parts.use(
		await openDoor({
			...common,
			port: settings.publicPort,
			connectionsMax,
			tls,
			proxy: proxyTrust(settings.publicDoor.proxy),
			serve,
		}),
	);
	if (redirectPort !== null) {
		const challenges = parts.use(createChallenges(bus));
		parts.use(
			await openDoor({
				...common,
				port: redirectPort,
				connectionsMax: REDIRECTED_MAX,
				proxy: { mode: "direct" },
				serve: createRedirect({ clock, publicUrl: settings.publicUrl, challenge: challenges.answer }),
			}),
		);
	}
	compressAssets(assets, later);

	const meter = parts.use(openLoadMeter());
	/** Since the last report. */
	const loads: Load[] = [];
	parts.use(
		everyMs(clock, STRAIN_EVERY_MS, () => {
			const load = meter.take();
			loads.push(load);
			gate.takeStrain(strainOf(load));
		}),
	);
	parts.use(
		everyMs(clock, REPORT_EVERY_MS, () => {
			const nowMs = clock.monoMs();
			const listeners: EdgeReport["listeners"] = {};
			for (const { entry } of site.places()) {
				const live = programmes.live(entry.interviewId);
				if (live) listeners[entry.slug] = live.counts(nowMs);
			}
			const report: EdgeReport = {
				worker: role.worker,
				pid: process.pid,
				listeners,
				heard: heard.take(),
				connections: door.connections,
				admitted: door.admitted,
				connectionsMax,
				loopDelayP99Ms: Math.max(0, ...loads.map((load) => load.loopDelayP99Ms)),
				cpuShare: loads.reduce((sum, load) => sum + load.cpuShare, 0) / Math.max(1, loads.length),
				minted: gate.minted,
				refusedSinceStart: events.refusedSinceStart,
			};
			loads.length = 0;
			bus.publish(edgeReports(role.worker), writeJson(report));
		}),
	);

	const running = parts.move();
	return { port: door.port, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

function proxyTrust({ mode, trustedNetworks }: PlatformSettings["publicDoor"]["proxy"]): ProxyTrust {
	return mode === "direct" ? { mode } : { mode, trusted: new TrustedProxies(trustedNetworks) };
}

/**
 * What the descriptors of this process and its share of the machine's memory allow, connections and open files together.
 *
 * @param elsewhere descriptors that another door may take.
 */
async function connectionsAllowed(edgeWorkers: number, elsewhere: number): Promise<number> {
	const descriptors = (await descriptorsMax()) ?? CONNECTIONS_DEFAULT + DESCRIPTORS_HELD_BACK;
	// Without a limit it is 0, or far above what there is.
	const memoryBytes = Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem());
	const held = Math.floor((memoryBytes * MEMORY_SHARE) / edgeWorkers / CONNECTION_BYTES);
	// A small limit is shared out; at least a hundred can always be tried.
	return Math.max(100, Math.min(CONNECTIONS_MAX, descriptors - DESCRIPTORS_HELD_BACK - elsewhere, held));
}
