/** `npm run bench -- NAME… [--json] [--short] [--part PART]`: runs `bench/NAME.ts` and prints its figures. */
import { existsSync, globSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Bench, Row } from "./rows.ts";

const { values, positionals } = parseArgs({
	options: { json: { type: "boolean" }, short: { type: "boolean" }, part: { type: "string" } },
	allowPositionals: true,
});
const names = globSync("*.ts", { cwd: import.meta.dirname })
	.map((file) => file.replace(/\.ts$/, ""))
	.filter((name) => !["main", "rows"].includes(name) && !name.includes(".") && !name.includes("-"));
const unknown = positionals.filter((name) => !existsSync(join(import.meta.dirname, `${name}.ts`)));
if (positionals.length === 0 || unknown.length > 0) {
	if (unknown.length > 0) console.error(`Cannot run ${unknown.join(", ")} as there is no such benchmark.`);
	console.error(`npm run bench -- NAME… [--short] [--part PART] [--json]\n  ${names.sort().join("\n  ")}`);
	process.exit(unknown.length > 0 ? 1 : 0);
}

const startedMs = performance.now();
const say = (text: string) => console.error(`[${((performance.now() - startedMs) / 1_000).toFixed(1)} s] ${text}`);
const machine = `${availableParallelism()} × ${cpus()[0]?.model ?? "unknown"}, ${Math.round(totalmem() / 2 ** 30)} GB, ${process.platform}, Node ${process.version}`;
let failed = 0;
for (const name of positionals) {
	const { rows } = (await import(`./${name}.ts`)) as { rows: Bench };
	const all: Row[] = [];
	for await (const row of rows({
		isShort: values.short ?? false,
		say,
		...(values.part !== undefined && { part: values.part }),
	})) {
		all.push(row);
		if (!values.json) console.log(line(row));
	}
	failed += all.filter((row) => row.pass === false).length;
	const record = { bench: name, short: values.short ?? false, machine, rows: all };
	if (values.json) console.log(JSON.stringify(record));
	else console.log(`${name}: ${all.length} figures on ${machine}${values.short ? " (short: not for quoting)" : ""}`);
}
// Figures of a short run are not held against their targets.
process.exit(failed > 0 && !values.short ? 1 : 0);

function line({ id, value, unit, target, pass, peer }: Row): string {
	const shown = `${Number(value.toPrecision(4))} ${unit}`;
	const verdict = pass === undefined ? "" : pass ? "ok" : "MISSED";
	return [id.padEnd(44), shown.padStart(14), (target ?? "").padStart(12), verdict.padStart(7), peer ?? ""].join("  ");
}
