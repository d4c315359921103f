/**
 * `npm run sim -- [--seed N] [--only WORDS]`: the real stage under networks as bad as told, exactly the same each time.
 * `npm run sim -- crowd`: an evening with a million people, in figures (see `crowd-command.ts`).
 */
import { parseArgs } from "node:util";
import { crowdCommand } from "./crowd-command.ts";
import { percent, play, SCENARIOS } from "./scenarios.ts";

if (process.argv[2] === "crowd") process.exit(await crowdCommand(process.argv.slice(3)));
const { values } = parseArgs({
	options: { seed: { type: "string", default: "7" }, only: { type: "string", default: "" } },
});
const seed = Number(values.seed);
if (!Number.isSafeInteger(seed) || seed < 0) {
	console.error(`Cannot run the simulation as --seed must be a whole number from 0 on: it is ${values.seed}`);
	process.exit(2);
}
let failed = 0;
for (const scenario of SCENARIOS.filter(({ name }) => name.includes(values.only))) {
	console.log(`${scenario.name} (seed ${seed})`);
	for (const { step, heard, blocks, trouble } of await play(scenario, seed)) {
		failed += trouble === "" ? 0 : 1;
		console.log(
			`  ${trouble === "" ? "ok    " : "FAILED"} ${step.why}: ${percent(heard)} of ${blocks} blocks${trouble && `; ${trouble}`}`,
		);
	}
}
process.exit(failed > 0 ? 1 : 0);
