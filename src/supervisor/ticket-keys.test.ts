import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, seededRandom } from "#base/index.ts";
import { LocalHub } from "#bus/index.ts";
import { readJson, TICKET_KEYS, TICKET_KEYS_REQUEST, type TicketKeys, ticketKeys } from "#wire/index.ts";
import { handOutTicketKeys, TICKET_KEYS_EVERY_MS } from "./ticket-keys.ts";

test("whoever asks gets the same keys; a new one every twelve hours, and the one before stays", async () => {
	const clock = new FakeClock();
	const hub = new LocalHub(clock);
	using _ = handOutTicketKeys({ bus: hub.connect(), clock, random: seededRandom(1) });
	const bus = hub.connect();
	const ask = async () =>
		readJson(ticketKeys, await bus.request(TICKET_KEYS_REQUEST, new Uint8Array(0), { timeoutMs: 1_000 }));
	const told: TicketKeys[] = [];
	const next = Promise.withResolvers<void>();
	bus.subscribe(TICKET_KEYS, (payload) => {
		told.push(readJson(ticketKeys, payload));
		next.resolve();
	});
	const first = await ask();
	assert.equal(Buffer.from(first.current, "base64").length, 48);
	assert.equal(first.previous, null);
	assert.deepEqual(await ask(), first);
	clock.advance(TICKET_KEYS_EVERY_MS);
	await next.promise;
	const second = await ask();
	assert.deepEqual(told, [second]);
	assert.equal(second.previous, first.current);
	assert.notEqual(second.current, first.current);
});
