import type { Kysely } from "kysely";
import * as z from "zod/mini";
import type { Clock, Random } from "#base/index.ts";
import { type Kept, Mirror, type MirrorEvents, type MirrorStore, type Standby, type Tables } from "#database/index.ts";
import { Attempts } from "./attempts.ts";
import { hashSecret, newSecret } from "./tokens.ts";

/** A sign-in link works once, within this time. */
export const SIGN_IN_LINK_MS = 24 * 3_600_000;
/** A browser stays signed in this long. */
export const SESSION_MS = 30 * 24 * 3_600_000;
/** Sessions at once. One more ends the oldest of the same kind, guests first. */
export const SESSIONS_MAX = 5_000;
/** Seats one browser may hold. One more drops the oldest. */
const SESSION_SEATS_MAX = 50;

/** For now the platform has one account, whoever runs it; the first migration makes it. */
export const OWNER = { personId: "owner", name: "Host" } as const;

const session = z.object({
	sessionHash: z.string(),
	/** Null for a guest. */
	personId: z.nullable(z.string()),
	/** Seats whose invitation this browser redeemed. */
	seatIds: z.array(z.string()),
	createdUnixMs: z.number(),
	expiresUnixMs: z.number(),
});
/** One browser that signed in or redeemed an invitation. */
export type Session = z.infer<typeof session>;

export type SignIn =
	| { readonly ok: true; readonly cookie: string; readonly session: Session }
	| { readonly ok: false; readonly code: "unknown" | "expired" | "used" };

/**
 * Who is who: one-time sign-in links and the sessions of browsers. Sessions are kept in memory and in a standby
 * file, so nobody is locked out while PostgreSQL is away.
 */
export class People {
	readonly attempts = new Attempts();
	readonly #db: Kysely<Tables>;
	readonly #sessions: Mirror<Session>;
	readonly #clock: Clock;
	readonly #random: Random;

	private constructor(options: PeopleOptions, sessions: Mirror<Session>) {
		this.#db = options.db;
		this.#clock = options.clock;
		this.#random = options.random;
		this.#sessions = sessions;
	}

	static async open(options: PeopleOptions): Promise<People> {
		const sessions = await Mirror.open<Session>({
			standby: options.standby,
			keyOf: (session) => session.sessionHash,
			parse: (value) => session.parse(value),
			keepInStandby: (session) => session.expiresUnixMs > options.clock.unixMs(),
			store: sessionStore(options.db, options.clock),
			clock: options.clock,
			events: options.events,
		});
		return new People(options, sessions);
	}

	/** Sessions that PostgreSQL does not have yet. */
	get waitingCount(): number {
		return this.#sessions.waitingCount;
	}

	/** The secret of a new one-time link for the owner. @throws DatabaseError while the database is away. */
	async makeSignInSecret(): Promise<string> {
		const nowUnixMs = this.#clock.unixMs();
		const secret = newSecret(this.#random);
		await this.#db
			.deleteFrom("sign_in_links")
			.where("expires_at", "<", new Date(nowUnixMs - SIGN_IN_LINK_MS))
			.execute();
		await this.#db
			.insertInto("sign_in_links")
			.values({
				link_hash: hashSecret(secret) as string,
				person_id: OWNER.personId,
				expires_at: new Date(nowUnixMs + SIGN_IN_LINK_MS),
				used_at: null,
			})
			.execute();
		return secret;
	}

	/**
	 * Uses a one-time link. Seats the browser already held stay with it.
	 *
	 * @throws DatabaseError while the database is away.
	 */
	async signIn(secret: string, before: Session | undefined): Promise<SignIn> {
		const linkHash = hashSecret(secret);
		if (!linkHash) return { ok: false, code: "unknown" };
		const now = new Date(this.#clock.unixMs());
		const used = await this.#db
			.updateTable("sign_in_links")
			.set({ used_at: now })
			.where("link_hash", "=", linkHash)
			.where("used_at", "is", null)
			.where("expires_at", ">", now)
			.returning("person_id")
			.executeTakeFirst();
		if (!used) {
			const link = await this.#db
				.selectFrom("sign_in_links")
				.select("used_at")
				.where("link_hash", "=", linkHash)
				.executeTakeFirst();
			return { ok: false, code: !link ? "unknown" : link.used_at ? "used" : "expired" };
		}
		const made = await this.#newSession(used.person_id, before?.seatIds ?? []);
		if (before) await this.endSession(before);
		return { ok: true, ...made };
	}

	/** Lets the browser take a seat. A browser without a session gets one, with the cookie to set. */
	async grantSeat(now: Session | undefined, seatId: string): Promise<{ cookie: string | undefined; session: Session }> {
		if (!now) return this.#newSession(null, [seatId]);
		if (now.seatIds.includes(seatId)) return { cookie: undefined, session: now };
		const session = await this.#sessions.record(now.sessionHash, (found) => {
			const current = found ?? now;
			return { ...current, seatIds: [...current.seatIds, seatId].slice(-SESSION_SEATS_MAX) };
		});
		return { cookie: undefined, session };
	}

	/** The session a cookie belongs to, or undefined. */
	sessionOf(cookie: string): Session | undefined {
		const sessionHash = hashSecret(cookie);
		const found = sessionHash ? this.#sessions.get(sessionHash) : undefined;
		return found && found.expiresUnixMs > this.#clock.unixMs() ? found : undefined;
	}

	async endSession(session: Session): Promise<void> {
		const nowUnixMs = this.#clock.unixMs();
		await this.#sessions.record(session.sessionHash, (found) => ({ ...(found ?? session), expiresUnixMs: nowUnixMs }));
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.#sessions[Symbol.asyncDispose]();
	}

	async #newSession(personId: string | null, seatIds: readonly string[]) {
		this.#makeRoom();
		const cookie = newSecret(this.#random);
		const sessionHash = hashSecret(cookie) as string;
		const createdUnixMs = this.#clock.unixMs();
		const expiresUnixMs = createdUnixMs + SESSION_MS;
		const session = await this.#sessions.record(sessionHash, () => {
			return { sessionHash, personId, seatIds: [...seatIds], createdUnixMs, expiresUnixMs };
		});
		return { cookie, session };
	}

	/** Forgets what has expired, and at SESSIONS_MAX the oldest guest, or the oldest when there is no guest. */
	#makeRoom(): void {
		if (this.#sessions.size < SESSIONS_MAX) return;
		const nowUnixMs = this.#clock.unixMs();
		const all = [...this.#sessions.values()].sort((a, b) => a.createdUnixMs - b.createdUnixMs);
		for (const session of all) if (session.expiresUnixMs <= nowUnixMs) this.#sessions.forget(session.sessionHash);
		if (this.#sessions.size < SESSIONS_MAX) return;
		const oldest = all.find((session) => session.personId === null) ?? all[0];
		if (oldest) this.#sessions.forget(oldest.sessionHash);
	}
}

export type PeopleOptions = {
	readonly db: Kysely<Tables>;
	/** Keeps sessions for a process that starts while the database is away. */
	readonly standby: Standby;
	readonly clock: Clock;
	readonly random: Random;
	readonly events: MirrorEvents;
};

function sessionStore(db: Kysely<Tables>, clock: Clock): MirrorStore<Session> {
	return {
		async load() {
			const now = new Date(clock.unixMs());
			await db.deleteFrom("sessions").where("expires_at", "<=", now).execute();
			const rows = await db
				.selectFrom("sessions")
				.selectAll()
				.orderBy("created_at", "desc")
				.limit(SESSIONS_MAX)
				.execute();
			return rows.map((row): Kept<Session> => {
				const value = {
					sessionHash: row.session_hash,
					personId: row.person_id,
					seatIds: row.seat_ids,
					createdUnixMs: row.created_at.getTime(),
					expiresUnixMs: row.expires_at.getTime(),
				};
				return { value, version: row.version };
			});
		},
		async write({ value, version }) {
			const row = {
				session_hash: value.sessionHash,
				person_id: value.personId,
				seat_ids: JSON.stringify(value.seatIds),
				created_at: new Date(value.createdUnixMs),
				expires_at: new Date(value.expiresUnixMs),
				version,
			};
			await db
				.insertInto("sessions")
				.values(row)
				.onConflict((conflict) =>
					conflict.column("session_hash").doUpdateSet(row).where("sessions.version", "<=", version),
				)
				.execute();
		},
	};
}
