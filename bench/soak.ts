/**
 * `npm run bench -- soak`: an hour on air with synthetic speakers, one with its clock 200 ppm off.
 *
 * On the back of an envelope: 200 ppm are 0.72 s in an hour, which the jitter buffer must resample away; a tick lost per
 * million is a drift of 4 ms an hour.
 */
import { setTimeout as pause } from "node:timers/promises";
import { seededRandom, silentLog, systemClock } from "#base/index.ts";
import { connectBus } from "#bus/index.ts";
import { bundledVoice, createRehearsalEvents, type Speaker, startSpeaker, type Voice } from "#rehearsal/index.ts";
import {
	broadcastReport,
	broadcastReports,
	readJson,
	type StageReport,
	stageReport,
	stageReports,
} from "#wire/index.ts";
import { granulesOver } from "../test/support/ogg-pages.ts";
import { type Platform, pssMb, startPlatform } from "../test/support/platform.ts";
import { StaffClient } from "../test/support/staff.ts";
import { atMost, type BenchOptions, quantile, type Row } from "./rows.ts";

const OFF_PPM = 200;

export async function* rows({ isShort, say }: BenchOptions): AsyncGenerator<Row> {
	await using platform = await startPlatform({ demo: false });
	yield* soak(platform, { minutes: isShort ? 1 : 60, say });
}

/** An interview on air with these speakers. Disposing makes them leave and ends it. */
async function onAir(platform: Platform, speakers: readonly { voice: Voice; offPpm?: number }[]) {
	const host = new StaffClient(platform);
	await host.signIn(platform);
	const interview = await host.announce({ title: "Soak", expectedMinutes: 90 });
	const outside = { clock: systemClock, random: seededRandom(1), events: createRehearsalEvents(silentLog) };
	const running: Speaker[] = [];
	for (const [nth, { voice, offPpm = 0 }] of speakers.entries()) {
		const name = `Speaker ${nth + 1}`;
		const guest = new StaffClient(platform);
		const grant = await guest.takeSeat(interview.interviewId, await host.invite(interview.interviewId, name));
		const whip = { url: grant.whipUrl, token: grant.whipToken };
		running.push(startSpeaker({ name, voice, offPpm, whip, bindAddress: "127.0.0.1" }, outside));
	}
	while (running.some((speaker) => speaker.status.returned === 0)) await pause(50);
	await host.ask("POST", `/interviews/${interview.interviewId}/go-live`, {});
	while (!(await isServed(`${platform.publicUrl}/i/${interview.slug}/live.ogg`))) await pause(50);
	return {
		...interview,
		door: (path: string) => `${platform.publicUrl}/i/${interview.slug}/${path}`,
		async [Symbol.asyncDispose]() {
			for (const speaker of running) await speaker[Symbol.asyncDispose]();
			await host.ask("POST", `/interviews/${interview.interviewId}/end`, {}).catch(() => {});
		},
	};
}

async function isServed(url: string): Promise<boolean> {
	const answer = await fetch(url);
	await answer.body?.cancel();
	return answer.ok;
}

export async function* soak(
	platform: Platform,
	{ minutes, say }: { readonly minutes: number; readonly say: BenchOptions["say"] },
): AsyncGenerator<Row> {
	say(`${minutes} minutes on air, one of two speakers ${OFF_PPM} ppm fast`);
	const [anna, ben] = await Promise.all([bundledVoice("anna"), bundledVoice("ben")]);
	await using interview = await onAir(platform, [{ voice: anna }, { voice: ben, offPpm: OFF_PPM }]);
	await using bus = await connectBus(platform.settings().busPath, {
		clock: systemClock,
		log: silentLog,
		connectWithinMs: 5_000,
	});
	let stage: StageReport | undefined;
	let missedFrames = 0;
	let bufferMsMax = 0;
	bus.subscribe(stageReports(interview.interviewId), (payload) => {
		stage = readJson(stageReport, payload);
		bufferMsMax = Math.max(bufferMsMax, ...stage.seats.map((seat) => seat.bufferMs));
	});
	bus.subscribe(broadcastReports(interview.interviewId), (payload) => {
		missedFrames = readJson(broadcastReport, payload).missedFrames;
	});

	await pause(10_000);
	const [ticksBefore, missedBefore] = [stage?.ticksLost ?? 0, missedFrames];
	const leave = new AbortController();
	const pages = granulesOver(interview.door("live.ogg"), leave.signal);
	const memory: { atH: number; mb: number }[] = [];
	const begunMs = performance.now();
	while (performance.now() - begunMs < minutes * 60_000) {
		await pause(10_000);
		memory.push({
			atH: (performance.now() - begunMs) / 3_600_000,
			mb: pssMb([{ pid: platform.pid, name: "supervisor" }]),
		});
	}
	leave.abort();

	// A page may come late, never early: the earliest of each window tells where the programme's clock is.
	const arrivals = await pages;
	const behindMs = arrivals.map(({ atMs, position }) => ({ atMs, ms: atMs - position / 48 }));
	const windowMs = (minutes * 60_000) / 6;
	const earliest = (fromMs: number) =>
		Math.min(...behindMs.filter(({ atMs }) => atMs >= fromMs && atMs < fromMs + windowMs).map(({ ms }) => ms));
	const first = earliest((behindMs[0]?.atMs ?? 0) + 2_000);
	const last = earliest((behindMs.at(-1)?.atMs ?? 0) - windowMs);
	yield atMost("soak-programme-drift", Math.abs(last - first), 20, "ms");
	yield { id: "soak-ticks-lost", value: (stage?.ticksLost ?? Number.NaN) - ticksBefore, unit: "ticks" };
	yield { id: "soak-frames-missed", value: missedFrames - missedBefore, unit: "frames" };
	yield { id: "soak-jitter-buffer-most", value: bufferMsMax, unit: "ms" };
	const found = stage?.seats.map((seat) => seat.driftPpm).filter((ppm) => ppm !== null) ?? [];
	yield {
		id: "soak-drift-found",
		value: Math.max(...found.map(Math.abs), Number.NEGATIVE_INFINITY),
		unit: "ppm",
		target: `~ ${OFF_PPM}`,
	};
	const settled = memory.slice(Math.floor(memory.length / 3));
	yield {
		id: "soak-pss",
		value: quantile(
			settled.map(({ mb }) => mb),
			0.5,
		),
		unit: "MB",
	};
	yield atMost("soak-pss-slope", slopeOf(settled), 10, "MB/h");
}

/** Least squares, MB per hour. */
function slopeOf(points: readonly { readonly atH: number; readonly mb: number }[]): number {
	const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
	const [x, y] = [mean(points.map(({ atH }) => atH)), mean(points.map(({ mb }) => mb))];
	const spread = points.reduce((sum, { atH }) => sum + (atH - x) ** 2, 0);
	return spread === 0 ? 0 : points.reduce((sum, { atH, mb }) => sum + (atH - x) * (mb - y), 0) / spread;
}
