/**
 * Plays one interview: live, its past while it runs, and the recording after *End*, on one axis of samples.
 *
 * `core.ts` decides, without a network or a media element; the simulation drives it too. `push-player.ts` and
 * `native-player.ts` are the two engines. Knows nothing of pages, words or people.
 */
import type { PublicState } from "#wire/state.ts";
import { createNativePlayer, playsHls } from "./native-player.ts";
import type { Addresses, Player } from "./player.ts";
import { createPushPlayer } from "./push-player.ts";

export type { PlayerView } from "./core.ts";
export type { Addresses, Player, Trouble } from "./player.ts";

/**
 * Apple's browsers play HLS themselves, and only so have the lock screen and AirPlay; everything else takes the
 * push. `audio` belongs to the player from then on.
 */
export function createPlayer(audio: HTMLAudioElement, initial: PublicState, addresses: Addresses): Player {
	const apple = navigator.vendor.startsWith("Apple");
	if (apple && playsHls(audio)) return createNativePlayer(audio, initial, addresses);
	return createPushPlayer(audio, initial, addresses) ?? createNativePlayer(audio, initial, addresses);
}
