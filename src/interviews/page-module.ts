import { pathToFileURL } from "node:url";
import type { Language, PageAddress, PageRenderer, PublicState } from "#wire/index.ts";
import type { InterviewEvents } from "./events.ts";
import type { Pages } from "./public-site.ts";

/**
 * The public pages as the web build makes them. Without the build, or where it fails on a state, a page without
 * script that still plays: a listener must not pay for our mistakes.
 */
export async function loadPages(path: string, where: PageAddress, events: InterviewEvents): Promise<Pages> {
	let module: PageRenderer | undefined;
	try {
		module = (await import(pathToFileURL(path).href)) as PageRenderer;
	} catch (error) {
		events.pagesMissing(path, error);
	}
	const guarded = <T>(what: string, render: (() => T) | undefined, plain: () => T): T => {
		if (!render) return plain();
		try {
			return render();
		} catch (error) {
			events.pageFailed(what, error);
			return plain();
		}
	};
	return {
		listen: (state, language) =>
			guarded(state.slug, module && (() => module.renderListenPage(state, language, where)), () =>
				plainPage(state, language),
			),
		front: (list, language) =>
			guarded("front", module && (() => module.renderFrontPage(list, language, where)), () =>
				plainFront(list, language),
			),
		problem: (kind, language) =>
			guarded<string | undefined>(kind, module && (() => module.renderErrorPage(kind, language)), () => undefined),
	};
}

const WORDS = {
	en: {
		announced: "Announced",
		doors: "The doors are open",
		waiting_for_host: "Waiting for the host",
		on_air: "On air",
		interrupted: "Interrupted; it goes on in a moment",
		ended: "Ended",
		cancelled: "Cancelled",
	},
	de: {
		announced: "Angekündigt",
		doors: "Die Türen sind offen",
		waiting_for_host: "Wartet auf den Gastgeber",
		on_air: "Auf Sendung",
		interrupted: "Unterbrochen; es geht gleich weiter",
		ended: "Beendet",
		cancelled: "Abgesagt",
	},
} as const;

function plainPage(state: PublicState, language: Language): string {
	const base = `/i/${state.slug}`;
	const plays = state.programme !== null && (state.phase !== "ended" || state.programme.recording);
	const live = ["live.mp3"];
	const recorded = ["recording.m4a", "recording.mp3"];
	const sources = ["hls/index.m3u8", ...(state.phase === "ended" ? recorded : live)];
	const audio = `<audio controls preload="none">${sources.map((file) => `<source src="${base}/${file}">`).join("")}</audio>`;
	return documentOf(
		language,
		state.title,
		`<h1>${escaped(state.title)}</h1><p>${WORDS[language][state.phase]}</p>` +
			(state.lateReason ? `<p>${escaped(state.lateReason)}</p>` : "") +
			(plays ? audio : "") +
			`<p>${escaped(state.description)}</p>`,
	);
}

function plainFront(list: readonly PublicState[], language: Language): string {
	const item = (state: PublicState) =>
		`<li><a href="/i/${state.slug}">${escaped(state.title)}</a> · ${WORDS[language][state.phase]}</li>`;
	return documentOf(language, "Rostra", `<h1>Rostra</h1><ul>${list.map(item).join("")}</ul>`);
}

function documentOf(language: Language, title: string, body: string): string {
	return (
		`<!doctype html><html lang="${language}"><head><meta charset="utf-8">` +
		`<meta name="viewport" content="width=device-width"><title>${escaped(title)}</title></head>` +
		`<body><main>${body}</main></body></html>`
	);
}

function escaped(text: string): string {
	return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
