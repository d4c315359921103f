import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { Hono } from "hono";
import { refusal } from "./errors.ts";
import type { InterviewEvents } from "./events.ts";
import { problemResponse } from "./problems.ts";
import type { Bindings } from "./requests.ts";

/** Address on the staff door → file below `<webDir>/staff/`. The pages hold no secret; what they show comes from the API. */
const PAGES: Readonly<Record<string, string>> = {
	"/": "interviews.html",
	"/sign-in": "sign-in.html",
	"/join": "join.html",
	"/studio": "studio.html",
	"/operations": "operations.html",
};

const TYPES: Readonly<Record<string, string>> = {
	".js": "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
	".png": "image/png",
	".woff2": "font/woff2",
	".wasm": "application/wasm",
	".json": "application/json",
	".map": "application/json",
	".ogg": "audio/ogg",
	".wav": "audio/wav",
	".mp3": "audio/mpeg",
};

/** The pages of the staff door as Vite built them. @param publicUrl where the programme can be heard: the studio plays it. */
export function createStaffPages(options: {
	readonly webDir: string;
	readonly publicUrl: string;
	readonly events: InterviewEvents;
}): Hono<Bindings> {
	const { webDir, publicUrl, events } = options;
	const publicOrigin = new URL(publicUrl).origin;
	const pageHeaders = {
		"content-type": "text/html; charset=utf-8",
		"cache-control": "no-cache",
		"content-security-policy": [
			"default-src 'none'",
			"script-src 'self' 'wasm-unsafe-eval'",
			"worker-src 'self' blob:",
			"style-src 'self'",
			"img-src 'self' data:",
			"font-src 'self'",
			`connect-src 'self' ${publicOrigin}`,
			`media-src 'self' blob: ${publicOrigin}`,
			"base-uri 'none'",
			"form-action 'self'",
			"frame-ancestors 'none'",
		].join("; "),
		"permissions-policy": "microphone=(self), camera=(), geolocation=()",
		"referrer-policy": "same-origin",
		"x-content-type-options": "nosniff",
		"cross-origin-opener-policy": "same-origin",
		"cross-origin-resource-policy": "same-origin",
	};

	const app = new Hono<Bindings>();
	for (const [address, file] of Object.entries(PAGES)) {
		app.get(address, async () => {
			const path = join(webDir, "staff", file);
			try {
				return new Response(await readFile(path), { headers: pageHeaders });
			} catch (error) {
				events.pagesMissing(path, error);
				const text = "This page has not been built yet. Stop the platform and run npm start again.";
				return new Response(text, { status: 503, headers: { "content-type": "text/plain; charset=utf-8" } });
			}
		});
	}
	app.get("/assets/:file", async (c) => {
		const file = c.req.param("file");
		const type = TYPES[extname(file)];
		const missing = refusal("not_found", "There is no such file.");
		if (!type || !/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(file)) return problemResponse(missing);
		try {
			return new Response(await readFile(join(webDir, "assets", file)), {
				headers: {
					"content-type": type,
					// The name holds a hash of the content.
					"cache-control": "public, max-age=31536000, immutable",
					"x-content-type-options": "nosniff",
					"cross-origin-resource-policy": "same-origin",
				},
			});
		} catch {
			return problemResponse(missing);
		}
	});
	return app;
}
