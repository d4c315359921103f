import { type Clock, everyMs, type MonoMs } from "#base/index.ts";
import type { Bus } from "#bus/index.ts";
import {
	type BroadcastReport,
	type EdgeReport,
	type InterviewFacts,
	LANGUAGES,
	type Language,
	LEVELS,
	PART_MS,
	type ProgrammeTimeline,
	type PublicState,
	SITE_FRONT,
	type Site,
	type SiteEntry,
	type SiteProblem,
	type StageReport,
	siteEntries,
	writeJson,
} from "#wire/index.ts";
import { type Audible, HeardMinutes } from "./heard-minutes.ts";
import { type Delivery, deliveryFor, publicStateOf, SMALL_ROOM, slowPartOf } from "./public-state.ts";

/** States of one interview per second at most: 4. A change of phase does not wait. */
const STATE_EVERY_MS = 250;
/** From level *quiet* on. A change of phase and a step up the ladder do not wait. */
const STATE_EVERY_QUIET_MS = 5_000;
/** The number of listeners alone is news this often. */
const COUNT_EVERY_MS = 5_000;
/** A report older than this says nothing about now. */
const REPORT_FRESH_MS = 2_000;
/** Interviews on the front page. */
const FRONT_MAX = 100;
/** What one answer to an edge may hold; a message of the bus may have 16 MiB. What does not fit is published before it. */
const SITE_BYTES_MAX = 8 * 2 ** 20;

export type Pages = {
	listen(state: PublicState, language: Language): string;
	front(list: readonly PublicState[], language: Language): string;
	/** Undefined without the build or where it fails: edges have plain sentences of their own. */
	problem(problem: SiteProblem, language: Language): string | undefined;
};

type Admission = PublicState["admission"];

type Entry = {
	facts: InterviewFacts;
	timeline: ProgrammeTimeline | undefined;
	stage: { readonly report: StageReport; readonly atMs: MonoMs } | undefined;
	broadcast: { readonly report: BroadcastReport; readonly atMs: MonoMs } | undefined;
	delivery: Delivery;
	readonly heard: HeardMinutes;
	audible: Audible | null;
	admission: Admission;
	/** The state as published last, without its revision and place in time. */
	said: string;
	state: PublicState | undefined;
	saidMs: MonoMs;
	countSaidMs: MonoMs;
	slow: string;
	published: SiteEntry | undefined;
	dirty: boolean;
};

/**
 * What the public sees: merges what control, stage, broadcast and edges say into one state per interview, makes the
 * pages, and publishes what changed, at most four times a second. House keeps nothing of its own: started anew, it
 * asks for everything and publishes the same with a higher revision.
 */
export class PublicSite {
	readonly #clock: Clock;
	readonly #bus: Bus;
	readonly #pages: Pages;
	readonly #admissionOf: (interviewId: string) => Admission;
	readonly #entries = new Map<string, Entry>();
	readonly #edges = new Map<number, { readonly report: EdgeReport; readonly atMs: MonoMs }>();
	readonly #ticking: Disposable;
	readonly #problems: Site["problems"];
	#front: Site["front"] | undefined;
	#frontSlow = "";
	#revision = 0;

	/** @param options.admissionOf who is let in to an interview now; asked four times a second, another object when it changed. */
	constructor(options: {
		readonly clock: Clock;
		readonly bus: Bus;
		readonly pages: Pages;
		readonly admissionOf: (interviewId: string) => Admission;
	}) {
		this.#clock = options.clock;
		this.#admissionOf = options.admissionOf;
		this.#bus = options.bus;
		this.#pages = options.pages;
		this.#problems = problemPages(options.pages);
		this.#ticking = everyMs(this.#clock, STATE_EVERY_MS, () => this.#tick());
	}

	takeFacts(facts: InterviewFacts): void {
		const entry = this.#entries.get(facts.interviewId);
		if (!entry) {
			this.#entries.set(facts.interviewId, newEntry(facts, this.#admissionOf(facts.interviewId)));
			this.#say(facts.interviewId);
			return;
		}
		const urgent = entry.facts.phase !== facts.phase || facts.removed;
		entry.facts = facts;
		entry.dirty = true;
		if (urgent) this.#say(facts.interviewId);
	}

	takeTimeline(timeline: ProgrammeTimeline): void {
		const entry = this.#entries.get(timeline.interviewId);
		if (!entry) return;
		const before = entry.timeline;
		entry.timeline = timeline;
		entry.dirty = true;
		const urgent =
			!before ||
			before.onAirPart !== timeline.onAirPart ||
			before.endPart !== timeline.endPart ||
			before.recording !== timeline.recording;
		if (urgent) this.#say(timeline.interviewId);
	}

	takeStage(interviewId: string, report: StageReport): void {
		const entry = this.#entries.get(interviewId);
		if (!entry) return;
		entry.stage = { report, atMs: this.#clock.monoMs() };
		entry.dirty = true;
	}

	takeBroadcast(interviewId: string, report: BroadcastReport): void {
		const entry = this.#entries.get(interviewId);
		if (entry) entry.broadcast = { report, atMs: this.#clock.monoMs() };
	}

	takeEdge(report: EdgeReport): void {
		const nowMs = this.#clock.monoMs();
		this.#edges.set(report.worker, { report, atMs: nowMs });
		for (const [interviewId, sums] of Object.entries(report.heard)) {
			this.#entries.get(interviewId)?.heard.add(sums, nowMs);
		}
	}

	/** Publishes at once what has not been published yet. */
	flush(): void {
		for (const [interviewId, entry] of this.#entries) if (entry.dirty) this.#say(interviewId);
		this.#sayFront();
	}

	/**
	 * Everything an edge needs after a start. A removed interview whose slug was given anew is left out; entries
	 * beyond SITE_BYTES_MAX are published instead, so that they arrive before the answer does.
	 */
	site(): Site {
		this.flush();
		const bySlug = new Map<string, SiteEntry>();
		for (const { published } of this.#entries.values()) {
			if (published && !(published.removed && bySlug.has(published.slug))) bySlug.set(published.slug, published);
		}
		const entries: SiteEntry[] = [];
		let bytes = 0;
		for (const entry of bySlug.values()) {
			const message = writeJson(entry);
			bytes += message.length;
			if (bytes <= SITE_BYTES_MAX) entries.push(entry);
			else this.#bus.publish(siteEntries(entry.slug), message);
		}
		return { front: this.#front as Site["front"], entries, ...(this.#problems ? { problems: this.#problems } : {}) };
	}

	/** Interviews that have sound now. */
	*withSound(): Generator<string> {
		for (const { facts, timeline } of this.#entries.values()) {
			if (timeline && timeline.endPart === null && !facts.removed) yield facts.interviewId;
		}
	}

	/** Of which interviews the timeline is not known. */
	*withoutTimeline(): Generator<InterviewFacts> {
		for (const { facts, timeline } of this.#entries.values()) {
			if (!timeline && !facts.removed && facts.phase !== "announced") yield facts;
		}
	}

	[Symbol.dispose](): void {
		this.#ticking[Symbol.dispose]();
	}

	#tick(): void {
		const nowMs = this.#clock.monoMs();
		for (const [interviewId, entry] of this.#entries) {
			const { settled, open } = this.#listeners(entry.facts.slug);
			const admission = this.#admissionOf(interviewId);
			const delivery = deliveryFor(entry.delivery, open, admission.level);
			const hasRisen = LEVELS.indexOf(admission.level) > LEVELS.indexOf(entry.admission.level);
			if (delivery !== entry.delivery || !isSame(admission, entry.admission)) {
				entry.delivery = delivery;
				entry.admission = admission;
				entry.dirty = true;
			}
			const stale = entry.stage && nowMs - entry.stage.atMs > REPORT_FRESH_MS;
			if (stale) {
				entry.stage = undefined;
				entry.dirty = true;
			}
			const counted =
				entry.state?.listeners.drainingConnections !== settled && nowMs - entry.countSaidMs >= COUNT_EVERY_MS;
			if (counted) {
				entry.countSaidMs = nowMs;
				entry.dirty = true;
			}
			const audible = entry.heard.audible(nowMs);
			if (audible?.share !== entry.audible?.share || audible?.reports !== entry.audible?.reports) {
				entry.audible = audible;
				entry.dirty = true;
			}
			const everyMs = admission.level === "normal" ? STATE_EVERY_MS : STATE_EVERY_QUIET_MS;
			if (entry.dirty && (hasRisen || nowMs - entry.saidMs >= everyMs))
				this.#say(interviewId, counted ? settled : undefined);
		}
		this.#sayFront();
	}

	/** @param settledCount the number of listeners, when that is news. */
	#say(interviewId: string, settledCount?: number): void {
		const entry = this.#entries.get(interviewId) as Entry;
		const { facts, timeline, stage, broadcast, delivery, audible, admission } = entry;
		entry.dirty = false;
		if (facts.removed) {
			this.#publish(entry, {
				slug: facts.slug,
				interviewId,
				phase: facts.phase,
				stateJson: "null",
				pages: { en: "", de: "" },
				removed: true,
			});
			return;
		}
		const nowMs = this.#clock.monoMs();
		const nowUnixMs = this.#clock.unixMs();
		const partNow = broadcast ? broadcast.report.partIndex + 1 + Math.floor((nowMs - broadcast.atMs) / PART_MS) : 0;
		const known = settledCount ?? entry.state?.listeners.drainingConnections ?? this.#listeners(facts.slug).settled;
		const state = publicStateOf({
			facts,
			stage: stage?.report,
			timeline,
			settledCount: known,
			audible,
			delivery,
			admission,
			partNow,
			nowUnixMs,
		});
		const { atPart: _, ...lasting } = state;
		const said = JSON.stringify(lasting);
		if (said === entry.said) return;
		this.#revision = Math.max(this.#revision + 1, nowUnixMs);
		entry.state = { ...state, revision: this.#revision };
		entry.said = said;
		entry.saidMs = nowMs;
		const slow = slowPartOf(state);
		const pages = slow === entry.slow && entry.published ? entry.published.pages : this.#listenPages(entry.state);
		entry.slow = slow;
		this.#publish(entry, {
			slug: facts.slug,
			interviewId,
			phase: facts.phase,
			stateJson: JSON.stringify(entry.state),
			pages,
			removed: false,
		});
	}

	#publish(entry: Entry, published: SiteEntry): void {
		const before = entry.published;
		if (before?.removed && published.removed) return;
		// An interview that moved to another address leaves the old one.
		if (before && before.slug !== published.slug && !this.#isUsed(before.slug)) {
			const left = { ...before, phase: published.phase, stateJson: "null", pages: { en: "", de: "" }, removed: true };
			this.#bus.publish(siteEntries(before.slug), writeJson(left));
		}
		entry.published = published;
		if (published.removed && this.#isUsed(published.slug)) return;
		this.#bus.publish(siteEntries(published.slug), writeJson(published));
	}

	#isUsed(slug: string): boolean {
		return [...this.#entries.values()].some(({ facts }) => facts.slug === slug && !facts.removed);
	}

	#sayFront(): void {
		const listed = [...this.#entries.values()].filter(({ facts, state }) => facts.listed && !facts.removed && state);
		listed.sort((a, b) => b.facts.announcedStartUnixMs - a.facts.announcedStartUnixMs);
		const shown = listed.slice(0, FRONT_MAX);
		const slow = shown.map((entry) => entry.slow).join("\n");
		if (this.#front && slow === this.#frontSlow) return;
		this.#frontSlow = slow;
		const states = shown.map((entry) => entry.state as PublicState);
		this.#front = inEachLanguage((language) => this.#pages.front(states, language));
		this.#bus.publish(SITE_FRONT, writeJson(this.#front));
	}

	#listenPages(state: PublicState): SiteEntry["pages"] {
		return inEachLanguage((language) => this.#pages.listen(state, language));
	}

	#listeners(slug: string): { settled: number; open: number } {
		const nowMs = this.#clock.monoMs();
		const sum = { settled: 0, open: 0 };
		for (const { report, atMs } of this.#edges.values()) {
			const here = nowMs - atMs <= 2 * REPORT_FRESH_MS ? report.listeners[slug] : undefined;
			sum.settled += here?.settled ?? 0;
			sum.open += here?.open ?? 0;
		}
		return sum;
	}
}

function newEntry(facts: InterviewFacts, admission: Admission): Entry {
	return {
		facts,
		timeline: undefined,
		stage: undefined,
		broadcast: undefined,
		delivery: SMALL_ROOM,
		heard: new HeardMinutes(),
		audible: null,
		admission,
		said: "",
		state: undefined,
		saidMs: Number.NEGATIVE_INFINITY as MonoMs,
		countSaidMs: Number.NEGATIVE_INFINITY as MonoMs,
		slow: "",
		published: undefined,
		dirty: true,
	};
}

/** All of them or none: an edge that has some would mix two looks. */
function problemPages(pages: Pages): Site["problems"] {
	const texts = (kind: SiteProblem) => LANGUAGES.map((language) => pages.problem(kind, language));
	const kinds: readonly SiteProblem[] = ["not_found", "removed", "unavailable"];
	if (kinds.flatMap(texts).some((text) => text === undefined)) return undefined;
	const inWords = (kind: SiteProblem) => inEachLanguage((language) => pages.problem(kind, language) ?? "");
	return { not_found: inWords("not_found"), removed: inWords("removed"), unavailable: inWords("unavailable") };
}

function isSame(one: Admission, other: Admission): boolean {
	return one.level === other.level && one.line === other.line;
}

function inEachLanguage(render: (language: Language) => string): SiteEntry["pages"] {
	return Object.fromEntries(LANGUAGES.map((language) => [language, render(language)])) as SiteEntry["pages"];
}
