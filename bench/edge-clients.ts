/** Clients of a door in processes of their own, so that they share no event loop with what is measured: `c/clients.c`. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { join } from "node:path";
import { findTool } from "../test/support/tools.ts";

/** What a run of clients saw. */
export type Seen = {
	/** Connections open at the end. */
	readonly active: number;
	/** Connections made, those that could not be, and those the server closed. */
	readonly opened: number;
	readonly failed: number;
	readonly cut: number;
	/** CPU of the named processes per listener and second, microseconds. */
	readonly us_per_ls: number;
	/** CPU of the named processes, in cores. */
	readonly cpu_core: number;
	/** Memory the named processes gained per client, kilobytes of proportional set size. */
	readonly kb_per_l: number;
	readonly Bps_per_l: number;
	/** Gaps longer than twice the interval. */
	readonly stalls: number;
	readonly max_gap_ms: number;
	/** Time to the first byte: median, 99th percentile, maximum. */
	readonly ttfb_ms: readonly [number, number, number];
	/** Of `flood`. */
	readonly answers_per_s: number;
};

export type ClientMode = "push" | "flood" | "head" | "body" | "read" | "connect" | "silent";

export type ClientOptions = {
	readonly port: number;
	readonly path: string;
	readonly count: number;
	/** Seconds in which they connect, then settle, then are measured. */
	readonly rampS: number;
	readonly warmS: number;
	readonly windowS: number;
	/** Time between two writes, milliseconds. */
	readonly intervalMs?: number;
	/** Processes whose CPU and memory are read, children included. */
	readonly pids?: readonly number[];
	/** Second byte of the addresses they come from: clients with different ones share no address. */
	readonly octet?: number;
	/** The core they stay on; any when absent. */
	readonly core?: number;
};

/** The programs in C, compiled into `directory`. */
export type Tools = { readonly clients: string; readonly reference: string };

/** @returns undefined, and says why, when there is no compiler. */
export function compileTools(directory: string, say: (text: string) => void): Tools | undefined {
	if (process.platform !== "linux" || !findTool("gcc")) {
		say(
			"no figures that need clients in C: they run on Linux and are compiled by gcc (Debian: apt-get install gcc libc6-dev)",
		);
		return undefined;
	}
	const tools = { clients: join(directory, "clients"), reference: join(directory, "reference") };
	for (const [name, out] of Object.entries(tools)) {
		execFileSync("gcc", ["-O2", "-o", out, join(import.meta.dirname, `c/${name}.c`)]);
	}
	return tools;
}

/** Starts clients; they end by themselves after ramp, warm and window. */
export function startClients(
	tools: Tools,
	mode: ClientMode,
	options: ClientOptions,
): { readonly child: ChildProcess; readonly seen: Promise<Seen> } {
	const { port, path, count, rampS, warmS, windowS, intervalMs = 1_000, pids = [], octet = 1, core } = options;
	const flags = { port, path, n: count, ramp: rampS, warm: warmS, dur: windowS, interval: intervalMs, octet };
	const args = [tools.clients, mode, ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)])];
	for (const pid of pids) args.push("--pid", String(pid));
	if (core !== undefined) args.unshift("taskset", "-c", String(core));
	const child = spawn(args[0] as string, args.slice(1), { stdio: ["ignore", "pipe", "inherit"] });
	const seen = (async () => {
		let text = "";
		for await (const piece of child.stdout) text += piece;
		if (text === "") throw new Error(`Cannot measure as ${mode} clients ended without a word`);
		return JSON.parse(text) as Seen;
	})();
	return { child, seen };
}
