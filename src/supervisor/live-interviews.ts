import type { ProcessRole, SupervisorAnswer, SupervisorCommand } from "#wire/index.ts";
import type { Child } from "./child.ts";
import type { MediaPorts } from "./media-ports.ts";

/** Within this the processes of an interview that is let go must leave. */
const CLOSE_WITHIN_MS = 2_000;

/**
 * Which interviews have processes: stage, broadcast and, for the demo, the synthetic speakers. Holds nothing that
 * matters: after a restart of the platform control asks again for what must be open.
 */
export class LiveInterviews {
	readonly #ports: MediaPorts;
	readonly #countMax: number;
	readonly #startChild: (name: string, role: ProcessRole) => Child;
	readonly #children = new Map<string, Map<string, Child>>();

	constructor(options: {
		ports: MediaPorts;
		countMax: number;
		startChild: (name: string, role: ProcessRole) => Child;
	}) {
		this.#ports = options.ports;
		this.#countMax = options.countMax;
		this.#startChild = options.startChild;
	}

	get children(): Child[] {
		return [...this.#children.values()].flatMap((each) => [...each.values()]);
	}

	/** Each command may be repeated without harm. */
	async answer(command: Exclude<SupervisorCommand, { kind: "status" }>): Promise<SupervisorAnswer> {
		const { interviewId } = command;
		if (!/^[A-Za-z0-9_-]{1,64}$/.test(interviewId)) {
			return {
				ok: false,
				detail: `Cannot name processes after the interview "${interviewId}": letters and digits only`,
			};
		}
		switch (command.kind) {
			case "open_stage": {
				const mediaPort = await this.#ports.hold(interviewId);
				if (mediaPort === undefined) return this.#full();
				this.#ensure(interviewId, "stage", { role: "stage", interviewId, mediaPort });
				return { ok: true, mediaPort };
			}
			case "open_broadcast":
				if (!this.#children.has(interviewId) && this.#children.size >= this.#countMax) return this.#full();
				this.#ensure(interviewId, "broadcast", { role: "broadcast", interviewId });
				return { ok: true };
			case "open_rehearsal":
				if (!this.#children.has(interviewId)) {
					return { ok: false, detail: "Cannot start synthetic speakers as the interview has no stage" };
				}
				this.#ensure(interviewId, "rehearsal", { role: "rehearsal", interviewId, speakers: command.speakers });
				return { ok: true };
			case "close":
				await this.#close(interviewId);
				return { ok: true };
		}
	}

	#full(): SupervisorAnswer {
		return {
			ok: false,
			detail:
				`Cannot open another interview as at most ${this.#countMax} may be open at once (--live-interviews-max) ` +
				"and each needs a free media port: end one first",
		};
	}

	#ensure(interviewId: string, kind: string, role: ProcessRole): void {
		let children = this.#children.get(interviewId);
		if (!children) {
			children = new Map();
			this.#children.set(interviewId, children);
		}
		if (!children.has(kind)) children.set(kind, this.#startChild(`${kind}-${interviewId}`, role));
	}

	async #close(interviewId: string): Promise<void> {
		const children = this.#children.get(interviewId);
		this.#children.delete(interviewId);
		if (children) await Promise.all([...children.values()].map((child) => child.stop(CLOSE_WITHIN_MS)));
		this.#ports.release(interviewId);
	}
}
