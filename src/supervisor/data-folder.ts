import { chmod, mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import * as z from "zod/mini";
import { replaceFile } from "#base/index.ts";
import { SupervisorError } from "./errors.ts";

/** Raised when an older Rostra could no longer read what this one writes there. */
const FORMAT = 1;

/** `run.json`: how the command line finds the platform that runs on a data folder, and what a killed one left behind. */
const run = z.object({
	pid: z.number(),
	busPath: z.string(),
	publicUrl: z.string(),
	staffUrl: z.string(),
	/** Removed by the next start when this one could not. */
	temporaryDirs: z.array(z.string()),
});
export type Run = z.infer<typeof run>;

export type DataFolder = {
	/** What the last start left when it was killed. */
	readonly leftBehind: Run | undefined;
	note(run: Run): Promise<void>;
	/** Forgets the run and releases the lock. */
	[Symbol.asyncDispose](): Promise<void>;
};

/**
 * Takes a data folder for this process alone, making it if it is not there.
 *
 * The lock is SQLite's exclusive lock on an empty file: the kernel holds it and lets it go with the process,
 * however that ends, on every system and across containers that share the folder. A file with a process id would
 * have to be guessed about after a crash.
 *
 * @throws SupervisorError `data_in_use`, `data_newer` or `data_not_writable`.
 */
export async function openDataFolder(path: string): Promise<DataFolder> {
	// Others may pass through, as PostgreSQL's own user must; what lies inside is closed to them.
	const isOurs = await mkdir(path, { recursive: true }).catch((cause) => {
		throw new SupervisorError("data_not_writable", `Cannot make the data folder ${path}: ${cause.message}`, { cause });
	});
	if (isOurs !== undefined) await chmod(path, 0o711);
	const lock = takeLock(path, await readRun(path));
	try {
		const formatPath = join(path, "format");
		const format = Number(await readFile(formatPath, "utf8").catch(() => FORMAT));
		if (format !== FORMAT) {
			throw new SupervisorError(
				"data_newer",
				`Cannot open ${path} as it must have format ${FORMAT}: it has ${format}, of a newer Rostra. ` +
					"Start that version, or choose another folder with --data",
			);
		}
		await replaceFile(formatPath, `${FORMAT}\n`);
		for (const name of ["objects", "logs"]) await mkdir(join(path, name), { recursive: true, mode: 0o700 });
	} catch (error) {
		lock.close();
		throw error;
	}
	const runPath = join(path, "run.json");
	return {
		leftBehind: await readRun(path),
		note: (value) => replaceFile(runPath, `${JSON.stringify(value)}\n`),
		async [Symbol.asyncDispose]() {
			await rm(runPath, { force: true });
			lock.close();
		},
	};
}

/** What runs, or was killed, on a data folder. */
export async function readRun(path: string): Promise<Run | undefined> {
	const text = await readFile(join(path, "run.json"), "utf8").catch(() => undefined);
	if (text === undefined) return undefined;
	try {
		return run.parse(JSON.parse(text));
	} catch {
		return undefined;
	}
}

function takeLock(path: string, running: Run | undefined): DatabaseSync {
	let lock: DatabaseSync | undefined;
	try {
		lock = new DatabaseSync(join(path, "lock"));
		lock.exec("pragma journal_mode = memory; begin exclusive");
		return lock;
	} catch (cause) {
		lock?.close();
		const isBusy = (cause as { errcode?: number }).errcode === 5;
		if (!isBusy) {
			const text = (cause as Error).message;
			throw new SupervisorError("data_not_writable", `Cannot write to the data folder ${path}: ${text}`, { cause });
		}
		const who = running ? `process ${running.pid} (${running.publicUrl})` : "another process";
		throw new SupervisorError(
			"data_in_use",
			`Cannot start on ${path} as ${who} runs on it: stop that one, or choose another folder with --data`,
			{ cause },
		);
	}
}
