import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { INTERVIEWS_MAX, PEOPLE_MAX } from "./announce.ts";
import { DISK_BYTES_PER_MINUTE, DISK_RESERVE_BYTES, estimateDisk } from "./disk.ts";
import { freeSlug, slugFrom } from "./interview.ts";
import { FakePlatform } from "./testing.ts";

test("slugFrom(): any title becomes an address that the contract allows", () => {
	assert.equal(slugFrom("Größe & Maß: ein Gespräch"), "groesse-mass-ein-gespraech");
	assert.equal(slugFrom("  ¿Qué pasa?  "), "que-pasa");
	assert.equal(slugFrom("対談"), "interview");
	fc.assert(
		fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (title) => {
			assert.match(slugFrom(title), /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/);
		}),
	);
});

test("freeSlug() counts up", () => {
	const taken = new Set(["demo", "demo-2"]);
	assert.equal(
		freeSlug("demo", (slug) => taken.has(slug)),
		"demo-3",
	);
});

test("estimateDisk(): an hour is about 170 MB, and something must stay free", () => {
	const hour = estimateDisk(60, DISK_RESERVE_BYTES + 60 * DISK_BYTES_PER_MINUTE);
	assert.deepEqual([Math.round(hour.neededBytes / 1e6), hour.short], [170, false]);
	assert.ok(estimateDisk(60, hour.freeBytes - 1).short);
	assert.equal(estimateDisk(-5, 0).neededBytes, 0);
});

test("doors that are open: the start moves by two hours at most, and a late interview has its doors open again", () =>
	FakePlatform.run(async (platform) => {
		const startMs = platform.clock.unixMs() + 60_000;
		const interview = await platform.announced({ announcedStartUnixMs: startMs });
		await platform.pass(62_000);
		assert.equal(platform.now(interview).lifecycle.phase, "waiting_for_host");
		const far = await platform.announce.edit(platform.now(interview), { announcedStartUnixMs: startMs + 9_000_000 });
		assert.ok(!far.ok && far.code === "not_open" && far.pointer === "/announcedStartUnixMs");
		const slug = await platform.announce.edit(platform.now(interview), { slug: "elsewhere" });
		assert.ok(!slug.ok && slug.pointer === "/slug", "listeners may be there");
		const near = await platform.announce.edit(platform.now(interview), { announcedStartUnixMs: startMs + 600_000 });
		assert.ok(near.ok);
		await platform.live.rescheduled(interview.interviewId, "person:owner");
		assert.equal(platform.now(interview).lifecycle.phase, "doors");
		assert.equal(platform.now(interview).transitions.at(-1)?.cause, "rescheduled");
	}));

test("bounds: people in an interview, interviews on the platform; each is told when reached", () =>
	FakePlatform.run(async (platform) => {
		const interview = await platform.announced();
		for (let nth = 2; nth < PEOPLE_MAX; nth += 1) {
			const invited = await platform.announce.invite(platform.now(interview), { name: `Guest ${nth}`, role: "guest" });
			assert.ok(invited.ok);
		}
		const full = await platform.announce.invite(platform.now(interview), { name: "One more", role: "guest" });
		assert.ok(!full.ok && full.code === "people_full");
		for (let nth = 1; nth < INTERVIEWS_MAX; nth += 1) await platform.announced({ slug: `talk-${nth}` });
		await assert.rejects(platform.announced(), /keeps 400 interviews\. Delete an old one first/);
	}));

test("deleted: what was said is gone, the slug is free, an interview that is open stays", () =>
	FakePlatform.run(async (platform) => {
		const interview = await platform.announced({ slug: "once" });
		await platform.drive(platform.live.goLive(interview.interviewId, "person:owner"));
		const refused = await platform.announce.remove(platform.now(interview));
		assert.ok(!refused.ok && refused.code === "on_air");
		await platform.drive(platform.live.end(interview.interviewId, "person:owner"));
		assert.ok((await platform.announce.remove(platform.now(interview))).ok);
		const tombstone = platform.store.rows.get(interview.interviewId)?.value;
		assert.deepEqual([tombstone?.title, tombstone?.seats, tombstone?.transitions], ["", [], []]);
		assert.equal((await platform.announced({ slug: "once" })).slug, "once");
		assert.equal(platform.announce.bySlug("once")?.removedUnixMs, null);
	}));
