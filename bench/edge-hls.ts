/**
 * HLS beside nginx, both at the same time on the same sound and the same playlists: low latency, held until a part is
 * there against asked for at each part's time; and whole segments.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { everyMs, systemClock } from "#base/index.ts";
import { fakeTimeline, partText, REAL_BYTES } from "#edge/fakes.ts";
import { mediaPlaylist } from "#edge/playlist.ts";
import { lowLatencyPlaylist } from "#edge/playlist-ll.ts";
import { PART_MS, PARTS_PER_SEGMENT, SEGMENT_MS } from "#wire/index.ts";
import { findTool } from "../test/support/tools.ts";
import type { Tools } from "./edge-clients.ts";
import { freePort, listening, type Peer } from "./edge-peers.ts";
import { EdgeRig, SLUG } from "./edge-rig.ts";
import { atMost, median, type Part, type Row } from "./rows.ts";

type Context = {
	readonly tools: Tools;
	readonly directory: string;
	readonly isShort: boolean;
	readonly say: (text: string) => void;
};

export const HLS_PARTS: readonly Part<Context>[] = [
	["low-latency", lowLatency],
	["classic", classic],
];

const TRACK = "opus48";
const HLS = `/i/${SLUG}/hls`;
const MEDIA = `${HLS}/k3y/${TRACK}/`;
/** What nginx keeps of the past: as much as a playlist lists, twice. */
const KEPT_PARTS = 240;

type Played = {
	readonly active: number;
	readonly failed: number;
	readonly bad: number;
	readonly us_per_ls: number;
	readonly Bps_per_l: number;
	readonly media_per_ls: number;
	readonly stalls: number;
	readonly max_gap_ms: number;
};

async function* lowLatency(context: Context): AsyncGenerator<Row> {
	const count = context.isShort ? 100 : 2_000;
	const list = `${HLS}/ll/${TRACK}.m3u8`;
	yield* against(context, "edge-ll-hls", count, PART_MS, 0.7, {
		ours: { mode: "block", list },
		theirs: { mode: "poll", list },
	});
}

async function* classic(context: Context): AsyncGenerator<Row> {
	const count = context.isShort ? 200 : 8_000;
	const list = `${HLS}/${TRACK}/live.m3u8`;
	yield* against(context, "edge-classic-hls", count, SEGMENT_MS, 1.05, {
		ours: { mode: "whole", list },
		theirs: { mode: "whole", list },
	});
}

type How = { readonly mode: "block" | "poll" | "whole"; readonly list: string };

async function* against(
	{ directory, isShort, say }: Context,
	id: string,
	count: number,
	intervalMs: number,
	ratioMax: number,
	how: { readonly ours: How; readonly theirs: How },
): AsyncGenerator<Row> {
	await using scope = new AsyncDisposableStack();
	const players = join(directory, "hls");
	execFileSync("gcc", ["-O2", "-o", players, join(import.meta.dirname, "c/hls.c")]);
	const rig = scope.use(await EdgeRig.open());
	const nginx = await openNginx(directory, say);
	if (nginx) scope.use(nginx);
	const runs = isShort ? 1 : 5;
	const windowS = isShort ? 2 : 15;
	const ours: Played[] = [];
	const theirs: Played[] = [];
	for (let run = 0; run < runs; run += 1) {
		say(`${count} players on each, run ${run + 1} of ${runs}`);
		const flags = { count, intervalMs, rampS: isShort ? 1 : 4, warmS: intervalMs / 1_000 + 1, windowS };
		const [mine, other] = await Promise.all([
			play(players, { ...flags, ...how.ours, port: rig.port, pid: rig.pid, octet: 41 }),
			nginx && play(players, { ...flags, ...how.theirs, port: nginx.port, pid: nginx.pid, octet: 42 }),
		]);
		ours.push(mine);
		if (other) theirs.push(other);
	}
	const cpu = (name: string, all: readonly Played[]): Row => {
		const each = all.map(({ us_per_ls }) => us_per_ls.toFixed(1)).join(", ");
		const first = all[0];
		const rate = `${first?.media_per_ls.toFixed(2)} a second, ${Math.round(first?.Bps_per_l ?? 0)} B/s, failed ${all.reduce((sum, { failed, bad }) => sum + failed + bad, 0)}`;
		return {
			id: `${id}-cpu${name}`,
			value: median(all.map(({ us_per_ls }) => us_per_ls)),
			unit: "us/ls",
			peer: `all runs ${each}; ${rate}`,
		};
	};
	yield cpu("", ours);
	if (theirs.length > 0) {
		yield cpu("-nginx", theirs);
		const ratios = ours.map(({ us_per_ls }, nth) => us_per_ls / (theirs[nth]?.us_per_ls ?? Number.NaN));
		yield atMost(
			`${id}-over-nginx`,
			median(ratios),
			ratioMax,
			"×",
			`all runs ${ratios.map((r) => r.toFixed(2)).join(", ")}`,
		);
	}
	const longest = `longest ${Math.round(Math.max(...ours.map(({ max_gap_ms }) => max_gap_ms)))} ms`;
	yield atMost(
		`${id}-gaps`,
		ours.reduce((sum, { stalls }) => sum + stalls, 0),
		0,
		"gaps",
		longest,
	);
}

async function play(
	players: string,
	options: How & {
		readonly port: number;
		readonly pid: number;
		readonly octet: number;
		readonly count: number;
		readonly intervalMs: number;
		readonly rampS: number;
		readonly warmS: number;
		readonly windowS: number;
	},
): Promise<Played> {
	const { mode, list, port, pid, octet, count, intervalMs, rampS, warmS, windowS } = options;
	const flags = {
		port,
		list,
		media: MEDIA,
		n: count,
		ramp: rampS,
		warm: warmS,
		dur: windowS,
		interval: intervalMs,
		octet,
		pid,
	};
	const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
	const child = spawn(players, [mode, ...args], { stdio: ["ignore", "pipe", "inherit"] });
	let text = "";
	for await (const piece of child.stdout) text += piece;
	return JSON.parse(text) as Played;
}

/**
 * nginx with files in memory: parts, segments and playlists that are written as the edge makes them, at the same
 * addresses.
 *
 * @returns undefined, and says why, when it is not installed.
 */
async function openNginx(directory: string, say: (text: string) => void): Promise<Peer | undefined> {
	if (!findTool("nginx")) {
		say("no comparison with nginx: it is not installed (Debian: apt-get install nginx-light)");
		return undefined;
	}
	const root = join(existsSync("/dev/shm") ? "/dev/shm" : directory, `rostra-bench-${process.pid}`);
	const folders = [`${root}${MEDIA}`, `${root}${HLS}/ll`, `${root}${HLS}/${TRACK}`];
	for (const folder of folders) mkdirSync(folder, { recursive: true });
	const timeline = fakeTimeline();
	let nextPart = 0;
	const put = (path: string, bytes: string | Buffer) => {
		writeFileSync(`${root}/new`, bytes);
		renameSync(`${root}/new`, root + path);
	};
	const body = (part: number) => partText(TRACK, part, REAL_BYTES[TRACK]);
	const speak = () => {
		put(`${MEDIA}p${nextPart}.m4s`, body(nextPart));
		nextPart += 1;
		rmSync(`${root}${MEDIA}p${nextPart - KEPT_PARTS}.m4s`, { force: true });
		if (nextPart % PARTS_PER_SEGMENT === 0) {
			const parts = Array.from({ length: PARTS_PER_SEGMENT }, (_, i) => body(nextPart - PARTS_PER_SEGMENT + i));
			put(`${MEDIA}${nextPart / PARTS_PER_SEGMENT - 1}.m4s`, Buffer.concat(parts));
			put(`${HLS}/${TRACK}/live.m3u8`, mediaPlaylist(timeline, TRACK, "live", nextPart) ?? "");
		}
		const held = { firstPart: 0, nextPart };
		put(`${HLS}/ll/${TRACK}.m3u8`, lowLatencyPlaylist(timeline, TRACK, held, { skip: false }) ?? "");
	};
	for (let i = 0; i < 100; i += 1) speak();
	const speaking = everyMs(systemClock, PART_MS, speak);
	const port = await freePort();
	const config = join(directory, `nginx-${port}.conf`);
	// As a careful operator writes it for files in memory: parts are kept open, playlists are read as they are.
	const user = process.getuid?.() === 0 ? "user root;" : "";
	writeFileSync(
		config,
		`${user} worker_processes 1; daemon off; pid ${directory}/nginx.pid; error_log ${directory}/nginx.log; worker_rlimit_nofile 20000;
events { worker_connections 19500; multi_accept on; }
http { access_log off; sendfile on; tcp_nopush on; keepalive_timeout 120; keepalive_requests 1000000;
 types { application/vnd.apple.mpegurl m3u8; audio/mp4 m4s; }
 server { listen 127.0.0.1:${port} backlog=4096; root ${root};
  location ~ \\.m4s$ { open_file_cache max=1000 inactive=5s; open_file_cache_valid 5s; add_header Cache-Control "public, max-age=31536000, immutable"; }
  location ~ \\.m3u8$ { add_header Cache-Control "public, max-age=1"; } } }\n`,
	);
	const child = spawn("nginx", ["-c", config, "-p", directory], { stdio: "ignore" });
	await listening(port, child, "nginx");
	return {
		name: "nginx",
		port,
		path: HLS,
		pid: child.pid as number,
		async [Symbol.asyncDispose]() {
			speaking[Symbol.dispose]();
			// The first process must live to end the one that it has started.
			const exit = once(child, "exit");
			child.kill("SIGTERM");
			await exit;
			rmSync(root, { recursive: true, force: true });
		},
	};
}
