/**
 * `npm run check [-- --without-tests]`: format, types, arrows, fast tests; under half a minute. Says what to do about
 * what it finds.
 */
import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fastTests } from "./tests.ts";

/** A fast test that takes this long hangs: it is named and fails, and the others go on. */
const TEST_WITHIN_MS = 20_000;
const TEST_LIMITS = [`--test-timeout=${TEST_WITHIN_MS}`, `--test-concurrency=${availableParallelism()}`];

/** What the test runner's own limit does not end, because it never leaves its turn of the loop, ends with the step. */
const STEP_WITHIN_MS = 180_000;

const SHOWN_LINES_MAX = 120;
const SHOWN_CHARS_MAX = 240;

const root = fileURLToPath(new URL("..", import.meta.url));
const bin = join(root, "node_modules", ".bin");

type Step = {
	readonly title: string;
	readonly command: string;
	readonly args: readonly string[];
	readonly advice: string;
};

const STEPS: readonly Step[] = [
	{
		title: "format and rules",
		command: "biome",
		args: ["check", "--error-on-warnings", "--colors=off"],
		advice: "npx biome check --write repairs the most of it",
	},
	{
		title: "types",
		command: "tsc",
		args: ["--noEmit", "--pretty", "false"],
		advice: "the first error often causes the others",
	},
	{
		title: "fast tests",
		command: "node",
		args: ["--test", "--test-reporter=dot", ...TEST_LIMITS, ...fastTests(root)],
		advice: "one file alone: node_modules/.bin/node --test FILE",
	},
];

const startedMs = performance.now();
const seconds = () => `${((performance.now() - startedMs) / 1_000).toFixed(1)} s`;
const results = await Promise.all(STEPS.slice(0, 2).map(run));
if (!process.argv.includes("--without-tests")) results.push(await run(STEPS[2] as Step));
const failed = STEPS.filter((_, at) => results[at] === false);
if (failed.length > 0) {
	console.error(`\ncheck failed after ${seconds()}:`);
	for (const { title, advice } of failed) console.error(`  ${title}: ${advice}`);
	process.exit(1);
}
console.log(`check passed in ${seconds()}`);

function run({ title, command, args }: Step): Promise<boolean> {
	return new Promise((resolve) => {
		const child = spawn(join(bin, command), args, {
			cwd: root,
			stdio: ["ignore", "pipe", "pipe"],
			timeout: STEP_WITHIN_MS,
		});
		const output: Buffer[] = [];
		for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => output.push(chunk));
		child.on("error", (error) => output.push(Buffer.from(error.message)));
		child.on("close", (code) => {
			console.log(`${code === 0 ? "ok    " : "FAILED"} ${title.padEnd(20)} ${seconds()}`);
			if (code !== 0) console.error(beginningOf(Buffer.concat(output).toString("utf8").trimEnd()));
			resolve(code === 0);
		});
	});
}

/** The first findings are repaired first; the rest is often their consequence. */
function beginningOf(text: string): string {
	const lines = text.split("\n");
	const shown = lines.slice(0, SHOWN_LINES_MAX).map((line) => line.slice(0, SHOWN_CHARS_MAX));
	const rest = lines.length - shown.length;
	return shown.join("\n") + (rest > 0 ? `\n… and ${rest} lines more` : "");
}
