/** TLS at the public door: what a handshake and a listener cost, beside nginx that has the TLS and passes on to a plain door. */
import { execFileSync, spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { BEAT_MS } from "#wire/index.ts";
import { makeCertificateIn, startNginx } from "../test/support/proxies.ts";
import { findTool } from "../test/support/tools.ts";
import { EdgeRig, SLUG } from "./edge-rig.ts";
import type { TlsSeen } from "./edge-tls-clients.ts";
import { atMost, median, type Row } from "./rows.ts";

type Context = { readonly directory: string; readonly isShort: boolean; readonly say: (text: string) => void };

export async function* tls(context: Context): AsyncGenerator<Row> {
	yield* listeners(context);
	yield* handshakes(context);
}

/** CPU of the worker per connection that is accepted, shakes hands and closes; H is how many of these fill one core. */
async function* handshakes({ directory, isShort, say }: Context): AsyncGenerator<Row> {
	const count = isShort ? 200 : 2_000;
	const runs = isShort ? 1 : 3;
	const kindsOfKey = findTool("openssl") ? (["p256", "rsa2048"] as const) : (["p256"] as const);
	for (const name of kindsOfKey) {
		await using rig = await EdgeRig.open({ tls: await certificateIn(directory, name) });
		const kinds: (readonly [string, ...string[]])[] = [["full"], ["full-x25519", "--groups", "X25519"]];
		if (name === "p256") kinds.push(["resumed", "--resume"]);
		for (const [kind, ...flags] of kinds) {
			const costs: number[] = [];
			for (let run = 0; run < runs; run += 1) {
				say(`${count} handshakes, ${name}, ${kind}, run ${run + 1} of ${runs}`);
				const seen = await clients("shake", { port: rig.port, n: count, pid: rig.pid }, flags);
				if (seen.failed > 0) say(`${seen.failed} failed`);
				if (kind === "resumed" && seen.resumed < count) say(`only ${seen.resumed} of ${count} were resumed`);
				costs.push(seen.us_per_handshake);
			}
			const peer = `per core; ${costs.map((us) => `${Math.round(us)} us`).join(", ")} of CPU each`;
			yield { id: `edge-tls-handshakes-${name}-${kind}`, value: 1e6 / median(costs), unit: "1/s", peer };
		}
	}
}

/** Both at the same time: a door with TLS, and nginx with TLS before a plain door. */
async function* listeners({ directory, isShort, say }: Context): AsyncGenerator<Row> {
	const count = isShort ? 100 : 1_000;
	const runs = isShort ? 1 : 3;
	const times = isShort ? { ramp: 1, warm: 2, dur: 4 } : { ramp: 5, warm: 4, dur: 15 };
	const paths = await certificateIn(directory, "p256");
	const ours: TlsSeen[] = [];
	const theirs: TlsSeen[] = [];
	for (let run = 0; run < runs; run += 1) {
		await using scope = new AsyncDisposableStack();
		const own = scope.use(await EdgeRig.open({ tls: paths }));
		const plain = scope.use(await EdgeRig.open());
		const folder = join(directory, `nginx-${run}`);
		await mkdir(folder);
		const nginx = findTool("nginx") && scope.use(await startNginx(folder, plain.port));
		say(`${count} TLS listeners${nginx ? " on each of two servers at once" : ""}, run ${run + 1} of ${runs}`);
		const common = { ...times, n: count, interval: BEAT_MS, path: `/i/${SLUG}/live.ogg?burst=player` };
		const [mine, nginxes] = await Promise.all([
			clients("listen", { ...common, port: own.port, pid: own.pid }),
			nginx && clients("listen", { ...common, port: nginx.port, pid: [nginx.process.pid as number, plain.pid] }),
		]);
		ours.push(mine);
		if (nginxes) theirs.push(nginxes);
	}
	const all = (values: readonly number[], digits = 1) => values.map((value) => value.toFixed(digits)).join(", ");
	const cpu = ours.map((seen) => seen.us_per_ls);
	yield { id: "edge-tls-push-cpu", value: median(cpu), unit: "us/ls", peer: `all runs ${all(cpu)}` };
	if (theirs.length > 0) {
		const peer = theirs.map((seen) => seen.us_per_ls);
		yield { id: "edge-tls-push-cpu-nginx", value: median(peer), unit: "us/ls", peer: `all runs ${all(peer)}` };
		const ratios = ours.map((seen, run) => seen.us_per_ls / (theirs[run] as TlsSeen).us_per_ls);
		yield atMost("edge-tls-push-over-nginx", median(ratios), 0.75, "×", `all runs ${all(ratios, 2)}`);
	}
	const memory = ours.map((seen) => seen.kb_per_l);
	const peerMemory = theirs.length > 0 ? `; nginx ${all(theirs.map((seen) => seen.kb_per_l))}` : "";
	yield atMost("edge-tls-memory-per-listener", median(memory), 60, "KB", `all runs ${all(memory)}${peerMemory}`);
	const first = ours.map((seen) => seen.first_byte_ms[1]);
	const perS = Math.round(count / times.ramp);
	yield atMost("edge-tls-first-byte-p95", median(first), 150, "ms", `${perS} joins per second on each; ${all(first)}`);
	const gaps = ours.reduce((sum, { stalls, failed }) => sum + stalls + failed, 0);
	yield atMost("edge-tls-gaps", gaps, 0, "gaps");
}

async function certificateIn(directory: string, kind: "p256" | "rsa2048") {
	const folder = join(directory, kind);
	await mkdir(folder, { recursive: true });
	const { cert, key } = await makeCertificateIn(folder);
	if (kind === "rsa2048") {
		const args = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=rostra", "-days", "30"];
		execFileSync("openssl", [...args, "-keyout", key, "-out", cert], { stdio: "ignore" });
	}
	return { certPath: cert, keyPath: key };
}

async function clients(
	mode: "listen" | "shake",
	flags: Readonly<Record<string, number | string | readonly number[]>>,
	more: readonly string[] = [],
): Promise<TlsSeen> {
	const args = Object.entries(flags).flatMap(([name, value]) =>
		(Array.isArray(value) ? value : [value]).flatMap((each) => [`--${name}`, String(each)]),
	);
	const path = join(import.meta.dirname, "edge-tls-clients.ts");
	const child = spawn(process.execPath, [path, mode, ...args, ...more], { stdio: ["ignore", "pipe", "inherit"] });
	let text = "";
	for await (const piece of child.stdout) text += piece;
	return JSON.parse(text) as TlsSeen;
}
