import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { compileFunction } from "node:vm";
import { BroadcastError } from "./errors.ts";

const OWN_ADDRESS = "import.meta.url";
const loading = new Map<string, Promise<unknown>>();

/**
 * Loads the compiled encoder inside one of mediabunny's packages, once per process, as Node loads CommonJS, which it is
 * but for one `import.meta.url`: neither `import` nor `require` takes it as it lies there, only a bundler. What that
 * would tell it, its address, it does not need, as it holds its WebAssembly. Why not through the package's entry stands
 * in ARCHITECTURE.md, *Decisions*.
 *
 * @param fromEntry the file's address, seen from the package's entry.
 * @throws BroadcastError when the package is not the one in package.json.
 */
export function loadBuild<Bridge>(packageName: string, fromEntry: string): Promise<Bridge> {
	let bridge = loading.get(packageName);
	if (!bridge) {
		bridge = compile(packageName, fromEntry);
		loading.set(packageName, bridge);
	}
	return bridge as Promise<Bridge>;
}

async function compile(packageName: string, fromEntry: string): Promise<unknown> {
	try {
		const path = fileURLToPath(new URL(fromEntry, import.meta.resolve(packageName)));
		const source = (await readFile(path, "utf8")).split(OWN_ADDRESS);
		if (source.length !== 2) throw new TypeError(`it must ask for ${OWN_ADDRESS} once: ${source.length - 1} times`);
		const module: { default?: () => Promise<unknown> } = {};
		compileFunction(source.join("undefined"), ["exports"], { filename: path })(module);
		if (!module.default) throw new TypeError("it has no default export");
		return await module.default();
	} catch (cause) {
		throw unexpectedPackage(packageName, "its compiled encoder cannot be loaded", { cause });
	}
}

export function unexpectedPackage(packageName: string, what: string, options?: ErrorOptions): BroadcastError {
	return new BroadcastError(
		"encoder_unexpected",
		`Cannot use ${packageName} as ${what}. Run npm install, which brings the version in package.json`,
		options,
	);
}
