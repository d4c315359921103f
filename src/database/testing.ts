import { spawn } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog, systemClock } from "#base/index.ts";
import { openDatabase } from "./database.ts";
import { prepareEmbedded, waitForServer } from "./embedded.ts";
import { liveInterviews, migrate } from "./migrate.ts";
import { migrations } from "./migrations/index.ts";

/** A real PostgreSQL of its own for a test file, about 2 s to make; everything is gone when it is disposed. */
export type TestPostgres = {
	readonly url: string;
	/** Ends it as `kill -9` does; `start` brings it back at the same address. */
	kill(): Promise<void>;
	start(): Promise<void>;
	[Symbol.asyncDispose](): Promise<void>;
};

/** @param options.migrated whether `migrations` are applied; default true. */
export async function startTestPostgres(options: { migrated?: boolean } = {}): Promise<TestPostgres> {
	const dataDir = await mkdtemp(join(tmpdir(), "rostra-test-"));
	await chmod(dataDir, 0o755);
	const embedded = await prepareEmbedded(dataDir, { clock: systemClock, say: () => {} });
	let ended: Promise<void> = Promise.resolve();
	let stop = () => {};
	const start = async () => {
		const { file, args, cwd, env, user } = embedded.command;
		const child = spawn(file, args, { cwd, env, ...user, detached: true, stdio: ["pipe", "ignore", "ignore"] });
		ended = new Promise((resolve) => child.once("exit", () => resolve()));
		stop = () => child.stdin.destroy();
		await waitForServer(embedded.url, { clock: systemClock, withinMs: 10_000 });
	};
	await start();
	if (options.migrated ?? true) {
		await using database = openDatabase(embedded.url, { log: silentLog });
		await migrate(database, migrations, { log: silentLog, liveInterviews });
	}
	return {
		url: embedded.url,
		start,
		async kill() {
			const pid = await embedded.serverPid();
			if (pid) process.kill(pid, "SIGKILL");
			await ended;
		},
		async [Symbol.asyncDispose]() {
			stop();
			await ended;
			await rm(embedded.socketDir, { recursive: true, force: true });
			await rm(dataDir, { recursive: true, force: true });
		},
	};
}
