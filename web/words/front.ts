/** What the front page says. */
import { catalogue } from "./words.ts";

export const frontWords = catalogue({
	title: { en: "What’s on", de: "Programm" },
	on_air_now: { en: "On air now", de: "Jetzt auf Sendung" },
	announced: { en: "Announced", de: "Angekündigt" },
	recordings: { en: "To hear again", de: "Zum Nachhören" },
	with_people: { en: "with {names}", de: "mit {names}" },
	listen: { en: "Listen", de: "Zuhören" },
	empty_title: { en: "Nothing is announced yet.", de: "Noch ist nichts angekündigt." },
	empty_text: {
		en: "Interviews appear here as soon as a host announces one: with the time it begins, live while it is on air, and as a recording the second it ends.",
		de: "Gespräche stehen hier, sobald sie angekündigt sind: mit dem Beginn, live während der Sendung und als Aufzeichnung, sobald sie zu Ende sind.",
	},
	empty_how: {
		en: "Hosts begin in the studio, through the sign-in link that the server prints when it starts.",
		de: "Gastgeber beginnen im Studio, über den Anmeldelink, den der Server beim Start ausgibt.",
	},
	not_found: { en: "There is nothing at this address.", de: "Unter dieser Adresse gibt es nichts." },
	not_found_text: {
		en: "Perhaps the link was cut short on its way. What is on is on the front page.",
		de: "Vielleicht wurde der Link unterwegs gekürzt. Das Programm steht auf der Startseite.",
	},
	removed: { en: "This interview was removed.", de: "Dieses Gespräch wurde entfernt." },
	removed_text: {
		en: "Its host deleted it, together with its recording.",
		de: "Es wurde zusammen mit der Aufzeichnung von den Gastgebern gelöscht.",
	},
	unavailable: { en: "This page is not ready yet.", de: "Diese Seite ist noch nicht bereit." },
	unavailable_text: {
		en: "The server is starting. Load the page again in a few seconds.",
		de: "Der Server startet gerade. Laden Sie die Seite in einigen Sekunden neu.",
	},
	foot: {
		en: "Rostra: live audio interviews that start on time.",
		de: "Rostra: Live-Gespräche zum Hören, die pünktlich beginnen.",
	},
});
