import type { Clock } from "#base/index.ts";
import type { Bus } from "#bus/index.ts";
import { ACME_CHALLENGES, type AcmeChallenges, acmeChallenges, readJson } from "#wire/index.ts";
import { Representation } from "./response.ts";
import type { Serve } from "./serve.ts";

/** Where an authority looks for the proof that a name is ours (RFC 8555 §8.3). */
const CHALLENGE = /^\/\.well-known\/acme-challenge\/([A-Za-z0-9_-]{1,128})$/;

/** What authorities are to find at the moment; whoever asks them for a certificate publishes it. */
export function createChallenges(bus: Bus): { answer(token: string): string | undefined } & Disposable {
	let known: AcmeChallenges = [];
	const heard = bus.subscribe(ACME_CHALLENGES, (payload) => {
		known = readJson(acmeChallenges, payload);
	});
	return {
		answer: (token) => known.find((challenge) => challenge.token === token)?.keyAuthorization,
		[Symbol.dispose]: () => heard[Symbol.dispose](),
	};
}

/**
 * Serves plain HTTP beside a door with TLS: an authority finds its challenge, everybody else is sent to the same
 * address at `publicUrl`. Each connection is answered once.
 */
export function createRedirect(options: {
	readonly clock: Clock;
	readonly publicUrl: string;
	readonly challenge: (token: string) => string | undefined;
}): Serve {
	const { clock, publicUrl, challenge } = options;
	return ({ method, target, acceptEncoding }) => {
		const proof = challenge(CHALLENGE.exec(target)?.[1] ?? "");
		const answer =
			proof === undefined
				? new Representation(Buffer.from(`Moved to ${publicUrl}${target}\n`), {
						status: 308,
						type: "text/plain; charset=utf-8",
						cacheControl: "public, max-age=3600",
						fields: [["Location", `${publicUrl}${target}`]],
					})
				: new Representation(Buffer.from(proof), { type: "application/octet-stream", cacheControl: "no-store" });
		const wish = { headOnly: method === "HEAD", close: true, unixMs: clock.unixMs(), ifNoneMatch: "", acceptEncoding };
		return { kind: "bytes", bytes: answer.answer(wish), close: true };
	};
}
