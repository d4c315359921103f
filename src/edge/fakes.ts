/** Doubles for tests and benchmarks: parts, timelines and states with bytes that are easy to recognise. */
import { packPieces } from "#base/index.ts";
import type { Bus } from "#bus/index.ts";
import {
	encodeMp3Beat,
	encodePart,
	MP3_BEAT_BYTES,
	MP3_PARTS_PER_BEAT,
	type Mp3Beat,
	mp3Beats,
	mp3Wish,
	mp3Wishes,
	PARTS_PER_BEAT,
	type Part,
	type ProgrammeTimeline,
	type PublicState,
	parts as partsSubject,
	programmeTail,
	readJson,
	segmentOf,
	timelines,
	writeJson,
} from "#wire/index.ts";
import { TAIL_PARTS_MAX } from "./tail.ts";

/** Sizes of real parts: Opus 48 and 24 kb/s and AAC in fMP4, AAC with ADTS, a beat in an Ogg page. */
export const REAL_BYTES = {
	opus48: 2_030,
	opus24: 1_090,
	aac64: 2_720,
	adts: 2_665,
	ogg48: 5_690,
	ogg24: 2_870,
} as const;
const FORMS = ["opus48", "opus24", "aac64", "adts", "ogg48", "ogg24"] as const;

export function fakeTimeline(changes: Partial<ProgrammeTimeline> = {}): ProgrammeTimeline {
	const track = (name: string, codecs: string, bitrateBps: number) => ({
		codecs,
		bitrateBps,
		init: Buffer.from(`<init ${name}>`).toString("base64"),
		oggHead: Buffer.from(`<ogghead ${name}>`).toString("base64"),
	});
	return {
		version: 1,
		interviewId: "iv1",
		pathKey: "k3y",
		epochUnixMs: Date.UTC(2026, 0, 1, 20, 0, 0),
		tracks: {
			opus48: track("opus48", "opus", 60_000),
			opus24: track("opus24", "opus", 34_000),
			aac64: track("aac64", "mp4a.40.2", 84_000),
		},
		cuts: [0],
		onAirPart: null,
		endPart: null,
		gaps: [],
		recording: null,
		...changes,
	};
}

/** The text a part carries in one form; filled up to `bytes` when given. */
export function partText(form: (typeof FORMS)[number], partIndex: number, bytes = 0): Buffer {
	return Buffer.from(`[${form} ${partIndex}]`.padEnd(bytes, "."));
}

/** A part of `timeline`; beats are counted from the beginning of its segment, as broadcast does. */
export function fakePart(timeline: ProgrammeTimeline, partIndex: number, sizes?: typeof REAL_BYTES): Part {
	const span = segmentOf(timeline, partIndex);
	const within = partIndex - span.firstPart;
	const lastOfSegment = within === span.partCount - 1;
	const beatParts =
		(within + 1) % PARTS_PER_BEAT === 0 ? PARTS_PER_BEAT : lastOfSegment ? (within + 1) % PARTS_PER_BEAT : 0;
	const body = (form: (typeof FORMS)[number]) => partText(form, partIndex, sizes?.[form]);
	const nothing = Buffer.alloc(0);
	return {
		interviewId: timeline.interviewId,
		partIndex,
		sequence: span.sequence,
		beginsSegment: within === 0,
		kind: "sound",
		beatParts,
		opus48: body("opus48"),
		opus24: body("opus24"),
		aac64: body("aac64"),
		adts: body("adts"),
		ogg48: beatParts > 0 ? body("ogg48") : nothing,
		ogg24: beatParts > 0 ? body("ogg24") : nothing,
	};
}

export function fakeState(changes: Partial<PublicState> = {}): PublicState {
	return {
		version: 1,
		revision: 1,
		slug: "demo",
		title: "Grüße: a talk",
		description: "",
		phase: "on_air",
		announcedStartUnixMs: Date.UTC(2026, 0, 1, 20, 15, 0),
		timeZone: "Europe/Berlin",
		onAirUnixMs: null,
		endedUnixMs: null,
		lateReason: "",
		people: [],
		listeners: { drainingConnections: 0, audible: null },
		programme: null,
		admission: { level: "normal", line: null },
		delivery: { write: "beat", reserveMs: 1_000 },
		atPart: 0,
		...changes,
	};
}

/** A beat of MP3 as long as real ones, which says which it is. */
export function fakeMp3Beat(interviewId: string, beat: number): Mp3Beat {
	return { interviewId, beat, bytes: Buffer.from(`[mp3 ${beat}]`.padEnd(MP3_BEAT_BYTES, ".")) };
}

/** Speaks on the bus as a broadcast does: parts, timelines, and its newest minute when asked. */
export class FakeBroadcast {
	timeline: ProgrammeTimeline;
	readonly #bus: Bus;
	readonly #sizes: typeof REAL_BYTES | undefined;
	#nextPart = 0;
	#held: Buffer[] = [];
	/** Wishes for MP3, by the beat they ask for. From the first on beats are made, six of them at once. */
	readonly mp3Wishes: (number | null)[] = [];
	#nextMp3Beat = 0;

	constructor(bus: Bus, timeline: ProgrammeTimeline, sizes?: typeof REAL_BYTES) {
		this.#bus = bus;
		this.timeline = timeline;
		this.#sizes = sizes;
		bus.respond(programmeTail(timeline.interviewId), () => packPieces(this.timeline, this.#held));
		bus.respond(mp3Wishes(timeline.interviewId), (payload) => {
			const { fromBeat } = readJson(mp3Wish, Buffer.from(payload));
			const now = Math.floor(this.#nextPart / MP3_PARTS_PER_BEAT);
			if (this.mp3Wishes.length === 0) this.#nextMp3Beat = now;
			this.mp3Wishes.push(fromBeat);
			const beats = Array.from({ length: 6 }, (_, nth) => now - 6 + nth).filter((beat) => beat >= (fromBeat ?? 0));
			return packPieces(
				{},
				beats.map((beat) => encodeMp3Beat(fakeMp3Beat(timeline.interviewId, beat))),
			);
		});
	}

	get nextPart(): number {
		return this.#nextPart;
	}

	/** Makes `count` parts; those in `lost` do not reach anybody, but are in the tail. */
	speak(count: number, lost: readonly number[] = []): void {
		for (let i = 0; i < count; i += 1) {
			const part = encodePart(fakePart(this.timeline, this.#nextPart, this.#sizes));
			this.#held.push(part);
			if (this.#held.length > TAIL_PARTS_MAX) this.#held.shift();
			if (!lost.includes(this.#nextPart)) this.#bus.publish(partsSubject(this.timeline.interviewId), part);
			this.#nextPart += 1;
			if (this.mp3Wishes.length === 0 || this.#nextPart < (this.#nextMp3Beat + 1) * MP3_PARTS_PER_BEAT) continue;
			const beat = encodeMp3Beat(fakeMp3Beat(this.timeline.interviewId, this.#nextMp3Beat++));
			this.#bus.publish(mp3Beats(this.timeline.interviewId), beat);
		}
	}

	change(changes: Partial<ProgrammeTimeline>): void {
		this.timeline = { ...this.timeline, ...changes };
		this.#bus.publish(timelines(this.timeline.interviewId), writeJson(this.timeline));
	}
}
