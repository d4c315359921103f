/**
 * `npm run bench -- shield [--part head|body|read|connect]`: 3,000 distributed slow clients on some 1,000 slots, and how
 * many honest newcomers on slow lines are served meanwhile: both doors of ours at once, nginx and plain node:http beside
 * them. Loopback only; everything ends by itself.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findTool } from "../test/support/tools.ts";
import { type ClientMode, compileTools, startClients, type Tools } from "./edge-clients.ts";
import { ended, freePort, listening } from "./edge-peers.ts";
import { EdgeRig, RECORDED_SLUG, SLUG } from "./edge-rig.ts";
import { atLeast, type BenchOptions, type Row, rowsOf } from "./rows.ts";
import type { Served, Visits } from "./shield-visitors.ts";

/** With the 300 that are held back: room for 1,000 connections. */
const DESCRIPTORS = 1_300;
const MODES = ["head", "body", "read", "connect"] as const;
const GAPS_MS = [400, 1_000] as const;

type Server = {
	readonly name: string;
	readonly port: number;
	readonly small: string;
	readonly big: string;
	readonly body: string;
	readonly isOurs: boolean;
};
type Context = {
	readonly tools: Tools;
	readonly servers: readonly Server[];
	readonly isShort: boolean;
	readonly say: (text: string) => void;
};

export async function* rows({ isShort, part, say }: BenchOptions): AsyncGenerator<Row> {
	await using scope = new AsyncDisposableStack();
	const directory = await mkdtemp(join(tmpdir(), "rostra-bench-"));
	scope.defer(() => rm(directory, { recursive: true, force: true }));
	const tools = compileTools(directory, say);
	if (!tools) return;
	const rig = scope.use(await EdgeRig.open({ descriptors: DESCRIPTORS, recordingBytes: 20 << 20 }));
	const servers: Server[] = [
		{
			name: "public",
			port: rig.port,
			small: `/i/${SLUG}/state.json`,
			big: `/i/${RECORDED_SLUG}/recording.ogg`,
			body: "/api/v1/words",
			isOurs: true,
		},
	];
	for (const kind of ["staff", "node"] as const) servers.push(await openServer(kind, scope));
	const nginx = await openNginx(directory, scope, say);
	if (nginx) servers.push(nginx);
	yield* rowsOf<Context>(
		MODES.map((mode) => [mode, (context: Context) => attacked(mode, context)] as const),
		part,
		{ tools, servers, isShort, say },
	);
}

async function* attacked(mode: (typeof MODES)[number], context: Context): AsyncGenerator<Row> {
	const { tools, servers, isShort, say } = context;
	const attackers = isShort ? 300 : 3_000;
	const seconds = isShort ? 2 : 17;
	const rampS = 3;
	say(`${attackers} slow clients (${mode}) on each of ${servers.map(({ name }) => name).join(", ")}`);
	const clientMode: ClientMode = mode;
	const attacks = servers.map(({ port, small, big, body }, nth) => {
		const path = mode === "read" ? big : mode === "body" ? body : small;
		const options = { port, path, count: attackers, rampS, warmS: 1, windowS: seconds + 3, octet: 20 + nth };
		return startClients(tools, clientMode, options);
	});
	// Measured while all of them are there.
	await new Promise((resolve) => setTimeout(resolve, (rampS + 1) * 1_000));
	const served = await visitAll({
		servers: servers.map(({ name, port, small }) => ({ name, port, path: small })),
		gapsMs: GAPS_MS,
		perS: 20,
		seconds,
	});
	const seen = await Promise.all(attacks.map((attack) => attack.seen));
	for (const [nth, { name, isOurs }] of servers.entries()) {
		const newPerS = Math.round((seen[nth]?.opened ?? 0) / (rampS + 1 + seconds + 3));
		for (const gapMs of GAPS_MS) {
			const of = served[`${name} ${gapMs}`] ?? { tried: 0, served: 0, p95Ms: 0, lost: [] };
			const { tried, served: count, p95Ms, lost } = of;
			if (isOurs && lost.length > 0) say(`lost at ${name}: ${lost.slice(0, 12).join("; ")}`);
			const id = `shield-${mode}-${name}-gap-${gapMs}`;
			const peer = `${count} of ${tried}, p95 ${Math.round(p95Ms)} ms; ${newPerS} attackers' connections/s, ${seen[nth]?.active} open`;
			const share = (100 * count) / Math.max(1, tried);
			yield isOurs ? atLeast(id, share, 100, "%", peer) : { id, value: share, unit: "%", peer };
		}
	}
}
async function visitAll(visits: Visits): Promise<Served> {
	const file = join(import.meta.dirname, "shield-visitors.ts");
	const child = spawn(process.execPath, [file, JSON.stringify(visits)], { stdio: ["ignore", "pipe", "inherit"] });
	let text = "";
	for await (const piece of child.stdout) text += piece;
	return JSON.parse(text) as Served;
}

async function openServer(kind: "staff" | "node", scope: AsyncDisposableStack): Promise<Server> {
	const file = join(import.meta.dirname, "shield-servers.ts");
	// Node's own server knows no limit but its descriptors.
	const descriptors = kind === "staff" ? DESCRIPTORS : 1_024;
	const script = `ulimit -n ${descriptors}; exec "$@"`;
	const child: ChildProcess = spawn("sh", ["-c", script, "sh", process.execPath, file, kind], {
		stdio: ["pipe", "pipe", "inherit"],
	});
	scope.defer(() => ended(child));
	const [line] = (await once(child.stdout as NodeJS.EventEmitter, "data")) as [Buffer];
	const port = Number(line);
	await listening(port, child, kind);
	return { name: kind, port, small: "/", big: "/big", body: "/body", isOurs: kind === "staff" };
}

async function openNginx(
	directory: string,
	scope: AsyncDisposableStack,
	say: (text: string) => void,
): Promise<Server | undefined> {
	if (!findTool("nginx")) {
		say("no comparison with nginx: it is not installed (Debian: apt-get install nginx-light)");
		return undefined;
	}
	const port = await freePort();
	await chmod(directory, 0o755);
	await writeFile(join(directory, "index.html"), "hello");
	await writeFile(join(directory, "big"), Buffer.alloc(20 << 20, "x"));
	const config = join(directory, "nginx.conf");
	await writeFile(
		config,
		`worker_processes 1; daemon off; pid ${directory}/nginx.pid; error_log ${directory}/nginx.log crit;
events { worker_connections 1024; multi_accept on; }
http { access_log off; client_header_timeout 5s; client_body_timeout 5s; send_timeout 5s; keepalive_timeout 5s; reset_timedout_connection on;
 client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy; fastcgi_temp_path ${directory}/fastcgi; uwsgi_temp_path ${directory}/uwsgi; scgi_temp_path ${directory}/scgi;
 server { listen 127.0.0.1:${port} backlog=4096; root ${directory}; location = /body { proxy_pass http://127.0.0.1:1; } } }\n`,
	);
	const child = spawn("nginx", ["-p", directory, "-c", config], { stdio: "ignore" });
	scope.defer(async () => {
		child.kill("SIGTERM");
		if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
	});
	await listening(port, child, "nginx");
	return { name: "nginx", port, small: "/", big: "/big", body: "/body", isOurs: false };
}
