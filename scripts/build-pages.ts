/**
 * Builds the pages: `node scripts/build-pages.ts [--force]`. Does nothing when `dist/` is newer than everything it is
 * made of. Prints what a first visit costs, and fails when the listen page's script outgrows its limit.
 */
import { globSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, type Manifest } from "vite";
import { clientBuild, type PageAssets, PUBLIC_ENTRIES, serverBuild } from "../web/vite.config.ts";

/** Compressed script of a page of the public door, all modules together. */
const PUBLIC_SCRIPT_BYTES_MAX = 60_000;
const root = fileURLToPath(new URL("..", import.meta.url));
const stamp = `${root}dist/pages.stamp`;

if (!process.argv.includes("--force") && isFresh()) {
	console.log("Pages are up to date.");
} else {
	const startedMs = performance.now();
	await build(clientBuild());
	const manifest = JSON.parse(readFileSync(`${root}dist/web/manifest.json`, "utf8")) as Manifest;
	await build(serverBuild(publicAssets(manifest)));
	report(manifest);
	writeFileSync(stamp, "");
	console.log(`Pages built in ${((performance.now() - startedMs) / 1000).toFixed(1)} s.`);
}

function isFresh(): boolean {
	const inputs = globSync(["web/**/*", "src/wire/*.ts", "scripts/build-pages.ts", "package-lock.json"], { cwd: root });
	const builtMs = statSync(stamp, { throwIfNoEntry: false })?.mtimeMs ?? 0;
	return inputs.every((path) => (statSync(root + path, { throwIfNoEntry: false })?.mtimeMs ?? 0) < builtMs);
}

/** The manifest keys of a chunk and of everything it imports at once. */
function closure(manifest: Manifest, key: string, seen = new Set<string>()): Set<string> {
	if (seen.has(key)) return seen;
	seen.add(key);
	for (const next of manifest[key]?.imports ?? []) closure(manifest, next, seen);
	return seen;
}

function publicAssets(manifest: Manifest): PageAssets {
	const of = (path: string) => {
		const chunks = [...closure(manifest, path)].map((key) => manifest[key]);
		const [script, ...preload] = chunks.map((chunk) => `/${chunk?.file}`);
		// What is shared comes first, so that a page's own style may refine it.
		const styles = new Set(
			chunks
				.reverse()
				.flatMap((chunk) => chunk?.css ?? [])
				.map((file) => `/${file}`),
		);
		return { script: script as string, preload, styles: [...styles] };
	};
	return Object.fromEntries(
		Object.entries(PUBLIC_ENTRIES).map(([name, path]) => [name, of(path)]),
	) as unknown as PageAssets;
}

function report(manifest: Manifest): void {
	const compressed = (file: string) => gzipSync(readFileSync(`${root}dist/web/${file}`), { level: 9 }).length;
	const kb = (bytes: number) => `${(bytes / 1000).toFixed(1)} KB`;
	for (const [key, chunk] of Object.entries(manifest)) {
		if (!chunk.isEntry) continue;
		const chunks = [...closure(manifest, key)].map((each) => manifest[each]);
		const script = chunks.map((each) => (each ? compressed(each.file) : 0)).reduce((a, b) => a + b, 0);
		const styles = [...new Set(chunks.flatMap((each) => each?.css ?? []))].map(compressed).reduce((a, b) => a + b, 0);
		console.log(`${key.padEnd(24)} script ${kb(script).padStart(8)}   style ${kb(styles).padStart(8)}   (gzip)`);
		const isPublic = (Object.values(PUBLIC_ENTRIES) as string[]).includes(key);
		if (isPublic && script > PUBLIC_SCRIPT_BYTES_MAX) {
			throw new Error(
				`Cannot accept ${key} as its script must stay below ${kb(PUBLIC_SCRIPT_BYTES_MAX)}: ${kb(script)}`,
			);
		}
	}
}
