import type { Clock, Log, MonoMs, Random } from "#base/index.ts";
import type { Bus } from "#bus/index.ts";
import {
	encodePcmFrame,
	FRAME_MS,
	FRAME_SAMPLES,
	pcmFrames,
	pcmRecent,
	readJson,
	type StageAnswer,
	type StageCommand,
	type StageReport,
	stageCommand,
	stageCommands,
	stageReports,
	writeJson,
} from "#wire/index.ts";
import { LEVEL_DBFS_MIN, RECENT_TICKS, REPORT_EVERY_TICKS, STALL_MS } from "./config.ts";
import { refusal } from "./errors.ts";
import { createStageEvents } from "./events.ts";
import { bend, Mixer, type MixInput } from "./mixer.ts";
import { createReturnEncoder } from "./opus.ts";
import { SharedFeed } from "./return-feed.ts";
import { parseFragment, parseOffer, writeAnswer } from "./sdp.ts";
import { peerOf, type Seat, type SeatChange, Seats } from "./seats.ts";
import { createSpeaker, FADING, NO_STATUS, type Speaker } from "./speaker.ts";
import { Ticks } from "./ticks.ts";
import type { WebRtc } from "./webrtc.ts";

/** A tick later than this lets the network's callbacks run first: what it waited for may have come. */
const LATE_ENOUGH_TO_LISTEN_MS = 2;

/**
 * The stage of one interview: seats speakers, mixes them, and publishes the sum of those on air every 20 ms.
 *
 * Shell around the pure parts: it owns the 20 ms wake, the bus and the media port's connections.
 */
export async function createStage(options: {
	readonly interviewId: string;
	readonly mediaAddress: string | null;
	readonly clock: Clock;
	readonly random: Random;
	readonly bus: Bus;
	readonly log: Log;
	readonly webRtc: WebRtc;
}): Promise<AsyncDisposable> {
	const { interviewId, mediaAddress, clock, random, bus, webRtc } = options;
	const events = createStageEvents(options.log);
	const seats = new Seats<Speaker>();
	const mixer = new Mixer();
	const ticks = new Ticks(clock.monoMs());
	const shared = {
		air: { feed: new SharedFeed(await createReturnEncoder(false)), sum: new Float32Array(FRAME_SAMPLES) },
		green: { feed: new SharedFeed(await createReturnEncoder(false)), sum: new Float32Array(FRAME_SAMPLES) },
		check: undefined,
	};
	/** Heard for one tick more. */
	let leaving: Speaker[] = [];
	/** The last RECENT_TICKS frames as published, oldest first. */
	const recent: { tick: number; bytes: Buffer }[] = [];
	/** A connection changed: the next tick reports it. */
	let reportDue = true;
	let running = true;
	/** Commands are done one after another; an accept waits for the engine. */
	let commands: Promise<unknown> = Promise.resolve();

	async function run(command: StageCommand): Promise<StageAnswer> {
		switch (command.kind) {
			case "accept":
				return accept(command);
			case "patch": {
				const seat = seats.bySession(command.sessionId);
				const speaker = seat && peerOf(seat);
				if (!speaker) return noSession();
				const fragment = parseFragment(command.fragment);
				if ("ok" in fragment) return fragment;
				const { iceUfrag = speaker.offer.iceUfrag, icePwd = speaker.offer.icePwd } = fragment;
				return iceUfrag === speaker.offer.iceUfrag && icePwd === speaker.offer.icePwd
					? { ok: true }
					: refusal("ice_restart_unsupported", "Cannot restart ICE in place: end this session and begin a new one.");
			}
			case "leave": {
				const change = seats.leave(command.sessionId);
				if (!change) return noSession();
				letGo(change);
				return { ok: true };
			}
			case "seat": {
				const seat = seats.get(command.seatId);
				if (!seat) return refusal("no_such_session", "Cannot change that seat: nobody has taken it yet.");
				seat.settings = { place: command.place, muted: command.muted, gainDb: command.gainDb };
				reportDue = true;
				return { ok: true };
			}
			case "remove": {
				const change = seats.remove(command.seatId);
				if (!change) return { ok: true };
				letGo(change);
				events.removed(command.seatId);
				return { ok: true };
			}
		}
	}

	async function accept(command: Extract<StageCommand, { kind: "accept" }>): Promise<StageAnswer> {
		const { seatId, sessionId, place, muted, gainDb } = command;
		const offer = parseOffer(command.sdp);
		if ("ok" in offer) {
			events.refused(seatId, offer.code);
			return offer;
		}
		if (!seats.hasRoomFor(seatId)) {
			events.refused(seatId, "full");
			return refusal("full", `Cannot seat another speaker: all ${seats.count} seats are taken. Remove one first.`);
		}
		const speaker = await createSpeaker(offer, clock, random);
		let seat: Seat<Speaker> | undefined;
		try {
			const peer = await webRtc.accept(offer, speaker.ssrc, {
				onPacket: (bytes) => seat && takePacket(seat, speaker, bytes),
				onClosed: (reason) => seat && closed(seat, speaker, reason),
			});
			speaker.peer = peer;
			const sdp = writeAnswer(offer, peer.answer, { ssrc: speaker.ssrc, mediaAddress });
			const settings = { place, muted, gainDb };
			const change = seats.seat(seatId, settings, { sessionId, peer: speaker }, clock.monoMs());
			seat = change.seat;
			events.seated(seatId, sessionId, change.close !== undefined);
			letGo(change);
			return { ok: true, sdp };
		} catch (error) {
			speaker[Symbol.dispose]();
			events.engineFailed(seatId, error);
			return refusal("not_reachable", "Cannot open a connection on the media port. Try again.");
		}
	}

	function letGo({ seat, close, isFreed }: SeatChange<Speaker>): void {
		reportDue = true;
		if (isFreed) events.removed(seat.seatId);
		const { state, sessionId } = seat.connection;
		if (state === "silent") events.lost(seat.seatId, sessionId, "silent");
		if (!close) return;
		if (state === "gone") events.lost(seat.seatId, sessionId, seat.connection.reason);
		events.quality(seat.seatId, close.counts());
		close.hangUp();
		leaving.push(close);
	}

	function closed(seat: Seat<Speaker>, speaker: Speaker, reason: "left" | "closed"): void {
		if (seats.closed(seat, speaker, reason, clock.monoMs())) letGo({ seat, close: speaker });
	}

	function takePacket(seat: Seat<Speaker>, speaker: Speaker, bytes: Buffer): void {
		if (peerOf(seat) !== speaker) return;
		const nowMs = clock.monoMs();
		noteAlive(nowMs);
		const heard = speaker.take(bytes, nowMs, clock.unixMs(), nowMs - (standstillFromMs ?? nowMs));
		const { sessionId } = seat.connection;
		switch (heard.kind) {
			case "sound":
				if (!seats.packet(seat, speaker, nowMs)) return;
				events.connected(seat.seatId, sessionId, nowMs - speaker.acceptedMs);
				reportDue = true;
				return;
			case "flood":
				events.flooded(seat.seatId, sessionId);
				closed(seat, speaker, "closed");
				return;
			case "bye":
				seats.bye(seat, speaker, nowMs);
				return;
			case "return_fec":
				events.returnFec(seat.seatId, heard.on, heard.lossShare);
				return;
			case "other":
		}
	}

	function runTick(tick: number): void {
		const nowMs = (tick * FRAME_MS) as MonoMs;
		const inputs: { readonly speaker: Speaker; readonly input: MixInput }[] = [];
		const add = (speaker: Speaker, settings: Omit<MixInput, "samples">) => {
			speaker.pull(nowMs);
			inputs.push({ speaker, input: { samples: speaker.frame, ...settings } });
		};
		let speakerCount = 0;
		for (const seat of seats.all()) {
			const speaker = peerOf(seat);
			if (speaker) add(speaker, seat.settings);
			if (seat.connection.state === "connected" && seat.settings.place === "air") speakerCount += 1;
		}
		const going = leaving;
		leaving = [];
		for (const speaker of going) add(speaker, FADING);
		mixer.mix(inputs.map(({ speaker, input }) => ({ mix: speaker.mix, input })));
		publishFrame(tick, speakerCount);

		shared.air.sum.set(mixer.air);
		bend(shared.air.sum);
		mixer.sumGreen(shared.green.sum);
		bend(shared.green.sum);
		const unixMs = clock.unixMs();
		for (const { speaker, input } of inputs) if (speaker.isOpen) speaker.send(tick, unixMs, shared[input.place]);
		shared.air.feed.rest(shared.air.sum);
		shared.green.feed.rest(shared.green.sum);
		for (const speaker of going) speaker[Symbol.dispose]();

		if (tick % REPORT_EVERY_TICKS === 0) {
			for (const change of seats.tick(nowMs)) letGo(change);
			reportDue = true;
		}
		if (!reportDue) return;
		reportDue = false;
		bus.publish(stageReports(interviewId), writeJson(report()));
	}

	function publishFrame(tick: number, speakerCount: number): void {
		const bytes = encodePcmFrame({ tick, speakerCount, samples: mixer.air });
		recent.push({ tick, bytes });
		if (recent.length > RECENT_TICKS) recent.shift();
		bus.publish(pcmFrames(interviewId), bytes);
	}

	function report(): StageReport {
		return {
			seats: [...seats.all()].map((seat) => {
				const { state, sessionId } = seat.connection;
				const status = peerOf(seat)?.status() ?? NO_STATUS;
				const { gainDb, muted } = seat.settings;
				return {
					seatId: seat.seatId,
					sessionId,
					...seat.settings,
					connection: state === "connected" || state === "connecting" ? state : "lost",
					levelDbfs: Math.max(LEVEL_DBFS_MIN, round(status.levelDbfs + gainDb, 10)),
					speaking: status.speaking && !muted && state === "connected",
					packets: status.packets,
					lossShare: round(status.lossShare, 10_000),
					jitterMs: round(status.jitterMs, 10),
					bufferMs: round(status.bufferMs, 10),
					roundTripMs: status.roundTripMs === null ? null : round(status.roundTripMs, 10),
					driftPpm: status.driftPpm === null ? null : round(status.driftPpm, 10),
				};
			}),
			tickLateP99Ms: round(ticks.lateP99Ms(), 10),
			ticksLost: ticks.lost,
		};
	}

	/** When this process last did anything; and, in a turn of the event loop that comes late, since when it had not. */
	let aliveMs = clock.monoMs();
	let standstillFromMs: MonoMs | undefined;
	function noteAlive(nowMs: MonoMs): void {
		if (nowMs - aliveMs > STALL_MS) standstillFromMs = aliveMs;
		aliveMs = nowMs;
	}

	let wake: Disposable | undefined;
	let immediate: NodeJS.Immediate | undefined;
	function arm(): void {
		if (!running) return;
		wake = clock.wakeAt(ticks.deadlineMs as MonoMs, () => {
			const nowMs = clock.monoMs();
			noteAlive(nowMs);
			if (nowMs - ticks.deadlineMs > LATE_ENOUGH_TO_LISTEN_MS) immediate = setImmediate(catchUp);
			else catchUp();
		});
	}
	function catchUp(): void {
		if (!running) return;
		const { from, to, skipped } = ticks.take(clock.monoMs());
		if (skipped > 0) events.ticksSkipped(skipped);
		for (let tick = from; tick < to; tick += 1) runTick(tick);
		standstillFromMs = undefined;
		aliveMs = clock.monoMs();
		arm();
	}

	const answering = [
		bus.respond(stageCommands(interviewId), (payload) => {
			const command = readJson(stageCommand, payload);
			const answer = commands.then(() => run(command));
			commands = answer.catch(() => {});
			return answer.then(writeJson);
		}),
		bus.respond(pcmRecent(interviewId), (payload) => {
			const { fromTick } = JSON.parse(payload.toString("utf8")) as { fromTick: number };
			return Buffer.concat(recent.filter((frame) => frame.tick >= fromTick).map((frame) => frame.bytes));
		}),
	];
	arm();
	events.opened(interviewId);
	return {
		async [Symbol.asyncDispose]() {
			running = false;
			wake?.[Symbol.dispose]();
			clearImmediate(immediate);
			for (const answer of answering) answer[Symbol.dispose]();
			await commands;
			for (const seat of [...seats.all()]) letGo(seats.remove(seat.seatId) as SeatChange<Speaker>);
			for (const speaker of leaving) speaker[Symbol.dispose]();
			shared.air.feed[Symbol.dispose]();
			shared.green.feed[Symbol.dispose]();
		},
	};
}

function noSession(): StageAnswer {
	return refusal("no_such_session", "Cannot find that session: it has ended. Begin a new one.");
}

function round(value: number, steps: number): number {
	return Math.round(value * steps) / steps;
}
