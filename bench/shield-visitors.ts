/**
 * Honest newcomers on slow lines: each comes from an address of his own, sends half of his head, the rest after a gap,
 * and wants his answer within 2 s. `shield-visitors.ts '<JSON of Visits>'`; prints one line of JSON.
 */
import { connect } from "node:net";
import { quantile } from "./rows.ts";

export type Visits = {
	readonly servers: readonly { readonly name: string; readonly port: number; readonly path: string }[];
	readonly gapsMs: readonly number[];
	/** Per server and gap. */
	readonly perS: number;
	readonly seconds: number;
};
/** `lost`: when those who were not served came, in seconds, and how it ended. */
export type Served = Record<string, { tried: number; served: number; p95Ms: number; lost: string[] }>;

const SERVED_WITHIN_MS = 2_000;

if (import.meta.main) {
	const visits = JSON.parse(process.argv[2] ?? "{}") as Visits;
	const times: Record<string, number[]> = {};
	const tried: Record<string, number> = {};
	const lost: Record<string, string[]> = {};
	const all: Promise<void>[] = [];
	let nth = 0;
	const startedMs = performance.now();
	const rounds = visits.perS * visits.seconds;
	for (let round = 0; round < rounds; round += 1) {
		const dueMs = startedMs + (round * 1_000) / visits.perS;
		await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueMs - performance.now())));
		for (const server of visits.servers) {
			for (const gapMs of visits.gapsMs) {
				const key = `${server.name} ${gapMs}`;
				tried[key] = (tried[key] ?? 0) + 1;
				nth += 1;
				all.push(
					visit(server, gapMs, nth).then((end) => {
						if (typeof end === "number") (times[key] ??= []).push(end);
						else (lost[key] ??= []).push(`${((dueMs - startedMs) / 1_000).toFixed(1)} ${end}`);
					}),
				);
			}
		}
	}
	await Promise.all(all);
	const served: Served = {};
	for (const [key, count] of Object.entries(tried)) {
		const took = times[key] ?? [];
		served[key] = { tried: count, served: took.length, p95Ms: quantile(took, 0.95), lost: lost[key] ?? [] };
	}
	console.log(JSON.stringify(served));
	process.exit(0);
}

/** @returns how long it took, the gap included; a word when it was not served in time. */
function visit(server: Visits["servers"][number], gapMs: number, nth: number): Promise<number | string> {
	return new Promise((resolve) => {
		const beganMs = performance.now();
		const from = `127.210.${(nth >> 8) & 255}.${1 + (nth & 127)}`;
		const socket = connect({ host: "127.0.0.1", port: server.port, localAddress: from });
		let text = "";
		let rest: NodeJS.Timeout | undefined;
		const late = setTimeout(() => socket.destroy(), SERVED_WITHIN_MS);
		socket.on("connect", () => {
			socket.write(`GET ${server.path} HTTP/1.1\r\nHost: a\r\n`);
			rest = setTimeout(() => socket.write("Connection: close\r\n\r\n"), gapMs);
		});
		socket.on("data", (chunk) => {
			text += chunk.toString("latin1");
		});
		socket.on("error", () => {});
		socket.on("close", () => {
			clearTimeout(late);
			clearTimeout(rest);
			const tookMs = performance.now() - beganMs;
			if (text.startsWith("HTTP/1.1 200") && tookMs <= SERVED_WITHIN_MS) resolve(tookMs);
			else resolve(`${text === "" ? "nothing" : text.slice(9, 12)} after ${Math.round(tookMs)} ms`);
		});
	});
}
