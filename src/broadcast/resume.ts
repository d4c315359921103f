import * as z from "zod/mini";
import type { Objects } from "#objects/index.ts";
import { writeJson } from "#wire/index.ts";

const record = z.object({
	/** The epoch on the monotonic clock, and how that clock lay to the wall clock: see `resumeClock`. */
	clock: z.object({ epochTick: z.number(), unixMinusMonoMs: z.number() }),
	/** Where the rider's gain was, so that a restart is not heard as a jump. */
	gainDb: z.number(),
	notice: z.enum(["none", "waiting_for_host"]),
	tags: z.object({ title: z.string(), artists: z.array(z.string()), dateIso: z.string() }),
});

/** What a restarted broadcast wants to know and nobody else does. Written before the first sample and once per segment. */
export type ResumeRecord = z.infer<typeof record>;

const resumeKey = (interviewId: string) => `interviews/${interviewId}/resume.json`;

/** @returns undefined when there is none, or none that can be read: everything in it can be done without. */
export async function readResume(objects: Objects, interviewId: string): Promise<ResumeRecord | undefined> {
	const bytes = await objects.read(resumeKey(interviewId));
	try {
		return bytes && record.parse(JSON.parse(bytes.toString("utf8")));
	} catch {
		return undefined;
	}
}

export function writeResume(objects: Objects, interviewId: string, resume: ResumeRecord): Promise<void> {
	return objects.write(resumeKey(interviewId), writeJson(resume));
}
