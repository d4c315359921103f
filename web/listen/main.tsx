/** Brings the interview page to life. */
import { computed, effect, signal } from "@preact/signals";
import { hydrate } from "preact";
import * as z from "zod/mini";
import { type PublicState, publicState } from "#wire/state.ts";
import "../look/look.css";
import { createPlayer } from "../player/index.ts";
import type { Language } from "../words/words.ts";
import "./listen.css";
import { ListenPage } from "./listen-page.tsx";
import { connectMediaSession } from "./media-session.ts";
import type { Reader } from "./sentences.ts";

// Its compiled parsers need `unsafe-eval`, which the content security policy does not give.
z.config({ jitless: true });

const root = document.getElementById("page");
const carried = document.getElementById("state");
if (root && carried) begin(root, carried);

function begin(root: HTMLElement, carried: HTMLElement): void {
	const initial: PublicState = publicState.parse(JSON.parse(carried.textContent ?? ""));
	const language: Language = document.documentElement.lang === "de" ? "de" : "en";
	const publicUrl = carried.dataset["publicUrl"] ?? location.origin;
	const audio = new Audio();
	// In the document, so that the browser's own tools find it; without controls it shows nothing.
	root.after(audio);
	const player = createPlayer(audio, initial, { base: `/i/${initial.slug}` });
	/** As the server rendered it, until the first frame is up; then in the reader's own time. */
	const reader = signal<Reader>({ language, timeZone: initial.timeZone, nowUnixMs: null, online: true });
	const shown = computed(() => player.view.value.shown);

	function App() {
		const view = player.view.value;
		return (
			<ListenPage
				state={shown.value}
				reader={reader.value}
				publicUrl={publicUrl}
				player={player}
				view={view}
				trouble={player.trouble.value}
			/>
		);
	}
	hydrate(<App />, root);

	const tell = () => {
		const nowUnixMs = Date.now() + player.serverAheadMs.value;
		reader.value = { language, timeZone: undefined, nowUnixMs, online: navigator.onLine };
	};
	tell();
	setInterval(tell, 1_000);
	for (const type of ["online", "offline"]) addEventListener(type, tell);
	effect(() => {
		document.title = titleOf(shown.value);
	});
	connectMediaSession(player);
}

function titleOf(state: PublicState): string {
	return `${state.phase === "on_air" ? "● " : ""}${state.title} · Rostra`;
}
