import type { ReadonlySignal } from "@preact/signals";
import type { PlayerView } from "./core.ts";

/** `blocked`: the browser wants another press. `cannot_play`: it cannot. `gone`: the interview was removed. */
export type Trouble = "none" | "blocked" | "cannot_play" | "gone";

/** What a page does with a player, whichever engine plays. Positions are samples since the programme's epoch. */
export type Player = Disposable & {
	readonly view: ReadonlySignal<PlayerView>;
	/** Something the listener should know that no state tells. */
	readonly trouble: ReadonlySignal<Trouble>;
	/** The server's clock minus this machine's, milliseconds; 0 until it was told. */
	readonly serverAheadMs: ReadonlySignal<number>;
	/** To be called from within a click: browsers let sound begin only there. */
	play(): void;
	pause(): void;
	seekTo(sample: number): void;
	goLive(): void;
	setRate(rate: number): void;
	setSaver(saver: boolean): void;
	/** What this engine can do besides playing. */
	readonly can: { readonly saver: boolean };
};

/** Addresses of one interview on the public door. */
export type Addresses = {
	/** `/i/<slug>`, without a trailing slash. */
	readonly base: string;
};
