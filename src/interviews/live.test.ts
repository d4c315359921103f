import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { INTERVIEW_MS_MAX, PART_MS } from "#wire/index.ts";
import type { Interview } from "./interview.ts";
import { FakePlatform } from "./testing.ts";

const SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n";
const MINUTE_MS = 60_000;

function phases({ transitions }: Interview): string[] {
	return transitions.map(({ to, actor, cause }) => `${to} by ${actor}: ${cause}`);
}

async function seat(
	platform: FakePlatform,
	interview: Interview,
	nth: number,
	place: "check" | "green",
): Promise<void> {
	const { seatId } = interview.seats[nth] as Interview["seats"][number];
	const accepted = await platform.drive(platform.live.accept(interview.interviewId, seatId, SDP));
	assert.ok(accepted.ok);
	await platform.drive(platform.live.changeSeat(interview.interviewId, seatId, { place }));
	await platform.pass(400);
}

test("the clock alone: doors 15 minutes before, on air at the announced time with whoever is in the green room", () =>
	FakePlatform.run(async (platform) => {
		const interview = await platform.announced({ announcedStartUnixMs: platform.clock.unixMs() + 16 * MINUTE_MS });
		await platform.pass(2_000);
		assert.equal(platform.stages.size, 0, "nothing runs before the doors open");
		platform.clock.advance(MINUTE_MS);
		await platform.pass(1_000);
		assert.equal(platform.now(interview).lifecycle.phase, "doors");
		assert.equal(platform.broadcasts.size, 1);
		await seat(platform, interview, 1, "green");
		platform.clock.advance(interview.announcedStartUnixMs - platform.clock.unixMs() - 3_000);
		await platform.pass(5_000);
		const now = platform.now(interview);
		assert.deepEqual(phases(now), ["doors by clock: start_is_near", "on_air by clock: start_reached"]);
		assert.equal(now.seats[1]?.place, "air");
		const onAir = now.lifecycle.phase === "on_air" && now.lifecycle.onAirUnixMs;
		assert.ok(
			Math.abs(Number(onAir) - interview.announcedStartUnixMs) <= 1_000,
			"the real start is kept beside the other",
		);
	}));

test("nobody in the green room at the announced time: listeners hear the notice, a co-host starts later", () =>
	FakePlatform.run(async (platform) => {
		const interview = await platform.announced({
			announcedStartUnixMs: platform.clock.unixMs() + MINUTE_MS,
			people: [{ name: "Co", role: "co_host" }],
		});
		await seat(platform, interview, 1, "check");
		await platform.pass(MINUTE_MS + 2_000);
		assert.equal(platform.now(interview).lifecycle.phase, "waiting_for_host");
		const broadcast = platform.broadcasts.get(interview.interviewId);
		assert.deepEqual(
			broadcast?.commands.findLast((command) => command.kind === "hold"),
			{
				kind: "hold",
				notice: "waiting_for_host",
			},
		);
		await platform.drive(
			platform.live.changeSeat(interview.interviewId, interview.seats[1]?.seatId ?? "", { place: "green" }),
		);
		await platform.pass(2_000);
		assert.equal(
			platform.now(interview).lifecycle.phase,
			"waiting_for_host",
			"nobody is put on air unasked once it is late",
		);
		assert.ok((await platform.drive(platform.live.goLive(interview.interviewId, "seat:co"))).ok);
		await platform.pass(1_000);
		assert.equal(platform.now(interview).transitions.at(-1)?.actor, "seat:co");
		assert.deepEqual(
			broadcast?.commands.findLast((command) => command.kind === "hold"),
			{ kind: "hold", notice: "none" },
		);
	}));

test("Go live and End: the green room goes on air first, the end is recorded where the programme cut it, the doors know", () =>
	FakePlatform.run(async (platform) => {
		const interview = await platform.announced();
		const { interviewId } = interview;
		await seat(platform, interview, 0, "green");
		assert.ok((await platform.drive(platform.live.goLive(interviewId, "person:owner"))).ok);
		assert.ok((await platform.drive(platform.live.goLive(interviewId, "person:owner"))).ok, "again without harm");
		await platform.pass(5_000);
		platform.synced.length = 0;
		const ended = await platform.drive(platform.live.end(interviewId, "person:owner"));
		assert.ok(ended.ok && ended.durationMs > 0);
		assert.deepEqual(platform.synced, ["house", "edge-0"]);
		const again = await platform.drive(platform.live.end(interviewId, "person:owner"));
		assert.deepEqual(again, ended);
		const now = platform.now(interview);
		const { timeline } = platform.broadcasts.get(interviewId) ?? {};
		assert.ok(timeline && now.lifecycle.phase === "ended");
		assert.equal(now.lifecycle.endedUnixMs, timeline.epochUnixMs + Number(timeline.endPart) * PART_MS);
		assert.deepEqual(
			now.transitions.map((each) => each.to),
			["doors", "on_air", "ended"],
		);
		assert.equal(now.seats[0]?.place, "green", "nobody is on air after the end");
		await platform.pass(61_000);
		assert.equal(platform.stages.size + platform.broadcasts.size, 0, "its processes are let go");
	}));

test("while PostgreSQL is away: going live, muting and the end work, and are recorded when it is back", () =>
	FakePlatform.run(async (platform) => {
		const interview = await platform.announced();
		const { interviewId } = interview;
		const seatId = interview.seats[0]?.seatId ?? "";
		await seat(platform, interview, 0, "green");
		platform.store.away = true;
		assert.ok((await platform.drive(platform.live.goLive(interviewId, "person:owner"))).ok);
		await platform.drive(platform.live.changeSeat(interviewId, seatId, { muted: true }));
		assert.equal(platform.stages.get(interviewId)?.seats.get(seatId)?.muted, true);
		assert.ok((await platform.drive(platform.live.end(interviewId, "person:owner"))).ok);
		assert.equal(platform.store.rows.get(interviewId)?.value.transitions.length, 0);
		platform.store.away = false;
		await platform.pass(2_000);
		const row = platform.store.rows.get(interviewId)?.value;
		assert.deepEqual(
			row?.transitions.map((each) => each.to),
			["doors", "on_air", "ended"],
		);
		assert.equal(row?.seats[0]?.muted, true);
	}));

test("control killed between telling broadcast and writing down: the timeline is believed, in the name of who asked", () =>
	FakePlatform.run(async (platform) => {
		const interview = await platform.announced();
		const { interviewId } = interview;
		await seat(platform, interview, 0, "green");
		const intended = { to: "on_air", actor: "person:owner", cause: "went_live" } as const;
		await platform.interviews.record(interviewId, (now) => ({ ...(now as Interview), pendingStep: intended }));
		await platform.stopControl();
		platform.startBroadcast(interviewId);
		const broadcast = platform.broadcasts.get(interviewId);
		assert.ok(broadcast);
		broadcast.timeline.onAirPart = 3;
		await platform.startControl();
		await platform.pass(2_000);
		const now = platform.now(interview);
		assert.deepEqual(phases(now), ["doors by person:owner: went_live", "on_air by person:owner: went_live"]);
		assert.equal(now.transitions[1]?.atUnixMs, broadcast.timeline.epochUnixMs + 3 * PART_MS);
		assert.equal(now.pendingStep, null);
	}));

test("the platform was stopped while on air: interrupted, opened again, on air again; nothing twice", () =>
	FakePlatform.run(async (platform) => {
		const interview = await platform.announced();
		const { interviewId } = interview;
		await seat(platform, interview, 0, "green");
		await platform.drive(platform.live.goLive(interviewId, "person:owner"));
		await platform.pass(1_000);
		await platform.stopControl();
		platform.stop(interviewId);
		await platform.startControl();
		await platform.pass(2_000);
		assert.equal(platform.stages.size + platform.broadcasts.size, 2);
		assert.deepEqual(phases(platform.now(interview)).slice(2), [
			"interrupted by platform: platform_stopped",
			"on_air by platform: programme_returned",
		]);
		await platform.stopControl();
		await platform.startControl();
		await platform.pass(5_000);
		assert.equal(platform.now(interview).transitions.length, 4, "a new control alone interrupts nothing");
	}));

test("the programme's process is away for long: listeners are told that it is interrupted, and when it is back", () =>
	FakePlatform.run(async (platform) => {
		const interview = await platform.announced();
		const { interviewId } = interview;
		await platform.drive(platform.live.goLive(interviewId, "person:owner"));
		await platform.pass(1_000);
		platform.stopBroadcast(interviewId);
		await platform.pass(5_000);
		assert.equal(platform.now(interview).lifecycle.phase, "interrupted");
		platform.startBroadcast(interviewId);
		await platform.pass(1_000);
		assert.equal(platform.now(interview).lifecycle.phase, "on_air");
		const broadcast = platform.broadcasts.get(interviewId);
		assert.ok(
			broadcast?.commands.some((command) => command.kind === "tags"),
			"the new process is told everything again",
		);
	}));

test("a stage that was replaced: its connections are forgotten, a rejoin gets the same seat with the same settings", () =>
	FakePlatform.run(async (platform) => {
		const interview = await platform.announced();
		const { interviewId } = interview;
		const { seatId } = interview.seats[0] as Interview["seats"][number];
		const first = await platform.drive(platform.live.accept(interviewId, seatId, SDP));
		assert.ok(first.ok);
		await platform.drive(platform.live.changeSeat(interviewId, seatId, { gainDb: 6, place: "green" }));
		await platform.pass(400);
		const before = platform.live.observed.stageState(interviewId);
		platform.stopStage(interviewId);
		platform.startStage(interviewId);
		await platform.pass(400);
		assert.notEqual(platform.live.observed.stageState(interviewId).epoch, before.epoch);
		assert.equal(platform.live.seating.session(interviewId, first.session.sessionId), undefined);
		assert.ok((await platform.drive(platform.live.accept(interviewId, seatId, SDP))).ok);
		const shown = platform.stages.get(interviewId)?.seats.get(seatId);
		assert.deepEqual([shown?.gainDb, shown?.place], [6, "green"]);
	}));

test("a stage that shows something else than recorded is told again", () =>
	FakePlatform.run(async (platform) => {
		const interview = await platform.announced();
		await seat(platform, interview, 0, "green");
		const stage = platform.stages.get(interview.interviewId);
		const [seatId, shown] = [...(stage?.seats ?? [])][0] ?? [];
		assert.ok(stage && seatId && shown);
		stage.seats.set(seatId, { ...shown, muted: true });
		await platform.pass(2_000);
		assert.equal(stage.seats.get(seatId)?.muted, false);
	}));

test("more interviews than the machine carries: refused with a reason; one that is over makes room", () =>
	FakePlatform.run(async (platform) => {
		const [first, second, third] = [
			await platform.announced({ slug: "one" }),
			await platform.announced({ slug: "two" }),
			await platform.announced({ slug: "three" }),
		] as const;
		await platform.drive(platform.live.goLive(first.interviewId, "person:owner"));
		await platform.drive(platform.live.goLive(second.interviewId, "person:owner"));
		const refused = await platform.drive(platform.live.goLive(third.interviewId, "person:owner"));
		assert.ok(!refused.ok && refused.code === "live_max");
		assert.equal(platform.live.openRefusal(third.interviewId)?.code, "live_max");
		await platform.drive(platform.live.end(first.interviewId, "person:owner"));
		await platform.pass(400);
		assert.ok((await platform.drive(platform.live.goLive(third.interviewId, "person:owner"))).ok);
		assert.equal(platform.live.openRefusal(third.interviewId), undefined);
	}));

test("a programme that does not come up: Go live is refused, the green room stays where it was, and nothing is recorded", () =>
	FakePlatform.run(async (platform) => {
		platform.broken.add("broadcast");
		const interview = await platform.announced();
		await seat(platform, interview, 0, "green");
		const refused = await platform.drive(platform.live.goLive(interview.interviewId, "person:owner"));
		assert.ok(!refused.ok && refused.code === "programme_unreachable");
		const now = platform.now(interview);
		assert.deepEqual(now.transitions, []);
		assert.equal(now.seats[0]?.place, "green");
		assert.equal(platform.stages.get(interview.interviewId)?.seats.get(now.seats[0]?.seatId ?? "")?.place, "green");
	}));

test("after 12 hours it ends by itself", () =>
	FakePlatform.run(async (platform) => {
		const interview = await platform.announced();
		await platform.drive(platform.live.goLive(interview.interviewId, "person:owner"));
		platform.clock.advance(INTERVIEW_MS_MAX - 2_000);
		await platform.pass(4_000);
		assert.equal(platform.now(interview).transitions.at(-1)?.cause, "length_bound");
		assert.equal(platform.now(interview).lifecycle.phase, "ended");
	}));

test("the only host can neither be removed nor be made a guest", () =>
	FakePlatform.run(async (platform) => {
		const interview = await platform.announced();
		const seatId = interview.seats[0]?.seatId ?? "";
		const removed = await platform.live.removeSeat(interview.interviewId, seatId);
		const demoted = await platform.live.changeSeat(interview.interviewId, seatId, { role: "guest" });
		assert.ok(!removed.ok && removed.code === "last_host");
		assert.ok(!demoted.ok && demoted.code === "last_host");
	}));

test("whatever happens in whatever order: transitions are numbered without a hole, follow from each other, and reach the store", async () => {
	const step = fc.constantFrom(
		"go live",
		"end",
		"cancel",
		"seat",
		"pass",
		"restart control",
		"stop platform",
		"lose programme",
		"database away",
		"database back",
	);
	await fc.assert(
		fc.asyncProperty(fc.array(step, { maxLength: 10 }), (steps) =>
			FakePlatform.run(async (platform) => {
				const interview = await platform.announced({ announcedStartUnixMs: platform.clock.unixMs() + 20_000 });
				const { interviewId } = interview;
				for (const what of steps) {
					const { live } = platform;
					if (what === "go live") await platform.drive(live.goLive(interviewId, "person:owner"));
					if (what === "end") await platform.drive(live.end(interviewId, "person:owner"));
					if (what === "cancel") await platform.drive(live.cancel(interviewId, "person:owner"));
					if (what === "seat") await platform.drive(live.accept(interviewId, interview.seats[0]?.seatId ?? "", SDP));
					if (what === "pass") await platform.pass(6_000);
					if (what === "lose programme") {
						platform.stopBroadcast(interviewId);
						await platform.pass(4_000);
						if (live.openIds().includes(interviewId)) platform.startBroadcast(interviewId);
					}
					if (what === "restart control" || what === "stop platform") {
						await platform.stopControl();
						if (what === "stop platform") platform.stop(interviewId);
						await platform.startControl();
					}
					if (what === "database away") platform.store.away = true;
					if (what === "database back") platform.store.away = false;
				}
				platform.store.away = false;
				await platform.pass(3_000);
				const { transitions, lifecycle } = platform.now(interview);
				let phase = "announced";
				for (const [nth, each] of transitions.entries()) {
					assert.equal(each.sequence, nth);
					assert.equal(each.from, phase);
					phase = each.to;
				}
				assert.equal(lifecycle.phase, phase);
				assert.ok(transitions.filter((each) => each.to === "ended").length <= 1);
				const row = platform.store.rows.get(interviewId)?.value;
				assert.deepEqual(row?.transitions, transitions);
				const timeline = platform.disk.get(interviewId);
				if (timeline?.endPart !== undefined && timeline.endPart !== null) assert.equal(lifecycle.phase, "ended");
			}),
		),
		{ numRuns: 15 },
	);
});
