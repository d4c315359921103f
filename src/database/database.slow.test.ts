/** A real PostgreSQL for the whole file. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";
import { pauseMs, silentLog, systemClock } from "#base/index.ts";
import { checkServer, type Database, openDatabase } from "./database.ts";
import { prepareEmbedded } from "./embedded.ts";
import { DatabaseError } from "./errors.ts";
import { liveInterviews, migrate } from "./migrate.ts";
import { migrations } from "./migrations/index.ts";
import { startTestPostgres, type TestPostgres } from "./testing.ts";

let postgres: TestPostgres;
before(async () => {
	postgres = await startTestPostgres({ migrated: false });
});
after(() => postgres?.[Symbol.asyncDispose]());

/** A schema of its own on the test's server, so that tests do not see each other's tables. */
async function schema(name: string): Promise<Database & { readonly url: string }> {
	const url = `${postgres.url}&options=-c%20search_path%3D${name}`;
	const database = openDatabase(url, { log: silentLog });
	await sql`create schema ${sql.id(name)}`.execute(database.db);
	return { ...database, url };
}

const step = (statement: string): Migration => ({
	up: async (db) => {
		await sql.raw(statement).execute(db);
	},
});
const options = { log: silentLog, liveInterviews: async () => [] };
const tables = async ({ db }: Database) => {
	const { rows } = await sql<{ name: string }>`select tablename as name from pg_tables
		where schemaname = current_schema() order by 1`.execute(db);
	return rows.map((row) => row.name);
};

describe("migrate()", () => {
	test("applies what is missing, in order, and nothing twice", async () => {
		await using database = await schema("steps");
		const first = { "0001-a": step("create table a (x int)") };
		await migrate(database, first, options);
		await migrate(database, { "0002-b": step("create table b as select * from a"), ...first }, options);
		await migrate(database, { "0002-b": step("fails"), ...first }, options);
		assert.deepEqual(await tables(database), ["a", "b", "migrations"]);
	});

	test("applies all steps or none", async () => {
		await using database = await schema("atomic");
		const steps = { "0001-a": step("create table a (x int)"), "0002-b": step("create table a (x int)") };
		await assert.rejects(migrate(database, steps, options), /already exists/);
		assert.deepEqual(await tables(database), []);
	});

	test("refuses a schema that a newer version wrote, and leaves it as it is", async () => {
		await using database = await schema("newer");
		const old = { "0001-a": step("create table a (x int)") };
		await migrate(database, { ...old, "0002-b": step("create table b (x int)") }, options);
		await assert.rejects(migrate(database, old, options), {
			code: "schema_newer",
			message: /newer Rostra \(0002-b\): start that version/,
		});
		assert.deepEqual(await tables(database), ["a", "b", "migrations"]);
	});

	test("refuses a change while an interview is live, and says what to do; without a change it does not ask", async () => {
		await using database = await schema("live");
		const own = {
			"0001-interviews": step("create table interviews (slug text, removed_at timestamptz, lifecycle jsonb)"),
		};
		const judged = { log: silentLog, liveInterviews };
		await migrate(database, own, judged);
		await sql`insert into interviews values ('talk', null, '{"phase":"on_air"}'), ('over', null, '{"phase":"ended"}'),
			('gone', now(), '{"phase":"doors"}')`.execute(database.db);
		await migrate(database, own, judged);
		const more = { ...own, "0002-more": step("create table more (x int)") };
		await assert.rejects(migrate(database, more, judged), {
			code: "interview_live",
			message: /live meanwhile: talk\. Start the version that ran before/,
		});
		await sql`update interviews set lifecycle = '{"phase":"ended"}'`.execute(database.db);
		await migrate(database, more, judged);
		assert.ok((await tables(database)).includes("more"));
	});

	test("our own steps make a schema in which live interviews can be looked for", async () => {
		await using database = await schema("ours");
		await migrate(database, migrations, { log: silentLog, liveInterviews });
		assert.deepEqual(await liveInterviews(database.db as unknown as Kysely<unknown>), []);
	});

	test("two processes at once apply each step once", async () => {
		await using database = await schema("twice");
		const steps = { "0001-a": step("create table a (x int)"), "0002-b": step("insert into a values (1)") };
		await Promise.all([migrate(database, steps, options), migrate(database, steps, options)]);
		const { rows } = await sql`select * from a`.execute(database.db);
		assert.equal(rows.length, 1);
	});
});

describe("openDatabase()", () => {
	test("fails with `unavailable` while PostgreSQL is away, and works again when it is back", async () => {
		await using database = openDatabase(postgres.url, { log: silentLog });
		const ask = () => sql<{ one: number }>`select 1 as one`.execute(database.db as unknown as Kysely<unknown>);
		await ask();
		const sleeping = sql`select pg_sleep(60)`.execute(database.db);
		const interrupted = assert.rejects(sleeping, isUnavailable);
		await postgres.kill();
		await interrupted;
		await assert.rejects(ask(), isUnavailable);
		await assert.rejects(
			database.db.transaction().execute((transaction) => sql`select 1`.execute(transaction)),
			isUnavailable,
		);
		assert.equal(await database.isAvailable(), false);
		await postgres.start();
		assert.equal(await database.isAvailable(), true);
		assert.deepEqual((await ask()).rows, [{ one: 1 }]);
	});

	test("what was committed is there after kill -9", async () => {
		await using database = openDatabase(postgres.url, { log: silentLog });
		await sql`create table kept as select 7 as seven`.execute(database.db);
		await postgres.kill();
		await postgres.start();
		assert.deepEqual((await sql`select seven from kept`.execute(database.db)).rows, [{ seven: 7 }]);
	});

	test("an error of the query itself stays what it is", async () => {
		await using database = openDatabase(postgres.url, { log: silentLog });
		await assert.rejects(sql`select nonsense`.execute(database.db), (error: unknown) => {
			assert.ok(!(error instanceof DatabaseError));
			assert.equal((error as { code?: string }).code, "42703");
			return true;
		});
	});

	test("a query beyond its time is given up as `unavailable`: what is live does not wait for it", async () => {
		await using database = openDatabase(postgres.url, { log: silentLog, queryWithinMs: 1 });
		await assert.rejects(sql`select pg_sleep(5)`.execute(database.db), isUnavailable);
	});
});

describe("the embedded server", () => {
	test("is PostgreSQL 18 with fsync, on a private Unix socket and no TCP port", async () => {
		await checkServer(postgres.url);
		await using database = openDatabase(postgres.url, { log: silentLog });
		const { rows } = await sql`select current_setting('server_version_num')::int / 10000 as version,
			current_setting('fsync') as fsync, current_setting('listen_addresses') as listen,
			current_setting('synchronous_commit') as commit, current_setting('data_checksums') as checksums`.execute(
			database.db,
		);
		assert.deepEqual(rows, [{ version: 18, fsync: "on", listen: "", commit: "on", checksums: "on" }]);
		const directory = new URL(postgres.url).searchParams.get("host") ?? "";
		assert.equal((await stat(directory)).mode & 0o777, 0o700);
		assert.ok((await readdir(directory)).includes(".s.PGSQL.5432"));
	});

	test("does not run as root, whoever we are", async (t) => {
		if (process.platform !== "linux" || process.getuid?.() !== 0) {
			t.diagnostic("not root: it runs as this user");
			return;
		}
		await using database = openDatabase(postgres.url, { log: silentLog });
		const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(database.db);
		assert.notEqual((await stat(`/proc/${rows[0]?.pid}`)).uid, 0);
	});

	test("as root, lies where its own user can reach it, which is said, noted and remembered", async (t) => {
		if (process.getuid?.() !== 0) {
			t.diagnostic("not root: it lies in the data folder");
			return;
		}
		const directory = await mkdtemp(join(tmpdir(), "rostra-root-"));
		t.after(() => rm(directory, { recursive: true }));
		await chmod(directory, 0o755);
		const [closed, stateRoot] = [join(directory, "closed"), join(directory, "state")];
		await mkdir(join(closed, "data"), { recursive: true });
		await chmod(closed, 0o700);
		const said: string[] = [];
		const prepare = () => {
			const say = (text: string) => said.push(text);
			return prepareEmbedded(join(closed, "data"), { clock: systemClock, say, stateRoot });
		};
		const first = await prepare();
		t.after(() => rm(first.socketDir, { recursive: true }));
		assert.ok(first.clusterDir.startsWith(`${stateRoot}/`), first.clusterDir);
		assert.match(said.join("\n"), /The database goes to .*state.*, as user \w+ cannot reach .*closed\/data/);
		const note = JSON.parse(await readFile(join(closed, "data", "postgres.json"), "utf8")) as Record<string, string>;
		assert.equal(note["clusterDir"], first.clusterDir);
		// Opened to others later, the data folder still finds its database.
		await chmod(closed, 0o755);
		const second = await prepare();
		t.after(() => rm(second.socketDir, { recursive: true }));
		assert.equal(second.clusterDir, first.clusterDir);
		assert.equal(said.filter((line) => line.startsWith("Creating")).length, 1);
	});

	test("a database that was half made when its maker was killed is made anew", async (t) => {
		const directory = await mkdtemp(join(tmpdir(), "rostra-half-"));
		t.after(() => rm(directory, { recursive: true }));
		await chmod(directory, 0o755);
		const prepare = () => prepareEmbedded(directory, { clock: systemClock, say: () => {} });
		const { clusterDir, socketDir } = await prepare();
		t.after(() => rm(socketDir, { recursive: true }));
		await rename(clusterDir, `${clusterDir}.new`);
		await rm(join(`${clusterDir}.new`, "global"), { recursive: true });
		const again = await prepare();
		t.after(() => rm(again.socketDir, { recursive: true }));
		assert.ok((await readdir(clusterDir)).includes("global"));
	});

	test("making a database stops when its maker is killed, so that the next start does not meet it at work", async (t) => {
		const directory = await mkdtemp(join(tmpdir(), "rostra-killed-"));
		t.after(() => rm(directory, { recursive: true }));
		await chmod(directory, 0o755);
		const script = `
			const { prepareEmbedded } = await import(${JSON.stringify(new URL("./embedded.ts", import.meta.url).href)});
			const { systemClock } = await import(${JSON.stringify(import.meta.resolve("#base/index.ts"))});
			await prepareEmbedded(${JSON.stringify(directory)}, { clock: systemClock, say: () => {} });`;
		const maker = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "ignore" });
		const cluster = join(directory, "postgres", "cluster.new");
		const isThere = (path: string) => existsSync(join(cluster, path));
		while (!isThere("base")) await pauseMs(systemClock, 5);
		maker.kill("SIGKILL");
		// Every server process works in its cluster.
		const isWorking = () => readdirSync("/proc").some((pid) => /^\d+$/.test(pid) && commandOf(pid).includes(cluster));
		while (isWorking()) await pauseMs(systemClock, 5);
		// The database `postgres` is the last but one thing to be made.
		assert.ok(isThere("base") && !isThere("base/5"));
	});

	test("a database of another PostgreSQL is refused", async (t) => {
		const directory = await mkdtemp(join(tmpdir(), "rostra-other-"));
		t.after(() => rm(directory, { recursive: true }));
		await chmod(directory, 0o755);
		const prepare = () => prepareEmbedded(directory, { clock: systemClock, say: () => {} });
		const { clusterDir, socketDir } = await prepare();
		t.after(() => rm(socketDir, { recursive: true }));
		await writeFile(join(clusterDir, "PG_VERSION"), "17\n");
		await assert.rejects(prepare(), { code: "embedded_failed", message: /must be of PostgreSQL 18: it is of 17/ });
	});

	test("leaves when the process that started it is killed", async () => {
		const script = `
			const { startTestPostgres } = await import(${JSON.stringify(new URL("./testing.ts", import.meta.url).href)});
			const postgres = await startTestPostgres({ migrated: false });
			console.log(postgres.url);
			setInterval(() => {}, 1000);`;
		const owner = spawn(process.execPath, ["--input-type=module", "-e", script], {
			stdio: ["ignore", "pipe", "inherit"],
		});
		const url = await new Promise<string>((resolve) =>
			owner.stdout.once("data", (line: Buffer) => resolve(`${line}`.trim())),
		);
		await checkServer(url);
		owner.kill("SIGKILL");
		let isThere = true;
		while (isThere) {
			isThere = await checkServer(url).then(
				() => true,
				() => false,
			);
		}
	});
});

function commandOf(pid: string): string {
	try {
		return readFileSync(`/proc/${pid}/cmdline`, "utf8");
	} catch {
		return "";
	}
}

test("checkServer() says why a server cannot be used", async () => {
	await assert.rejects(checkServer("postgresql://x@localhost/x?host=/nowhere"), {
		code: "unavailable",
		message: /Cannot reach the database: .*ENOENT/,
	});
	const nobody = new URL(postgres.url);
	nobody.pathname = "/nowhere";
	await assert.rejects(checkServer(nobody.href), {
		code: "refused",
		message: /does not let us in: database "nowhere" does not exist/,
	});
});

function isUnavailable(error: unknown): boolean {
	assert.ok(error instanceof DatabaseError, String(error));
	assert.equal(error.code, "unavailable");
	return true;
}
