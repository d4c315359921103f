import { signal } from "@preact/signals";
import { remember, remembered } from "./remembered.ts";

/** How this person hears the others: through which device, how loud, and whether the browser lets it sound. */
export class Headphones implements Disposable {
	readonly outputId = signal(remembered("output") ?? "");
	/** 0-1. */
	readonly volume = signal(readVolume());
	/** The browser holds the sound back until something is pressed. */
	readonly blocked = signal(false);
	readonly #audio = new Audio();

	constructor() {
		this.#audio.autoplay = true;
		this.#audio.volume = this.volume.value;
	}

	get canChooseOutput(): boolean {
		return "setSinkId" in this.#audio;
	}

	chooseOutput(deviceId: string): void {
		this.outputId.value = deviceId;
		remember("output", deviceId);
		void this.#applyOutput();
	}

	/** @param volume 0-1. */
	setVolume(volume: number): void {
		this.volume.value = volume;
		this.#audio.volume = volume;
		remember("volume", String(volume));
	}

	play(stream: MediaStream): void {
		this.#audio.srcObject = stream;
		void this.#applyOutput();
		void this.hear();
	}

	/** Lets the sound begin; after a press it always may. */
	async hear(): Promise<void> {
		try {
			await this.#audio.play();
			this.blocked.value = false;
		} catch (error) {
			// A newer stream took its place: that one answers for itself.
			if (error instanceof DOMException && error.name === "AbortError") return;
			this.blocked.value = true;
		}
	}

	[Symbol.dispose](): void {
		this.#audio.srcObject = null;
		this.blocked.value = false;
	}

	async #applyOutput(): Promise<void> {
		const audio = this.#audio as HTMLAudioElement & { setSinkId?: (id: string) => Promise<void> };
		try {
			await audio.setSinkId?.(this.outputId.value);
		} catch {
			// The headphones of last time are not plugged in: the system's choice is used.
			this.outputId.value = "";
		}
	}
}

function readVolume(): number {
	const volume = Number(remembered("volume") ?? "1");
	return volume >= 0 && volume <= 1 ? volume : 1;
}
