/** The play button, what is true of the sound, and the bar. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { PART_SAMPLES, SAMPLE_RATE_HZ } from "#wire/quantum.ts";
import type { PublicState } from "#wire/state.ts";
import { Icon } from "../look/icons.tsx";
import { Button, Card, Notice } from "../look/parts.tsx";
import type { Player, PlayerView, Trouble } from "../player/index.ts";
import { useWords } from "../words/context.tsx";
import { listenWords } from "../words/listen.ts";
import { duration, position, spokenPosition } from "../words/time.ts";
import { type Bar, bar, type Reader, soundLines } from "./sentences.ts";

const RATES = [1, 1.25, 1.5, 0.8] as const;

type Props = {
	state: PublicState;
	reader: Reader;
	player: Player | undefined;
	view: PlayerView | null;
	trouble: Trouble;
};

export function PlayerCard({ state, reader, player, view, trouble }: Props) {
	const say = useWords(listenWords);
	const { headline, detail, tone } = soundLines(state, view, reader);
	const at = bar(state, view);
	const startSample = (state.programme?.onAirPart ?? 0) * PART_SAMPLES;
	const seekMs = (ms: number) => player?.seekTo(startSample + Math.round((ms * SAMPLE_RATE_HZ) / 1000));
	const playing = view?.intent === "play";
	const following = view?.following !== false && at?.live === true;
	return (
		<section aria-label={say("player")} class="player">
			<Card class="needs-script">
				{view?.missed && at && (
					<Notice
						tone="wait"
						action={
							<Button onClick={() => view.missed && player?.seekTo(view.missed.fromSample)}>
								{say("hear_missed")}
							</Button>
						}
					>
						{say("missed", { time: duration(Math.max(1_000, view.missedMs), reader.language) })}
					</Notice>
				)}
				{trouble !== "none" && <Notice tone="problem">{say(trouble)}</Notice>}
				<div class="player-top">
					<PlayButton state={state} playing={playing} onPress={() => (playing ? player?.pause() : player?.play())} />
					<div class="player-words">
						<p class="player-headline">{headline}</p>
						<p class="player-detail" data-tone={tone}>
							{detail}
						</p>
					</div>
				</div>
				<p class="for-ears" role="status">
					{tone === "wait" ? `${headline} ${detail}` : ""}
				</p>
				{at && (
					<>
						<PositionBar at={at} view={view} reader={reader} onSeekMs={seekMs} onLive={() => player?.goLive()} />
						<div class="player-ends">
							<button type="button" class="player-end" onClick={() => seekMs(0)}>
								{say("from_the_start")}
							</button>
							<RateButton player={player} view={view} following={following} language={reader.language} />
							{at.live ? (
								<button
									type="button"
									class="player-end"
									aria-current={following && playing ? "true" : undefined}
									onClick={() => {
										player?.goLive();
										if (!playing) player?.play();
									}}
								>
									{following ? say("live") : say("to_live")} {at.lengthMs > 0 && position(at.lengthMs)}
								</button>
							) : (
								<span class="player-end">{position(at.lengthMs)}</span>
							)}
						</div>
					</>
				)}
			</Card>
			{!player && <Unscripted state={state} />}
		</section>
	);
}

/** Fewer bytes for the same words. */
export function SaverChoice({ player, view }: { player: Player | undefined; view: PlayerView | null }) {
	const say = useWords(listenWords);
	return (
		<label class="saver note needs-script">
			<input
				type="checkbox"
				checked={view?.saver ?? false}
				onChange={(event) => player?.setSaver(event.currentTarget.checked)}
			/>
			<span>{say("saver")}</span>
		</label>
	);
}

function PlayButton({ state, playing, onPress }: { state: PublicState; playing: boolean; onPress: () => void }) {
	const say = useWords(listenWords);
	const early = !state.programme && state.phase !== "ended";
	let label = say(early ? "play_when_begun" : "play");
	if (playing) label = say(early ? "do_not_wait" : "pause");
	return (
		<button type="button" class="play" aria-label={label} onClick={onPress}>
			<Icon name={playing ? "pause" : "play"} />
		</button>
	);
}

function RateButton({
	player,
	view,
	following,
	language,
}: {
	player: Player | undefined;
	view: PlayerView | null;
	following: boolean;
	language: Reader["language"];
}) {
	const say = useWords(listenWords);
	const rate = following ? 1 : (view?.userRate ?? 1);
	const written = `${new Intl.NumberFormat(language).format(rate)}×`;
	return (
		<Button
			class="rate"
			disabled={following}
			title={following ? say("rate_live", { rate: written }) : undefined}
			aria-label={say(following ? "rate_live" : "rate", { rate: written })}
			onClick={() => {
				const next = RATES[(RATES.indexOf(rate as (typeof RATES)[number]) + 1) % RATES.length] as number;
				player?.setRate(next);
			}}
		>
			{written}
		</Button>
	);
}

/** Arrow keys move by this; page keys by six times as much. */
const STEP_MS = 10_000;

function PositionBar({
	at,
	view,
	reader,
	onSeekMs,
	onLive,
}: {
	at: Bar;
	view: PlayerView | null;
	reader: Reader;
	onSeekMs: (ms: number) => void;
	onLive: () => void;
}) {
	const say = useWords(listenWords);
	const input = useRef<HTMLInputElement>(null);
	const [draggedMs, setDraggedMs] = useState<number>();
	const { language } = reader;
	const shownMs = draggedMs ?? at.atMs;
	const lengthMs = Math.max(1_000, at.lengthMs);
	// Through the style object: a style attribute would need a hole in the content security policy.
	useLayoutEffect(() => {
		input.current?.style.setProperty("--filled", String(Math.min(1, shownMs / lengthMs)));
	}, [shownMs, lengthMs]);
	const spoken = spokenPosition(shownMs, language);
	const text =
		at.live && view?.behindMs != null && draggedMs === undefined
			? say("bar_text_live", { position: spoken, behind: duration(view.behindMs, language, "long") })
			: say("bar_text", { position: spoken, length: spokenPosition(lengthMs, language) });
	return (
		<div class="bar">
			<input
				ref={input}
				type="range"
				min={0}
				max={Math.round(lengthMs)}
				step={1}
				value={Math.round(shownMs)}
				aria-label={say("bar")}
				aria-valuetext={text}
				onInput={(event) => setDraggedMs(Number(event.currentTarget.value))}
				onChange={(event) => {
					setDraggedMs(undefined);
					onSeekMs(Number(event.currentTarget.value));
				}}
				onKeyDown={(event) => {
					const to = keyTarget(event.key, at);
					if (to === undefined) return;
					event.preventDefault();
					if (to === "live") onLive();
					else onSeekMs(to);
				}}
			/>
			{draggedMs !== undefined && (
				<output class="bar-hint" aria-hidden="true">
					{position(draggedMs)}
				</output>
			)}
		</div>
	);
}

function keyTarget(key: string, at: Bar): number | "live" | undefined {
	const to = (ms: number) => Math.min(at.lengthMs, Math.max(0, ms));
	switch (key) {
		case "ArrowLeft":
		case "ArrowDown":
			return to(at.atMs - STEP_MS);
		case "ArrowRight":
		case "ArrowUp":
			return to(at.atMs + STEP_MS);
		case "PageDown":
			return to(at.atMs - 6 * STEP_MS);
		case "PageUp":
			return to(at.atMs + 6 * STEP_MS);
		case "Home":
			return 0;
		case "End":
			return at.live ? "live" : at.lengthMs;
		default:
			return undefined;
	}
}

/** What plays where no script runs: the browser's own controls. Rendered by the server alone: a script would make it real. */
function Unscripted({ state }: { state: PublicState }) {
	const say = useWords(listenWords);
	const base = `/i/${state.slug}`;
	if (!state.programme) return null;
	const ended = state.programme.endPart !== null;
	return (
		<noscript>
			<Card>
				<audio controls preload="none">
					{ended ? (
						<>
							<source src={`${base}/recording.m4a`} type="audio/mp4" />
							<source src={`${base}/recording.mp3`} type="audio/mpeg" />
						</>
					) : (
						<>
							{/* First what every browser plays: Chromium's own HLS takes it from one codec to the other and fails. */}
							<source src={`${base}/live.mp3`} type="audio/mpeg" />
							<source src={`${base}/hls/index.m3u8`} type="application/vnd.apple.mpegurl" />
						</>
					)}
				</audio>
				<p class="note quiet">{say("without_script")}</p>
				<p class="note">
					<a href={base}>{say("reload")}</a>
				</p>
			</Card>
		</noscript>
	);
}
