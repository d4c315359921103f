import { type People, SESSION_MS, type Session } from "#people/index.ts";
import { type Ctx, isSecure } from "./requests.ts";

/** What is read of a `Cookie` header: the rest is none of ours. */
const COOKIE_HEADER_CHARACTERS_MAX = 8_192;

/** The cookie a browser of the staff door carries. Named after the port, as several platforms may share a host. */
export function createSessionCookie({ people, staffPort }: { readonly people: People; readonly staffPort: number }) {
	const nameOf = (c: Ctx) => (isSecure(c) ? `__Host-rostra-${staffPort}` : `rostra-${staffPort}`);
	const header = (c: Ctx, value: string, maxAgeS: number) => ({
		"set-cookie":
			`${nameOf(c)}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAgeS}` + (isSecure(c) ? "; Secure" : ""),
	});
	return {
		/** The session of the browser that asks, if it has one. */
		sessionOf(c: Ctx): Session | undefined {
			const name = `${nameOf(c)}=`;
			for (const pair of (c.req.header("cookie") ?? "").slice(0, COOKIE_HEADER_CHARACTERS_MAX).split(/; */)) {
				if (pair.startsWith(name)) return people.sessionOf(pair.slice(name.length));
			}
			return undefined;
		},
		/** The header that gives a browser its session. */
		set: (c: Ctx, value: string) => header(c, value, SESSION_MS / 1_000),
		/** The header that takes it away. */
		clear: (c: Ctx) => header(c, "", 0),
	};
}
