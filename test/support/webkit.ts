import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { exitOf, run, until } from "./run.ts";

/** Where Debian puts the small browser that WebKitGTK's driver drives. */
const BROWSER = "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser";

/** WebKitGTK with one page: the nearest to Safari that runs here. Driven by WebDriver (W3C), on a screen of its own. */
export type WebKitPage = {
	open(url: string): Promise<void>;
	/** Runs the body of a function in the page and gives what it returns. */
	evaluate<T>(body: string): Promise<T>;
	/** Clicks, as a person would, the first element that `css` selects. */
	click(css: string): Promise<void>;
	[Symbol.asyncDispose](): Promise<void>;
};

export async function openWebKit(sound: Readonly<Record<string, string>>): Promise<WebKitPage> {
	const children: ChildProcess[] = [];
	const env: Record<string, string> = { ...(process.env as Record<string, string>), ...sound };
	const screen = spawn("Xvfb", ["-displayfd", "3", "-screen", "0", "1280x900x24", "-nolisten", "tcp"], {
		stdio: ["ignore", "ignore", "ignore", "pipe"],
	});
	children.push(screen);
	let display = "";
	screen.stdio[3]?.on("data", (chunk: Buffer) => {
		display += chunk.toString();
	});
	const dispose = async () => {
		for (const child of children.reverse()) {
			// Whole groups: WebKit's web, network and GStreamer processes outlive the browser for a while.
			if (child.pid !== undefined) await run("pkill", ["-KILL", "-P", `${child.pid}`], { mayFail: true });
			child.kill("SIGKILL");
			await exitOf(child).catch(() => {});
		}
	};
	try {
		await until("a screen", 10_000, () => display.endsWith("\n"));
		env["DISPLAY"] = `:${display.trim()}`;
		const port = await freePort();
		const driver = spawn("WebKitWebDriver", [`--port=${port}`, "--host=127.0.0.1"], { env, stdio: "ignore" });
		children.push(driver);
		const base = `http://127.0.0.1:${port}`;
		await until("WebKitWebDriver", 10_000, () =>
			fetch(`${base}/status`).then(
				(answer) => answer.ok,
				() => false,
			),
		);
		const { sessionId } = await call<{ sessionId: string }>("POST", `${base}/session`, {
			capabilities: {
				alwaysMatch: {
					"webkitgtk:browserOptions": { binary: BROWSER, args: ["--automation", "--autoplay-policy=allow"] },
				},
			},
		});
		const session = `${base}/session/${sessionId}`;
		return {
			open: (url) => call("POST", `${session}/url`, { url }),
			evaluate: (body) => call("POST", `${session}/execute/sync`, { script: body, args: [] }),
			async click(css) {
				const found = await call<Record<string, string>>("POST", `${session}/element`, {
					using: "css selector",
					value: css,
				});
				await call("POST", `${session}/element/${Object.values(found)[0]}/click`, {});
			},
			async [Symbol.asyncDispose]() {
				await call("DELETE", session, undefined).catch(() => {});
				await dispose();
			},
		};
	} catch (error) {
		await dispose();
		throw error;
	}
}

async function call<T>(method: string, url: string, body: unknown): Promise<T> {
	const answer = await fetch(url, {
		method,
		signal: AbortSignal.timeout(30_000),
		...(body === undefined ? {} : { body: JSON.stringify(body) }),
	});
	const { value } = (await answer.json()) as { value: T & { error?: string; message?: string } };
	if (!answer.ok)
		throw new Error(`Cannot ${method} ${new URL(url).pathname} in WebKit: ${value.error}, ${value.message}`);
	return value;
}

function freePort(): Promise<number> {
	const server = createServer();
	return new Promise((resolve, reject) => {
		server.once("error", reject).listen(0, "127.0.0.1", () => {
			const { port } = server.address() as { port: number };
			server.close(() => resolve(port));
		});
	});
}
