/**
 * Listeners in plain Node, for machines without the C generator: same flags, same line of JSON. Dearer than its
 * model, so the server has less of the machine; ratios between runs hold, absolute figures are worse.
 */
import { readdirSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { parseArgs } from "node:util";
import { quantile } from "./rows.ts";

const text = { type: "string" } as const;
const { values } = parseArgs({
	options: { port: text, path: text, n: text, ramp: text, warm: text, dur: text, interval: text, pid: text },
});
const number = (name: "port" | "n" | "ramp" | "warm" | "dur" | "interval" | "pid") => Number(values[name]);
const count = number("n");
const head = `GET ${values.path} HTTP/1.1\r\nHost: a\r\n\r\n`;

type One = { socket: Socket; startedMs: number; firstMs: number; lastMs: number; bytes: number; open: boolean };
const all: One[] = [];
let windowFromMs = Number.POSITIVE_INFINITY;
let stalls = 0;
let maxGapMs = 0;
let failed = 0;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const startMs = performance.now();
for (let i = 0; i < count; i += 1) {
	const dueMs = startMs + (number("ramp") * 1_000 * i) / count;
	if (dueMs > performance.now()) await pause(dueMs - performance.now());
	const one: One = {
		socket: connect(number("port"), "127.0.0.1"),
		startedMs: performance.now(),
		firstMs: 0,
		lastMs: 0,
		bytes: 0,
		open: true,
	};
	one.socket.write(head);
	one.socket.on("error", () => {
		failed += 1;
	});
	one.socket.on("close", () => {
		one.open = false;
	});
	one.socket.on("data", (chunk) => {
		const nowMs = performance.now();
		if (one.firstMs === 0) one.firstMs = nowMs;
		else if (nowMs >= windowFromMs) {
			one.bytes += chunk.length;
			const gapMs = nowMs - one.lastMs;
			if (gapMs > 2 * number("interval")) stalls += 1;
			maxGapMs = Math.max(maxGapMs, gapMs);
		}
		one.lastMs = nowMs;
	});
	all.push(one);
}
await pause(number("warm") * 1_000);
const cpuBefore = cpuNs(number("pid"));
windowFromMs = performance.now();
await pause(number("dur") * 1_000);
const windowS = (performance.now() - windowFromMs) / 1_000;
const cpu = cpuNs(number("pid")) - cpuBefore;
const open = all.filter((one) => one.open);
const first = all.filter((one) => one.firstMs > 0).map((one) => one.firstMs - one.startedMs);
const line = {
	active: open.length,
	us_per_ls: cpu / 1_000 / windowS / open.length,
	Bps_per_l: open.reduce((sum, one) => sum + one.bytes, 0) / windowS / open.length,
	stalls,
	max_gap_ms: maxGapMs,
	ttfb_ms: [quantile(first, 0.5), quantile(first, 0.99), quantile(first, 1)],
	failed,
};
process.stdout.write(`${JSON.stringify(line)}\n`);
process.exit(0);

/** Time all threads of a process have run, nanoseconds. */
function cpuNs(pid: number): number {
	let sum = 0;
	for (const task of readdirSync(`/proc/${pid}/task`)) {
		sum += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]);
	}
	return sum;
}
