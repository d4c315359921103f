import type { Language } from "#wire/index.ts";

/** What people read when there is no page to show them. English for players and programs, both languages for browsers. */
export const SENTENCES = {
	not_found: {
		en: "There is nothing at this address. Check the link, or see what is on at the front page.",
		de: "Unter dieser Adresse gibt es nichts. Prüfen Sie den Link, oder sehen Sie auf der Startseite nach, was läuft.",
	},
	removed: {
		en: "This interview has been removed.",
		de: "Dieses Interview wurde entfernt.",
	},
	starting: {
		en: "The server is starting. Try again in a moment.",
		de: "Der Server startet gerade. Versuchen Sie es gleich noch einmal.",
	},
	not_begun: {
		en: "The interview has not begun. Its page shows when it does; players may try again after the time in Retry-After.",
		de: "Das Interview hat noch nicht begonnen. Wann es beginnt, steht auf seiner Seite.",
	},
	ended: {
		en: "The interview has ended. Its recording is at recording.m4a, recording.ogg and recording.mp3 beside this address.",
		de: "Das Interview ist beendet. Die Aufnahme liegt neben dieser Adresse als recording.m4a, recording.ogg und recording.mp3.",
	},
	no_recording: {
		en: "There is no recording of this interview.",
		de: "Von diesem Interview gibt es keine Aufnahme.",
	},
	recording_later: {
		en: "The recording is there as soon as the interview has ended.",
		de: "Die Aufnahme liegt bereit, sobald das Interview beendet ist.",
	},
	mp3_making: {
		en: "The recording is being made into MP3, once for everybody; recording.m4a and recording.ogg are here already.",
		de: "Die Aufnahme wird gerade, einmal für alle, in MP3 umgewandelt; recording.m4a und recording.ogg liegen schon bereit.",
	},
	no_segment: {
		en: "This segment does not exist, or not yet. The playlist names those that do.",
		de: "Dieses Segment gibt es nicht oder noch nicht. Die Playlist nennt die vorhandenen.",
	},
	too_far: {
		en: "This playlist is asked for a part that lies too far ahead. The playlist says which part is the newest.",
		de: "Von dieser Playlist wird ein Teil verlangt, der zu weit in der Zukunft liegt. Sie nennt den neuesten.",
	},
	in_line: {
		en: "More people want to listen than there is room for. The page of the interview shows when it is your turn.",
		de: "Es möchten mehr Menschen zuhören, als Platz ist. Auf der Seite des Interviews steht, wann Sie an der Reihe sind.",
	},
	bad_token: {
		en: "This token lets nobody in. Ask for a new one at token beside this address.",
		de: "Dieser Nachweis gilt nicht. Laden Sie die Seite des Interviews neu.",
	},
	token_later: {
		en: "Too many tokens were asked for from here. Try again after the time in Retry-After.",
		de: "Von hier kamen zu viele Anfragen. Versuchen Sie es gleich noch einmal.",
	},
	report_later: {
		en: "Too many reports came from here. This one is dropped.",
		de: "Von hier kamen zu viele Meldungen. Diese wird verworfen.",
	},
	busy: {
		en: "Too much is being read at once. Try again in a second.",
		de: "Gerade wird zu viel auf einmal gelesen. Versuchen Sie es in einer Sekunde noch einmal.",
	},
	method: {
		en: "This address can be read with GET and HEAD only.",
		de: "Diese Adresse kann nur mit GET und HEAD gelesen werden.",
	},
	no_api: {
		en: "There is no such operation.",
		de: "Diese Funktion gibt es nicht.",
	},
	failed: {
		en: "The server could not read what you asked for. It has been logged; try again later.",
		de: "Der Server konnte das Gewünschte nicht lesen. Versuchen Sie es später noch einmal.",
	},
	malformed_query: {
		en: "The query cannot be read.",
		de: "Die Angaben hinter dem Fragezeichen sind nicht lesbar.",
	},
	range: {
		en: "The range lies behind the end of the file.",
		de: "Der Bereich liegt hinter dem Ende der Datei.",
	},
} as const satisfies Record<string, Record<Language, string>>;
export type SentenceKey = keyof typeof SENTENCES;
