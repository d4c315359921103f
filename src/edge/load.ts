import { monitorEventLoopDelay } from "node:perf_hooks";

/** A finer one wakes an idle process more often than everything else does. */
const RESOLUTION_MS = 200;

export type Load = {
	/** How late the event loop was at most, 99th percentile. */
	readonly loopDelayP99Ms: number;
	/** Share of a core that this process used, 0 to 1 and above. */
	readonly cpuShare: number;
};

/** What this process is short of, since the last `take`. */
export function openLoadMeter(): Disposable & { take(): Load } {
	const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
	delay.enable();
	let [cpu, sinceMs] = [process.cpuUsage(), performance.now()];
	return {
		take() {
			const nowMs = performance.now();
			const { user, system } = process.cpuUsage(cpu);
			// The histogram counts whole turns of its timer, its period included.
			const loopDelayP99Ms = Math.max(0, delay.percentile(99) / 1e6 - RESOLUTION_MS);
			const cpuShare = (user + system) / 1_000 / Math.max(1, nowMs - sinceMs);
			[cpu, sinceMs] = [process.cpuUsage(), nowMs];
			delay.reset();
			return { loopDelayP99Ms, cpuShare };
		},
		[Symbol.dispose]: () => void delay.disable(),
	};
}
