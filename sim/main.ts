/** `npm run sim -- [--seed N] [--only WORDS]`: the real stage under networks as bad as told, exactly the same each time. */
import { parseArgs } from "node:util";
import { percent, play, SCENARIOS } from "./scenarios.ts";

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
