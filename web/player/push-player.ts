import { signal } from "@preact/signals";
import { SAMPLE_RATE_HZ } from "#wire/quantum.ts";
import { type PublicState, publicState } from "#wire/state.ts";
import { BoxReader } from "./boxes.ts";
import { type CoreOutput, PlayerCore } from "./core.ts";
import type { Addresses, Player, Trouble } from "./player.ts";
import { tellHeard } from "./report.ts";
import { mediaSourceConstructor, SoundBuffer } from "./source-buffer.ts";
import { Ticket } from "./ticket.ts";

/** A wall clock that moves this much against the monotonic one was set, or stood still while the machine slept. */
const CLOCK_JUMP_MS = 2_500;
/** A playhead that has not moved for so long stands still: browsers move it in steps of up to a quarter of a second. */
const STILL_MS = 400;
const SEEK_SLACK_S = 0.005;
/** The element has sound ahead and does not move: pushed once, then built anew. */
const STUCK_NUDGE_MS = 2_000;
const STUCK_REBUILD_MS = 6_000;
/** Sound ahead, without which standing still is no wonder. */
const STUCK_AHEAD_MS = 300;
const REBUILDS_MAX = 5;
/** A small answer that takes longer is not coming. */
const ANSWER_MS_MAX = 10_000;

/**
 * The engine for browsers with Media Source Extensions: fetches the push and segments, appends them, and lets
 * `PlayerCore` decide everything. `undefined` when the browser cannot.
 */
export function createPushPlayer(
	audio: HTMLAudioElement,
	initial: PublicState,
	addresses: Addresses,
): Player | undefined {
	const found = mediaSourceConstructor();
	if (!found) return undefined;
	const Source = found;
	const now = () => performance.now();
	const core = new PlayerCore(initial, { random: Math.random, nowMs: now(), unixMs: Date.now() });
	const serverAheadMs = signal(0);
	const view = signal(core.view(now()));
	const trouble = signal<Trouble>("none");
	const ticket = new Ticket(addresses.base);
	const requests = new Map<number, AbortController>();
	const gone = new AbortController();
	/** The last init segment appended; fragments of another track, or of another place, need theirs first. */
	let initHeld: Uint8Array | undefined;
	/** Where the last fragment appended stopped. */
	let appendedTo = -1;
	const inits = new Map<string, Promise<Uint8Array<ArrayBuffer>>>();
	let seekToS: number | undefined;
	let lastS = 0;
	let movedMs = Number.NEGATIVE_INFINITY;
	let stuckSinceMs: number | undefined;
	let nudged = false;
	let rebuilds = 0;
	let stopping = false;
	let timer: ReturnType<typeof setTimeout> | undefined;
	let clocksApart = Date.now() - now();

	let buffer = build();
	audio.preservesPitch = true;

	function build(): SoundBuffer {
		initHeld = undefined;
		return new SoundBuffer(audio, Source, {
			settled() {
				applySeek();
			},
			full() {
				core.full(now());
				drain();
			},
			broken() {
				rebuild();
			},
		});
	}

	function rebuild(): void {
		rebuilds += 1;
		if (rebuilds > REBUILDS_MAX) {
			trouble.value = "cannot_play";
			core.pause(now());
			drain();
			return;
		}
		buffer[Symbol.dispose]();
		buffer = build();
		core.emptied(now());
		drain();
		if (view.value.intent === "play") start();
	}

	function start(): void {
		stopping = false;
		audio.play().then(
			() => {
				trouble.value = "none";
			},
			(cause: DOMException) => {
				if (cause.name !== "NotAllowedError") return;
				trouble.value = "blocked";
				core.pause(now());
				drain();
			},
		);
	}

	/** A seek waits until the element knows what it plays, and until it takes it. */
	function applySeek(): void {
		if (seekToS === undefined || audio.readyState === 0) return;
		const toS = seekToS;
		if (Math.abs(audio.currentTime - toS) > SEEK_SLACK_S) audio.currentTime = toS;
		if (Math.abs(audio.currentTime - toS) > SEEK_SLACK_S) return;
		seekToS = undefined;
		lastS = toS;
		movedMs = Number.NEGATIVE_INFINITY;
	}

	function carryOut(output: CoreOutput): void {
		switch (output.kind) {
			case "connect": {
				const query = new URLSearchParams(
					output.fromPart === null ? { burst: "player" } : { from: String(output.fromPart) },
				);
				if (output.saver) query.set("r", "24");
				void receive(output.id, `${addresses.base}/live.mp4?${query}`);
				void ticket.ask();
				return;
			}
			case "fetch": {
				const folder = `${addresses.base}/hls/${output.pathKey}/${output.saver ? "opus24" : "opus48"}`;
				void receive(output.id, `${folder}/${output.sequence}.m4s`, `${folder}/init.mp4`);
				return;
			}
			case "abort":
				requests.get(output.id)?.abort();
				requests.delete(output.id);
				return;
			case "seek":
				seekToS = output.toSample / SAMPLE_RATE_HZ;
				stuckSinceMs = undefined;
				applySeek();
				return;
			case "rate":
				audio.playbackRate = output.rate;
				return;
			case "start":
				start();
				return;
			case "stop":
				stopping = true;
				audio.pause();
				return;
			case "remove":
				buffer.remove(output.fromSample / SAMPLE_RATE_HZ, output.toSample / SAMPLE_RATE_HZ);
				return;
			case "finish":
				buffer.finish();
				return;
			case "discard":
				buffer[Symbol.dispose]();
				buffer = build();
				return;
			case "poll":
				void poll();
				return;
			case "report":
				tellHeard(addresses.base, output.report, ticket.token);
		}
	}

	/** Carries out what the core asks, shows what it says, and comes back when it wants. */
	function drain(): void {
		for (let output = core.poll(); output; output = core.poll()) carryOut(output);
		view.value = core.view(now());
		clearTimeout(timer);
		if (!gone.signal.aborted) timer = setTimeout(tick, Math.max(20, core.deadlineMs - now()));
	}

	function tick(): void {
		const apart = Date.now() - now();
		if (Math.abs(apart - clocksApart) > CLOCK_JUMP_MS) core.woke(now());
		clocksApart = apart;
		applySeek();
		reportPlayhead();
		watchStuck();
		core.tick(now());
		drain();
	}

	function reportPlayhead(): void {
		if (seekToS !== undefined || audio.readyState === 0) return;
		const atS = audio.currentTime;
		if (atS !== lastS) movedMs = now();
		const flowing = !audio.paused && !audio.seeking && now() - movedMs < STILL_MS;
		lastS = atS;
		core.playhead(Math.round(atS * SAMPLE_RATE_HZ), flowing, now());
	}

	function watchStuck(): void {
		const moving = view.value.sound === "playing" || view.value.intent !== "play";
		// Sound was handed over and is not there, or it is there and the playhead stands still: both are stuck.
		if (moving || core.aheadMs < STUCK_AHEAD_MS) {
			stuckSinceMs = undefined;
			nudged = false;
			return;
		}
		stuckSinceMs ??= now();
		const stuckMs = now() - stuckSinceMs;
		if (stuckMs > STUCK_REBUILD_MS) {
			stuckSinceMs = undefined;
			rebuild();
		} else if (stuckMs > STUCK_NUDGE_MS && !nudged) {
			nudged = true;
			audio.currentTime += 0.01;
			if (audio.paused) start();
		}
	}

	/** @param initUrl where the track's init segment is, for bodies that do not begin with one. */
	async function receive(id: number, url: string, initUrl?: string): Promise<void> {
		const controller = new AbortController();
		requests.set(id, controller);
		const { signal: aborted } = controller;
		let clean = false;
		try {
			const response = await fetch(url, {
				signal: aborted,
				credentials: "omit",
				cache: initUrl ? "default" : "no-store",
				...(initUrl || ticket.token === undefined ? {} : { headers: { authorization: `Bearer ${ticket.token}` } }),
			});
			if (aborted.aborted) return;
			if (!response.ok || !response.body) {
				void response.body?.cancel();
				if (response.status === 401) ticket.drop();
				// Who had none when he was turned away has a place in the line from now on.
				if (response.status === 401 || response.status === 503) void ticket.ask();
				core.refused(id, response.status, retryAfterMs(response), now());
				return;
			}
			core.answered(id, now());
			const kept = response.headers.get("rostra-token");
			if (kept) ticket.keep(kept);
			const reader = response.body.getReader();
			const boxes = new BoxReader();
			let init = initUrl ? await initOf(initUrl) : undefined;
			for (;;) {
				const { done, value } = await reader.read();
				if (aborted.aborted) return;
				if (done) break;
				// What is decided about new sound must rest on where the playhead is now.
				reportPlayhead();
				for (const item of boxes.feed(value)) {
					if (item.kind === "init") init = item.bytes as Uint8Array<ArrayBuffer>;
					else if (item.kind === "state") takeState(item.json);
					else if (core.fragment(id, item.fromSample, item.sampleCount, now())) {
						// WebKit's parser takes no step back in time without being told.
						const elsewhere = item.fromSample !== appendedTo;
						if (init && (elsewhere || !same(init, initHeld))) {
							buffer.restart();
							buffer.append(init);
							initHeld = init;
						}
						buffer.append(item.bytes as Uint8Array<ArrayBuffer>);
						appendedTo = item.fromSample + item.sampleCount;
					}
				}
				core.arrived(now());
				drain();
			}
			clean = boxes.atRest;
		} catch {
			// A lost connection, or bytes that are no sound: either way this response is over.
			controller.abort();
		} finally {
			if (requests.delete(id)) {
				core.closed(id, clean, now());
				drain();
			}
		}
	}

	function initOf(url: string): Promise<Uint8Array<ArrayBuffer>> {
		let init = inits.get(url);
		if (!init) {
			init = fetch(url, { credentials: "omit", signal: AbortSignal.timeout(ANSWER_MS_MAX) }).then(async (response) => {
				if (!response.ok) throw new Error(`init: ${response.status}`);
				return new Uint8Array(await response.arrayBuffer());
			});
			init.catch(() => inits.delete(url));
			inits.set(url, init);
		}
		return init;
	}

	function takeState(json: string, serverUnixMs?: number): boolean {
		const parsed = publicState.safeParse(parseJson(json));
		if (parsed.success) core.state(parsed.data, now(), serverUnixMs);
		return parsed.success;
	}

	async function poll(): Promise<void> {
		try {
			const response = await fetch(`${addresses.base}/state.json`, {
				credentials: "omit",
				cache: "no-cache",
				signal: AbortSignal.timeout(ANSWER_MS_MAX),
			});
			if (response.status === 410) {
				trouble.value = "gone";
				core.pause(now());
			}
			const json = response.ok ? await response.text() : "";
			const date = Date.parse(response.headers.get("date") ?? "");
			// `Date` says whole seconds: half of one is the likeliest rest.
			const serverUnixMs = Number.isNaN(date) ? undefined : date + 500;
			if (serverUnixMs !== undefined) serverAheadMs.value = serverUnixMs - Date.now();
			if (!takeState(json, serverUnixMs)) core.pollFailed(now());
		} catch {
			core.pollFailed(now());
		}
		drain();
	}

	const listen = (target: EventTarget, type: string, heard: () => void) =>
		target.addEventListener(type, heard, { signal: gone.signal });
	for (const type of ["playing", "waiting", "timeupdate", "seeked"]) {
		listen(audio, type, () => {
			reportPlayhead();
			drain();
		});
	}
	listen(audio, "loadedmetadata", () => {
		applySeek();
		audio.playbackRate = core.view(now()).rate;
	});
	listen(audio, "pause", () => {
		if (stopping) return;
		if (audio.ended) core.ended(now());
		else core.pause(now());
		drain();
	});
	listen(audio, "ended", () => {
		core.ended(now());
		drain();
	});
	listen(audio, "error", () => {
		if (audio.error && audio.src.startsWith("blob:")) rebuild();
	});
	listen(window, "online", () => {
		core.online(true, now());
		drain();
	});
	listen(window, "offline", () => {
		core.online(false, now());
		drain();
	});
	listen(document, "visibilitychange", () => {
		core.hidden(document.visibilityState === "hidden", now());
		drain();
	});
	drain();

	const act = (what: (nowMs: number) => void) => {
		what(now());
		drain();
	};
	return {
		view,
		trouble,
		serverAheadMs,
		can: { saver: true },
		play: () => act((nowMs) => core.play(nowMs)),
		pause: () => act((nowMs) => core.pause(nowMs)),
		seekTo: (sample) => act((nowMs) => core.seekTo(sample, nowMs)),
		goLive: () => act((nowMs) => core.goLive(nowMs)),
		setRate: (rate) => act((nowMs) => core.setRate(rate, nowMs)),
		setSaver: (saver) => act((nowMs) => core.setSaver(saver, nowMs)),
		[Symbol.dispose]() {
			gone.abort();
			clearTimeout(timer);
			for (const controller of requests.values()) controller.abort();
			requests.clear();
			buffer[Symbol.dispose]();
		},
	};
}

function retryAfterMs(response: Response): number {
	const seconds = Number(response.headers.get("retry-after") ?? 0);
	return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 120) * 1000 : 0;
}

function parseJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

function same(a: Uint8Array, b: Uint8Array | undefined): boolean {
	return b !== undefined && a.length === b.length && a.every((byte, i) => byte === b[i]);
}
