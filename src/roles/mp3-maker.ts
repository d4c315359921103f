import { Worker } from "node:worker_threads";

export type Mp3Order = { readonly objectsDir: string; readonly interviewId: string };
/** What the thread tells: the share that is done; `made` once, at its end. */
export type Mp3Progress = { readonly share: number; readonly made?: { readonly bytes: number | undefined } };

/** Has `mp3-thread.ts` make `recording.mp3`. @throws what went wrong there. */
export function makeMp3InThread(order: Mp3Order, onProgress: (share: number) => void): Promise<number | undefined> {
	return new Promise((resolve, reject) => {
		const thread = new Worker(new URL("./mp3-thread.ts", import.meta.url), { workerData: order });
		thread.on("message", ({ share, made }: Mp3Progress) => {
			onProgress(share);
			if (made) resolve(made.bytes);
		});
		thread.on("error", reject);
		thread.on("exit", (code) => reject(new Error(`Cannot make recording.mp3 as its thread ended with ${code}`)));
	});
}
