import type { Clock, UnixMs } from "#base/index.ts";
import type { Bus } from "#bus/index.ts";
import type { Mirror } from "#database/index.ts";
import { type InterviewFacts, interviewChanges } from "#wire/index.ts";
import type { InterviewEvents } from "./events.ts";
import { factsOf, type Interview } from "./interview.ts";
import { advance, type Cause, isOver, type LifecycleEvent, type Outcome, type Transition } from "./lifecycle.ts";

/** Something that happened to an interview: when, by whose doing, and why. */
export type Change = {
	readonly event: LifecycleEvent;
	readonly atUnixMs: number;
	readonly actor: string;
	readonly cause: Cause;
};

/** The record of each interview as it happens: every change of phase is written here, once, and house is told. */
export class Records {
	readonly #clock: Clock;
	readonly #bus: Bus;
	readonly #interviews: Mirror<Interview>;
	readonly #events: InterviewEvents;
	/** By interview, as JSON. As many as there are interviews. */
	readonly #factsTold = new Map<string, string>();

	constructor(options: {
		readonly clock: Clock;
		readonly bus: Bus;
		readonly interviews: Mirror<Interview>;
		readonly events: InterviewEvents;
	}) {
		this.#clock = options.clock;
		this.#bus = options.bus;
		this.#interviews = options.interviews;
		this.#events = options.events;
	}

	/** From now on house hears of every change, until disposed. */
	tellHouse(): Disposable {
		return this.#interviews.onChange((interview) => this.#tellFacts(interview));
	}

	/** What house is told, of every interview, deleted ones included. */
	allFacts(): InterviewFacts[] {
		return [...this.#interviews.values()].map(factsOf);
	}

	/** The interview as it is now; undefined when there is none or it was deleted. */
	get(interviewId: string): Interview | undefined {
		const interview = this.#interviews.get(interviewId);
		return interview?.removedUnixMs === null ? interview : undefined;
	}

	/** All that were not deleted. */
	all(): Interview[] {
		return [...this.#interviews.values()].filter((interview) => interview.removedUnixMs === null);
	}

	/** Writes down who wants what, before broadcast is told: see `pendingStep`. */
	async intend(interviewId: string, pendingStep: NonNullable<Interview["pendingStep"]>): Promise<void> {
		await this.#interviews.record(interviewId, (now) => ({ ...(now as Interview), pendingStep }));
	}

	/** Applies one event to the record, once. */
	async move(interviewId: string, { event, atUnixMs, actor, cause }: Change): Promise<Outcome> {
		let outcome: Outcome = { kind: "unchanged" };
		let made: Transition | undefined;
		const interview = await this.#interviews.record(interviewId, (found) => {
			const now = found as Interview;
			outcome = advance(now.lifecycle, event, atUnixMs as UnixMs);
			if (outcome.kind !== "moved") return now;
			const from = now.lifecycle.phase;
			const to = outcome.next.phase;
			made = { sequence: now.transitions.length, atUnixMs, from, to, actor, cause };
			return {
				...now,
				lifecycle: outcome.next,
				transitions: [...now.transitions, made],
				pendingStep: now.pendingStep?.to === to || isOver(to) ? null : now.pendingStep,
			};
		});
		if (made) this.#events.moved(interview, made);
		return outcome;
	}

	/** What happens now. */
	now(event: LifecycleEvent, actor: string, cause: Cause): Change {
		return { event, actor, cause, atUnixMs: this.#clock.unixMs() };
	}

	#tellFacts(interview: Interview): void {
		const facts = factsOf(interview);
		const text = JSON.stringify(facts);
		if (this.#factsTold.get(interview.interviewId) === text) return;
		this.#factsTold.set(interview.interviewId, text);
		this.#bus.publish(interviewChanges(interview.interviewId), Buffer.from(text));
	}
}
