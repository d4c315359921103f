/** The command line: `start` becomes the supervisor; `check-hls` needs none; the others ask the platform that runs on a data folder. */
import { flushCompileCache } from "node:module";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createLog, openOutput, systemClock } from "#base/index.ts";

/** Of a log's fields in the terminal; the log file has all of it. */
const SHOWN_FIELD_CHARS_MAX = 400;

const projectDir = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
const out = openOutput(1);
const err = openOutput(2);
const { readCommandLine } = await import("./settings.ts");
const machine = { cores: availableParallelism(), projectDir, cwd: process.env["INIT_CWD"] ?? process.cwd() };
const line = readCommandLine(process.argv.slice(2), process.env, machine);
switch (line.kind) {
	case "help":
		out.write(line.text);
		await leave(0);
		break;
	case "problems":
		err.write(`${line.problems.join("\n")}\n`);
		await leave(1);
		break;
	case "ask": {
		const { askPlatform } = await import("./supervisor.ts");
		const log = createLog({ clock: systemClock, process: "rostra", levelMin: "error", write: err.write });
		const answer = await askPlatform(line.dataDir, line.command, { clock: systemClock, log }).catch(giveUp);
		(answer.ok ? out : err).write(`${answer.text}\n`);
		await leave(answer.ok ? 0 : 1);
		break;
	}
	case "check_hls": {
		const { checkHlsAt } = await import("#hls-check/index.ts");
		const { text, ok } = await checkHlsAt(line.url, line.seconds);
		(ok === undefined ? err : out).write(`${text}\n`);
		await leave(ok === undefined ? 2 : ok ? 0 : 1);
		break;
	}
	case "start":
		await start(line.settings, line.warnings);
}

async function start(settings: import("./settings.ts").StartSettings, warnings: readonly string[]): Promise<void> {
	const startedMs = systemClock.monoMs();
	const { startPlatform } = await import("./supervisor.ts");
	process.title = "rostra supervisor";
	const say = (text: string) => out.write(`${text}\n`);
	const interrupted = new AbortController();
	const stop = async () => {
		if (interrupted.signal.aborted) return;
		interrupted.abort();
		await (await started.catch(() => undefined))?.[Symbol.asyncDispose]();
		say("stopped");
		await leave(0);
	};
	process.on("SIGTERM", stop).on("SIGINT", stop).on("SIGHUP", stop);
	process.on("uncaughtException", async (error) => {
		err.write(`The supervisor failed, and everything stops: ${error.stack ?? error}\n`);
		await leave(70);
	});
	for (const warning of warnings) err.write(`${warning}\n`);
	const outside = {
		clock: systemClock,
		say,
		showLog: (name: string, text: string) => (text.startsWith("{") ? showLine(text) : err.write(`${name}: ${text}\n`)),
		entryPath: join(projectDir, "src", "roles", "process.ts"),
	};
	const started = startPlatform(settings, outside, interrupted.signal);
	const platform = await started.catch((error) => (interrupted.signal.aborted ? undefined : giveUp(error)));
	if (!platform || interrupted.signal.aborted) return;
	const { publicUrl, staffUrl, mediaPort } = platform.settings;
	say(`Listeners: ${publicUrl}`);
	say(`Staff:     ${staffUrl}`);
	say(`Sign in once with this link (another: npm run -s rostra -- sign-in):\n  ${platform.signInLink}`);
	const { clusterDir } = platform;
	const apart = clusterDir && !clusterDir.startsWith(settings.dataDir) ? `, the database in ${clusterDir}` : "";
	say(`Everything is kept in ${settings.dataDir}${apart}`);
	say(`Started in ${((systemClock.monoMs() - startedMs) / 1_000).toFixed(1)} s`);
	say(`ready public=${publicUrl} staff=${staffUrl} media=${mediaPort}`);
	flushCompileCache();
}

/** One line of a log, for people: time, level, who, what happened, and the rest as it is. */
function showLine(text: string): void {
	let shown = text.trimEnd();
	try {
		const { at, level, process: name, event, ...rest } = JSON.parse(text) as Record<string, unknown>;
		const fields = Object.entries(rest).map(
			([key, value]) => `${key}=${shorten(typeof value === "string" ? value : JSON.stringify(value))}`,
		);
		shown = `${String(at).slice(11, 19)} ${String(level)} ${String(name)} ${String(event)} ${fields.join(" ")}`;
	} catch {
		// Cut short for showing, or not ours: as it is.
	}
	err.write(`${shown}\n`);
}

function shorten(text: string): string {
	return text.length <= SHOWN_FIELD_CHARS_MAX ? text : `${text.slice(0, SHOWN_FIELD_CHARS_MAX)}…`;
}

/** What a person can repair is said in its sentence; anything else is our bug and shows where. */
async function giveUp(error: unknown): Promise<never> {
	const isKnown = error instanceof Error && "code" in error && /^(Supervisor|Database|Bus)Error$/.test(error.name);
	err.write(`${isKnown ? error.message : ((error as Error).stack ?? String(error))}\n`);
	return await leave(1);
}

async function leave(code: number): Promise<never> {
	await Promise.race([
		Promise.all([out.flushed(), err.flushed()]),
		new Promise((resolve) => setTimeout(resolve, 500, "stuck")).then(() => process.kill(process.pid, "SIGKILL")),
	]);
	process.exit(code);
}
