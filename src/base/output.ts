import { write as writeFile } from "node:fs";

/** Bytes that may wait for a slow reader; lines beyond it are dropped and counted. */
const WAITING_BYTES_MAX = 1 << 20;
/** A descriptor that other programs set to non-blocking is tried again after this. */
const FULL_RETRY_MS = 50;

export type Output = {
	/** Never waits and never throws. */
	write(text: string): void;
	/** Settles when nothing waits any more. */
	flushed(): Promise<void>;
};

/**
 * Text to a descriptor from a process that must not wait for whoever reads it.
 *
 * `process.stderr.write` waits when it is a pipe nobody empties or a terminal on hold, and a full disk makes it
 * throw; here a thread of the pool waits, and what cannot be written is dropped.
 */
export function openOutput(fd: number, options: { waitingBytesMax?: number } = {}): Output {
	const waitingBytesMax = options.waitingBytesMax ?? WAITING_BYTES_MAX;
	let waiting = "";
	let dropped = 0;
	let writing: Promise<void> | undefined;

	const drain = async () => {
		while (waiting.length > 0) {
			const bytes = Buffer.from(waiting + (dropped > 0 ? `… ${dropped} lines dropped: nobody read them\n` : ""));
			waiting = "";
			dropped = 0;
			await writeAll(fd, bytes);
		}
	};
	return {
		write(text) {
			if (waiting.length + text.length > waitingBytesMax) {
				dropped += 1;
				return;
			}
			waiting += text;
			writing ??= drain().finally(() => {
				writing = undefined;
			});
		},
		flushed: () => writing ?? Promise.resolve(),
	};
}

async function writeAll(fd: number, bytes: Buffer): Promise<void> {
	let at = 0;
	while (at < bytes.length) {
		const result = await new Promise<number | NodeJS.ErrnoException>((resolve) =>
			writeFile(fd, bytes, at, bytes.length - at, null, (error, count) => resolve(error ?? count)),
		);
		if (typeof result === "number") at += result;
		else if (result.code === "EAGAIN") await new Promise((resolve) => setTimeout(resolve, FULL_RETRY_MS));
		else return;
	}
}
