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
import {
	LEVEL_DBFS_MIN,
	RECENT_TICKS,
	REPORT_EVERY_TICKS,
	RTCP_EVERY_MS,
	SHARED_FEED_AFTER_MS,
	SHARED_FEED_PEAK,
	STALL_MS,
} from "./config.ts";
import { refusal } from "./errors.ts";
import { createStageEvents } from "./events.ts";
import { JitterBuffer } from "./jitter-buffer.ts";
import { Level } from "./levels.ts";
import { bend, Mixer, MixSeat } from "./mixer.ts";
import { createOpusDecoder, createReturnEncoder, type OpusDecoder } from "./opus.ts";
import { ReturnFeed, SharedFeed } from "./return-feed.ts";
import { ntpTime, parseRtcp, writeReport } from "./rtcp.ts";
import { isRtcp, parseRtp } from "./rtp.ts";
import { ReceivedRtp } from "./rtp-receiver.ts";
import { type Offer, parseFragment, parseOffer, writeAnswer } from "./sdp.ts";
import { peerOf, type Seat, type SeatChange, Seats } from "./seats.ts";
import { Ticks } from "./ticks.ts";
import type { Peer, WebRtc } from "./webrtc.ts";

/** A tick later than this lets the network's callbacks run first: what it waited for may have come. */
const LATE_ENOUGH_TO_LISTEN_MS = 2;
const SHARED_FEED_AFTER_TICKS = SHARED_FEED_AFTER_MS / FRAME_MS;

/** One connection of one speaker, from its packets to its return feed. */
type Speaker = {
	peer: Peer | undefined;
	readonly offer: Offer;
	readonly acceptedMs: MonoMs;
	readonly decoder: OpusDecoder;
	readonly jitter: JitterBuffer;
	readonly received: ReceivedRtp;
	readonly feed: ReturnFeed;
	readonly level: Level;
	readonly mix: MixSeat;
	readonly frame: Float32Array;
	quietTicks: number;
	rtcpAfterMs: number;
	malformedRtcp: number;
};

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
	const sharedAir = new SharedFeed(await createReturnEncoder(false));
	const sharedGreen = new SharedFeed(await createReturnEncoder(false));
	/** Heard for one frame more, fading. */
	let leaving: { speaker: Speaker; seat: Seat<Speaker> }[] = [];
	/** The last RECENT_TICKS frames as published, oldest first. */
	const recent: { tick: number; bytes: Buffer }[] = [];
	/** A connection changed: the next tick reports it. */
	let reportDue = true;
	let running = true;
	/** Commands are done one after another; an accept waits for the engine. */
	let commands: Promise<unknown> = Promise.resolve();

	function letGo({ seat, close }: SeatChange<Speaker>): void {
		reportDue = true;
		const { connection } = seat;
		if (connection.state === "silent") events.lost(seat.seatId, connection.sessionId, "silent");
		if (!close) return;
		if (connection.state === "gone") events.lost(seat.seatId, connection.sessionId, connection.reason);
		close.peer?.[Symbol.dispose]();
		close.peer = undefined;
		events.quality(seat.seatId, { ...close.jitter.counts, packets: close.received.packets });
		leaving.push({ speaker: close, seat });
	}

	function free(speaker: Speaker): void {
		speaker.decoder[Symbol.dispose]();
		speaker.feed[Symbol.dispose]();
	}

	async function accept(command: Extract<StageCommand, { kind: "accept" }>): Promise<StageAnswer> {
		const offer = parseOffer(command.sdp);
		if ("ok" in offer) {
			events.refused(command.seatId, offer.code);
			return offer;
		}
		if (!seats.hasRoomFor(command.seatId)) {
			events.refused(command.seatId, "full");
			return refusal("full", `Cannot seat another speaker: all ${seats.count} seats are taken. Remove one first.`);
		}
		const speaker = await createSpeaker(offer);
		let seat: Seat<Speaker>;
		try {
			speaker.peer = await webRtc.accept(offer, speaker.feed.ssrc, {
				onPacket: (bytes) => takePacket(seat, speaker, bytes),
				onClosed: () => {
					if (seat && seats.closed(seat, speaker)) letGo({ seat, close: speaker });
				},
			});
		} catch (error) {
			free(speaker);
			events.engineFailed(command.seatId, error);
			return refusal("not_reachable", "Cannot open a connection on the media port. Try again.");
		}
		const sdp = writeAnswer(offer, speaker.peer.answer, { ssrc: speaker.feed.ssrc, mediaAddress });
		const change = seats.seat(
			{
				seatId: command.seatId,
				name: command.name,
				settings: { place: command.place, muted: command.muted, gainDb: command.gainDb },
			},
			{ sessionId: command.sessionId, peer: speaker },
			clock.monoMs(),
		);
		seat = change.seat;
		events.seated(command.seatId, command.sessionId, change.close !== undefined);
		letGo(change);
		return { ok: true, sdp };
	}

	async function createSpeaker(offer: Offer): Promise<Speaker> {
		const decoder = await createOpusDecoder();
		const ssrc = Buffer.from(random.bytes(4)).readUInt32BE() || 1;
		return {
			peer: undefined,
			offer,
			acceptedMs: clock.monoMs(),
			decoder,
			jitter: new JitterBuffer(decoder),
			received: new ReceivedRtp(offer.payloadType),
			feed: new ReturnFeed(offer.payloadType, ssrc, await createReturnEncoder(false), random),
			level: new Level(),
			mix: new MixSeat(),
			frame: new Float32Array(FRAME_SAMPLES),
			quietTicks: 0,
			rtcpAfterMs: 0,
			malformedRtcp: 0,
		};
	}

	function takePacket(seat: Seat<Speaker> | undefined, speaker: Speaker, bytes: Buffer): void {
		if (!seat || !speaker.peer || peerOf(seat) !== speaker) return;
		const nowMs = clock.monoMs();
		noteAlive(nowMs);
		if (isRtcp(bytes)) {
			takeReports(seat, speaker, bytes, nowMs);
			return;
		}
		const packet = parseRtp(bytes);
		if (!packet) {
			speaker.received.malformed += 1;
			return;
		}
		const taken = speaker.received.take(packet, nowMs);
		switch (taken.kind) {
			case "ignored":
				return;
			case "flood":
				events.flooded(seat.seatId, seat.connection.sessionId);
				if (seats.closed(seat, speaker)) letGo({ seat, close: speaker });
				return;
			case "packets":
				if (taken.newStream) speaker.jitter.restart();
				speaker.jitter.setLossShare(speaker.received.lossShare);
				for (const one of taken.packets) speaker.jitter.push(one, nowMs, nowMs - (standstillFromMs ?? nowMs));
				if (seats.packet(seat, speaker, nowMs)) {
					events.connected(seat.seatId, seat.connection.sessionId, nowMs - speaker.acceptedMs);
					reportDue = true;
				}
		}
	}

	function takeReports(seat: Seat<Speaker>, speaker: Speaker, bytes: Buffer, nowMs: MonoMs): void {
		const packets = parseRtcp(bytes);
		if (!packets) {
			speaker.malformedRtcp += 1;
			return;
		}
		for (const report of packets) {
			const block = speaker.received.takeReport(report, speaker.feed.ssrc, nowMs, clock.unixMs());
			if (!block) continue;
			const fec = speaker.feed.report(block.lossShare, nowMs);
			if (fec !== undefined) events.returnFec(seat.seatId, fec, block.lossShare);
		}
	}

	function sendReport(speaker: Speaker, nowMs: MonoMs): void {
		if (nowMs < speaker.rtcpAfterMs) return;
		speaker.rtcpAfterMs = nowMs + RTCP_EVERY_MS;
		const block = speaker.received.reportBlock(nowMs);
		const { feed } = speaker;
		const sender =
			feed.packets === 0
				? {}
				: {
						sender: {
							ntp: ntpTime(clock.unixMs()),
							rtpTimestamp: feed.timestamp,
							packets: feed.packets,
							bytes: feed.bytes,
						},
					};
		speaker.peer?.send(writeReport({ ssrc: feed.ssrc, cname: "stage", ...sender, blocks: block ? [block] : [] }));
	}

	const sumAir = new Float32Array(FRAME_SAMPLES);
	const sumGreen = new Float32Array(FRAME_SAMPLES);

	function runTick(tick: number): void {
		const nowMs = (tick * FRAME_MS) as MonoMs;
		const inputs: {
			mix: MixSeat;
			input: Parameters<Mixer["mix"]>[0][number]["input"];
			speaker: Speaker;
			seat: Seat<Speaker>;
		}[] = [];
		let speakerCount = 0;
		for (const seat of seats.all()) {
			const speaker = peerOf(seat);
			if (!speaker) continue;
			speaker.jitter.pull(speaker.frame, nowMs);
			speaker.level.take(speaker.frame);
			if (seat.connection.state === "connected" && seat.settings.place === "air") speakerCount += 1;
			inputs.push({ mix: speaker.mix, input: { samples: speaker.frame, ...seat.settings }, speaker, seat });
		}
		const going = leaving;
		leaving = [];
		for (const { speaker, seat } of going) {
			speaker.jitter.pull(speaker.frame, nowMs);
			const input = { samples: speaker.frame, place: "check" as const, muted: true, gainDb: 0 };
			inputs.push({ mix: speaker.mix, input, speaker, seat });
		}
		mixer.mix(inputs);
		publishFrame(tick, speakerCount);
		sumAir.set(mixer.air);
		bend(sumAir);
		mixer.sumGreen(sumGreen);
		bend(sumGreen);
		for (const { speaker, seat } of inputs) {
			if (!speaker.peer?.isOpen) continue;
			sendFeed(speaker, seat, tick);
			sendReport(speaker, nowMs);
		}
		for (const { speaker } of going) free(speaker);
		sharedAir.rest(sumAir);
		sharedGreen.rest(sumGreen);

		if (tick % REPORT_EVERY_TICKS === 0) {
			for (const change of seats.tick(nowMs)) letGo(change);
			reportDue = true;
		}
		if (reportDue) {
			reportDue = false;
			bus.publish(stageReports(interviewId), writeJson(report()));
		}
	}

	function publishFrame(tick: number, speakerCount: number): void {
		const bytes = encodePcmFrame({ tick, speakerCount, samples: mixer.air });
		recent.push({ tick, bytes });
		if (recent.length > RECENT_TICKS) recent.shift();
		bus.publish(pcmFrames(interviewId), bytes);
	}

	function sendFeed(speaker: Speaker, seat: Seat<Speaker>, tick: number): void {
		let peak = 0;
		for (let i = 0; i < FRAME_SAMPLES; i += 1) peak = Math.max(peak, Math.abs(speaker.frame[i] as number));
		speaker.quietTicks = peak < SHARED_FEED_PEAK ? speaker.quietTicks + 1 : 0;
		if (!speaker.offer.wantsReturn) return;
		const mayShare = speaker.quietTicks >= SHARED_FEED_AFTER_TICKS;
		const { place } = seat.settings;
		const shared =
			!mayShare || place === "check"
				? undefined
				: place === "air"
					? { feed: sharedAir, sum: sumAir }
					: { feed: sharedGreen, sum: sumGreen };
		speaker.peer?.send(speaker.feed.packet(speaker.mix.heard, shared, tick));
	}

	function report(): StageReport {
		return {
			seats: [...seats.all()].map((seat) => {
				const speaker = peerOf(seat);
				const { state, sessionId } = seat.connection;
				const levelDbfs = (speaker?.level.levelDbfs ?? LEVEL_DBFS_MIN) + seat.settings.gainDb;
				return {
					seatId: seat.seatId,
					sessionId,
					...seat.settings,
					connection: state === "connected" || state === "connecting" ? state : "lost",
					levelDbfs: Math.max(LEVEL_DBFS_MIN, round(levelDbfs, 10)),
					speaking: (speaker?.level.speaking ?? false) && !seat.settings.muted && state === "connected",
					packets: speaker?.received.packets ?? 0,
					lossShare: round(speaker?.received.lossShare ?? 0, 10_000),
					jitterMs: round(speaker?.received.jitterMs ?? 0, 10),
					bufferMs: round(speaker?.jitter.bufferMs ?? 0, 10),
					roundTripMs: speaker?.received.roundTripMs == null ? null : round(speaker.received.roundTripMs, 10),
					driftPpm: speaker?.jitter.driftPpm == null ? null : round(speaker.jitter.driftPpm, 10),
				};
			}),
			tickLateP99Ms: round(ticks.lateP99Ms(), 10),
			ticksLost: ticks.lost,
		};
	}

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
				const { iceUfrag, icePwd } = fragment;
				const same =
					(iceUfrag === undefined || iceUfrag === speaker.offer.iceUfrag) &&
					(icePwd === undefined || icePwd === speaker.offer.icePwd);
				return same
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
				if (change) {
					letGo(change);
					events.removed(command.seatId);
				}
				return { ok: true };
			}
		}
	}

	/** When this process last did anything, and since when it had not when it stood still; the latter for the current turn of the event loop. */
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
			noteAlive(clock.monoMs());
			if (clock.monoMs() - ticks.deadlineMs > LATE_ENOUGH_TO_LISTEN_MS) immediate = setImmediate(catchUp);
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
	return {
		async [Symbol.asyncDispose]() {
			running = false;
			wake?.[Symbol.dispose]();
			clearImmediate(immediate);
			for (const answer of answering) answer[Symbol.dispose]();
			await commands;
			for (const seat of [...seats.all()]) {
				const change = seats.remove(seat.seatId);
				if (change) letGo(change);
			}
			for (const { speaker } of leaving) free(speaker);
			sharedAir[Symbol.dispose]();
			sharedGreen[Symbol.dispose]();
		},
	};
}

function noSession(): StageAnswer {
	return refusal("no_such_session", "Cannot find that session: it has ended. Begin a new one.");
}

function round(value: number, steps: number): number {
	return Math.round(value * steps) / steps;
}
