/** What became of asking for a microphone. */
export type MicrophoneState =
	| { readonly state: "unasked" }
	| { readonly state: "asking" }
	/** `instead`: the label of another one that was taken away. */
	| {
			readonly state: "ready";
			readonly track: MediaStreamTrack;
			readonly deviceId: string;
			readonly label: string;
			readonly instead?: string;
	  }
	/** The device stays, but the system lets nothing through: a call came in, a switch on the headset. */
	| {
			readonly state: "interrupted";
			readonly track: MediaStreamTrack;
			readonly deviceId: string;
			readonly label: string;
	  }
	/** `refused`: by the person or the system. `missing`: no such device. `busy`: another program has it. `insecure`: not HTTPS. */
	| { readonly state: "failed"; readonly reason: "refused" | "missing" | "busy" | "insecure" | "unknown" }
	/** It was there and is gone: unplugged, or permission withdrawn. */
	| { readonly state: "gone"; readonly label: string };

export type Device = { readonly deviceId: string; readonly label: string };
export type Devices = { readonly inputs: readonly Device[]; readonly outputs: readonly Device[] };

export type MicrophoneOptions = {
	readonly onState: (state: MicrophoneState) => void;
	readonly onDevices: (devices: Devices) => void;
};

/** Holds one microphone open, says when it is taken away, and takes another when there is one. */
export class Microphone implements Disposable {
	readonly #options: MicrophoneOptions;
	#stream: MediaStream | undefined;
	#state: MicrophoneState = { state: "unasked" };
	/** Headphones: the browser need not cancel echo, and everything else it does to a voice can go as well. */
	#raw = false;
	/** Counts requests, so that a late answer to an earlier one is dropped. */
	#asked = 0;

	constructor(options: MicrophoneOptions) {
		this.#options = options;
		navigator.mediaDevices?.addEventListener("devicechange", this.#deviceChange);
	}

	get state(): MicrophoneState {
		return this.#state;
	}

	/** Whether the open microphone is heard without the browser's processing. */
	get raw(): boolean {
		return this.#raw;
	}

	/** @param deviceId empty: what the browser proposes. @param raw without echo cancelling, noise suppression and gain control. */
	open(deviceId: string, raw: boolean): Promise<void> {
		return this.#open(deviceId, raw, undefined);
	}

	/** @param lost the label of the one that was taken away, when this is to replace it. */
	async #open(deviceId: string, raw: boolean, lost: string | undefined): Promise<void> {
		this.#asked += 1;
		const asked = this.#asked;
		this.#raw = raw;
		if (!navigator.mediaDevices?.getUserMedia) return this.#become({ state: "failed", reason: "insecure" });
		if (this.#state.state !== "ready" && lost === undefined) this.#become({ state: "asking" });
		let stream: MediaStream;
		try {
			stream = await navigator.mediaDevices.getUserMedia({
				audio: {
					...(deviceId ? { deviceId: { exact: deviceId } } : {}),
					echoCancellation: !raw,
					noiseSuppression: !raw,
					autoGainControl: !raw,
					channelCount: { ideal: 1 },
				},
			});
		} catch (error) {
			if (asked !== this.#asked) return;
			// The device chosen last time is not plugged in today: any other is better than none.
			if (deviceId && error instanceof DOMException && isMissing(error)) return this.#open("", raw, lost);
			this.#stop();
			// Whoever was heard a moment ago is told that the microphone went, not that there is none.
			if (lost !== undefined) return this.#become({ state: "gone", label: lost });
			return this.#become({ state: "failed", reason: reasonOf(error) });
		}
		const track = stream.getAudioTracks()[0] as MediaStreamTrack;
		if (asked !== this.#asked) return track.stop();
		this.#stop();
		this.#stream = stream;
		const facts = { track, deviceId: track.getSettings().deviceId ?? deviceId, label: track.label };
		const current = () => this.#stream === stream;
		track.addEventListener("ended", () => current() && void this.#taken(facts.label));
		track.addEventListener("mute", () => current() && this.#become({ state: "interrupted", ...facts }));
		track.addEventListener("unmute", () => current() && this.#become({ state: "ready", ...facts }));
		this.#become(
			track.muted
				? { state: "interrupted", ...facts }
				: { state: "ready", ...facts, ...(lost === undefined ? {} : { instead: lost }) },
		);
		await this.#deviceChange();
	}

	[Symbol.dispose](): void {
		this.#asked += 1;
		navigator.mediaDevices?.removeEventListener("devicechange", this.#deviceChange);
		this.#stop();
	}

	#stop(): void {
		const stream = this.#stream;
		this.#stream = undefined;
		for (const track of stream?.getTracks() ?? []) track.stop();
	}

	/** Taken away mid-sentence: says so, and speaks on through another if the browser has one. */
	async #taken(label: string): Promise<void> {
		this.#stop();
		this.#become({ state: "gone", label });
		const devices = await listDevices();
		this.#options.onDevices(devices);
		if (devices.inputs.length > 0 && this.#state.state === "gone") await this.#open("", this.#raw, label);
	}

	#deviceChange = async (): Promise<void> => {
		const devices = await listDevices();
		this.#options.onDevices(devices);
		if (devices.inputs.length === 0) return;
		if (this.#state.state === "gone") await this.#open("", this.#raw, this.#state.label);
		else if (this.#state.state === "failed" && this.#state.reason === "missing") await this.open("", this.#raw);
	};

	#become(state: MicrophoneState): void {
		this.#state = state;
		this.#options.onState(state);
	}
}

async function listDevices(): Promise<Devices> {
	try {
		const all = await navigator.mediaDevices.enumerateDevices();
		const of = (kind: MediaDeviceKind) =>
			all.filter((each) => each.kind === kind).map(({ deviceId, label }) => ({ deviceId, label }));
		return { inputs: of("audioinput"), outputs: of("audiooutput") };
	} catch {
		return { inputs: [], outputs: [] };
	}
}

function isMissing(error: DOMException): boolean {
	return error.name === "NotFoundError" || error.name === "OverconstrainedError";
}

function reasonOf(error: unknown): "refused" | "missing" | "busy" | "insecure" | "unknown" {
	if (!(error instanceof DOMException)) return "unknown";
	if (isMissing(error)) return "missing";
	if (error.name === "NotAllowedError") return "refused";
	if (error.name === "NotReadableError" || error.name === "AbortError") return "busy";
	return error.name === "SecurityError" ? "insecure" : "unknown";
}
