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
	const { host, mediaAddress } = settings;
	const { interviewId, mediaPort } = role;
	const webRtc = parts.use(await openWebRtc({ host, mediaAddress, port: mediaPort, clock }));
	parts.use(await createStage({ interviewId, mediaAddress, clock, random, bus, log, webRtc }));
	return parts.move();
}
