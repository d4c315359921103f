/** Pre-flight: one sentence for each verdict, and the repair. */
import { catalogue } from "./words.ts";

export const preflightWords = catalogue({
	title: { en: "Check before you are heard", de: "Prüfung, bevor man Sie hört" },
	intro: {
		en: "Nobody hears you yet. It takes about fifteen seconds.",
		de: "Noch hört Sie niemand. Es dauert etwa fünfzehn Sekunden.",
	},
	step_voice: { en: "Voice", de: "Stimme" },
	step_speaker: { en: "Loudspeaker", de: "Lautsprecher" },
	step_line: { en: "Line", de: "Leitung" },
	say_something: {
		en: "Say two or three sentences as you will speak on air: your name, and what you had for breakfast.",
		de: "Sagen Sie zwei, drei Sätze, so wie Sie auf Sendung sprechen: Ihren Namen, und was es zum Frühstück gab.",
	},
	heard_so_far: { en: "{s} of {wanted} seconds of speech heard", de: "{s} von {wanted} Sekunden Sprache gehört" },
	now_quiet: {
		en: "Now be quiet for four seconds: you will hear a short rising tone, four times.",
		de: "Jetzt vier Sekunden still sein: Sie hören viermal einen kurzen, steigenden Ton.",
	},
	listening_line: { en: "Measuring the line to the studio.", de: "Die Leitung zum Studio wird gemessen." },
	line_later: {
		en: "The line is measured once the studio opens at {time}.",
		de: "Die Leitung wird gemessen, sobald das Studio um {time} öffnet.",
	},
	voice_good: {
		en: "Your voice comes in clear and at the right level.",
		de: "Ihre Stimme kommt klar und mit richtigem Pegel an.",
	},
	speaker_good: {
		en: "Nothing of your loudspeaker is heard in your microphone.",
		de: "Im Mikrofon ist nichts von Ihrem Lautsprecher zu hören.",
	},
	speaker_skipped: { en: "Not tried: the microphone comes first.", de: "Nicht geprüft: Zuerst ist das Mikrofon dran." },
	line_good: {
		en: "Good line: {ms} ms there and back, no loss.",
		de: "Gute Leitung: {ms} ms hin und zurück, kein Verlust.",
	},
	line_good_plain: { en: "Good line, no loss.", de: "Gute Leitung, kein Verlust." },
	state_waiting: { en: "waiting", de: "wartet" },
	state_skipped: { en: "not tried", de: "nicht geprüft" },
	state_running: { en: "being checked", de: "wird geprüft" },
	state_good: { en: "good", de: "gut" },
	state_problem: { en: "please look", de: "bitte ansehen" },
	enter: { en: "Enter the green room", de: "In den Vorraum" },
	enter_anyway: { en: "Enter the green room as it is", de: "Trotzdem in den Vorraum" },
	again: { en: "Check again", de: "Noch einmal prüfen" },
	skip: { en: "Skip the check", de: "Prüfung überspringen" },
	did_you_hear: {
		en: "If you heard no tone, choose other headphones or turn them up.",
		de: "Wenn Sie keinen Ton gehört haben, wählen Sie andere Kopfhörer, oder stellen Sie sie lauter.",
	},

	mic_silent: { en: "Nothing at all comes from this microphone.", de: "Von diesem Mikrofon kommt gar nichts." },
	mic_silent_repair: {
		en: "It is switched off, muted by the system, or the wrong one. Check the switch, or choose another.",
		de: "Es ist ausgeschaltet, vom System stumm geschaltet oder das falsche. Prüfen Sie den Schalter, oder wählen Sie ein anderes.",
	},
	mic_not_heard: { en: "You are not heard through this microphone.", de: "Durch dieses Mikrofon hört man Sie nicht." },
	mic_not_heard_repair: {
		en: "Speak towards it, or choose another: this may not be the one in front of you.",
		de: "Sprechen Sie hinein, oder wählen Sie ein anderes: Vielleicht ist es nicht das vor Ihnen.",
	},
	clipping: {
		en: "Your voice is cut off at the top and sounds harsh.",
		de: "Ihre Stimme ist übersteuert und klingt hart.",
	},
	clipping_repair: {
		en: "Lower the microphone’s level in the system’s sound settings, or move back.",
		de: "Senken Sie den Mikrofonpegel in den Toneinstellungen des Systems, oder gehen Sie weiter weg.",
	},
	level_high: { en: "You are very loud.", de: "Sie sind sehr laut." },
	level_high_repair: {
		en: "Move back a hand’s width, or lower the microphone’s level in the system’s sound settings.",
		de: "Gehen Sie eine Handbreit zurück, oder senken Sie den Mikrofonpegel in den Toneinstellungen des Systems.",
	},
	level_low: { en: "You are very quiet.", de: "Sie sind sehr leise." },
	level_low_repair: {
		en: "Come within two hand’s widths of the microphone, or raise its level in the system’s sound settings.",
		de: "Gehen Sie bis auf zwei Handbreit ans Mikrofon, oder heben Sie seinen Pegel in den Toneinstellungen des Systems an.",
	},
	noise: { en: "There is a lot of noise around you.", de: "Um Sie herum ist viel Lärm." },
	noise_repair: {
		en: "Close the window, switch off the fan, move nearer to the microphone, or find a quieter room.",
		de: "Schließen Sie das Fenster, schalten Sie den Lüfter aus, gehen Sie näher ans Mikrofon oder in einen ruhigeren Raum.",
	},
	telephone_quality: {
		en: "Your microphone sounds like a telephone: it reaches only {khz} kHz.",
		de: "Ihr Mikrofon klingt wie ein Telefon: Es reicht nur bis {khz} kHz.",
	},
	telephone_quality_repair: {
		en: "That is usual with Bluetooth. Choose the built-in microphone or one with a cable, and keep the Bluetooth headphones for listening.",
		de: "Das ist bei Bluetooth üblich. Wählen Sie das eingebaute Mikrofon oder eines mit Kabel; zum Hören kann Bluetooth bleiben.",
	},
	echo: {
		en: "Your loudspeaker is heard in your microphone: the others hear themselves.",
		de: "Ihr Lautsprecher ist in Ihrem Mikrofon zu hören: Die anderen hören sich selbst.",
	},
	echo_repair: {
		en: "Put on headphones, or turn the loudspeaker down.",
		de: "Setzen Sie Kopfhörer auf, oder stellen Sie den Lautsprecher leiser.",
	},
	echo_repair_raw: {
		en: "Put on headphones, or switch off “send my voice as it is” so that the browser removes the echo.",
		de: "Setzen Sie Kopfhörer auf, oder schalten Sie „meine Stimme unverändert senden“ aus, damit der Browser das Echo entfernt.",
	},
	unreachable: { en: "The studio does not answer.", de: "Das Studio antwortet nicht." },
	unreachable_repair: {
		en: "Check your Internet connection; the check goes on by itself.",
		de: "Prüfen Sie Ihre Internetverbindung; die Prüfung geht von selbst weiter.",
	},
	udp_blocked: {
		en: "Your network lets web pages through, but not live sound (UDP).",
		de: "Ihr Netz lässt Webseiten durch, aber keinen Live-Ton (UDP).",
	},
	udp_blocked_repair: {
		en: "Use another network, a phone’s hotspot for example, or switch off the VPN. In an office, ask for outgoing UDP to this server.",
		de: "Nehmen Sie ein anderes Netz, etwa den Hotspot eines Telefons, oder schalten Sie das VPN aus. Im Büro: ausgehendes UDP zu diesem Server erlauben lassen.",
	},
	loss: { en: "The line loses {percent} % of the sound.", de: "Die Leitung verliert {percent} % des Tons." },
	loss_repair: {
		en: "Use a cable instead of Wi-Fi, go nearer to the router, or stop other downloads.",
		de: "Nehmen Sie ein Kabel statt WLAN, gehen Sie näher an den Router, oder stoppen Sie andere Downloads.",
	},
	round_trip_long: { en: "The way to the studio is long: {ms} ms.", de: "Der Weg zum Studio ist lang: {ms} ms." },
	round_trip_long_repair: {
		en: "It will work; leave a pause before you answer. Without a VPN it is often shorter.",
		de: "Es geht; lassen Sie vor Antworten eine Pause. Ohne VPN ist der Weg oft kürzer.",
	},
	jitter: { en: "The line is unsteady.", de: "Die Leitung ist unruhig." },
	jitter_repair: {
		en: "Stop downloads and video in your network, or use a cable.",
		de: "Stoppen Sie Downloads und Videos in Ihrem Netz, oder nehmen Sie ein Kabel.",
	},
});
