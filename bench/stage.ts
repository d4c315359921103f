/**
 * `npm run bench -- stage`: what thirteen speakers cost the stage, and how it takes loss, reconnects and distance.
 *
 * On the back of an envelope: a speaker's Opus decodes for 0.005 core and encodes for 0.008 (CELT) or 0.025 (SILK
 * with error correction), resampling is 0.002, and 100 packets a second through SRTP are some 0.005: 13 × 0.02 and
 * 13 × 0.037.
 */
import { setTimeout as pause } from "node:timers/promises";
import { atMost, type BenchOptions, quantile, type Row } from "./rows.ts";
import { LossyRelay, StageRig } from "./stage-rig.ts";

const SPEAKERS = 13;
const SPEAKERS_SHORT = 3;
const SEED = 5;

const PARTS = { cost, distance, loss, reconnects };

export async function* rows(options: BenchOptions): AsyncGenerator<Row> {
	for (const [name, part] of Object.entries(PARTS)) {
		if (options.part === undefined || options.part === name) yield* part(options);
	}
}

async function* cost({ isShort, say }: BenchOptions): AsyncGenerator<Row> {
	await using rig = await StageRig.open();
	const windowMs = isShort ? 3_000 : 20_000;
	// The codec and our own code are compiled further while they run: for some ten seconds they cost more.
	const warmMs = isShort ? 1_000 : 12_000;
	const measured = () => rig.cores(() => pause(windowMs));
	const count = isShort ? SPEAKERS_SHORT : SPEAKERS;
	say(`${count} speakers, all talking`);
	await rig.speakers({ kind: "seat", count, reports: "none" });
	await rig.speakers({ kind: "talk", talking: count });
	await pause(warmMs);
	yield atMost(`stage-cpu-${count}-talking`, await measured(), 0.35, "core");
	yield atMost("stage-tick-late-p99", rig.report?.tickLateP99Ms ?? Number.NaN, 40, "ms");

	say("two of them talking, the others listening");
	await rig.speakers({ kind: "talk", talking: 2 });
	await pause(warmMs);
	yield { id: `stage-cpu-${count}-two-talking`, value: await measured(), unit: "core" };

	say("all talking, all with error correction on their return feeds");
	await rig.speakers({ kind: "reports", reports: "some" });
	await rig.speakers({ kind: "talk", talking: count });
	await pause(warmMs);
	if (rig.withFec.size !== count) throw new Error(`Cannot measure: ${rig.withFec.size} of ${count} feeds have copies`);
	yield atMost(`stage-cpu-${count}-talking-fec`, await measured(), 0.45, "core");
	// Twelve voices at once are no voice to the codec: it leaves SILK, which is what error correction costs.
	say("two of them talking, all with error correction");
	await rig.speakers({ kind: "talk", talking: 2 });
	await pause(warmMs);
	yield atMost(`stage-cpu-${count}-two-talking-fec`, await measured(), 0.45, "core");
	yield atMost(`stage-pss-${count}`, rig.pssMb(), 150, "MB");
}

async function* distance({ isShort, say }: BenchOptions): AsyncGenerator<Row> {
	await using rig = await StageRig.open();
	say("from one speaker's mouth to another's ear, both behind a jitter buffer");
	await rig.speakers({ kind: "listen", on: true });
	await rig.speakers({ kind: "seat", count: 2, reports: "honest" });
	await pause(isShort ? 1_000 : 20_000);
	const { latenciesMs } = await rig.speakers({ kind: "tones", count: isShort ? 3 : 30 });
	yield { id: "stage-mouth-to-ear-p50", value: quantile(latenciesMs, 0.5), unit: "ms" };
	yield atMost("stage-mouth-to-ear-p95", quantile(latenciesMs, 0.95), 130, "ms");
}

/** Loss both ways for a while: what had to be invented, and whether the latency returns. */
async function* loss({ isShort, say }: BenchOptions): AsyncGenerator<Row> {
	for (const [name, reports, concealedMax] of [
		["plain", "none", 0.05],
		["fec", "honest", 0.025],
	] as const) {
		await using rig = await StageRig.open();
		await using relay = await LossyRelay.open(rig.port, SEED);
		say(`5 % loss both ways, return feed ${name === "fec" ? "with" : "without"} error correction`);
		await rig.speakers({ kind: "listen", on: true });
		await rig.speakers({ kind: "seat", count: 3, reports, throughPort: relay.port });
		await pause(isShort ? 1_000 : 20_000);
		const toneCount = isShort ? 3 : 10;
		const before = await rig.speakers({ kind: "tones", count: toneCount });

		await rig.speakers({ kind: "talk", talking: 3 });
		relay.isLossy = true;
		// Error correction begins with the second report of loss.
		await pause(isShort ? 2_000 : 8_000);
		const from = await rig.speakers({ kind: "heard" });
		await pause(isShort ? 3_000 : 60_000);
		const to = await rig.speakers({ kind: "heard" });
		relay.isLossy = false;
		await rig.speakers({ kind: "talk", talking: 0 });
		const played = to.playedSamples - from.playedSamples;
		// To a tenth of a percent: of 150 losses one more or less lies at the ends of the minute.
		const concealed = Math.round((1_000 * (to.concealedSamples - from.concealedSamples)) / played) / 1_000;
		const recovered = (to.recoveredSamples - from.recoveredSamples) / played;
		yield { id: `stage-loss-${name}-lost`, value: relay.lost / (relay.lost + relay.passed), unit: "share" };
		yield atMost(`stage-loss-${name}-return-concealed`, concealed, concealedMax, "share");
		yield { id: `stage-loss-${name}-return-recovered`, value: recovered, unit: "share" };

		await pause(isShort ? 1_000 : 10_000);
		const after = await rig.speakers({ kind: "tones", count: toneCount });
		const ratio = quantile(after.latenciesMs, 0.5) / quantile(before.latenciesMs, 0.5);
		yield atMost(`stage-loss-${name}-latency-after-10s`, ratio, 1.2, "×");

		await rig.speakers({ kind: "leave" });
		await pause(100);
		const sum = (key: string) => rig.quality.reduce((total, one) => total + (one[key] ?? 0), 0);
		const invented = sum("concealedSamples") / sum("playedSamples");
		yield { id: `stage-loss-${name}-up-concealed-whole-run`, value: invented, unit: "share" };
	}
}

async function* reconnects({ isShort, say }: BenchOptions): AsyncGenerator<Row> {
	await using rig = await StageRig.open();
	const count = isShort ? 6 : 100;
	say(`${count} reconnects to one seat, every other one without leaving`);
	await rig.speakers({ kind: "reconnect", count: isShort ? 2 : 60 });
	const before = rig.rssMb();
	const { connectMs } = await rig.speakers({ kind: "reconnect", count });
	yield { id: "stage-reconnect-p50", value: quantile(connectMs, 0.5), unit: "ms" };
	yield atMost("stage-reconnect-max", Math.max(...connectMs), 3_000, "ms");
	yield atMost("stage-reconnects-rss-growth", rig.rssMb() - before, 10, "MB");
}
