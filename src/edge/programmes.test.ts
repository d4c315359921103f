import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, packPieces, silentLog } from "#base/index.ts";
import { LocalHub } from "#bus/index.ts";
import type { Objects } from "#objects/index.ts";
import {
	encodePart,
	parts,
	programmeTail,
	SITE_REQUEST,
	siteEntries,
	timelineKey,
	timelines,
	writeJson,
} from "#wire/index.ts";
import { createEdgeEvents } from "./events.ts";
import { fakePart, fakeState, fakeTimeline } from "./fakes.ts";
import { createProgrammes } from "./programmes.ts";
import { createSite } from "./site.ts";

/** Lets messages that are under way arrive: the local bus delivers in microtasks. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

function open(stored = new Map<string, Uint8Array>()) {
	const clock = new FakeClock();
	const hub = new LocalHub(clock);
	const bus = hub.connect();
	const objects = { read: async (key: string) => stored.get(key) && Buffer.from(stored.get(key) as Uint8Array) };
	const events = createEdgeEvents(silentLog);
	const programmes = createProgrammes({
		clock,
		bus: hub.connect(),
		objects: objects as Partial<Objects> as Objects,
		events,
		later: (turn) => turn(),
	});
	return { clock, hub, bus, events, programmes };
}

test("a programme whose broadcast is away is asked for again until it answers", async () => {
	const { clock, bus, programmes } = open();
	await programmes.follow("iv1");
	assert.equal(programmes.live("iv1")?.timeline, undefined);
	let asked = 0;
	const timeline = fakeTimeline();
	bus.respond(programmeTail("iv1"), () => {
		asked += 1;
		return packPieces(timeline, [encodePart(fakePart(timeline, 7))]);
	});
	await settle();
	for (let i = 0; i < 3; i += 1) {
		clock.advance(250);
		await settle();
	}
	assert.equal(programmes.live("iv1")?.tail.nextPart, 8);
	assert.equal(asked, 1);
});

test("sound of an interview nobody told of makes a programme, and its timeline is asked for", async () => {
	const { bus, programmes } = open();
	const timeline = fakeTimeline();
	bus.respond(programmeTail("iv1"), () => packPieces(timeline, []));
	await settle();
	bus.publish(parts("iv1"), encodePart(fakePart(timeline, 3)));
	await settle();
	assert.equal(programmes.live("iv1")?.timeline?.pathKey, "k3y");
});

test("an ended programme stays in memory for a minute, then is read from objects", async () => {
	const timeline = fakeTimeline({ onAirPart: 0, endPart: 1 });
	const { clock, bus, programmes } = open(
		new Map([[timelineKey("iv1"), writeJson({ ...timeline, pathKey: "stored" })]]),
	);
	bus.respond(programmeTail("iv1"), () => packPieces(timeline, [encodePart(fakePart(timeline, 0))]));
	await settle();
	await programmes.follow("iv1");
	bus.publish(timelines("iv1"), writeJson(timeline));
	await settle();
	for (let ms = 0; ms < 62_000; ms += 250) clock.advance(250);
	assert.equal(programmes.live("iv1"), undefined);
	assert.equal((await programmes.timeline("iv1"))?.pathKey, "stored");
});

test("a timeline that is not stored yet is looked for again", async () => {
	const stored = new Map<string, Uint8Array>();
	const { programmes } = open(stored);
	assert.equal(await programmes.timeline("iv1"), undefined);
	stored.set(timelineKey("iv1"), writeJson(fakeTimeline({ endPart: 5 })));
	await settle();
	assert.equal((await programmes.timeline("iv1"))?.endPart, 5);
});

test("house is asked for the site until it answers, and again after the bus was away", async () => {
	const { clock, hub, bus, events } = open();
	const seen: string[] = [];
	using site = createSite({
		clock,
		bus: hub.connect(),
		events,
		onlyTls: false,
		onEntry: ({ slug }) => seen.push(slug),
	});
	await settle();
	assert.equal(site.known, false);
	const entry = (slug: string) => ({
		slug,
		interviewId: "iv1",
		phase: "on_air" as const,
		stateJson: JSON.stringify(fakeState({ slug })),
		pages: { en: "page", de: "Seite" },
		removed: false,
	});
	const problem = { en: "nothing here", de: "hier ist nichts" };
	const problems = { not_found: problem, removed: problem, unavailable: problem };
	bus.respond(SITE_REQUEST, () => writeJson({ front: { en: "front", de: "vorn" }, entries: [entry("one")], problems }));
	await settle();
	clock.advance(500);
	await settle();
	assert.equal(site.known, true);
	bus.publish(siteEntries("two"), writeJson(entry("two")));
	await settle();
	assert.deepEqual(seen, ["one", "two"]);
	assert.equal(site.place("two")?.state?.slug, "two");
	assert.equal(site.problem("not_found", "de"), "hier ist nichts");
	bus.publish(siteEntries("two"), writeJson({ ...entry("two"), stateJson: "{}" }));
	await settle();
	assert.equal(site.place("two")?.state, undefined, "a state that cannot be read is logged and sent as it is");
});
