import { type Clock, everyMs, type MonoMs, unpackPieces } from "#base/index.ts";
import type { Bus } from "#bus/index.ts";
import type { Objects } from "#objects/index.ts";
import {
	ALL_MP3_BEATS,
	ALL_PARTS,
	ALL_TIMELINES,
	decodeMp3Beat,
	decodePart,
	MP3_HOLD_MS,
	MP3_RECORDING_WISHES,
	type Mp3RecordingAnswer,
	type Mp3Wish,
	mp3RecordingAnswer,
	mp3Wishes,
	type ProgrammeTimeline,
	type PublicState,
	programmeTail,
	programmeTimeline,
	readJson,
	recordingKey,
	timelineKey,
	writeJson,
} from "#wire/index.ts";
import type { EdgeEvents } from "./events.ts";
import { Programme } from "./programme.ts";
import { TAIL_PARTS_MAX } from "./tail.ts";

/** Live programmes followed at once: far above what one machine can produce. Sound of more is ignored. */
const PROGRAMMES_MAX = 256;
/** Timelines of ended programmes kept in memory, those asked for last. */
const TIMELINES_MAX = 500;
/** One turn of writing: some 500 to 1,000 sockets. Joins and requests wait at most this long. */
const BATCH_MS = 7;
const TICK_MS = 250;
const TAIL_TIMEOUT_MS = 1_000;
/** Broadcast loads an encoder and encodes 6 s: some 0.1 s of work, in turns beside everything else. */
const MP3_TIMEOUT_MS = 3_000;
/** An ended programme's newest minute stays in memory this long, as everybody asks for it then. */
const ENDED_KEEP_MS = 60_000;

export type Programmes = ReturnType<typeof createProgrammes>;

type Followed = {
	readonly programme: Programme;
	asking: Promise<void> | undefined;
	askingMp3: Promise<void> | undefined;
	/** Not before this: broadcast may be away. */
	askAgainMs: number;
	endedMs: MonoMs | undefined;
	missingBefore: boolean;
	/** Looks of those who wait for the first sound: each holds a connection, which the door bounds. */
	readonly waiting: Set<() => void>;
};

/** Follows the live programmes over the bus, drives their writing, and reads ended ones from objects. */
export function createProgrammes(options: {
	readonly clock: Clock;
	readonly bus: Bus;
	readonly objects: Objects;
	readonly events: EdgeEvents;
	/** Runs `turn` after the events that are waiting now. */
	readonly later: (turn: () => void) => void;
}) {
	const { clock, bus, objects, events, later } = options;
	const followed = new Map<string, Followed>();
	/** Sizes of `recording.mp3`, those asked for last: at most TIMELINES_MAX. */
	const mp3Bytes = new Map<string, number>();
	const archive = new Map<string, Promise<ProgrammeTimeline | undefined>>();
	let writing = false;
	let disposed = false;

	const follow = (interviewId: string): Followed | undefined => {
		let entry = followed.get(interviewId);
		if (entry) return entry;
		if (followed.size >= PROGRAMMES_MAX) {
			events.programmesFull(interviewId);
			return undefined;
		}
		entry = {
			programme: new Programme(interviewId),
			asking: undefined,
			askingMp3: undefined,
			askAgainMs: 0,
			endedMs: undefined,
			missingBefore: false,
			waiting: new Set(),
		};
		followed.set(interviewId, entry);
		return entry;
	};

	const write = () => {
		writing = false;
		if (disposed) return;
		const deadlineMs = clock.monoMs() + BATCH_MS;
		let left = false;
		for (const { programme } of followed.values()) {
			if (!programme.pending) continue;
			programme.step(() => clock.monoMs() >= deadlineMs);
			left ||= programme.pending;
		}
		if (left) settle();
	};
	const settle = () => {
		if (writing) return;
		writing = true;
		later(write);
	};

	/** After anything happened to a programme: asks for what is missing, writes what is due. */
	const attend = (entry: Followed) => {
		const { programme } = entry;
		if (programme.missing) {
			if (!entry.missingBefore && programme.timeline) events.holeFound(programme.interviewId, programme.tail.nextPart);
			ask(entry);
		}
		entry.missingBefore = programme.missing;
		const wish = programme.ended ? undefined : programme.mp3.wishDue(clock.monoMs());
		if (wish) void askMp3(entry, wish);
		if (programme.ended && entry.endedMs === undefined) {
			entry.endedMs = clock.monoMs();
			archive.delete(programme.interviewId);
			events.programmeEnded(programme.interviewId);
		}
		for (const look of entry.waiting) look();
		if (programme.pending && !writing) {
			// The first batch goes out at once: sound does not wait for the next turn.
			writing = true;
			write();
		}
	};

	const ask = (entry: Followed) => {
		if (entry.asking || clock.monoMs() < entry.askAgainMs) return;
		const { programme } = entry;
		entry.askAgainMs = clock.monoMs() + TICK_MS;
		entry.asking = bus
			.request(programmeTail(programme.interviewId), writeJson({ partsMax: TAIL_PARTS_MAX }), {
				timeoutMs: TAIL_TIMEOUT_MS,
			})
			.then((answer) => {
				const { json, pieces } = unpackPieces(answer);
				programme.takeTail(programmeTimeline.parse(json), pieces.map(decodePart), clock.monoMs());
			})
			// Broadcast is away or restarting: the next tick asks again.
			.catch(() => {})
			.then(() => {
				entry.asking = undefined;
				if (!disposed) attend(entry);
			});
	};

	/** Sends a wish for MP3; settles when it is answered, or will not be. */
	const askMp3 = (entry: Followed, wish: Mp3Wish): Promise<void> => {
		const { programme } = entry;
		entry.askingMp3 ??= bus
			.request(mp3Wishes(programme.interviewId), writeJson(wish), { timeoutMs: MP3_TIMEOUT_MS })
			.then((answer) => {
				programme.takeMp3Answer(unpackPieces(answer).pieces.map(decodeMp3Beat), clock.monoMs());
			})
			// Broadcast is away or restarting: the next wish asks again.
			.catch(() => {})
			.then(() => {
				entry.askingMp3 = undefined;
				if (!disposed) attend(entry);
			});
		return entry.askingMp3;
	};

	/** Resolves when `isSo`, at the end of the programme, or after `withinMs`. */
	const whenever = async ({ programme, waiting }: Followed, isSo: () => boolean, withinMs: number): Promise<void> => {
		if (isSo() || programme.ended) return;
		const { promise, resolve } = Promise.withResolvers<void>();
		const look = () => (isSo() || programme.ended) && resolve();
		waiting.add(look);
		using _ = clock.wakeAt((clock.monoMs() + withinMs) as MonoMs, resolve);
		await promise;
		waiting.delete(look);
	};

	const tick = () => {
		const nowMs = clock.monoMs();
		for (const [interviewId, entry] of followed) {
			const { programme } = entry;
			const hole = programme.timeline !== undefined && programme.missing;
			programme.tick(nowMs);
			if (hole && !programme.missing && !programme.ended) {
				events.holeSkipped(interviewId, programme.tail.nextPart);
			}
			attend(entry);
			if (entry.endedMs !== undefined && nowMs - entry.endedMs >= ENDED_KEEP_MS && !programme.pending) {
				followed.delete(interviewId);
			}
		}
	};

	const findMp3 = async (interviewId: string, mayMake: boolean): Promise<Mp3RecordingAnswer> => {
		const answer = await askForMp3(interviewId, mayMake);
		if (answer.state === "made") {
			mp3Bytes.set(interviewId, answer.bytes);
			for (const oldest of mp3Bytes.keys()) {
				if (mp3Bytes.size <= TIMELINES_MAX) break;
				mp3Bytes.delete(oldest);
			}
		}
		return answer;
	};
	const askForMp3 = async (interviewId: string, mayMake: boolean): Promise<Mp3RecordingAnswer> => {
		const key = recordingKey(interviewId, "mp3");
		try {
			const bytes = await objects.sizeBytes(key);
			if (bytes !== undefined) return { state: "made", bytes };
			if (!mayMake) return { state: "making", leftMs: MP3_HOLD_MS };
		} catch (error) {
			events.objectFailed(key, error);
			return { state: "refused" };
		}
		try {
			const timeoutMs = MP3_HOLD_MS + TAIL_TIMEOUT_MS;
			const answer = await bus.request(MP3_RECORDING_WISHES, writeJson({ interviewId }), { timeoutMs });
			return readJson(mp3RecordingAnswer, answer);
		} catch {
			// House is away or restarting.
			return { state: "making", leftMs: MP3_HOLD_MS };
		}
	};

	const scope = new DisposableStack();
	scope.use(
		bus.subscribe(ALL_PARTS, (payload) => {
			const part = decodePart(payload);
			const entry = follow(part.interviewId);
			if (!entry) return;
			entry.programme.takePart(part, clock.monoMs());
			attend(entry);
		}),
	);
	scope.use(
		bus.subscribe(ALL_MP3_BEATS, (payload) => {
			const beat = decodeMp3Beat(payload);
			const entry = followed.get(beat.interviewId);
			if (!entry) return;
			entry.programme.takeMp3(beat, clock.monoMs());
			attend(entry);
		}),
	);
	scope.use(
		bus.subscribe(ALL_TIMELINES, (payload) => {
			const timeline = readJson(programmeTimeline, payload);
			archive.delete(timeline.interviewId);
			const entry =
				followed.get(timeline.interviewId) ?? (timeline.endPart === null ? follow(timeline.interviewId) : undefined);
			if (!entry) return;
			entry.programme.takeTimeline(timeline, clock.monoMs());
			attend(entry);
		}),
	);
	scope.use(everyMs(clock, TICK_MS, tick));
	scope.defer(() => {
		disposed = true;
	});

	return {
		/** The live programme, or one that ended within the last minute. */
		live(interviewId: string): Programme | undefined {
			return followed.get(interviewId)?.programme;
		},

		/** Resolves when MP3 of a programme can be joined, which it asks for, or after `withinMs`. */
		async mp3(interviewId: string, withinMs: number): Promise<void> {
			const entry = follow(interviewId);
			if (!entry) return;
			const { mp3 } = entry.programme;
			await whenever(entry, () => entry.programme.sounding, withinMs);
			if (!entry.programme.ended) await askMp3(entry, mp3.wish(clock.monoMs()));
			// Of a programme that has just begun there is no whole beat yet.
			await whenever(entry, () => mp3.isFlowing(clock.monoMs()), withinMs);
		},

		/** Begins to follow an interview whose doors are open; resolves once its newest minute is here or broadcast did not answer. */
		async follow(interviewId: string): Promise<void> {
			const entry = follow(interviewId);
			if (!entry) return;
			attend(entry);
			await entry.asking;
		},

		/**
		 * Resolves when a programme that is being started has its first sound, has ended, or after `withinMs`; at once
		 * when too many are followed.
		 */
		async sounding(interviewId: string, withinMs: number): Promise<void> {
			const entry = follow(interviewId);
			if (entry) await whenever(entry, () => entry.programme.sounding, withinMs);
		},

		/** Asks broadcast for everything that may have been missed while the bus was away. */
		refresh(): void {
			for (const entry of followed.values()) {
				entry.askAgainMs = 0;
				if (!entry.programme.ended) ask(entry);
			}
		},

		takeState(interviewId: string, state: PublicState, json: Uint8Array): void {
			const entry = followed.get(interviewId);
			if (!entry) return;
			entry.programme.takeState(state, json, clock.monoMs());
			attend(entry);
		},

		/** The programme has no more to say, whether or not its timeline ends. */
		close(interviewId: string): void {
			followed.get(interviewId)?.programme.close(clock.monoMs());
		},

		/** Resolves when nothing that was missing is still being asked for. */
		async settled(): Promise<void> {
			await Promise.all([...followed.values()].map(({ asking }) => asking));
		},

		/** The timeline of a live or ended programme; undefined when there was none. */
		timeline(interviewId: string): ProgrammeTimeline | Promise<ProgrammeTimeline | undefined> | undefined {
			const live = followed.get(interviewId)?.programme.timeline;
			if (live) return live;
			let read = archive.get(interviewId);
			if (read) {
				archive.delete(interviewId);
			} else {
				read = readTimeline(objects, interviewId, events);
				// What is not there yet may come: only what was found is kept.
				void read.then((timeline) => timeline ?? (archive.get(interviewId) === read && archive.delete(interviewId)));
			}
			archive.set(interviewId, read);
			for (const oldest of archive.keys()) {
				if (archive.size <= TIMELINES_MAX) break;
				archive.delete(oldest);
			}
			return read;
		},

		/** Bytes of an ended interview's `recording.mp3`, which is made if `mayMake`; or what house says of it. */
		mp3Recording(interviewId: string, mayMake: boolean): number | Promise<Mp3RecordingAnswer> {
			const known = mp3Bytes.get(interviewId);
			if (known === undefined) return findMp3(interviewId, mayMake);
			mp3Bytes.delete(interviewId);
			mp3Bytes.set(interviewId, known);
			return known;
		},

		forget(interviewId: string): void {
			mp3Bytes.delete(interviewId);
			archive.delete(interviewId);
		},

		[Symbol.dispose]: () => scope.dispose(),
	};
}

async function readTimeline(
	objects: Objects,
	interviewId: string,
	events: EdgeEvents,
): Promise<ProgrammeTimeline | undefined> {
	const key = timelineKey(interviewId);
	try {
		const bytes = await objects.read(key);
		return bytes && readJson(programmeTimeline, bytes);
	} catch (error) {
		events.objectFailed(key, error);
		return undefined;
	}
}
