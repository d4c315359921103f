import { type DatabaseConnection, Kysely, PostgresDialect, PostgresDriver } from "kysely";
import pg from "pg";
import type { Log } from "#base/index.ts";
import { asDatabaseError, DatabaseError } from "./errors.ts";
import type { Tables } from "./tables.ts";

/** Connections one process may hold; a query beyond them waits for `CONNECT_WITHIN_MS`. */
const CONNECTIONS_MAX = 6;
const CONNECT_WITHIN_MS = 2_000;
/** A query that takes longer is given up: what is live must not wait for it. */
const QUERY_WITHIN_MS = 5_000;
const IDLE_CONNECTION_MS = 60_000;
/** Oldest PostgreSQL that is tested. */
export const POSTGRES_VERSION_MIN = 15;

export type Database = {
	/** Queries fail with `DatabaseError` `unavailable` while PostgreSQL is away, and work again once it is back. */
	readonly db: Kysely<Tables>;
	/** Whether PostgreSQL answers now. */
	isAvailable(): Promise<boolean>;
	/** Waits for open queries, then closes the connections. */
	[Symbol.asyncDispose](): Promise<void>;
};

/**
 * A pool of connections to `url`. Opens none before the first query, so it cannot fail.
 *
 * @param options.queryWithinMs 0 for no limit, as migrations need it; by default `QUERY_WITHIN_MS`.
 */
export function openDatabase(url: string, options: { log: Log; queryWithinMs?: number }): Database {
	const { log, queryWithinMs = QUERY_WITHIN_MS } = options;
	const pool = new pg.Pool({
		connectionString: url,
		max: CONNECTIONS_MAX,
		connectionTimeoutMillis: CONNECT_WITHIN_MS,
		query_timeout: queryWithinMs,
		idleTimeoutMillis: IDLE_CONNECTION_MS,
		application_name: "rostra",
	});
	// A connection that breaks during a query tells so twice: by the query, and by this event, which must be heard.
	pool.on("connect", (client) => client.on("error", () => {}));
	pool.on("error", (error) => log("warn", "database.connection_lost", { error: error.message }));
	const db = new Kysely<Tables>({ dialect: new Dialect({ pool }) });
	return {
		db,
		async isAvailable() {
			return pool.query("select 1").then(
				() => true,
				() => false,
			);
		},
		[Symbol.asyncDispose]: () => db.destroy(),
	};
}

/** @throws DatabaseError when PostgreSQL cannot be reached, does not let us in or is older than `POSTGRES_VERSION_MIN`. */
export async function checkServer(url: string): Promise<void> {
	const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_WITHIN_MS });
	client.on("error", () => {});
	let version: number;
	try {
		await client.connect();
		const answer = await client.query("show server_version_num");
		version = Math.floor(Number(answer.rows[0].server_version_num) / 10_000);
	} catch (cause) {
		const error = asDatabaseError(cause);
		if (error instanceof DatabaseError) throw error;
		const text = cause instanceof Error ? cause.message : String(cause);
		throw new DatabaseError("refused", `Cannot use the database as it does not let us in: ${text}`, { cause });
	} finally {
		await client.end().catch(() => {});
	}
	if (version < POSTGRES_VERSION_MIN) {
		throw new DatabaseError(
			"too_old",
			`Cannot use this database as PostgreSQL ${POSTGRES_VERSION_MIN} or newer is needed: it is version ${version}`,
		);
	}
}

class Dialect extends PostgresDialect {
	readonly #config: { pool: pg.Pool };

	constructor(config: { pool: pg.Pool }) {
		super(config);
		this.#config = config;
	}

	override createDriver() {
		return new Driver(this.#config);
	}
}

/** Kysely's driver, whose errors say whether PostgreSQL is away. */
class Driver extends PostgresDriver {
	/** `super` hands out the same object for the same connection again. */
	readonly #translated = new WeakSet<DatabaseConnection>();

	override async acquireConnection(...options: Parameters<PostgresDriver["acquireConnection"]>) {
		const connection = await translate(super.acquireConnection(...options));
		if (!this.#translated.has(connection)) {
			this.#translated.add(connection);
			const execute = connection.executeQuery.bind(connection);
			connection.executeQuery = (query, ...rest) => translate(execute(query, ...rest));
		}
		return connection;
	}
}

async function translate<T>(promise: Promise<T>): Promise<T> {
	try {
		return await promise;
	} catch (error) {
		throw asDatabaseError(error);
	}
}
