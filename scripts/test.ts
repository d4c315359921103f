/**
 * `npm test`: format, types and every test that needs nothing but Node. `npm test -- FILE…` runs these files only, for
 * as long as they take.
 */
import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { portableTests } from "./tests.ts";

/** A test that takes this long hangs: it is named and fails, and the others go on. */
const TEST_WITHIN_MS = 120_000;

const root = fileURLToPath(new URL("..", import.meta.url));
const named = process.argv.slice(2);
const isAll = named.length === 0;
const checked = isAll ? await run([join(root, "scripts", "check.ts"), "--without-tests"]) : 0;
const files = isAll ? portableTests(root) : named;
const limits = isAll ? [`--test-timeout=${TEST_WITHIN_MS}`, `--test-concurrency=${availableParallelism()}`] : [];
console.log(`Running ${files.length} test files …`);
const tested = await run(["--test", "--test-reporter=spec", ...limits, ...files]);
if (checked !== 0) console.error("\nThe tests were run although format or types are not right: see above.");
process.exit(checked || tested);

function run(args: readonly string[]): Promise<number> {
	return new Promise((resolve) => {
		const child = spawn(process.execPath, args, { cwd: root, stdio: "inherit" });
		child.on("close", (code) => resolve(code ?? 1));
	});
}
