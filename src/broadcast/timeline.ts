import type { Objects } from "#objects/index.ts";
import { type ProgrammeGap, type ProgrammeTimeline, programmeTimeline, timelineKey, writeJson } from "#wire/index.ts";
import { BroadcastError } from "./errors.ts";
import type { BroadcastEvents } from "./events.ts";
import { CODECS, initSegment } from "./fmp4.ts";
import { oggHead } from "./ogg.ts";
import { oggSerial } from "./packager.ts";

/** What the tracks need at most over any segment, boxes and headers included: what HLS calls BANDWIDTH. */
const PEAK_BITRATE_BPS = { opus48: 60_000, opus24: 34_000, aac64: 84_000 } as const;

/** A timeline at its epoch: nothing published yet. */
export function newTimeline(options: {
	readonly interviewId: string;
	readonly pathKey: string;
	readonly epochUnixMs: number;
}): ProgrammeTimeline {
	const { interviewId } = options;
	const opus = (track: "opus48" | "opus24") => ({
		codecs: CODECS.opus,
		bitrateBps: PEAK_BITRATE_BPS[track],
		init: initSegment("opus", PEAK_BITRATE_BPS[track]).toString("base64"),
		oggHead: oggHead(oggSerial(interviewId, track), []).toString("base64"),
	});
	return {
		version: 1,
		...options,
		tracks: {
			opus48: opus("opus48"),
			opus24: opus("opus24"),
			aac64: {
				codecs: CODECS.aac,
				bitrateBps: PEAK_BITRATE_BPS.aac64,
				init: initSegment("aac", PEAK_BITRATE_BPS.aac64).toString("base64"),
			},
		},
		cuts: [0],
		onAirPart: null,
		endPart: null,
		gaps: [],
		recording: null,
	};
}

/** @returns the timeline of an interview that has begun. @throws BroadcastError when its file is not one. */
export async function readTimeline(objects: Objects, interviewId: string): Promise<ProgrammeTimeline | undefined> {
	const key = timelineKey(interviewId);
	const bytes = await objects.read(key);
	if (!bytes) return undefined;
	try {
		return programmeTimeline.parse(JSON.parse(bytes.toString("utf8")));
	} catch (cause) {
		throw new BroadcastError(
			"timeline_unreadable",
			`Cannot go on with interview ${interviewId} as ${key} cannot be read. Its segments are beside it and unharmed; restore the file from a backup, or delete the interview`,
			{ cause },
		);
	}
}

/** Adds a gap, joining it to the last one where they touch and have one cause. */
export function withGap(gaps: readonly ProgrammeGap[], gap: ProgrammeGap): ProgrammeGap[] {
	const last = gaps.at(-1);
	if (last && last.toPart === gap.fromPart && last.cause === gap.cause) {
		return [...gaps.slice(0, -1), { ...last, toPart: gap.toPart }];
	}
	return [...gaps, gap].sort((a, b) => a.fromPart - b.fromPart);
}

/**
 * Owns the timeline. A change counts at once for whoever asks here; it is published once it is on disk, or once
 * the disk has refused it (then it is written with the next change or `retry`).
 */
export class TimelineKeeper {
	readonly #objects: Objects;
	readonly #events: BroadcastEvents;
	readonly #publish: (timeline: ProgrammeTimeline) => void;
	#current: ProgrammeTimeline;
	#written: ProgrammeTimeline | undefined;
	#writing: Promise<void> = Promise.resolve();

	constructor(options: {
		readonly objects: Objects;
		readonly events: BroadcastEvents;
		readonly publish: (timeline: ProgrammeTimeline) => void;
		readonly current: ProgrammeTimeline;
	}) {
		this.#objects = options.objects;
		this.#events = options.events;
		this.#publish = options.publish;
		this.#current = options.current;
	}

	get current(): ProgrammeTimeline {
		return this.#current;
	}

	/** Whether the disk holds what is true now. */
	get isWritten(): boolean {
		return this.#written === this.#current;
	}

	/** Settles once the change is published. */
	change(difference: Partial<Omit<ProgrammeTimeline, "version" | "interviewId">>): Promise<void> {
		this.#current = { ...this.#current, ...difference };
		return this.write();
	}

	/** Writes and publishes what is true now. */
	write(): Promise<void> {
		const wanted = this.#current;
		this.#writing = this.#writing.then(async () => {
			if (this.#written === wanted) return;
			try {
				await this.#objects.write(timelineKey(wanted.interviewId), writeJson(wanted));
				this.#written = wanted;
			} catch (error) {
				this.#events.timelineNotWritten(error);
			}
			this.#publish(wanted);
		});
		return this.#writing;
	}
}
