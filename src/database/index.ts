/** PostgreSQL: the embedded one or any other, its schema, and records that outlive its absence. Knows rows, not what an interview does. */
export { checkServer, type Database, openDatabase, POSTGRES_VERSION_MIN } from "./database.ts";
export { type CommandAs, type EmbeddedPostgres, prepareEmbedded, waitForServer } from "./embedded.ts";
export { DatabaseError, type DatabaseErrorCode } from "./errors.ts";
export { liveInterviews, migrate } from "./migrate.ts";
export { migrations } from "./migrations/index.ts";
export {
	type Kept,
	Mirror,
	type MirrorEvents,
	type MirrorOptions,
	type MirrorStore,
	type Standby,
	standbyAt,
} from "./mirror.ts";
export type * from "./tables.ts";
