import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { MonoMs } from "#base/index.ts";
import { ConnectionBudget, type ConnectionState, PATIENCE_MS } from "./connections.ts";

const at = (ms: number) => ms as MonoMs;

test("admit() drops for a newcomer whom it costs least, never one that is served [SH13]", () => {
	const budget = new ConnectionBudget<string>(7);
	for (const name of ["listener", "slow head", "slow body", "idle", "stalled", "answered"]) budget.admit(name, at(0));
	budget.admit("suspect", at(1));
	budget.suspect("suspect");
	budget.move("listener", "admitted", at(1));
	budget.move("idle", "idle", at(2));
	budget.move("answered", "closing", at(3));
	budget.move("stalled", "busy", at(3));
	budget.move("stalled", "stalled", at(4));
	budget.move("slow body", "body", at(1));
	const drops = ["a", "b", "c", "d", "e", "f"].map((name, nth) => {
		const dropped = budget.admit(name, at(5 + nth));
		budget.move(name, "busy", at(6 + nth));
		return dropped;
	});
	assert.deepEqual(drops, ["answered", "stalled", "suspect", "idle", "slow head", "slow body"]);
	assert.equal(budget.admit("g", at(20)), "g", "all others are being served: the newcomer itself");
	assert.equal(budget.count, 7);
});

test("admit() lets those go first who were evicted before: who is new keeps the whole of its time [SH13]", () => {
	const budget = new ConnectionBudget<string>(3);
	const admit = (name: string, ms: number) => {
		const dropped = budget.admit(name, at(ms));
		if (name !== "new") budget.suspect(name);
		return dropped;
	};
	admit("new", 0);
	admit("known 1", 1);
	admit("known 2", 2);
	assert.equal(admit("known 3", 3), "known 1");
	assert.equal(admit("known 4", 4), "known 2");
	assert.equal(budget.stateOf("new"), "head");
});

test("admit() leaves room for descriptors that are no connections", () => {
	const budget = new ConnectionBudget<string>(3);
	budget.admit("a", at(0));
	assert.equal(budget.admit("b", at(1), { heldElsewhere: 1 }), undefined);
	assert.equal(budget.admit("c", at(2), { heldElsewhere: 1 }), "a");
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

test("whatever happens, no more are inside than the limit, no one served goes, and patience is kept to the millisecond [SH13]", () => {
	const states = ["head", "idle", "busy", "stalled", "closing", "body", "admitted"] as const;
	const step = fc.record({
		name: fc.nat(12),
		kind: fc.constantFrom<ConnectionState | "admit" | "remove">("admit", "admit", "remove", ...states),
		suspect: fc.boolean(),
		gapMs: fc.nat(3_000),
	});
	fc.assert(
		fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
			const budget = new ConnectionBudget<number>(6);
			const model = new Map<number, { state: ConnectionState; sinceMs: number }>();
			let nowMs = 0;
			for (const { name, kind, suspect, gapMs } of steps) {
				nowMs += gapMs;
				const known = model.get(name);
				if (kind === "admit") {
					if (known) continue;
					const dropped = budget.admit(name, at(nowMs));
					if (suspect) budget.suspect(name);
					const isServed = ({ state }: { state: ConnectionState }) => state === "busy" || state === "admitted";
					if (dropped === name) {
						assert.ok([...model.values()].every(isServed));
						continue;
					}
					if (dropped !== undefined) {
						assert.ok(!isServed(model.get(dropped) as { state: ConnectionState }));
						model.delete(dropped);
					}
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
					const patienceMs = state === "busy" || state === "admitted" ? Number.POSITIVE_INFINITY : PATIENCE_MS[state];
					assert.equal(expired.has(who), nowMs - sinceMs >= patienceMs);
					assert.equal(budget.stateOf(who), state);
				}
				const inState = (wanted: ConnectionState) =>
					new Set([...model].filter(([, { state }]) => state === wanted).map(([who]) => who));
				assert.deepEqual(new Set(budget.busy()), inState("busy"));
				assert.deepEqual(new Set(budget.stalled()), inState("stalled"));
			}
		}),
	);
});
