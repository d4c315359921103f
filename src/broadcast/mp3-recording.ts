import type { Objects } from "#objects/index.ts";
import { recordingKey, timelineKey } from "#wire/index.ts";
import { mp3File } from "./mp3-file.ts";
import { readResume } from "./resume.ts";
import { readTimeline } from "./timeline.ts";

/**
 * Makes `recording.mp3` of an interview that has ended, some 80 times as fast as it was spoken.
 *
 * @returns its bytes, or undefined when there is no recording.
 * @throws BroadcastError when it cannot be encoded; the disk's errors. Nothing is left of it then.
 */
export async function makeMp3Recording(
	objects: Objects,
	interviewId: string,
	onProgress: (share: number) => void,
): Promise<number | undefined> {
	const [timeline, resume] = await Promise.all([readTimeline(objects, interviewId), readResume(objects, interviewId)]);
	if (!timeline?.recording) return undefined;
	const key = recordingKey(interviewId, "mp3");
	const tags = resume?.tags ?? { title: "", artists: [], dateIso: "" };
	await objects.write(key, mp3File(objects, timeline, tags, onProgress));
	// The interview may have been removed meanwhile.
	if ((await objects.sizeBytes(timelineKey(interviewId))) === undefined) await objects.remove(key);
	return objects.sizeBytes(key);
}
