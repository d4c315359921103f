/** ffmpeg as a witness in tests: what others make of our bytes. */
import { spawnSync } from "node:child_process";

export const hasFfmpeg = spawnSync("ffmpeg", ["-version"]).status === 0;

/** For `test(…, { skip })`: the reason is printed. */
export const needsFfmpeg = { skip: hasFfmpeg ? false : "ffmpeg is not installed" };

/** Decodes a file given on standard input to 48 kHz mono. @throws when ffmpeg complains about anything. */
export function decodeWithFfmpeg(file: Buffer, format: "mp4" | "ogg" | "aac" | "mp3"): Float32Array {
	const args = ["-v", "warning", "-f", format, "-i", "pipe:0", "-f", "f32le", "-ac", "1", "-ar", "48000", "pipe:1"];
	const { stdout, stderr, status } = spawnSync("ffmpeg", args, { input: file, maxBuffer: 2 ** 28 });
	if (status !== 0 || stderr.length > 0) throw new Error(`ffmpeg: ${stderr}`);
	return new Float32Array(stdout.buffer.slice(stdout.byteOffset, stdout.byteOffset + stdout.length));
}

/** Integrated loudness and true peak as ffmpeg's ebur128 measures them. */
export function measureWithFfmpeg(samples: Float32Array): {
	readonly integratedLufs: number;
	readonly peakDbtp: number;
} {
	const args =
		"-hide_banner -nostats -f f32le -ar 48000 -ac 1 -i pipe:0 -af ebur128=peak=true:framelog=verbose -f null -";
	const { stderr } = spawnSync("ffmpeg", args.split(" "), {
		input: Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength),
	});
	const summary = stderr.toString().split("Summary:")[1] ?? "";
	return {
		integratedLufs: Number(/I:\s+(-?[\d.]+) LUFS/.exec(summary)?.[1]),
		peakDbtp: Number(/Peak:\s+(-?[\d.]+) dBFS/.exec(summary)?.[1]),
	};
}
