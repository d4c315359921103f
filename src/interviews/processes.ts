import { type Clock, pauseMs, unpackPieces } from "#base/index.ts";
import { type Bus, BusError } from "#bus/index.ts";
import {
	type BroadcastCommand,
	broadcastCommands,
	edgeSync,
	HOUSE_SYNC,
	type ProgrammeTimeline,
	programmeTail,
	programmeTimeline,
	readJson,
	type StageAnswer,
	type StageCommand,
	SUPERVISOR_COMMAND,
	type SupervisorAnswer,
	type SupervisorCommand,
	type SupervisorReport,
	stageAnswer,
	stageCommands,
	supervisorAnswer,
	supervisorReport,
	writeJson,
} from "#wire/index.ts";
import type { InterviewEvents } from "./events.ts";

const ASK_TIMEOUT_MS = 2_000;
/** Gathering candidates can take a moment. */
const STAGE_TIMEOUT_MS = 4_000;
const RETRY_AFTER_MS = 100;
/** What is asked again and again fails in the log this often. */
const FAILURE_EVERY_MS = 1_000;
/** How long a person waits for a process that is being started. */
export const PROCESS_WITHIN_MS = 8_000;

/** What control asks of other processes. `undefined` stands for: nobody answered; every other failure is thrown. */
export class Processes {
	readonly #bus: Bus;
	readonly #clock: Clock;
	readonly #events: InterviewEvents;
	#closed = false;
	#failureToldMs = Number.NEGATIVE_INFINITY;

	constructor(options: { readonly bus: Bus; readonly clock: Clock; readonly events: InterviewEvents }) {
		this.#bus = options.bus;
		this.#clock = options.clock;
		this.#events = options.events;
	}

	/** Ends all waiting. */
	close(): void {
		this.#closed = true;
	}

	async supervisor(command: Exclude<SupervisorCommand, { kind: "status" }>): Promise<SupervisorAnswer | undefined> {
		const answer = await this.#ask(SUPERVISOR_COMMAND, writeJson(command), ASK_TIMEOUT_MS);
		return answer && readJson(supervisorAnswer, answer);
	}

	async status(): Promise<SupervisorReport | undefined> {
		const answer = await this.#ask(SUPERVISOR_COMMAND, writeJson({ kind: "status" }), ASK_TIMEOUT_MS);
		return answer && readJson(supervisorReport, answer);
	}

	async stage(interviewId: string, command: StageCommand): Promise<StageAnswer | undefined> {
		const answer = await this.#ask(stageCommands(interviewId), writeJson(command), STAGE_TIMEOUT_MS);
		return answer && readJson(stageAnswer, answer);
	}

	/** Asks until the stage answers: it may be starting. `command` is made anew each time; undefined gives up. */
	stageSoon(interviewId: string, command: () => StageCommand | undefined): Promise<StageAnswer | undefined> {
		return this.until(PROCESS_WITHIN_MS, async () => {
			const asked = command();
			if (!asked) return { ok: false, code: "no_such_session", detail: "the seat is gone" };
			return this.stage(interviewId, asked);
		});
	}

	broadcast(interviewId: string, command: BroadcastCommand, timeoutMs = ASK_TIMEOUT_MS): Promise<Buffer | undefined> {
		return this.#ask(broadcastCommands(interviewId), writeJson(command), timeoutMs);
	}

	/** Asks until broadcast answers: it may be starting. */
	async broadcastSoon(interviewId: string, command: BroadcastCommand, withinMs: number): Promise<Buffer | undefined> {
		const endMs = this.#clock.monoMs() + withinMs;
		const answer = await this.until(withinMs, () =>
			this.broadcast(interviewId, command, Math.max(1, endMs - this.#clock.monoMs())),
		);
		if (!answer) this.#events.programmeUnreachable(interviewId, command.kind);
		return answer;
	}

	async timeline(interviewId: string): Promise<ProgrammeTimeline | undefined> {
		const answer = await this.#ask(programmeTail(interviewId), writeJson({ partsMax: 0 }), ASK_TIMEOUT_MS);
		return answer && programmeTimeline.parse(unpackPieces(answer).json);
	}

	/** Settles when house and every edge have taken what was published before; one that does not answer is not waited for. */
	async syncDoors(edgeWorkers: number): Promise<void> {
		const nothing = new Uint8Array(0);
		if (!(await this.#ask(HOUSE_SYNC, nothing, ASK_TIMEOUT_MS))) this.#events.doorBehind("house");
		const workers = Array.from({ length: edgeWorkers }, (_, worker) => worker);
		await Promise.all(
			workers.map(async (worker) => {
				if (!(await this.#ask(edgeSync(worker), nothing, ASK_TIMEOUT_MS))) this.#events.doorBehind(`edge-${worker}`);
			}),
		);
	}

	/** Settles when `done` answers something, or with undefined after `withinMs`. */
	async until<T>(withinMs: number, done: () => Promise<T | undefined> | T | undefined): Promise<T | undefined> {
		const endMs = this.#clock.monoMs() + withinMs;
		for (;;) {
			const found = await done();
			if (found !== undefined || this.#closed || this.#clock.monoMs() + RETRY_AFTER_MS >= endMs) return found;
			await pauseMs(this.#clock, RETRY_AFTER_MS);
		}
	}

	async #ask(subject: string, payload: Uint8Array, timeoutMs: number): Promise<Buffer | undefined> {
		try {
			return await this.#bus.request(subject, payload, { timeoutMs });
		} catch (error) {
			if (!(error instanceof BusError)) throw error;
			// The other process failed at what it was asked, which is not the same as being away.
			if (error.code === "refused" && this.#clock.monoMs() - this.#failureToldMs >= FAILURE_EVERY_MS) {
				this.#failureToldMs = this.#clock.monoMs();
				this.#events.processFailed(subject, error);
			}
			return undefined;
		}
	}
}
