import assert from "node:assert/strict";
import { test } from "node:test";
import { type MonoMs, seededRandom, type UnixMs } from "#base/index.ts";
import { LEVEL_RECORDS_MAX } from "#wire/index.ts";
import { type SavedSteward, Steward, savedSteward, type WorkerReport } from "./steward.ts";

const T = Date.UTC(2026, 0, 1, 20);
const CALM: WorkerReport = {
	loopDelayP99Ms: 1,
	cpuShare: 0.1,
	admittedShare: 0.1,
	admitted: 100,
	connectionsMax: 1_000,
	minted: {},
};

/** Two workers, four looks a second. */
class Evening {
	readonly steward = new Steward(seededRandom(2));
	ms = 0;
	readonly steps: string[] = [];

	pass(ms: number, reports: (nowMs: number) => readonly WorkerReport[]): void {
		for (const endMs = this.ms + ms; this.ms < endMs; this.ms += 250) {
			for (const [worker, report] of reports(this.ms).entries()) {
				this.steward.takeReport(worker, report, this.ms as MonoMs);
			}
			const step = this.steward.tick(["evening"], this.ms as MonoMs, (T + this.ms) as UnixMs);
			if (step) this.steps.push(`${step.from} → ${step.to}`);
		}
	}
}

test("the worst worker decides; one that has gone decides nothing [SH6]", () => {
	const evening = new Evening();
	evening.pass(5_000, () => [CALM, { ...CALM, cpuShare: 0.95 }]);
	assert.deepEqual([evening.steps, evening.steward.level], [["normal → lean"], "lean"]);
	evening.pass(70_000, () => [CALM]);
	assert.equal(evening.steward.level, "normal");
});

test("a line opens with door and moves by the room there is, at most as fast as newcomers can be greeted [SH10]", () => {
	const evening = new Evening();
	assert.equal(evening.steward.standOf("evening"), null);
	const full = (nowMs: number): WorkerReport => ({
		...CALM,
		admitted: 970,
		admittedShare: 0.97,
		minted: { evening: Math.floor(nowMs / 10) },
	});
	evening.pass(12_000, (nowMs) => [full(nowMs), full(nowMs)]);
	const openedUnixMs = evening.steward.standOf("evening")?.drawnUnixMs ?? 0;
	assert.deepEqual([evening.steward.level, evening.steward.standOf("evening")?.fraction], ["door", 1]);
	assert.equal(evening.steward.standOf("evening")?.laterUnixMs, openedUnixMs, "nobody leaves, nobody is let in");
	// 200 came per second; room for 940 − 890 = 50 on each of two workers, each second.
	const leaving = (nowMs: number): WorkerReport => ({ ...full(nowMs), admitted: 890 });
	evening.pass(10_000, (nowMs) => [leaving(nowMs), leaving(nowMs)]);
	const inMs = (evening.steward.standOf("evening")?.laterUnixMs ?? 0) - openedUnixMs;
	assert.ok(Math.abs(inMs - 5_000) <= 500, `${inMs} ms of arrivals are in after 10 s at half their rate`);
});

test("a restart goes on at the level and the place where it was; what was saved long ago counts for nothing [SH10]", () => {
	const evening = new Evening();
	assert.equal(evening.steward.save(T as UnixMs), undefined);
	const full = (nowMs: number): WorkerReport => ({
		...CALM,
		admitted: 970,
		admittedShare: 0.97,
		minted: { evening: Math.floor(nowMs / 10) },
	});
	evening.pass(12_000, (nowMs) => [full(nowMs)]);
	const nowUnixMs = (T + evening.ms) as UnixMs;
	const saved = savedSteward.parse(JSON.parse(JSON.stringify(evening.steward.save(nowUnixMs))));
	const again = new Steward(seededRandom(3), saved, nowUnixMs);
	assert.equal(again.level, "door");
	assert.deepEqual(again.standOf("evening"), evening.steward.standOf("evening"));
	assert.equal(new Steward(seededRandom(3), saved, (nowUnixMs + 61_000) as UnixMs).level, "normal");
});

test("a worker that was silent, or starts anew, adds nobody to the line who has not come [SH10]", () => {
	const evening = new Evening();
	const full = (minted: number): WorkerReport => ({
		...CALM,
		admitted: 970,
		admittedShare: 0.97,
		minted: { evening: minted },
	});
	evening.pass(5_000, () => [full(100), full(50_000)]);
	evening.pass(5_000, () => [full(100)]);
	evening.pass(2_000, () => [full(100), full(50_000)]);
	evening.pass(1_000, () => [full(100), full(3)]);
	const saved = evening.steward.save((T + evening.ms) as UnixMs);
	assert.ok((saved?.lines["evening"]?.line.waitingCount ?? Number.NaN) <= 3);
});

test("when the door is given up, everybody who waited is in [SH10]", () => {
	const evening = new Evening();
	const full: WorkerReport = { ...CALM, admitted: 1_000, admittedShare: 1, minted: { evening: 5_000 } };
	evening.pass(5_000, () => [full]);
	evening.pass(40_000, () => [CALM]);
	assert.equal(evening.steward.level, "lean");
	assert.ok((evening.steward.standOf("evening")?.laterUnixMs ?? 0) >= T + 40_000);
});

test("each change is a record; the newest 500 are kept [SH6, SH7]", () => {
	const evening = new Evening();
	assert.equal(evening.steward.view.sinceUnixMs, null);
	evening.pass(5_000, () => [{ ...CALM, cpuShare: 0.95 }]);
	const [up] = evening.steward.view.records;
	assert.deepEqual(up, { unixMs: up?.unixMs, from: "normal", to: "lean", cause: "cpuShare", reason: "" });
	assert.equal(evening.steward.view.sinceUnixMs, up?.unixMs);
	const at = (nth: number) => [(evening.ms + nth) as MonoMs, (T + evening.ms + nth) as UnixMs] as const;
	evening.steward.pin("lean", "a crowd at eight", ...at(0));
	assert.equal(evening.steward.view.records.at(-1)?.cause, "pinned");
	assert.equal(evening.steward.view.sinceUnixMs, up?.unixMs, "the level itself has not changed");
	assert.equal(evening.steward.release("over", ...at(1))?.cause, "released");
	assert.equal(evening.steward.release("again", ...at(2)), undefined);
	for (let nth = 0; nth < LEVEL_RECORDS_MAX; nth += 1) evening.steward.pin("quiet", String(nth), ...at(3 + nth));
	const { records } = evening.steward.view;
	assert.deepEqual(
		[records.length, records[0]?.reason, records.at(-1)?.reason],
		[LEVEL_RECORDS_MAX, "0", String(LEVEL_RECORDS_MAX - 1)],
	);
});

test("a pin and the records outlive a restart, however late; a level that nobody pinned does not, and that is told [SH7]", () => {
	const evening = new Evening();
	const { steward } = evening;
	const save = (nowUnixMs = T) => {
		const saved = steward.save(nowUnixMs as UnixMs);
		return saved && savedSteward.parse(JSON.parse(JSON.stringify(saved)));
	};
	steward.pin("normal", "a rehearsal", 0 as MonoMs, T as UnixMs);
	const pinned = save();
	assert.ok(pinned);
	assert.ok(save(), "until it is known to be on the disk");
	steward.confirmSaved(steward.save(T as UnixMs) as SavedSteward);
	assert.equal(save(), undefined);
	const later = new Steward(seededRandom(3), pinned, (T + 3_600_000) as UnixMs);
	assert.deepEqual([later.view.level, later.view.pinned, later.view.records.length], ["normal", true, 1]);

	steward.release("over", 1 as MonoMs, (T + 1) as UnixMs);
	assert.equal(save()?.pinned, false, "at normal, a release is to be saved");
	evening.pass(5_000, () => [{ ...CALM, cpuShare: 0.95 }]);
	const strained = save(T + 5_000);
	const again = new Steward(seededRandom(3), strained, (T + 3_600_000) as UnixMs);
	assert.deepEqual(
		[again.level, again.view.records.at(-1)],
		["normal", { unixMs: T + 3_600_000, from: "lean", to: "normal", cause: "restarted", reason: "" }],
	);
});
