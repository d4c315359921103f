/**
 * Two builds of one tree. The client: pages that come alive, hashed, under `dist/web/assets/`, and the staff pages
 * `web/staff/*.html`. The server: `dist/server/pages.js`, which makes the public pages' HTML and knows the
 * names of the client's files.
 */
import { globSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { InlineConfig } from "vite";

const web = fileURLToPath(new URL(".", import.meta.url));
const dist = fileURLToPath(new URL("../dist/", import.meta.url));

/** Browsers with Media Source Extensions for Opus in MP4, and Safari for native HLS. */
const TARGETS = ["chrome109", "firefox115", "safari16.4"];

/** Entries of the public pages; server-rendered, so they have no HTML of their own. */
export const PUBLIC_ENTRIES = { listen: "listen/main.tsx", front: "front/main.tsx" } as const;

const shared = {
	configFile: false,
	root: web,
	base: "/",
	logLevel: "warn",
	oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
} satisfies InlineConfig;

export function clientBuild(): InlineConfig {
	const pages = globSync("staff/*.html", { cwd: web });
	return {
		...shared,
		build: {
			outDir: `${dist}web`,
			emptyOutDir: true,
			target: TARGETS,
			manifest: "manifest.json",
			// Everything has an address: a data: URL would need a hole in the content security policy.
			assetsInlineLimit: 0,
			modulePreload: { polyfill: false },
			reportCompressedSize: false,
			rolldownOptions: {
				// How long a plugin took on a busy machine is nobody's concern at the start.
				checks: { pluginTimings: false },
				input: {
					...Object.fromEntries(Object.entries(PUBLIC_ENTRIES).map(([name, path]) => [name, web + path])),
					...Object.fromEntries(pages.map((path) => [path.replace(/^staff\/|\.html$/g, ""), web + path])),
				},
			},
		},
	};
}

/** @param assets script and style addresses of each public entry, built into the bundle. */
export function serverBuild(assets: PageAssets): InlineConfig {
	return {
		...shared,
		define: { PAGE_ASSETS: JSON.stringify(assets) },
		ssr: { noExternal: true, target: "node" },
		publicDir: false,
		build: {
			ssr: `${web}pages/pages.tsx`,
			outDir: `${dist}server`,
			emptyOutDir: true,
			target: "node20",
			minify: false,
			reportCompressedSize: false,
			rolldownOptions: { checks: { pluginTimings: false }, output: { entryFileNames: "pages.js" } },
		},
	};
}

export type PageAssets = {
	readonly [entry in keyof typeof PUBLIC_ENTRIES]: {
		readonly script: string;
		/** Modules the script imports, fetched along with it. */
		readonly preload: readonly string[];
		readonly styles: readonly string[];
	};
};
