import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import * as fc from "fast-check";
import { FakeClock, makeKey, makeSelfSigned, seededRandom, systemRandom } from "#base/index.ts";
import type { AcmeChallenges } from "#wire/index.ts";
import { openAuthority } from "./authority.testing.ts";
import { orderCertificate } from "./client.ts";
import { type KeepOptions, keepCertificate } from "./keep.ts";
import { certificatePaths } from "./paths.ts";
import { renewAtUnixMs, retryInMs } from "./renewal.ts";

const DAY_MS = 86_400_000;
const DOMAIN = "talk.example";

/** An authority, a port 80 that shows it what is published, and a data folder. */
async function open(t: TestContext, options: { readonly lifeMs?: number } = {}) {
	const clock = new FakeClock(1_000, Date.now());
	let shown: AcmeChallenges = [];
	const web = createServer((question, response) => {
		const found = shown.find(({ token }) => question.url === `/.well-known/acme-challenge/${token}`);
		response.writeHead(found ? 200 : 404).end(found?.keyAuthorization);
	});
	await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
	t.after(() => void web.close());
	const authority = await openAuthority({ clock, httpPort: (web.address() as AddressInfo).port, ...options });
	t.after(() => authority[Symbol.asyncDispose]());
	const dataDir = await mkdtemp(join(tmpdir(), "rostra-acme-"));
	t.after(() => rm(dataDir, { recursive: true }));
	const told: string[] = [];
	let next = Promise.withResolvers<void>();
	const tell = (text: string) => {
		told.push(text);
		next.resolve();
	};
	const keep: KeepOptions = {
		paths: certificatePaths(dataDir, DOMAIN),
		domain: DOMAIN,
		email: null,
		directoryUrl: authority.directoryUrl,
		show: async (challenges) => {
			shown = challenges;
		},
		clock,
		random: systemRandom,
		events: {
			asking: () => {},
			got: () => tell("got"),
			failed: (_domain, error, failures, retryInMs) =>
				tell(`failure ${failures}, again in ${Math.round(retryInMs / 1_000)} s: ${(error as Error).message}`),
		},
	};
	/** Moves time until something is told. */
	const wait = async (stepMs = 1_000) => {
		let isTold = false;
		void next.promise.then(() => {
			isTold = true;
		});
		while (!isTold) {
			clock.advance(stepMs);
			await new Promise((resolve) => setImmediate(resolve));
		}
		next = Promise.withResolvers();
		return told.at(-1) as string;
	};
	return { clock, authority, keep, dataDir, wait, shown: () => shown };
}

test("a certificate is ordered by the flow of RFC 8555, for the key and the name, with an account of ours", async (t) => {
	const { authority, keep, clock, shown } = await open(t);
	const [accountKey, certificateKey] = [makeKey(), makeKey()];
	const wanted = { ...keep, email: "host@talk.example", accountKey, certificateKey };
	const certificate = new X509Certificate(await orderCertificate(wanted));
	assert.ok(certificate.checkPrivateKey(certificateKey));
	assert.equal(certificate.checkHost(DOMAIN), DOMAIN);
	assert.ok(certificate.verify(new X509Certificate(authority.rootPem).publicKey));
	assert.deepEqual(authority.seen, ["newAccount", "newOrder", "validated", "issued"]);
	assert.deepEqual(authority.contacts, [["mailto:host@talk.example"]]);
	assert.deepEqual(shown(), [], "nothing is shown any longer");
	await orderCertificate({ ...wanted, certificateKey: makeKey() });
	assert.deepEqual(authority.seen.slice(4), ["sameAccount", "newOrder", "validated", "issued"]);
	assert.ok(clock.monoMs() > 0);
});

test("a nonce that is refused is replaced, an order that takes its time is waited for", async (t) => {
	const { authority, keep, wait } = await open(t);
	authority.trouble.badNonces = 2;
	authority.trouble.orderPendingPolls = 3;
	using _ = keepCertificate(keep);
	assert.equal(await wait(), "got");
	assert.equal(authority.seen.filter((what) => what === "bad_nonce").length, 2);
});

test("files are for this user only, appear when they are whole, and the account's key is kept", async (t) => {
	const { keep, dataDir, wait } = await open(t);
	{
		using _ = keepCertificate(keep);
		await wait();
	}
	const folder = join(dataDir, "tls");
	const names = await readdir(folder);
	assert.equal(names.length, 3, names.join());
	for (const name of names) assert.equal((await stat(join(folder, name))).mode & 0o777, 0o600, name);
	assert.equal((await stat(folder)).mode & 0o777, 0o700);
	const { issuer, subject } = new X509Certificate(await readFile(keep.paths.certPath));
	assert.deepEqual([issuer, subject], ["CN=Test authority", `CN=${DOMAIN}`]);
});

test("it is renewed when a third of its life is left, and not before, with the same account", async (t) => {
	const { keep, authority, wait, clock } = await open(t, { lifeMs: 90 * DAY_MS });
	const begunMs = clock.unixMs();
	using _ = keepCertificate(keep);
	await wait();
	const first = await readFile(keep.paths.certPath, "utf8");
	assert.equal(await wait(3_600_000), "got");
	const days = (clock.unixMs() - begunMs) / DAY_MS;
	assert.ok(days >= 60, `${days}`);
	assert.notEqual(await readFile(keep.paths.certPath, "utf8"), first);
	assert.deepEqual(authority.seen.slice(4), ["sameAccount", "newOrder", "validated", "issued"]);
});

test("a certificate that signs itself, or is for another name, is replaced", async (t) => {
	const { keep, wait, clock } = await open(t);
	using scope = new DisposableStack();
	scope.use(keepCertificate(keep));
	await wait();
	scope.dispose();
	for (const name of [DOMAIN, "other.example"]) {
		await writeFile(keep.paths.certPath, makeSelfSigned([name], clock.unixMs()).certPem);
		using _ = keepCertificate(keep);
		assert.equal(await wait(), "got");
	}
});

test("whoever does not lead port 80 here is told so, and the wait grows until it works", async (t) => {
	const { keep, wait, authority } = await open(t);
	let isOpen = false;
	const show: KeepOptions["show"] = (challenges) => keep.show(isOpen ? challenges : []);
	using _ = keepCertificate({ ...keep, show });
	const first = await wait();
	assert.match(
		first,
		/^failure 1, again in (4[5-9]|[567]\d) s: The authority did not find our answer at http:\/\/talk\.example\/.*found "status 404".*Port 80 of talk\.example must lead to --http-redirect-port/,
	);
	assert.match(await wait(), /^failure 2, again in (9\d|1[0-4]\d|150) s/);
	assert.equal(authority.seen.filter((what) => what === "not_validated").length, 2);
	isOpen = true;
	assert.equal(await wait(), "got");
});

test("an authority that has enough of us is left alone for as long as it says", async (t) => {
	const { keep, wait, authority, clock } = await open(t);
	authority.trouble.rateLimit = 1;
	using _ = keepCertificate(keep);
	assert.match(await wait(), /^failure 1, again in 7200 s: .* 429: too many certificates \(urn:/);
	const fromMs = clock.monoMs();
	assert.equal(await wait(60_000), "got");
	assert.ok(clock.monoMs() - fromMs >= 7_200_000);
});

test("an authority that cannot be reached, or speaks without TLS, is named", async (t) => {
	const { keep } = await open(t);
	const keys = { accountKey: makeKey(), certificateKey: makeKey() };
	const order = (directoryUrl: string) => orderCertificate({ ...keep, ...keys, directoryUrl });
	await assert.rejects(order("http://127.0.0.1:1/directory"), { code: "unreachable", message: /127\.0\.0\.1:1/ });
	await assert.rejects(order("http://authority.example/"), { code: "unusable_answer", message: /https/ });
	await assert.rejects(order(keep.directoryUrl.replace("directory", "nothing")), { name: "AcmeError" });
});

test("the wait after failures grows, is never short, and ends at six hours", () => {
	const random = seededRandom(3);
	fc.assert(
		fc.property(fc.integer({ min: 1, max: 60 }), (failures) => {
			const waitMs = retryInMs(failures, random);
			assert.ok(waitMs >= 45_000 && waitMs <= 1.25 * 6 * 3_600_000);
		}),
	);
	assert.equal(renewAtUnixMs({ fromUnixMs: 0, toUnixMs: 90 * DAY_MS }), 60 * DAY_MS);
	assert.equal(renewAtUnixMs({ fromUnixMs: 0, toUnixMs: 6 * DAY_MS }), 4 * DAY_MS);
});
