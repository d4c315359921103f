import { type Clock, everyMs, type Random } from "#base/index.ts";
import type { Bus } from "#bus/index.ts";
import { TICKET_KEYS, TICKET_KEYS_REQUEST, type TicketKeys, writeJson } from "#wire/index.ts";

/** Whoever learns a key can read what was resumed with it under TLS 1.2: none is used for longer. */
export const TICKET_KEYS_EVERY_MS = 12 * 3_600_000;
const KEY_BYTES = 48;

/**
 * Hands the edge workers the keys of their TLS session tickets: the same to all, so that a session goes on wherever
 * its listener comes back. They are kept in memory only; after a stop of the whole platform every session is new.
 */
export function handOutTicketKeys({ bus, clock, random }: { bus: Bus; clock: Clock; random: Random }): Disposable {
	const makeKey = () => Buffer.from(random.bytes(KEY_BYTES)).toString("base64");
	let keys: TicketKeys = { current: makeKey(), previous: null };
	const scope = new DisposableStack();
	scope.use(bus.respond(TICKET_KEYS_REQUEST, () => writeJson(keys)));
	scope.use(
		everyMs(clock, TICKET_KEYS_EVERY_MS, () => {
			keys = { current: makeKey(), previous: keys.current };
			bus.publish(TICKET_KEYS, writeJson(keys));
		}),
	);
	return scope;
}
