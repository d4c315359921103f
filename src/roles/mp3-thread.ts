/**
 * Makes one `recording.mp3` and ends: a thread's composition root. It yields to everything else on the machine, as what
 * it makes can wait.
 */
import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { makeMp3Recording } from "#broadcast/index.ts";
import { openDisk } from "#objects/index.ts";
import type { Mp3Order, Mp3Progress } from "./mp3-maker.ts";

const LEAST = 19;

// On Linux this is the calling thread's own; elsewhere the whole process would yield, which is left alone.
if (process.platform === "linux") setPriority(0, LEAST);

const { objectsDir, interviewId } = workerData as Mp3Order;
const say = (progress: Mp3Progress) => parentPort?.postMessage(progress);
const bytes = await makeMp3Recording(openDisk(objectsDir), interviewId, (share) => say({ share }));
say({ share: 1, made: { bytes } });
