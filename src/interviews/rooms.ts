import type { Clock, MonoMs } from "#base/index.ts";
import { DONE, type Done, type Refusal, refusal } from "./errors.ts";
import type { InterviewEvents } from "./events.ts";
import type { Processes } from "./processes.ts";

/** The processes of one interview, as far as control asked for them. */
export type Room = {
	readonly interviewId: string;
	stageOpen: boolean;
	broadcastOpen: boolean;
	/** Why the supervisor opens none, while it is so. */
	openRefused: Refusal | undefined;
	/** What the clock asks for is not tried before. */
	againMs: number;
	/** When somebody was in the studio last, or it opened. */
	emptySinceMs: MonoMs;
	overSinceMs: MonoMs | undefined;
	/** When the programme was heard of last, or began to be waited for. */
	programmeSinceMs: MonoMs;
	/** What broadcast was told last, as JSON. Undefined when it may have forgotten. */
	told: string | undefined;
	/** One thing at a time happens to an interview: the end of what was begun last. */
	queue: Promise<unknown>;
	waiting: number;
};

export type RoomsOptions = {
	readonly clock: Clock;
	readonly processes: Processes;
	readonly liveInterviewsMax: number;
	readonly events: InterviewEvents;
	/** Whether nothing will happen to it any more: ended, cancelled, deleted. */
	readonly isOver: (interviewId: string) => boolean;
	/** Everything that ran for it is being let go. */
	readonly onClose: (interviewId: string) => void;
};

/** What runs for which interview: opens processes within `liveInterviewsMax`, lets them go, and does one thing at a time to each. */
export class Rooms {
	readonly #options: RoomsOptions;
	/** Of interviews that are kept: those that are over leave with their processes. */
	readonly #rooms = new Map<string, Room>();

	constructor(options: RoomsOptions) {
		this.#options = options;
	}

	/** Interviews whose processes run. */
	openIds(): string[] {
		return [...this.#rooms.values()].filter((room) => room.stageOpen || room.broadcastOpen).map((r) => r.interviewId);
	}

	/** Why its processes cannot be opened, while it is so. */
	openRefusal(interviewId: string): Refusal | undefined {
		return this.#rooms.get(interviewId)?.openRefused;
	}

	find(interviewId: string): Room | undefined {
		return this.#rooms.get(interviewId);
	}

	/** Its room, made when there is none. */
	of(interviewId: string): Room {
		const known = this.#rooms.get(interviewId);
		if (known) return known;
		const nowMs = this.#options.clock.monoMs();
		const room: Room = {
			interviewId,
			stageOpen: false,
			broadcastOpen: false,
			openRefused: undefined,
			againMs: 0,
			emptySinceMs: nowMs,
			overSinceMs: undefined,
			programmeSinceMs: nowMs,
			told: undefined,
			queue: Promise.resolve(),
			waiting: 0,
		};
		this.#rooms.set(interviewId, room);
		return room;
	}

	/** Runs `work` after everything that was begun for this interview before. */
	async alone<T>(interviewId: string, work: (room: Room) => Promise<T>): Promise<T> {
		const room = this.of(interviewId);
		room.waiting += 1;
		const done = room.queue.then(() => work(room));
		room.queue = done.catch(() => {});
		try {
			return await done;
		} finally {
			room.waiting -= 1;
		}
	}

	async openBoth(room: Room): Promise<Refusal | Done> {
		const stage = room.stageOpen ? DONE : await this.open(room, "stage");
		return !stage.ok || room.broadcastOpen ? stage : this.open(room, "broadcast");
	}

	async open(room: Room, which: "stage" | "broadcast"): Promise<Refusal | Done> {
		const { clock, events, processes, liveInterviewsMax } = this.#options;
		const { interviewId } = room;
		const isFull = () => this.openIds().filter((id) => id !== interviewId).length >= liveInterviewsMax;
		if (isFull()) await this.#closeOldestOver();
		const answer = isFull()
			? { ok: false as const, detail: liveMaxSentence(liveInterviewsMax) }
			: await processes.supervisor({ kind: `open_${which}`, interviewId });
		if (answer?.ok) {
			if (which === "stage") room.stageOpen = true;
			else room.broadcastOpen = true;
			room.openRefused = undefined;
			room.emptySinceMs = room.programmeSinceMs = clock.monoMs();
			return DONE;
		}
		const refused = answer
			? refusal("live_max", answer.detail, { retryAfterS: 3 })
			: refusal("stage_unreachable", "The platform is being started. Try again in a moment.", { retryAfterS: 2 });
		if (room.openRefused?.code !== refused.code) events.cannotOpen(interviewId, which, refused.detail);
		room.openRefused = refused;
		return refused;
	}

	/** Everything that runs for this interview is let go. */
	async close(interviewId: string): Promise<void> {
		const { processes, isOver, onClose } = this.#options;
		const room = this.#rooms.get(interviewId);
		if (room) {
			room.stageOpen = room.broadcastOpen = false;
			if (isOver(interviewId)) this.#rooms.delete(interviewId);
		}
		onClose(interviewId);
		await processes.supervisor({ kind: "close", interviewId });
	}

	/** Makes room: of those that are over and linger, the one that has lingered longest leaves. */
	async #closeOldestOver(): Promise<void> {
		const over = [...this.#rooms.values()].filter((room) => room.overSinceMs !== undefined);
		over.sort((a, b) => (a.overSinceMs as MonoMs) - (b.overSinceMs as MonoMs));
		if (over[0]) await this.close(over[0].interviewId);
	}
}

function liveMaxSentence(liveInterviewsMax: number): string {
	return (
		`This machine carries ${liveInterviewsMax} interviews at once, and so many are open. ` +
		"End one of them, or raise the limit (--live-interviews-max)."
	);
}
