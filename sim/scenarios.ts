import { FRAME_MS } from "#wire/index.ts";
import { lagTrace, locate } from "../test/support/sound.ts";
import { type Network, openWorld, PERFECT, signal } from "./world.ts";

export type Step = {
	readonly why: string;
	readonly seconds: number;
	readonly network?: Partial<Network>;
	/** Least share of blocks of 100 ms in the programme that are what was said, 0-1. */
	readonly heardMin?: number;
	/** Greatest share: during an outage nothing can be heard. */
	readonly heardMax?: number;
};
export type Scenario = { readonly name: string; readonly steps: readonly Step[] };

export const SCENARIOS: readonly Scenario[] = [
	{
		name: "an uplink drops for two seconds and comes back",
		steps: [
			{ why: "a quiet line gives every word", seconds: 4, heardMin: 0.95 },
			{ why: "the uplink drops: nothing is made up", seconds: 2, network: { down: true }, heardMax: 0.3 },
			{ why: "it returns, and so do the words, within half a second", seconds: 0.5 },
			{ why: "and stay", seconds: 4, heardMin: 0.9 },
		],
	},
	{
		name: "a bad radio link: loss, jitter and packets that overtake each other",
		steps: [
			{ why: "it begins well", seconds: 4, heardMin: 0.95 },
			{ why: "jitter of 60 ms: the buffer grows", seconds: 2, network: { jitterMs: 60 } },
			{
				why: "then order is restored and hardly anything is missing",
				seconds: 5,
				network: { jitterMs: 60 },
				heardMin: 0.8,
			},
			{ why: "one packet in ten is lost: concealed, not silent", seconds: 5, network: { loss: 0.1 }, heardMin: 0.6 },
			{ why: "packets that come twice are heard once", seconds: 4, network: { twice: 0.5 }, heardMin: 0.85 },
		],
	},
];

export type StepResult = {
	readonly step: Step;
	readonly heard: number;
	readonly blocks: number;
	readonly trouble: string;
};

/** Plays one scenario. The same seed gives the same packets, losses and samples. */
export async function play(scenario: Scenario, seed: number): Promise<StepResult[]> {
	await using world = await openWorld(seed);
	const { voice, said } = await signal();
	await world.seat("anna", voice);
	const results: StepResult[] = [];
	for (const step of scenario.steps) {
		const from = world.frames.length;
		await world.pass(step.seconds * 1_000, { ...PERFECT, ...step.network });
		const mixed = world.mixed(from);
		const { offsetMs } = locate(said, mixed);
		const points = lagTrace(said, mixed, offsetMs, { blockMs: 100, rangeMs: 80 });
		const heard = points.length === 0 ? 0 : points.filter((point) => point.correlation > 0.7).length / points.length;
		const trouble = [
			...(heard < (step.heardMin ?? 0) ? [`only ${percent(heard)} is heard, not ${percent(step.heardMin ?? 0)}`] : []),
			...(heard > (step.heardMax ?? 1) ? [`${percent(heard)} is heard, which nobody said`] : []),
			...(denseFrom(world.frames.map((frame) => frame.tick)) ? [] : ["a tick is missing or comes twice"]),
			...(world.frames.length - from < (step.seconds * 1_000) / FRAME_MS - 1
				? ["the programme's time stood still"]
				: []),
		].join("; ");
		results.push({ step, heard, blocks: points.length, trouble });
	}
	return results;
}

function denseFrom(ticks: readonly number[]): boolean {
	return ticks.every((tick, nth) => nth === 0 || tick === (ticks[nth - 1] as number) + 1);
}

export function percent(share: number): string {
	return `${(100 * share).toFixed(0)} %`;
}
