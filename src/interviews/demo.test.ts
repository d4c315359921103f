import assert from "node:assert/strict";
import { test } from "node:test";
import { runDemo } from "./demo.ts";
import type { Interview } from "./interview.ts";
import { isOver } from "./lifecycle.ts";
import { FakePlatform } from "./testing.ts";

const SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n";

/** Runs the demo; its two voices connect as soon as there is a stage, as the rehearsal's process lets them. */
async function demo(platform: FakePlatform, mayOpenAnother: boolean): Promise<Interview | undefined> {
	const { announce, live, tokens, clock } = platform;
	const running = () => announce.kept().findLast(({ demo, lifecycle }) => demo && !isOver(lifecycle.phase));
	const seated = live.until(60_000, () => {
		const interview = running();
		if (!interview || !platform.stages.has(interview.interviewId)) return undefined;
		const voices = interview.seats.filter(({ name }) => name === "Anna" || name === "Ben");
		return Promise.all(voices.map(({ seatId }) => live.accept(interview.interviewId, seatId, SDP)));
	});
	const ran = runDemo({ announce, live, tokens, clock, whipBase: "http://staff.test", mayOpenAnother });
	if (!(await platform.drive(ran))) return undefined;
	await platform.drive(seated);
	return running();
}

test("the demo goes on air once both voices are there; it goes on after a restart; ended stays ended, the next is demo-2", () =>
	FakePlatform.run(async (platform) => {
		const first = await demo(platform, true);
		assert.ok(first);
		assert.deepEqual([first.slug, platform.now(first).lifecycle.phase], ["demo", "on_air"]);
		const onAir = platform.now(first).seats.filter((seat) => seat.place === "air");
		assert.deepEqual(
			onAir.map((seat) => seat.name),
			["Anna", "Ben"],
		);

		await platform.stopControl();
		await platform.startControl();
		assert.equal((await demo(platform, true))?.interviewId, first.interviewId);

		await platform.drive(platform.live.end(first.interviewId, "command_line"));
		assert.equal(await demo(platform, false), undefined, "control alone was started anew: nobody asked for another");
		const second = await demo(platform, true);
		assert.deepEqual([second?.slug, platform.now(first).lifecycle.phase], ["demo-2", "ended"]);
	}));
