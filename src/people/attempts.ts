import type { MonoMs } from "#base/index.ts";

/** Wrong secrets one address may try in a window. A person who mistypes a link does so two or three times. */
const ATTEMPTS_MAX = 10;
const WINDOW_MS = 10 * 60_000;
/** Addresses remembered; beyond it the one that tried longest ago is forgotten. */
const ADDRESSES_MAX = 10_000;

/** Counts wrong secrets per address (IPv4, or IPv6 /64) in fixed memory. Pure core. */
export class Attempts {
	/** In the order of their last attempt. */
	readonly #byAddress = new Map<string, { count: number; sinceMs: MonoMs }>();

	/** @returns 0 when the address may try, else the milliseconds until it may. */
	waitMs(address: string, nowMs: MonoMs): number {
		const found = this.#byAddress.get(prefixOf(address));
		if (!found || found.count < ATTEMPTS_MAX) return 0;
		return Math.max(0, found.sinceMs + WINDOW_MS - nowMs);
	}

	failed(address: string, nowMs: MonoMs): void {
		const prefix = prefixOf(address);
		const found = this.#byAddress.get(prefix);
		this.#byAddress.delete(prefix);
		const fresh = !found || nowMs - found.sinceMs >= WINDOW_MS;
		this.#byAddress.set(prefix, fresh ? { count: 1, sinceMs: nowMs } : { ...found, count: found.count + 1 });
		if (this.#byAddress.size > ADDRESSES_MAX) {
			this.#byAddress.delete(this.#byAddress.keys().next().value as string);
		}
	}
}

/** An IPv6 subscriber has a /64 at least; an IPv4-mapped address is the IPv4 one. */
export function prefixOf(address: string): string {
	const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
	if (mapped) return mapped[1] as string;
	if (!address.includes(":")) return address;
	const [head = "", tail] = address.split("%")[0]?.split("::") ?? [];
	const left = head ? head.split(":") : [];
	const right = tail ? tail.split(":") : [];
	const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
	return [...left, ...Array<string>(zeros).fill("0"), ...right]
		.slice(0, 4)
		.map((group) => (Number.parseInt(group, 16) || 0).toString(16))
		.join(":");
}
