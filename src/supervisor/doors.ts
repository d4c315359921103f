import { createServer } from "node:net";
import { type Clock, pauseMs } from "#base/index.ts";
import { SupervisorError } from "./errors.ts";

/** The processes of a platform that was killed leave within a second. */
const LEAVE_WITHIN_MS = 1_500;
const POLL_MS = 50;

/** Says before anything is started that another program listens where a door is to be. @throws SupervisorError `port_taken`. */
export async function checkPort(door: string, option: string, host: string, port: number, clock: Clock): Promise<void> {
	const giveUpMs = clock.monoMs() + LEAVE_WITHIN_MS;
	for (;;) {
		const problem = await tryPort(host, port);
		if (!problem) return;
		if (problem.code !== "EADDRINUSE" || clock.monoMs() > giveUpMs) {
			throw new SupervisorError(
				"port_taken",
				`Cannot open ${door} on ${host} port ${port}: ${explain(problem, option)}`,
				{
					cause: problem,
				},
			);
		}
		await pauseMs(clock, POLL_MS);
	}
}

function tryPort(host: string, port: number): Promise<NodeJS.ErrnoException | undefined> {
	return new Promise((resolve) => {
		const server = createServer();
		server.once("error", resolve);
		server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
	});
}

function explain({ code, message }: NodeJS.ErrnoException, option: string): string {
	if (code === "EADDRINUSE") return `another program uses it; choose another with ${option}`;
	if (code === "EACCES") return `ports below 1024 need rights this user does not have; choose another with ${option}`;
	if (code === "EADDRNOTAVAIL") return "this machine has no such address; choose another with --host";
	return message;
}
