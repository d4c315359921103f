import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { silentLog, systemClock, systemRandom } from "#base/index.ts";
import { type Bus, LocalHub } from "#bus/index.ts";
import { FakeBroadcast, fakeState, fakeTimeline, partText } from "#edge/fakes.ts";
import { IcyReader } from "#edge/icy.testing.ts";
import { openDisk } from "#objects/index.ts";
import {
	type EdgeReport,
	edgeReport,
	edgeReports,
	edgeSync,
	MP3_RECORDING_WISHES,
	type Mp3RecordingAnswer,
	mp3RecordingWish,
	type PlatformSettings,
	type PublicState,
	readJson,
	recordingKey,
	SITE_REQUEST,
	type SiteEntry,
	segmentKey,
	siteEntries,
	timelineKey,
	writeJson,
} from "#wire/index.ts";
import { startEdge } from "./edge.ts";

const TOKEN_KEY = Buffer.alloc(32, 7).toString("base64");
const PAGES = { en: "<!doctype html><p>page</p>".padEnd(2_000), de: "<!doctype html><p>Seite</p>".padEnd(2_000) };

/** The newest state's revision: each state published is a new one. */
let revision = 0;
function entryOf(state: Partial<PublicState> & { slug: string }, interviewId: string): SiteEntry {
	revision += 1;
	const whole = fakeState({ ...state, revision });
	return {
		slug: whole.slug,
		interviewId,
		phase: whole.phase,
		stateJson: JSON.stringify(whole),
		pages: PAGES,
		removed: false,
	};
}

let dir: string;
let bus: Bus;
let broadcast: FakeBroadcast;
let port: number;
const scope = new AsyncDisposableStack();

before(async () => {
	dir = await mkdtemp(join(tmpdir(), "edge-"));
	scope.defer(() => rm(dir, { recursive: true }));
	await mkdir(join(dir, "web", "assets"), { recursive: true });
	await writeFile(join(dir, "web", "assets", "listen-abc.js"), "export {};".repeat(200));
	const objects = openDisk(join(dir, "objects"));
	const ended = fakeTimeline({
		interviewId: "old",
		pathKey: "oldkey",
		cuts: [0, 30],
		onAirPart: 30,
		endPart: 57,
		recording: { m4aBytes: 1_000, oggBytes: 900, durationMs: 8_640 },
	});
	await objects.write(timelineKey("old"), writeJson(ended));
	for (const sequence of [3, 4, 5])
		await objects.write(segmentKey("old", "aac64", sequence), Buffer.from(`<${sequence}>`));
	await objects.write(recordingKey("old", "m4a"), Buffer.alloc(1_000, "abcdefghij"));

	const hub = new LocalHub(systemClock);
	bus = hub.connect();
	broadcast = new FakeBroadcast(bus, fakeTimeline({ cuts: [0, 12], onAirPart: 12 }));
	broadcast.speak(100);
	const site = {
		front: { en: "front", de: "Anfang" },
		entries: [
			entryOf({ slug: "demo" }, "iv1"),
			entryOf({ slug: "old", phase: "ended", title: "Über „Mut“" }, "old"),
			entryOf({ slug: "soon", phase: "announced", announcedStartUnixMs: Date.now() + 3_600_000 }, "soon"),
			entryOf({ slug: "opening", phase: "doors" }, "iv2"),
			{ ...entryOf({ slug: "gone" }, "gone"), stateJson: "", removed: true },
		],
	};
	bus.respond(SITE_REQUEST, () => writeJson(site));
	const publicDoor = { tls: null, proxy: { mode: "direct", trustedNetworks: [] }, redirectPort: null };
	const settings = {
		publicDoor,
		edgeWorkers: 1,
		host: "127.0.0.1",
		publicPort: 0,
		objectsDir: join(dir, "objects"),
		webDir: join(dir, "web"),
	};
	const outside = { clock: systemClock, random: systemRandom, log: silentLog, bus: hub.connect() };
	const edge = scope.use(
		await startEdge(settings as unknown as PlatformSettings, { worker: 0, tokenKey: TOKEN_KEY }, outside),
	);
	port = edge.port as number;
});
after(() => scope.disposeAsync());

const url = (path: string) => `http://127.0.0.1:${port}${path}`;
const sync = () => bus.request(edgeSync(0), new Uint8Array(0), { timeoutMs: 1_000 });

/** Sends bytes and collects what comes back until `until` is in it, or the connection closes. */
function raw(bytes: string, until?: string): Promise<string> {
	return hear(bytes, until).heard;
}

/** The same; `begun` settles with the first bytes: a listener's place in the stream is taken then. */
function hear(bytes: string, until?: string): { readonly begun: Promise<void>; readonly heard: Promise<string> } {
	const begun = Promise.withResolvers<void>();
	const collect = async () => {
		const socket = connect(port, "127.0.0.1");
		socket.on("error", () => {});
		socket.write(bytes, "latin1");
		let text = "";
		for await (const chunk of socket) {
			text += (chunk as Buffer).toString("latin1");
			begun.resolve();
			if (until && text.includes(until)) break;
		}
		socket.destroy();
		return text;
	};
	return { begun: begun.promise, heard: collect() };
}
const get = (path: string, fields = "") => `GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;

test("live.ogg begins with the head pages and goes on with each beat, once and in order", async () => {
	const ogg = hear(get("/i/demo/live.ogg"), partText("ogg48", 104).toString());
	await ogg.begun;
	broadcast.speak(6);
	const text = await ogg.heard;
	assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
	assert.match(text, /\r\nContent-Type: audio\/ogg\r\n/);
	assert.match(text, /\r\nCache-Control: no-store, no-transform\r\n/);
	assert.match(text, /\r\nX-Accel-Buffering: no\r\n/);
	const body = text.split("\r\n\r\n")[1] as string;
	assert.ok(body.startsWith("<ogghead opus48>"));
	const heardParts = [...body.matchAll(/\[ogg48 (\d+)\]/g)].map((match) => Number(match[1]));
	for (let i = 1; i < heardParts.length; i += 1) {
		assert.ok((heardParts[i] as number) - (heardParts[i - 1] as number) <= 3, `${heardParts}`);
	}
	assert.equal(heardParts.at(-1), 104);
});

test("live.mp4 is chunked: init, state, parts; a player's burst is short; the end says that it is one", async () => {
	const text = await raw(
		get("/i/demo/live.mp4?burst=player&r=24"),
		partText("opus24", broadcast.nextPart - 1).toString(),
	);
	assert.match(text, /\r\nTransfer-Encoding: chunked\r\n/);
	assert.match(text, /<init opus24>/);
	assert.match(text, /emsg.*urn:rostra:state.*"slug":"demo"/s);
	const count = [...text.matchAll(/\[opus24 \d+\]/g)].length;
	assert.equal(count, 4, "a beat, and a part more to bridge the time to the next");
	const plain = await raw(get("/i/demo/live.aac"), partText("adts", broadcast.nextPart - 1).toString());
	assert.equal([...plain.matchAll(/\[adts \d+\]/g)].length, broadcast.nextPart, "parts of a few bytes: all there are");
});

test("a player that returns names the part it needs and gets exactly those after it", async () => {
	const from = broadcast.nextPart - 5;
	const text = await raw(get(`/i/demo/live.mp4?from=${from}`), partText("opus48", broadcast.nextPart - 1).toString());
	const parts = [...text.matchAll(/\[opus48 (\d+)\]/g)].map((match) => Number(match[1]));
	assert.deepEqual(parts, [from, from + 1, from + 2, from + 3, from + 4]);
});

test("players say what they heard: summed without a trace of them, and refused where it is absurd or too often", async () => {
	const got: EdgeReport[] = [];
	const summed = Promise.withResolvers<void>();
	using _ = bus.subscribe(edgeReports(0), (payload) => {
		got.push(readJson(edgeReport, payload));
		if (got.some(({ heard }) => heard["iv1"]?.reports.segments)) summed.resolve();
	});
	const told = (query: string, slug = "demo") => fetch(url(`/i/${slug}/heard?${query}`));
	const first = await told("w=push&h=58000&g=2&m=2000&d=1200&j=120");
	assert.deepEqual([first.status, first.headers.get("cache-control")], [204, "no-store"]);
	assert.equal((await told("w=segments&h=60000&g=0&m=0&d=31000")).status, 204);
	assert.equal((await told("w=native&h=60000&g=0&m=0", "old")).status, 204, "it ended: taken politely, and dropped");
	assert.equal((await fetch(url("/i/demo/heard?w=push&h=1&g=0&m=0"), { method: "HEAD" })).status, 204);
	assert.equal((await told("w=push&h=900000&g=0&m=0")).status, 400);
	assert.equal((await told("w=push&h=1&g=0&m=0", "nobody")).status, 404);
	await summed.promise;
	const whole = got.flatMap(({ heard }) => Object.entries(heard));
	assert.ok(whole.every(([interviewId]) => interviewId === "iv1"));
	const sum = (of: (sums: EdgeReport["heard"][string]) => number) => whole.reduce((all, [, sums]) => all + of(sums), 0);
	assert.deepEqual(
		[
			sum((s) => s.heardMs),
			sum((s) => s.gapMs),
			sum((s) => s.gapCount),
			sum((s) => s.reports.push),
			sum((s) => s.reports.segments),
		],
		[118_000, 2_000, 2, 1, 1],
	);
	assert.deepEqual(
		[sum((s) => s.joinMs[1] ?? 0), sum((s) => s.distanceMs[1] ?? 0), sum((s) => s.distanceMs.at(-1) ?? 0)],
		[1, 1, 1],
	);

	const answers: number[] = [];
	for (let nth = 0; nth < 120; nth += 1) answers.push((await told("w=push&h=1&g=0&m=0")).status);
	assert.ok(answers.filter((status) => status === 204).length >= 60 && answers.at(-1) === 429, `${answers}`);
	const id = Buffer.from(systemRandom.bytes(12)).toString("hex");
	const token = await (await fetch(url(`/i/demo/token?id=${id}`))).text();
	const hung = new AbortController();
	const push = await fetch(url("/i/demo/live.mp4"), {
		headers: { authorization: `Bearer ${token}` },
		signal: hung.signal,
	});
	hung.abort();
	const headers = { authorization: `Bearer ${push.headers.get("rostra-token")}` };
	assert.equal(
		(await fetch(url("/i/demo/heard?w=push&h=1&g=0&m=0"), { headers })).status,
		204,
		"who was inside is charged for himself",
	);
});

test("at level door who was inside before gets in with his token, a newcomer is told when to ask again [SH11]", async () => {
	const tokenOf = async () => {
		const id = Buffer.from(systemRandom.bytes(12)).toString("hex");
		return await (await fetch(url(`/i/demo/token?id=${id}`))).text();
	};
	const listen = async (token?: string) => {
		const hung = new AbortController();
		const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
		const answer = await fetch(url("/i/demo/live.mp4"), { headers, signal: hung.signal });
		hung.abort();
		return answer;
	};
	const level = async (admission: PublicState["admission"]) => {
		bus.publish(siteEntries("demo"), writeJson(entryOf({ slug: "demo", admission }, "iv1")));
		await sync();
	};
	const early = await tokenOf();
	assert.equal(early.length, 59);
	assert.equal((await listen()).status, 200, "below door nobody needs one");
	const line = {
		seedSha256: "",
		seed: "00".repeat(32),
		drawnCount: 0,
		drawnUnixMs: Date.now() + 1_000,
		fraction: 1,
		laterUnixMs: Date.now() + 1_000,
		drawnPerS: 0,
		laterSPerS: 0,
	};
	await level({ level: "door", line });
	const nobody = await listen();
	assert.deepEqual([nobody.status, nobody.headers.get("retry-after")], [503, "10"]);
	const inside = await listen(early);
	const kept = inside.headers.get("rostra-token") as string;
	assert.deepEqual([inside.status, kept.length], [200, 59]);
	await level({ level: "door", line: { ...line, drawnUnixMs: Date.now() - 5_000, laterUnixMs: Date.now() - 5_000 } });
	assert.equal((await listen(kept)).status, 200, "once inside, always");
	assert.equal((await listen(await tokenOf())).status, 503, "a newcomer waits");
	const forged = await listen(`${early.slice(0, -2)}AA`);
	assert.deepEqual([forged.status, forged.headers.get("www-authenticate")], [401, 'Bearer error="invalid_token"']);
	assert.equal((await fetch(url("/i/demo/hls/index.m3u8"))).status, 200, "what a cache can carry is never held back");
	await level({ level: "normal", line: null });
	assert.equal((await listen()).status, 200);
	assert.equal((await fetch(url("/i/demo/token?id=xyz"))).status, 400);
});

test("playlists of a live programme name whole segments that can be fetched, now and from the beginning", async () => {
	const index = await (await fetch(url("/i/demo/hls/index.m3u8"))).text();
	assert.match(index, /CODECS="mp4a\.40\.2",AUDIO="aac64"\naac64\/live\.m3u8\n/);
	const live = await fetch(url("/i/demo/hls/aac64/live.m3u8"));
	assert.equal(live.headers.get("content-type"), "application/vnd.apple.mpegurl");
	assert.equal(live.headers.get("cache-control"), "public, max-age=1");
	const text = await live.text();
	assert.match(text, /#EXT-X-MEDIA-SEQUENCE:0\n/);
	const names = text.split("\n").filter((line) => line.endsWith(".m4s"));
	assert.equal(names.length, 8);
	const last = await fetch(new URL(names.at(-1) as string, live.url));
	assert.equal(last.headers.get("cache-control"), "public, max-age=31536000, immutable");
	assert.match(await last.text(), /^\[aac64 84\]\[aac64 85\].*\[aac64 95\]$/);
	assert.equal(await (await fetch(new URL("../k3y/aac64/init.mp4", live.url))).text(), "<init aac64>");
	const next = await fetch(new URL("../k3y/aac64/9.m4s", live.url));
	assert.equal(next.status, 404, "a segment that is to come is not there");
	assert.equal(next.headers.get("cache-control"), "public, max-age=1");
	const whole = await (await fetch(url("/i/demo/hls/opus48/whole.m3u8"))).text();
	assert.match(whole, /#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-PLAYLIST-TYPE:EVENT\n/);
	assert.equal((await fetch(url("/i/demo/hls/opus48/recording.m3u8"))).status, 404);
});

test("low latency: a playlist and a part asked for before they exist are answered when they do, and cached by what they hold", async () => {
	const take = async (address: string | URL) => {
		const answer = await fetch(address);
		return { status: answer.status, cached: answer.headers.get("cache-control"), text: await answer.text() };
	};
	const list = (query = "") => take(url(`/i/demo/hls/ll/opus48.m3u8${query}`));
	const index = await take(url("/i/demo/hls/ll/index.m3u8"));
	assert.match(index.text, /AUDIO="opus48"\nopus48\.m3u8\n/);
	const now = await list("?utm=x");
	assert.equal(now.cached, "public, max-age=1");
	const next = broadcast.nextPart;
	const hint = `../k3y/opus48/p${next}.m4s`;
	assert.ok(now.text.includes(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${hint}"`), now.text);
	const [sequence, part] = [Math.floor(next / 12), next % 12];
	const waiting = [
		list(`?_HLS_msn=${sequence}&_HLS_part=${part}`),
		list(`?_HLS_msn=${sequence}&_HLS_part=${part}&_HLS_skip=YES`),
		list(`?_HLS_msn=${sequence - 1}&_HLS_part=${12}`),
		take(new URL(hint, url("/i/demo/hls/ll/"))),
	] as const;
	// A request that needs no waiting, after those: they have been read when it is answered.
	await list();
	broadcast.speak(3);
	const [blocked, delta, , hinted] = await Promise.all(waiting);
	assert.equal(blocked.cached, "public, max-age=24");
	assert.ok(blocked.text.includes(`#EXT-X-PART:DURATION=0.32,URI="${hint}",INDEPENDENT=YES\n`));
	assert.match(delta.text, /#EXT-X-VERSION:9\n[\s\S]*#EXT-X-SKIP:SKIPPED-SEGMENTS=\d\n/);
	assert.equal(hinted.text, `[opus48 ${next}]`);
	assert.equal(hinted.cached, "public, max-age=31536000, immutable");
	for (const [path, status, age] of [
		[`ll/opus48.m3u8?_HLS_msn=${sequence + 3}`, 400, 1],
		[`ll/opus48.m3u8?_HLS_msn=${sequence}&_HLS_part=${part + 13}`, 400, 1],
		["ll/opus48.m3u8?_HLS_part=1", 400, undefined],
		["ll/opus48.m3u8?_HLS_msn=1&_HLS_msn=1", 400, undefined],
		["ll/opus48.m3u8?_HLS_msn=01", 400, undefined],
		["ll/opus48.m3u8?_HLS_skip=yes", 400, undefined],
		[`k3y/opus48/p${next + 5}.m4s`, 404, 1],
		["other/opus48/p5.m4s", 404, 1],
	] as const) {
		const answer = await take(url(`/i/demo/hls/${path}`));
		assert.equal(answer.status, status, path);
		assert.equal(answer.cached, age ? `public, max-age=${age}` : "no-store", path);
	}
});

test("an ended interview is served from objects: recording playlists, segments, the file with ranges", async () => {
	const index = await (await fetch(url("/i/old/hls/index.m3u8"))).text();
	assert.match(index, /\naac64\/recording\.m3u8\n/);
	const list = await fetch(url("/i/old/hls/aac64/recording.m3u8"));
	const text = await list.text();
	const names = text.split("\n").filter((line) => line.endsWith(".m4s"));
	assert.deepEqual(names, ["../oldkey/aac64/3.m4s", "../oldkey/aac64/4.m4s", "../oldkey/aac64/5.m4s"]);
	assert.match(text, /#EXT-X-ENDLIST\n$/);
	assert.equal(await (await fetch(new URL(names[1] as string, list.url))).text(), "<4>");
	assert.equal((await fetch(new URL("../other/aac64/4.m4s", list.url))).status, 404, "another path key");

	const whole = await fetch(url("/i/old/recording.m4a?download"));
	assert.equal((await whole.arrayBuffer()).byteLength, 1_000);
	assert.equal(whole.headers.get("accept-ranges"), "bytes");
	assert.match(
		whole.headers.get("content-disposition") ?? "",
		/filename\*=UTF-8''%C3%9Cber%20%E2%80%9EMut%E2%80%9C\.m4a$/,
	);
	const etag = whole.headers.get("etag") ?? "";
	const ranged = (fields: Record<string, string>) => fetch(url("/i/old/recording.m4a"), { headers: fields });
	const part = await ranged({ range: "bytes=5-9" });
	assert.equal(part.status, 206);
	assert.equal(part.headers.get("content-range"), "bytes 5-9/1000");
	assert.equal(await part.text(), "fghij");
	assert.equal(await (await ranged({ range: "bytes=-3" })).text(), "hij");
	assert.equal((await ranged({ range: "bytes=0-3", "if-range": etag })).status, 206);
	assert.equal((await ranged({ range: "bytes=0-3", "if-range": '"other"' })).status, 200);
	assert.equal((await ranged({ "if-none-match": etag })).status, 304);
	const behind = await ranged({ range: "bytes=1000-" });
	assert.equal(behind.status, 416);
	assert.equal(behind.headers.get("content-range"), "bytes */1000");
	const sound = await fetch(url("/i/old/live.ogg"));
	assert.equal(sound.status, 404);
	assert.match(await sound.text(), /recording\.m4a/);
});

test("recording.mp3 is asked for where it is not yet, once its time left is told, then served like the others", async () => {
	const answers: Mp3RecordingAnswer[] = [{ state: "making", leftMs: 7_300 }];
	let asked = 0;
	bus.respond(MP3_RECORDING_WISHES, (payload) => {
		asked += 1;
		assert.deepEqual(readJson(mp3RecordingWish, Buffer.from(payload)), { interviewId: "old" });
		return writeJson(answers[0]);
	});
	const path = url("/i/old/recording.mp3");
	assert.equal((await fetch(path, { method: "HEAD" })).status, 503);
	assert.equal(asked, 0, "a question makes nothing");
	const soon = await fetch(path);
	assert.deepEqual([soon.status, soon.headers.get("retry-after"), soon.headers.get("refresh")], [503, "8", "8"]);
	assert.match(await soon.text(), /being made into MP3.*ready in some 8 s/);
	await openDisk(join(dir, "objects")).write(recordingKey("old", "mp3"), Buffer.alloc(500, "abcdefghij"));
	const whole = await fetch(`${path}?download`);
	assert.deepEqual([whole.status, whole.headers.get("content-type")], [200, "audio/mpeg"]);
	assert.match(whole.headers.get("cache-control") ?? "", /immutable/);
	assert.match(whole.headers.get("content-disposition") ?? "", /\.mp3$/);
	assert.equal((await whole.arrayBuffer()).byteLength, 500);
	const part = await fetch(path, { headers: { range: "bytes=495-" } });
	assert.deepEqual([part.status, await part.text()], [206, "fghij"]);
	assert.equal(asked, 1);
});

test("state and pages: cached for a second, revalidated, compressed, in the reader's language", async () => {
	const state = await fetch(url("/i/demo/state.json"));
	assert.equal(state.headers.get("cache-control"), "public, max-age=1");
	assert.equal(((await state.json()) as PublicState).slug, "demo");
	const again = await fetch(url("/i/demo/state.json"), {
		headers: { "if-none-match": state.headers.get("etag") ?? "" },
	});
	assert.equal(again.status, 304);
	const german = await fetch(url("/i/demo"), {
		headers: { "accept-language": "fr, de-AT;q=0.8, en;q=0.1", "accept-encoding": "gzip;q=0.5, br" },
	});
	assert.match(await german.text(), /Seite/);
	assert.equal(german.headers.get("content-encoding"), "br");
	assert.equal(german.headers.get("vary"), "Accept-Language, Accept-Encoding");
	assert.match(german.headers.get("content-security-policy") ?? "", /default-src 'none'; script-src 'self'/);
	assert.match(await (await fetch(url("/i/demo?lang=en"), { headers: { "accept-language": "de" } })).text(), /page/);
	assert.equal(await (await fetch(url("/"), { headers: { "accept-language": "de" } })).text(), "Anfang");
	const script = await fetch(url("/assets/listen-abc.js"), { headers: { "accept-encoding": "br" } });
	assert.equal(script.headers.get("cache-control"), "public, max-age=31536000, immutable");
	assert.equal(script.headers.get("content-encoding"), "br");
	await script.arrayBuffer();
});

test("what is not there says so in words, with a status that fits", async () => {
	const status = async (path: string, init?: RequestInit) => {
		const response = await fetch(url(path), init);
		await response.arrayBuffer();
		return response.status;
	};
	assert.equal(await status("/i/nobody"), 404);
	assert.equal(await status("/i/gone"), 410);
	assert.equal(await status("/i/gone/recording.m4a"), 410);
	assert.equal(await status("/i/demo/live.mp4?r=99"), 400);
	assert.equal(await status("/i/demo/../demo%2fstate.json"), 404);
	assert.equal(await status("/i/demo", { method: "DELETE" }), 405);
	assert.equal(await status("/api/v1/questions", { method: "POST", body: "{}" }), 404);
	assert.equal(await status("/i/demo/recording.m4a"), 404);
	const soon = await fetch(url("/i/soon/live.ogg"));
	assert.equal(soon.status, 503);
	assert.equal(soon.headers.get("retry-after"), "600");
	assert.match(await soon.text(), /has not begun/);
	const preflight = await fetch(url("/i/demo/live.mp4"), { method: "OPTIONS" });
	assert.equal(preflight.status, 204);
	assert.equal(preflight.headers.get("access-control-allow-origin"), "*");
	const head = await fetch(url("/i/demo/live.mp4"), { method: "HEAD" });
	assert.equal(head.headers.get("content-type"), "audio/mp4");
});

test("requests sent ahead on one connection are answered in their order", async () => {
	const text = await raw(
		get("/i/old/hls/oldkey/aac64/3.m4s") +
			get("/i/old/hls/oldkey/aac64/4.m4s") +
			get("/nothing", "Connection: close\r\n"),
	);
	assert.deepEqual(
		[...text.matchAll(/<(\d)>|HTTP\/1\.1 (\d+)/g)].map((match) => match[1] ?? match[2]),
		["200", "3", "200", "4", "404"],
	);
	assert.match(text, /\r\nConnection: close\r\n/);
});

test("a head that two readers could understand differently is refused, and the connection closes", async () => {
	const smuggled = await raw(
		`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${get("/")}`,
	);
	assert.equal([...smuggled.matchAll(/HTTP\/1\.1 \d+/g)].join(), "HTTP/1.1 400");
	assert.match(await raw(`GET /${"a".repeat(3_000)} HTTP/1.1\r\n`), /^HTTP\/1\.1 414 /);
	assert.match(await raw(get("/", `X: ${"a".repeat(5_000)}\r\n`)), /^HTTP\/1\.1 431 /);
	assert.match(await raw(get("/", "Content-Length: 5\r\n")), /^HTTP\/1\.1 400 .*carries no body here/s);
});

test("who comes between the opening of the doors and the first sound hears it from its first part on", async () => {
	const ogg = hear(get("/i/opening/live.ogg"), partText("ogg48", 2).toString());
	const mp4 = hear(get("/i/opening/live.mp4?burst=player"), "[opus48 2]");
	const hls = ["index.m3u8", "aac64/live.m3u8", "ll/aac64.m3u8"].map((path) => fetch(url(`/i/opening/hls/${path}`)));
	// Asked and answered on another connection after them: they are waiting by now.
	assert.equal((await fetch(url("/i/opening/live.ogg"), { method: "HEAD" })).status, 503);
	const opening = new FakeBroadcast(bus, fakeTimeline({ interviewId: "iv2" }));
	opening.speak(3);
	for (const text of await Promise.all([ogg.heard, mp4.heard])) assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
	assert.match(await mp4.heard, /\[opus48 0\]/);
	opening.speak(9);
	const [index, live, low] = await Promise.all(hls.map(async (answer) => (await answer).text()));
	assert.match(index ?? "", /\naac64\/live\.m3u8\n/);
	assert.match(live ?? "", /\/0\.m4s\n$/);
	assert.match(low ?? "", /#EXT-X-PART:/);
});

test("the report of each second counts connections by interview", async () => {
	const listener = hear(get("/i/demo/live.aac"), "never");
	await listener.begun;
	const reported = Promise.withResolvers<EdgeReport>();
	using _reports = bus.subscribe(edgeReports(0), (payload) => {
		const report = readJson(edgeReport, payload);
		// Those of earlier tests may be leaving still.
		if (report.listeners["demo"]?.open === 1) reported.resolve(report);
	});
	const report = await reported.promise;
	assert.deepEqual(report.listeners["demo"], { settled: 0, open: 1, stalled: 0 });
	assert.ok(report.connections >= 1);
	assert.equal(report.refusedSinceStart["malformed_query"], 7);
});

test("parts lost on the way are fetched from broadcast's tail, and listeners get every one once", async () => {
	const from = broadcast.nextPart;
	const mp4 = hear(get(`/i/demo/live.mp4?from=${from}`), partText("opus48", from + 7).toString());
	await mp4.begun;
	broadcast.speak(8, [from + 3, from + 4]);
	const parts = [...(await mp4.heard).matchAll(/\[opus48 (\d+)\]/g)].map((match) => Number(match[1]));
	assert.deepEqual(
		parts,
		Array.from({ length: 8 }, (_, i) => from + i),
	);
});

test("MP3 is made for who comes first and goes on while somebody listens; a radio that wants titles gets them", async () => {
	assert.equal((await fetch(url("/i/demo/live.mp3"), { method: "HEAD" })).headers.get("content-type"), "audio/mpeg");
	assert.deepEqual(broadcast.mp3Wishes, [], "a question makes nothing");
	const next = Math.floor(broadcast.nextPart / 3);
	const radio = hear(get("/i/demo/live.mp3", "Icy-MetaData: 1\r\n"), `[mp3 ${next + 1}]`);
	const plain = hear(get("/i/demo/live.mp3"), `[mp3 ${next + 1}]`);
	await Promise.all([radio.begun, plain.begun]);
	assert.equal(broadcast.mp3Wishes[0], null);
	broadcast.speak(6);
	const [withTitles, without] = [await radio.heard, await plain.heard];
	assert.match(without, /^HTTP\/1\.1 200 OK\r\n.*\r\nContent-Type: audio\/mpeg\r\n/s);
	assert.doesNotMatch(without, /icy-/i);
	assert.match(withTitles, /\r\nicy-metaint: 7680\r\nicy-name: GrÃ¼Ã\x9fe: a talk\r\n/);
	const bodyOf = (text: string) => Buffer.from(text.slice(text.indexOf("\r\n\r\n") + 4), "latin1");
	const reader = new IcyReader(7_680);
	reader.push(bodyOf(withTitles));
	assert.deepEqual(
		reader.titles.map(({ title }) => title),
		["Grüße: a talk"],
	);
	const sound = bodyOf(without);
	const common = Math.min(sound.length, reader.sound.length);
	assert.ok(common >= 6 * 7_680 && reader.sound.subarray(0, common).equals(sound.subarray(0, common)));
});

test("End: streams close in an orderly way with the last part and state, and a fresh index is the recording's", async () => {
	const from = broadcast.nextPart;
	const mp4 = hear(get(`/i/demo/live.mp4?from=${from}`));
	const ogg = hear(get("/i/demo/live.ogg"));
	await Promise.all([mp4.begun, ogg.begun]);
	broadcast.speak(2);
	broadcast.change({ endPart: broadcast.nextPart });
	await sync();
	const index = await (await fetch(url("/i/demo/hls/index.m3u8"))).text();
	assert.match(index, /\naac64\/recording\.m3u8\n/);
	const live = await (await fetch(url("/i/demo/hls/aac64/live.m3u8"))).text();
	assert.match(live, /#EXT-X-ENDLIST\n$/);
	assert.match(await (await fetch(url("/i/demo/hls/ll/index.m3u8"))).text(), /\n\.\.\/aac64\/recording\.m3u8\n/);
	const last = await (await fetch(url("/i/demo/hls/ll/opus48.m3u8?_HLS_msn=999999&_HLS_part=3&_HLS_skip=YES"))).text();
	assert.match(last, /#EXT-X-ENDLIST\n/, "nobody is held, or refused, once there is an end");
	assert.doesNotMatch(last, /PRELOAD-HINT|EXT-X-SKIP/);
	bus.publish(siteEntries("demo"), writeJson(entryOf({ slug: "demo", phase: "ended" }, "iv1")));
	const text = await mp4.heard;
	assert.match(text, new RegExp(`\\[opus48 ${from}\\]\\[opus48 ${from + 1}\\]`));
	assert.match(text, /"phase":"ended".*\r\n0\r\n\r\n$/s);
	assert.match(await ogg.heard, new RegExp(`\\[ogg48 \\d+\\]$`));
	assert.equal((await fetch(url("/i/demo/live.ogg"))).status, 404);
});
