import { type Clock, everyMs } from "#base/index.ts";
import { type Bus, BusError } from "#bus/index.ts";
import {
	LEVEL_CHANGES,
	LEVEL_COMMANDS,
	type Level,
	type LevelCommand,
	type LevelView,
	levelAnswer,
	levelView,
	readJson,
	writeJson,
} from "#wire/index.ts";
import { type Refusal, refusal } from "./errors.ts";

const ASK_TIMEOUT_MS = 2_000;
/** Until house has answered once. */
const ASK_EVERY_MS = 2_000;

/** The level of the public door as house tells it, and an operator's hand on it. House decides and records. */
export class Levels implements Disposable {
	readonly #bus: Bus;
	readonly #parts = new DisposableStack();
	#view: LevelView | undefined;
	#asking = false;

	constructor({ bus, clock }: { readonly bus: Bus; readonly clock: Clock }) {
		this.#bus = bus;
		this.#parts.use(
			bus.subscribe(LEVEL_CHANGES, (payload) => {
				this.#view = readJson(levelView, payload);
			}),
		);
		this.#parts.use(
			everyMs(clock, ASK_EVERY_MS, () => {
				if (!this.#view) void this.#look();
			}),
		);
		this.#parts.use(bus.onConnect(() => void this.#look()));
		void this.#look();
	}

	/** As house said last; undefined before it has said anything. */
	get view(): LevelView | undefined {
		return this.#view;
	}

	pin(level: Level, reason: string): Promise<Refusal | { ok: true; json: LevelView }> {
		return this.#command({ kind: "pin", level, reason });
	}

	release(reason: string): Promise<Refusal | { ok: true; json: LevelView }> {
		return this.#command({ kind: "release", reason });
	}

	async #command(command: LevelCommand): Promise<Refusal | { ok: true; json: LevelView }> {
		try {
			const { done, view } = await this.#ask(command);
			if (!done) return refusal("level_not_pinned", "No level is pinned, so there is nothing to release.");
			return { ok: true, json: view };
		} catch (error) {
			if (!(error instanceof BusError)) throw error;
			const detail = "The process that decides the level does not answer. Look which level holds, then try again.";
			return refusal("house_unreachable", detail);
		}
	}

	async #look(): Promise<void> {
		if (this.#asking) return;
		this.#asking = true;
		try {
			await this.#ask({ kind: "look" });
		} catch (error) {
			if (!(error instanceof BusError)) throw error;
		} finally {
			this.#asking = false;
		}
	}

	async #ask(command: LevelCommand) {
		const answer = readJson(
			levelAnswer,
			await this.#bus.request(LEVEL_COMMANDS, writeJson(command), { timeoutMs: ASK_TIMEOUT_MS }),
		);
		this.#view = answer.view;
		return answer;
	}

	[Symbol.dispose](): void {
		this.#parts.dispose();
	}
}
