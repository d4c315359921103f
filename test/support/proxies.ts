/** The recipes of deploy/, started as they are but for addresses, ports and paths. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { Agent, request as requestTls } from "node:https";
import { type AddressInfo, connect, createServer as createNetServer } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { makeSelfSigned, type UnixMs } from "#base/index.ts";
import { type ProcessStart, processStart } from "#wire/index.ts";
import type { Platform } from "./platform.ts";
import { exitOf, tailOf, until } from "./run.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const READY_WITHIN_MS = 15_000;
/** Requests of which a counter keeps the heads. */
const ASKED_MAX = 100_000;

export type Running = { readonly port: number; readonly process: ChildProcess } & AsyncDisposable;

/** A certificate for 127.0.0.1 in a folder: chain, key, and both in one file. */
export async function makeCertificateIn(folder: string) {
	const { certPem, keyPem } = makeSelfSigned(["127.0.0.1"], Date.now() as UnixMs);
	const paths = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem"), both: join(folder, "both.pem") };
	await writeFile(paths.cert, certPem);
	await writeFile(paths.key, keyPem);
	await writeFile(paths.both, certPem + keyPem);
	return { ...paths, certPem };
}

export async function startNginx(folder: string, originPort: number): Promise<Running & { plainPort: number }> {
	const { cert, key } = await makeCertificateIn(folder);
	const [port, plainPort] = [await freePort(), await freePort()];
	const cacheDir = join(folder, "nginx-cache");
	await mkdir(cacheDir, { recursive: true });
	const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
		(what) => `${what}_temp_path ${join(folder, what)};`,
	);
	const config = await adapt("nginx.conf", folder, [
		["listen 80;", `listen 127.0.0.1:${plainPort};`],
		["listen 443 ssl backlog", `listen 127.0.0.1:${port} ssl backlog`],
		["server 127.0.0.1:8080;", `server 127.0.0.1:${originPort};`],
		["/etc/rostra/cert.pem", cert],
		["/etc/rostra/key.pem", key],
		["/var/cache/nginx/rostra ", `${cacheDir} `],
		["/var/cache/nginx/rostra-moments ", `${cacheDir}-moments `],
		["http {", `http {\n${temporary.join("\n")}`],
	]);
	const user = process.getuid?.() === 0 ? "user root;" : "";
	const more = `daemon off; pid ${join(folder, "nginx.pid")}; ${user}`;
	return { ...(await start("nginx", ["-e", "stderr", "-c", config, "-g", more], port)), plainPort };
}

export async function startVarnish(folder: string, originPort: number): Promise<Running> {
	const port = await freePort();
	const config = await adapt("varnish.vcl", folder, [['.port = "8080";', `.port = "${originPort}";`]]);
	const args = ["-F", "-j", "none", "-n", join(folder, "varnish"), "-a", `127.0.0.1:${port}`, "-f", config];
	return await start("varnishd", [...args, "-s", "malloc,64m"], port);
}

export async function startHaproxy(folder: string, nodePort: number): Promise<Running & { plainPort: number }> {
	const { both } = await makeCertificateIn(folder);
	const [port, plainPort] = [await freePort(), await freePort()];
	const config = await adapt("haproxy.cfg", folder, [
		["maxconn 40000", "maxconn 4000"],
		["bind :443", `bind 127.0.0.1:${port}`],
		["bind :80\n", `bind 127.0.0.1:${plainPort}\n`],
		["node1 127.0.0.1:8080", `node1 127.0.0.1:${nodePort}`],
		["/etc/rostra/cert-and-key.pem", both],
	]);
	return { ...(await start("haproxy", ["-db", "-f", config], port)), plainPort };
}

/** One more worker of the public door on a platform's bus, with a port and settings of its own. */
export async function startWorker(
	platform: Platform,
	publicDoor: ProcessStart["settings"]["publicDoor"],
): Promise<Running> {
	const edge = platform.processes().find(({ name }) => name === "edge-0");
	const environment = readFileSync(`/proc/${edge?.pid}/environ`, "utf8").split("\0");
	const given = environment.find((each) => each.startsWith("ROSTRA_PROCESS="))?.slice("ROSTRA_PROCESS=".length) ?? "";
	const port = await freePort();
	const { settings, role } = processStart.parse(JSON.parse(given));
	assert(role.role === "edge");
	const own: ProcessStart = {
		name: "edge-9",
		role: { ...role, worker: 9 },
		settings: { ...settings, publicDoor, publicPort: port },
	};
	const env = { ...process.env, NODE_TEST_CONTEXT: "", ROSTRA_PROCESS: JSON.stringify(own) };
	return await start(process.execPath, [join(ROOT, "src/roles/process.ts")], port, env);
}

async function adapt(name: string, folder: string, changes: readonly (readonly [string, string])[]): Promise<string> {
	let text = await readFile(join(ROOT, "deploy", name), "utf8");
	for (const [from, to] of changes) {
		assert.equal(text.split(from).length, 2, `deploy/${name} has ${JSON.stringify(from)} once`);
		text = text.replace(from, () => to);
	}
	const path = join(folder, name);
	await writeFile(path, text);
	return path;
}

async function start(command: string, args: readonly string[], port: number, env = process.env): Promise<Running> {
	// The pipe's end tells a worker of ours to leave.
	const child = spawn(command, args, { stdio: ["pipe", "ignore", "pipe"], env });
	const tail = tailOf(child);
	const stop = async () => {
		child.kill("SIGTERM");
		const killing = setTimeout(() => child.kill("SIGKILL"), 3_000);
		await exitOf(child).catch(() => {});
		clearTimeout(killing);
	};
	try {
		await until(`${command} to listen`, READY_WITHIN_MS, () => {
			if (child.exitCode !== null) throw new Error(`${command} left at once`);
			return accepts(port);
		});
	} catch (error) {
		await stop();
		throw new Error(`${(error as Error).message}\n${tail()}`);
	}
	return { port, process: child, [Symbol.asyncDispose]: stop };
}

function accepts(port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const socket = connect(port, "127.0.0.1", () => resolve(true));
		socket.once("error", () => resolve(false)).once("close", () => resolve(false));
		socket.once("connect", () => socket.destroy());
	});
}

export async function freePort(): Promise<number> {
	const server = createNetServer().listen(0, "127.0.0.1");
	await once(server, "listening");
	const { port } = server.address() as AddressInfo;
	server.close();
	await once(server, "close");
	return port;
}

export type Asked = { readonly path: string; readonly headers: IncomingHttpHeaders };

/** Stands between a cache and its origin, hands everything through and notes what was asked for. */
export async function openCounter(originPort: number): Promise<{ port: number; asked: Asked[] } & AsyncDisposable> {
	const asked: Asked[] = [];
	const server = createServer((question, response) => {
		if (asked.length < ASKED_MAX) asked.push({ path: question.url ?? "", headers: question.headers });
		const { method, url: path, headers } = question;
		const onward = request({ port: originPort, host: "127.0.0.1", method, path, headers }, (answer) => {
			response.writeHead(answer.statusCode ?? 502, answer.headers);
			response.flushHeaders();
			answer.pipe(response);
		});
		response.on("close", () => onward.destroy());
		onward.on("error", () => response.destroy());
		question.pipe(onward);
	});
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	return {
		port: (server.address() as AddressInfo).port,
		asked,
		async [Symbol.asyncDispose]() {
			server.closeAllConnections();
			await new Promise((resolve) => server.close(resolve));
		},
	};
}

const agent = new Agent({ keepAlive: true, maxSockets: 1_000, rejectUnauthorized: false });

export type Answer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer };

/** GET, over a certificate that nobody vouches for where it must be. */
export async function ask(url: string, headers: Record<string, string> = {}): Promise<Answer> {
	const response = await begin(url, headers);
	return { status: response.statusCode ?? 0, headers: response.headers, body: await buffer(response) };
}

/** The same, while the body is still on its way. */
export function begin(url: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
	return new Promise((resolve, reject) => {
		const isTls = url.startsWith("https:");
		const asking = isTls ? requestTls(url, { headers, agent }) : request(url, { headers });
		asking.once("response", resolve).once("error", reject).end();
	});
}
