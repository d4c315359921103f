import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { routeOf } from "./routes.ts";

test("routeOf() knows every address of the public door", () => {
	assert.deepEqual(routeOf("/"), { kind: "front", language: undefined });
	assert.deepEqual(routeOf("/?lang=de&utm=x"), { kind: "front", language: "de" });
	assert.deepEqual(routeOf("/i/demo"), { kind: "page", slug: "demo", language: undefined });
	assert.deepEqual(routeOf("/i/demo/"), { kind: "redirect", location: "/i/demo" });
	assert.deepEqual(routeOf("/i/demo/state.json?_=1"), { kind: "state", slug: "demo" });
	assert.deepEqual(routeOf("/i/demo/live.mp4"), { kind: "push", slug: "demo", form: "mp4_48", burst: "plain" });
	assert.deepEqual(routeOf("/i/demo/live.mp4?burst=player&r=24"), {
		kind: "push",
		slug: "demo",
		form: "mp4_24",
		burst: "player",
	});
	assert.deepEqual(routeOf("/i/demo/live.ogg?r=24"), { kind: "push", slug: "demo", form: "ogg_24", burst: "plain" });
	assert.deepEqual(routeOf("/i/demo/live.mp4?from=0"), {
		kind: "push",
		slug: "demo",
		form: "mp4_48",
		burst: { fromPart: 0 },
	});
	assert.deepEqual(routeOf("/i/a-1/hls/index.m3u8"), { kind: "multivariant", slug: "a-1", list: "now" });
	assert.deepEqual(routeOf("/i/a-1/hls/whole.m3u8"), { kind: "multivariant", slug: "a-1", list: "whole" });
	assert.deepEqual(routeOf("/i/x/hls/aac64/recording.m3u8"), {
		kind: "playlist",
		slug: "x",
		track: "aac64",
		playlist: "recording",
	});
	assert.deepEqual(routeOf("/i/x/hls/K_-9/opus24/init.mp4"), {
		kind: "init",
		slug: "x",
		pathKey: "K_-9",
		track: "opus24",
	});
	assert.deepEqual(routeOf("/i/x/hls/k/opus48/17.m4s"), {
		kind: "segment",
		slug: "x",
		pathKey: "k",
		track: "opus48",
		sequence: 17,
	});
	assert.deepEqual(routeOf("/i/x/hls/ll/index.m3u8"), { kind: "multivariant", slug: "x", list: "low_latency" });
	assert.deepEqual(routeOf("/i/x/hls/ll/opus48.m3u8?_HLS_part=2&CMCD=br%3D48&_HLS_msn=17&_HLS_skip=YES"), {
		kind: "low_latency",
		slug: "x",
		track: "opus48",
		directives: { sequence: 17, partOfSegment: 2, skip: true },
	});
	assert.deepEqual(routeOf("/i/x/hls/k/opus48/p170.m4s"), {
		kind: "part",
		slug: "x",
		pathKey: "k",
		track: "opus48",
		part: 170,
	});
	assert.deepEqual(routeOf("/i/x/recording.mp3"), {
		kind: "recording",
		slug: "x",
		extension: "mp3",
		download: false,
	});
	assert.deepEqual(routeOf("/i/x/recording.ogg?download"), {
		kind: "recording",
		slug: "x",
		extension: "ogg",
		download: true,
	});
	assert.deepEqual(routeOf("/assets/a-1.js"), { kind: "asset", path: "/assets/a-1.js" });
	assert.deepEqual(routeOf("/api/v1/questions"), { kind: "cold" });
	assert.deepEqual(routeOf("/m/sign-in"), { kind: "cold" });
});

test("routeOf() refuses query values it cannot read, and ignores parameters it does not know", () => {
	for (const query of [
		"r=48",
		"r=",
		"r=24x",
		"burst=1",
		"burst=",
		"from=",
		"from=-1",
		"from=01",
		"from=1e3",
		"from=9999999999",
		"from=1.5",
	]) {
		assert.equal(routeOf(`/i/demo/live.mp4?${query}`).kind, "malformed", query);
	}
	assert.equal(routeOf("/i/demo/live.aac?r=24").kind, "malformed");
	assert.equal(routeOf("/i/demo/live.mp3?r=24").kind, "malformed");
	assert.equal(routeOf("/i/demo/live.mp4?x=1&_HLS_msn=2").kind, "push");
});

test("routeOf() resolves nothing: tricks with paths lead nowhere", () => {
	const tricks = [
		"/i/demo/../demo",
		"/i/./demo",
		"/i//demo",
		"//i/demo",
		"/i/demo%2fstate.json",
		"/i/%64emo",
		"/i/demo/hls/k/aac64/../../x",
		"/i/demo/hls/k/aac64/01.m4s",
		"/i/demo/hls/k/aac64/-1.m4s",
		"/i/demo/hls/k/aac64/999999999.m4s",
		"/i/demo/hls/k/mp3/1.m4s",
		"/i/demo/hls/k/aac64/1.m4s/",
		"/i/Demo",
		"/i/-demo",
		"/i/demo-",
		`/i/${"a".repeat(65)}`,
		"/i/",
		"/i/demo;x",
		"/i/demo/live.mp4/",
		"/i/demo/hls/other.m3u8",
		"/i/demo/hls/aac64/index.m3u8",
		"/i/demo/hls/index/live.m3u8",
		"/i/demo/live.exe",
	];
	for (const target of tricks) {
		const { kind } = routeOf(target);
		assert.ok(kind === "unknown" || (kind === "asset" && target.startsWith("//")), `${target}: ${kind}`);
	}
});

test("routeOf() never throws", () => {
	const target = fc.array(
		fc.constantFrom("/", "i", "hls", "demo", "..", "live.mp4", "?", "&", "=", "from", "r", "%2f", "%zz", "1.m4s"),
		{
			maxLength: 12,
		},
	);
	fc.assert(fc.property(target, (pieces) => void routeOf(`/${pieces.join("")}`)));
});

test("routeOf() takes what a player heard only as a player says it", () => {
	assert.deepEqual(routeOf("/i/demo/heard?w=push&h=58000&g=1&m=2000&d=1200"), {
		kind: "heard",
		slug: "demo",
		report: { way: "push", heardMs: 58_000, gapCount: 1, gapMs: 2_000, distanceMs: 1_200, joinMs: undefined },
	});
	assert.equal(routeOf("/i/demo/heard").kind, "malformed");
	assert.equal(routeOf("/i/demo/heard?w=push&h=999999&g=0&m=0").kind, "malformed");
	assert.equal(routeOf("/i/demo/heard/?w=push&h=1&g=0&m=0").kind, "unknown");
});
