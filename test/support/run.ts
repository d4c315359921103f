import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";

/** Output kept per program: its end, which tells why it failed. */
const TAIL_BYTES_MAX = 64 * 1024;

export type Finished = { readonly code: number | null; readonly stdout: Buffer; readonly stderr: string };

/** Runs a program to its end. @throws Error with the end of its standard error when it does not exit with 0 or takes too long. */
export async function run(
	command: string,
	args: readonly string[],
	options: SpawnOptions & { readonly timeoutMs?: number; readonly mayFail?: boolean } = {},
): Promise<Finished> {
	const { timeoutMs = 60_000, mayFail = false, ...rest } = options;
	const child = spawn(command, args, {
		...rest,
		stdio: ["ignore", "pipe", "pipe"],
		timeout: timeoutMs,
		killSignal: "SIGKILL",
	});
	const out: Buffer[] = [];
	child.stdout?.on("data", (chunk: Buffer) => out.push(chunk));
	const stderr = tailOf(child);
	const code = await exitOf(child);
	if (code !== 0 && !mayFail) {
		throw new Error(`Cannot run ${command} ${args.join(" ")}: it ended with ${code ?? "a signal"}\n${stderr()}`);
	}
	return { code, stdout: Buffer.concat(out), stderr: stderr() };
}

/** Collects the end of a child's standard error. */
export function tailOf(child: ChildProcess): () => string {
	let tail = "";
	child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
		tail = (tail + chunk).slice(-TAIL_BYTES_MAX);
	});
	return () => tail;
}

/** The exit code, or null when a signal ended it. @throws when it could not be started. */
export function exitOf(child: ChildProcess): Promise<number | null> {
	return new Promise((resolve, reject) => {
		if (child.exitCode !== null || child.signalCode !== null) return resolve(child.exitCode);
		child.once("error", reject).once("close", (code) => resolve(code));
	});
}

/** Calls `look` every 20 ms until it gives something. @throws when `withinMs` are over: `what` did not happen. */
export async function until<T>(
	what: string,
	withinMs: number,
	look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
	const deadlineMs = performance.now() + withinMs;
	for (;;) {
		const found = await look();
		if (found !== undefined && found !== false) return found;
		if (performance.now() > deadlineMs) throw new Error(`Waited ${withinMs} ms in vain for ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}

/** Little-endian 32-bit floats, as ffmpeg and PulseAudio write them. A rest shorter than one is left out. */
export function floatsOf(bytes: Buffer): Float32Array {
	const samples = new Float32Array(Math.floor(bytes.length / 4));
	new Uint8Array(samples.buffer).set(bytes.subarray(0, samples.length * 4));
	return samples;
}
