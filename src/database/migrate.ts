import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";
import type { Log } from "#base/index.ts";
import type { Database } from "./database.ts";
import { DatabaseError } from "./errors.ts";

/** Any constant, the same in every version: one process migrates at a time. */
const ADVISORY_LOCK = 7_207_163_001n;

/**
 * Brings the schema up to the last of `migrations`, all steps in one transaction.
 *
 * @param migrations keyed by name; the names in use must be a beginning of these in their order.
 * @param liveInterviews slugs of interviews that are live according to the database; called only on a schema that
 *   has some step already. While there are any, a schema that would change is refused.
 * @throws DatabaseError `schema_newer` or `interview_live`.
 */
export async function migrate(
	{ db }: Database,
	migrations: Readonly<Record<string, Migration>>,
	options: { log: Log; liveInterviews: (db: Kysely<unknown>) => Promise<string[]> },
): Promise<void> {
	const names = Object.keys(migrations).sort();
	const waiting = await db.transaction().execute(async (transaction) => {
		const any = transaction as unknown as Kysely<unknown>;
		await sql`select pg_advisory_xact_lock(${ADVISORY_LOCK})`.execute(any);
		await sql`create table if not exists migrations (
			name text primary key,
			applied_at timestamptz not null default now()
		)`.execute(any);
		const { rows } = await sql<{ name: string }>`select name from migrations order by name`.execute(any);
		const applied = rows.map((row) => row.name);
		const unknown = applied.filter((name, at) => name !== names[at]);
		if (unknown.length > 0) {
			throw new DatabaseError(
				"schema_newer",
				`Cannot open the database as its schema was written by a newer Rostra (${unknown.join(", ")}): ` +
					"start that version, or restore a backup from before it",
			);
		}
		const steps = names.slice(applied.length);
		if (steps.length === 0) return steps;
		if (applied.length > 0) {
			const live = await options.liveInterviews(any);
			if (live.length > 0) {
				throw new DatabaseError(
					"interview_live",
					`Cannot change the database's schema as nothing may be live meanwhile: ${live.join(", ")}. ` +
						"Start the version that ran before and end it there, or wait until it is over",
				);
			}
		}
		for (const name of steps) {
			await (migrations[name] as Migration).up(transaction);
			await sql`insert into migrations (name) values (${name})`.execute(any);
		}
		return steps;
	});
	if (waiting.length > 0) options.log("info", "database.migrated", { steps: waiting });
}

/** Slugs of interviews between the opening of their doors and their end. */
export async function liveInterviews(db: Kysely<unknown>): Promise<string[]> {
	const { rows } = await sql<{ slug: string }>`
		select slug from interviews
		where removed_at is null and lifecycle->>'phase' in ('doors', 'waiting_for_host', 'on_air', 'interrupted')
		order by slug`.execute(db);
	return rows.map((row) => row.slug);
}
