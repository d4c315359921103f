/** Stands in for `roles/process.ts` in tests of the supervisor: is ready at once, and does what its name says. */
import { silentLog, systemClock } from "#base/index.ts";
import { connectBus } from "#bus/index.ts";
import { CONTROL_COMMAND, type ControlAnswer, PROCESS_READY, processStart, writeJson } from "#wire/index.ts";

process.stdin.on("end", () => process.exit(1)).resume();
const { name, settings, role } = processStart.parse(JSON.parse(process.env["ROSTRA_PROCESS"] ?? "{}"));
const bus = await connectBus(settings.busPath, { clock: systemClock, log: silentLog, connectWithinMs: 5_000 });
if (role.role === "broadcast" && role.interviewId === "failing") {
	console.error("cannot broadcast");
	process.exit(3);
}
if (role.role === "control") {
	bus.respond(CONTROL_COMMAND, (payload) =>
		writeJson({ ok: true, text: `answer to ${payload.toString("utf8")}` } satisfies ControlAnswer),
	);
}
bus.onConnect(() => bus.publish(PROCESS_READY, writeJson({ name, role, databaseUrl: settings.databaseUrl })));
process.on("SIGTERM", () => (role.role === "stage" && role.interviewId === "stubborn") || process.exit(0));
