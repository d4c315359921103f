import { createSocket } from "node:dgram";
import { isIPv6 } from "node:net";

/**
 * One UDP port for each live interview, from `mediaPort` up. Invariant: no two interviews hold the same port, and
 * never more than `countMax` are held.
 */
export class MediaPorts {
	readonly #firstPort: number;
	readonly #countMax: number;
	readonly #isFree: (port: number) => Promise<boolean>;
	readonly #held = new Map<string, number>();

	/** @param isFree whether another program left the port to us; asked before a port is given out. */
	constructor(firstPort: number, countMax: number, isFree: (port: number) => Promise<boolean>) {
		this.#firstPort = firstPort;
		this.#countMax = countMax;
		this.#isFree = isFree;
	}

	/** The interview's port, the same until `release`; undefined when all are held or taken by other programs. */
	async hold(interviewId: string): Promise<number | undefined> {
		for (let port = this.#firstPort; port < this.#firstPort + this.#countMax; port += 1) {
			const held = this.#held.get(interviewId);
			if (held !== undefined) return held;
			if ([...this.#held.values()].includes(port)) continue;
			this.#held.set(interviewId, port);
			if (await this.#isFree(port)) return port;
			this.#held.delete(interviewId);
		}
		return this.#held.get(interviewId);
	}

	release(interviewId: string): void {
		this.#held.delete(interviewId);
	}
}

export function isUdpPortFree(host: string, port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
		socket.once("error", () => {
			socket.close();
			resolve(false);
		});
		socket.bind({ address: host, port, exclusive: true }, () => socket.close(() => resolve(true)));
	});
}
