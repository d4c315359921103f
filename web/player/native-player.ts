import { signal } from "@preact/signals";
import { PART_SAMPLES, SAMPLE_RATE_HZ } from "#wire/quantum.ts";
import { type PublicState, publicState } from "#wire/state.ts";
import type { PlayerView } from "./core.ts";
import { HeardMeter } from "./heard-meter.ts";
import type { Addresses, Player, Trouble } from "./player.ts";
import { tellHeard } from "./report.ts";

const POLL_MS = 5_000;
/** After the element failed: how long until it is tried again, doubled each time. */
const RETRY_MS = 1_000;
const RETRY_MS_MAX = 15_000;
const HLS_TYPE = "application/vnd.apple.mpegurl";
/** This close to live, someone who moves the bar wants live. */
const LIVE_MS = 20_000;
/** A playhead that is this much further than time is was put there. */
const SEEK_MS = 2_750;

type Source = "none" | "live" | "past" | "recording" | "radio";
type ElementWithStartDate = HTMLAudioElement & { getStartDate?: () => Date };

export function playsHls(audio: HTMLAudioElement): boolean {
	return audio.canPlayType(HLS_TYPE) !== "";
}

/**
 * The engine for browsers that play HLS themselves (all of Apple's: lock screen, AirPlay), and the last resort
 * elsewhere: the radio stream. The element keeps its own buffer and its own distance to live; this one chooses the
 * address, starts again after failures, and says where the sound is.
 */
export function createNativePlayer(audio: ElementWithStartDate, initial: PublicState, addresses: Addresses): Player {
	const hls = playsHls(audio);
	const gone = new AbortController();
	const meter = new HeardMeter(Math.random);
	const trouble = signal<Trouble>("none");
	let state = initial;
	let intent: PlayerView["intent"] = "idle";
	let source: Source = "none";
	let flowing = false;
	let everFlowed = false;
	let finished = false;
	let userRate = 1;
	let failures = 0;
	let seekTo: number | undefined;
	let lastS = 0;
	let measuredMs = performance.now();
	let heardMs = 0;
	let changing = false;
	let pollTimer: ReturnType<typeof setTimeout> | undefined;
	let retryTimer: ReturnType<typeof setTimeout> | undefined;
	const serverAheadMs = signal(0);
	const view = signal(describe());

	function startSample(): number {
		return (state.programme?.onAirPart ?? 0) * PART_SAMPLES;
	}

	function endSample(): number | undefined {
		const part = state.programme?.endPart;
		return part === null || part === undefined ? undefined : part * PART_SAMPLES;
	}

	function liveSample(): number | undefined {
		const programme = state.programme;
		if (!programme) return undefined;
		return endSample() ?? ((Date.now() + serverAheadMs.value - programme.epochUnixMs) * SAMPLE_RATE_HZ) / 1000;
	}

	function position(): number | undefined {
		const programme = state.programme;
		if (!programme || source === "none" || audio.readyState === 0) return seekTo;
		const began = audio.getStartDate?.().getTime();
		if (began !== undefined && Number.isFinite(began)) {
			return ((began + audio.currentTime * 1000 - programme.epochUnixMs) * SAMPLE_RATE_HZ) / 1000;
		}
		if (source === "past" || source === "recording") return startSample() + audio.currentTime * SAMPLE_RATE_HZ;
		return undefined;
	}

	function describe(): PlayerView {
		const live = liveSample();
		const at = position();
		const following = source === "live" || source === "radio" || source === "none";
		let sound: PlayerView["sound"] = "silent";
		if (finished) sound = "finished";
		else if (intent === "play") {
			if (!state.programme) sound = "armed";
			else if (flowing) sound = "playing";
			else sound = everFlowed ? "restoring" : "connecting";
		}
		return {
			intent,
			sound,
			connected: failures === 0,
			following,
			positionSample: at === undefined ? null : Math.round(at),
			liveSample: live === undefined ? null : Math.round(live),
			behindMs: live === undefined || at === undefined ? null : Math.max(0, ((live - at) * 1000) / SAMPLE_RATE_HZ),
			rate: audio.playbackRate,
			userRate,
			saver: false,
			heardMs,
			// The element does not say whether it left something out.
			missedMs: 0,
			missed: null,
			inLineMs: null,
			shown: state,
		};
	}

	function show(): void {
		view.value = describe();
	}

	/** Also where nothing moved: that is to be said, too. */
	function measure(): void {
		const nowMs = performance.now();
		const movedMs = 1_000 * (audio.currentTime - lastS);
		// A longer step is a seek. With the screen locked nobody looks for a while.
		const stepMsMax = SEEK_MS + (nowMs - measuredMs) * audio.playbackRate;
		const playedMs = 0 < movedMs && movedMs < stepMsMax ? movedMs : 0;
		lastS = audio.currentTime;
		measuredMs = nowMs;
		heardMs += playedMs;
		meter.moved(playedMs / audio.playbackRate, nowMs);
		const distanceMs = source === "past" ? null : view.value.behindMs;
		const report = meter.poll(nowMs, { way: "native", distanceMs });
		if (report && endSample() === undefined) tellHeard(addresses.base, report);
	}

	function addressOf(wanted: Source): string {
		switch (wanted) {
			case "live":
			case "recording":
				return `${addresses.base}/hls/index.m3u8`;
			case "past":
				return `${addresses.base}/hls/whole.m3u8`;
			case "radio":
				if (endSample() !== undefined) return `${addresses.base}/recording.m4a`;
				return `${addresses.base}/${audio.canPlayType('audio/ogg; codecs="opus"') ? "live.ogg" : "live.aac"}`;
			case "none":
				return "";
		}
	}

	function load(wanted: Source, atSample?: number): void {
		changing = true;
		source = wanted;
		seekTo = atSample;
		finished = false;
		flowing = false;
		audio.src = addressOf(wanted);
		audio.load();
		changing = false;
		if (intent === "play") start();
		show();
	}

	/** Sound is to begin, here or elsewhere. */
	function asked(): void {
		if (intent === "play" && state.programme) meter.asked(performance.now());
	}

	/** What suits the listener's wish and the programme's state. */
	function wanted(past: boolean): Source {
		if (!hls) return "radio";
		if (endSample() !== undefined) return "recording";
		return past ? "past" : "live";
	}

	function start(): void {
		audio.play().then(
			() => {
				trouble.value = "none";
			},
			(cause: DOMException) => {
				if (cause.name === "NotAllowedError") {
					trouble.value = "blocked";
					intent = "pause";
					meter.stopped();
				} else if (cause.name === "NotSupportedError" && failures > 3) trouble.value = "cannot_play";
				show();
			},
		);
	}

	function retry(): void {
		if (intent !== "play" || gone.signal.aborted) return;
		const at = source === "past" || source === "recording" ? position() : undefined;
		failures += 1;
		clearTimeout(retryTimer);
		const delayMs = Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** failures) * (0.5 + 0.5 * Math.random());
		retryTimer = setTimeout(() => {
			if (intent === "play" && state.programme) load(wanted(source === "past"), at);
		}, delayMs);
		show();
	}

	async function poll(): Promise<void> {
		clearTimeout(pollTimer);
		try {
			const response = await fetch(`${addresses.base}/state.json`, { credentials: "omit", cache: "no-cache" });
			if (response.status === 410) {
				trouble.value = "gone";
				player.pause();
			}
			const date = Date.parse(response.headers.get("date") ?? "");
			const parsed = publicState.safeParse(response.ok ? await response.json() : undefined);
			if (!Number.isNaN(date)) serverAheadMs.value = date + 500 - Date.now();
			if (parsed.success && parsed.data.revision > state.revision) {
				const before = state;
				state = parsed.data;
				if (intent === "play" && !before.programme && state.programme) {
					asked();
					load(wanted(false));
				}
			}
		} catch {
			// The next poll is the next try; sound does not depend on it.
		}
		measure();
		show();
		if (!gone.signal.aborted) pollTimer = setTimeout(poll, POLL_MS * (0.8 + 0.4 * Math.random()));
	}

	const listen = (target: EventTarget, type: string, heard: () => void) =>
		target.addEventListener(type, heard, { signal: gone.signal });
	listen(audio, "loadedmetadata", () => {
		audio.playbackRate = source === "live" || source === "radio" ? 1 : userRate;
		if (seekTo === undefined) return;
		const began = audio.getStartDate?.().getTime();
		const programme = state.programme;
		if (programme && began !== undefined && Number.isFinite(began)) {
			audio.currentTime = seekTo / SAMPLE_RATE_HZ - (began - programme.epochUnixMs) / 1000;
		} else audio.currentTime = (seekTo - startSample()) / SAMPLE_RATE_HZ;
		seekTo = undefined;
	});
	listen(audio, "playing", () => {
		flowing = true;
		everFlowed = true;
		failures = 0;
		show();
	});
	for (const type of ["waiting", "stalled"]) {
		listen(audio, type, () => {
			if (audio.readyState < 3) flowing = false;
			show();
		});
	}
	listen(audio, "timeupdate", () => {
		measure();
		show();
	});
	listen(audio, "pause", () => {
		if (changing || audio.ended || audio.error) return;
		intent = "pause";
		flowing = false;
		meter.stopped();
		show();
	});
	listen(audio, "ended", () => {
		flowing = false;
		if (endSample() !== undefined) {
			meter.stopped();
			finished = true;
			intent = "pause";
			show();
			// From here on the same address is the whole recording.
			if (source !== "recording" && hls) load("recording", endSample());
			finished = true;
			show();
		} else {
			void poll();
			retry();
		}
	});
	listen(audio, "error", () => {
		if (source !== "none") retry();
	});
	listen(window, "online", () => {
		failures = 0;
		if (intent === "play" && !flowing) retry();
	});
	const player: Player = {
		view,
		trouble,
		serverAheadMs,
		can: { saver: false },
		play() {
			if (intent !== "play") {
				intent = "play";
				asked();
			}
			if (!state.programme) show();
			else if (finished) {
				finished = false;
				player.seekTo(startSample());
			} else if (source === "none") load(wanted(false));
			else if (audio.error) load(source);
			else start();
			show();
		},
		pause() {
			intent = "pause";
			flowing = false;
			meter.stopped();
			audio.pause();
			show();
		},
		seekTo(sample) {
			const live = liveSample();
			if (!hls && endSample() === undefined) return;
			const close =
				live !== undefined && endSample() === undefined && live - sample < (LIVE_MS * SAMPLE_RATE_HZ) / 1000;
			if (close) {
				player.goLive();
				return;
			}
			asked();
			const target = wanted(true);
			finished = false;
			const at = position();
			if (source === target && at !== undefined) audio.currentTime += (sample - at) / SAMPLE_RATE_HZ;
			else load(target, sample);
			if (intent === "play") start();
			show();
		},
		goLive() {
			if (endSample() !== undefined) return;
			asked();
			load(wanted(false));
		},
		setRate(rate) {
			userRate = rate;
			if (source !== "live" && source !== "radio") audio.playbackRate = rate;
			show();
		},
		setSaver() {},
		[Symbol.dispose]() {
			gone.abort();
			clearTimeout(pollTimer);
			clearTimeout(retryTimer);
			audio.removeAttribute("src");
			audio.load();
		},
	};
	void poll();
	return player;
}
