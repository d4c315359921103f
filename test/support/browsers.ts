import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import puppeteer, { type Browser, type Page } from "puppeteer-core";
import { SAMPLE_RATE_HZ, type VoiceName } from "#wire/index.ts";
import { run } from "./run.ts";
import { findTool } from "./tools.ts";
import { speechFile } from "./voices.ts";

export type BrowserOptions = {
	readonly kind: "chromium" | "firefox";
	/** What Chromium's fake microphone says, over and over: WAV path. Absent: its own beeps. */
	readonly microphone?: string;
	/** The microphone is refused, as by a person who says no. */
	readonly refusesMicrophone?: boolean;
	/** Real sound, in and out, through a `SoundCard`: what its `envOf` gives. Firefox needs it. */
	readonly sound?: Readonly<Record<string, string>>;
};

/** A real browser without a window, with a profile of its own, removed at the end. */
export async function openBrowser(options: BrowserOptions): Promise<Browser & AsyncDisposable> {
	const profile = await mkdtemp(join(tmpdir(), "rostra-browser-"));
	const browser = options.kind === "chromium" ? await chromium(profile, options) : await firefox(profile, options);
	const close = async () => {
		await browser.close().catch(() => {});
		await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
	};
	return Object.assign(browser, { [Symbol.asyncDispose]: close }) as Browser & AsyncDisposable;
}

function chromium(profile: string, { microphone, sound, refusesMicrophone = false }: BrowserOptions): Promise<Browser> {
	return puppeteer.launch({
		executablePath: findTool("chromium") ?? "chromium",
		userDataDir: profile,
		env: { ...process.env, ...sound },
		ignoreDefaultArgs: ["--mute-audio"],
		args: [
			...["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
			...["--disable-component-update", "--disable-sync"],
			"--autoplay-policy=no-user-gesture-required",
			...(refusesMicrophone ? ["--deny-permission-prompts"] : ["--use-fake-ui-for-media-stream"]),
			...(sound ? [] : ["--use-fake-device-for-media-stream"]),
			...(microphone === undefined ? [] : [`--use-file-for-fake-audio-capture=${microphone}`]),
		],
	});
}

function firefox(profile: string, { sound }: BrowserOptions): Promise<Browser> {
	return puppeteer.launch({
		browser: "firefox",
		executablePath: findTool("firefox-esr") ?? "firefox-esr",
		userDataDir: profile,
		env: { ...process.env, ...sound },
		extraPrefsFirefox: {
			"media.navigator.streams.fake": sound === undefined,
			"media.navigator.permission.disabled": true,
			"media.autoplay.default": 0,
			"media.autoplay.blocking_policy": 0,
			"media.autoplay.block-webaudio": false,
			"media.autoplay.enabled.user-gestures-needed": false,
			"media.peerconnection.ice.loopback": true,
			"media.peerconnection.ice.obfuscate_host_addresses": false,
		},
	});
}

/** A WAV file of one bundled voice, as a fake microphone wants it. Written once into `folder`. */
export async function microphoneFile(folder: string, voice: VoiceName): Promise<string> {
	const path = join(folder, `${voice}.wav`);
	await run("ffmpeg", ["-nostdin", "-v", "error", "-y", "-i", speechFile(voice), "-ar", "48000", "-ac", "1", path]);
	return path;
}

/** What a page's ears are: the tracks it receives by WebRTC, or what its media elements play. */
export type Ear = "return" | "element";

/**
 * Lets a page be listened to. Must be called before it is opened.
 *
 * Every sound the page receives by WebRTC, and every sound its media elements play, is also written down by the page
 * itself, from Web Audio, so that what is compared is what would have come out of the loudspeaker.
 */
export async function wiretap(page: Page): Promise<void> {
	await page.evaluateOnNewDocument(installTap, SAMPLE_RATE_HZ);
}

/** Takes what was heard since the last call, mono at 48 kHz. */
export async function takeHeard(page: Page, ear: Ear): Promise<Float32Array> {
	const text = await page.evaluate((which) => {
		const chunks = (globalThis as unknown as Tapped).__heard[which].splice(0);
		const whole = new Int16Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
		let at = 0;
		for (const chunk of chunks) {
			whole.set(chunk, at);
			at += chunk.length;
		}
		let binary = "";
		const bytes = new Uint8Array(whole.buffer);
		for (let i = 0; i < bytes.length; i += 0x8000) binary += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
		return btoa(binary);
	}, ear);
	const bytes = Buffer.from(text, "base64");
	return Float32Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readInt16LE(2 * i) / 32_768);
}

type Tapped = { __heard: Record<Ear, Int16Array[]> };

/** Runs in the page. A ScriptProcessor, as a worklet's module would need the page's content policy to allow it. */
function installTap(sampleRateHz: number): void {
	const heard: Record<Ear, Int16Array[]> = { return: [], element: [] };
	(globalThis as unknown as Tapped).__heard = heard;
	let context: AudioContext | undefined;
	const known = new WeakSet<MediaStreamTrack>();
	const tap = (stream: MediaStream, ear: Ear) => {
		if (stream.getAudioTracks().some((track) => known.has(track))) return;
		for (const track of stream.getAudioTracks()) known.add(track);
		context ??= new AudioContext({ sampleRate: sampleRateHz });
		void context.resume();
		const processor = context.createScriptProcessor(8_192, 1, 1);
		processor.onaudioprocess = (event) => {
			const samples = event.inputBuffer.getChannelData(0);
			const chunk = new Int16Array(samples.length);
			for (let i = 0; i < samples.length; i += 1) {
				chunk[i] = Math.max(-32_768, Math.min(32_767, Math.round((samples[i] as number) * 32_768)));
			}
			heard[ear].push(chunk);
		};
		context.createMediaStreamSource(stream).connect(processor);
		processor.connect(context.destination);
		// Kept reachable: a processor that nothing refers to is collected and falls silent.
		((globalThis as unknown as { __taps: unknown[] }).__taps ??= []).push(processor, stream);
	};
	const Original = globalThis.RTCPeerConnection;
	globalThis.RTCPeerConnection = class extends Original {
		constructor(configuration?: RTCConfiguration) {
			super(configuration);
			this.addEventListener("track", (event) => tap(new MediaStream([event.track]), "return"));
		}
	};
	const tapped = new WeakSet<HTMLMediaElement>();
	document.addEventListener(
		"playing",
		(event) => {
			const element = event.target as HTMLMediaElement & {
				captureStream?(): MediaStream;
				mozCaptureStream?(): MediaStream;
			};
			if (element.srcObject || tapped.has(element)) return;
			tapped.add(element);
			const stream = element.captureStream?.() ?? element.mozCaptureStream?.();
			if (!stream) return;
			if (stream.getAudioTracks().length > 0) tap(stream, "element");
			stream.addEventListener("addtrack", (added) => tap(new MediaStream([added.track]), "element"));
		},
		true,
	);
}
