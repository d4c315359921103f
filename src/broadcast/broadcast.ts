import { randomToken } from "#base/index.ts";
import { type Bus, BusError } from "#bus/index.ts";
import {
	broadcastCommands,
	decodePcmFrame,
	encodePart,
	FRAMES_PER_PART,
	mp3Wishes,
	PART_MS,
	PCM_FRAME_BYTES,
	type ProgrammeTimeline,
	parts as partsSubject,
	pcmFrames,
	pcmRecent,
	programmeTail,
	tickAt,
	timelines,
	writeJson,
} from "#wire/index.ts";
import { FRAMES_AHEAD_MAX, PARTS_MAX } from "./config.ts";
import { openEncoders } from "./encoders.ts";
import { EndedBroadcast } from "./ended.ts";
import { createBroadcastEvents } from "./events.ts";
import type { BroadcastOutside } from "./outside.ts";
import { beatOf } from "./packager.ts";
import { readBeat, readParts, recoverPast } from "./past.ts";
import { resumeClock, slotDueAt } from "./programme.ts";
import { type ResumeRecord, readResume, writeResume } from "./resume.ts";
import { RunningBroadcast, type SlotFrame } from "./running.ts";
import { newTimeline, readTimeline, TimelineKeeper, withGap } from "./timeline.ts";

/** The stage answers from memory within a few milliseconds; a stage that does not is being restarted itself. */
const RECENT_WITHIN_MS = 400;
/**
 * One interview's programme, from the stage's frames to published parts, until it is disposed.
 *
 * Begins at the epoch, goes on where a predecessor was, or, after *End*, only answers what it is asked.
 *
 * @throws BroadcastError when it cannot begin. Later failures that it cannot go on with are thrown at the top of
 * the event loop, so that the process ends and is started again.
 */
export async function openBroadcast(interviewId: string, outside: BroadcastOutside): Promise<AsyncDisposable> {
	const { clock, bus, objects, log } = outside;
	const events = createBroadcastEvents(log);
	const [found, kept] = await Promise.all([readTimeline(objects, interviewId), readResume(objects, interviewId)]);
	if (found && found.endPart !== null) return new EndedBroadcast(found, kept, outside, events);
	const startedMs = clock.monoMs();
	// The codecs load while the past is read and the stage asked.
	const loading = openEncoders();
	loading.catch(() => {});
	const start = found ? await resumeStart(found, kept, outside) : firstStart(interviewId, kept, outside);
	if (start.timeline.endPart !== null) {
		(await loading)[Symbol.dispose]();
		return new EndedBroadcast(start.timeline, kept, outside, events);
	}
	await using opened = new AsyncDisposableStack();
	const running = Promise.withResolvers<RunningBroadcast>();
	opened.use(bus.respond(broadcastCommands(interviewId), async (payload) => (await running.promise).command(payload)));
	opened.use(bus.respond(programmeTail(interviewId), async (payload) => (await running.promise).tail(payload)));
	opened.use(bus.respond(mp3Wishes(interviewId), async (payload) => (await running.promise).mp3(payload)));
	const early: SlotFrame[] = [];
	let take = (frame: SlotFrame) => {
		if (early.length < FRAMES_AHEAD_MAX) early.push(frame);
	};
	const { timeline, resume, nextPart } = start;
	opened.use(bus.subscribe(pcmFrames(interviewId), (payload) => take(readFrame(payload, resume))));
	const keeper = new TimelineKeeper({
		objects,
		events,
		publish: (current) => bus.publish(timelines(interviewId), writeJson(current)),
		current: timeline,
	});
	const written = Promise.all([
		keeper.write(),
		writeResume(objects, interviewId, resume).catch(events.resumeNotWritten),
	]);
	const [encoders, recent, beat] = await Promise.all([
		loading,
		askRecent(bus, interviewId, resume),
		readBeat(objects, timeline, nextPart),
		// The epoch is on disk before the first sample is made.
		found ? undefined : written,
		found ? publishAgain(timeline, nextPart, outside) : undefined,
	]);
	opened.use(encoders);
	const broadcast = opened.use(
		new RunningBroadcast(
			{ keeper, resume, encoders, nextPart, beat, recent: [...recent, ...early], startedMs },
			outside,
			events,
		),
	);
	take = (frame) => broadcast.push(frame);
	opened.use(bus.onConnect(() => bus.publish(timelines(interviewId), writeJson(keeper.current))));
	events.opened({ interviewId, nextPart, resumed: found !== undefined });
	running.resolve(broadcast);
	const all = opened.move();
	return { [Symbol.asyncDispose]: () => all.disposeAsync() };
}

function readFrame(bytes: Buffer, resume: ResumeRecord): SlotFrame {
	const { tick, ...frame } = decodePcmFrame(bytes);
	return { slot: tick - resume.clock.epochTick, frame };
}

/** The frames the stage still has; none when it has no answer, which a stage that is being restarted has not. */
async function askRecent(bus: Bus, interviewId: string, resume: ResumeRecord): Promise<SlotFrame[]> {
	try {
		const answer = await bus.request(pcmRecent(interviewId), writeJson({ fromTick: 0 }), {
			timeoutMs: RECENT_WITHIN_MS,
		});
		return Array.from({ length: Math.floor(answer.length / PCM_FRAME_BYTES) }, (_, nth) =>
			readFrame(answer.subarray(nth * PCM_FRAME_BYTES, (nth + 1) * PCM_FRAME_BYTES), resume),
		);
	} catch (error) {
		if (error instanceof BusError) return [];
		throw error;
	}
}

/** The last part on disk may never have been published: it is sent again, the same bytes. */
async function publishAgain(
	timeline: ProgrammeTimeline,
	nextPart: number,
	{ bus, objects }: BroadcastOutside,
): Promise<void> {
	if (nextPart === 0) return;
	const { firstPart } = beatOf(timeline, nextPart - 1);
	const last = (await readParts(objects, timeline, firstPart, nextPart)).at(-1);
	if (last) bus.publish(partsSubject(timeline.interviewId), encodePart(last));
}

type Start = {
	readonly timeline: ProgrammeTimeline;
	readonly resume: ResumeRecord;
	/** First part not yet on disk. */
	readonly nextPart: number;
};

/** Sets the epoch. */
function firstStart(interviewId: string, kept: ResumeRecord | undefined, { clock, random }: BroadcastOutside): Start {
	const [monoMs, unixMs] = [clock.monoMs(), clock.unixMs()];
	const epochTick = tickAt(monoMs);
	const unixMinusMonoMs = unixMs - monoMs;
	const timeline = newTimeline({
		interviewId,
		pathKey: randomToken(random, 9),
		epochUnixMs: Math.round(epochTick * 20 + unixMinusMonoMs),
	});
	const resume: ResumeRecord = {
		clock: { epochTick, unixMinusMonoMs },
		gainDb: 0,
		notice: kept?.notice ?? "none",
		tags: kept?.tags ?? { title: "", artists: [], dateIso: "" },
	};
	return { timeline, resume, nextPart: 0 };
}

async function resumeStart(
	timeline: ProgrammeTimeline,
	kept: ResumeRecord | undefined,
	{ clock, objects }: BroadcastOutside,
): Promise<Start> {
	const now = { monoMs: clock.monoMs(), unixMs: clock.unixMs() };
	const { nextPart, patched } = await recoverPast(objects, timeline, (now.unixMs - timeline.epochUnixMs) / PART_MS);
	const record = resumeClock(kept?.clock, timeline.epochUnixMs, nextPart, now);
	const patchedTimeline = patched
		? { ...timeline, gaps: withGap(timeline.gaps, { ...patched, cause: "broadcast_restarted" }) }
		: timeline;
	const resume: ResumeRecord = {
		clock: record,
		gainDb: kept?.gainDb ?? 0,
		notice: kept?.notice ?? "none",
		tags: kept?.tags ?? { title: "", artists: [], dateIso: "" },
	};
	// Nobody ended it while nobody was here: it ended with its last sound.
	const partNow = slotDueAt(record, now.monoMs) / FRAMES_PER_PART;
	const isOver = partNow >= PARTS_MAX;
	const endPart = isOver ? Math.max(nextPart, 1) : null;
	return { timeline: { ...patchedTimeline, endPart }, resume, nextPart };
}
