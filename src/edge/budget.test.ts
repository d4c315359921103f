import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { MonoMs } from "#base/index.ts";
import { ConnectionBudget, type ConnectionState, PATIENCE_MS } from "./budget.ts";

const at = (ms: number) => ms as MonoMs;

test("admit() drops the oldest unfinished connection for a newcomer, never one that is served", () => {
	const budget = new ConnectionBudget<string>(4);
	for (const name of ["listener", "slow", "idle", "answered"]) budget.admit(name, at(0));
	budget.move("listener", "listening", at(1));
	budget.move("idle", "idle", at(2));
	budget.move("answered", "closing", at(3));
	assert.equal(budget.admit("a", at(4)), "answered", "one that has its answer goes first");
	assert.equal(budget.admit("b", at(5)), "idle", "then one that asks for nothing");
	assert.equal(budget.admit("c", at(6)), "slow", "then the oldest that has not finished asking");
	for (const name of ["a", "b", "c"]) budget.move(name, "busy", at(7));
	assert.equal(budget.admit("d", at(8)), "d", "all others are being served: the newcomer itself");
	assert.equal(budget.count, 4);
});

test("expired() names those whose patience ran out, and only those", () => {
	const budget = new ConnectionBudget<string>(10);
	budget.admit("early", at(0));
	budget.admit("late", at(1_000));
	budget.admit("served", at(0));
	budget.move("served", "busy", at(1));
	assert.deepEqual([...budget.expired(at(PATIENCE_MS.head - 1))], []);
	assert.deepEqual([...budget.expired(at(PATIENCE_MS.head))], [["early", "head"]]);
	budget.move("early", "idle", at(PATIENCE_MS.head));
	assert.deepEqual([...budget.expired(at(PATIENCE_MS.head + 1_000))], [["late", "head"]]);
});

test("move() to the state it is in does not restart patience: one byte per second is a slow head all the same", () => {
	const budget = new ConnectionBudget<string>(10);
	budget.admit("slow", at(0));
	for (let ms = 0; ms < PATIENCE_MS.head; ms += 100) budget.move("slow", "head", at(ms));
	assert.deepEqual([...budget.expired(at(PATIENCE_MS.head))], [["slow", "head"]]);
});

test("whatever happens, no more are inside than the limit, and patience is kept to the millisecond", () => {
	const step = fc.record({
		name: fc.nat(12),
		kind: fc.constantFrom<ConnectionState | "admit" | "remove">(
			"admit",
			"admit",
			"remove",
			"head",
			"idle",
			"busy",
			"closing",
			"body",
			"listening",
		),
		gapMs: fc.nat(3_000),
	});
	fc.assert(
		fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
			const budget = new ConnectionBudget<number>(6);
			const model = new Map<number, { state: ConnectionState; sinceMs: number }>();
			let nowMs = 0;
			for (const { name, kind, gapMs } of steps) {
				nowMs += gapMs;
				const known = model.get(name);
				if (kind === "admit") {
					if (known) continue;
					const dropped = budget.admit(name, at(nowMs));
					if (dropped === name) {
						assert.ok(
							[...model.values()].every(({ state }) => state === "busy" || state === "listening" || state === "body"),
						);
						continue;
					}
					if (dropped !== undefined) model.delete(dropped);
					model.set(name, { state: "head", sinceMs: nowMs });
				} else if (kind === "remove") {
					budget.remove(name);
					model.delete(name);
				} else {
					budget.move(name, kind, at(nowMs));
					if (known && known.state !== kind) model.set(name, { state: kind, sinceMs: nowMs });
				}
				assert.equal(budget.count, model.size);
				assert.ok(budget.count <= 6);
				const expired = new Set([...budget.expired(at(nowMs))].map(([who]) => who));
				for (const [who, { state, sinceMs }] of model) {
					const patienceMs = state === "busy" || state === "listening" ? Number.POSITIVE_INFINITY : PATIENCE_MS[state];
					assert.equal(expired.has(who), nowMs - sinceMs >= patienceMs);
				}
				assert.deepEqual(
					new Set(budget.busy()),
					new Set([...model].filter(([, { state }]) => state === "busy").map(([who]) => who)),
				);
			}
		}),
	);
});
