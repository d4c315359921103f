/** The entry of every process the supervisor starts: bus, log, the role's composition root, orderly stop. */
import { enableCompileCache } from "node:module";
import { createLog, systemClock, systemRandom } from "#base/index.ts";
import { connectBus } from "#bus/index.ts";
import { PROCESS_READY, processStart, writeJson } from "#wire/index.ts";
import type { Outside } from "./outside.ts";

enableCompileCache();
const { name, settings, role } = processStart.parse(JSON.parse(process.env["ROSTRA_PROCESS"] ?? "{}"));
process.title = `rostra ${name}`;
const log = createLog({
	clock: systemClock,
	process: name,
	levelMin: settings.logLevel,
	write: (line) => process.stderr.write(line),
});

// The supervisor holds the other end of our standard input: when it is gone, so are we.
process.stdin
	.on("end", () => process.exit(1))
	.on("error", () => process.exit(1))
	.resume();
process.on("uncaughtException", (error) => {
	log("error", "process.failed", { error });
	process.exit(70);
});

const bus = await connectBus(settings.busPath, { clock: systemClock, log, connectWithinMs: 5_000 });
const outside: Outside = { clock: systemClock, random: systemRandom, bus, log };
const running = await startRole();
bus.onConnect(() => bus.publish(PROCESS_READY, writeJson({ name })));

let stopping = false;
const stop = async () => {
	if (stopping) return;
	stopping = true;
	setTimeout(() => process.exit(75), 2_500).unref();
	await running[Symbol.asyncDispose]();
	await bus[Symbol.asyncDispose]();
	process.exit(0);
};
process.on("SIGTERM", stop).on("SIGINT", stop);

async function startRole(): Promise<AsyncDisposable> {
	switch (role.role) {
		case "control":
			return (await import("./control.ts")).startControl(settings, outside);
		case "house":
			return (await import("./house.ts")).startHouse(settings, outside);
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
