import type { Clock, MonoMs } from "#base/index.ts";
import type { Appendable, Objects } from "#objects/index.ts";
import {
	type Part,
	type ProgrammeGap,
	type ProgrammeTimeline,
	type SegmentSpan,
	segmentKey,
	segmentOf,
	TRACK_NAMES,
	type TrackName,
} from "#wire/index.ts";
import { DISK_RETRY_MS, PERSIST_WAIT_MS_MAX, TAIL_PARTS_MAX } from "./config.ts";
import type { BroadcastEvents } from "./events.ts";
import { type FragmentRead, fragment, readFragments } from "./fmp4.ts";
import { beatOf, type Cuts, Packager, type PartPackets, SILENT_PART } from "./packager.ts";

type OpenSegment = {
	readonly sequence: number;
	/** Bytes of whole parts in each track's file. */
	readonly files: Record<TrackName, { readonly file: Appendable; bytes: number }>;
};

/**
 * What was published: the newest minute in memory, all of it on disk.
 *
 * Parts are appended to their segment's files in order, all tracks together, and a segment is fsync'ed when it is
 * complete. While the disk refuses, parts wait in the tail; those that fall out of it are written as silence once
 * there is room again, and declared through `onGap`. So a segment's file is always a run of whole parts, and the
 * tracks never differ by more than the parts being written.
 */
export class Past implements AsyncDisposable {
	readonly #interviewId: string;
	readonly #objects: Objects;
	readonly #clock: Clock;
	readonly #events: BroadcastEvents;
	readonly #timeline: () => ProgrammeTimeline;
	readonly #onGap: (gap: ProgrammeGap) => void;
	readonly #onSegment: (toPart: number) => void;
	/** The newest parts, at most TAIL_PARTS_MAX, without a hole; the last is #nextPart − 1. */
	readonly #tail: Part[] = [];
	#nextPart: number;
	/** Parts before this one are in their files. */
	#writtenPart: number;
	#open: OpenSegment | undefined;
	readonly #syncing = new Set<Promise<void>>();
	readonly #waiting: { readonly part: number; readonly done: () => void }[] = [];
	readonly #attempted: (() => void)[] = [];
	#wake: () => void = () => {};
	#disk: "ok" | "full" = "ok";
	#closed = false;
	readonly #running: Promise<void>;

	/** @param options.nextPart the first part not yet in the files, as `recoverPast` found it. */
	constructor(options: {
		readonly interviewId: string;
		readonly objects: Objects;
		readonly clock: Clock;
		readonly events: BroadcastEvents;
		readonly timeline: () => ProgrammeTimeline;
		readonly onGap: (gap: ProgrammeGap) => void;
		/** Called when all segments up to a part (exclusive) are complete in their files. */
		readonly onSegment: (toPart: number) => void;
		readonly nextPart: number;
	}) {
		this.#interviewId = options.interviewId;
		this.#objects = options.objects;
		this.#clock = options.clock;
		this.#events = options.events;
		this.#timeline = options.timeline;
		this.#onGap = options.onGap;
		this.#onSegment = options.onSegment;
		this.#nextPart = options.nextPart;
		this.#writtenPart = options.nextPart;
		this.#running = this.#run();
	}

	get disk(): "ok" | "full" {
		return this.#disk;
	}

	/** The newest parts, at most `partsMax`, oldest first. */
	tail(partsMax: number): Part[] {
		return partsMax <= 0 ? [] : this.#tail.slice(-partsMax);
	}

	/** Puts parts that are in the files already in front of the tail, as far as there is room. They must end where it begins. */
	remember(parts: readonly Part[]): void {
		const first = this.#tail[0]?.partIndex ?? this.#nextPart;
		const fitting = parts.filter((part) => part.partIndex < first).slice(-(TAIL_PARTS_MAX - this.#tail.length));
		if (fitting.at(-1)?.partIndex === first - 1) this.#tail.unshift(...fitting);
	}

	/** Takes the next part; parts left out since the last one must be declared as gaps and are written as silence. */
	add(part: Part): void {
		if (part.partIndex !== this.#nextPart) this.#tail.length = 0;
		this.#tail.push(part);
		if (this.#tail.length > TAIL_PARTS_MAX) this.#tail.shift();
		this.#nextPart = part.partIndex + 1;
		this.#wake();
	}

	/** Settles once `part` is in its files, or at once or after PERSIST_WAIT_MS_MAX when the disk does not do its work. */
	written(part: number): Promise<void> {
		if (part < this.#writtenPart || this.#disk === "full" || this.#closed) return Promise.resolve();
		return new Promise((resolve) => {
			const timer = this.#clock.wakeAt((this.#clock.monoMs() + PERSIST_WAIT_MS_MAX) as MonoMs, resolve);
			this.#waiting.push({
				part,
				done: () => {
					timer[Symbol.dispose]();
					resolve();
				},
			});
		});
	}

	/**
	 * Settles once every part is in its files and survives a power cut.
	 *
	 * @throws Error, a sentence with a next step, when the disk is full at the next attempt.
	 */
	async settled(): Promise<void> {
		while (this.#writtenPart < this.#nextPart && !this.#closed) {
			await this.#nextAttempt();
			if (this.#disk === "full") {
				throw new Error(
					"Cannot write the last of the sound as the disk is full: make room there, it is tried again by itself",
				);
			}
		}
		await this.#syncOpen();
		await Promise.all(this.#syncing);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#closed = true;
		this.#wake();
		this.#notify();
		await this.#running;
		await this.#syncOpen();
		await Promise.all(this.#syncing);
	}

	#nextAttempt(): Promise<void> {
		return new Promise((resolve) => this.#attempted.push(resolve));
	}

	#notify(): void {
		for (const done of this.#attempted.splice(0)) done();
		for (const entry of this.#waiting.splice(0)) {
			if (entry.part < this.#writtenPart || this.#closed || this.#disk === "full") entry.done();
			else this.#waiting.push(entry);
		}
	}

	async #run(): Promise<void> {
		while (!this.#closed) {
			if (this.#writtenPart >= this.#nextPart) {
				await new Promise<void>((resolve) => {
					this.#wake = resolve;
				});
				continue;
			}
			const span = segmentOf(this.#timeline(), this.#writtenPart);
			const end = span.firstPart + span.partCount;
			try {
				const toPart = Math.min(this.#nextPart, end);
				await this.#write(span, this.#writtenPart, toPart);
				this.#writtenPart = toPart;
				if (toPart === end) {
					this.#complete();
					this.#onSegment(end);
				}
				if (this.#disk === "full") {
					this.#disk = "ok";
					this.#events.diskOk(this.#writtenPart);
				}
				this.#notify();
			} catch (error) {
				if (this.#disk === "ok") this.#events.diskFull(this.#writtenPart, error);
				this.#disk = "full";
				this.#notify();
				await this.#retryLater();
			}
		}
	}

	async #retryLater(): Promise<void> {
		await new Promise<void>((resolve) => {
			const timer = this.#clock.wakeAt((this.#clock.monoMs() + DISK_RETRY_MS) as MonoMs, resolve);
			this.#wake = () => {
				if (!this.#closed) return;
				timer[Symbol.dispose]();
				resolve();
			};
		});
	}

	/** Appends parts of one segment to all tracks, or leaves every file as it was. */
	async #write(span: SegmentSpan, fromPart: number, toPart: number): Promise<void> {
		if (this.#open?.sequence !== span.sequence) {
			const left = this.#open;
			this.#open = undefined;
			if (left) this.#sync(left);
			this.#open = await this.#openSegment(span.sequence);
		}
		const { files } = this.#open;
		const tailFrom = this.#tail[0]?.partIndex ?? this.#nextPart;
		const lostTo = Math.min(toPart, Math.max(fromPart, tailFrom));
		const kept = lostTo < toPart ? this.#tail.slice(lostTo - tailFrom, toPart - tailFrom) : [];
		const bytes = (track: TrackName) => {
			const lost = Array.from({ length: lostTo - fromPart }, (_, nth) => fragment(fromPart + nth, SILENT_PART[track]));
			return Buffer.concat([...lost, ...kept.map((part) => part[track])]);
		};
		const batch = { opus48: bytes("opus48"), opus24: bytes("opus24"), aac64: bytes("aac64") };
		try {
			const done = await Promise.allSettled(TRACK_NAMES.map((track) => files[track].file.append(batch[track])));
			const failed = done.find((result) => result.status === "rejected");
			if (failed) throw failed.reason;
		} catch (error) {
			await Promise.allSettled(TRACK_NAMES.map((track) => files[track].file.truncate(files[track].bytes)));
			throw error;
		}
		for (const track of TRACK_NAMES) files[track].bytes += batch[track].length;
		this.#declareLost(fromPart, lostTo);
	}

	#declareLost(fromPart: number, toPart: number): void {
		const declared = (part: number) => this.#timeline().gaps.some((gap) => gap.fromPart <= part && part < gap.toPart);
		let from = fromPart;
		while (from < toPart && declared(from)) from += 1;
		if (from < toPart) this.#onGap({ fromPart: from, toPart, cause: "disk_full" });
	}

	async #openSegment(sequence: number): Promise<OpenSegment> {
		const opened: Appendable[] = [];
		try {
			const open = async (track: TrackName) => {
				const key = segmentKey(this.#interviewId, track, sequence);
				const file = await this.#objects.append(key);
				opened.push(file);
				return { file, bytes: (await this.#objects.sizeBytes(key)) ?? 0 };
			};
			return {
				sequence,
				files: { opus48: await open("opus48"), opus24: await open("opus24"), aac64: await open("aac64") },
			};
		} catch (error) {
			await Promise.allSettled(opened.map((file) => file.close()));
			throw error;
		}
	}

	#complete(): void {
		const open = this.#open;
		this.#open = undefined;
		if (open) this.#sync(open);
	}

	/** fsync and close beside the next segment's parts, which must not wait for it. */
	#sync(segment: OpenSegment): void {
		const done = Promise.all(
			TRACK_NAMES.map(async (track) => {
				const { file } = segment.files[track];
				try {
					await file.sync();
				} finally {
					await file.close();
				}
			}),
		).then(
			() => {},
			(error) => this.#events.segmentNotSynced(segment.sequence, error),
		);
		this.#syncing.add(done);
		void done.then(() => this.#syncing.delete(done));
	}

	async #syncOpen(): Promise<void> {
		const open = this.#open;
		if (!open) return;
		await Promise.allSettled(TRACK_NAMES.map((track) => open.files[track].file.sync()));
		if (this.#closed) {
			this.#open = undefined;
			await Promise.allSettled(TRACK_NAMES.map((track) => open.files[track].file.close()));
		}
	}
}

export type Recovered = {
	/** The first part that is in no track's file. */
	readonly nextPart: number;
	/** Parts that some tracks lacked, and have as silence now. */
	readonly patched: { readonly fromPart: number; readonly toPart: number } | undefined;
};

/**
 * Finds the end of what a predecessor wrote, and makes the files whole runs of the same parts: a part cut short is
 * dropped, a part that some track has is filled with silence in the others, as it may have been heard.
 *
 * @param nowPart about where the programme is by the clock; only a hint where to look.
 */
export async function recoverPast(objects: Objects, timeline: ProgrammeTimeline, nowPart: number): Promise<Recovered> {
	const { interviewId } = timeline;
	const hint = segmentOf(timeline, Math.max(0, nowPart)).sequence;
	const nextParts = await Promise.all(
		TRACK_NAMES.map(async (track) => {
			const exists = async (sequence: number) =>
				(await objects.sizeBytes(segmentKey(interviewId, track, sequence))) !== undefined;
			for (let sequence = await lastOf(exists, hint); sequence >= 0; sequence -= 1) {
				const key = segmentKey(interviewId, track, sequence);
				const bytes = (await objects.read(key)) ?? Buffer.alloc(0);
				const { fragments, wholeBytes } = readFragments(bytes);
				if (wholeBytes < bytes.length) await truncate(objects, key, wholeBytes);
				const last = fragments.at(-1);
				if (last) return last.partIndex + 1;
			}
			return 0;
		}),
	);
	const nextPart = Math.max(...nextParts);
	const fromPart = Math.min(...nextParts);
	for (const [nth, track] of TRACK_NAMES.entries()) {
		for (let part = nextParts[nth] as number; part < nextPart; part += 1) {
			const file = await objects.append(segmentKey(interviewId, track, segmentOf(timeline, part).sequence));
			await file.append(fragment(part, SILENT_PART[track]));
			await file.close();
		}
	}
	return { nextPart, patched: fromPart < nextPart ? { fromPart, toPart: nextPart } : undefined };
}

async function truncate(objects: Objects, key: string, bytes: number): Promise<void> {
	const file = await objects.append(key);
	await file.truncate(bytes);
	await file.close();
}

/** The largest number that exists, given that all smaller ones do; −1 when none. Looks around `hint` first. */
async function lastOf(exists: (nth: number) => Promise<boolean>, hint: number): Promise<number> {
	let low = hint;
	for (let step = 1; low >= 0 && !(await exists(low)); step *= 2) low -= step;
	low = Math.max(-1, low);
	let high = Math.max(low, hint) + 1;
	for (let step = 1; await exists(high); step *= 2) {
		low = high;
		high += step;
	}
	while (high - low > 1) {
		const middle = (low + high) >> 1;
		if (await exists(middle)) low = middle;
		else high = middle;
	}
	return low;
}

/**
 * Makes parts again from their segments, as they were published; what they were (sound or hold) is told by the
 * timeline alone.
 *
 * @param fromPart must begin a beat. @param toPart exclusive. @throws RangeError when a part is not in its files.
 */
export async function readParts(
	objects: Objects,
	timeline: ProgrammeTimeline,
	fromPart: number,
	toPart: number,
): Promise<Part[]> {
	const packager = new Packager({
		interviewId: timeline.interviewId,
		nextPart: fromPart,
		beat: { opus48: [], opus24: [] },
	});
	const parts: Part[] = [];
	for (let part = fromPart; part < toPart; ) {
		const segment = await readSegment(objects, timeline, segmentOf(timeline, part).sequence);
		const end = segmentEnd(timeline, part);
		for (; part < Math.min(end, toPart); part += 1) {
			const packets = segment(part);
			if (!packets) throw new RangeError(`Cannot read part ${part} as it is not in its segment`);
			parts.push(packager.again(timeline, packets, kindOf(timeline, part)));
		}
	}
	return parts;
}

/** Opus packets of the parts between the beginning of `nextPart`'s beat and itself, to go on with that beat's Ogg page. */
export async function readBeat(
	objects: Objects,
	timeline: ProgrammeTimeline,
	nextPart: number,
): Promise<{ opus48: Buffer[]; opus24: Buffer[] }> {
	const { firstPart } = beatOf(timeline, nextPart);
	const beat: { opus48: Buffer[]; opus24: Buffer[] } = { opus48: [], opus24: [] };
	if (firstPart === nextPart) return beat;
	const segment = await readSegment(objects, timeline, segmentOf(timeline, firstPart).sequence);
	for (let part = firstPart; part < nextPart; part += 1) {
		const packets = segment(part);
		beat.opus48.push(...((packets?.opus48 ?? []) as Buffer[]));
		beat.opus24.push(...((packets?.opus24 ?? []) as Buffer[]));
	}
	return beat;
}

async function readSegment(objects: Objects, timeline: ProgrammeTimeline, sequence: number) {
	const read = async (track: TrackName): Promise<Map<number, FragmentRead>> => {
		const bytes = await objects.read(segmentKey(timeline.interviewId, track, sequence));
		const { fragments } = readFragments(bytes ?? Buffer.alloc(0));
		return new Map(fragments.map((found) => [found.partIndex, found]));
	};
	const [opus48, opus24, aac64] = await Promise.all(TRACK_NAMES.map(read));
	return (part: number): PartPackets | undefined => {
		const packets = { opus48: opus48?.get(part), opus24: opus24?.get(part), aac64: aac64?.get(part) };
		if (!packets.opus48 || !packets.opus24 || !packets.aac64) return undefined;
		return { opus48: packets.opus48.packets, opus24: packets.opus24.packets, aac64: packets.aac64.packets };
	};
}

function segmentEnd(timeline: Cuts, part: number): number {
	const span = segmentOf(timeline, part);
	return span.firstPart + span.partCount;
}

function kindOf(timeline: ProgrammeTimeline, part: number): Part["kind"] {
	if (timeline.gaps.some((gap) => gap.fromPart <= part && part < gap.toPart)) return "fill";
	return timeline.onAirPart !== null && part >= timeline.onAirPart ? "sound" : "hold";
}
