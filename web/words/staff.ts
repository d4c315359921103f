/** What the staff pages share: signing in, joining, problems, the frame around them. */
import { catalogue } from "./words.ts";

export const staffWords = catalogue({
	interviews: { en: "Interviews", de: "Interviews" },
	operations: { en: "Operations", de: "Betrieb" },
	sign_out: { en: "Sign out", de: "Abmelden" },
	signed_out: {
		en: "You are not signed in. Open the sign-in link that was printed when the server started; `npm run -s rostra -- sign-in` prints another.",
		de: "Sie sind nicht angemeldet. Öffnen Sie den Anmeldelink, den der Server beim Start ausgegeben hat; `npm run -s rostra -- sign-in` gibt einen neuen aus.",
	},
	loading: { en: "Loading", de: "Wird geladen" },
	again: { en: "Try again", de: "Noch einmal" },
	copy: { en: "Copy", de: "Kopieren" },
	copied: { en: "Copied", de: "Kopiert" },
	copy_by_hand: {
		en: "The browser does not allow copying. Select the address and copy it.",
		de: "Der Browser erlaubt das Kopieren nicht. Markieren Sie die Adresse und kopieren Sie sie.",
	},
	cancel: { en: "Cancel", de: "Abbrechen" },
	save: { en: "Save", de: "Speichern" },

	phase_announced: { en: "Announced", de: "Angekündigt" },
	phase_doors: { en: "Doors open", de: "Türen offen" },
	phase_waiting_for_host: { en: "Waiting for the host", de: "Wartet auf den Gastgeber" },
	phase_on_air: { en: "On air", de: "Auf Sendung" },
	phase_interrupted: { en: "Interrupted", de: "Unterbrochen" },
	phase_ended: { en: "Ended", de: "Beendet" },
	phase_cancelled: { en: "Cancelled", de: "Abgesagt" },

	// Problems: what failed, and the next step.
	problem_unanswered: {
		en: "The server does not answer. Sound that is on air is not affected. Try again in a moment.",
		de: "Der Server antwortet nicht. Ton, der auf Sendung ist, läuft weiter. Versuchen Sie es gleich noch einmal.",
	},
	problem_server: {
		en: "The server could not do that ({status}). Try again in a moment.",
		de: "Der Server konnte das nicht ausführen ({status}). Versuchen Sie es gleich noch einmal.",
	},
	problem_not_allowed: {
		en: "You are not allowed to do that. Ask the host.",
		de: "Dazu sind Sie nicht berechtigt. Fragen Sie den Gastgeber.",
	},
	problem_gone: {
		en: "That does not exist any more. Go back to the list and look again.",
		de: "Das gibt es nicht mehr. Gehen Sie zurück zur Liste und sehen Sie nach.",
	},
	problem_refused: { en: "Not accepted: {detail}", de: "Nicht angenommen: {detail}" },
	problem_live_max: {
		en: "All places for open interviews are taken. End another one, or start this one on a larger machine.",
		de: "Alle Plätze für offene Interviews sind belegt. Beenden Sie ein anderes, oder nehmen Sie eine größere Maschine.",
	},
	problem_slug_taken: {
		en: "Another interview has this address. Choose a different one.",
		de: "Ein anderes Interview hat diese Adresse. Wählen Sie eine andere.",
	},
	problem_people_full: {
		en: "No more people can be invited to this interview. Remove somebody first.",
		de: "Zu diesem Interview kann niemand mehr eingeladen werden. Entfernen Sie zuerst jemanden.",
	},
	problem_interviews_full: {
		en: "This server keeps no more interviews. Delete an old one first.",
		de: "Dieser Server bewahrt nicht mehr Interviews auf. Löschen Sie zuerst ein altes.",
	},
	problem_database_down: {
		en: "The database is away, so nothing new can be written down. Sound goes on. Try again soon.",
		de: "Die Datenbank ist weg, Neues kann nicht aufgeschrieben werden. Der Ton läuft weiter. Versuchen Sie es bald noch einmal.",
	},
	problem_process: {
		en: "A process of this interview is being started. Try again in a few seconds.",
		de: "Ein Prozess dieses Interviews wird gerade gestartet. Versuchen Sie es in einigen Sekunden noch einmal.",
	},
	problem_house_unreachable: {
		en: "The process that decides the level does not answer. See which level holds, then try again.",
		de: "Der Prozess, der die Stufe bestimmt, antwortet nicht. Sehen Sie nach, welche Stufe gilt, und versuchen Sie es dann noch einmal.",
	},
	problem_level_not_pinned: {
		en: "No level is pinned, so there is nothing to release.",
		de: "Keine Stufe ist festgehalten, es gibt also nichts freizugeben.",
	},
	problem_on_air: {
		en: "That is not possible while its doors are open or it is on air. End it or call it off first.",
		de: "Das geht nicht, solange die Türen offen sind oder es auf Sendung ist. Beenden Sie es zuerst, oder sagen Sie es ab.",
	},
	problem_not_open: {
		en: "That is not possible yet: its doors are not open.",
		de: "Das geht noch nicht: Die Türen sind noch nicht offen.",
	},
	problem_not_open_move: {
		en: "With the doors open, the start can be moved by two hours at most. Call it off and announce a new one instead.",
		de: "Bei offenen Türen lässt sich der Beginn um höchstens zwei Stunden verlegen. Sagen Sie es ab, und kündigen Sie ein neues an.",
	},
	problem_over: {
		en: "It is too late for that: it has begun, or is over.",
		de: "Dafür ist es zu spät: Es hat begonnen oder ist vorbei.",
	},
	problem_last_host: {
		en: "The only host stays host. Make somebody else host first.",
		de: "Der einzige Gastgeber bleibt Gastgeber. Machen Sie zuerst jemand anderen dazu.",
	},
	problem_too_many_attempts: {
		en: "Too many wrong links came from your address. Wait a few minutes.",
		de: "Von Ihrer Adresse kamen zu viele falsche Links. Warten Sie einige Minuten.",
	},
	problem_streams_full: {
		en: "Too many studios are open in this browser. Close one.",
		de: "In diesem Browser sind zu viele Studios offen. Schließen Sie eines.",
	},
	problem_studio_full: {
		en: "All 13 seats are taken. Remove somebody first.",
		de: "Alle 13 Plätze sind belegt. Entfernen Sie zuerst jemanden.",
	},

	// Sign-in
	sign_in_title: { en: "Sign in", de: "Anmelden" },
	sign_in_ask: {
		en: "This link signs this browser in to run interviews. It works once.",
		de: "Dieser Link meldet diesen Browser an, um Interviews zu leiten. Er gilt einmal.",
	},
	sign_in_now: { en: "Sign in", de: "Anmelden" },
	sign_in_no_link: {
		en: "This page needs a sign-in link. The server printed one when it started; for another, run this where the server runs:",
		de: "Diese Seite braucht einen Anmeldelink. Der Server hat beim Start einen ausgegeben; einen weiteren liefert, dort, wo der Server läuft:",
	},
	sign_in_used: {
		en: "This link was used already, or is too old. For another, run this where the server runs:",
		de: "Dieser Link wurde schon benutzt oder ist zu alt. Einen weiteren liefert, dort, wo der Server läuft:",
	},

	// Invitation
	join_title: { en: "You are invited to speak", de: "Sie sind eingeladen zu sprechen" },
	join_with: { en: "with {host}", de: "mit {host}" },
	join_as: { en: "You will be introduced as {name}.", de: "Sie werden als {name} vorgestellt." },
	join_begins: { en: "Begins {time}", de: "Beginn: {time}" },
	join_running: { en: "On air now", de: "Jetzt auf Sendung" },
	join_facts_title: { en: "What you agree to", de: "Womit Sie einverstanden sind" },
	join_fact_broadcast: {
		en: "What you say while you are on air is broadcast live. Anybody can hear it.",
		de: "Was Sie auf Sendung sagen, wird live übertragen. Jeder kann es hören.",
	},
	join_fact_recorded: {
		en: "It is recorded, and the recording can be heard and downloaded afterwards at the same address.",
		de: "Es wird aufgezeichnet; die Aufnahme kann danach unter derselben Adresse gehört und geladen werden.",
	},
	join_fact_green: {
		en: "Before that you are in the green room: only the other speakers hear you there, and nothing is recorded.",
		de: "Davor sind Sie im Vorraum: Dort werden Sie nur von den anderen Sprechenden gehört, und nichts wird aufgezeichnet.",
	},
	join_fact_name: {
		en: "Your name is shown to the listeners. You need no account.",
		de: "Ihr Name wird den Hörenden gezeigt. Sie brauchen kein Konto.",
	},
	join_yes: {
		en: "Yes, I agree to being broadcast and recorded.",
		de: "Ja, ich bin mit Übertragung und Aufzeichnung einverstanden.",
	},
	join_go: { en: "Go to the studio", de: "Ins Studio" },
	join_need: {
		en: "You need a microphone and, if you can, headphones. A short check comes first.",
		de: "Sie brauchen ein Mikrofon und möglichst Kopfhörer. Zuerst kommt eine kurze Prüfung.",
	},
	join_consent_missing: {
		en: "Without your agreement you cannot speak on air. Tick the box to go on.",
		de: "Ohne Ihr Einverständnis können Sie nicht auf Sendung sprechen. Kreuzen Sie das Feld an.",
	},
	invitation_expired: {
		en: "This invitation has expired. Ask {host} for a new link.",
		de: "Diese Einladung ist abgelaufen. Bitten Sie {host} um einen neuen Link.",
	},
	invitation_used: {
		en: "This invitation was used already, in another browser. If that was you, open the studio there; otherwise ask {host} for a new link.",
		de: "Diese Einladung wurde schon benutzt, in einem anderen Browser. Waren Sie das selbst, öffnen Sie das Studio dort; sonst bitten Sie {host} um einen neuen Link.",
	},
	invitation_foreign: {
		en: "This server knows no such invitation. Check that the whole link was copied, or ask whoever sent it for a new one.",
		de: "Dieser Server kennt keine solche Einladung. Prüfen Sie, ob der ganze Link kopiert wurde, oder bitten Sie um einen neuen.",
	},
	invitation_missing: {
		en: "The link is incomplete: the part after # is missing. Copy the whole link from the message you got.",
		de: "Der Link ist unvollständig: Der Teil nach # fehlt. Kopieren Sie den ganzen Link aus Ihrer Nachricht.",
	},
	invitation_over: {
		en: "This interview is over. The recording is at its address.",
		de: "Dieses Interview ist vorbei. Die Aufnahme steht unter seiner Adresse.",
	},
	the_host: { en: "the host", de: "den Gastgeber" },
	already_joined: { en: "This browser has a seat already.", de: "Dieser Browser hat schon einen Platz." },
	to_studio: { en: "To the studio", de: "Zum Studio" },
});
