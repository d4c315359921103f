import { type Clock, FakeClock, packPieces, type Random, seededRandom, silentLog } from "#base/index.ts";
import { type Bus, LocalHub } from "#bus/index.ts";
import { type Kept, Mirror, type MirrorStore, type Standby } from "#database/index.ts";
import { OWNER, SeatTokens } from "#people/index.ts";
import {
	type BroadcastCommand,
	broadcastCommand,
	broadcastCommands,
	broadcastReports,
	edgeSync,
	HOUSE_SYNC,
	PART_MS,
	type ProcessStatus,
	type ProgrammeTimeline,
	programmeTail,
	readJson,
	type StageAnswer,
	type StageCommand,
	type StageReport,
	SUPERVISOR_COMMAND,
	SUPERVISOR_REPORT,
	type SupervisorAnswer,
	type SupervisorReport,
	stageCommand,
	stageCommands,
	stageReports,
	supervisorCommand,
	timelines,
	writeJson,
} from "#wire/index.ts";
import { createAnnounce, type Draft } from "./announce.ts";
import { Counters, createInterviewEvents } from "./events.ts";
import { type Interview, parseInterview } from "./interview.ts";
import { Live } from "./live.ts";

const EMPTY = new Uint8Array(0);

/** Keeps the contract of a store: an older version never replaces a newer one. */
export class FakeInterviewStore implements MirrorStore<Interview> {
	readonly rows = new Map<string, Kept<Interview>>();
	away = false;

	async load() {
		if (this.away) throw new Error("the database is away");
		return [...this.rows.values()];
	}

	async write(kept: Kept<Interview>) {
		if (this.away) throw new Error("the database is away");
		if ((this.rows.get(kept.value.interviewId)?.version ?? -1) > kept.version) return;
		this.rows.set(kept.value.interviewId, { ...kept, value: parseInterview(JSON.parse(JSON.stringify(kept.value))) });
	}
}

/** What a file would hold. */
class MemoryStandby implements Standby {
	#text: string | undefined;

	async read() {
		return this.#text;
	}

	async replace(text: string) {
		this.#text = text;
	}
}

type Shown = StageReport["seats"][number];

/** A stage that seats whoever offers, as the real one does: a seat has one connection, and `full` comes from its own bound. */
export class FakeStage {
	readonly commands: StageCommand[] = [];
	readonly seats = new Map<string, Shown>();
	/** What the next `accept` or `patch` is answered with instead. */
	refuseNext: StageAnswer | undefined;
	readonly #bus: Bus;
	readonly #interviewId: string;
	readonly #responding: Disposable;

	constructor(bus: Bus, interviewId: string) {
		this.#bus = bus;
		this.#interviewId = interviewId;
		this.#responding = bus.respond(stageCommands(interviewId), (payload) =>
			writeJson(this.#answer(readJson(stageCommand, payload))),
		);
	}

	report(): void {
		const report: StageReport = { seats: [...this.seats.values()], tickLateP99Ms: 0, ticksLost: 0 };
		this.#bus.publish(stageReports(this.#interviewId), writeJson(report));
	}

	[Symbol.dispose](): void {
		this.#responding[Symbol.dispose]();
	}

	#answer(command: StageCommand): StageAnswer {
		this.commands.push(command);
		const refused = this.refuseNext;
		if (refused && (command.kind === "accept" || command.kind === "patch")) {
			this.refuseNext = undefined;
			return refused;
		}
		switch (command.kind) {
			case "accept": {
				const { seatId, sessionId, place, muted, gainDb } = command;
				this.seats.set(seatId, {
					seatId,
					sessionId,
					place,
					muted,
					gainDb,
					connection: "connected",
					levelDbfs: -30,
					speaking: false,
					packets: 1,
					lossShare: 0,
					jitterMs: 1,
					bufferMs: 20,
					roundTripMs: 5,
					driftPpm: null,
				});
				return { ok: true, sdp: `v=0\r\na=answer-to:${sessionId}\r\n` };
			}
			case "patch": {
				if (![...this.seats.values()].some((seat) => seat.sessionId === command.sessionId)) {
					return { ok: false, code: "no_such_session", detail: "gone" };
				}
				return command.fragment.includes("a=ice-ufrag:new") ? { ok: true, sdp: "a=ice-ufrag:ours\r\n" } : { ok: true };
			}
			case "seat": {
				const seat = this.seats.get(command.seatId);
				const { place, muted, gainDb } = command;
				if (seat) this.seats.set(command.seatId, { ...seat, place, muted, gainDb });
				return { ok: true };
			}
			case "leave":
				for (const [seatId, seat] of this.seats) {
					if (seat.sessionId === command.sessionId) this.seats.set(seatId, { ...seat, connection: "lost" });
				}
				return { ok: true };
			case "remove":
				this.seats.delete(command.seatId);
				return { ok: true };
		}
	}
}

/** A programme that keeps its timeline over restarts, as the real one does on its disk. */
export class FakeBroadcast {
	readonly commands: BroadcastCommand[] = [];
	readonly timeline: { -readonly [Key in keyof ProgrammeTimeline]: ProgrammeTimeline[Key] };
	readonly #bus: Bus;
	readonly #clock: Clock;
	readonly #responding = new DisposableStack();

	constructor(bus: Bus, clock: Clock, interviewId: string, before: ProgrammeTimeline | undefined) {
		this.#bus = bus;
		this.#clock = clock;
		const track = { codecs: "opus", bitrateBps: 48_000, init: "" };
		this.timeline = before ?? {
			version: 1,
			interviewId,
			pathKey: `path-${interviewId}`,
			epochUnixMs: clock.unixMs(),
			tracks: { opus48: track, opus24: track, aac64: track },
			cuts: [0],
			onAirPart: null,
			endPart: null,
			gaps: [],
			recording: null,
		};
		this.#responding.use(
			bus.respond(broadcastCommands(interviewId), (payload) => {
				const command = readJson(broadcastCommand, payload);
				this.commands.push(command);
				return writeJson(this.#answer(command));
			}),
		);
		this.#responding.use(bus.respond(programmeTail(interviewId), () => packPieces(this.timeline, [])));
		this.#tell();
	}

	get partIndex(): number {
		return Math.max(0, Math.floor((this.#clock.unixMs() - this.timeline.epochUnixMs) / PART_MS));
	}

	report(): void {
		const report = {
			partIndex: this.partIndex,
			onAir: this.timeline.onAirPart !== null && this.timeline.endPart === null,
			shortTermLufs: null,
			integratedLufs: null,
			truePeakDbtp: null,
			missedFrames: 0,
			tickLateP99Ms: 0,
			disk: "ok",
			holding: false,
		};
		this.#bus.publish(broadcastReports(this.timeline.interviewId), writeJson(report));
	}

	[Symbol.dispose](): void {
		this.#responding.dispose();
	}

	#answer(command: BroadcastCommand): unknown {
		const { timeline } = this;
		switch (command.kind) {
			case "on_air":
				if (timeline.onAirPart === null) {
					timeline.onAirPart = this.partIndex + 1;
					timeline.cuts = [0, timeline.onAirPart];
					this.#tell();
				}
				return { onAirPart: timeline.onAirPart, onAirUnixMs: timeline.epochUnixMs + timeline.onAirPart * PART_MS };
			case "end": {
				timeline.endPart ??= Math.max(this.partIndex, (timeline.onAirPart ?? 0) + 1);
				const durationMs = timeline.onAirPart === null ? 0 : (timeline.endPart - timeline.onAirPart) * PART_MS;
				if (timeline.onAirPart !== null) timeline.recording = { m4aBytes: 1, oggBytes: 1, durationMs };
				this.#tell();
				return { endPart: timeline.onAirPart === null ? null : timeline.endPart, durationMs };
			}
			default:
				return {};
		}
	}

	#tell(): void {
		this.#bus.publish(timelines(this.timeline.interviewId), writeJson(this.timeline));
	}
}

/** Supervisor, stages, broadcasts, house and an edge, all of them fake, on one bus. */
export class FakeProcesses {
	readonly clock: Clock;
	readonly hub: LocalHub;
	readonly stages = new Map<string, FakeStage>();
	readonly broadcasts = new Map<string, FakeBroadcast>();
	/** Timelines as the disk keeps them. */
	readonly disk = new Map<string, ProgrammeTimeline>();
	/** Who has been asked to take everything sent before. */
	readonly synced: string[] = [];
	/** Processes that have been asked for and do not come up. */
	readonly broken = new Set<"stage" | "broadcast">();
	readonly #bus: Bus;
	readonly #startedUnixMs = new Map<string, number>();

	constructor(clock: Clock) {
		this.clock = clock;
		this.hub = new LocalHub(clock);
		this.#bus = this.hub.connect();
		this.#bus.respond(SUPERVISOR_COMMAND, (payload) => {
			const command = readJson(supervisorCommand, payload);
			if (command.kind === "status") return writeJson(this.status());
			const { interviewId } = command;
			if (command.kind === "close") this.stop(interviewId);
			if (command.kind === "open_stage") this.startStage(interviewId);
			if (command.kind === "open_broadcast") this.startBroadcast(interviewId);
			return writeJson({ ok: true } satisfies SupervisorAnswer);
		});
		this.#bus.respond(HOUSE_SYNC, () => {
			this.synced.push("house");
			return EMPTY;
		});
		this.#bus.respond(edgeSync(0), () => {
			this.synced.push("edge-0");
			return EMPTY;
		});
	}

	startStage(interviewId: string): void {
		if (this.broken.has("stage") || this.stages.has(interviewId)) return;
		this.stages.set(interviewId, new FakeStage(this.hub.connect(), interviewId));
		const name = `stage-${interviewId}`;
		this.#startedUnixMs.set(name, (this.#startedUnixMs.get(name) ?? 0) + 1);
	}

	startBroadcast(interviewId: string): void {
		if (this.broken.has("broadcast") || this.broadcasts.has(interviewId)) return;
		const broadcast = new FakeBroadcast(this.hub.connect(), this.clock, interviewId, this.disk.get(interviewId));
		this.broadcasts.set(interviewId, broadcast);
		this.disk.set(interviewId, broadcast.timeline);
	}

	stopStage(interviewId: string): void {
		this.stages.get(interviewId)?.[Symbol.dispose]();
		this.stages.delete(interviewId);
	}

	stopBroadcast(interviewId: string): void {
		this.broadcasts.get(interviewId)?.[Symbol.dispose]();
		this.broadcasts.delete(interviewId);
	}

	stop(interviewId: string): void {
		this.stopStage(interviewId);
		this.stopBroadcast(interviewId);
	}

	status(): SupervisorReport {
		const names = [
			...[...this.stages.keys()].map((id) => `stage-${id}`),
			...[...this.broadcasts.keys()].map((id) => `broadcast-${id}`),
		];
		const processes = names.map((name): ProcessStatus => {
			const startedUnixMs = this.#startedUnixMs.get(name) ?? 1;
			return { name, pid: 1, state: "running", startedUnixMs, restarts: 0, lastExit: null, rssBytes: null };
		});
		return { processes, disk: { freeBytes: 1, totalBytes: 1 }, warnings: [] };
	}

	/** Everybody reports, as they do several times a second. */
	report(): void {
		for (const stage of this.stages.values()) stage.report();
		for (const broadcast of this.broadcasts.values()) broadcast.report();
		this.#bus.publish(SUPERVISOR_REPORT, writeJson(this.status()));
	}
}

/** The fake processes around a real `Live` whose clock stands still until a test lets time pass. */
export class FakePlatform extends FakeProcesses {
	declare readonly clock: FakeClock;
	readonly random: Random = seededRandom(1);
	readonly store = new FakeInterviewStore();
	readonly standby = new MemoryStandby();
	readonly tokens = new SeatTokens(new Uint8Array(32).fill(7));
	readonly counters = new Counters();
	readonly events = createInterviewEvents(silentLog, this.counters);
	liveInterviewsMax = 2;
	interviews!: Mirror<Interview>;
	live!: Live;
	#controlBus: Bus | undefined;

	static async run(work: (platform: FakePlatform) => Promise<void>): Promise<void> {
		const platform = new FakePlatform(new FakeClock());
		try {
			await platform.startControl();
			await work(platform);
		} finally {
			await platform.stopControl();
		}
	}

	/** The announcement as people make it. */
	get announce() {
		const { interviews, clock, random } = this;
		return createAnnounce({ interviews, clock, random, staffUrl: "http://staff.test" });
	}

	async startControl(): Promise<void> {
		const { clock, random, events, store, standby, liveInterviewsMax } = this;
		this.interviews = await Mirror.open<Interview>({
			standby,
			keyOf: (interview) => interview.interviewId,
			parse: parseInterview,
			keepInStandby: () => true,
			store,
			clock,
			events: { storeLost: () => {}, storeReturned: () => {}, standbyFailed: () => {} },
		});
		const bus = this.hub.connect();
		this.#controlBus = bus;
		const { interviews } = this;
		this.live = new Live({ clock, random, bus, interviews, liveInterviewsMax, edgeWorkers: 1, events });
		await this.drive(this.live.start());
	}

	/** Ends control's memory; what runs goes on. */
	async stopControl(): Promise<void> {
		await this.live[Symbol.asyncDispose]();
		await this.#controlBus?.[Symbol.asyncDispose]();
		await this.interviews[Symbol.asyncDispose]();
	}

	async announced(draft: Partial<Draft> = {}): Promise<Interview> {
		const created = await this.announce.create(
			{
				title: "A talk",
				description: "",
				announcedStartUnixMs: this.clock.unixMs() + 3_600_000,
				timeZone: "Europe/Berlin",
				listed: true,
				expectedMinutes: 60,
				people: [{ name: "Guest", role: "guest" }],
				...draft,
			},
			OWNER,
		);
		if (!created.ok) throw new Error(created.detail);
		return created.interview;
	}

	/** The interview as it is now. */
	now(interview: Interview): Interview {
		return this.interviews.get(interview.interviewId) as Interview;
	}

	/** Time passes: the processes report, and what they cause comes to an end. */
	async pass(ms: number): Promise<void> {
		for (let passedMs = 0; passedMs < ms; passedMs += 200) {
			this.report();
			await breathe();
			this.clock.advance(Math.min(200, ms - passedMs));
			await breathe();
		}
	}

	/** Lets time pass until `promise` settles. */
	async drive<T>(promise: Promise<T>): Promise<T> {
		let settled = false;
		const done = promise.finally(() => {
			settled = true;
		});
		done.catch(() => {});
		for (let step = 0; !settled; step += 1) {
			if (step > 5_000) throw new Error("It does not come to an end");
			await breathe();
			if (settled || step % 5 !== 4) continue;
			this.report();
			this.clock.advance(20);
		}
		return done;
	}
}

/** One turn of the event loop: messages are delivered, and what they cause. */
function breathe(): Promise<void> {
	return new Promise((resolve) => setImmediate(resolve));
}
