/** What every page says. */
import { catalogue } from "./words.ts";

export const commonWords = catalogue({
	whats_on: { en: "What’s on", de: "Programm" },
	other_language: { en: "Deutsch", de: "English" },
	skip: { en: "Skip to the content", de: "Zum Inhalt springen" },
	close: { en: "Close", de: "Schließen" },
	host: { en: "host", de: "Gastgeber:in" },
	co_host: { en: "co-host", de: "Mitgastgeber:in" },
	guest: { en: "guest", de: "Gast" },
	level: { en: "Level {db} dB", de: "Pegel {db} dB" },
	level_silent: { en: "No sound", de: "Kein Ton" },
});
