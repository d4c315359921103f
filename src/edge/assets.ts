import { readdir, readFile } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import type { EdgeEvents } from "./events.ts";
import { type Fields, Representation } from "./response.ts";

/** All files together; what does not fit is left out, and said so. */
const ASSETS_BYTES_MAX = 32 * 2 ** 20;
const ASSETS_MAX = 1_000;

const TYPES: Record<string, string> = {
	".css": "text/css; charset=utf-8",
	".ico": "image/x-icon",
	".jpg": "image/jpeg",
	".js": "text/javascript; charset=utf-8",
	".json": "application/json",
	".map": "application/json",
	".png": "image/png",
	".svg": "image/svg+xml",
	".txt": "text/plain; charset=utf-8",
	".wasm": "application/wasm",
	".webmanifest": "application/manifest+json",
	".webp": "image/webp",
	".woff2": "font/woff2",
};
const TEXT = new Set([".css", ".ico", ".js", ".json", ".map", ".svg", ".txt", ".wasm", ".webmanifest"]);
const FIELDS: Fields = [["Cross-Origin-Resource-Policy", "same-origin"]];
/** An SVG opened as a page must not run scripts. (A script must not carry this: a worker would live under it.) */
const SVG_FIELDS: Fields = [
	["Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox"],
	...FIELDS,
];

export type Assets = ReadonlyMap<string, Representation>;

/**
 * Reads what Vite built for the public pages: files below `assets/` (names hold a hash of the content, so they are
 * cached for ever) and pictures beside it. Pages come from house; what only staff pages use stays out.
 *
 * @returns by path as requested, `/assets/…`.
 */
export async function loadAssets(webDir: string, events: EdgeEvents): Promise<Assets> {
	const assets = new Map<string, Representation>();
	const forStaff = staffFiles(await readFile(join(webDir, "manifest.json"), "utf8").catch(() => "{}"));
	let bytes = 0;
	const entries = await readdir(webDir, { recursive: true, withFileTypes: true }).catch(() => []);
	for (const entry of entries) {
		if (!entry.isFile()) continue;
		const file = join(entry.parentPath, entry.name);
		const path = `/${relative(webDir, file).split(sep).join("/")}`;
		const extension = extname(path);
		const type = TYPES[extension];
		const hashed = path.startsWith("/assets/");
		if (!type || path.startsWith("/.") || forStaff.has(path.slice(1))) continue;
		if (!hashed && (path.lastIndexOf("/") > 0 || extension === ".json")) continue;
		const body = await readFile(file);
		if (assets.size >= ASSETS_MAX || bytes + body.length > ASSETS_BYTES_MAX) {
			events.assetsLeftOut(path);
			continue;
		}
		bytes += body.length;
		const cacheControl = hashed ? "public, max-age=31536000, immutable" : "public, max-age=3600";
		const fields = extension === ".svg" ? SVG_FIELDS : FIELDS;
		assets.set(path, new Representation(body, { type, cacheControl, compress: TEXT.has(extension), fields }));
	}
	if (assets.size > 0) events.assetsLoaded({ count: assets.size, bytes });
	else events.assetsMissing(webDir);
	return assets;
}

type Chunk = {
	readonly file: string;
	readonly isEntry?: boolean;
	readonly imports?: readonly string[];
	readonly dynamicImports?: readonly string[];
	readonly css?: readonly string[];
	readonly assets?: readonly string[];
};

/** Files of Vite's manifest that no entry outside `staff/` leads to. Exported for its test. */
export function staffFiles(manifestJson: string): Set<string> {
	const manifest = JSON.parse(manifestJson) as Record<string, Chunk>;
	const filesOf = ({ file, css = [], assets = [] }: Chunk) => [file, ...css, ...assets];
	const open = Object.keys(manifest).filter((key) => manifest[key]?.isEntry && !key.startsWith("staff/"));
	const seen = new Set(open);
	for (const key of seen) {
		for (const next of [...(manifest[key]?.imports ?? []), ...(manifest[key]?.dynamicImports ?? [])]) seen.add(next);
	}
	const ours = new Set([...seen].flatMap((key) => (manifest[key] ? filesOf(manifest[key]) : [])));
	return new Set(
		Object.values(manifest)
			.flatMap(filesOf)
			.filter((file) => !ours.has(file)),
	);
}

/** Compresses every asset once, one per turn, so that nobody waits for it and sound is not held up. */
export function compressAssets(assets: Assets, later: (turn: () => void) => void): void {
	const waiting = [...assets.values()].flatMap((asset) => [() => asset.prepare("br"), () => asset.prepare("gzip")]);
	const turn = () => {
		waiting.pop()?.();
		if (waiting.length > 0) later(turn);
	};
	later(turn);
}
