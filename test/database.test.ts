/** Another PostgreSQL than our own: Debian's 15, given by its URL. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { publicState } from "#wire/index.ts";
import { freePorts, startPlatform } from "./support/platform.ts";
import { exitOf, run, until } from "./support/run.ts";
import { skipWithout } from "./support/tools.ts";

const BIN = "/usr/lib/postgresql/15/bin";
const skip = existsSync(BIN) ? skipWithout("setpriv") : "needs PostgreSQL 15: apt-get install postgresql-15";

test("the platform runs on PostgreSQL 15 given by ROSTRA_DATABASE_URL", { skip, timeout: 240_000 }, async () => {
	const folder = await mkdtemp(join(tmpdir(), "rostra-pg-"));
	await chmod(folder, 0o755);
	const asPostgres =
		process.getuid?.() === 0 ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] : [];
	const call = (program: string, ...args: string[]) => {
		const [command, ...rest] = [...asPostgres, join(BIN, program), ...args];
		return [command as string, rest] as const;
	};
	if (asPostgres.length > 0) await run("chown", ["postgres", folder]);
	const data = join(folder, "data");
	await run(...call("initdb", "--auth=trust", "--username=rostra", "-D", data));
	const port = (await freePorts()).staff + 40;
	const [command, args] = call(
		"postgres",
		"-D",
		data,
		"-p",
		`${port}`,
		"-c",
		"listen_addresses=127.0.0.1",
		"-c",
		`unix_socket_directories=${folder}`,
	);
	const server = spawn(command, args, { stdio: "ignore" });
	try {
		await until(
			"PostgreSQL 15",
			15_000,
			async () => (await run(...call("pg_isready", "-h", "127.0.0.1", "-p", `${port}`), { mayFail: true })).code === 0,
		);
		await run(...call("createdb", "-h", "127.0.0.1", "-p", `${port}`, "-U", "rostra", "rostra"));
		const url = `postgres://rostra@127.0.0.1:${port}/rostra`;
		await using platform = await startPlatform({ args: ["--database-url", url] });
		assert.ok(!platform.processes().some((each) => each.name === "postgres"), "no PostgreSQL of its own");
		await until("the demo to be on air", 30_000, async () => {
			const answer = await fetch(`${platform.publicUrl}/i/demo/state.json`);
			return answer.ok && publicState.parse(await answer.json()).phase === "on_air";
		});
		await platform.rostra("end", "demo");
		assert.equal((await fetch(`${platform.publicUrl}/i/demo/recording.m4a`)).status, 200);
	} finally {
		server.kill("SIGINT");
		await exitOf(server);
		await rm(folder, { recursive: true, force: true });
	}
});
