import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import type { Browser, Page } from "puppeteer-core";
import { takeHeard, wiretap } from "./browsers.ts";

/** Files of a folder, and pages given as text, on a port of their own: a site that is not ours. */
export async function serveFiles(folder: string, pages: Readonly<Record<string, string>> = {}) {
	const types: Record<string, string> = { ".js": "text/javascript", ".m3u8": "application/vnd.apple.mpegurl" };
	const server = createServer((request, response) => {
		const path = (request.url ?? "/").split("?")[0] as string;
		const page = pages[path];
		try {
			const body = page ?? readFileSync(join(folder, path));
			response.setHeader("Content-Type", page ? "text/html" : (types[extname(path)] ?? "application/octet-stream"));
			response.end(body);
		} catch {
			response.writeHead(404).end();
		}
	}).listen(0, "127.0.0.1");
	await once(server, "listening");
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		async [Symbol.asyncDispose]() {
			server.closeAllConnections();
			server.close();
			await once(server, "close");
		},
	};
}

const ROOT = new URL("../..", import.meta.url).pathname;
const PAGE = `<!doctype html><meta charset="utf-8"><title>hls.js</title><audio id="sound" controls></audio>
<script src="/hls.min.js"></script>`;

/** What hls.js says of itself. */
export type HlsView = {
	readonly playing: boolean;
	readonly targetS: number;
	/** Distance to live by its own estimate. */
	readonly latencyS: number;
	/** Our clock minus the date of the sound that is heard. */
	readonly behindS: number;
	readonly bufferedS: number;
	readonly rate: number;
	/** From asking for the playlist to the first sound. */
	readonly startMs: number;
	readonly stalls: number;
	readonly errors: readonly string[];
	/** Of the variant that plays. */
	readonly url: string;
};

/** hls.js on a page of another site, playing `source` in low-latency mode. */
export async function playWithHlsJs(browser: Browser, source: string) {
	const site = await serveFiles(join(ROOT, "node_modules/hls.js/dist"), { "/": PAGE });
	const page = await browser.newPage();
	await wiretap(page);
	await page.goto(`${site.url}/`);
	await page.evaluate(play, source);
	return {
		page: page as Page,
		view: () => page.evaluate(() => (globalThis as unknown as Playing).__view()),
		heard: () => takeHeard(page, "element"),
		/** Plays the variant whose playlist has this name from the next part or segment on. */
		choose: (name: string) =>
			page.evaluate((wanted) => {
				const { __hls: hls } = globalThis as unknown as Playing;
				hls.nextLevel = hls.levels.findIndex(({ url }) => url[0]?.endsWith(wanted));
			}, name),
		async [Symbol.asyncDispose]() {
			await page.close();
			await site[Symbol.asyncDispose]();
		},
	};
}

type Hls = {
	nextLevel: number;
	latency: number;
	targetLatency: number | null;
	playingDate: Date | null;
	levels: readonly { readonly url: readonly string[] }[];
	currentLevel: number;
	on(event: string, listener: (event: string, data: { details: string; fatal: boolean }) => void): void;
	loadSource(url: string): void;
	attachMedia(element: HTMLMediaElement): void;
};
type Playing = { __hls: Hls; __view(): HlsView };

/** Runs in the page. */
function play(source: string): void {
	const { Hls } = globalThis as unknown as { Hls: new (config: object) => Hls };
	const element = document.querySelector("audio") as HTMLAudioElement;
	const hls = new Hls({ lowLatencyMode: true, maxLiveSyncPlaybackRate: 1.05 });
	const errors: string[] = [];
	let [stalls, startMs] = [0, 0];
	const fromMs = performance.now();
	hls.on("hlsError", (_, { details, fatal }) => void errors.push(`${details}${fatal ? " (fatal)" : ""}`));
	element.addEventListener("timeupdate", () => (startMs ||= performance.now() - fromMs));
	element.addEventListener("waiting", () => (stalls += startMs > 0 ? 1 : 0));
	hls.loadSource(source);
	hls.attachMedia(element);
	void element.play();
	const view = () => ({
		playing: !element.paused && element.readyState > 2,
		targetS: hls.targetLatency ?? 0,
		latencyS: hls.latency,
		behindS: hls.playingDate ? (Date.now() - hls.playingDate.getTime()) / 1_000 : Number.NaN,
		bufferedS:
			element.buffered.length > 0 ? element.buffered.end(element.buffered.length - 1) - element.currentTime : 0,
		rate: element.playbackRate,
		startMs: Math.round(startMs),
		stalls,
		errors,
		url: hls.levels[hls.currentLevel]?.url[0] ?? "",
	});
	Object.assign(globalThis, { __hls: hls, __view: view });
}
