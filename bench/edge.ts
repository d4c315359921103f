/**
 * `npm run bench -- edge [--part cost|growth|herd|refusals|silent|low-latency|classic|tls]`: what a listener of the push costs beside a loop in
 * C that only sends and beside Icecast, all at the same time on sound of the same size; how it grows; joins; floods.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { REAL_BYTES } from "#edge/fakes.ts";
import { BEAT_MS } from "#wire/index.ts";
import { compileTools, type Seen, startClients, type Tools } from "./edge-clients.ts";
import { HLS_PARTS } from "./edge-hls.ts";
import { openIcecast, openReference, type Peer } from "./edge-peers.ts";
import { EdgeRig, SLUG } from "./edge-rig.ts";
import { tls } from "./edge-tls.ts";
import { atMost, type BenchOptions, median, type Row, rowsOf } from "./rows.ts";

type Context = {
	readonly tools: Tools;
	readonly directory: string;
	readonly isShort: boolean;
	readonly say: (text: string) => void;
};

export async function* rows({ isShort, part, say }: BenchOptions): AsyncGenerator<Row> {
	await using scope = new AsyncDisposableStack();
	const directory = await mkdtemp(join(tmpdir(), "rostra-bench-"));
	scope.defer(() => rm(directory, { recursive: true, force: true }));
	const tools = compileTools(directory, say);
	if (!tools) return;
	yield* rowsOf<Context>(
		[
			["cost", cost],
			["growth", growth],
			["herd", herd],
			["refusals", refusals],
			["silent", silent],
			...HLS_PARTS,
			["tls", tls],
		],
		part,
		{ tools, directory, isShort, say },
	);
}

/** All servers at the same time, each with its own listeners: whatever else happens on the machine happens to all. */
async function* cost({ tools, directory, isShort, say }: Context): AsyncGenerator<Row> {
	await using scope = new AsyncDisposableStack();
	const count = isShort ? 100 : 3_000;
	const times = isShort ? { rampS: 1, warmS: 1, windowS: 3 } : { rampS: 4, warmS: 3, windowS: 15 };
	const runs = isShort ? 1 : 5;
	const [beats, twoBeats, aac] = await Promise.all([EdgeRig.open(), EdgeRig.open(), EdgeRig.open()]);
	for (const rig of [beats, twoBeats, aac]) scope.use(rig);
	twoBeats.write("two_beats");
	const reference = scope.use(await openReference(tools, REAL_BYTES.ogg48, BEAT_MS));
	const peers: Peer[] = [];
	for (const kind of ["ogg", "aac"] as const) {
		const peer = await openIcecast(kind, directory, say);
		if (peer) peers.push(scope.use(peer));
	}
	const servers = {
		beats: { port: beats.port, pid: beats.pid, path: `/i/${SLUG}/live.ogg?burst=player` },
		twoBeats: { port: twoBeats.port, pid: twoBeats.pid, path: `/i/${SLUG}/live.ogg?burst=player` },
		aac: { port: aac.port, pid: aac.pid, path: `/i/${SLUG}/live.aac?burst=player` },
		c: reference,
		...(peers[0] && { icecastOgg: peers[0] }),
		...(peers[1] && { icecastAac: peers[1] }),
	};
	const seen: Record<keyof typeof servers, Seen>[] = [];
	for (let run = 0; run < runs; run += 1) {
		say(`${count} listeners on each of ${Object.keys(servers).length} servers at once, run ${run + 1} of ${runs}`);
		const entries = Object.entries(servers).map(async ([name, { port, pid, path }], nth) => {
			const intervalMs = name === "twoBeats" ? 2 * BEAT_MS : BEAT_MS;
			const options = { ...times, count, port, path, pids: [pid], intervalMs, octet: 1 + nth };
			return [name, await startClients(tools, "push", options).seen] as const;
		});
		seen.push(Object.fromEntries(await Promise.all(entries)) as Record<keyof typeof servers, Seen>);
	}
	const cpu = (name: keyof typeof servers) => seen.map((run) => run[name]?.us_per_ls ?? Number.NaN);
	for (const name of Object.keys(servers) as (keyof typeof servers)[]) {
		const peer = `all runs ${cpu(name)
			.map((value) => value.toFixed(1))
			.join(", ")}; ${Math.round(seen[0]?.[name].Bps_per_l ?? 0)} B/s`;
		yield { id: `edge-push-cpu-${name}`, value: median(cpu(name)), unit: "us/ls", peer };
	}
	const over = (id: string, ours: keyof typeof servers, theirs: keyof typeof servers, max: number): Row[] => {
		if (!servers[theirs]) return [];
		const ratios = seen.map((run) => run[ours].us_per_ls / run[theirs].us_per_ls);
		return [atMost(id, median(ratios), max, "×", `all runs ${ratios.map((ratio) => ratio.toFixed(2)).join(", ")}`)];
	};
	yield* over("edge-push-over-c", "beats", "c", 1.3);
	yield* over("edge-push-over-icecast-aac", "aac", "icecastAac", 0.33);
	yield* over("edge-push-over-icecast-pages", "beats", "icecastOgg", 1.05);
	yield* over("edge-two-beats-over-icecast-pages", "twoBeats", "icecastOgg", 0.6);
	const ours = seen.flatMap((run) => [run.beats, run.twoBeats, run.aac]);
	const longest = `longest ${Math.round(Math.max(...ours.map(({ max_gap_ms }) => max_gap_ms)))} ms`;
	yield atMost(
		"edge-push-gaps",
		ours.reduce((sum, { stalls }) => sum + stalls, 0),
		0,
		"gaps",
		longest,
	);
}

/** One listener's price when there are few and when there are many, in one process, alternately. */
async function* growth({ tools, isShort, say }: Context): AsyncGenerator<Row> {
	const [few, many] = isShort ? [100, 400] : [1_000, 19_000];
	const pairs = isShort ? 1 : 3;
	const ratios: number[] = [];
	const memory: number[] = [];
	let gaps = 0;
	for (let pair = 0; pair < pairs; pair += 1) {
		await using rig = await EdgeRig.open();
		const run = (count: number) => {
			say(`${count} listeners, pair ${pair + 1} of ${pairs}`);
			const times = isShort ? { rampS: 1, warmS: 1, windowS: 2 } : { rampS: count / 2_000, warmS: 3, windowS: 15 };
			const path = `/i/${SLUG}/live.ogg?burst=player`;
			return startClients(tools, "push", {
				...times,
				count,
				port: rig.port,
				path,
				pids: [rig.pid],
				intervalMs: BEAT_MS,
			}).seen;
		};
		const small = await run(few);
		const large = await run(many);
		ratios.push(large.us_per_ls / small.us_per_ls);
		memory.push(large.kb_per_l);
		gaps += large.stalls + small.stalls;
		yield { id: `edge-growth-cpu-${few}`, value: small.us_per_ls, unit: "us/ls", peer: `${small.active} at the end` };
		yield { id: `edge-growth-cpu-${many}`, value: large.us_per_ls, unit: "us/ls", peer: `${large.active} at the end` };
	}
	yield atMost(
		`edge-growth-${few}-to-${many}`,
		median(ratios),
		1.2,
		"×",
		`all ${ratios.map((r) => r.toFixed(2)).join(", ")}`,
	);
	yield atMost(
		"edge-memory-per-listener",
		median(memory),
		4,
		"KB",
		`all ${memory.map((kb) => kb.toFixed(1)).join(", ")}`,
	);
	yield atMost("edge-growth-gaps", gaps, 0, "gaps");
}

/** Everyone at once. */
async function* herd({ tools, isShort, say }: Context): AsyncGenerator<Row> {
	await using rig = await EdgeRig.open();
	const count = isShort ? 500 : 8_000;
	const runs = isShort ? 1 : 3;
	const seen: Seen[] = [];
	for (let run = 0; run < runs; run += 1) {
		say(`${count} joins within a second, run ${run + 1} of ${runs}`);
		const path = `/i/${SLUG}/live.mp4?burst=player`;
		const options = {
			rampS: 1,
			warmS: 1,
			windowS: 2,
			count,
			port: rig.port,
			path,
			intervalMs: BEAT_MS,
			pids: [rig.pid],
		};
		seen.push(await startClients(tools, "push", options).seen);
	}
	const p99 = seen.map(({ ttfb_ms }) => ttfb_ms[1]);
	const first = seen.map(({ ttfb_ms }) => ttfb_ms.map(Math.round).join("/")).join(", ");
	const failed = seen.reduce((sum, one) => sum + one.failed, 0);
	yield atMost("edge-join-first-byte-p99", median(p99), 200, "ms", `median/p99/longest ${first}; failed ${failed}`);
}

/** Settled listeners while the same core turns away as many requests as it can. */
async function* refusals({ tools, isShort, say }: Context): AsyncGenerator<Row> {
	const pinned = availableParallelism() > 1;
	await using rig = await EdgeRig.open(pinned ? { core: 0 } : {});
	const count = isShort ? 200 : 2_000;
	const windowS = isShort ? 3 : 20;
	say(`${count} listeners, then a flood of refused requests, server on one core`);
	const on = { port: rig.port, ...(pinned && { core: 1 }) };
	const path = `/i/${SLUG}/live.ogg?burst=player`;
	const listeners = startClients(tools, "push", {
		...on,
		path,
		count,
		rampS: 2,
		warmS: 5,
		windowS,
		intervalMs: BEAT_MS,
	});
	const flood = startClients(tools, "flood", {
		...on,
		path: "/i/nobody/live.ogg",
		count: isShort ? 50 : 500,
		rampS: 3,
		warmS: 3,
		windowS: windowS - 1,
		octet: 99,
		pids: [rig.pid],
	});
	const [heard, refused] = await Promise.all([listeners.seen, flood.seen]);
	const rate = `${Math.round(refused.answers_per_s)} refused/s at ${refused.cpu_core.toFixed(2)} core`;
	yield {
		id: "edge-refused-per-s",
		value: refused.answers_per_s,
		unit: "/s",
		target: ">= 30000",
		pass: refused.answers_per_s >= 30_000,
	};
	yield atMost(
		"edge-gaps-under-refusals",
		heard.stalls,
		0,
		"gaps",
		`${rate}; longest gap ${heard.max_gap_ms} ms of ${heard.active} listeners`,
	);
}

/** Sockets that ask for sound and never read it, beside listeners who do. */
async function* silent({ tools, isShort, say }: Context): AsyncGenerator<Row> {
	await using rig = await EdgeRig.open();
	const deaf = isShort ? 100 : 5_000;
	const awake = isShort ? 20 : 500;
	const windowS = isShort ? 15 : 45;
	say(`${deaf} sockets that never read beside ${awake} listeners`);
	const path = `/i/${SLUG}/live.ogg`;
	const listeners = startClients(tools, "push", {
		port: rig.port,
		path,
		count: awake,
		rampS: 1,
		warmS: 2,
		windowS: windowS + 3,
		intervalMs: BEAT_MS,
		octet: 1,
	});
	const silent = startClients(tools, "silent", {
		port: rig.port,
		path,
		count: deaf,
		rampS: 2,
		warmS: 0,
		windowS,
		octet: 2,
		pids: [rig.pid],
	});
	const joinedMs = performance.now() + 2_000;
	let foundS = Number.NaN;
	const counted: number[] = [];
	const looking = setInterval(() => {
		const report = rig.report;
		const here = report?.listeners[SLUG];
		if (!here) return;
		if (Number.isNaN(foundS) && here.stalled >= 0.99 * deaf) foundS = (performance.now() - joinedMs) / 1_000;
		if (performance.now() - joinedMs > 35_000) counted.push(here.settled);
	}, 250);
	const [heard, ignored] = await Promise.all([listeners.seen, silent.seen]);
	clearInterval(looking);
	yield atMost("edge-silent-found", foundS, 15, "s", `99 % of ${deaf}`);
	yield { id: "edge-silent-memory", value: ignored.kb_per_l, unit: "KB per socket", peer: "of the process" };
	yield atMost(
		"edge-silent-gaps",
		heard.stalls,
		0,
		"gaps",
		`longest ${heard.max_gap_ms} ms of ${heard.active} listeners`,
	);
	if (!isShort) {
		const worst = Math.max(...counted.map((count) => Math.abs(count - awake) / awake), counted.length === 0 ? 1 : 0);
		yield atMost(
			"edge-silent-count-off",
			100 * worst,
			2,
			"%",
			`shown ${Math.min(...counted)}-${Math.max(...counted)} of ${awake}`,
		);
	}
}
