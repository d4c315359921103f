import * as z from "zod/mini";
import { type Clock, everyMs } from "#base/index.ts";
import type { Bus } from "#bus/index.ts";
import {
	ALL_SITE_ENTRIES,
	LANGUAGES,
	type Language,
	type PublicState,
	publicState,
	readJson,
	SITE_FRONT,
	SITE_REQUEST,
	type Site,
	type SiteEntry,
	type SiteProblem,
	site,
	siteEntry,
} from "#wire/index.ts";
import type { EdgeEvents } from "./events.ts";
import { CORS, type Fields, Representation } from "./response.ts";

/** Interviews an edge knows at once. House does not make more public; beyond it new ones are ignored. */
const ENTRIES_MAX = 10_000;
/** When the platform starts, listeners wait at most this longer than they must. */
const ASK_EVERY_MS = 100;
const ASK_TIMEOUT_MS = 2_000;

/** Pages run our own scripts only and reach only us; nobody frames them. */
const PAGE_FIELDS: Fields = [
	[
		"Content-Security-Policy",
		"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; media-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
	],
	["Referrer-Policy", "same-origin"],
	["Permissions-Policy", "microphone=(), camera=(), geolocation=()"],
	["Cross-Origin-Opener-Policy", "same-origin"],
	["Cross-Origin-Resource-Policy", "same-origin"],
];

const STRICT_TRANSPORT = ["Strict-Transport-Security", "max-age=31536000"] as const;

type Pages = Readonly<Record<Language, Representation>>;

export type SitePlace = {
	readonly entry: SiteEntry;
	/** Undefined when house sent one that cannot be read, and for removed interviews. */
	readonly state: PublicState | undefined;
	readonly stateJson: Representation;
	readonly pages: Pages;
};

export type SiteView = ReturnType<typeof createSite>;

/** What house has made for the public: pages and states, ready to send. Asks for all of it until it is answered. */
export function createSite(options: {
	readonly clock: Clock;
	readonly bus: Bus;
	readonly events: EdgeEvents;
	/** Browsers are told to come with TLS only, for a year (RFC 6797): the door has TLS itself. */
	readonly onlyTls: boolean;
	/** Called at each change of an interview. */
	readonly onEntry: (entry: SiteEntry, state: PublicState | undefined) => void;
}) {
	const { clock, bus, events, onEntry, onlyTls } = options;
	const pageFields = onlyTls ? [...PAGE_FIELDS, STRICT_TRANSPORT] : PAGE_FIELDS;
	const places = new Map<string, SitePlace>();
	let front: { readonly source: Site["front"]; readonly pages: Pages } | undefined;
	let problems: Site["problems"];
	let known = false;
	const knownOnce = Promise.withResolvers<void>();
	let asking: Promise<void> | undefined;

	const takeEntry = (entry: SiteEntry) => {
		const before = places.get(entry.slug);
		if (!before && places.size >= ENTRIES_MAX) return;
		const state = entry.removed ? undefined : readState(entry, events);
		const stateBytes = Buffer.from(entry.stateJson);
		places.set(entry.slug, {
			entry,
			state,
			stateJson: new Representation(stateBytes, {
				type: "application/json",
				cacheControl: "public, max-age=1",
				compress: true,
				fields: CORS,
			}),
			// Most changes are to the state alone: what was compressed for the pages stays.
			pages: before && samePages(before.entry.pages, entry.pages) ? before.pages : makePages(entry.pages, pageFields),
		});
		onEntry(entry, state);
	};

	const takeFront = (source: Site["front"]) => {
		if (!front || !samePages(front.source, source)) front = { source, pages: makePages(source, pageFields) };
	};

	const ask = () => {
		asking ??= bus
			.request(SITE_REQUEST, new Uint8Array(0), { timeoutMs: ASK_TIMEOUT_MS })
			.then((answer) => {
				const whole = readJson(site, answer);
				takeFront(whole.front);
				problems = whole.problems;
				for (const entry of whole.entries) takeEntry(entry);
				known = true;
				knownOnce.resolve();
			})
			.catch((error) => events.siteMissing(error))
			.finally(() => {
				asking = undefined;
			});
		return asking;
	};

	const scope = new DisposableStack();
	scope.use(bus.subscribe(ALL_SITE_ENTRIES, (payload) => takeEntry(readJson(siteEntry, payload))));
	scope.use(bus.subscribe(SITE_FRONT, (payload) => takeFront(readJson(frontPages, payload))));
	scope.use(
		bus.onConnect(() => {
			known = false;
			void ask();
		}),
	);
	scope.use(everyMs(clock, ASK_EVERY_MS, () => known || void ask()));

	return {
		/** What is said with every page. */
		pageFields,
		/** Whether house has told everything since the bus was connected. */
		get known(): boolean {
			return known;
		},
		/** Resolves when house has told everything for the first time. */
		knownOnce: knownOnce.promise,
		place: (slug: string): SitePlace | undefined => places.get(slug),
		places: (): IterableIterator<SitePlace> => places.values(),
		/** The page for what is not there, where house has made one. */
		problem: (kind: SiteProblem, language: Language): string | undefined => problems?.[kind][language],
		front: (language: Language): Representation | undefined => front?.pages[language],
		[Symbol.dispose]: () => scope.dispose(),
	};
}

const frontPages = z.object({ en: z.string(), de: z.string() });

function makePages(source: Readonly<Record<Language, string>>, pageFields: Fields): Pages {
	const pages = LANGUAGES.map((language) => [
		language,
		new Representation(Buffer.from(source[language]), {
			type: "text/html; charset=utf-8",
			cacheControl: "public, max-age=1",
			compress: true,
			vary: ["Accept-Language"],
			fields: [["Content-Language", language], ...pageFields],
		}),
	]);
	return Object.fromEntries(pages) as Pages;
}

function samePages(a: Readonly<Record<Language, string>>, b: Readonly<Record<Language, string>>): boolean {
	return LANGUAGES.every((language) => a[language] === b[language]);
}

function readState(entry: SiteEntry, events: EdgeEvents): PublicState | undefined {
	try {
		return publicState.parse(JSON.parse(entry.stateJson));
	} catch (error) {
		events.stateMalformed(entry.slug, error);
		return undefined;
	}
}
