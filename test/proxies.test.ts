/** Rostra behind the proxies of deploy/, and with TLS of its own: sound goes through, crowds do not. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { openAuthority } from "#acme/authority.testing.ts";
import { certificatePaths } from "#acme/index.ts";
import { systemClock } from "#base/index.ts";
import { publicState } from "#wire/index.ts";
import { assertBothVoices } from "./support/claims.ts";
import { hearWithFfmpeg } from "./support/listeners.ts";
import { packetHashes } from "./support/packets.ts";
import { freePorts, type Platform, startPlatform } from "./support/platform.ts";
import { parsePlaylist } from "./support/playlists.ts";
import {
	ask,
	begin,
	freePort,
	makeCertificateIn,
	openCounter,
	type Running,
	startHaproxy,
	startNginx,
	startVarnish,
	startWorker,
} from "./support/proxies.ts";
import { until } from "./support/run.ts";
import { skipWithout } from "./support/tools.ts";

/** Any stretch this long holds both voices: the longest turn is 8 s. */
const LISTEN_S = 18;
/** Through each proxy: what ffmpeg plays, and what is taken off a push. */
const PLAY_S = 12;
const TAKE_S = 10;
const CROWD = 300;
/** Playlists of a running programme say max-age=1. */
const LIFETIME_MS = 1_000;
/** Between an answer and our look at it on a busy machine. */
const SLACK_MS = 250;
/** A write each 0.96 s. */
const BEAT_GAP_MS_MAX = 1_600;

type Counter = Awaited<ReturnType<typeof openCounter>>;

describe("the recipes of deploy/", {
	skip: skipWithout("ffmpeg", "nginx", "varnishd", "haproxy"),
	timeout: 280_000,
}, () => {
	let scope: AsyncDisposableStack;
	let folder: string;
	let platform: Platform;
	let nginx: Running & { plainPort: number };
	let varnish: Running;
	let haproxy: Running & { plainPort: number };
	let behindHaproxy: Running;
	const counters = {} as Record<"nginx" | "varnish", Counter>;
	const doors = () => ({
		nginx: `https://127.0.0.1:${nginx.port}`,
		varnish: `http://127.0.0.1:${varnish.port}`,
		haproxy: `https://127.0.0.1:${haproxy.port}`,
	});
	const caches = ["nginx", "varnish"] as const;
	const count = (name: "nginx" | "varnish", path: string) =>
		counters[name].asked.filter((asked) => asked.path.replace(/\?$/, "") === path).length;

	before(async () => {
		scope = new AsyncDisposableStack();
		folder = await mkdtemp(join(tmpdir(), "rostra-proxies-"));
		scope.defer(() => rm(folder, { recursive: true, force: true }));
		const own = async (name: string) => {
			await mkdir(join(folder, name));
			return join(folder, name);
		};
		platform = scope.use(await startPlatform({ args: ["--public-proxy", "x-forwarded-for"] }));
		for (const name of caches) counters[name] = scope.use(await openCounter(platform.ports.public));
		nginx = scope.use(await startNginx(await own("nginx"), counters.nginx.port));
		varnish = scope.use(await startVarnish(await own("varnish"), counters.varnish.port));
		const proxy = { mode: "proxy_v2" as const, trustedNetworks: ["127.0.0.1"] };
		behindHaproxy = scope.use(await startWorker(platform, { tls: null, proxy, redirectPort: null }));
		haproxy = scope.use(await startHaproxy(await own("haproxy"), behindHaproxy.port));
		await until("both speakers on air", 30_000, async () => {
			const { body } = await ask(`${platform.publicUrl}/i/demo/state.json`);
			const { phase, people } = publicState.parse(JSON.parse(body.toString()));
			return phase === "on_air" && people.filter((person) => person.presence === "on_air").length === 2;
		});
	});
	after(() => scope.disposeAsync());

	test("push and HLS play through each of them, and every packet is the one that was sent", async () => {
		// What a busy machine does to the voices is heard at the door itself too; a proxy may do nothing at all.
		const through = { door: platform.publicUrl, ...doors() };
		const hls = Object.values(doors()).map((door) =>
			hearWithFfmpeg(`${door}/i/demo/hls/index.m3u8`, { seconds: PLAY_S }),
		);
		const push = Object.entries(through).map(async ([name, door]) => {
			const file = join(folder, `${name}.ogg`);
			await writeFile(file, await take(`${door}/i/demo/live.ogg`, TAKE_S));
			return [name, await packetHashes(file)] as const;
		});
		const [[, sent = []] = [], ...received] = await Promise.all(push);
		for (const [name, packets] of received) {
			// A second in a row, as silence is the same again and again.
			const second = packets.slice(100, 150);
			const first = sent.findIndex((_, at) => second.every((hash, nth) => sent[at + nth] === hash)) - 100;
			const common = Math.min(sent.length - first, packets.length);
			assert.ok(packets.length > 45 * TAKE_S && first >= -100 && common > 40 * TAKE_S, `${name}: ${common} packets`);
			const from = Math.max(0, -first);
			assert.deepEqual(packets.slice(from, common), sent.slice(first + from, first + common), name);
		}
		for (const { samples, complaints } of await Promise.all(hls)) {
			assert.ok(samples.length >= (PLAY_S - 1) * 48_000, complaints);
			assert.ok(samples.some((sample) => Math.abs(sample) > 0.05));
		}
	});

	test("each write of a push comes through at once, and a stream is asked for once per listener", async () => {
		for (const [name, door] of Object.entries(doors())) {
			const response = await begin(`${door}/i/demo/live.mp4?burst=player`);
			assert.equal(response.statusCode, 200);
			let lastMs = performance.now();
			let longestMs = 0;
			const untilMs = lastMs + 6_000;
			for await (const _ of response) {
				const nowMs = performance.now();
				longestMs = Math.max(longestMs, nowMs - lastMs);
				lastMs = nowMs;
				if (nowMs > untilMs) break;
			}
			response.destroy();
			console.log(`${name}: longest pause of a push ${Math.round(longestMs)} ms`);
			assert.ok(longestMs < BEAT_GAP_MS_MAX, `${name}: ${longestMs} ms`);
		}
		for (const name of caches) assert.equal(count(name, "/i/demo/live.mp4?burst=player"), 1);
	});

	test("a crowd that asks for one segment reaches the origin once per cache", async () => {
		for (const name of caches) {
			const door = doors()[name];
			const window = await newestPlaylist(`${door}/i/demo/hls/aac64/live.m3u8`);
			const url = window.segments.at(-1)?.url as string;
			const bodies = await Promise.all(Array.from({ length: CROWD }, () => ask(url)));
			assert.ok(bodies.every(({ status, body }) => status === 200 && body.equals(bodies[0]?.body as Buffer)));
			assert.equal(count(name, new URL(url).pathname), 1, `${name}: ${CROWD} asked`);
		}
	});

	test("a crowd that waits for the next part's playlist waits at the cache, and the origin is asked once", async () => {
		for (const name of caches) {
			const path = "/i/demo/hls/ll/aac64.m3u8";
			const now = (await ask(platform.publicUrl + path)).body.toString();
			const segments = now.split("#EXTINF");
			const sequence = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(now)?.[1]) + segments.length - 1;
			const nextPart = segments.at(-1)?.match(/#EXT-X-PART:/g)?.length ?? 0;
			const query = `?_HLS_msn=${sequence}&_HLS_part=${nextPart}`;
			const answers = await Promise.all(Array.from({ length: CROWD }, () => ask(doors()[name] + path + query)));
			assert.ok(answers.every(({ status, body }) => status === 200 && body.equals(answers[0]?.body as Buffer)));
			const asked = counters[name].asked.filter((each) => each.path.replace("?&", "?") === path + query);
			assert.equal(asked.length, 1, `${name}: ${CROWD} waited`);
		}
	});

	test("a token is one person's: each is asked for and none is kept", async () => {
		for (const [name, door] of Object.entries(doors())) {
			const mint = () => ask(`${door}/i/demo/token?id=${"0123456789abcdef01234567"}`);
			const tokens = [await mint(), await mint()];
			assert.deepEqual(
				tokens.map(({ status, headers }) => [status, headers["cache-control"]]),
				[
					[200, "no-store"],
					[200, "no-store"],
				],
				name,
			);
		}
		for (const name of caches) {
			assert.equal(counters[name].asked.filter(({ path }) => path.startsWith("/i/demo/token?id=")).length, 2);
		}
	});

	test("a crowd that follows a playlist reaches the origin once per lifetime, and nobody gets an older one", async () => {
		const path = "/i/demo/hls/opus48/live.m3u8";
		const followS = 8;
		// What the origin has said, and since when at the latest it has been so.
		const origin: { sinceMs: number; last: string }[] = [];
		const heard = { nginx: [] as Heard[], varnish: [] as Heard[] };
		for (const name of caches) counters[name].asked.length = 0;
		const begunMs = performance.now();
		const isOver = () => performance.now() - begunMs > followS * 1_000;
		const watch = async () => {
			while (!isOver()) {
				const last = lastSegment((await ask(platform.publicUrl + path)).body);
				if (origin.at(-1)?.last !== last) origin.push({ sinceMs: performance.now(), last });
				await pause(20);
			}
		};
		const follow = async (name: "nginx" | "varnish") => {
			while (!isOver()) {
				const askedMs = performance.now();
				const { status, body } = await ask(doors()[name] + path);
				assert.equal(status, 200);
				heard[name].push({ askedMs, last: lastSegment(body) });
				await pause(40);
			}
		};
		await Promise.all([watch(), ...caches.flatMap((name) => Array.from({ length: 20 }, () => follow(name)))]);
		assert.ok(origin.length >= 2, "the playlist went on");
		for (const name of caches) {
			const requests = counters[name].asked.filter((asked) => asked.path.startsWith(path)).length;
			console.log(`${name}: ${heard[name].length} asked in ${followS} s, ${requests} reached the origin`);
			assert.ok(requests <= followS + 1, `${name}: ${requests} requests in ${followS} s`);
			for (const { askedMs, last } of heard[name]) {
				const dueMs = askedMs - LIFETIME_MS - SLACK_MS;
				const due = origin.findLast(({ sinceMs }) => sinceMs <= dueMs);
				assert.ok(!due || last >= due.last, `${name}: ${last} when ${due?.last} was due`);
			}
		}
	});

	test("_HLS_ parameters and the language are part of an object's name; other queries are not, and reach nobody", async () => {
		const path = "/i/demo/hls/aac64/whole.m3u8";
		for (const name of caches) {
			counters[name].asked.length = 0;
			const door = doors()[name];
			await ask(`${door}${path}?utm_source=a`);
			await Promise.all(["", "?utm_source=b", "?x=_HLS_msn=3&y"].map((query) => ask(door + path + query)));
			await ask(`${door}${path}?CMCD=bl%3D3&_HLS_msn=3&z=1`);
			const [page, other] = [await ask(`${door}/i/demo?x=1&lang=de`), await ask(`${door}/i/demo?lang=en`)];
			assert.notDeepEqual(page.body, other.body);
			const asked = counters[name].asked.map(({ path: asked }) => asked.replace(/\?$/, "").replace("?&", "?"));
			assert.deepEqual(
				asked.filter((each) => each.startsWith(path) && !each.includes("_HLS")).length <= 2,
				true,
				`${asked}`,
			);
			assert.ok(asked.includes(`${path}?_HLS_msn=3`), `${asked}`);
			assert.ok(asked.includes("/i/demo?lang=de") && asked.includes("/i/demo?lang=en"), `${asked}`);
			assert.ok(!asked.some((each) => /utm|CMCD|[xyz]=/.test(each)), `${asked}`);
		}
	});

	test("what is not there yet is asked for once a second, and the answer names the client", async () => {
		for (const name of caches) {
			counters[name].asked.length = 0;
			const path = "/i/nobody/hls/index.m3u8";
			const spoofed = { "X-Forwarded-For": "203.0.113.9", Forwarded: "for=203.0.113.9" };
			const answers = await Promise.all(Array.from({ length: CROWD }, () => ask(doors()[name] + path, spoofed)));
			assert.ok(answers.every(({ status }) => status === 404));
			assert.ok(count(name, path) <= 2, `${name}: ${count(name, path)}`);
			const { headers } = counters[name].asked[0] as Counter["asked"][number];
			assert.equal(String(headers["x-forwarded-for"]).split(",").at(-1)?.trim(), "127.0.0.1");
			assert.equal(headers["forwarded"], undefined);
		}
	});

	test("HAProxy's health check is answered, and a connection without its header is closed", async () => {
		const straight = `http://127.0.0.1:${behindHaproxy.port}/i/demo/state.json`;
		await assert.rejects(ask(straight), /socket hang up|ECONNRESET/);
		for (const { plainPort } of [haproxy, nginx]) {
			const moved = await ask(`http://127.0.0.1:${plainPort}/i/demo?lang=de`);
			assert.equal(moved.status, 308);
			assert.match(moved.headers.location ?? "", /^https:.*\/i\/demo\?lang=de$/);
		}
	});
});

describe("the public door with TLS of its own", { skip: skipWithout("ffmpeg"), timeout: 150_000 }, () => {
	let scope: AsyncDisposableStack;
	let platform: Platform;
	let folder: string;
	let door: string;
	let redirectPort: number;

	before(async () => {
		scope = new AsyncDisposableStack();
		folder = await mkdtemp(join(tmpdir(), "rostra-tls-"));
		scope.defer(() => rm(folder, { recursive: true, force: true }));
		const { cert, key } = await makeCertificateIn(folder);
		const ports = await freePorts();
		redirectPort = await freePort();
		const args = ["--public-tls-cert", cert, "--public-tls-key", key, "--http-redirect-port", `${redirectPort}`];
		platform = scope.use(await startPlatform({ args, ports }));
		assert.doesNotMatch(platform.output(), /not on air yet/, "the supervisor hears the demo through TLS");
		door = `https://127.0.0.1:${ports.public}`;
	});
	after(() => scope.disposeAsync());

	test("both voices are heard while the certificate is renewed, and newcomers get the new one", async () => {
		const listening = hearWithFfmpeg(`${door}/i/demo/live.ogg`, { seconds: LISTEN_S });
		const next = await mkdtemp(join(tmpdir(), "rostra-tls-"));
		scope.defer(() => rm(next, { recursive: true, force: true }));
		const renewed = await makeCertificateIn(next);
		for (const name of ["cert.pem", "key.pem"]) await rename(join(next, name), join(folder, name));
		await until("every worker to have the new certificate", 20_000, async () => {
			const seen = await Promise.all(
				Array.from({ length: 8 }, () => handshake(platform.ports.public, renewed.certPem)),
			);
			return seen.every(({ trusted }) => trusted);
		});
		const { samples, complaints } = await listening;
		await assertBothVoices("live.ogg over TLS", samples);
		assert.doesNotMatch(complaints, /error|reconnect/i);
	});

	test("a session goes on at the other worker when one is killed", async () => {
		const { session } = await handshake(platform.ports.public);
		assert.ok(session);
		platform.kill("edge-0");
		const again = await until("an answer", 5_000, () =>
			handshake(platform.ports.public, undefined, session).catch(() => undefined),
		);
		assert.equal(again.resumed, true);
		await until("the killed worker to be back", 10_000, () =>
			platform.processes().some(({ name }) => name === "edge-0"),
		);
		const many = await Promise.all(
			Array.from({ length: 12 }, () => handshake(platform.ports.public, undefined, session)),
		);
		assert.ok(many.every(({ resumed }) => resumed));
	});

	test("the page says that this name is for TLS; plain HTTP is sent there", async () => {
		const page = await ask(`${door}/i/demo`);
		assert.equal(page.headers["strict-transport-security"], "max-age=31536000");
		const moved = await ask(`http://127.0.0.1:${redirectPort}/i/demo`);
		assert.deepEqual([moved.status, moved.headers.location], [308, `${door}/i/demo`]);
	});
});

test("--domain gets a certificate from an authority while the platform runs", { timeout: 120_000 }, async () => {
	await using scope = new AsyncDisposableStack();
	const redirectPort = await freePort();
	const authority = scope.use(await openAuthority({ clock: systemClock, httpPort: redirectPort }));
	const domain = ["--domain", "talk.example", "--acme-directory", authority.directoryUrl];
	const args = [...domain, "--http-redirect-port", `${redirectPort}`];
	const platform = scope.use(await startPlatform({ demo: false, args }));
	assert.match(platform.output(), /public=https:\/\/talk\.example:\d+ /);
	const { certPath, keyPath } = certificatePaths(platform.dataDir, "talk.example");
	const issuerAt = () =>
		new Promise((resolve, reject) => {
			const socket = connectTls({ port: platform.ports.public, host: "127.0.0.1", rejectUnauthorized: false }, () => {
				resolve(socket.getPeerCertificate().issuer.CN);
				socket.destroy();
			}).once("error", reject);
		});
	await until("the authority's certificate at the door", 30_000, async () => (await issuerAt()) === "Test authority");
	for (const path of [certPath, keyPath]) assert.equal((await stat(path)).mode & 0o777, 0o600);
	assert.deepEqual(authority.seen, ["newAccount", "newOrder", "validated", "issued"]);
});

type Heard = { readonly askedMs: number; readonly last: string };

/** One handshake and one small request. */
function handshake(
	port: number,
	ca?: string,
	session?: Buffer,
): Promise<{ trusted: boolean; resumed: boolean; session: Buffer | undefined }> {
	return new Promise((resolve, reject) => {
		const socket = connectTls({
			port,
			host: "127.0.0.1",
			rejectUnauthorized: false,
			...(ca && { ca }),
			...(session && { session }),
		});
		let given: Buffer | undefined;
		socket.once("session", (ticket: Buffer) => {
			given = ticket;
		});
		socket.once("error", reject);
		socket.once("close", () => reject(new Error("closed")));
		socket.once("data", () => {
			resolve({ trusted: socket.authorized, resumed: socket.isSessionReused(), session: given });
			socket.destroy();
		});
		socket.write("GET /i/demo/state.json HTTP/1.1\r\nHost: a\r\n\r\n");
	});
}

/** The first bytes of a push, for `seconds` after its head. */
async function take(url: string, seconds: number): Promise<Buffer> {
	const response = await begin(url);
	const chunks: Buffer[] = [];
	const untilMs = performance.now() + seconds * 1_000;
	for await (const chunk of response) {
		chunks.push(chunk as Buffer);
		if (performance.now() > untilMs) break;
	}
	response.destroy();
	return Buffer.concat(chunks);
}

async function newestPlaylist(url: string) {
	return parsePlaylist((await ask(url)).body.toString(), url);
}

/** The newest segment's number, such that a newer one compares greater. */
function lastSegment(playlist: Buffer): string {
	const number = /(\d+)\.m4s\s*$/m.exec(playlist.toString().trimEnd().split("\n").at(-1) ?? "")?.[1];
	assert.ok(number, playlist.toString());
	return number.padStart(9, "0");
}

function pause(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}
