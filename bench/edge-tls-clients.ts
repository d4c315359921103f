/**
 * TLS clients of a door, in a process of their own: `edge-tls-clients.ts MODE --port P --path /x --n COUNT …`.
 *
 * MODE `listen`: one long GET each. `shake`: COUNT handshakes, a few at a time, each connection closed after it; with
 * `--resume` each brings the session of one before. Prints one line of JSON.
 */
import { readdirSync, readFileSync } from "node:fs";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { parseArgs } from "node:util";
import { quantile } from "./rows.ts";

export type TlsSeen = {
	/** Connections open at the end, and those that failed or were closed. */
	readonly active: number;
	readonly failed: number;
	/** CPU of the named processes: per listener and second, and per handshake; microseconds. */
	readonly us_per_ls: number;
	readonly us_per_handshake: number;
	readonly resumed: number;
	readonly kb_per_l: number;
	readonly stalls: number;
	/** From the click (connect) to the first byte of sound: median, 95th, 99th percentile. */
	readonly first_byte_ms: readonly [number, number, number];
};

const SHAKES_AT_ONCE = 16;

if (import.meta.main) {
	const text = { type: "string" } as const;
	const { values, positionals } = parseArgs({
		allowPositionals: true,
		options: {
			...{ port: text, path: text, n: text, ramp: text, warm: text, dur: text, interval: text, groups: text },
			pid: { type: "string", multiple: true },
			resume: { type: "boolean" },
		},
	});
	const number = (name: "port" | "n" | "ramp" | "warm" | "dur" | "interval") => Number(values[name] ?? 0);
	const pids = (values.pid ?? []).map(Number);
	const to = { port: number("port"), host: "127.0.0.1", rejectUnauthorized: false };
	const groups = values.groups === undefined ? {} : { ecdhCurve: values.groups };
	const seen =
		positionals[0] === "shake"
			? await shake({ ...to, ...groups }, number("n"), values.resume ?? false, pids)
			: await listen(to);
	process.stdout.write(`${JSON.stringify(seen)}\n`);
	process.exit(0);

	async function listen(target: typeof to): Promise<TlsSeen> {
		const head = `GET ${values.path} HTTP/1.1\r\nHost: a\r\n\r\n`;
		const count = number("n");
		const firstMs: number[] = [];
		let [open, failed, stalls] = [0, 0, 0];
		let isMeasured = false;
		const before = spent(pids);
		const begunMs = performance.now();
		for (let nth = 0; nth < count; nth += 1) {
			const dueMs = begunMs + (number("ramp") * 1_000 * nth) / count;
			if (dueMs > performance.now()) await pause(dueMs - performance.now());
			const clickMs = performance.now();
			let lastMs = 0;
			const socket = connect(target, () => socket.write(head));
			socket.on("error", () => {});
			socket.on("close", () => {
				failed += 1;
				if (lastMs > 0) open -= 1;
			});
			socket.on("data", () => {
				const nowMs = performance.now();
				if (lastMs === 0) {
					open += 1;
					firstMs.push(nowMs - clickMs);
				} else if (isMeasured && nowMs - lastMs > 2 * number("interval")) stalls += 1;
				lastMs = nowMs;
			});
		}
		await pause(number("warm") * 1_000);
		const from = spent(pids);
		isMeasured = true;
		const fromMs = performance.now();
		await pause(number("dur") * 1_000);
		const windowS = (performance.now() - fromMs) / 1_000;
		const after = spent(pids);
		return {
			active: open,
			failed,
			us_per_ls: (after.cpuUs - from.cpuUs) / windowS / open,
			us_per_handshake: Number.NaN,
			resumed: 0,
			kb_per_l: (after.kilobytes - before.kilobytes) / open,
			stalls,
			first_byte_ms: [quantile(firstMs, 0.5), quantile(firstMs, 0.95), quantile(firstMs, 0.99)],
		};
	}
}

async function shake(
	target: ConnectionOptions,
	count: number,
	resumes: boolean,
	pids: readonly number[],
): Promise<TlsSeen> {
	let [failed, resumed] = [0, 0];
	let session: Buffer | undefined;
	const one = (brings: Buffer | undefined, wantsSession: boolean) =>
		new Promise<void>((resolve) => {
			const socket: TLSSocket = connect({ ...target, ...(brings && { session: brings }) }, () => {
				if (socket.isSessionReused()) resumed += 1;
				// The server has finished when it has said so, in TLS 1.3 with its tickets.
				if (!wantsSession) socket.end();
			});
			socket.on("session", (ticket: Buffer) => {
				session = ticket;
				socket.end();
			});
			socket.on("error", () => {
				failed += 1;
			});
			socket.on("close", () => resolve());
			socket.resume();
		});
	await one(undefined, true);
	const before = spent(pids);
	let left = count;
	const worker = async () => {
		while (left > 0) {
			left -= 1;
			await one(resumes ? session : undefined, true);
		}
	};
	await Promise.all(Array.from({ length: SHAKES_AT_ONCE }, worker));
	const after = spent(pids);
	return {
		active: 0,
		failed,
		us_per_ls: Number.NaN,
		us_per_handshake: (after.cpuUs - before.cpuUs) / count,
		resumed,
		kb_per_l: Number.NaN,
		stalls: 0,
		first_byte_ms: [Number.NaN, Number.NaN, Number.NaN],
	};
}

/** CPU time and memory (proportional set size) of processes and their children. */
function spent(pids: readonly number[]): { cpuUs: number; kilobytes: number } {
	let cpuUs = 0;
	let kilobytes = 0;
	for (const pid of pids) {
		for (const task of readdirSync(`/proc/${pid}/task`)) {
			cpuUs += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]) / 1_000;
			const children = readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").trim();
			if (children === "") continue;
			const theirs = spent(children.split(" ").map(Number));
			cpuUs += theirs.cpuUs;
			kilobytes += theirs.kilobytes;
		}
		kilobytes += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0);
	}
	return { cpuUs, kilobytes };
}

function pause(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}
