/** What the listen page and the front page say about an interview and its sound. */
import { catalogue } from "./words.ts";

export const listenWords = catalogue({
	// State, as a word
	announced: { en: "Announced", de: "Angekündigt" },
	doors: { en: "Doors are open", de: "Die Türen sind offen" },
	waiting_for_host: { en: "Waiting for the host", de: "Wir warten auf die Gastgeber" },
	on_air: { en: "On air", de: "Auf Sendung" },
	interrupted: { en: "Interrupted", de: "Unterbrochen" },
	ended: { en: "Ended", de: "Beendet" },
	cancelled: { en: "Cancelled", de: "Abgesagt" },
	recording: { en: "Recording", de: "Aufzeichnung" },

	// State, as facts
	begins_at: { en: "begins {time}", de: "Beginn {time}" },
	begins_in: { en: "Begins in {time}", de: "Beginnt in {time}" },
	begins_any_moment: { en: "Begins any moment", de: "Beginnt jeden Augenblick" },
	announced_for: { en: "announced for {time}", de: "angekündigt für {time}" },
	since: { en: "since {time}", de: "seit {time}" },
	was_on_air: { en: "{day}, {from} to {to}", de: "{day}, {from} bis {to}" },
	lasted: { en: "{time} long", de: "{time} lang" },
	listening: {
		en: { one: "{count} listening", other: "{count} listening" },
		de: { one: "{count} hört zu", other: "{count} hören zu" },
	},
	audible: {
		en: "{share} of the sound heard, as {count} players report",
		de: "{share} des Tons gehört, sagen {count} Player",
	},
	how_we_count: { en: "how we count", de: "wie wir zählen" },
	how_we_count_title: { en: "How we count", de: "Wie wir zählen" },
	how_we_count_text: {
		en: "A listener is a connection that has been taking sound for at least 30 seconds; one that leaves what it is sent unread does not count until it takes it again. This server counts its own connections, exactly; it sets no cookie and keeps no list of who listened. Players on this page also say once a minute, without saying whose they are, how much of the sound they played and how much was missing. That is their word: it is told beside the count and never added to it.",
		de: "Gezählt wird, wer seit mindestens 30 Sekunden Ton abnimmt; wer ungelesen lässt, was er bekommt, zählt nicht, bis er es wieder abnimmt. Dieser Server zählt seine eigenen Verbindungen, und zwar genau; er setzt kein Cookie und führt keine Liste darüber, wer zugehört hat. Die Player auf dieser Seite sagen außerdem einmal in der Minute, ohne zu sagen, wessen sie sind, wie viel Ton sie gespielt haben und wie viel fehlte. Das sind ihre eigenen Angaben: Sie stehen neben der Zahl und werden nie dazugezählt.",
	},

	// Why it is not as announced
	late_by: { en: "{time} late so far.", de: "Bisher {time} Verspätung." },
	late_by_reason: { en: "{time} late so far: {reason}", de: "Bisher {time} Verspätung: {reason}" },
	began_late: { en: "Began {time} late.", de: "Begann {time} später als angekündigt." },
	began_late_reason: { en: "Began {time} late: {reason}", de: "Begann {time} später als angekündigt: {reason}" },
	waiting_text: {
		en: "Nobody who may begin is in the studio yet. As soon as one of the hosts is there, it begins.",
		de: "Im Studio ist noch niemand, der beginnen darf. Sobald jemand von den Gastgebern da ist, geht es los.",
	},
	interrupted_text: {
		en: "The studio was interrupted. It goes on by itself as soon as it is back; this page will say so.",
		de: "Die Sendung ist unterbrochen. Sie geht von selbst weiter, sobald das Studio zurück ist; diese Seite sagt es Ihnen.",
	},
	cancelled_text: {
		en: "This interview was cancelled by its host and will not take place.",
		de: "Dieses Gespräch wurde abgesagt und findet nicht statt.",
	},
	recording_soon: {
		en: "The recording can be heard here at once; the files to download follow in a moment.",
		de: "Die Aufzeichnung ist hier sofort zu hören; die Dateien zum Herunterladen folgen gleich.",
	},
	no_recording: { en: "It ended without having been on air.", de: "Es endete, ohne auf Sendung gewesen zu sein." },

	// People
	people: { en: "Who speaks", de: "Wer spricht" },
	speaking: { en: "speaking", de: "spricht" },
	not_here: { en: "not here yet", de: "noch nicht da" },
	in_studio: { en: "in the studio", de: "im Studio" },
	coming_back: { en: "connection lost, coming back", de: "Verbindung verloren, kommt zurück" },

	// The player
	player: { en: "Player", de: "Player" },
	play: { en: "Play", de: "Abspielen" },
	pause: { en: "Pause", de: "Anhalten" },
	play_when_begun: { en: "Play as soon as there is sound", de: "Abspielen, sobald Ton da ist" },
	do_not_wait: { en: "Do not wait for the sound", de: "Nicht auf den Ton warten" },
	press_to_listen: { en: "Listen live", de: "Live zuhören" },
	press_to_listen_text: {
		en: "About a second after it is said, or from the start.",
		de: "Etwa eine Sekunde, nachdem es gesagt wurde, oder von Anfang an.",
	},
	press_interrupted: {
		en: "You hear the hold sound until it goes on. You can go back to the beginning.",
		de: "Bis es weitergeht, hören Sie den Pausenton. Zum Anfang zurück geht es jederzeit.",
	},
	press_to_hear: { en: "Listen to the recording", de: "Aufzeichnung anhören" },
	press_doors: { en: "Listen now", de: "Jetzt zuhören" },
	hold_sound: {
		en: "Until it begins you hear a quiet hold sound.",
		de: "Bis zum Beginn hören Sie einen leisen Pausenton.",
	},
	press_announced: {
		en: "Press play now, and it begins by itself.",
		de: "Drücken Sie jetzt auf Abspielen, dann beginnt es von selbst.",
	},
	armed: { en: "Plays by itself", de: "Spielt von selbst los" },
	armed_text: {
		en: "Leave this page open. You hear the hold sound once the doors open.",
		de: "Lassen Sie diese Seite offen. Sobald die Türen öffnen, hören Sie den Pausenton.",
	},
	connecting: { en: "Connecting …", de: "Verbindet …" },
	in_line: { en: "You are in the line", de: "Sie stehen in der Schlange" },
	in_line_text: {
		en: "More people want to listen than there is room for. Sound begins by itself, in about {time}; you keep your place if you reload.",
		de: "Es möchten mehr Menschen zuhören, als Platz ist. Der Ton beginnt von selbst, in etwa {time}; Ihr Platz bleibt auch beim Neuladen.",
	},
	restoring: { en: "Restoring the connection …", de: "Verbindung wird wiederhergestellt …" },
	restoring_text: {
		en: "The connection is being restored; nothing will be missed.",
		de: "Die Verbindung wird wiederhergestellt; Ihnen entgeht nichts.",
	},
	offline_text: {
		en: "This device is offline. Sound goes on when it is back.",
		de: "Dieses Gerät ist offline. Der Ton geht weiter, sobald es zurück ist.",
	},
	behind: { en: "{time} behind", de: "{time} hinter Live" },
	behind_text: {
		en: "You hear this {time} after it is said.",
		de: "Sie hören dies {time}, nachdem es gesagt wurde.",
	},
	complete: {
		en: "Sound is complete: nothing missed in {time}",
		de: "Der Ton ist vollständig: nichts verpasst in {time}",
	},
	complete_so_far: { en: "Sound is complete so far", de: "Der Ton ist bisher vollständig" },
	missed: { en: "{time} of sound were missed", de: "{time} Ton fehlten" },
	hear_missed: { en: "Hear what was missed", de: "Verpasstes anhören" },
	position_of: { en: "{position} of {length}", de: "{position} von {length}" },
	finished: { en: "Heard to the end", de: "Bis zum Ende gehört" },
	paused_at: { en: "Paused at {position}", de: "Angehalten bei {position}" },
	from_the_start: { en: "From the start", de: "Zum Anfang" },
	live: { en: "Live", de: "Live" },
	to_live: { en: "To live", de: "Zu Live" },
	bar: { en: "Position", de: "Position" },
	bar_text: { en: "{position} of {length}", de: "{position} von {length}" },
	bar_text_live: { en: "{position}, {behind} behind live", de: "{position}, {behind} hinter Live" },
	rate: { en: "Speed {rate}", de: "Tempo {rate}" },
	rate_live: {
		en: "Speed {rate}: live has its own, go back to change it",
		de: "Tempo {rate}: live nicht einstellbar, erst zurückgehen",
	},
	saver: { en: "Data saver: 24 kbit/s", de: "Datensparen: 24 kbit/s" },
	cannot_play: {
		en: "This browser cannot play the sound here. One of the addresses under “Other players” will do.",
		de: "Dieser Browser kann den Ton hier nicht abspielen. Nehmen Sie eine der Adressen unter „Andere Player“.",
	},
	gone: {
		en: "This interview was removed, together with its recording.",
		de: "Dieses Gespräch wurde zusammen mit der Aufzeichnung entfernt.",
	},
	blocked: {
		en: "The browser did not let the sound begin. Press play once more.",
		de: "Der Browser hat den Ton nicht beginnen lassen. Drücken Sie noch einmal auf Abspielen.",
	},

	// Around it
	about: { en: "About", de: "Worum es geht" },
	other_players: { en: "Other players", de: "Andere Player" },
	other_players_text: {
		en: "The same sound for radio apps, VLC, mpv and everything that plays an address.",
		de: "Derselbe Ton für Radio-Apps, VLC, mpv und alles, was eine Adresse abspielt.",
	},
	address_hls: { en: "HLS, for phones and television sets", de: "HLS, für Telefone und Fernseher" },
	address_ogg: { en: "Ogg Opus, 48 kbit/s", de: "Ogg Opus, 48 kbit/s" },
	address_saver: { en: "Ogg Opus, 24 kbit/s", de: "Ogg Opus, 24 kbit/s" },
	address_aac: { en: "AAC, 64 kbit/s", de: "AAC, 64 kbit/s" },
	address_mp3: { en: "MP3, for radios and old players", de: "MP3, für Radios und alte Player" },
	copy: { en: "Copy", de: "Kopieren" },
	copied: { en: "Copied", de: "Kopiert" },
	download: { en: "Download", de: "Herunterladen" },
	download_m4a: { en: "M4A, plays everywhere", de: "M4A, läuft überall" },
	download_mp3: { en: "MP3, for old players", de: "MP3, für alte Player" },
	download_ogg: { en: "Ogg Opus, smaller", de: "Ogg Opus, kleiner" },
	download_text: {
		en: "The recording is what was broadcast, byte for byte. It does not change any more.",
		de: "Die Aufzeichnung ist genau das, was gesendet wurde, Byte für Byte. Sie ändert sich nicht mehr.",
	},
	gaps: {
		en: {
			one: "{count} passage was lost in transmission ({time}) and is silent.",
			other: "{count} passages were lost in transmission ({time} in all) and are silent.",
		},
		de: {
			one: "{count} Stelle ging bei der Übertragung verloren ({time}) und ist still.",
			other: "{count} Stellen gingen bei der Übertragung verloren (zusammen {time}) und sind still.",
		},
	},
	without_script: {
		en: "This player works without JavaScript. With it, the page also shows who is speaking, goes back to the beginning and keeps itself up to date.",
		de: "Dieser Player funktioniert ohne JavaScript. Mit JavaScript zeigt die Seite auch, wer spricht, spult zum Anfang und hält sich selbst aktuell.",
	},
	reload: { en: "Bring the state up to date", de: "Stand aktualisieren" },
	foot: {
		en: "Sound only, the same for everybody. No cookies, nothing from elsewhere.",
		de: "Nur Ton, für alle derselbe. Keine Cookies, nichts von anderswo.",
	},
	about_recording: {
		en: "This conversation is broadcast and recorded.",
		de: "Dieses Gespräch wird gesendet und aufgezeichnet.",
	},
});
