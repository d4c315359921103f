import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { unixMsOf, wallTime } from "./zone.ts";

const at = (date: string, time: string, zone: string) => {
	const unixMs = unixMsOf({ date, time }, zone);
	return unixMs === undefined ? undefined : new Date(unixMs).toISOString();
};

test("unixMsOf reads a wall time in its zone, summer and winter", () => {
	assert.equal(at("2026-11-23", "20:00", "Europe/Berlin"), "2026-11-23T19:00:00.000Z");
	assert.equal(at("2026-07-01", "20:00", "Europe/Berlin"), "2026-07-01T18:00:00.000Z");
	assert.equal(at("2026-07-01", "20:00", "Asia/Kathmandu"), "2026-07-01T14:15:00.000Z");
	assert.equal(at("2026-12-31", "23:30", "Pacific/Apia"), "2026-12-31T10:30:00.000Z");
});

test("unixMsOf takes the earlier of two equal wall times, and moves one that does not exist", () => {
	assert.equal(at("2026-10-25", "02:30", "Europe/Berlin"), "2026-10-25T00:30:00.000Z");
	const skipped = unixMsOf({ date: "2026-03-29", time: "02:30" }, "Europe/Berlin") as number;
	assert.deepEqual(wallTime(skipped, "Europe/Berlin"), { date: "2026-03-29", time: "03:30" });
});

test("unixMsOf refuses what is no date, no time and no zone", () => {
	assert.equal(unixMsOf({ date: "", time: "20:00" }, "UTC"), undefined);
	assert.equal(unixMsOf({ date: "2026-11-23", time: "" }, "UTC"), undefined);
	assert.equal(unixMsOf({ date: "2026-13-40", time: "20:00" }, "UTC"), undefined);
	assert.equal(unixMsOf({ date: "2026-11-23", time: "20:00" }, "Europe/Atlantis"), undefined);
});

test("wallTime and unixMsOf are inverse where the wall time is unique", () => {
	const zones = ["Europe/Berlin", "America/New_York", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"];
	const minutes = fc.integer({ min: 26_297_280, max: 36_816_480 }); // 2020 to 2040
	fc.assert(
		fc.property(minutes, fc.constantFrom(...zones), (minute, zone) => {
			const wall = wallTime(minute * 60_000, zone);
			assert.ok(wall);
			const back = unixMsOf(wall, zone) as number;
			// In the hour that comes twice the earlier moment is meant.
			assert.deepEqual(wallTime(back, zone), wall);
			assert.ok(back === minute * 60_000 || minute * 60_000 - back <= 3_600_000);
		}),
		{ numRuns: 200 },
	);
});
