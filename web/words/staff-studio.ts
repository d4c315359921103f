/** What the studio says. */
import { catalogue } from "./words.ts";

export const studioWords = catalogue({
	studio: { en: "Studio", de: "Studio" },

	// The top: what is true of the interview
	on_air: { en: "On air", de: "Auf Sendung" },
	not_on_air: { en: "Not on air", de: "Nicht auf Sendung" },
	waiting: { en: "Late", de: "Verspätet" },
	interrupted: { en: "Interrupted", de: "Unterbrochen" },
	ended: { en: "Ended", de: "Beendet" },
	cancelled: { en: "Cancelled", de: "Abgesagt" },
	goes_live_in: { en: "On air by itself at {time}", de: "Geht um {time} von selbst auf Sendung" },
	waiting_since: { en: "later than announced", de: "später als angekündigt" },
	waiting_hint: {
		en: "The announced start has passed. Listeners hear that the host is awaited. Go live when you are ready.",
		de: "Der angekündigte Beginn ist vorbei. Die Hörenden hören, dass auf den Gastgeber gewartet wird. Gehen Sie auf Sendung, wenn Sie bereit sind.",
	},
	interrupted_hint: {
		en: "The programme is being restored. It goes on by itself; stay here.",
		de: "Das Programm wird wiederhergestellt. Es geht von selbst weiter; bleiben Sie hier.",
	},
	doors_at: {
		en: "Doors open {time}: from then on listeners hear hold sound. You can meet here before.",
		de: "Türen offen ab {time}: Von da an hören die Hörenden Wartemusik. Sie können sich hier schon vorher treffen.",
	},
	listening: {
		en: { one: "{count} listening", other: "{count} listening" },
		de: { one: "{count} hört zu", other: "{count} hören zu" },
	},
	listening_hint: {
		en: "Connections taking sound for 30 seconds and more, on this server, counted exactly",
		de: "Verbindungen, die seit mindestens 30 Sekunden Ton holen, auf diesem Server, genau gezählt",
	},
	public_page: { en: "Listeners’ page", de: "Seite der Hörenden" },
	go_live: { en: "Go live", de: "Auf Sendung gehen" },
	go_live_question: {
		en: "Go on air now, {time} before the announced start?",
		de: "Jetzt auf Sendung gehen, {time} vor dem angekündigten Beginn?",
	},
	wait_for_start: { en: "Wait for the start", de: "Auf den Beginn warten" },
	end: { en: "End", de: "Beenden" },
	end_title: { en: "End this interview?", de: "Dieses Interview beenden?" },
	end_question: {
		en: "The programme stops for everybody and the recording is published at the same address. It cannot go on air again.",
		de: "Das Programm endet für alle, und die Aufnahme erscheint unter derselben Adresse. Es kann nicht noch einmal auf Sendung gehen.",
	},
	end_before_air: {
		en: "It has not been on air: there will be no recording. It cannot be opened again.",
		de: "Es war nicht auf Sendung: Es gibt keine Aufnahme. Es kann nicht wieder geöffnet werden.",
	},
	end_now: { en: "End for everybody", de: "Für alle beenden" },
	go_on: { en: "Go on", de: "Weitermachen" },
	recording: { en: "Recorded.", de: "Wird aufgezeichnet." },

	// Places
	place_air: { en: "On air", de: "Auf Sendung" },
	place_green: { en: "Green room", de: "Vorraum" },
	place_green_hint: {
		en: "Hear each other; nobody outside hears you.",
		de: "Man hört einander; draußen hört niemand mit.",
	},
	place_away: { en: "Not in the green room yet", de: "Noch nicht im Vorraum" },
	nobody_else: {
		en: "Nobody else is here yet. Invite somebody, or wait: whoever comes appears here.",
		de: "Noch ist niemand sonst hier. Laden Sie jemanden ein, oder warten Sie: Wer kommt, erscheint hier.",
	},
	nobody_else_guest: {
		en: "Nobody else is here yet. Whoever comes appears here.",
		de: "Noch ist niemand sonst hier. Wer kommt, erscheint hier.",
	},
	you: { en: "you", de: "Sie" },
	is_speaking: { en: "speaking", de: "spricht" },

	// A seat
	level_of: { en: "Level of {name}", de: "Pegel von {name}" },
	mute: { en: "Mute", de: "Stumm" },
	unmute: { en: "Unmute", de: "Ton an" },
	mute_name: { en: "Mute {name}", de: "Stumm: {name}" },
	unmute_name: { en: "Unmute {name}", de: "Ton an: {name}" },
	gain: { en: "Gain", de: "Verstärkung" },
	gain_of: { en: "Gain of {name}", de: "Verstärkung von {name}" },
	gain_value: { en: "{db} dB", de: "{db} dB" },
	bring_on_air: { en: "Bring on air", de: "Auf Sendung holen" },
	take_off_air: { en: "To the green room", de: "In den Vorraum" },
	make_co_host: { en: "Make co-host", de: "Zum Mitgastgeber machen" },
	make_guest: { en: "Make guest", de: "Zum Gast machen" },
	new_link: { en: "New link", de: "Neuer Link" },
	remove: { en: "Remove", de: "Entfernen" },
	remove_title: { en: "Remove {name}?", de: "{name} entfernen?" },
	remove_question: {
		en: "The connection is cut at once, and the way back needs a new invitation.",
		de: "Die Verbindung wird sofort getrennt; der Weg zurück braucht eine neue Einladung.",
	},
	more_of: { en: "More for {name}", de: "Mehr zu {name}" },

	// One sentence of advice per seat
	advice_good: { en: "Good: {ms} ms, no loss", de: "Gut: {ms} ms, kein Verlust" },
	advice_good_plain: { en: "Good", de: "Gut" },
	advice_absent: { en: "Not here yet", de: "Noch nicht hier" },
	advice_checking: { en: "Checking microphone and line", de: "Prüft Mikrofon und Leitung" },
	advice_connecting: { en: "Connecting", de: "Verbindet" },
	advice_lost: { en: "Lost {s} s ago, coming back", de: "Seit {s} s weg, kommt zurück" },
	advice_lost_long: {
		en: "Lost {s} s ago. Ask for a reload of the page, or send a new link.",
		de: "Seit {s} s weg. Bitten Sie darum, die Seite neu zu laden, oder schicken Sie einen neuen Link.",
	},
	advice_muted: { en: "Muted", de: "Stumm" },
	advice_silent: {
		en: "Nothing comes from the microphone. Ask {name} to choose another one.",
		de: "Vom Mikrofon kommt nichts. Bitten Sie {name}, ein anderes zu wählen.",
	},
	advice_silent_you: {
		en: "Nothing comes from your microphone. Choose another one.",
		de: "Von Ihrem Mikrofon kommt nichts. Wählen Sie ein anderes.",
	},
	advice_loss: {
		en: "The line loses {percent} % of the sound. A cable, or a place nearer to the router, helps.",
		de: "Die Leitung verliert {percent} % des Tons. Ein Kabel oder ein Platz näher am Router hilft.",
	},
	advice_slow: {
		en: "Long way: {ms} ms. Leave a pause before answering.",
		de: "Langer Weg: {ms} ms. Lassen Sie vor Antworten eine Pause.",
	},
	advice_unsteady: {
		en: "Unsteady line: {ms} ms of jitter. Closing other programs and downloads helps.",
		de: "Unruhige Leitung: {ms} ms Schwankung. Andere Programme und Downloads zu schließen hilft.",
	},
	advice_low: { en: "Too quiet.", de: "Zu leise." },
	advice_high: { en: "Too loud.", de: "Zu laut." },
	advice_low_you: {
		en: "You are too quiet. Come nearer to the microphone.",
		de: "Sie sind zu leise. Gehen Sie näher ans Mikrofon.",
	},
	advice_high_you: { en: "You are too loud. Move back a little.", de: "Sie sind zu laut. Gehen Sie etwas zurück." },
	raise: { en: "Raise by 6 dB", de: "Um 6 dB anheben" },
	lower: { en: "Lower by 6 dB", de: "Um 6 dB senken" },

	// The desk at the bottom
	mic_on: { en: "Mic on", de: "Mikro an" },
	mic_off: { en: "Mic off", de: "Mikro aus" },
	cough: { en: "Cough (hold)", de: "Husten (halten)" },
	mute_others: { en: "Mute others", de: "Andere stumm" },
	unmute_others: { en: "Unmute others", de: "Andere an" },
	sound: { en: "Sound", de: "Ton" },
	headphones: { en: "Headphones", de: "Kopfhörer" },
	volume_value: { en: "{percent} %", de: "{percent} %" },
	desk: { en: "Your microphone", de: "Ihr Mikrofon" },
	you_air: { en: "You are on air.", de: "Sie sind auf Sendung." },
	you_off: { en: "You are no longer on air.", de: "Sie sind nicht mehr auf Sendung." },
	you_green: { en: "Only the green room hears you.", de: "Nur der Vorraum hört Sie." },
	you_green_live: {
		en: "The interview is on air; you are in the green room and hear it. Nobody outside hears you.",
		de: "Das Interview ist auf Sendung; Sie sind im Vorraum und hören es. Draußen hört Sie niemand.",
	},
	you_muted: { en: "You are muted: nobody hears you.", de: "Sie sind stumm: Niemand hört Sie." },
	you_muted_speaking: {
		en: "You are speaking, but your microphone is off.",
		de: "Sie sprechen, aber Ihr Mikrofon ist aus.",
	},
	you_cough: { en: "Cough: nobody hears you.", de: "Husten: Niemand hört Sie." },
	you_level_right: { en: "Your level is right.", de: "Ihr Pegel stimmt." },
	you_space: { en: "Space bar holds your cough.", de: "Die Leertaste hält Ihr Husten zurück." },
	you_connecting: { en: "Connecting you to the studio.", de: "Sie werden mit dem Studio verbunden." },
	you_returning: {
		en: "Your connection to the studio is being restored. Listeners hear the others meanwhile.",
		de: "Ihre Verbindung zum Studio wird wiederhergestellt. Die Hörenden hören solange die anderen.",
	},
	you_returning_off_air: {
		en: "Your connection to the studio is being restored.",
		de: "Ihre Verbindung zum Studio wird wiederhergestellt.",
	},
	stage_starting: { en: "The studio is being started.", de: "Das Studio wird gestartet." },
	hear_now: { en: "Hear the others", de: "Die anderen hören" },
	hear_blocked: {
		en: "The browser holds the sound back until you press something.",
		de: "Der Browser hält den Ton zurück, bis Sie etwas drücken.",
	},
	stale: {
		en: "The server does not answer at the moment. What you see is some seconds old; sound goes on.",
		de: "Der Server antwortet gerade nicht. Was Sie sehen, ist einige Sekunden alt; der Ton läuft weiter.",
	},
	refused_not_allowed: {
		en: "You have been removed from this interview, or your seat was taken over elsewhere. Ask the host for a new link.",
		de: "Sie wurden aus diesem Interview entfernt, oder Ihr Platz wird anderswo benutzt. Bitten Sie den Gastgeber um einen neuen Link.",
	},
	refused_gone: {
		en: "The studio is not open. If the interview is still to come, wait here: you are connected when it opens.",
		de: "Das Studio ist nicht offen. Wenn das Interview noch kommt, warten Sie hier: Sie werden verbunden, sobald es öffnet.",
	},
	refused_full: {
		en: "All seats in the studio are taken. Ask the host to free one, then try again.",
		de: "Alle Plätze im Studio sind belegt. Bitten Sie den Gastgeber, einen frei zu machen, und versuchen Sie es noch einmal.",
	},
	refused_unsupported: {
		en: "The studio does not understand this browser’s offer ({code}). Try Firefox or a browser based on Chromium.",
		de: "Das Studio versteht das Angebot dieses Browsers nicht ({code}). Versuchen Sie Firefox oder einen Browser auf Chromium-Basis.",
	},
	connect_again: { en: "Connect again", de: "Neu verbinden" },

	// Late reason
	late_title: { en: "Why it is late", de: "Warum es später wird" },
	late_hint: {
		en: "Listeners read it at once, as it stands here: “20 minutes late: the guest’s train.”",
		de: "Die Hörenden lesen es sofort, so wie es hier steht: „20 Minuten später: der Zug des Gastes.“",
	},
	late_label: { en: "In your words", de: "In Ihren Worten" },
	late_save: { en: "Tell the listeners", de: "Den Hörenden sagen" },
	late_saved: { en: "The listeners read it now.", de: "Die Hörenden lesen es jetzt." },
	late_cleared: { en: "Nothing is said about it now.", de: "Dazu steht jetzt nichts mehr da." },

	// Inviting
	invite: { en: "Invite", de: "Einladen" },
	invite_title: { en: "Invite somebody to speak", de: "Jemanden zum Sprechen einladen" },
	invite_name: { en: "Name, as listeners will read it", de: "Name, wie die Hörenden ihn lesen" },
	invite_role: { en: "May direct as a co-host", de: "Darf als Mitgastgeber leiten" },
	invite_role_hint: {
		en: "A co-host can go live, mute, invite and end, and is in charge if you disappear.",
		de: "Mitgastgeber können auf Sendung gehen, stumm schalten, einladen und beenden, und leiten, falls Sie ausfallen.",
	},
	invite_make: { en: "Make a link", de: "Link erstellen" },
	invite_done: {
		en: "Send this link to {name} only. It works once and is not shown again.",
		de: "Schicken Sie diesen Link nur an {name}. Er gilt einmal und wird nicht noch einmal gezeigt.",
	},
	renew_hint: {
		en: "Make a new link for {name}. Links made before stop working.",
		de: "Erstellen Sie einen neuen Link für {name}. Frühere Links gelten dann nicht mehr.",
	},
	invite_link: { en: "Link for {name}", de: "Link für {name}" },
	invite_expires: { en: "Valid until {time}", de: "Gültig bis {time}" },
	done: { en: "Done", de: "Fertig" },

	// Asking for the microphone
	gate_title: { en: "Your microphone", de: "Ihr Mikrofon" },
	gate_ask: {
		en: "The browser will ask whether this page may use your microphone. Nobody hears you before you enter the green room.",
		de: "Der Browser fragt, ob diese Seite Ihr Mikrofon benutzen darf. Niemand hört Sie, bevor Sie den Vorraum betreten.",
	},
	gate_headphones: {
		en: "Put on headphones if you have them: they keep the others’ voices out of your microphone.",
		de: "Setzen Sie Kopfhörer auf, wenn Sie welche haben: So gelangen die Stimmen der anderen nicht in Ihr Mikrofon.",
	},
	gate_allow: { en: "Use my microphone", de: "Mein Mikrofon benutzen" },
	gate_asking: {
		en: "The browser is asking now. Choose “Allow”.",
		de: "Der Browser fragt jetzt. Wählen Sie „Erlauben“.",
	},
	gate_without: { en: "Go on without a microphone", de: "Ohne Mikrofon weiter" },
	gate_without_hint: {
		en: "You hear the others and can direct; nobody hears you.",
		de: "Sie hören die anderen und können leiten; Sie selbst hört niemand.",
	},
	mic_refused: {
		en: "The browser keeps the microphone from this page.",
		de: "Der Browser gibt dieser Seite das Mikrofon nicht.",
	},
	mic_refused_repair: {
		en: "Press the symbol at the left of the address, allow the microphone, then try again. If it stays refused, allow it for the browser in the system’s privacy settings.",
		de: "Drücken Sie das Symbol links neben der Adresse, erlauben Sie das Mikrofon, und versuchen Sie es noch einmal. Hilft das nicht, erlauben Sie es dem Browser in den Datenschutz-Einstellungen des Systems.",
	},
	mic_missing: { en: "The browser finds no microphone.", de: "Der Browser findet kein Mikrofon." },
	mic_missing_repair: {
		en: "Plug one in or switch it on; this page notices by itself.",
		de: "Stecken Sie eines ein oder schalten Sie es ein; diese Seite merkt es von selbst.",
	},
	mic_busy: { en: "Another program holds the microphone.", de: "Ein anderes Programm hält das Mikrofon fest." },
	mic_busy_repair: {
		en: "Close other calls and recorders, then try again.",
		de: "Schließen Sie andere Gespräche und Aufnahmeprogramme, und versuchen Sie es noch einmal.",
	},
	mic_insecure: {
		en: "Browsers give no microphone to a page without HTTPS.",
		de: "Browser geben einer Seite ohne HTTPS kein Mikrofon.",
	},
	mic_insecure_repair: {
		en: "Open the address that begins with https://, or ask whoever runs the server.",
		de: "Öffnen Sie die Adresse, die mit https:// beginnt, oder fragen Sie, wer den Server betreibt.",
	},
	mic_unknown: {
		en: "The browser could not open the microphone.",
		de: "Der Browser konnte das Mikrofon nicht öffnen.",
	},
	mic_unknown_repair: {
		en: "Unplug it, plug it in again, and try once more.",
		de: "Ziehen Sie es ab, stecken Sie es wieder ein, und versuchen Sie es noch einmal.",
	},
	mic_gone: {
		en: "The microphone “{label}” was taken away: nobody hears you.",
		de: "Das Mikrofon „{label}“ ist weg: Niemand hört Sie.",
	},
	mic_gone_repair: {
		en: "Plug it in again, or choose another one; you are heard at once.",
		de: "Stecken Sie es wieder ein, oder wählen Sie ein anderes; man hört Sie dann sofort.",
	},
	mic_interrupted: {
		en: "The system has silenced “{label}”: a call, or the switch on your headset.",
		de: "Das System hat „{label}“ stumm geschaltet: ein Anruf oder der Schalter am Headset.",
	},
	mic_interrupted_repair: {
		en: "End the call or use the switch; you are heard again at once.",
		de: "Beenden Sie den Anruf, oder betätigen Sie den Schalter; man hört Sie dann sofort wieder.",
	},
	mic_replaced: {
		en: "Your microphone was taken away; “{label}” is used now.",
		de: "Ihr Mikrofon ist weg; jetzt wird „{label}“ benutzt.",
	},
	mic_without: {
		en: "You have no microphone here: nobody hears you.",
		de: "Sie haben hier kein Mikrofon: Niemand hört Sie.",
	},

	// Sound settings
	choose_input: { en: "Microphone", de: "Mikrofon" },
	choose_output: { en: "Headphones or loudspeaker", de: "Kopfhörer oder Lautsprecher" },
	output_by_system: {
		en: "This browser plays through what the system has chosen.",
		de: "Dieser Browser spielt über das, was das System gewählt hat.",
	},
	unnamed_device: { en: "Device {number}", de: "Gerät {number}" },
	i_wear_headphones: {
		en: "I wear headphones: send my voice as it is",
		de: "Ich trage Kopfhörer: meine Stimme unverändert senden",
	},
	i_wear_headphones_hint: {
		en: "Without the browser’s echo cancelling, noise suppression and level control a good microphone sounds better.",
		de: "Ohne Echounterdrückung, Rauschminderung und Pegelautomatik des Browsers klingt ein gutes Mikrofon besser.",
	},
	check_again: { en: "Check again", de: "Noch einmal prüfen" },
	close: { en: "Close", de: "Schließen" },

	// After the end
	ended_title: { en: "The interview is over", de: "Das Interview ist vorbei" },
	ended_lasted: { en: "It was on air for {time}.", de: "Es war {time} auf Sendung." },
	ended_recording: {
		en: "The recording is at the same address, complete and for download.",
		de: "Die Aufnahme steht unter derselben Adresse, vollständig und zum Herunterladen.",
	},
	ended_never: {
		en: "It has not been on air, so there is no recording.",
		de: "Es war nicht auf Sendung, also gibt es keine Aufnahme.",
	},
	ended_open: { en: "Open the recording", de: "Aufnahme öffnen" },
	ended_download: { en: "Download (M4A)", de: "Herunterladen (M4A)" },
	cancelled_title: { en: "The interview was cancelled", de: "Das Interview wurde abgesagt" },
	back_to_list: { en: "To the interviews", de: "Zu den Interviews" },
	microphone_is_off: { en: "Your microphone is off.", de: "Ihr Mikrofon ist aus." },

	// Warnings of the server
	warning_disk_full: {
		en: "The disk is full: the recording has stopped. The live programme goes on. Make room on the server; recording resumes by itself.",
		de: "Die Platte ist voll: Die Aufnahme ist angehalten. Das Programm läuft weiter. Schaffen Sie auf dem Server Platz; die Aufnahme geht dann von selbst weiter.",
	},
	warning_disk_short: {
		en: "Disk space is short: it may not last for the whole recording. Make room on the server.",
		de: "Der Speicherplatz ist knapp: Er reicht vielleicht nicht für die ganze Aufnahme. Schaffen Sie auf dem Server Platz.",
	},
	warning_database_down: {
		en: "The database is away. Sound, Go live, mute and End work; what happens is recorded when it is back.",
		de: "Die Datenbank ist weg. Ton, Auf-Sendung-Gehen, Stummschalten und Beenden funktionieren; was geschieht, wird nachgetragen.",
	},
	warning_house_down: {
		en: "The listeners’ pages stand still for a moment. Sound goes on.",
		de: "Die Seiten der Hörenden stehen kurz still. Der Ton läuft weiter.",
	},
	warning_live_max: {
		en: "All places for open interviews are taken: this one cannot open until another ends.",
		de: "Alle Plätze für offene Interviews sind belegt: Dieses kann erst öffnen, wenn ein anderes endet.",
	},
	going_live: { en: "Going on air", de: "Geht auf Sendung" },
	ending: { en: "Finishing the recording", de: "Die Aufnahme wird fertiggestellt" },
	warning_unknown: { en: "The server warns: {key}.", de: "Der Server warnt: {key}." },
});
