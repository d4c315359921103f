import { computed, type ReadonlySignal, signal } from "@preact/signals";
import type { InvitationLink, Problem, Role, SeatChange, SeatGrant, StudioSnapshot } from "#wire/staff.ts";
import { type Answer, ask } from "../staff/api.ts";
import { Advisor, type Seat } from "./advice.ts";
import { ServerClock } from "./clock.ts";
import { Headphones } from "./headphones.ts";
import { Live } from "./live.ts";
import { type Devices, Microphone, type MicrophoneState } from "./microphone.ts";
import { OwnVoice } from "./own-voice.ts";
import { Presence } from "./presence.ts";
import type { SeatConnection } from "./reconnect.ts";
import { remember, remembered } from "./remembered.ts";
import { type WayStatistics, WhipClient } from "./whip-client.ts";

/**
 * Where this person stands on the way to the air. `gate`: asked for the microphone. `check`: pre-flight.
 * `room`: green room or on air, as the server says.
 */
export type Step = "gate" | "check" | "room";

export type Trouble = { readonly status: number; readonly problem: Partial<Problem> };

const TICK_MS = 250;
/** A check passed this long ago need not be repeated after a reload. */
const CHECK_VALID_MS = 60 * 60_000;
const SPEAKING_DBFS = -45;
/** *End* answers once the recording is finished: up to half a second per hour, and twelve hours at most. */
const DECISION_MAX_MS = 40_000;

/**
 * One person's studio: what is known, as signals, and what can be done. Owns the microphone, the way to the
 * stage and the sound of the others; knows nothing of how it looks.
 */
export class Studio implements Disposable {
	readonly interviewId: string;
	readonly step = signal<Step>("gate");
	readonly snapshot = signal<StudioSnapshot | undefined>(undefined);
	/** False while the server does not answer; the snapshot is old then. */
	readonly fresh = signal(true);
	/** HTTP status with which the studio was refused for good. */
	readonly refused = signal<number | undefined>(undefined);
	/** What the last thing done by hand failed with. */
	readonly trouble = signal<Trouble | undefined>(undefined);
	/** Under way: processes are started, or the recording is being finished. */
	readonly deciding = signal<"go_live" | "end" | undefined>(undefined);
	readonly microphone = signal<MicrophoneState>({ state: "unasked" });
	/** The label of the device that took over when another was taken away. */
	readonly replacedBy = signal<string | undefined>(undefined);
	readonly devices = signal<Devices>({ inputs: [], outputs: [] });
	readonly connection = signal<SeatConnection>({ state: "idle" });
	readonly voice = new OwnVoice();
	readonly headphones = new Headphones();
	/** Speaking into a microphone that is off. */
	readonly speakingMuted = signal(false);
	readonly coughing = signal(false);
	/** Mute as this person wants it; the server follows. */
	readonly wantsMute = signal(false);
	/** Headphones are worn: the voice is sent as it is. */
	readonly raw = signal(remembered("raw") === "yes");
	/** Seconds tick: everything that shows a time reads it. */
	readonly nowMs = signal(performance.now());
	readonly you: ReadonlySignal<Seat | undefined>;
	/** The interview is on air and this seat is heard there. */
	readonly onAir: ReadonlySignal<boolean>;
	/** This seat was on air before and is not now. */
	readonly wasOnAir = signal(false);
	readonly advisor = new Advisor();

	readonly #seatWanted: string | undefined;
	readonly #clock = new ServerClock();
	readonly #presence = new Presence();
	readonly #live: Live;
	readonly #microphone: Microphone;
	readonly #tickTimer: number;
	#whip: WhipClient | undefined;
	#grant: SeatGrant | undefined;
	#seating = false;
	#settling = false;
	#wakeLock: WakeLockSentinel | undefined;
	#withoutMicrophone = false;

	/** @param seatWanted which of this browser's seats, where it has several. */
	constructor(interviewId: string, seatWanted: string | undefined) {
		this.interviewId = interviewId;
		this.#seatWanted = seatWanted;
		this.you = computed(() => {
			const snapshot = this.snapshot.value;
			return snapshot?.seats.find((seat) => seat.seatId === snapshot.you.seatId);
		});
		this.onAir = computed(() => this.snapshot.value?.phase === "on_air" && this.you.value?.place === "air");
		this.#live = new Live({
			url: `/api/v1${this.#path("/events")}`,
			onSnapshot: (snapshot) => this.#take(snapshot),
			onFresh: (fresh) => {
				this.fresh.value = fresh;
			},
			onRefused: (status) => {
				this.refused.value = status;
				this.#leave();
			},
		});
		this.#microphone = new Microphone({
			onState: (state) => void this.#microphoneIs(state),
			onDevices: (devices) => {
				this.devices.value = devices;
			},
		});
		this.#tickTimer = window.setInterval(() => this.#tick(), TICK_MS);
		window.addEventListener("beforeunload", this.#beforeUnload);
		document.addEventListener("visibilitychange", this.#visibility);
		void this.#openIfAllowed();
	}

	/** The server's time. */
	get unixMs(): number {
		return this.#clock.unixMs(this.nowMs.value) ?? Date.now();
	}

	/** @param deviceId empty: what the browser proposes. */
	async useMicrophone(deviceId = remembered("input") ?? ""): Promise<void> {
		this.#withoutMicrophone = false;
		this.#wake();
		await this.#microphone.open(deviceId, this.raw.value);
	}

	/**
	 * The device as it is, for judging it: the browser's gain control hides a clipped or a distant microphone.
	 *
	 * @param untouched false: as this person is heard on air again.
	 */
	async judgeMicrophone(untouched: boolean): Promise<void> {
		const microphone = this.microphone.value;
		if (microphone.state !== "ready" && microphone.state !== "interrupted") return;
		const raw = untouched || this.raw.value;
		if (raw !== this.#microphone.raw) await this.#microphone.open(microphone.deviceId, raw);
	}

	chooseInput(deviceId: string): void {
		remember("input", deviceId);
		this.replacedBy.value = undefined;
		void this.useMicrophone(deviceId);
	}

	/** @param raw headphones are worn: no echo cancelling, noise suppression or gain control. */
	setRaw(raw: boolean): void {
		this.raw.value = raw;
		remember("raw", raw ? "yes" : "no");
		const { state } = this.microphone.value;
		if (state === "ready" || state === "interrupted") void this.useMicrophone();
	}

	/** After a press: lets the sound begin that the browser held back. */
	hear(): void {
		this.#wake();
		void this.headphones.hear();
	}

	/** Directs and hears, and is not heard. */
	async goWithoutMicrophone(): Promise<void> {
		this.#withoutMicrophone = true;
		this.#wake();
		this.step.value = "room";
		await this.#seat();
		await this.#settle();
	}

	/** From pre-flight to where the others are. */
	async enterGreenRoom(): Promise<void> {
		remember(`checked.${this.interviewId}`, String(Date.now()));
		this.step.value = "room";
		await this.#settle();
	}

	/** Back to the check, out of the green room. */
	async checkAgain(): Promise<void> {
		this.step.value = "check";
		await this.changeSeat(undefined, { place: "check" });
	}

	/** Who is in the room here is in the green room there; until the server knows, each snapshot asks again. */
	async #settle(): Promise<void> {
		if (this.#settling || this.step.value !== "room" || !this.#whip || this.you.value?.place !== "check") return;
		this.#settling = true;
		await this.changeSeat(undefined, { place: "green" });
		this.#settling = false;
	}

	connectAgain(): void {
		// A fresh grant: the seat may have been taken over in another window, which voids the one we had.
		this.#whip?.[Symbol.dispose]();
		this.#whip = undefined;
		void this.#seat();
	}

	async statistics(): Promise<WayStatistics | undefined> {
		return this.#whip?.statistics();
	}

	/** Mutes here at once, whatever the network does, and tells the server, so that the others see it. */
	toggleMute(): void {
		this.wantsMute.value = !this.wantsMute.value;
		this.#applyMute();
		void this.changeSeat(undefined, { muted: this.wantsMute.value });
	}

	cough(holding: boolean): void {
		this.coughing.value = holding;
		this.#applyMute();
	}

	/** @param seatId undefined: one's own. */
	async changeSeat(seatId: string | undefined, change: SeatChange): Promise<boolean> {
		const id = seatId ?? this.#grant?.seatId ?? this.snapshot.value?.you.seatId;
		if (!id) return false;
		return (await this.#do<void>("PATCH", `/seats/${encodeURIComponent(id)}`, change)) !== undefined;
	}

	async removeSeat(seatId: string): Promise<void> {
		await this.#do("DELETE", `/seats/${encodeURIComponent(seatId)}`);
	}

	async goLive(): Promise<void> {
		await this.#decide("go_live", "/go-live");
	}

	async end(): Promise<void> {
		await this.#decide("end", "/end");
	}

	async #decide(decision: "go_live" | "end", path: string): Promise<void> {
		if (this.deciding.value) return;
		this.deciding.value = decision;
		await this.#do("POST", path, undefined, DECISION_MAX_MS);
		this.deciding.value = undefined;
	}

	async sayWhyLate(text: string): Promise<boolean> {
		return (await this.#do("POST", "/late-reason", { text })) !== undefined;
	}

	invite(name: string, role: Role): Promise<Answer<InvitationLink>> {
		return ask("POST", this.#path("/people"), { name, role });
	}

	newLink(seatId: string): Promise<Answer<InvitationLink>> {
		return ask("POST", this.#path(`/people/${encodeURIComponent(seatId)}/invitation`));
	}

	/** Mutes or unmutes everybody else who is heard where this person is. */
	async muteOthers(muted: boolean): Promise<void> {
		const snapshot = this.snapshot.value;
		const others =
			snapshot?.seats.filter((seat) => seat.seatId !== snapshot.you.seatId && seat.place !== "check") ?? [];
		await Promise.all(others.filter((s) => s.muted !== muted).map((s) => this.changeSeat(s.seatId, { muted })));
	}

	[Symbol.dispose](): void {
		this.#live[Symbol.dispose]();
		this.#leave();
		window.clearInterval(this.#tickTimer);
		window.removeEventListener("beforeunload", this.#beforeUnload);
		document.removeEventListener("visibilitychange", this.#visibility);
	}

	/** `undefined` stands for a failure, which `trouble` then tells. */
	async #do<T>(
		method: "POST" | "PATCH" | "DELETE",
		path: string,
		body?: unknown,
		answerMaxMs?: number,
	): Promise<{ value: T } | undefined> {
		const answer = await ask<T>(method, this.#path(path), body, answerMaxMs);
		this.trouble.value = answer.ok ? undefined : { status: answer.status, problem: answer.problem };
		return answer.ok ? { value: answer.value } : undefined;
	}

	#path(below: string): string {
		const seat = this.#seatWanted === undefined ? "" : `?seat=${encodeURIComponent(this.#seatWanted)}`;
		return `/interviews/${encodeURIComponent(this.interviewId)}${below}${seat}`;
	}

	/** Whoever has allowed the microphone before is not asked again: a reload on air must not cost a sentence. */
	async #openIfAllowed(): Promise<void> {
		try {
			const permission = await navigator.permissions.query({ name: "microphone" as PermissionName });
			if (permission.state === "granted") await this.useMicrophone();
		} catch {
			// This browser does not tell; the person presses the button.
		}
	}

	#take(told: StudioSnapshot): void {
		const nowMs = performance.now();
		const snapshot = { ...told, seats: [...this.#presence.seats(told, nowMs)] };
		this.#clock.arrived(snapshot.serverUnixMs, nowMs);
		this.advisor.observe(snapshot.seats, nowMs);
		const before = this.snapshot.value;
		this.snapshot.value = snapshot;
		// What could not be done has happened after all, or does not matter any more.
		if (before && before.phase !== snapshot.phase) this.trouble.value = undefined;
		this.#whip?.stageIs(snapshot);
		const you = this.you.value;
		// Somebody else muted or unmuted this seat: the keys follow.
		if (you && you.muted !== before?.seats.find((seat) => seat.seatId === you.seatId)?.muted) {
			this.wantsMute.value = you.muted;
			this.#applyMute();
		}
		if (this.onAir.value) this.wasOnAir.value = true;
		// Back after a reload: whoever was let in stays in, and is not checked on air.
		if (you && !before && you.place !== "check" && this.step.value === "check") this.step.value = "room";
		void this.#settle();
		if (snapshot.phase === "ended" || snapshot.phase === "cancelled") this.#leave();
		else if (
			this.connection.value.state === "refused" &&
			this.connection.value.reason === "gone" &&
			snapshot.stageReady
		) {
			this.#whip?.start();
		}
	}

	async #microphoneIs(state: MicrophoneState): Promise<void> {
		this.microphone.value = state;
		if (state.state === "ready" || state.state === "interrupted") {
			if (state.state === "ready" && state.instead !== undefined) this.replacedBy.value = state.label;
			this.#applyMute();
			this.voice.listenTo(state.track);
			if (this.step.value === "gate") {
				this.step.value = this.#mayPassCheck() ? "room" : "check";
			}
			if (this.#whip) await this.#whip.replaceTrack(state.track);
			else await this.#seat();
			await this.#settle();
		} else if (state.state === "gone" || state.state === "failed") {
			this.voice.listenTo(undefined);
			await this.#whip?.replaceTrack(this.voice.silence());
		}
	}

	#mayPassCheck(): boolean {
		const checkedMs = Number(remembered(`checked.${this.interviewId}`) ?? 0);
		const place = this.you.value?.place;
		return place === "air" || place === "green" || Date.now() - checkedMs < CHECK_VALID_MS;
	}

	/** Asks for a seat and connects; tries again while the server is away. */
	async #seat(): Promise<void> {
		if (this.#whip || this.#seating) return;
		this.#seating = true;
		try {
			for (let waitMs = 500; ; waitMs = Math.min(5_000, waitMs * 2)) {
				const answer = await ask<SeatGrant>("POST", this.#path("/seat"), {}, DECISION_MAX_MS);
				if (answer.ok) {
					this.trouble.value = undefined;
					return this.#connect(answer.value);
				}
				this.trouble.value = { status: answer.status, problem: answer.problem };
				if (400 <= answer.status && answer.status < 500 && answer.status !== 429 && answer.status !== 425) return;
				await new Promise((resolve) => window.setTimeout(resolve, waitMs * (0.5 + Math.random())));
				const phase = this.snapshot.value?.phase;
				if (phase === "ended" || phase === "cancelled" || this.refused.value !== undefined) return;
			}
		} finally {
			this.#seating = false;
		}
	}

	#connect(grant: SeatGrant): void {
		this.#grant = grant;
		const microphone = this.microphone.value;
		const track = microphone.state === "ready" || microphone.state === "interrupted" ? microphone.track : undefined;
		this.#whip = new WhipClient({
			grant,
			track: track ?? this.voice.silence(),
			onConnection: (connection) => {
				this.connection.value = connection;
			},
			onReturn: (stream) => {
				this.headphones.play(stream);
				this.voice.compareWith(stream);
			},
		});
		const snapshot = this.snapshot.value;
		if (snapshot) this.#whip.stageIs(snapshot);
		this.#whip.start();
	}

	#leave(): void {
		this.#whip?.[Symbol.dispose]();
		this.#whip = undefined;
		this.#microphone[Symbol.dispose]();
		this.voice[Symbol.dispose]();
		this.headphones[Symbol.dispose]();
		void this.#wakeLock?.release();
	}

	#applyMute(): void {
		const microphone = this.microphone.value;
		if (microphone.state !== "ready" && microphone.state !== "interrupted") return;
		microphone.track.enabled = !this.wantsMute.value && !this.coughing.value;
	}

	#tick(): void {
		this.nowMs.value = performance.now();
		this.speakingMuted.value = this.wantsMute.value && this.voice.levelDbfs.value > SPEAKING_DBFS;
	}

	/** In a press: lets meters run and keeps the screen on. */
	#wake(): void {
		this.voice.wake();
		void this.#holdScreen();
	}

	async #holdScreen(): Promise<void> {
		try {
			this.#wakeLock = await navigator.wakeLock?.request("screen");
		} catch {
			// Battery saver, or not supported: the microphone keeps running with most screens off.
		}
	}

	#visibility = () => {
		if (document.visibilityState === "visible" && this.step.value === "room") void this.#holdScreen();
		if (document.visibilityState === "hidden") this.cough(false);
	};

	#beforeUnload = (event: BeforeUnloadEvent) => {
		if (!this.onAir.value || this.#withoutMicrophone) return;
		event.preventDefault();
	};
}
