import type { Language } from "#wire/site.ts";

const KEY = "rostra.language";

/** Chosen before on this device, else the first of the browser's languages that we speak, else English. */
export function chooseLanguage(): Language {
	const known = (code: string | null | undefined): Language | undefined => {
		const base = code?.slice(0, 2).toLowerCase();
		return base === "de" || base === "en" ? base : undefined;
	};
	let stored: string | null = null;
	try {
		stored = window.localStorage.getItem(KEY);
	} catch {
		// Storage is switched off.
	}
	const language = known(stored) ?? navigator.languages.map(known).find(Boolean) ?? "en";
	document.documentElement.lang = language;
	return language;
}

export function rememberLanguage(language: Language): void {
	document.documentElement.lang = language;
	try {
		window.localStorage.setItem(KEY, language);
	} catch {
		// The choice lasts until the page is closed.
	}
}
