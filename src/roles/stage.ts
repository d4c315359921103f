import { createStage, openWebRtc } from "#stage/index.ts";
import type { PlatformSettings, ProcessRole } from "#wire/index.ts";
import type { Outside } from "./outside.ts";

/** The stage process of one interview: the media port, then the stage behind it. Disposed in the opposite order. */
export async function startStage(
	settings: PlatformSettings,
	role: Extract<ProcessRole, { role: "stage" }>,
	outside: Outside,
): Promise<AsyncDisposable> {
	await using parts = new AsyncDisposableStack();
	const { clock, random, bus, log } = outside;
	const webRtc = parts.use(await openWebRtc({ host: settings.host, port: role.mediaPort, clock }));
	const { interviewId } = role;
	parts.use(await createStage({ interviewId, mediaAddress: settings.mediaAddress, clock, random, bus, log, webRtc }));
	log("info", "stage.opened", { mediaPort: role.mediaPort });
	return parts.move();
}
