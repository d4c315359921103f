import { type ChildProcess, spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "#base/index.ts";
import { SAMPLE_RATE_HZ } from "#wire/index.ts";
import { exitOf, floatsOf, run, until } from "./run.ts";

/**
 * A sound card made of nothing: a private PulseAudio server with one loudspeaker and one microphone per name.
 *
 * Firefox and WebKitGTK need it, as their Web Audio stands still without a device; and what arrives at the
 * loudspeaker is what a person would have heard, whatever the browser.
 */
export type SoundCard = {
	/** Environment of a program whose sound goes to loudspeaker `name` and whose microphone is microphone `name`; Firefox takes the first of the card. */
	envOf(name: string): Record<string, string>;
	/** Says a WAV file into microphone `name`, over and over, instead of what was said into it before. */
	speak(name: string, wav: string): void;
	/** Pulls the plug of microphone `name`: whoever uses it loses it, and nobody finds it any more. */
	unplug(name: string): Promise<void>;
	/** Puts loudspeaker `name` in front of microphone `name`, which hears it `delayMs` later. */
	leak(name: string, delayMs: number): Promise<void>;
	/** Writes down what loudspeaker `name` emits, or what its microphone is told, until `stop`, mono at 48 kHz. */
	listen(name: string, at?: "speaker" | "mic"): Recording;
	[Symbol.asyncDispose](): Promise<void>;
};

export type Recording = {
	stop(): Promise<Float32Array>;
	/** When sound louder than `level` (0-1) began after 100 ms of silence: milliseconds of the machine's monotonic clock. */
	onsets(level: number): number[];
};

export async function openSoundCard(names: readonly string[]): Promise<SoundCard> {
	const folder = await mkdtemp(join(tmpdir(), "rostra-sound-"));
	// A player that runs as another user must reach the socket; PulseAudio shuts its own folder to others.
	await chmod(folder, 0o755);
	const own = join(folder, "own");
	await mkdir(own);
	const server = `unix:${folder}/native`;
	const env = { ...process.env, PULSE_SERVER: server, PULSE_RUNTIME_PATH: own, HOME: own } as Record<string, string>;
	const sinks = names.flatMap((name) => ["speaker", "mic"].map((kind) => `${name}_${kind}`));
	const daemon = spawn(
		"pulseaudio",
		[
			...["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm=yes", "--log-level=error"],
			...["-L", `module-native-protocol-unix socket=${folder}/native auth-anonymous=1`],
			...sinks.flatMap((sink) => ["-L", `module-null-sink sink_name=${sink} rate=${SAMPLE_RATE_HZ} channels=1`]),
			// A monitor is refused as microphone by Firefox; a remapped one passes for a real device.
			...names.flatMap((name) => [
				"-L",
				`module-remap-source source_name=${name}_in master=${name}_mic.monitor source_properties=device.description=${name}`,
			]),
		],
		{ env, stdio: "ignore" },
	);
	const children: ChildProcess[] = [daemon];
	await until("PulseAudio", 10_000, async () => {
		const { code, stdout } = await run("pactl", ["list", "short", "sources"], { env, mayFail: true });
		return code === 0 && names.every((name) => stdout.includes(`${name}_in`));
	});
	const speakers = new Map<string, ChildProcess>();
	const raw = ["--raw", `--rate=${SAMPLE_RATE_HZ}`, "--channels=1", "--latency-msec=20"];
	return {
		envOf: (name) => ({ PULSE_SERVER: server, PULSE_SINK: `${name}_speaker`, PULSE_SOURCE: `${name}_in` }),
		speak(name, wav) {
			const say = ["-re", "-stream_loop", "-1", "-i", wav, "-f", "pulse", "-device", `${name}_mic`, "speech"];
			speakers.get(name)?.kill("SIGKILL");
			// A speaker that breaks off would be a silent microphone: what it says of it is shown.
			const speaker = spawn("ffmpeg", ["-nostdin", "-v", "error", ...say], {
				env,
				stdio: ["ignore", "ignore", "inherit"],
			});
			speakers.set(name, speaker);
			children.push(speaker);
		},
		async unplug(name) {
			const { stdout } = await run("pactl", ["list", "short", "modules"], { env });
			const line = stdout
				.toString()
				.split("\n")
				.find((each) => each.includes(`source_name=${name}_in `));
			await run("pactl", ["unload-module", line?.split("\t")[0] ?? ""], { env });
		},
		async leak(name, delayMs) {
			const way = [`source=${name}_speaker.monitor`, `sink=${name}_mic`, `latency_msec=${delayMs}`];
			await run("pactl", ["load-module", "module-loopback", ...way], { env });
		},
		listen(name, at = "speaker") {
			const recorder = spawn("parec", [...raw, "--format=float32le", "-d", `${name}_${at}.monitor`], {
				env,
				stdio: ["ignore", "pipe", "ignore"],
			});
			children.push(recorder);
			const chunks: { readonly bytes: Buffer; readonly atMs: number }[] = [];
			recorder.stdout.on("data", (bytes: Buffer) => chunks.push({ bytes, atMs: systemClock.monoMs() }));
			return {
				onsets(level) {
					const onsets: number[] = [];
					let quietMs = 100;
					let count = 0;
					// The device's clock is the machine's: the chunk that was least late tells when its first sample came.
					let firstMs = Number.POSITIVE_INFINITY;
					for (const { bytes, atMs } of chunks) {
						count += bytes.length / 4;
						firstMs = Math.min(firstMs, atMs - count / 48);
					}
					for (const [nth, value] of floatsOf(Buffer.concat(chunks.map(({ bytes }) => bytes))).entries()) {
						if (Math.abs(value) < level) quietMs += 1 / 48;
						else {
							if (quietMs >= 100) onsets.push(firstMs + nth / 48);
							quietMs = 0;
						}
					}
					return onsets;
				},
				async stop() {
					recorder.kill("SIGTERM");
					await exitOf(recorder);
					return floatsOf(Buffer.concat(chunks.map(({ bytes }) => bytes)));
				},
			};
		},
		async [Symbol.asyncDispose]() {
			for (const child of children.reverse()) {
				child.kill("SIGKILL");
				await exitOf(child).catch(() => {});
			}
			await rm(folder, { recursive: true, force: true });
		},
	};
}
