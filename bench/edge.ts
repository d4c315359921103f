/** `npm run bench -- edge`: what a listener of the push costs, beside a loop in C that only sends, and how fast one joins. */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { REAL_BYTES } from "#edge/fakes.ts";
import { BEAT_MS, PART_MS } from "#wire/index.ts";
import { compileTools, EdgeRig, type Heard, listen, SLUG, type Tools } from "./edge-rig.ts";
import { atMost, type BenchOptions, quantile, type Row } from "./rows.ts";

/** The reference listens beside the edge in the same run, as everything else on the machine hits both then. */
const REFERENCE_PORT = 23_090;
/** Bytes of Ogg Opus per listener and second. */
const BYTES_PER_S = Math.round((REAL_BYTES.ogg48 * 1_000) / BEAT_MS);

export async function* rows({ isShort, say }: BenchOptions): AsyncGenerator<Row> {
	await using scope = new AsyncDisposableStack();
	const directory = await mkdtemp(join(tmpdir(), "rostra-bench-"));
	scope.defer(() => rm(directory, { recursive: true, force: true }));
	const tools = compileTools(directory, say);
	const rig = scope.use(await EdgeRig.open());
	const count = isShort ? 200 : 2_000;
	const times = isShort ? { rampS: 1, warmS: 1, windowS: 3 } : { rampS: 4, warmS: 4, windowS: 15 };
	const runs = isShort ? 1 : 3;
	const onEdge = { ...times, count, port: rig.port, pid: rig.child.pid as number, path: `/i/${SLUG}/live.ogg` };

	for (const [mode, intervalMs] of [
		["beat", BEAT_MS],
		["part", PART_MS],
	] as const) {
		rig.write(mode);
		const ours: Heard[] = [];
		const ratios: number[] = [];
		for (let run = 0; run < runs; run += 1) {
			say(`${count} listeners, one write per ${mode}, run ${run + 1} of ${runs}`);
			// A part is written at once in fMP4; an Ogg page holds a beat.
			const path = mode === "part" ? `/i/${SLUG}/live.mp4` : onEdge.path;
			const edge = listen(tools, { ...onEdge, path, intervalMs });
			const reference = tools && (await listenToReference(tools, { ...onEdge, intervalMs }));
			const heard = await edge;
			ours.push(heard);
			if (reference) ratios.push(heard.us_per_ls / reference.us_per_ls);
		}
		const id = `edge-push-${mode}`;
		yield { id: `${id}-cpu`, value: median(ours.map(({ us_per_ls }) => us_per_ls)), unit: "us/ls" };
		if (ratios.length > 0) {
			const peer = `all runs ${ratios.map((ratio) => ratio.toFixed(2)).join(", ")}`;
			yield { id: `${id}-cpu-over-c`, value: median(ratios), unit: "×", peer };
		}
		yield atMost(
			`${id}-gaps`,
			Math.max(...ours.map(({ stalls }) => stalls)),
			0,
			"gaps",
			`longest ${Math.round(Math.max(...ours.map(({ max_gap_ms }) => max_gap_ms)))} ms`,
		);
	}

	rig.write("beat");
	const joiners = isShort ? 500 : 8_000;
	say(`${joiners} joins within a second`);
	const path = `/i/${SLUG}/live.mp4?burst=player`;
	const herd = await listen(tools, {
		...onEdge,
		path,
		count: joiners,
		rampS: 1,
		warmS: 2,
		windowS: 2,
		intervalMs: BEAT_MS,
	});
	const peer = `median ${Math.round(herd.ttfb_ms[0])} ms, longest ${Math.round(herd.ttfb_ms[2])} ms, failed ${herd.failed}`;
	yield atMost("edge-join-first-byte-p99", herd.ttfb_ms[1], 200, "ms", peer);
}

async function listenToReference(tools: Tools, options: Parameters<typeof listen>[1]): Promise<Heard> {
	const { intervalMs } = options;
	const child = spawn(tools.reference, [String(REFERENCE_PORT), String(intervalMs), String(BYTES_PER_S)], {
		stdio: "ignore",
	});
	try {
		await new Promise((resolve) => setTimeout(resolve, 200));
		return await listen(tools, { ...options, port: REFERENCE_PORT, pid: child.pid as number, path: "/" });
	} finally {
		child.kill("SIGKILL");
	}
}

function median(values: readonly number[]): number {
	return quantile(values, 0.5);
}
