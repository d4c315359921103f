import type { Clock } from "./time.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * Structured log: one JSON object per line on standard error.
 *
 * Levels by effect: `error` a person must act, `warn` may become one, `info` changes of state.
 * Never bytes from the network at `info` or above. Each capability wraps it in its `events.ts`.
 */
export type Log = (level: LogLevel, event: string, fields?: LogFields) => void;

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

export function createLog(options: {
	clock: Clock;
	process: string;
	levelMin: LogLevel;
	write: (line: string) => void;
}): Log {
	return (level, event, fields) => {
		if (RANK[level] < RANK[options.levelMin]) return;
		const at = new Date(options.clock.unixMs()).toISOString();
		options.write(`${JSON.stringify({ at, level, process: options.process, event, ...describeErrors(fields) })}\n`);
	};
}

export const silentLog: Log = () => {};

function describeErrors(fields: LogFields | undefined): LogFields {
	if (!fields) return {};
	return Object.fromEntries(
		Object.entries(fields).map(([k, v]) => [k, v instanceof Error ? (v.stack ?? v.message) : v]),
	);
}
