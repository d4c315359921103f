/** The lock screen, the headset's buttons and the keyboard's media keys (W3C Media Session). */
import { effect } from "@preact/signals";
import { PART_SAMPLES, SAMPLE_RATE_HZ } from "#wire/quantum.ts";
import type { Player } from "../player/index.ts";
import { bar } from "./sentences.ts";

const BACK_S = 10;
const ON_S = 30;

export function connectMediaSession(player: Player): void {
	const session = navigator.mediaSession;
	if (!session) return;
	const start = () => (player.view.value.shown.programme?.onAirPart ?? 0) * PART_SAMPLES;
	const by = (seconds: number) => {
		const { positionSample } = player.view.value;
		if (positionSample !== null) player.seekTo(positionSample + seconds * SAMPLE_RATE_HZ);
	};
	const handle = (action: MediaSessionAction, handler: MediaSessionActionHandler) => {
		try {
			session.setActionHandler(action, handler);
		} catch {
			// An action this browser does not know.
		}
	};
	handle("play", () => player.play());
	handle("pause", () => player.pause());
	handle("stop", () => player.pause());
	handle("seekbackward", (details) => by(-(details.seekOffset ?? BACK_S)));
	handle("seekforward", (details) => by(details.seekOffset ?? ON_S));
	handle("seekto", (details) => player.seekTo(start() + Math.round((details.seekTime ?? 0) * SAMPLE_RATE_HZ)));

	let said = "";
	effect(() => {
		const { shown } = player.view.value;
		const artist = shown.people.map((person) => person.name).join(", ");
		const text = JSON.stringify([shown.title, artist]);
		if (text === said) return;
		said = text;
		session.metadata = new MediaMetadata({ title: shown.title, artist, album: "Rostra" });
	});
	effect(() => {
		const view = player.view.value;
		session.playbackState = view.intent === "play" ? "playing" : view.intent === "pause" ? "paused" : "none";
		const at = bar(view.shown, view);
		if (!at || at.lengthMs <= 0 || !session.setPositionState) return;
		const duration = at.lengthMs / 1000;
		session.setPositionState({ duration, position: Math.min(at.atMs / 1000, duration), playbackRate: view.rate });
	});
}
