import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Clock, MonoMs } from "#base/index.ts";
import type { CommandAs } from "#database/index.ts";
import type { ProcessStatus } from "#wire/index.ts";
import type { LogFiles } from "./log-files.ts";
import { Restarts } from "./restarts.ts";

/** A process that has not said that it is ready after this long is ended and started again. */
const READY_WITHIN_MS = 30_000;

export type ChildEvents = {
	ended(name: string, how: string, restartAfterMs: number): void;
	tooSlow(name: string): void;
};

export type ChildOptions = {
	readonly name: string;
	readonly command: CommandAs;
	/**
	 * `signal`: by SIGTERM. `stdin`: by the end of its standard input; it is then in a process group of its own,
	 * where a signal to ours (Ctrl-C) does not reach it.
	 */
	readonly stopBy: "stdin" | "signal";
	/** Which process to report, when it is not the one we start. */
	readonly pidOf?: () => Promise<number | undefined>;
	/** Settles when what was just started is ready; absent when it says so itself (`markReady`). */
	readonly becomesReady?: () => Promise<void>;
	readonly clock: Clock;
	readonly logs: LogFiles;
	readonly events: ChildEvents;
	readonly onChange: () => void;
};

type State =
	| { readonly is: "up"; readonly process: ChildProcess; readonly ready: boolean; readonly watchdog: Disposable }
	| { readonly is: "waiting"; readonly restart: Disposable }
	| { readonly is: "stopped" };

/**
 * One process that is to run until `stop`: started again whenever it ends, at once, or ever later when it does not
 * get going. Its standard input is a pipe we hold, whose end tells it that we are gone; its output goes to
 * its log file.
 */
export class Child {
	readonly name: string;
	readonly #options: ChildOptions;
	readonly #restarts = new Restarts();
	#state: State = { is: "stopped" };
	#stopping = false;
	#restartCount = 0;
	#startedUnixMs: number | null = null;
	#lastExit: string | null = null;
	#reportedPid: number | null = null;
	#onEnd: (() => void)[] = [];
	#onReady: (() => void)[] = [];

	constructor(options: ChildOptions) {
		this.#options = options;
		this.name = options.name;
		this.#start();
	}

	get restartCount(): number {
		return this.#restartCount;
	}

	get lastExit(): string | null {
		return this.#lastExit;
	}

	get isReady(): boolean {
		return this.#state.is === "up" && this.#state.ready;
	}

	/** It said that it can do its work. */
	markReady(): void {
		const state = this.#state;
		if (state.is !== "up" || state.ready) return;
		state.watchdog[Symbol.dispose]();
		this.#state = { ...state, ready: true };
		this.#restarts.ready(this.#options.clock.monoMs());
		for (const resolve of this.#onReady.splice(0)) resolve();
		void this.#options.pidOf?.().then((pid) => {
			this.#reportedPid = pid ?? null;
		});
		this.#options.onChange();
	}

	/** Settles when it is ready, now or after any number of restarts; never once it is stopped. */
	ready(): Promise<void> {
		return this.isReady ? Promise.resolve() : new Promise((resolve) => this.#onReady.push(resolve));
	}

	status(): ProcessStatus {
		const state = this.#state;
		const pid = state.is === "up" ? (this.#reportedPid ?? state.process.pid ?? null) : null;
		const isUp = state.is === "up" ? (state.ready ? "running" : "starting") : undefined;
		return {
			name: this.name,
			pid,
			state: isUp ?? (state.is === "waiting" ? "restarting" : "stopped"),
			startedUnixMs: state.is === "up" ? this.#startedUnixMs : null,
			restarts: this.#restartCount,
			lastExit: this.#lastExit,
			rssBytes: pid === null ? null : rssBytes(pid),
		};
	}

	/** Asks it to leave, kills it after `withinMs`, and settles when it is gone. It is not started again. */
	async stop(withinMs: number): Promise<void> {
		this.#stopping = true;
		const state = this.#state;
		if (state.is === "waiting") {
			state.restart[Symbol.dispose]();
			this.#state = { is: "stopped" };
		}
		if (state.is !== "up") return;
		const gone = new Promise<void>((resolve) => this.#onEnd.push(resolve));
		if (this.#options.stopBy === "signal") state.process.kill("SIGTERM");
		else state.process.stdin?.destroy();
		const { clock } = this.#options;
		using _ = clock.wakeAt((clock.monoMs() + withinMs) as MonoMs, () =>
			kill(state.process, this.#options.stopBy === "stdin"),
		);
		await gone;
	}

	#start(): void {
		const { name, command, clock, logs, events } = this.#options;
		const apart = this.#options.stopBy === "stdin";
		const output = logs.open(name);
		const child = spawn(command.file, command.args, {
			cwd: command.cwd,
			env: command.env,
			...command.user,
			detached: apart,
			stdio: ["pipe", output, output],
		});
		child.stdin?.on("error", () => {});
		// `exit`, not `close`: a process of its own might hold the pipe for longer.
		let over = false;
		const end = (how: string) => {
			if (over) return;
			over = true;
			child.stdin?.destroy();
			this.#ended(how);
		};
		child.once("exit", (code, signal) => end(signal ? `killed by ${signal}` : `exit code ${code}`));
		child.once("error", (error) => end(`could not be started: ${error.message}`));
		const watchdog = clock.wakeAt((clock.monoMs() + READY_WITHIN_MS) as MonoMs, () => {
			events.tooSlow(name);
			kill(child, apart);
		});
		this.#reportedPid = null;
		this.#startedUnixMs = clock.unixMs();
		this.#restarts.started();
		this.#state = { is: "up", process: child, ready: false, watchdog };
		void this.#options.becomesReady?.().then(
			() => this.#state.is === "up" && this.#state.process === child && this.markReady(),
			() => {},
		);
		this.#options.onChange();
	}

	#ended(how: string): void {
		const { clock, logs, events, name } = this.#options;
		if (this.#state.is === "up") this.#state.watchdog[Symbol.dispose]();
		logs.look(name, this.#stopping);
		this.#lastExit = how;
		if (this.#stopping) {
			this.#state = { is: "stopped" };
		} else {
			const waitMs = this.#restarts.ended(clock.monoMs());
			this.#restartCount += 1;
			events.ended(name, how, waitMs);
			if (waitMs === 0) this.#start();
			else {
				const restart = clock.wakeAt((clock.monoMs() + waitMs) as MonoMs, () => this.#start());
				this.#state = { is: "waiting", restart };
			}
		}
		for (const resolve of this.#onEnd.splice(0)) resolve();
		this.#options.onChange();
	}
}

function kill(child: ChildProcess, group: boolean): void {
	try {
		if (group && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
		else child.kill("SIGKILL");
	} catch {
		// It is gone already.
	}
}

/** Resident memory, on Linux: proc_pid_status(5). */
function rssBytes(pid: number): number | null {
	try {
		const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
		return kilobytes === undefined ? null : Number(kilobytes) * 1_024;
	} catch {
		return null;
	}
}
