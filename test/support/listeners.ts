import { spawn } from "node:child_process";
import { SAMPLE_RATE_HZ } from "#wire/index.ts";
import { exitOf, run, tailOf } from "./run.ts";

/** What a player decoded, mono at 48 kHz, and when each piece came out of it, on `performance.now()`. */
export type Heard = {
	readonly samples: Float32Array;
	readonly arrivals: readonly { readonly atMs: number; readonly sample: number }[];
	readonly complaints: string;
};

/** ffmpeg as a listener: decodes `url` for `seconds`, or until it ends or `signal` fires. */
export async function hearWithFfmpeg(
	url: string,
	options: { readonly seconds?: number; readonly signal?: AbortSignal; readonly before?: readonly string[] } = {},
): Promise<Heard> {
	const limit = options.seconds === undefined ? [] : ["-t", `${options.seconds}`];
	const args = ["-nostdin", "-v", "warning", ...(options.before ?? []), "-i", url, ...limit, ...RAW, "pipe:1"];
	return collect("ffmpeg", args, options.signal, (options.seconds ?? 0) * 1_000 + 30_000);
}

const RAW = ["-f", "f32le", "-ac", "1", "-ar", `${SAMPLE_RATE_HZ}`];

/** mpv as a listener, in real time, as it would play. */
export function hearWithMpv(url: string, seconds: number): Promise<Heard> {
	const output = ["--ao=pcm", "--ao-pcm-file=/dev/stdout", "--ao-pcm-waveheader=no", "--audio-format=float"];
	const args = ["--no-config", "--no-video", "--no-terminal", "--msg-level=all=warn", ...output];
	const signal = AbortSignal.timeout(seconds * 1_000 + 3_000);
	return collect(
		"mpv",
		[...args, `--audio-samplerate=${SAMPLE_RATE_HZ}`, "--audio-channels=mono", url],
		signal,
		seconds * 1_000 + 30_000,
	);
}

async function collect(
	command: string,
	args: readonly string[],
	signal: AbortSignal | undefined,
	timeoutMs: number,
): Promise<Heard> {
	const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], timeout: timeoutMs, killSignal: "SIGKILL" });
	const tail = tailOf(child);
	const chunks: Buffer[] = [];
	const arrivals: { atMs: number; sample: number }[] = [];
	let bytes = 0;
	child.stdout.on("data", (chunk: Buffer) => {
		arrivals.push({ atMs: performance.now(), sample: Math.floor(bytes / 4) });
		bytes += chunk.length;
		chunks.push(chunk);
	});
	const stop = () => child.kill("SIGTERM");
	signal?.addEventListener("abort", stop, { once: true });
	await exitOf(child);
	signal?.removeEventListener("abort", stop);
	return { samples: floatsOf(Buffer.concat(chunks)), arrivals, complaints: tail() };
}

/** Decodes a file, or bytes, to mono at 48 kHz. */
export async function decode(file: string): Promise<Float32Array> {
	const args = ["-nostdin", "-v", "error", "-i", file, ...RAW, "pipe:1"];
	return floatsOf((await run("ffmpeg", args)).stdout);
}

export function floatsOf(bytes: Buffer): Float32Array {
	const samples = new Float32Array(Math.floor(bytes.length / 4));
	new Uint8Array(samples.buffer).set(bytes.subarray(0, samples.length * 4));
	return samples;
}
