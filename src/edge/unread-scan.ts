/** Peers with unread bytes, as `peerOf` writes them, and how many. */
export type UnreadFound = (readonly [peer: string, bytes: number])[];
export type UnreadTask = {
	readonly port: number;
	readonly tables: readonly string[];
	readonly bytesMin: number;
	/** Told at most per look; those beyond it are told when others have gone. */
	readonly peersMax: number;
};

export const LOOK_EVERY_MS = 1_000;
export const SCAN_EVERY_MS = 3_000;
export const QUIET_SCAN_EVERY_MS = 30_000;
/** Held by nobody in particular, and per socket when all of them read. */
const QUIET_PAGES = 64;
const QUIET_PAGES_PER_SOCKET = 0.1;
/** What scans may cost, as a share of one core: while much is held, and while it is quiet. */
const CORE_SHARE_MAX = 0.03;
const QUIET_CORE_SHARE_MAX = 0.001;

/** Sockets in use and pages of memory held by TCP, from /proc/net/sockstat; nothing of another text. */
export function tcpMemory(sockstat: string): { readonly sockets: number; readonly pages: number } {
	const found = /^TCP: inuse (\d+) .*\bmem (\d+)/m.exec(sockstat);
	return { sockets: Number(found?.[1] ?? 0), pages: Number(found?.[2] ?? 0) };
}

/**
 * When the socket tables are worth reading: that costs some microseconds per socket of the machine, while the memory
 * all sockets hold together is one small file. While that is much, or somebody has stalled, every SCAN_EVERY_MS; else, as a few who stall do
 * not show in it, every QUIET_SCAN_EVERY_MS, or less often where there are very many sockets. Pure.
 */
export class ScanPlan {
	/** Who has stalled must be seen to read again. */
	isAnyStalled = false;
	#endedMs = Number.NEGATIVE_INFINITY;
	#costMs = 0;
	/** Of the last looks: what is only on its way is gone at one of them. */
	#busy: boolean[] = [];

	isDue({ sockets, pages }: { readonly sockets: number; readonly pages: number }, nowMs: number): boolean {
		this.#busy.push(pages > QUIET_PAGES + sockets * QUIET_PAGES_PER_SOCKET);
		if (this.#busy.length > 3) this.#busy.shift();
		const isQuiet = !this.isAnyStalled && !this.#busy.every(Boolean);
		const everyMs = isQuiet ? QUIET_SCAN_EVERY_MS : SCAN_EVERY_MS;
		const restMs = this.#costMs / (isQuiet ? QUIET_CORE_SHARE_MAX : CORE_SHARE_MAX);
		// A timer's jitter makes no difference.
		return nowMs - this.#endedMs >= Math.max(everyMs, restMs) - LOOK_EVERY_MS / 2;
	}

	done(beganMs: number, endedMs: number): void {
		this.#endedMs = endedMs;
		this.#costMs = endedMs - beganMs;
	}
}
