import { globSync } from "node:fs";

/** Tests that start processes, a database or a browser: part of `npm test`, too slow for `npm run check`. */
const SLOW = /(^test\/|\.slow\.test\.ts$)/;

function allTests(root: string): string[] {
	return globSync(
		["src/**/*.test.ts", "web/**/*.test.ts", "sim/**/*.test.ts", "bench/**/*.test.ts", "test/**/*.test.ts"],
		{
			cwd: root,
		},
	).sort();
}

export function fastTests(root: string): string[] {
	return allTests(root).filter((path) => !SLOW.test(path));
}

/** What needs nothing but Node: not the suites with browsers and players at the top of `test/`, which `.ci/run` runs. */
export function portableTests(root: string): string[] {
	return allTests(root).filter((path) => !/^test\/[^/]*$/.test(path));
}
