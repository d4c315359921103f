import { globSync } from "node:fs";

/**
 * Too slow for `npm run check`, which is to take less than half a minute; part of `npm test`. Tests that start
 * processes or a database call themselves `.slow.test.ts`; the others each take seconds of processor time.
 */
const SLOW = [
	/^test\//,
	/\.slow\.test\.ts$/,
	/^src\/broadcast\/(broadcast|rider)\.test\.ts$/,
	/^src\/roles\/control\.test\.ts$/,
];

function allTests(root: string): string[] {
	return globSync(
		[
			"scripts/*.test.ts",
			"src/**/*.test.ts",
			"web/**/*.test.ts",
			"sim/**/*.test.ts",
			"bench/**/*.test.ts",
			"test/**/*.test.ts",
		],
		{
			cwd: root,
		},
	).sort();
}

export function fastTests(root: string): string[] {
	return allTests(root).filter((path) => !SLOW.some((pattern) => pattern.test(path)));
}

/** What needs nothing but Node: not the suites with browsers and players at the top of `test/`, which `.ci/run` runs. */
export function portableTests(root: string): string[] {
	return allTests(root).filter((path) => !/^test\/[^/]*$/.test(path));
}
