import { parseArgs } from "node:util";
import { CROWD, type CrowdOptions, MEASURED, simulateCrowd } from "./crowd.ts";
import { tableOf } from "./crowd-report.ts";

/** `npm run sim -- crowd [--players N] [--hostile SHARE] [--edges N] [--connections N] [--lost SHARE] [--seed N]`. @returns the exit code. */
export async function crowdCommand(args: readonly string[]): Promise<number> {
	const text = { type: "string" } as const;
	const { values } = parseArgs({
		args: [...args],
		options: {
			...{
				players: text,
				hostile: text,
				edges: text,
				connections: text,
				lost: text,
				stay: text,
				seed: text,
				svg: text,
			},
			...{ handshakes: text, resumed: text, "listener-us": text, "request-us": text },
		},
	});
	const wrong: string[] = [];
	const number = (name: keyof typeof values, otherwise: number, least: number, most: number) => {
		const given = values[name];
		if (given === undefined) return otherwise;
		const value = Number(given);
		if (!(value >= least && value <= most))
			wrong.push(`--${name} must be a number from ${least} to ${most}: it is ${given}`);
		return value;
	};
	const options: CrowdOptions = {
		...CROWD,
		players: Math.round(number("players", CROWD.players, 10, 20_000_000)),
		hostileShare: number("hostile", CROWD.hostileShare, 0, 0.95),
		edges: Math.round(number("edges", CROWD.edges, 1, 500)),
		connectionsMax: Math.round(number("connections", CROWD.connectionsMax, 100, 60_000)),
		lostShare: number("lost", CROWD.lostShare, 0, 0.9),
		stayMeanS: number("stay", CROWD.stayMeanS, 1, 1e9),
		seed: Math.round(number("seed", CROWD.seed, 0, 2 ** 31)),
		costs: {
			handshakesFullPerS: number("handshakes", MEASURED.handshakesFullPerS, 1, 1e6),
			handshakesResumedPerS: number("resumed", MEASURED.handshakesResumedPerS, 1, 1e6),
			listenerUsPerS: number("listener-us", MEASURED.listenerUsPerS, 0, 1_000),
			requestUs: number("request-us", MEASURED.requestUs, 0, 1e5),
		},
	};
	if (wrong.length > 0) {
		console.error(`Cannot run the simulation: ${wrong.join("; ")}`);
		return 2;
	}
	const { players, hostileShare, edges, connectionsMax, lostShare, lossAtS, seed } = options;
	console.log(
		`Simulation: ${players.toLocaleString("en")} come, ${100 * hostileShare} % of them hostile, to ${edges} edges of ${connectionsMax.toLocaleString("en")} connections; ${100 * lostShare} % of the edges die ${lossAtS} s after the start (seed ${seed})`,
	);
	const startedMs = performance.now();
	const result = simulateCrowd(options);
	for (const line of tableOf(result)) console.log(line);
	console.log(`  took ${((performance.now() - startedMs) / 1_000).toFixed(1)} s, ${result.digest.slice(0, 16)}`);
	return 0;
}
