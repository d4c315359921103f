import type { Migration } from "kysely/migration";
import * as interviews from "./0001-interviews.ts";

/** Every step from an empty database to `Tables`, in the order of their names. A step that has shipped never changes; there is no way back. */
export const migrations: Readonly<Record<string, Migration>> = {
	"0001-interviews": interviews,
};
