import { run } from "./run.ts";

/** The encoded packets of a sound file or captured stream, one hash each, without the container's or ADTS' headers. */
export async function packetHashes(file: string): Promise<string[]> {
	const plain = /\.aac$/.test(file) ? ["-bsf:a", "aac_adtstoasc"] : [];
	const args = [
		"-nostdin",
		"-v",
		"error",
		"-i",
		file,
		"-map",
		"0:a:0",
		"-c",
		"copy",
		...plain,
		"-f",
		"framemd5",
		"pipe:1",
	];
	const { stdout } = await run("ffmpeg", args, { mayFail: true });
	return stdout
		.toString()
		.split("\n")
		.filter((line) => line !== "" && !line.startsWith("#"))
		.map((line) => (line.split(",")[5] ?? "").trim());
}
