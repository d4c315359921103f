/** What the operations page says. */
import { catalogue } from "./words.ts";

export const operationsWords = catalogue({
	title: { en: "Operations", de: "Betrieb" },
	as_of: { en: "As of {time}, refreshes by itself", de: "Stand {time}, aktualisiert sich selbst" },
	stale: {
		en: "The server has not answered since {time}. What stands here is of that time.",
		de: "Der Server antwortet seit {time} nicht. Was hier steht, ist von dieser Zeit.",
	},
	warnings: { en: "Warnings", de: "Warnungen" },
	no_warnings: { en: "Nothing to do: no warnings.", de: "Nichts zu tun: keine Warnungen." },
	database_away: {
		en: {
			one: "PostgreSQL is away. {count} record waits in the journal and is written when it returns. Sound is not affected.",
			other:
				"PostgreSQL is away. {count} records wait in the journal and are written when it returns. Sound is not affected.",
		},
		de: {
			one: "PostgreSQL ist weg. {count} Eintrag wartet im Journal und wird geschrieben, wenn es wieder da ist. Der Ton ist nicht betroffen.",
			other:
				"PostgreSQL ist weg. {count} Einträge warten im Journal und werden geschrieben, wenn es wieder da ist. Der Ton ist nicht betroffen.",
		},
	},
	no_supervisor: {
		en: "The supervisor has not reported yet.",
		de: "Der Supervisor hat noch nicht berichtet.",
	},
	live: { en: "Open interviews", de: "Offene Interviews" },
	live_of: { en: "{now} of {max}", de: "{now} von {max}" },
	none_live: {
		en: "No interview is open. One appears here when its doors open or somebody enters its studio.",
		de: "Kein Interview ist offen. Eines erscheint hier, wenn seine Türen öffnen oder jemand sein Studio betritt.",
	},
	interview: { en: "Interview", de: "Interview" },
	phase: { en: "Phase", de: "Phase" },
	seats: { en: "Seats connected", de: "Plätze verbunden" },
	listeners: { en: "Listening now / 30 s and more", de: "Hören jetzt / seit 30 s" },
	loudness: { en: "Loudness, LUFS", de: "Lautheit, LUFS" },
	peak: { en: "True peak, dBTP", de: "Spitze, dBTP" },
	missed: { en: "Frames missed", de: "Blöcke verpasst" },
	tick_late: { en: "Tick late p99, ms", de: "Takt zu spät p99, ms" },
	disk_state: { en: "Recording", de: "Aufnahme" },
	disk_ok: { en: "written", de: "läuft" },
	disk_full: { en: "stopped: disk full", de: "steht: Platte voll" },
	processes: { en: "Processes", de: "Prozesse" },
	name: { en: "Name", de: "Name" },
	state: { en: "State", de: "Zustand" },
	starting: { en: "starting", de: "startet" },
	running: { en: "running", de: "läuft" },
	restarting: { en: "restarting", de: "startet neu" },
	stopped: { en: "stopped", de: "gestoppt" },
	pid: { en: "Process id", de: "Prozess-Nr." },
	up_for: { en: "Up for", de: "Läuft seit" },
	restarts: { en: "Restarts", de: "Neustarts" },
	last_exit: { en: "Last exit", de: "Letztes Ende" },
	memory: { en: "Memory (RSS)", de: "Speicher (RSS)" },
	disk: { en: "Disk", de: "Platte" },
	disk_free: { en: "{free} free of {total}", de: "{free} frei von {total}" },
});
