/** `npm test`: everything that needs nothing but Node. `npm test -- FILE…` runs these files only. */
import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { portableTests } from "./tests.ts";

/** A test that takes this long hangs: it is named and fails, and the others go on. */
const TEST_WITHIN_MS = 120_000;

const root = fileURLToPath(new URL("..", import.meta.url));
const named = process.argv.slice(2);
if (named.length === 0 && (await run([join(root, "scripts", "check.ts")])) !== 0) process.exit(1);
const files = named.length > 0 ? named : portableTests(root);
console.log(`Running ${files.length} test files …`);
const limits = [`--test-timeout=${TEST_WITHIN_MS}`, `--test-concurrency=${availableParallelism()}`];
process.exit(await run(["--test", "--test-reporter=spec", ...limits, ...files]));

function run(args: readonly string[]): Promise<number> {
	return new Promise((resolve) => {
		const child = spawn(process.execPath, args, { cwd: root, stdio: "inherit" });
		child.on("close", (code) => resolve(code ?? 1));
	});
}
