/**
 * Runs the project's TypeScript from a bare clone: `node scripts/bootstrap.mjs [--no-pages] [--run FILE] [arguments]`.
 *
 * Installs what package-lock.json names if something else, or nothing, is there; builds the pages if their sources
 * changed; then becomes `node_modules/.bin/node FILE arguments` (`src/main.ts` by default; the pages are not built
 * for another FILE unless it says so with `--pages`). Itself it runs under any Node from 20 on, without dependencies.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
	accessSync,
	constants,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { arch, homedir, platform } from "node:os";
import { delimiter, dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** Another bootstrap of this clone may install or build for this long before we stop waiting for it. */
const OTHER_BOOTSTRAP_MAX_MS = 300_000;
/** How often a running step says that it is still running. */
const PROGRESS_EVERY_MS = 10_000;

const root = fileURLToPath(new URL("..", import.meta.url));
const runtime = join(root, "node_modules", ".bin", "node");
/** What V8 made of our sources, for the next process. Not in /tmp, where somebody else could put something there first. */
const compileCache = join(root, "dist", "compile-cache");
const temporaryNpmCache = join(root, "dist", "npm-cache");
const { file, rest, wantsPages } = readArguments(process.argv.slice(2));

if (Number(process.versions.node.split(".")[0]) < 20) {
	fail(`Cannot start as Node 20 or newer is needed to install the rest: this is ${process.version}`);
}
if (missingPackages().length > 0 || (wantsPages && pagesAreStale())) {
	const unlock = await lock();
	try {
		if (missingPackages().length > 0) await install();
		if (wantsPages && pagesAreStale()) await buildPages();
	} finally {
		unlock();
	}
}
become(runtime, [resolve(root, file), ...rest]);

function readArguments(given) {
	let file = join("src", "main.ts");
	let wantsPages;
	while (given.length > 0) {
		if (given[0] === "--run" && given[1]) {
			file = given[1];
			wantsPages ??= false;
			given = given.slice(2);
		} else if (given[0] === "--pages" || given[0] === "--no-pages") {
			wantsPages = given[0] === "--pages";
			given = given.slice(1);
		} else break;
	}
	return { file, rest: given, wantsPages: wantsPages ?? given[0] === "start" };
}

/** Packages of the lock file that are absent from node_modules or there in another version. */
function missingPackages() {
	const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
	const missing = [];
	// npm writes this file when everything is in place, install scripts included.
	if (!existsSync(join(root, "node_modules", ".package-lock.json"))) missing.push("node_modules");
	if (!existsSync(runtime)) missing.push(relative(root, runtime));
	for (const [path, wanted] of Object.entries(packages)) {
		if (path === "" || wanted.link || !fitsThisMachine(wanted)) continue;
		let found = "none";
		try {
			found = JSON.parse(readFileSync(join(root, path, "package.json"), "utf8")).version;
		} catch {}
		if (found === wanted.version || (found === "none" && wanted.optional)) continue;
		missing.push(`${path.replace(/^.*node_modules\//, "")} ${wanted.version} (found: ${found})`);
	}
	return missing;
}

function fitsThisMachine({ os, cpu }) {
	const fits = (list, mine) =>
		!list || (!list.includes(`!${mine}`) && (list.every((each) => each.startsWith("!")) || list.includes(mine)));
	return fits(os, platform()) && fits(cpu, arch());
}

async function install() {
	// What is there already is kept by `npm install`; `npm ci` begins by removing all of it.
	const partly = existsSync(join(root, "node_modules", ".package-lock.json"));
	const common = ["--include=dev", "--include=optional", "--no-audit", "--no-fund", "--loglevel=error"];
	const attempts = [...(partly ? [["install", "--no-save"]] : []), ["ci"]];
	for (const attempt of attempts) {
		await step(`Installing what package-lock.json names (npm ${attempt[0]})`, () => npm([...attempt, ...common]));
		rmSync(temporaryNpmCache, { recursive: true, force: true });
		rmSync(compileCache, { recursive: true, force: true });
		if (missingPackages().length === 0) return;
	}
	fail(
		`Cannot start as these packages must be installed in exactly these versions: ${missingPackages().join(", ")}. ` +
			"Remove node_modules and try again; if it stays so, look at what `npm ci` says.",
	);
}

/** npm as it started us, else the first one on the PATH outside node_modules: a Node in there would remove itself. */
function npm(args) {
	const path = (process.env.PATH ?? "").split(delimiter).filter((each) => !each.startsWith(join(root, "node_modules")));
	const env = { ...process.env, PATH: path.join(delimiter), ...npmCache() };
	const script = process.env.npm_execpath;
	const node = process.env.npm_node_execpath;
	if (script && node && !node.startsWith(root)) return run(node, [script, ...args], env);
	return run("npm", args, env);
}

/** Where npm may keep its downloads when the user has no home that can be written to, as service accounts have none. */
function npmCache() {
	const usual = process.env.npm_config_cache ?? join(homedir(), ".npm");
	try {
		mkdirSync(usual, { recursive: true });
		accessSync(usual, constants.W_OK);
		return {};
	} catch {
		return { npm_config_cache: temporaryNpmCache };
	}
}

function pagesAreStale() {
	return read(join(root, "dist", "pages.sources")) !== pageSources();
}

/** One hash over the content of everything the pages are made of. */
function pageSources() {
	const hash = createHash("sha256");
	for (const path of [
		...filesBelow(join(root, "web")),
		...filesBelow(join(root, "src", "wire")),
		join(root, "scripts", "build-pages.ts"),
		join(root, "package-lock.json"),
	]) {
		if (/\.test\.tsx?$/.test(path)) continue;
		hash.update(`${relative(root, path).split(sep).join("/")}\0`).update(readFileSync(path));
	}
	return hash.digest("hex");
}

function filesBelow(directory) {
	return readdirSync(directory, { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map((entry) => join(entry.parentPath ?? entry.path, entry.name))
		.sort();
}

async function buildPages() {
	const sources = pageSources();
	const build = join(root, "scripts", "build-pages.ts");
	await step("Building the pages", () => run(runtime, [build, "--force"], { ...process.env, NODE_ENV: "production" }));
	writeFileSync(join(root, "dist", "pages.sources"), sources);
}

/** Shows what runs and how long it takes; what the program said is printed only if it failed. */
async function step(title, start) {
	const startedMs = performance.now();
	const seconds = () => `${((performance.now() - startedMs) / 1000).toFixed(1)} s`;
	console.log(`${title} …`);
	const timer = setInterval(() => console.log(`  still at it after ${seconds()}`), PROGRESS_EVERY_MS);
	const child = start();
	const output = [];
	for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => output.push(chunk));
	const ended = await new Promise((resolve) => {
		child.on("error", (error) => resolve(error.message));
		child.on("close", (code, signal) => resolve(code === 0 ? undefined : `it ended with ${signal ?? code}`));
	});
	clearInterval(timer);
	if (ended !== undefined) fail(`${Buffer.concat(output)}\n${title} failed after ${seconds()}: ${ended}.`);
	console.log(`  done in ${seconds()}`);
}

function run(command, args, env) {
	return spawn(command, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
}

/** One bootstrap at a time installs or builds in a clone. */
async function lock() {
	const path = join(root, "dist", "bootstrap.lock");
	mkdirSync(dirname(path), { recursive: true });
	const giveUpMs = Date.now() + OTHER_BOOTSTRAP_MAX_MS;
	for (let attempt = 0; ; attempt += 1) {
		try {
			writeFileSync(path, String(process.pid), { flag: "wx" });
			return () => rmSync(path, { force: true });
		} catch (error) {
			if (error.code !== "EEXIST") throw error;
		}
		const pid = Number(read(path));
		if (pid > 0 ? !isRunning(pid) : isOld(path)) rmSync(path, { force: true });
		else if (Date.now() > giveUpMs) fail(`Cannot prepare this clone as process ${pid} does so since minutes: ${path}`);
		else {
			if (attempt === 0) console.log(`Waiting for process ${pid}, which prepares this clone …`);
			await new Promise((resolve) => setTimeout(resolve, 200));
		}
	}
}

function isRunning(pid) {
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		return error.code === "EPERM";
	}
}

/** An empty lock file is one being written, unless its writer died right then. */
function isOld(path) {
	return (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) < Date.now() - 5_000;
}

function read(path) {
	try {
		return readFileSync(path, "utf8");
	} catch {
		return undefined;
	}
}

/** Goes on as `command`: in this very process where Node can do that, else as its parent, passing on signals and exit code. */
function become(command, args) {
	const env = {
		...process.env,
		PATH: `${dirname(command)}${delimiter}${process.env.PATH ?? ""}`,
		// Compiled modules, kept for this process and all it starts: a role is loaded in half the time.
		NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? compileCache,
	};
	if (process.execve) {
		const warn = process.emitWarning;
		process.emitWarning = () => {};
		try {
			process.execve(command, [command, ...args], env);
		} catch {
			process.emitWarning = warn;
		}
	}
	const child = spawn(command, args, { env, stdio: "inherit" });
	for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => child.kill(signal));
	child.on("error", (error) => fail(`Cannot run ${command}: ${error.message}`));
	child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 143)));
}

function fail(message) {
	console.error(message);
	process.exit(1);
}
