import assert from "node:assert/strict";
import { test } from "node:test";
import type { MonoMs } from "#base/index.ts";
import { SEATS_MAX } from "#wire/index.ts";
import { BYE_SILENCE_MS, CONNECT_MS_MAX, GOODBYE_KEPT_MS, LOST_KEPT_MS, SILENCE_LOST_MS } from "./config.ts";
import { Seats } from "./seats.ts";

const settings = { place: "green", muted: false, gainDb: 0 } as const;
const at = (ms: number) => ms as MonoMs;

test("thirteen sit, the fourteenth does not; who sits already may return [S1]", () => {
	const seats = new Seats<string>();
	for (let i = 0; i < SEATS_MAX; i += 1) {
		assert.equal(seats.hasRoomFor(`s${i}`), true);
		seats.seat(`s${i}`, settings, { sessionId: `a${i}`, peer: `p${i}` }, at(0));
	}
	assert.equal(seats.hasRoomFor("late"), false);
	assert.equal(seats.hasRoomFor("s3"), true);
	seats.remove("s3");
	assert.equal(seats.hasRoomFor("late"), true);
});

test("a return to the same seat replaces its connection and hands out the old one to close [S2]", () => {
	const seats = new Seats<string>();
	seats.seat("a", settings, { sessionId: "1", peer: "old" }, at(0));
	const change = seats.seat("a", { ...settings, place: "air" }, { sessionId: "2", peer: "new" }, at(9));
	assert.equal(change.close, "old");
	assert.equal(seats.count, 1);
	assert.equal(seats.bySession("1"), undefined);
	assert.equal(seats.bySession("2")?.settings.place, "air");
	assert.equal(seats.packet(change.seat, "old", at(10)), false, "the old connection's packets count no more");
	assert.equal(seats.closed(change.seat, "old", "left", at(10)), false, "nor does its end");
	assert.equal(change.seat.connection.state, "connecting");
});

test("connected with the first packet, lost after 4 s without one, connected again with the next [S3]", () => {
	const seats = new Seats<string>();
	const { seat } = seats.seat("a", settings, { sessionId: "1", peer: "p" }, at(0));
	assert.equal(seats.packet(seat, "p", at(100)), true);
	assert.equal(seats.packet(seat, "p", at(120)), false, "only the first changes anything");
	assert.deepEqual(seats.tick(at(120 + SILENCE_LOST_MS - 1)), []);
	assert.equal(seats.tick(at(120 + SILENCE_LOST_MS)).length, 1);
	assert.equal(seat.connection.state, "silent");
	assert.deepEqual(seats.tick(at(121 + SILENCE_LOST_MS)), [], "said once");
	assert.equal(seats.packet(seat, "p", at(9_000)), true);
	assert.equal(seat.connection.state, "connected");
});

test("what stays silent is closed in the end, and its seat is kept [S4]", () => {
	const seats = new Seats<string>();
	const { seat } = seats.seat("a", settings, { sessionId: "1", peer: "p" }, at(0));
	seats.packet(seat, "p", at(0));
	seats.tick(at(SILENCE_LOST_MS));
	const [change] = seats.tick(at(SILENCE_LOST_MS + LOST_KEPT_MS));
	assert.equal(change?.close, "p");
	assert.deepEqual(seat.connection, { state: "gone", sessionId: "1", reason: "silent", freeAtMs: null });
	assert.equal(seats.count, 1);
});

test("who never connects is let go, and says so [S4]", () => {
	const seats = new Seats<string>();
	const { seat } = seats.seat("a", settings, { sessionId: "1", peer: "p" }, at(0));
	assert.deepEqual(seats.tick(at(CONNECT_MS_MAX - 1)), []);
	assert.equal(seats.tick(at(CONNECT_MS_MAX))[0]?.close, "p");
	assert.deepEqual(seat.connection, { state: "gone", sessionId: "1", reason: "never_connected", freeAtMs: null });
});

test("who hangs up has two seconds to return; then the seat is free [S4]", () => {
	const seats = new Seats<string>();
	const { seat } = seats.seat("a", settings, { sessionId: "1", peer: "p" }, at(0));
	seats.packet(seat, "p", at(0));
	assert.equal(seats.closed(seat, "p", "left", at(100)), true);
	assert.deepEqual(seats.tick(at(99 + GOODBYE_KEPT_MS)), []);
	seats.seat("a", settings, { sessionId: "2", peer: "q" }, at(99 + GOODBYE_KEPT_MS));
	assert.deepEqual(seats.tick(at(5_000)), [], "he came back");
	seats.closed(seat, "q", "left", at(6_000));
	assert.equal(seats.tick(at(6_000 + GOODBYE_KEPT_MS))[0]?.isFreed, true);
	assert.equal(seats.count, 0);
});

test("a BYE is a goodbye once nothing follows it [S4]", () => {
	const seats = new Seats<string>();
	const { seat } = seats.seat("a", settings, { sessionId: "1", peer: "p" }, at(0));
	seats.bye(seat, "p", at(0));
	assert.equal(seat.connection.state, "connecting", "nothing was heard yet that could end");
	seats.packet(seat, "p", at(10));
	seats.bye(seat, "p", at(20));
	seats.packet(seat, "p", at(30));
	assert.deepEqual(seats.tick(at(30 + BYE_SILENCE_MS)), []);
	seats.bye(seat, "p", at(1_100));
	assert.equal(seats.tick(at(1_100 + BYE_SILENCE_MS))[0]?.close, "p");
	assert.equal(seat.connection.state, "gone");
});

test("leaving ends the session and keeps the seat; removing takes both; twice does no harm", () => {
	const seats = new Seats<string>();
	seats.seat("a", settings, { sessionId: "1", peer: "p" }, at(0));
	assert.equal(seats.leave("1")?.close, "p");
	assert.equal(seats.leave("1"), undefined);
	assert.equal(seats.count, 1);
	assert.equal("close" in (seats.remove("a") ?? {}), false, "nothing is left to close");
	assert.equal(seats.remove("a"), undefined);
	assert.equal(seats.count, 0);
});
