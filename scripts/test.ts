/** `npm test`: everything that needs nothing but Node. `npm test -- FILE…` runs these files only. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { portableTests } from "./tests.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const named = process.argv.slice(2);
if (named.length === 0 && (await run([join(root, "scripts", "check.ts")])) !== 0) process.exit(1);
const files = named.length > 0 ? named : portableTests(root);
console.log(`Running ${files.length} test files …`);
process.exit(await run(["--test", "--test-reporter=spec", ...files]));

function run(args: readonly string[]): Promise<number> {
	return new Promise((resolve) => {
		const child = spawn(process.execPath, args, { cwd: root, stdio: "inherit" });
		child.on("close", (code) => resolve(code ?? 1));
	});
}
