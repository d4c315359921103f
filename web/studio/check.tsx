import { useEffect, useRef, useState } from "preact/hooks";
import { Button, Check, Meter } from "../look/parts.tsx";
import {
	type Echo,
	echoIsHeard,
	findEcho,
	MicrophoneCheck,
	type MicrophoneProblem,
	NetworkCheck,
	type NetworkProblem,
	type NetworkReading,
	PROBE_COUNT,
	PROBE_PERIOD_MS,
	probe,
	SPEECH_MIN_MS,
} from "../preflight/index.ts";
import { useLanguage, useWords } from "../words/context.tsx";
import { preflightWords } from "../words/staff-preflight.ts";
import { studioWords } from "../words/staff-studio.ts";
import { clockTime } from "../words/time.ts";
import { ChooseInput, MicrophoneTrouble } from "./gate.tsx";
import { Settings } from "./settings.tsx";
import type { Studio } from "./studio.ts";

/** Speech we ask for: a little more than a verdict needs. */
const SPEECH_WANTED_MS = SPEECH_MIN_MS + 1_500;
/** Somebody who says nothing gets a verdict too. */
const VOICE_MAX_MS = 12_000;
const LOOK_MS = 250;
/** After nobody was heard: louder than this is somebody. Over what was too little to be heard, so that it is not tried for ever. */
const VOICE_AGAIN_DBFS = -50;
/** A probe is scheduled this far ahead, so that no part of it is late. */
const PROBE_LEAD_S = 0.1;
/** Doors open this long before the announced start; the stage exists from then on. */
const DOORS_BEFORE_START_MS = 15 * 60_000;

type VoiceStep =
	| { readonly state: "waiting" }
	| { readonly state: "running"; readonly speechMs: number }
	| { readonly state: "done"; readonly problems: readonly MicrophoneProblem[]; readonly bandwidthHz: number | null };
type SpeakerStep =
	| { readonly state: "waiting" | "running" | "skipped" }
	| { readonly state: "done"; readonly echo: boolean };
type LineStep =
	| { readonly state: "running" }
	| { readonly state: "done"; readonly problems: readonly NetworkProblem[]; readonly reading: NetworkReading };

/** Pre-flight: voice, then loudspeaker, and the line meanwhile. Each ends in one sentence and, where needed, its repair. */
export function PreflightCheck({ studio }: { studio: Studio }) {
	const say = useWords(preflightWords);
	const sayStudio = useWords(studioWords);
	const language = useLanguage();
	const [voice, setVoice] = useState<VoiceStep>({ state: "waiting" });
	const [speaker, setSpeaker] = useState<SpeakerStep>({ state: "waiting" });
	const [line, setLine] = useState<LineStep>({ state: "running" });
	const [round, setRound] = useState(0);
	const heading = useRef<HTMLHeadingElement>(null);
	const microphone = studio.microphone.value;
	const ready = microphone.state === "ready" || microphone.state === "interrupted";
	const deviceId = ready ? microphone.deviceId : "";
	const raw = studio.raw.value;
	const snapshot = studio.snapshot.value;
	const doorsUnixMs = (snapshot?.announcedStartUnixMs ?? 0) - DOORS_BEFORE_START_MS;
	const notOpen = snapshot?.phase === "announced" && !snapshot.stageReady;

	useEffect(() => heading.current?.focus(), []);

	// Voice and loudspeaker, anew for each device, each setting and each wish to check again.
	useEffect(() => {
		if (!ready) return;
		const stop = new AbortController();
		setVoice({ state: "running", speechMs: 0 });
		setSpeaker({ state: "waiting" });
		void (async () => {
			if (!raw) await studio.judgeMicrophone(true);
			if (stop.signal.aborted) return;
			const heard = await checkVoice(studio, stop.signal, (speechMs) => setVoice({ state: "running", speechMs }));
			if (!heard) return;
			if (isHopeless(heard.problems)) {
				setVoice({ state: "done", ...heard });
				setSpeaker({ state: "skipped" });
				// A switch that is turned on, a person who begins to speak: the check begins anew by itself.
				if (await voiceIsHeard(studio, stop.signal)) setRound((before) => before + 1);
				return;
			}
			if (!raw) await studio.judgeMicrophone(false);
			if (stop.signal.aborted) return;
			setVoice({ state: "done", ...heard });
			setSpeaker({ state: "running" });
			const echo = await checkSpeaker(studio, stop.signal);
			if (echo !== undefined) setSpeaker({ state: "done", echo });
		})();
		return () => {
			stop.abort();
			studio.voice.onBlock = undefined;
			if (!raw) void studio.judgeMicrophone(false);
		};
	}, [ready, deviceId, raw, round]);

	// The line, as long as this page is open: a cable that is plugged in turns the verdict.
	useEffect(() => {
		let check = new NetworkCheck();
		let receivedBefore = 0;
		const timer = window.setInterval(async () => {
			if (notOpen) {
				check = new NetworkCheck();
				return setLine({ state: "running" });
			}
			const way = await studio.statistics();
			const { connection } = studio;
			const { state } = connection.value;
			// A connection made anew counts from zero: so does the check of it.
			if (way && way.packetsReceived < receivedBefore && check.reading.connected) check = new NetworkCheck();
			receivedBefore = way?.packetsReceived ?? 0;
			check.push(
				{
					httpWorks: state === "connecting" || state === "connected" || studio.fresh.value,
					iceConnected: way?.iceConnected ?? false,
					packetsReceived: way?.packetsReceived ?? 0,
					packetsLost: way?.packetsLost ?? 0,
					roundTripMs: way?.roundTripMs ?? null,
					uplinkLossShare: way?.uplinkLossShare ?? null,
					jitterMs: way?.jitterMs ?? null,
				},
				performance.now(),
			);
			if (check.done) setLine({ state: "done", problems: check.problems, reading: check.reading });
		}, LOOK_MS);
		return () => window.clearInterval(timer);
	}, [round, notOpen]);

	const finished =
		voice.state === "done" &&
		(speaker.state === "done" || speaker.state === "skipped") &&
		(line.state === "done" || notOpen);
	const clean =
		finished &&
		voice.problems.length === 0 &&
		speaker.state === "done" &&
		!speaker.echo &&
		(notOpen || (line.state === "done" && line.problems.length === 0));

	return (
		<section class="studio-narrow" aria-labelledby="check-title">
			<h1 id="check-title" tabIndex={-1} ref={heading}>
				{say("title")}
			</h1>
			<p class="quiet">{say("intro")}</p>
			<MicrophoneTrouble studio={studio} />
			<ol class="checks">
				<Step
					name="voice"
					title={say("step_voice")}
					state={stateOf(voice.state, voice.state === "done" && voice.problems.length > 0)}
				>
					<Meter levelDbfs={studio.voice.levelDbfs.value} label={sayStudio("desk")} />
					{voice.state === "running" && (
						<>
							<p class="prompt">{say("say_something")}</p>
							<p class="small quiet">
								{say("heard_so_far", {
									s: Math.min(SPEECH_WANTED_MS, voice.speechMs) / 1_000,
									wanted: SPEECH_WANTED_MS / 1_000,
								})}
							</p>
						</>
					)}
					{voice.state === "done" && voice.problems.length === 0 && <p>{say("voice_good")}</p>}
					{voice.state === "done" &&
						voice.problems.map((problem) => (
							<Verdict
								key={problem}
								problem={problem}
								sentence={
									problem === "telephone_quality"
										? say(problem, { khz: Math.round((voice.bandwidthHz ?? 4_000) / 1_000) })
										: say(problem)
								}
								repair={say(`${problem}_repair`)}
							/>
						))}
					<ChooseInput studio={studio} />
				</Step>
				<Step
					name="speaker"
					title={say("step_speaker")}
					state={stateOf(speaker.state, speaker.state === "done" && speaker.echo)}
				>
					{speaker.state === "running" && <p class="prompt">{say("now_quiet")}</p>}
					{speaker.state === "skipped" && <p class="quiet">{say("speaker_skipped")}</p>}
					{speaker.state === "done" && speaker.echo && (
						<Verdict problem="echo" sentence={say("echo")} repair={say(raw ? "echo_repair_raw" : "echo_repair")} />
					)}
					{speaker.state === "done" && !speaker.echo && <p>{say("speaker_good")}</p>}
					{speaker.state === "done" && <p class="small quiet">{say("did_you_hear")}</p>}
					<Settings studio={studio} part="output" />
				</Step>
				<Step
					name="line"
					title={say("step_line")}
					state={stateOf(line.state, line.state === "done" && line.problems.length > 0)}
				>
					{notOpen ? (
						<p class="quiet">{say("line_later", { time: clockTime(doorsUnixMs, language) })}</p>
					) : (
						line.state === "running" && <p class="quiet">{say("listening_line")}</p>
					)}
					{line.state === "done" && line.problems.length === 0 && (
						<p>
							{line.reading.roundTripMs === null
								? say("line_good_plain")
								: say("line_good", { ms: Math.round(line.reading.roundTripMs) })}
						</p>
					)}
					{line.state === "done" &&
						line.problems.map((problem) => (
							<Verdict
								key={problem}
								problem={problem}
								sentence={lineSentence(say, problem, line.reading)}
								repair={say(`${problem}_repair`)}
							/>
						))}
				</Step>
			</ol>
			<Check checked={raw} onChange={(on) => studio.setRaw(on)}>
				{sayStudio("i_wear_headphones")}
				<br />
				<span class="small quiet">{sayStudio("i_wear_headphones_hint")}</span>
			</Check>
			<div class="actions" role="group">
				<Button kind={finished ? "act" : "plain"} size="large" square onClick={() => void studio.enterGreenRoom()}>
					{say(clean ? "enter" : finished ? "enter_anyway" : "skip")}
				</Button>
				{finished && (
					<Button size="large" square onClick={() => setRound(round + 1)}>
						{say("again")}
					</Button>
				)}
			</div>
		</section>
	);
}

type Shown = "waiting" | "running" | "skipped" | "good" | "problem";

function stateOf(state: "waiting" | "running" | "skipped" | "done", problem: boolean): Shown {
	if (state === "done") return problem ? "problem" : "good";
	return state;
}

function Step({
	name,
	title,
	state,
	children,
}: {
	name: string;
	title: string;
	state: Shown;
	children: preact.ComponentChildren;
}) {
	const say = useWords(preflightWords);
	return (
		<li class="check-step card" data-check={name} data-state={state}>
			<h2>
				{title} <span class="check-state">{say(`state_${state}`)}</span>
			</h2>
			<div class="stack" aria-live="polite">
				{children}
			</div>
		</li>
	);
}

function Verdict({ problem, sentence, repair }: { problem: string; sentence: string; repair: string }) {
	return (
		<p class="verdict" data-problem={problem}>
			<strong>{sentence}</strong> {repair}
		</p>
	);
}

function lineSentence(
	say: ReturnType<typeof useWords<typeof preflightWords>>,
	problem: NetworkProblem,
	reading: NetworkReading,
): string {
	if (problem === "loss") return say(problem, { percent: Math.max(1, Math.round(reading.lossShare * 100)) });
	if (problem === "round_trip_long") return say(problem, { ms: Math.round(reading.roundTripMs ?? 0) });
	return say(problem);
}

/** Listens until enough was said. @returns undefined when it was stopped. */
function checkVoice(
	studio: Studio,
	stop: AbortSignal,
	onSpeech: (speechMs: number) => void,
): Promise<{ problems: MicrophoneProblem[]; bandwidthHz: number | null } | undefined> {
	return new Promise((resolve) => {
		const check = new MicrophoneCheck(studio.voice.context.sampleRate, !studio.raw.value);
		let beganMs: number | undefined;
		studio.voice.onBlock = (block) => {
			// Counted from the first block: a browser may hold the sound back until something is pressed.
			beganMs ??= performance.now();
			check.push(block);
		};
		const timer = window.setInterval(() => {
			const { speechMs, bandwidthHz } = check.reading;
			onSpeech(speechMs);
			const { problems } = check;
			const enough =
				speechMs >= SPEECH_WANTED_MS || performance.now() - (beganMs ?? Number.POSITIVE_INFINITY) > VOICE_MAX_MS;
			if (!isHopeless(problems) && !enough) return;
			done();
			// After the time is up without a voice, the reason is that none was heard.
			const unheard = problems.length === 0 && speechMs < SPEECH_MIN_MS;
			resolve({ problems: unheard ? ["mic_not_heard"] : problems, bandwidthHz });
		}, LOOK_MS);
		const done = () => {
			window.clearInterval(timer);
			studio.voice.onBlock = undefined;
		};
		stop.addEventListener("abort", () => {
			done();
			resolve(undefined);
		});
	});
}

/** Nothing can be said of a voice that does not arrive. */
function isHopeless(problems: readonly MicrophoneProblem[]): boolean {
	return problems.includes("mic_silent") || problems.includes("mic_not_heard");
}

/** @returns whether something was heard, after however long; false when it was stopped. */
function voiceIsHeard(studio: Studio, stop: AbortSignal): Promise<boolean> {
	return new Promise((resolve) => {
		const finish = (heard: boolean) => {
			window.clearInterval(timer);
			resolve(heard);
		};
		const timer = window.setInterval(() => {
			if (studio.voice.levelDbfs.value > VOICE_AGAIN_DBFS) finish(true);
		}, LOOK_MS);
		stop.addEventListener("abort", () => finish(false), { once: true });
	});
}

/** Plays the probes through the chosen output and looks for them in the microphone. @returns undefined when stopped. */
async function checkSpeaker(studio: Studio, stop: AbortSignal): Promise<boolean | undefined> {
	const { context } = studio.voice;
	const sent = probe(context.sampleRate);
	const buffer = context.createBuffer(1, sent.length, context.sampleRate);
	buffer.copyToChannel(sent, 0);
	await routeTo(context, studio.headphones.outputId.value);
	const period = Math.round((context.sampleRate * PROBE_PERIOD_MS) / 1_000);
	const echoes: (Echo | undefined)[] = [];
	for (let n = 0; n < PROBE_COUNT; n += 1) {
		const heard = new Float32Array(period);
		// In the context's own time, so that a busy page measures the same delay as an idle one.
		const startFrame = Math.round((context.currentTime + PROBE_LEAD_S) * context.sampleRate);
		const source = new AudioBufferSourceNode(context, { buffer });
		const gain = new GainNode(context, { gain: studio.headphones.volume.value });
		source.connect(gain).connect(context.destination);
		source.start(startFrame / context.sampleRate);
		await new Promise<void>((resolve) => {
			// A context that the browser keeps suspended delivers nothing: give up rather than wait for ever.
			const timer = window.setTimeout(resolve, 3 * PROBE_PERIOD_MS);
			const finish = () => {
				window.clearTimeout(timer);
				resolve();
			};
			stop.addEventListener("abort", finish, { once: true });
			studio.voice.onBlock = (block, frame) => {
				for (let i = 0; i < block.length; i += 1) {
					const at = frame + i - startFrame;
					if (0 <= at && at < period) heard[at] = block[i] as number;
				}
				if (frame + block.length >= startFrame + period) finish();
			};
		});
		studio.voice.onBlock = undefined;
		source.disconnect();
		if (stop.aborted) return undefined;
		echoes.push(findEcho(heard, context.sampleRate));
	}
	return echoIsHeard(echoes);
}

async function routeTo(context: AudioContext, deviceId: string): Promise<void> {
	try {
		await (context as AudioContext & { setSinkId?: (id: string) => Promise<void> }).setSinkId?.(deviceId);
	} catch {
		// The system's own output then.
	}
}
