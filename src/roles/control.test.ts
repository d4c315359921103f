import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import * as z from "zod/mini";
import { type Clock, everyMs, type MonoMs, silentLog, systemClock, systemRandom, type UnixMs } from "#base/index.ts";
import { startTestPostgres, type TestPostgres } from "#database/testing.ts";
import { FakeProcesses } from "#interviews/testing.ts";
import { Steward } from "#shield/index.ts";
import {
	CONTROL_COMMAND,
	type ControlCommand,
	controlAnswer,
	type EdgeReport,
	edgeReports,
	INTERVIEWS_REQUEST,
	type InvitationLink,
	interviewFacts,
	interviewView,
	invitationLook,
	LEVEL_CHANGES,
	LEVEL_COMMANDS,
	levelCommand,
	levelView,
	me,
	operationsView,
	type PlatformSettings,
	type Problem,
	readJson,
	type StudioSnapshot,
	seatGrant,
	studioSnapshot,
	writeJson,
} from "#wire/index.ts";
import { startControl } from "./control.ts";

const STAFF_PORT = 24_050;
const STAFF_URL = `http://127.0.0.1:${STAFF_PORT}`;

/** A clock that runs, and can be put forward. */
const clock: Clock & { aheadMs: number } = {
	aheadMs: 0,
	monoMs: () => (systemClock.monoMs() + clock.aheadMs) as MonoMs,
	unixMs: () => (systemClock.unixMs() + clock.aheadMs) as UnixMs,
	wakeAt: (deadlineMs, wake) => systemClock.wakeAt((deadlineMs - clock.aheadMs) as MonoMs, wake),
};

/** A browser: keeps cookies, sends its origin. */
class Browser {
	cookie = "";
	readonly headers: Record<string, string>;

	constructor(headers: Record<string, string> = { origin: STAFF_URL }) {
		this.headers = headers;
	}

	async send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
		const response = await fetch(`${STAFF_URL}${path}`, {
			method,
			headers: {
				...this.headers,
				...(this.cookie ? { cookie: this.cookie } : {}),
				...(body === undefined ? {} : { "content-type": "application/json" }),
				...headers,
			},
			...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
		});
		const set = response.headers.get("set-cookie");
		if (set) this.cookie = set.split(";")[0] ?? "";
		return response;
	}

	/** An answer that must fit `schema`. */
	async get<S extends z.ZodMiniType>(schema: S, method: string, path: string, body?: unknown): Promise<z.output<S>> {
		const response = await this.send(method, `/api/v1${path}`, body);
		const text = await response.text();
		assert.equal(response.status, 200, text);
		return schema.parse(JSON.parse(text)) as z.output<S>;
	}

	/** `<status> <code> <pointer>` of a refusal. */
	async refused(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<string> {
		const response = await this.send(method, `/api/v1${path}`, body, headers);
		assert.equal(
			response.headers.get("content-type"),
			"application/problem+json",
			`${method} ${path} ${response.status}`,
		);
		const problem = (await response.json()) as Problem;
		assert.equal(problem.status, response.status);
		assert.ok(problem.detail?.endsWith("."), "a sentence");
		return [problem.status, problem.code, problem.pointer].filter((part) => part !== undefined).join(" ");
	}
}

let postgres: TestPostgres;
let directory: string;
let platform: FakeProcesses;
let control: AsyncDisposable;
let host: Browser;
let reporting: Disposable;

async function start(): Promise<void> {
	const settings: PlatformSettings = {
		dataDir: directory,
		objectsDir: join(directory, "objects"),
		webDir: join(directory, "web"),
		busPath: "",
		host: "127.0.0.1",
		publicPort: 24_051,
		staffPort: STAFF_PORT,
		mediaPort: 24_052,
		liveInterviewsMax: 4,
		mediaAddress: null,
		iceServers: [],
		publicUrl: "http://127.0.0.1:24051",
		staffUrl: STAFF_URL,
		databaseUrl: postgres.url,
		publicDoor: { tls: null, proxy: { mode: "direct", trustedNetworks: [] }, redirectPort: null },
		staffTls: null,
		acme: null,
		edgeWorkers: 1,
		demo: false,
		logLevel: "error",
	};
	const outside = { clock: clock, random: systemRandom, bus: platform.hub.connect(), log: silentLog };
	const started = await startControl(settings, outside);
	control = {
		async [Symbol.asyncDispose]() {
			await started[Symbol.asyncDispose]();
			await outside.bus[Symbol.asyncDispose]();
		},
	};
}

async function command(asked: ControlCommand): Promise<z.infer<typeof controlAnswer>> {
	const bus = platform.hub.connect();
	const answer = await bus.request(CONTROL_COMMAND, writeJson(asked), { timeoutMs: 60_000 });
	return readJson(controlAnswer, answer);
}

function secretOf(link: string): string {
	return link.slice(link.indexOf("#") + 1);
}

function draft(more: object = {}) {
	return {
		title: "A talk",
		description: "",
		announcedStartUnixMs: clock.unixMs() + 3_600_000,
		timeZone: "Europe/Berlin",
		listed: true,
		expectedMinutes: 60,
		people: [{ name: "Olga", role: "guest" }],
		...more,
	};
}

/** Asks again and again until it is so. @throws when it is not within 20 s. */
async function until<T>(what: string, look: () => Promise<T | undefined | false> | T | undefined | false): Promise<T> {
	for (const endMs = systemClock.monoMs() + 20_000; systemClock.monoMs() < endMs; ) {
		const found = await look();
		if (found !== undefined && found !== false) return found;
		await new Promise((resolve) => setImmediate(resolve));
	}
	throw new Error(`Waited in vain for ${what}`);
}

const announce = (more: object = {}) => host.get(interviewView, "POST", "/interviews", draft(more));

/** A guest's browser that has taken its seat. */
async function guestOf(interviewId: string, seatId: string): Promise<{ guest: Browser; link: InvitationLink }> {
	const link = await host.get(z.any(), "POST", `/interviews/${interviewId}/people/${seatId}/invitation`);
	const guest = new Browser();
	await guest.get(z.any(), "POST", "/invitations/redeem", { token: secretOf(link.url), consent: true });
	return { guest, link };
}

describe("control with PostgreSQL and HTTP", () => {
	before(async () => {
		postgres = await startTestPostgres();
		directory = await mkdtemp(join(tmpdir(), "rostra-control-"));
		platform = new FakeProcesses(clock);
		reporting = everyMs(systemClock, 100, () => platform.report());
		await start();
		host = new Browser();
		const { text } = await command({ kind: "sign_in_link" });
		await host.get(me, "POST", "/sign-in", { token: secretOf(text) });
	});

	after(async () => {
		reporting[Symbol.dispose]();
		await control[Symbol.asyncDispose]();
		await postgres[Symbol.asyncDispose]();
		await rm(directory, { recursive: true, force: true });
	});

	test("a sign-in link works once; the cookie is for us alone; signing out ends it", async () => {
		const { text, ok } = await command({ kind: "sign_in_link" });
		assert.ok(ok && text.startsWith(`${STAFF_URL}/sign-in#`));
		const browser = new Browser();
		const response = await browser.send("POST", "/api/v1/sign-in", { token: secretOf(text) });
		assert.match(
			response.headers.get("set-cookie") ?? "",
			/^rostra-24050=[A-Za-z0-9_-]{32}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/,
		);
		assert.deepEqual(me.parse(await response.json()), { kind: "person", name: "Host", seats: [] });
		assert.equal(await new Browser().refused("POST", "/sign-in", { token: secretOf(text) }), "401 sign_in_link_used");
		assert.equal((await browser.send("POST", "/api/v1/sign-out")).status, 204);
		assert.equal(await browser.refused("GET", "/me"), "401 sign_in_required");
	});

	test("announce, move, list; what does not fit is named", async () => {
		const view = await announce({ title: "  Größe & Maß  ", people: [] });
		assert.equal(view.title, "Größe & Maß");
		assert.equal(view.slug, "groesse-mass");
		assert.deepEqual(
			view.people.map((person) => [person.name, person.role, person.invitation]),
			[["Host", "host", "none"]],
		);
		assert.equal((await announce({ title: "Größe & Maß", people: [] })).slug, "groesse-mass-2");
		const path = `/interviews/${view.interviewId}`;
		const moved = await host.get(interviewView, "PATCH", path, { announcedStartUnixMs: view.announcedStartUnixMs + 1 });
		assert.equal(moved.announcedStartUnixMs, view.announcedStartUnixMs + 1);
		assert.equal(moved.title, view.title, "what was not named stays");
		assert.equal(await host.refused("PATCH", path, { slug: "groesse-mass-2" }), "409 slug_taken /slug");
		assert.equal(await host.refused("PATCH", path, { timeZone: "Mars/Olympus" }), "400 malformed /timeZone");
		assert.equal(await host.refused("PATCH", path, { timeZone: "+01:00" }), "400 malformed /timeZone");
		assert.equal(await host.refused("PATCH", path, { title: " " }), "400 malformed /title");
		assert.equal(await host.refused("PATCH", path, { titel: "Mistyped" }), "400 malformed /titel");
		assert.equal(
			await host.refused("PATCH", path, { people: [] }),
			"400 malformed /people",
			"people have addresses of their own",
		);
		assert.equal(await host.refused("PATCH", path, { announcedStartUnixMs: 1 }), "400 malformed /announcedStartUnixMs");
		assert.equal(await host.refused("POST", "/interviews", draft({ slug: "Ä" })), "400 malformed /slug");
		assert.equal(
			await host.refused("POST", "/interviews", draft({ people: [{ name: "x", role: "boss" }] })),
			"400 malformed /people/0/role",
		);
		const listed = await host.get(z.array(interviewView), "GET", "/interviews");
		assert.ok(listed.some((other) => other.interviewId === view.interviewId));
		assert.ok(view.disk.neededBytes > 0 && view.disk.freeBytes > 0);
	});

	test("requests that are none of ours", async () => {
		assert.equal(await host.refused("POST", "/interviews", "{"), "400 malformed");
		assert.equal(await host.refused("POST", "/interviews", "[]"), "400 malformed");
		assert.equal(
			await host.refused("POST", "/interviews", "{}", { "content-type": "text/plain" }),
			"415 unsupported_media_type",
		);
		assert.equal(await host.refused("POST", "/interviews", JSON.stringify("x".repeat(70_000))), "413 too_large");
		assert.equal(await host.refused("PUT", "/interviews"), "405 method_not_allowed");
		assert.equal(await host.refused("GET", "/nowhere"), "404 not_found");
		assert.equal(await host.refused("GET", "/interviews/nowhere"), "404 not_found");
		assert.equal(await new Browser().refused("GET", "/interviews"), "401 sign_in_required");
		assert.equal(
			await host.refused("POST", "/interviews", draft(), { origin: "http://evil.test" }),
			"403 foreign_origin",
		);
		const crossSite = new Browser({ "sec-fetch-site": "cross-site" });
		crossSite.cookie = host.cookie;
		assert.equal(await crossSite.refused("POST", "/interviews", draft()), "403 foreign_origin");
		const noPage = new Browser({});
		noPage.cookie = host.cookie;
		assert.equal((await noPage.get(z.array(interviewView), "GET", "/interviews")).length > 0, true);
	});

	test("an invitation: look, agree, take the seat; used, expired, replaced and foreign ones say which and whom to ask", async () => {
		const view = await announce({
			people: [
				{ name: "Greta", role: "host" },
				{ name: "Olga", role: "guest" },
			],
		});
		const seatId = view.people[1]?.seatId ?? "";
		const { guest, link } = await guestOf(view.interviewId, seatId);
		const token = secretOf(link.url);
		assert.ok(link.url.startsWith(`${STAFF_URL}/join#`));
		const look = await guest.get(invitationLook, "POST", "/invitations/look", { token });
		assert.deepEqual([look.name, look.hostName, look.title], ["Olga", "Greta", "A talk"]);
		const stranger = new Browser();
		assert.equal(
			await stranger.refused("POST", "/invitations/redeem", { token, consent: true }),
			"409 invitation_used",
		);
		assert.equal(
			await guest.refused("POST", "/invitations/redeem", { token, consent: false }),
			"422 consent_missing /consent",
		);
		const who = await guest.get(me, "GET", "/me");
		assert.deepEqual([who.kind, who.name, who.seats[0]?.seatId], ["guest", "Olga", seatId]);

		const newer = await host.get(z.any(), "POST", `/interviews/${view.interviewId}/people/${seatId}/invitation`);
		assert.equal(await stranger.refused("POST", "/invitations/look", { token }), "404 invitation_foreign");
		clock.aheadMs += newer.expiresUnixMs - clock.unixMs();
		const response = await stranger.send("POST", "/api/v1/invitations/look", { token: secretOf(newer.url) });
		const problem = (await response.json()) as Problem;
		assert.equal(problem.code, "invitation_expired");
		assert.match(problem.detail ?? "", /Ask Greta/);
	});

	test("a guest has a seat and no more; a co-host directs; a removed guest is out", async () => {
		const view = await announce();
		const { interviewId } = view;
		const seatId = view.people[1]?.seatId ?? "";
		const hostSeatId = view.people[0]?.seatId ?? "";
		const { guest } = await guestOf(interviewId, seatId);
		const path = `/interviews/${interviewId}`;
		for (const [method, address, body] of [
			["GET", "/interviews"],
			["POST", "/interviews", draft()],
			["GET", "/operations"],
			["PUT", "/level", { level: "lean", reason: "mine" }],
			["DELETE", "/level", { reason: "mine" }],
			["GET", path],
			["PATCH", path, { title: "Mine" }],
			["DELETE", path],
			["POST", `${path}/go-live`],
			["POST", `${path}/end`],
			["POST", `${path}/cancel`],
			["POST", `${path}/late-reason`, { text: "x" }],
			["POST", `${path}/people`, { name: "x", role: "guest" }],
			["DELETE", `${path}/seats/${hostSeatId}`],
			["PATCH", `${path}/seats/${hostSeatId}`, { muted: true }],
			["PATCH", `${path}/seats/${seatId}`, { place: "air" }],
			["PATCH", `${path}/seats/${seatId}`, { role: "host" }],
		] as const) {
			assert.equal(await guest.refused(method, address, body), "403 not_yours", `${method} ${address}`);
		}
		const other = await announce();
		assert.equal(await guest.refused("POST", `/interviews/${other.interviewId}/seat`), "404 not_found");

		const grant = await guest.get(seatGrant, "POST", `${path}/seat`);
		assert.deepEqual([grant.seatId, grant.name, grant.role], [seatId, "Olga", "guest"]);
		assert.equal(grant.whipUrl, `${STAFF_URL}/whip/${interviewId}`);
		assert.equal((await guest.send("PATCH", `/api/v1${path}/seats/${seatId}`, { place: "green" })).status, 204);
		await host.send("PATCH", `/api/v1${path}/seats/${seatId}`, { role: "co_host" });
		assert.equal((await guest.get(interviewView, "POST", `${path}/go-live`)).phase, "on_air");
		assert.ok((await guest.get(z.object({ durationMs: z.number() }), "POST", `${path}/end`)).durationMs >= 0);

		assert.equal((await host.send("DELETE", `/api/v1${path}/seats/${seatId}`)).status, 204);
		assert.equal(await guest.refused("POST", `${path}/seat`), "404 not_found");
		const whip = await fetch(grant.whipUrl, { headers: { authorization: `Bearer ${grant.whipToken}` } });
		assert.equal(whip.status, 403);
	});

	test("the newest grant of a seat makes earlier tokens void", async () => {
		const { interviewId } = await announce();
		const first = await host.get(seatGrant, "POST", `/interviews/${interviewId}/seat`);
		const second = await host.get(seatGrant, "POST", `/interviews/${interviewId}/seat`);
		const ask = (token: string) => fetch(first.whipUrl, { headers: { authorization: `Bearer ${token}` } });
		assert.deepEqual([(await ask(first.whipToken)).status, (await ask(second.whipToken)).status], [403, 204]);
	});

	test("the event stream shows the studio at once and at each change, and ends when the guest is removed", async () => {
		const view = await announce();
		const { interviewId } = view;
		const seatId = view.people[1]?.seatId ?? "";
		const { guest } = await guestOf(interviewId, seatId);
		assert.equal(await new Browser().refused("GET", `/interviews/${interviewId}/events`), "401 sign_in_required");
		const response = await guest.send("GET", `/api/v1/interviews/${interviewId}/events`);
		assert.match(response.headers.get("content-type") ?? "", /^text\/event-stream/);
		const events = readEvents(response);
		const first = await events.next();
		assert.deepEqual([first?.you.seatId, first?.you.mayDirect, first?.phase], [seatId, false, "announced"]);
		await host.send("POST", `/api/v1/interviews/${interviewId}/late-reason`, { text: "20 minutes late: the train" });
		assert.equal((await events.next())?.lateReason, "20 minutes late: the train");
		await host.send("DELETE", `/api/v1/interviews/${interviewId}/seats/${seatId}`);
		assert.equal(await events.next(), undefined);
	});

	test("an evening with a late host: the clock opens and waits, the co-host explains, moves, begins and ends; all of it is on record", async () => {
		const view = await announce({
			announcedStartUnixMs: clock.unixMs() + 600_000,
			people: [
				{ name: "Greta", role: "host" },
				{ name: "Olga", role: "guest" },
			],
		});
		const { interviewId } = view;
		const path = `/interviews/${interviewId}`;
		const seatId = view.people[1]?.seatId ?? "";
		const phaseIs = (phase: string) =>
			until(phase, async () => {
				const now = await host.get(interviewView, "GET", path);
				return now.phase === phase && now;
			});
		await phaseIs("doors");
		const { guest } = await guestOf(interviewId, seatId);
		assert.equal((await host.send("PATCH", `/api/v1${path}/seats/${seatId}`, { role: "co_host" })).status, 204);

		clock.aheadMs += view.announcedStartUnixMs - clock.unixMs();
		await phaseIs("waiting_for_host");
		const told = () => platform.broadcasts.get(interviewId)?.commands.findLast((each) => each.kind === "hold");
		await until("the notice", () => told()?.notice === "waiting_for_host");
		await guest.send("POST", `/api/v1${path}/late-reason`, { text: "Greta's train stands in a field." });
		assert.equal((await phaseIs("waiting_for_host")).lateReason, "Greta's train stands in a field.");

		const moved = await guest.get(interviewView, "PATCH", path, { announcedStartUnixMs: clock.unixMs() + 300_000 });
		assert.equal(moved.phase, "doors");
		const grant = await guest.get(seatGrant, "POST", `${path}/seat`);
		const offered = await fetch(grant.whipUrl, {
			method: "POST",
			headers: { authorization: `Bearer ${grant.whipToken}`, "content-type": "application/sdp" },
			body: "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=sendonly\r\n",
		});
		assert.equal(offered.status, 201);
		await guest.send("PATCH", `/api/v1${path}/seats/${seatId}`, { place: "green" });
		const placeIs = (place: string) => platform.stages.get(interviewId)?.seats.get(seatId)?.place === place;
		await until("a place in the green room", () => placeIs("green"));
		// Not all the way: what the stage said last is old after the jump, and it must say it once more before the start.
		clock.aheadMs += moved.announcedStartUnixMs - clock.unixMs() - 1_500;
		const onAir = await phaseIs("on_air");
		assert.ok(
			(onAir.onAirUnixMs ?? 0) >= moved.announcedStartUnixMs,
			"the real start is kept beside the announced one",
		);
		assert.equal(platform.stages.get(interviewId)?.seats.get(seatId)?.place, "air");
		assert.equal(
			await guest.refused("PATCH", path, { announcedStartUnixMs: clock.unixMs() + 1 }),
			"410 over /announcedStartUnixMs",
		);
		await guest.get(z.any(), "POST", `${path}/end`);

		const transition = z.object({
			sequence: z.number(),
			to: z.string(),
			actor: z.string(),
			cause: z.string(),
			atUnixMs: z.number(),
		});
		const records = await guest.get(z.array(transition), "GET", `${path}/transitions`);
		assert.deepEqual(
			records.map(({ sequence, to, actor, cause }) => `${sequence} ${to} by ${actor}: ${cause}`),
			[
				"0 doors by clock: start_is_near",
				"1 waiting_for_host by clock: nobody_seated",
				`2 doors by seat:${seatId}: rescheduled`,
				"3 on_air by clock: start_reached",
				`4 ended by seat:${seatId}: ended`,
			],
		);
		assert.equal(records[3]?.atUnixMs, onAir.onAirUnixMs);
	});

	test("cancelled: nothing more happens to it, and each command says why", async () => {
		const view = await announce();
		const path = `/interviews/${view.interviewId}`;
		assert.equal(await host.refused("POST", `${path}/end`), "409 not_open");
		assert.equal((await host.send("POST", `/api/v1${path}/cancel`)).status, 204);
		assert.equal((await host.send("POST", `/api/v1${path}/cancel`)).status, 204, "again without harm");
		assert.equal((await host.get(interviewView, "GET", path)).phase, "cancelled");
		assert.equal(await host.refused("POST", `${path}/go-live`), "410 over");
		assert.equal(await host.refused("POST", `${path}/people`, { name: "Late", role: "guest" }), "410 over");
		assert.equal(await host.refused("POST", `${path}/seat`), "410 over");
		assert.equal((await host.send("DELETE", `/api/v1${path}`)).status, 204);
	});

	test("more interviews than the machine carries: told when the bound is reached, also where nothing is open yet", async () => {
		const open: string[] = [];
		let refused: Response | undefined;
		while (!refused) {
			const { interviewId } = await announce();
			const response = await host.send("POST", `/api/v1/interviews/${interviewId}/go-live`);
			if (response.status === 200) open.push(interviewId);
			else refused = response;
		}
		assert.ok(open.length >= 1 && open.length <= 4);
		const problem = (await refused.json()) as Problem;
		assert.deepEqual([problem.status, problem.code, refused.headers.get("retry-after")], [503, "live_max", "3"]);
		assert.match(problem.detail ?? "", /carries 4 interviews at once.*--live-interviews-max/);
		const { interviewId } = await announce({ announcedStartUnixMs: clock.unixMs() + 60_000 });
		const warnings = async () => (await host.get(operationsView, "GET", "/operations")).warnings;
		await until("the warning", async () => (await warnings()).includes("live_max"));
		assert.equal(await host.refused("POST", `/interviews/${interviewId}/seat`), "503 live_max");
		for (const each of open) await host.get(z.any(), "POST", `/interviews/${each}/end`);
		const phase = async () => (await host.get(interviewView, "GET", `/interviews/${interviewId}`)).phase;
		await until("its doors", async () => (await phase()) === "doors");
		await host.send("POST", `/api/v1/interviews/${interviewId}/cancel`);
	});

	test("a level is pinned and released with a reason; without house it is said that it cannot be", async () => {
		const pin = { level: "lean", reason: " a known crowd at eight " };
		const away = await host.send("PUT", "/api/v1/level", pin);
		assert.deepEqual([away.status, away.headers.get("retry-after")], [503, "2"]);
		assert.equal(((await away.json()) as Problem).code, "house_unreachable");
		assert.equal((await host.get(operationsView, "GET", "/operations")).level, null);

		const bus = platform.hub.connect();
		const steward = new Steward(systemRandom);
		using _house = bus.respond(LEVEL_COMMANDS, (payload) => {
			const command = readJson(levelCommand, payload);
			const now = [clock.monoMs(), clock.unixMs()] as const;
			if (command.kind === "pin") steward.pin(command.level, command.reason, ...now);
			const done = command.kind !== "release" || steward.release(command.reason, ...now) !== undefined;
			return writeJson({ done, view: steward.view });
		});
		for (const [body, pointer] of [
			[{ level: "lean" }, "/reason"],
			[{ level: "lean", reason: "  " }, "/reason"],
			[{ level: "lean", reason: "x".repeat(201) }, "/reason"],
			[{ level: "closed", reason: "x" }, "/level"],
			[{ level: "lean", reason: "x", until: 1 }, "/until"],
		] as const) {
			assert.equal(await host.refused("PUT", "/level", body), `400 malformed ${pointer}`);
		}
		assert.equal(await host.refused("DELETE", "/level"), "400 malformed /reason");
		assert.equal(await host.refused("DELETE", "/level", { reason: "over" }), "409 level_not_pinned");
		const pinned = await host.get(levelView, "PUT", "/level", pin);
		assert.deepEqual([pinned.level, pinned.pinned], ["lean", true]);
		assert.equal(pinned.records.at(-1)?.reason, "a known crowd at eight");
		assert.deepEqual((await host.get(operationsView, "GET", "/operations")).level, pinned);
		const released = await host.get(levelView, "DELETE", "/level", { reason: "over" });
		assert.deepEqual([released.level, released.pinned, released.records.length], ["lean", false, 2]);

		bus.publish(LEVEL_CHANGES, writeJson({ ...released, level: "quiet" }));
		await until("what house says by itself", async () => {
			return (await host.get(operationsView, "GET", "/operations")).level?.level === "quiet";
		});
	});

	test("the operations page gets what edges report, without what is for others", async () => {
		const report: EdgeReport = {
			worker: 0,
			pid: 1,
			listeners: { "a-talk": { settled: 1, open: 2, stalled: 0 } },
			heard: {},
			connections: 3,
			admitted: 2,
			connectionsMax: 100,
			cpuShare: 0.5,
			minted: { id: 4 },
			refusedSinceStart: { slow_head: 7 },
			loopDelayP99Ms: 1,
		};
		platform.hub.connect().publish(edgeReports(0), writeJson(report));
		const { listeners, heard, minted, ...shown } = report;
		await until("the report", async () => {
			const { edges } = (await (await host.send("GET", "/api/v1/operations")).json()) as { edges: unknown[] };
			return edges.length === 1 && isDeepStrictEqual(edges[0], shown);
		});
	});

	test("heads that are none, ids and queries that nobody has: problem+json, and the door goes on", async () => {
		const { interviewId } = await announce();
		assert.equal(await host.refused("DELETE", `/interviews/${interviewId}?withRecording=perhaps`), "400 malformed");
		for (const id of ["%", "%E0%A4%A", "%00", "..%2f..", "x".repeat(2_000), "__proto__", "constructor"]) {
			const response = await host.send("GET", `/api/v1/interviews/${id}`);
			assert.deepEqual([response.status, ((await response.json()) as Problem).code], [404, "not_found"], id);
		}
		const raw = async (head: string): Promise<string> => {
			const socket = connect(STAFF_PORT, "127.0.0.1");
			socket.write(head);
			return text(socket);
		};
		for (const [head, expected] of [
			["GET\r\n\r\n", "400 malformed"],
			["GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", "400 malformed"],
			["POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", "400 malformed"],
			["GET / HTTP/1.1\r\nhost : x\r\n\r\n", "400 malformed"],
			[`GET / HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(20_000)}\r\n\r\n`, "431 head_too_large"],
		] as const) {
			const answer = await raw(head);
			const [status = "", body = ""] = answer.split("\r\n\r\n");
			assert.match(
				status,
				/^HTTP\/1\.1 \d{3} .*\r\n(?:.*\r\n)*content-type: application\/problem\+json/,
				head.slice(0, 60),
			);
			const problem = JSON.parse(body) as Problem;
			assert.equal(`${problem.status} ${problem.code}`, expected);
			assert.ok(status.startsWith(`HTTP/1.1 ${problem.status} `));
		}
		assert.equal((await host.get(interviewView, "GET", `/interviews/${interviewId}`)).phase, "announced");
	});

	test("delete: its addresses answer 410 from then on, and the slug is free again; not while it is on air", async () => {
		const view = await announce({ slug: "once" });
		const path = `/interviews/${view.interviewId}`;
		await host.get(interviewView, "POST", `${path}/go-live`);
		assert.equal(await host.refused("DELETE", path), "409 on_air");
		assert.deepEqual(await command({ kind: "end", slug: "nowhere" }), {
			ok: false,
			text: 'There is no interview "nowhere". Try: npm run -s rostra -- list',
		});
		const ended = await command({ kind: "end", slug: "once" });
		assert.ok(ended.ok, ended.text);
		assert.match((await command({ kind: "list" })).text, /ended +once/);
		const recorded = async (interviewId: string) => {
			const folder = join(directory, "objects", "interviews", interviewId);
			await mkdir(folder, { recursive: true });
			await writeFile(join(folder, "recording.ogg"), "sound");
			return folder;
		};
		const folder = await recorded(view.interviewId);
		const deleted = await host.send("DELETE", `/api/v1${path}?withRecording=true`);
		assert.equal(deleted.status, 204);
		assert.equal(existsSync(folder), false, "its recording is gone");
		const other = await announce();
		const kept = await recorded(other.interviewId);
		assert.equal((await host.send("DELETE", `/api/v1/interviews/${other.interviewId}`)).status, 204);
		assert.equal(existsSync(kept), true, "nobody asked for that");
		assert.equal(await host.refused("GET", path), "404 not_found");
		const again = await announce({ slug: "once" });
		assert.notEqual(again.interviewId, view.interviewId);
		const facts = readJson(
			z.array(interviewFacts),
			await platform.hub.connect().request(INTERVIEWS_REQUEST, new Uint8Array(0), { timeoutMs: 1_000 }),
		);
		assert.deepEqual(
			facts.filter((each) => each.slug === "once").map((each) => [each.removed, each.title]),
			[
				[true, ""],
				[false, "A talk"],
			],
		);
	});

	test("started anew: who was signed in still is, and everything is as it was", async () => {
		const view = await announce({ slug: "kept" });
		await control[Symbol.asyncDispose]();
		await start();
		const { disk: _, ...now } = await host.get(interviewView, "GET", `/interviews/${view.interviewId}`);
		const { disk: __, ...then } = view;
		assert.deepEqual(now, then);
	});

	test("while PostgreSQL is dead: words are refused, a session and its right to go live and end are not", async () => {
		const view = await announce({ slug: "outage" });
		const path = `/interviews/${view.interviewId}`;
		await postgres.kill();
		assert.equal(await host.refused("POST", "/interviews", draft()), "503 database_down");
		assert.equal(await host.refused("POST", "/interviews", draft()), "503 database_down");
		assert.equal((await host.get(interviewView, "POST", `${path}/go-live`)).phase, "on_air");
		const during = await host.get(operationsView, "GET", "/operations");
		assert.deepEqual([during.databaseAvailable, during.warnings.includes("database_down")], [false, true]);
		await control[Symbol.asyncDispose]();
		await start();
		await host.get(z.any(), "POST", `${path}/end`);
		await postgres.start();
		for (let waits = true; waits; ) {
			const { databaseAvailable, recordsWaiting } = await host.get(operationsView, "GET", "/operations");
			waits = !databaseAvailable || recordsWaiting > 0;
		}
		assert.equal((await announce()).phase, "announced");
		assert.equal((await host.get(interviewView, "GET", path)).phase, "ended");
	});

	test("whatever JSON comes: a refusal or an answer, never a failure of ours", async () => {
		const { interviewId, people } = await announce();
		const path = `/interviews/${interviewId}`;
		const addresses = fc.constantFrom(
			["POST", "/sign-in"],
			["POST", "/interviews"],
			["PATCH", path],
			["POST", `${path}/people`],
			["POST", `${path}/late-reason`],
			["POST", `${path}/seat`],
			["PATCH", `${path}/seats/${people[1]?.seatId}`],
			["POST", "/invitations/look"],
			["POST", "/invitations/redeem"],
		);
		const nearly = fc.record(
			{
				title: fc.oneof(fc.string(), fc.jsonValue()),
				token: fc.oneof(fc.string(), fc.jsonValue()),
				announcedStartUnixMs: fc.oneof(fc.double(), fc.jsonValue()),
				timeZone: fc.string(),
				place: fc.oneof(fc.constantFrom("air", "green"), fc.string()),
				gainDb: fc.oneof(fc.double(), fc.jsonValue()),
				people: fc.jsonValue(),
				text: fc.string(),
			},
			{ requiredKeys: [] },
		);
		await fc.assert(
			fc.asyncProperty(addresses, fc.oneof(nearly, fc.jsonValue()), async ([method, address], body) => {
				const response = await host.send(method as string, `/api/v1${address}`, JSON.stringify(body));
				await response.arrayBuffer();
				assert.ok(response.status < 500, `${method} ${address} ${JSON.stringify(body)}: ${response.status}`);
			}),
			{ numRuns: 60 },
		);
	});

	test("wrong links are counted against their address, and a right one must then wait as well", async () => {
		const stranger = new Browser();
		const wrong = { token: "A".repeat(32) };
		let tries = 0;
		while ((await stranger.refused("POST", "/sign-in", wrong)) === "401 sign_in_link_unknown") tries += 1;
		assert.ok(tries <= 10);
		assert.equal(await stranger.refused("POST", "/invitations/look", wrong), "429 too_many_attempts");
		clock.aheadMs += 10 * 60_000;
		assert.equal(await stranger.refused("POST", "/sign-in", wrong), "401 sign_in_link_unknown");
	});

	test("/openapi.json describes every route, /metrics counts", async () => {
		const described = (await (await fetch(`${STAFF_URL}/openapi.json`)).json()) as {
			openapi: string;
			paths: Record<string, Record<string, unknown>>;
		};
		assert.equal(described.openapi, "3.1.0");
		assert.ok(described.paths["/api/v1/interviews/{id}/seats/{seatId}"]?.["patch"]);
		assert.ok(Object.values(described.paths).flatMap((each) => Object.keys(each)).length >= 20);
		const metrics = await (await fetch(`${STAFF_URL}/metrics`)).text();
		assert.match(metrics, /^rostra_transitions_total\{to="ended"\} \d+$/m);
		for (const line of metrics.trim().split("\n")) assert.match(line, /^[a-z_0-9]+(\{[^}]*\})? -?[0-9.e+]+$/);
	});
});

/** Server-sent `studio` events, one after the other; undefined at the end of the stream. */
function readEvents(response: Response): { next(): Promise<StudioSnapshot | undefined> } {
	const reader = (response.body as ReadableStream<Uint8Array>).getReader();
	const decoder = new TextDecoder();
	let text = "";
	return {
		async next() {
			for (;;) {
				const end = text.indexOf("\n\n");
				if (end >= 0) {
					const event = text.slice(0, end);
					text = text.slice(end + 2);
					const data = /^event: studio\ndata: (.*)$/.exec(event)?.[1];
					if (data !== undefined) return studioSnapshot.parse(JSON.parse(data));
					continue;
				}
				const { done, value } = await reader.read();
				if (done) return undefined;
				text += decoder.decode(value, { stream: true });
			}
		},
	};
}
