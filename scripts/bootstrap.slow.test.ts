/** The bootstrap in a small project of its own, with an npm that only pretends to install. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { type TestContext, test } from "node:test";

/** Installs what package-lock.json names, or, told so, something else. Says how it was called. */
const NPM = `#!${process.execPath}
const { appendFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } = require("node:fs");
appendFileSync("npm-calls", process.argv.slice(2, 4).filter((each) => !each.startsWith("--i")).join(" ") + "\\n");
if (process.env.NPM_FAILS) {
	console.error("npm error: no network");
	process.exit(1);
}
const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8"));
for (const [path, { version }] of Object.entries(packages)) {
	if (path === "") continue;
	mkdirSync(path, { recursive: true });
	writeFileSync(path + "/package.json", JSON.stringify({ version: process.env.NPM_INSTALLS ?? version }));
}
mkdirSync("node_modules/.bin", { recursive: true });
try {
	symlinkSync(process.execPath, "node_modules/.bin/node");
} catch {}
writeFileSync("node_modules/.package-lock.json", "{}");
`;
const MAIN = `
process.on("SIGTERM", () => process.exit(7));
console.log(JSON.stringify({ args: process.argv.slice(2), execPath: process.execPath }));
if (process.argv.includes("wait")) setInterval(() => {}, 1_000);
`;
const BUILD = `
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
const page = readFileSync(join(import.meta.dirname, "../web/page.ts"), "utf8");
appendFileSync(join(import.meta.dirname, "../builds"), page);
if (page.includes("broken")) throw new Error("page.ts is broken");
`;

async function project(t: TestContext) {
	const root = await mkdtemp(join(tmpdir(), "rostra-bootstrap-"));
	t.after(() => rm(root, { recursive: true }));
	const put = async (path: string, text: string, mode = 0o644) => {
		await mkdir(join(root, path, ".."), { recursive: true });
		await writeFile(join(root, path), text, { mode });
	};
	const lock = (version: string) => {
		const other = { version: "9.9.9", optional: true, os: ["!linux", "!darwin"] };
		const packages = { "": {}, "node_modules/a": { version }, "node_modules/other": other };
		return put("package-lock.json", JSON.stringify({ packages }));
	};
	await mkdir(join(root, "scripts"), { recursive: true });
	await cp(join(import.meta.dirname, "bootstrap.mjs"), join(root, "scripts", "bootstrap.mjs"));
	await put("scripts/build-pages.ts", BUILD);
	await put("src/main.ts", MAIN);
	await put("src/wire/index.ts", "");
	await put("web/page.ts", "first;");
	await put("bin/npm", NPM, 0o755);
	await lock("1.0.0");

	const env = (more: Record<string, string>) => ({
		HOME: root,
		PATH: [join(root, "bin"), "/usr/bin", "/bin"].join(delimiter),
		...more,
	});
	const start = (args: readonly string[], more: Record<string, string> = {}) =>
		spawn(process.execPath, [join(root, "scripts", "bootstrap.mjs"), ...args], { env: env(more), cwd: root });
	const run = async (args: readonly string[], more: Record<string, string> = {}) => {
		const child = start(args, more);
		let output = "";
		for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk));
		const code = await new Promise((resolve) => child.once("close", resolve));
		return { code, output };
	};
	const read = (path: string) => readFile(join(root, path), "utf8").catch(() => "");
	return { root, put, lock, start, run, read };
}

test("a bare clone: installs, builds the pages, and becomes the program with its arguments", async (t) => {
	const { run, read } = await project(t);
	const { code, output } = await run(["start", "--demo"]);
	assert.equal(code, 0, output);
	assert.match(output, /npm ci\) …\n {2}done in .*\nBuilding the pages …\n {2}done in/);
	const last = output.trim().split("\n").at(-1) as string;
	assert.deepEqual(JSON.parse(last).args, ["start", "--demo"]);
	assert.equal(await read("npm-calls"), "ci\n");
	assert.equal(await read("builds"), "first;");
});

test("again: nothing is installed, nothing is built, nothing is said", async (t) => {
	const { run, read } = await project(t);
	await run(["start"]);
	const { output } = await run(["start"]);
	assert.equal(output.trim().split("\n").length, 1);
	assert.equal(await read("npm-calls"), "ci\n");
	assert.equal(await read("builds"), "first;");
});

test("pages are built again when their content changes, not when a test's or nobody's does", async (t) => {
	const { run, read, put } = await project(t);
	await run(["start"]);
	await put("web/page.ts", "first;");
	await put("web/page.test.ts", "test");
	await run(["start"]);
	assert.equal(await read("builds"), "first;");
	await put("web/page.ts", "second;");
	await run(["list"]);
	assert.equal(await read("builds"), "first;");
	await run(["start"]);
	assert.equal(await read("builds"), "first;second;");
});

test("a changed lock file: what is there is kept where it fits", async (t) => {
	const { run, read, lock } = await project(t);
	await run(["list"]);
	await lock("1.0.1");
	const { code } = await run(["list"]);
	assert.equal(code, 0);
	assert.equal(await read("npm-calls"), "ci\ninstall --no-save\n");
});

test("a package in another version than the pinned one is named, and nothing is started", async (t) => {
	const { run } = await project(t);
	const { code, output } = await run(["list"], { NPM_INSTALLS: "0.9.0" });
	assert.equal(code, 1);
	assert.match(output, /exactly these versions: a 1\.0\.0 \(found: 0\.9\.0\)\. Remove node_modules/);
	assert.ok(!output.includes("execPath"));
});

test("when npm fails, what it said is shown, and another start tries again", async (t) => {
	const { run } = await project(t);
	const failed = await run(["list"], { NPM_FAILS: "1" });
	assert.equal(failed.code, 1);
	assert.match(failed.output, /npm error: no network\n\nInstalling .* failed after .*: it ended with 1/);
	assert.equal((await run(["list"])).code, 0);
});

test("when the pages cannot be built, nothing is started, and another start tries again", async (t) => {
	const { run, put } = await project(t);
	await put("web/page.ts", "broken");
	const { code, output } = await run(["start"]);
	assert.equal(code, 1);
	assert.match(output, /page\.ts is broken[\s\S]*Building the pages failed/);
	await put("web/page.ts", "repaired;");
	assert.equal((await run(["start"])).code, 0);
});

test("--run runs another file, without the pages", async (t) => {
	const { run, read, put } = await project(t);
	await put("scripts/other.ts", "console.log('other', process.argv.slice(2).join());");
	const { output } = await run(["--run", "scripts/other.ts", "start", "--x"]);
	assert.match(output, /^other start,--x$/m);
	assert.equal(await read("builds"), "");
});

test("two starts at once prepare the clone once", async (t) => {
	const { run, read } = await project(t);
	const both = await Promise.all([run(["start"]), run(["start"])]);
	assert.deepEqual(
		both.map(({ code }) => code),
		[0, 0],
	);
	assert.equal(await read("npm-calls"), "ci\n");
	assert.equal(await read("builds"), "first;");
});

test("the lock of a bootstrap that was killed is taken over", async (t) => {
	const { run, put } = await project(t);
	const gone = spawn(process.execPath, ["-e", ""]);
	await new Promise((resolve) => gone.once("exit", resolve));
	await put("dist/bootstrap.lock", String(gone.pid));
	assert.equal((await run(["start"])).code, 0);
});

test("signals and exit code pass through", async (t) => {
	const { run, start } = await project(t);
	await run(["list"]);
	const child = start(["wait"]);
	await new Promise((resolve) => child.stdout.once("data", resolve));
	child.kill("SIGTERM");
	assert.equal(await new Promise((resolve) => child.once("exit", resolve)), 7);
});

test("without execve it stays as a parent, and signals and exit code pass through as well", async (t) => {
	const { root, run } = await project(t);
	await run(["list"]);
	const script = `process.execve = undefined; process.argv.splice(1, 1);
		await import(${JSON.stringify(join(root, "scripts", "bootstrap.mjs"))});`;
	await writeFile(join(root, "as-node-20.mjs"), script);
	const child = spawn(process.execPath, [join(root, "as-node-20.mjs"), "bootstrap.mjs", "wait"], {
		cwd: root,
		env: { HOME: root, PATH: "/usr/bin:/bin" },
	});
	await new Promise((resolve) => child.stdout.once("data", resolve));
	child.kill("SIGTERM");
	assert.equal(await new Promise((resolve) => child.once("exit", resolve)), 7);
});
