import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SAMPLE_RATE_HZ } from "#wire/index.ts";
import { openSoundCard } from "./loudspeakers.ts";
import { exitOf, floatsOf, run, tailOf } from "./run.ts";

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
	// Who listens until he is told to stop is not stopped sooner.
	const timeoutMs = options.seconds === undefined ? 0 : options.seconds * 1_000 + 30_000;
	return collect("ffmpeg", args, options.signal, timeoutMs);
}

const RAW = ["-f", "f32le", "-ac", "1", "-ar", `${SAMPLE_RATE_HZ}`];

/** A player as a person runs it, for `seconds`: what it sends to its loudspeaker, in real time. VLC refuses to run as root, so it does not. */
export async function hearWithPlayer(player: "mpv" | "vlc", url: string, seconds: number): Promise<Float32Array> {
	await using card = await openSoundCard([player]);
	const env = { ...process.env, ...card.envOf(player) };
	const mpv = ["mpv", "--no-config", "--no-video", "--ao=pulse", "--really-quiet", url];
	const vlc = ["cvlc", "--intf", "dummy", "--no-video", "--aout=pulse", "--quiet", url];
	const home = await mkdtemp(join(tmpdir(), "rostra-home-"));
	const plain = player === "mpv" ? mpv : vlc;
	const asNobody = process.getuid?.() === 0 && player === "vlc";
	if (asNobody) await run("chown", ["nobody", home]);
	const [command, ...args] = asNobody ? ["setpriv", "--reuid=nobody", "--clear-groups", ...plain] : plain;
	const child = spawn(command as string, args, { env: { ...env, HOME: home }, stdio: "ignore" });
	const loudspeaker = card.listen(player);
	await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
	child.kill("SIGKILL");
	await exitOf(child);
	await rm(home, { recursive: true, force: true });
	return loudspeaker.stop();
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
