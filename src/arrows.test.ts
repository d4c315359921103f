import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";

/** The arrows of ARCHITECTURE.md: what each capability may import, besides itself, through `index.ts` only. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
	base: [],
	wire: ["base"],
	bus: ["base"],
	objects: ["base"],
	evidence: ["base", "wire"],
	shield: ["base", "wire"],
	database: ["base", "wire"],
	stage: ["base", "wire", "bus"],
	broadcast: ["base", "wire", "bus", "objects"],
	edge: ["base", "wire", "bus", "objects", "shield", "evidence"],
	interviews: ["base", "wire", "bus", "objects", "database", "people", "evidence", "shield"],
	people: ["base", "wire", "bus", "objects", "database"],
	acme: ["base", "wire"],
	"hls-check": [],
	rehearsal: ["base", "wire", "bus"],
};
/** Composition roots, the supervisor and the command line see everything. */
const ROOTS = ["roles", "supervisor", "main.ts", "supervisor.ts", "settings.ts"];

const root = join(import.meta.dirname, "..");

/** Every import of a file of ours, as paths from the project's root. */
function* importsOf(files: string[]): Generator<{ from: string; to: string }> {
	for (const from of files) {
		const text = readFileSync(join(root, from), "utf8");
		for (const [, path = ""] of text.matchAll(/^(?:import|export)\s(?:[^"';]*?\sfrom\s)?["']([.#][^"']*)["']/gm)) {
			yield { from, to: path.startsWith("#") ? `src/${path.slice(1)}` : normalize(join(dirname(from), path)) };
		}
	}
}

test("capabilities import each other only along the arrows and through index.ts", () => {
	const wrong = [];
	for (const { from, to } of importsOf(globSync("src/**/*.ts", { cwd: root }))) {
		const [, mine = ""] = from.split("/");
		const [, theirs = "", ...file] = to.split("/");
		if (mine === theirs || ROOTS.includes(mine) || mine.endsWith(".test.ts")) continue;
		// Tests may use the folders' doubles.
		const isDouble = from.endsWith(".test.ts") && /(testing|contract|double)\.ts$/.test(to);
		// Pages load files of wire, and `base/index.ts` would pull Node in.
		const isPublic = file.join("/") === "index.ts" || isDouble || mine === "wire";
		if (!isPublic || !ARROWS[mine]?.includes(theirs)) wrong.push(`${from} → ${to}`);
	}
	assert.deepEqual(wrong, []);
});

test("no files import each other in a circle", () => {
	const imports = new Map<string, string[]>();
	for (const { from, to } of importsOf(globSync("{src,web,bench,sim,test}/**/*.{ts,tsx}", { cwd: root }))) {
		imports.set(from, [...(imports.get(from) ?? []), to]);
	}
	const done = new Set<string>();
	const circles: string[] = [];
	const visit = (file: string, path: readonly string[]) => {
		if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(" → "));
		if (path.includes(file) || done.has(file)) return;
		for (const to of imports.get(file) ?? []) visit(to, [...path, file]);
		done.add(file);
	};
	for (const file of imports.keys()) visit(file, []);
	assert.deepEqual(circles, []);
});

test("composition roots see capabilities through index.ts only", () => {
	const inRoots = globSync(["src/roles/*.ts", "src/supervisor.ts", "src/main.ts"], { cwd: root });
	const wrong = [...importsOf(inRoots.filter((file) => !file.endsWith(".test.ts")))].filter(({ to }) => {
		const [, theirs = "", ...file] = to.split("/");
		return theirs in ARROWS && file.join("/") !== "index.ts";
	});
	assert.deepEqual(wrong, []);
});

test("pages import single files of wire, and nothing else of the server", () => {
	const wrong = [...importsOf(globSync("web/**/*.{ts,tsx}", { cwd: root }))].filter(
		({ to }) => to.startsWith("src/") && !/^src\/wire\/(?!index\.ts)[a-z-]+\.ts$/.test(to),
	);
	assert.deepEqual(wrong, []);
});
