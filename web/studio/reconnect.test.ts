import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { CONNECT_MAX_MS, OFFER_MAX_MS, Reconnect, SILENT_WAY_MS } from "./reconnect.ts";

type Step = {
	readonly why: string;
	readonly do?: (core: Reconnect, nowMs: number) => void;
	readonly afterMs?: number;
	readonly offers?: number;
	readonly state: string;
};

/** Runs steps on a clock that starts at 0; packets flow in none of them unless a step says so. */
function run(steps: readonly Step[], random = () => 1): void {
	const core = new Reconnect(random);
	let nowMs = 0;
	for (const step of steps) {
		const untilMs = nowMs + (step.afterMs ?? 0);
		let offers = 0;
		const drain = () => {
			while (core.poll() !== undefined) offers += 1;
		};
		for (;;) {
			const deadlineMs = core.deadlineMs;
			if (deadlineMs === undefined || deadlineMs > untilMs) break;
			nowMs = Math.max(nowMs, deadlineMs);
			core.tick(nowMs);
			drain();
			if (core.deadlineMs !== undefined && core.deadlineMs <= nowMs) nowMs += 1;
		}
		nowMs = untilMs;
		step.do?.(core, nowMs);
		drain();
		assert.equal(core.connection.state, step.state, step.why);
		assert.equal(offers, step.offers ?? 0, step.why);
	}
}

const start = { why: "the studio opens", do: (c: Reconnect, t: number) => c.start(t), offers: 1, state: "offering" };
const answered = { why: "201", afterMs: 80, do: (c: Reconnect, t: number) => c.answered(t), state: "connecting" };
const flowing = {
	why: "sound flows",
	afterMs: 120,
	do: (c: Reconnect, t: number) => c.packets(5, t),
	state: "connected",
};
const connected = [start, answered, flowing];

test("a connection whose packets stop is made anew within a second, once", () => {
	run([
		...connected,
		{ why: "a short gap is no loss", afterMs: 900, do: (c, t) => c.packets(6, t), state: "connected" },
		{ why: "silence: a new offer at once", afterMs: SILENT_WAY_MS, offers: 1, state: "offering" },
		{ why: "counts of the connection before do not matter", do: (c, t) => c.packets(99, t), state: "offering" },
		answered,
		{ why: "the new connection counts from zero", afterMs: 50, do: (c, t) => c.packets(1, t), state: "connected" },
	]);
});

test("a replaced stage is noticed by its epoch before packets are missed", () => {
	run([
		{ why: "known", do: (c, t) => c.stage(true, 1, t), state: "idle" },
		...connected,
		{ why: "the same stage", do: (c, t) => c.stage(true, 1, t), state: "connected" },
		{ why: "being restarted", afterMs: 50, do: (c, t) => c.stage(false, 1, t), state: "connected" },
		{ why: "a new one", afterMs: 50, do: (c, t) => c.stage(true, 2, t), offers: 1, state: "offering" },
		{ why: "said again", do: (c, t) => c.stage(true, 2, t), state: "offering" },
	]);
});

test("back on the seat 3 s after a stage died, when it takes 1.5 s to start again", () => {
	const refused = (c: Reconnect, t: number) => c.offerFailed({ status: 503 }, t);
	run([
		{ why: "known", do: (c, t) => c.stage(true, 1, t), state: "idle" },
		...connected,
		{ why: "killed: the last packet was now", afterMs: SILENT_WAY_MS, offers: 1, state: "offering" },
		{ why: "no stage yet", afterMs: 20, do: refused, state: "waiting" },
		{ why: "told that it is away", do: (c, t) => c.stage(false, 1, t), state: "waiting" },
		{ why: "back-off", afterMs: 250, offers: 1, state: "offering" },
		{ why: "still none", afterMs: 20, do: refused, state: "waiting" },
		{
			why: "1.5 s after the kill it is ready: no waiting",
			afterMs: 210,
			do: (c, t) => c.stage(true, 2, t),
			offers: 1,
			state: "offering",
		},
		answered,
		flowing,
	]);
});

test("a server that is away is asked again, less and less often, at most every 3 s", () => {
	const core = new Reconnect(() => 1);
	core.start(0);
	let nowMs = 0;
	const waitsMs: number[] = [];
	for (let i = 0; i < 8; i += 1) {
		assert.equal(core.poll(), "offer");
		core.offerFailed({ status: 0 }, nowMs);
		waitsMs.push((core.deadlineMs as number) - nowMs);
		nowMs = core.deadlineMs as number;
		core.tick(nowMs);
	}
	assert.deepEqual(waitsMs, [200, 400, 800, 1_600, 3_000, 3_000, 3_000, 3_000]);
});

test("a server that says when to come back is believed, up to 10 s", () => {
	const core = new Reconnect(() => 1);
	core.start(0);
	core.offerFailed({ status: 429, retryAfterMs: 5_000 }, 0);
	assert.equal(core.deadlineMs, 5_000);
	core.tick(5_000);
	core.offerFailed({ status: 503, retryAfterMs: 3_600_000 }, 5_000);
	assert.equal(core.deadlineMs, 15_000);
});

test("an offer nobody answers, and a connection that never carries sound, are given up", () => {
	run([start, { why: "no answer", afterMs: OFFER_MAX_MS, state: "waiting" }]);
	run([start, answered, { why: "UDP blocked", afterMs: CONNECT_MAX_MS, state: "waiting" }]);
	run([start, answered, { why: "ICE says so itself", do: (c, t) => c.iceFailed(t), state: "waiting" }]);
	run([...connected, { why: "ICE fails later", do: (c, t) => c.iceFailed(t), offers: 1, state: "offering" }]);
});

const refusals: [number, string | undefined, string][] = [
	[401, "sign_in_required", "not_allowed"],
	[403, "not_yours", "not_allowed"],
	[404, "not_found", "gone"],
	[409, "not_open", "gone"],
	[410, "over", "gone"],
	[409, "studio_full", "full"],
	[400, "malformed", "unsupported"],
	[415, undefined, "unsupported"],
];
for (const [status, code, reason] of refusals) {
	test(`status ${status} ${code ?? ""} is final until somebody asks again: ${reason}`, () => {
		const core = new Reconnect(() => 1);
		core.start(0);
		core.poll();
		core.offerFailed({ status, code }, 10);
		assert.deepEqual(core.connection, { state: "refused", reason, code });
		assert.equal(core.deadlineMs, undefined);
		core.stage(true, 2, 20);
		assert.equal(core.poll(), undefined);
		core.start(30);
		assert.equal(core.poll(), "offer");
	});
}

test("whoever left is never brought back by anything but start", () => {
	const event = fc.oneof(
		fc.record({ kind: fc.constant("answered" as const) }),
		fc.record({ kind: fc.constant("failed" as const), status: fc.constantFrom(0, 401, 409, 500, 503) }),
		fc.record({ kind: fc.constant("packets" as const), received: fc.nat(1_000) }),
		fc.record({ kind: fc.constant("ice" as const) }),
		fc.record({ kind: fc.constant("stage" as const), ready: fc.boolean(), epoch: fc.nat(3) }),
		fc.record({ kind: fc.constant("tick" as const) }),
	);
	const events = fc.array(fc.tuple(event, fc.nat(3_000)), { maxLength: 60 });
	fc.assert(
		fc.property(events, events, (before, after) => {
			const core = new Reconnect(() => 0.5);
			let nowMs = 0;
			let pending = 0;
			const feed = (list: typeof before) => {
				for (const [e, gapMs] of list) {
					nowMs += gapMs;
					if (e.kind === "answered") core.answered(nowMs);
					else if (e.kind === "failed") core.offerFailed({ status: e.status }, nowMs);
					else if (e.kind === "packets") core.packets(e.received, nowMs);
					else if (e.kind === "ice") core.iceFailed(nowMs);
					else if (e.kind === "stage") core.stage(e.ready, e.epoch, nowMs);
					else core.tick(nowMs);
					// However much happens between two looks, there is one connection to make, not several.
					pending = 0;
					while (core.poll() !== undefined) pending += 1;
					assert.ok(pending <= 1);
					if (pending === 1) assert.equal(core.connection.state, "offering");
				}
			};
			core.start(0);
			core.poll();
			feed(before);
			core.leave();
			feed(after);
			assert.equal(core.connection.state, "left");
		}),
	);
});
