import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { SeatGrant } from "#wire/index.ts";
import type { Interview } from "./interview.ts";
import { FakePlatform } from "./testing.ts";
import { accepts, checkFragment, checkSdp, createWhip, SDP_BYTES_MAX } from "./whip.ts";

const OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=sendonly\r\n";
const FRAGMENT =
	"a=ice-ufrag:same\r\na=ice-pwd:x\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n";
const RESTART = FRAGMENT.replace("same", "new");
const TURN: SeatGrant["iceServers"] = [
	{ urls: ["stun:stun.example.net"] },
	{ urls: ["turn:turn.example.net?transport=udp"], username: 'us"er', credential: "secret" },
];

type Sent = {
	readonly method?: string;
	readonly headers?: Record<string, string>;
	readonly body?: string | Uint8Array;
};

class Client {
	readonly platform: FakePlatform;
	readonly #app: ReturnType<typeof createWhip>;

	constructor(platform: FakePlatform, iceServers: SeatGrant["iceServers"] = []) {
		const { live, tokens, events } = platform;
		const find = (key: string) => {
			const found = platform.interviews.get(key) ?? platform.announce.bySlug(key);
			return found?.removedUnixMs === null ? found : undefined;
		};
		this.platform = platform;
		this.#app = createWhip({ live, tokens, find, iceServers, events });
	}

	send(path: string, { method = "GET", headers = {}, body }: Sent): Promise<Response> {
		const init = { method, headers, ...(body === undefined ? {} : { body: body as string }) };
		return this.platform.drive(Promise.resolve(this.#app.request(path, init)));
	}

	/** POSTs an offer for a seat. */
	offer(interview: Interview, nth: number, more: Sent = {}): Promise<Response> {
		return this.send(`/${interview.slug}`, {
			method: "POST",
			body: OFFER,
			...more,
			headers: { ...this.bearer(interview, nth), "content-type": "application/sdp", ...more.headers },
		});
	}

	bearer(interview: Interview, nth: number): Record<string, string> {
		const seat = this.platform.now(interview).seats[nth] as Interview["seats"][number];
		const { interviewId } = interview;
		const token = this.platform.tokens.issue({ interviewId, seatId: seat.seatId, generation: seat.tokenGeneration });
		return { authorization: `Bearer ${token}` };
	}
}

async function codeOf(response: Response): Promise<string> {
	assert.equal(response.headers.get("content-type"), "application/problem+json");
	const { code, status } = (await response.json()) as { code: string; status: number };
	assert.equal(status, response.status);
	return `${status} ${code}`;
}

test("POST: 201 with the answer, Location, ETag and ice-servers (RFC 9725 §4.2, §4.6)", () =>
	FakePlatform.run(async (platform) => {
		const client = new Client(platform, TURN);
		const interview = await platform.announced();
		const response = await client.offer(interview, 0, { headers: { accept: "application/sdp, */*;q=0.1" } });
		assert.equal(response.status, 201);
		assert.equal(response.headers.get("content-type"), "application/sdp");
		assert.match(await response.text(), /^v=0\r\na=answer-to:/);
		const location = response.headers.get("location") ?? "";
		assert.match(location, new RegExp(`^/whip/${interview.interviewId}/[A-Za-z0-9_-]{22}$`));
		assert.match(response.headers.get("etag") ?? "", /^"[^"]+"$/);
		assert.equal(
			response.headers.get("link"),
			'<stun:stun.example.net>; rel="ice-server", <turn:turn.example.net?transport=udp>; rel="ice-server"; ' +
				'username="us\\"er"; credential="secret"; credential-type="password"',
		);
		assert.equal(response.headers.get("access-control-allow-origin"), "*");
	}));

test("the same token gets the same seat again, in place of its old connection", () =>
	FakePlatform.run(async (platform) => {
		const client = new Client(platform);
		const interview = await platform.announced();
		const first = await client.offer(interview, 1);
		const second = await client.offer(interview, 1);
		assert.deepEqual([first.status, second.status], [201, 201]);
		assert.deepEqual(
			[...(platform.stages.get(interview.interviewId)?.seats.keys() ?? [])],
			[interview.seats[1]?.seatId],
		);
		const old = await client.send((first.headers.get("location") ?? "").slice(5), {
			method: "DELETE",
			headers: client.bearer(interview, 1),
		});
		assert.equal(await codeOf(old), "404 not_found");
		assert.equal(
			platform.stages.get(interview.interviewId)?.seats.size,
			1,
			"an old connection's end ends nothing else",
		);
	}));

test("PATCH: 204 for candidates, 200 with a new ETag for an ICE restart, 428 and 412 as §4.3.1 says", () =>
	FakePlatform.run(async (platform) => {
		const client = new Client(platform);
		const interview = await platform.announced();
		const made = await client.offer(interview, 0);
		await platform.pass(200);
		const path = (made.headers.get("location") ?? "").slice("/whip".length);
		const etag = made.headers.get("etag") ?? "";
		const patch = (ifMatch: string | undefined, body = FRAGMENT, type = "application/trickle-ice-sdpfrag") =>
			client.send(path, {
				method: "PATCH",
				body,
				headers: {
					...client.bearer(interview, 0),
					"content-type": type,
					...(ifMatch === undefined ? {} : { "if-match": ifMatch }),
				},
			});
		const trickled = await patch(etag);
		assert.equal(trickled.status, 204);
		assert.equal(trickled.headers.get("etag"), null, "§4.3.2: MUST NOT include an ETag");
		assert.equal(await codeOf(await patch(undefined)), "428 precondition_required");
		assert.equal(await codeOf(await patch('"other.0"')), "412 precondition_failed");
		assert.equal(await codeOf(await patch(etag, "garbage")), "400 malformed");
		assert.equal(await codeOf(await patch(etag, FRAGMENT, "text/plain")), "415 unsupported_media_type");
		const restarted = await patch("*", RESTART);
		assert.equal(restarted.status, 200);
		assert.equal(restarted.headers.get("content-type"), "application/trickle-ice-sdpfrag");
		const newTag = restarted.headers.get("etag") ?? "";
		assert.notEqual(newTag, etag);
		assert.equal(await codeOf(await patch(etag)), "412 precondition_failed");
		assert.equal((await patch(newTag)).status, 204);
		const stage = platform.stages.get(interview.interviewId);
		assert.ok(stage);
		stage.refuseNext = { ok: false, code: "ice_restart_unsupported", detail: "Begin a new session." };
		assert.equal(await codeOf(await patch("*", RESTART)), "422 unprocessable");
		assert.equal((await patch(newTag)).status, 204, "the connection outlives a restart that was refused");
	}));

test("a connection made before control was started anew is still known, with its ETag", () =>
	FakePlatform.run(async (platform) => {
		const interview = await platform.announced();
		const made = await new Client(platform).offer(interview, 0);
		await platform.stopControl();
		await platform.startControl();
		await platform.pass(400);
		const client = new Client(platform);
		const path = (made.headers.get("location") ?? "").slice("/whip".length);
		const headers = {
			...client.bearer(interview, 0),
			"content-type": "application/trickle-ice-sdpfrag",
			"if-match": made.headers.get("etag") ?? "",
		};
		assert.equal((await client.send(path, { method: "PATCH", body: FRAGMENT, headers })).status, 204);
		assert.equal((await client.send(path, { method: "DELETE", headers: client.bearer(interview, 0) })).status, 200);
		await platform.pass(400);
		assert.equal(platform.stages.get(interview.interviewId)?.seats.size, 0, "who leaves on purpose makes room");
	}));

test("OPTIONS, GET and the rest (§4.1, §4.2, §4.6)", () =>
	FakePlatform.run(async (platform) => {
		const client = new Client(platform, TURN);
		const interview = await platform.announced();
		const options = await client.send(`/${interview.slug}`, {
			method: "OPTIONS",
			headers: { origin: "https://obs.test" },
		});
		assert.equal(options.status, 200);
		assert.equal(options.headers.get("accept-post"), "application/sdp");
		assert.equal(options.headers.get("access-control-allow-headers"), "authorization, content-type, if-match");
		assert.equal(options.headers.get("link"), null, "TURN passwords are for those with a token");
		const asked = await client.send(`/${interview.slug}`, { method: "OPTIONS", headers: client.bearer(interview, 0) });
		assert.match(asked.headers.get("link") ?? "", /^<stun:.*credential="secret"/);
		const get = await client.send(`/${interview.slug}`, { headers: client.bearer(interview, 0) });
		assert.deepEqual([get.status, await get.text()], [204, ""]);
		const put = await client.send(`/${interview.slug}`, { method: "PUT", headers: client.bearer(interview, 0) });
		assert.equal(put.headers.get("allow"), "OPTIONS, GET, POST");
		assert.equal(await codeOf(put), "405 method_not_allowed");
	}));

test("who may not, and what does not fit: each with its own code, and the stage is not asked", () =>
	FakePlatform.run(async (platform) => {
		const client = new Client(platform);
		const interview = await platform.announced({ slug: "one" });
		const other = await platform.announced({ slug: "two" });
		const nobody = await client.send("/one", { method: "POST", body: OFFER });
		assert.equal(nobody.headers.get("www-authenticate"), 'Bearer realm="rostra"');
		assert.equal(await codeOf(nobody), "401 sign_in_required");
		const bearer = client.bearer(interview, 0);
		const forged = { authorization: bearer["authorization"]?.replace(/..$/, "xx") ?? "" };
		assert.equal(await codeOf(await client.offer(interview, 0, { headers: forged })), "401 sign_in_required");
		assert.equal(await codeOf(await client.offer(other, 0, { headers: bearer })), "403 not_yours");
		assert.equal(
			await codeOf(await client.send("/none", { method: "POST", body: OFFER, headers: bearer })),
			"404 not_found",
		);
		const refused = (more: Sent) => client.offer(interview, 0, more).then(codeOf);
		assert.equal(await refused({ headers: { "content-type": "text/plain" } }), "415 unsupported_media_type");
		assert.equal(await refused({ headers: { accept: "application/json" } }), "406 not_acceptable");
		assert.equal(await refused({ body: "hello" }), "400 malformed");
		assert.equal(await refused({ body: Uint8Array.of(0x76, 0x3d, 0x30, 0x0a, 0xff) }), "400 malformed");
		assert.equal(await refused({ body: OFFER + "a=x\r\n".repeat(SDP_BYTES_MAX / 5) }), "413 too_large");
		assert.equal(platform.stages.size, 0);
		await platform.interviews.record(interview.interviewId, (now) => ({
			...(now as Interview),
			seats: (now as Interview).seats.map((seat) => ({ ...seat, tokenGeneration: seat.tokenGeneration + 1 })),
		}));
		assert.equal(await refused({ headers: bearer }), "403 not_yours");
	}));

test("the stage's refusals: 409 for the 14th seat with a reason, 422 for other media, 400 for a bad offer, 503 when it does not come up", () =>
	FakePlatform.run(async (platform) => {
		const client = new Client(platform);
		const people = Array.from({ length: 13 }, (_, nth) => ({ name: `Guest ${nth}`, role: "guest" as const }));
		const interview = await platform.announced({ people });
		for (let nth = 0; nth < 13; nth += 1) assert.equal((await client.offer(interview, nth)).status, 201);
		await platform.pass(200);
		const full = await client.offer(interview, 13);
		const { detail } = (await full.clone().json()) as { detail: string };
		assert.match(detail, /13 people are seated/);
		assert.equal(await codeOf(full), "409 studio_full");
		assert.equal((await client.offer(interview, 3)).status, 201, "who has a seat returns to it");
		const stage = platform.stages.get(interview.interviewId);
		assert.ok(stage);
		stage.refuseNext = { ok: false, code: "unsupported_media", detail: "No Opus." };
		assert.equal(await codeOf(await client.offer(interview, 0)), "422 unprocessable");
		stage.refuseNext = { ok: false, code: "malformed_sdp", detail: "No fingerprint." };
		assert.equal(await codeOf(await client.offer(interview, 0)), "400 malformed");

		platform.broken.add("stage");
		const later = await platform.announced();
		const unreachable = await client.offer(later, 0);
		assert.ok(Number(unreachable.headers.get("retry-after")) >= 1);
		assert.equal(await codeOf(unreachable), "503 stage_unreachable");
	}));

test("an interview that is over takes no more speakers", () =>
	FakePlatform.run(async (platform) => {
		const client = new Client(platform);
		const interview = await platform.announced();
		await platform.drive(platform.live.cancel(interview.interviewId, "person:owner"));
		assert.equal(await codeOf(await client.offer(interview, 0)), "410 over");
	}));

test("checkSdp() and checkFragment(): whatever comes is judged, never thrown at", () => {
	const noise = fc.oneof(
		fc.string({ unit: "binary-ascii", maxLength: 100 }),
		fc
			.array(fc.constantFrom("v=0", "a=x", "m=audio 9 X 1", "", "=", "aa=1", "a=\u0000", "V=0"), { maxLength: 8 })
			.map((lines) => lines.join("\r\n")),
	);
	fc.assert(
		fc.property(noise, (text) => {
			const judged = checkSdp(text);
			if (!judged) assert.match(text, /^v=0(\r?\n|$)/);
			for (const verdict of [judged, checkFragment(text)]) if (verdict) assert.equal(verdict.code, "malformed");
		}),
	);
	assert.equal(checkSdp(OFFER), undefined);
	assert.equal(checkFragment(FRAGMENT), undefined);
});

test("accepts(): the most specific range counts", () => {
	for (const header of [undefined, "", "*/*", "application/*", "application/sdp;q=0.1", "text/html, application/sdp"]) {
		assert.ok(accepts(header, "application/sdp"), String(header));
	}
	for (const header of ["text/html", "application/sdp;q=0, */*", "application/*;q=0"]) {
		assert.ok(!accepts(header, "application/sdp"), header);
	}
});
