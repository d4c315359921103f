import { openBroadcast } from "#broadcast/index.ts";
import { openDisk } from "#objects/index.ts";
import type { PlatformSettings, ProcessRole } from "#wire/index.ts";
import type { Outside } from "./outside.ts";

/** One interview's programme: from the stage's frames to parts on the bus and segments on disk. */
export async function startBroadcast(
	settings: PlatformSettings,
	role: Extract<ProcessRole, { role: "broadcast" }>,
	outside: Outside,
): Promise<AsyncDisposable> {
	const objects = openDisk(settings.objectsDir);
	return openBroadcast(role.interviewId, { ...outside, objects });
}
