/** The entry of every process the supervisor starts: bus, log, the role's composition root, orderly stop. */
import { writeSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { createLog, openOutput, systemClock, systemRandom } from "#base/index.ts";
import { connectBus } from "#bus/index.ts";
import { PROCESS_READY, processStart, writeJson } from "#wire/index.ts";
import type { Outside } from "./outside.ts";

/** An orderly stop that takes longer is cut short, before the supervisor does it. */
const STOP_WITHIN_MS = 1_200;

const { name, settings, role } = processStart.parse(JSON.parse(process.env["ROSTRA_PROCESS"] ?? "{}"));
process.title = `rostra ${name}`;
const output = openOutput(2);
const log = createLog({ clock: systemClock, process: name, levelMin: settings.logLevel, write: output.write });

// The supervisor holds the other end of our standard input: when it is gone, so are we, and without the time that
// an exit takes to let go of everything.
const leaveAtOnce = () => process.kill(process.pid, "SIGKILL");
process.stdin.on("end", leaveAtOnce).on("error", leaveAtOnce).resume();
process.on("uncaughtException", (error) => {
	try {
		const fields = { at: new Date().toISOString(), level: "error", process: name, event: "process.failed" };
		writeSync(2, `${JSON.stringify({ ...fields, error: error.stack ?? String(error) })}\n`);
	} finally {
		process.exit(70);
	}
});

const bus = await connectBus(settings.busPath, { clock: systemClock, log, connectWithinMs: 5_000 });
const outside: Outside = { clock: systemClock, random: systemRandom, bus, log };
const running = await startRole();
bus.onConnect(() => bus.publish(PROCESS_READY, writeJson({ name })));
// A process that is killed leaves nothing behind: what is kept now makes its successor's start shorter.
flushCompileCache();

let stopping = false;
const stop = async () => {
	if (stopping) return;
	stopping = true;
	setTimeout(() => process.exit(75), STOP_WITHIN_MS).unref();
	await running[Symbol.asyncDispose]();
	await bus[Symbol.asyncDispose]();
	await output.flushed();
	process.exit(0);
};
process.on("SIGTERM", stop).on("SIGINT", stop);

async function startRole(): Promise<AsyncDisposable> {
	switch (role.role) {
		case "control":
			return (await import("./control.ts")).startControl(settings, outside);
		case "house":
			return (await import("./house.ts")).startHouse(settings, outside);
		case "certificate":
			return (await import("./certificate.ts")).startCertificate(settings, outside);
		case "edge":
			return (await import("./edge.ts")).startEdge(settings, role, outside);
		case "stage":
			return (await import("./stage.ts")).startStage(settings, role, outside);
		case "broadcast":
			return (await import("./broadcast.ts")).startBroadcast(settings, role, outside);
		case "rehearsal":
			return (await import("./rehearsal.ts")).startRehearsal(settings, role, outside);
	}
}
